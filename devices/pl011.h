// PrimeCell UART (PL011), revision r1p1: Arm DDI 0183.
#pragma once
#include <array>
#include <atomic>

#include "devices/registry.h"

namespace ferry::devices {

class Pl011 : public Device {
 public:
  explicit Pl011(const DeviceContext& context);
  ~Pl011() override;

 protected:
  void on_reset() override;
  void visit_state(Archive& archive) override;
  void after_access() override;
  void after_unlock() override;

 private:
  // One received character with its error bits, as UARTDR shows it.
  using Character = u16;
  struct Fifo {
    static constexpr unsigned kDepth = 16;
    std::array<Character, kDepth> slots{};
    u32 first = 0;
    u32 size = 0;
    void push(Character c) { slots[(first + size++) % kDepth] = c; }
    Character pop();
    void clear() { *this = {}; }
    void visit(Archive& archive, std::string_view name);
  };

  unsigned depth() const;
  unsigned input_room() const;
  unsigned rx_trigger() const;
  unsigned tx_trigger() const;
  u64 timeout_ns() const;
  u64 read_data();
  u64 flags() const;
  void write_data(u64 value);
  void receive(Character character);
  void transmitted();
  void line_control_written(const Register::Write& write);
  void modem_interrupts();
  void timed_out();
  void pump_output();
  void pump_input();
  u64 modem_status() const;

  Clock& clock_;
  CharBackend* const backend_;
  const u64 uartclk_hz_;
  const std::array<IrqLine, 6> lines_;

