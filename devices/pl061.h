// PrimeCell General Purpose Input/Output (PL061): Arm DDI 0190. Eight pins.
#pragma once
#include "devices/registry.h"

namespace ferry::devices {

class Pl061 : public Device {
 public:
  explicit Pl061(const DeviceContext& context);
  // The wire into pin 0 to 7: a key, another device.
  IrqLine input(unsigned pin) override;

 protected:
  void on_reset() override;
  void visit_state(Archive& archive) override;
  void after_access() override;

 private:
  u64 pins() const;
  u64 raw_status() const;
  void look_for_edges();

  const IrqLine line_;

  RegisterBank bank_{name()};
  // clang-format off
  // 256 aliases of one register: bits 9 to 2 of the address are the mask of the bits that take part.
  Register GPIODATA{bank_, {.offset = 0x000, .name = "GPIODATA", .fields = {{"DATA", 0, 8, Access::kWo}}, .count = 1}};
  Register GPIODATA_masked{bank_, {.offset = 0x004, .name = "GPIODATA_mask", .fields = {{"DATA", 0, 8, Access::kRw}}, .count = 255}};
  Register GPIODIR{bank_, {.offset = 0x400, .name = "GPIODIR", .fields = {{"DIR", 0, 8, Access::kRw}}}};
  Register GPIOIS{bank_, {.offset = 0x404, .name = "GPIOIS", .fields = {{"IS", 0, 8, Access::kRw}}}};
  Register GPIOIBE{bank_, {.offset = 0x408, .name = "GPIOIBE", .fields = {{"IBE", 0, 8, Access::kRw}}}};
  Register GPIOIEV{bank_, {.offset = 0x40c, .name = "GPIOIEV", .fields = {{"IEV", 0, 8, Access::kRw}}}};
  Register GPIOIE{bank_, {.offset = 0x410, .name = "GPIOIE", .fields = {{"IE", 0, 8, Access::kRw}}}};
  Register GPIORIS{bank_, {.offset = 0x414, .name = "GPIORIS", .fields = {{"RIS", 0, 8, Access::kRo}}}};
  Register GPIOMIS{bank_, {.offset = 0x418, .name = "GPIOMIS", .fields = {{"MIS", 0, 8, Access::kRo}}}};
  Register GPIOIC{bank_, {.offset = 0x41c, .name = "GPIOIC", .fields = {{"IC", 0, 8, Access::kWo}}}};
  Register GPIOAFSEL{bank_, {.offset = 0x420, .name = "GPIOAFSEL", .fields = {{"AFSEL", 0, 8, Access::kRw}}}};
  Register GPIOPeriphID0{bank_, {.offset = 0xfe0, .name = "GPIOPeriphID0", .reset = 0x61, .fields = {{"PartNumber0", 0, 8, Access::kRo}}}};
  Register GPIOPeriphID1{bank_, {.offset = 0xfe4, .name = "GPIOPeriphID1", .reset = 0x10, .fields = {{"PartNumber1", 0, 4, Access::kRo}, {"Designer0", 4, 4, Access::kRo}}}};
  Register GPIOPeriphID2{bank_, {.offset = 0xfe8, .name = "GPIOPeriphID2", .reset = 0x04, .fields = {{"Designer1", 0, 4, Access::kRo}, {"Revision", 4, 4, Access::kRo}}}};
  Register GPIOPeriphID3{bank_, {.offset = 0xfec, .name = "GPIOPeriphID3", .reset = 0x00, .fields = {{"Configuration", 0, 8, Access::kRo}}}};
  Register GPIOPCellID0{bank_, {.offset = 0xff0, .name = "GPIOPCellID0", .reset = 0x0d, .fields = {{"GPIOPCellID0", 0, 8, Access::kRo}}}};
  Register GPIOPCellID1{bank_, {.offset = 0xff4, .name = "GPIOPCellID1", .reset = 0xf0, .fields = {{"GPIOPCellID1", 0, 8, Access::kRo}}}};
  Register GPIOPCellID2{bank_, {.offset = 0xff8, .name = "GPIOPCellID2", .reset = 0x05, .fields = {{"GPIOPCellID2", 0, 8, Access::kRo}}}};
  Register GPIOPCellID3{bank_, {.offset = 0xffc, .name = "GPIOPCellID3", .reset = 0xb1, .fields = {{"GPIOPCellID3", 0, 8, Access::kRo}}}};
  // clang-format on

  u8 inputs_ = 0;     // the wires; a reset leaves them
  u8 output_ = 0;     // what GPIODATA writes last put on output pins
  u8 last_pins_ = 0;  // at the last look, for the edges
};

}  // namespace ferry::devices