  RegisterBank bank_{name()};
  // clang-format off
  Register UARTDR{bank_, {.offset = 0x000, .name = "UARTDR", .fields = {
      {"DATA", 0, 8, Access::kRw}, {"FE", 8, 1, Access::kRo}, {"PE", 9, 1, Access::kRo}, {"BE", 10, 1, Access::kRo}, {"OE", 11, 1, Access::kRo}}}};
  Register UARTRSR{bank_, {.offset = 0x004, .name = "UARTRSR", .fields = {  // UARTECR when written: any value clears all
      {"FE", 0, 1, Access::kRo}, {"PE", 1, 1, Access::kRo}, {"BE", 2, 1, Access::kRo}, {"OE", 3, 1, Access::kRo}, {"ECR", 4, 4, Access::kWo}}}};
  Register UARTFR{bank_, {.offset = 0x018, .name = "UARTFR", .fields = {
      {"CTS", 0, 1, Access::kRo}, {"DSR", 1, 1, Access::kRo}, {"DCD", 2, 1, Access::kRo}, {"BUSY", 3, 1, Access::kRo},
      {"RXFE", 4, 1, Access::kRo}, {"TXFF", 5, 1, Access::kRo}, {"RXFF", 6, 1, Access::kRo}, {"TXFE", 7, 1, Access::kRo}, {"RI", 8, 1, Access::kRo}}}};
  Register UARTILPR{bank_, {.offset = 0x020, .name = "UARTILPR", .fields = {{"ILPDVSR", 0, 8, Access::kRw}}}};
  Register UARTIBRD{bank_, {.offset = 0x024, .name = "UARTIBRD", .fields = {{"BAUD_DIVINT", 0, 16, Access::kRw}}}};
  Register UARTFBRD{bank_, {.offset = 0x028, .name = "UARTFBRD", .fields = {{"BAUD_DIVFRAC", 0, 6, Access::kRw}}}};
  Register UARTLCR_H{bank_, {.offset = 0x02c, .name = "UARTLCR_H", .fields = {
      {"BRK", 0, 1, Access::kRw}, {"PEN", 1, 1, Access::kRw}, {"EPS", 2, 1, Access::kRw}, {"STP2", 3, 1, Access::kRw},
      {"FEN", 4, 1, Access::kRw}, {"WLEN", 5, 2, Access::kRw}, {"SPS", 7, 1, Access::kRw}}}};
  Register UARTCR{bank_, {.offset = 0x030, .name = "UARTCR", .reset = 0x300, .fields = {
      {"UARTEN", 0, 1, Access::kRw}, {"SIREN", 1, 1, Access::kRw}, {"SIRLP", 2, 1, Access::kRw}, {"LBE", 7, 1, Access::kRw},
      {"TXE", 8, 1, Access::kRw}, {"RXE", 9, 1, Access::kRw}, {"DTR", 10, 1, Access::kRw}, {"RTS", 11, 1, Access::kRw},
      {"Out1", 12, 1, Access::kRw}, {"Out2", 13, 1, Access::kRw}, {"RTSEn", 14, 1, Access::kRw}, {"CTSEn", 15, 1, Access::kRw}}}};
  Register UARTIFLS{bank_, {.offset = 0x034, .name = "UARTIFLS", .reset = 0x12, .fields = {{"TXIFLSEL", 0, 3, Access::kRw}, {"RXIFLSEL", 3, 3, Access::kRw}}}};
  Register UARTIMSC{bank_, {.offset = 0x038, .name = "UARTIMSC", .fields = {
      {"RIMIM", 0, 1, Access::kRw}, {"CTSMIM", 1, 1, Access::kRw}, {"DCDMIM", 2, 1, Access::kRw}, {"DSRMIM", 3, 1, Access::kRw},
      {"RXIM", 4, 1, Access::kRw}, {"TXIM", 5, 1, Access::kRw}, {"RTIM", 6, 1, Access::kRw}, {"FEIM", 7, 1, Access::kRw},
      {"PEIM", 8, 1, Access::kRw}, {"BEIM", 9, 1, Access::kRw}, {"OEIM", 10, 1, Access::kRw}}}};
  Register UARTRIS{bank_, {.offset = 0x03c, .name = "UARTRIS", .fields = {{"RIS", 0, 11, Access::kRo}}}};
  Register UARTMIS{bank_, {.offset = 0x040, .name = "UARTMIS", .fields = {{"MIS", 0, 11, Access::kRo}}}};
  Register UARTICR{bank_, {.offset = 0x044, .name = "UARTICR", .fields = {{"IC", 0, 11, Access::kWo}}}};
  Register UARTDMACR{bank_, {.offset = 0x048, .name = "UARTDMACR", .fields = {
      {"RXDMAE", 0, 1, Access::kUnimplemented}, {"TXDMAE", 1, 1, Access::kUnimplemented}, {"DMAONERR", 2, 1, Access::kRw}}}};
  Register UARTPeriphID0{bank_, {.offset = 0xfe0, .name = "UARTPeriphID0", .reset = 0x11, .fields = {{"PartNumber0", 0, 8, Access::kRo}}}};
  Register UARTPeriphID1{bank_, {.offset = 0xfe4, .name = "UARTPeriphID1", .reset = 0x10, .fields = {{"PartNumber1", 0, 4, Access::kRo}, {"Designer0", 4, 4, Access::kRo}}}};
  Register UARTPeriphID2{bank_, {.offset = 0xfe8, .name = "UARTPeriphID2", .reset = 0x14, .fields = {{"Designer1", 0, 4, Access::kRo}, {"Revision", 4, 4, Access::kRo}}}};
  Register UARTPeriphID3{bank_, {.offset = 0xfec, .name = "UARTPeriphID3", .reset = 0x00, .fields = {{"Configuration", 0, 8, Access::kRo}}}};
  Register UARTPCellID0{bank_, {.offset = 0xff0, .name = "UARTPCellID0", .reset = 0x0d, .fields = {{"UARTPCellID0", 0, 8, Access::kRo}}}};
  Register UARTPCellID1{bank_, {.offset = 0xff4, .name = "UARTPCellID1", .reset = 0xf0, .fields = {{"UARTPCellID1", 0, 8, Access::kRo}}}};
  Register UARTPCellID2{bank_, {.offset = 0xff8, .name = "UARTPCellID2", .reset = 0x05, .fields = {{"UARTPCellID2", 0, 8, Access::kRo}}}};
  Register UARTPCellID3{bank_, {.offset = 0xffc, .name = "UARTPCellID3", .reset = 0xb1, .fields = {{"UARTPCellID3", 0, 8, Access::kRo}}}};
  // clang-format on

  Fifo rx_;
  Fifo tx_;
  u64 last_modem_ = 0;  // modem inputs at the last look, for the change interrupts
  bool overrun_ = false;
  std::atomic<bool> output_waits_{false};
  std::atomic<bool> input_wanted_{false};  // there is room
  std::atomic<bool> input_waits_{true};    // the back end may have some

  Deferred output_;
  Deferred input_;
  Timer timeout_;
};

}  // namespace ferry::devices
