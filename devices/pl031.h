// PrimeCell Real Time Clock (PL031): Arm DDI 0224. Counts seconds since 1970 by the machine's wall clock.
#pragma once
#include "devices/registry.h"

namespace ferry::devices {

class Pl031 : public Device {
 public:
  explicit Pl031(const DeviceContext& context);

 protected:
  void on_reset() override;
  void visit_state(Archive& archive) override;
  void after_access() override;

 private:
  u32 count() const;
  void look();
  void count_changed();

  Clock& clock_;
  const IrqLine line_;

  RegisterBank bank_{name()};
  // clang-format off
  Register RTCDR{bank_, {.offset = 0x000, .name = "RTCDR", .fields = whole(Access::kRo)}};
  Register RTCMR{bank_, {.offset = 0x004, .name = "RTCMR", .fields = whole(Access::kRw)}};
  Register RTCLR{bank_, {.offset = 0x008, .name = "RTCLR", .fields = whole(Access::kRw)}};
  // IMPDEF: chose: the clock runs since before power-on; once started it cannot be stopped (3.3.4).
  Register RTCCR{bank_, {.offset = 0x00c, .name = "RTCCR", .reset = 1, .fields = {{"RTCStart", 0, 1, Access::kW1s}}}};
  Register RTCIMSC{bank_, {.offset = 0x010, .name = "RTCIMSC", .fields = {{"RTCIMSC", 0, 1, Access::kRw}}}};
  Register RTCRIS{bank_, {.offset = 0x014, .name = "RTCRIS", .fields = {{"RTCRIS", 0, 1, Access::kRo}}}};
  Register RTCMIS{bank_, {.offset = 0x018, .name = "RTCMIS", .fields = {{"RTCMIS", 0, 1, Access::kRo}}}};
  Register RTCICR{bank_, {.offset = 0x01c, .name = "RTCICR", .fields = {{"RTCICR", 0, 1, Access::kWo}}}};
  Register RTCPeriphID0{bank_, {.offset = 0xfe0, .name = "RTCPeriphID0", .reset = 0x31, .fields = {{"PartNumber0", 0, 8, Access::kRo}}}};
  Register RTCPeriphID1{bank_, {.offset = 0xfe4, .name = "RTCPeriphID1", .reset = 0x10, .fields = {{"PartNumber1", 0, 4, Access::kRo}, {"Designer0", 4, 4, Access::kRo}}}};
  // Revision 1, as r1p3 has it and drivers know it.
  Register RTCPeriphID2{bank_, {.offset = 0xfe8, .name = "RTCPeriphID2", .reset = 0x14, .fields = {{"Designer1", 0, 4, Access::kRo}, {"Revision", 4, 4, Access::kRo}}}};
  Register RTCPeriphID3{bank_, {.offset = 0xfec, .name = "RTCPeriphID3", .reset = 0x00, .fields = {{"Configuration", 0, 8, Access::kRo}}}};
  Register RTCPCellID0{bank_, {.offset = 0xff0, .name = "RTCPCellID0", .reset = 0x0d, .fields = {{"RTCPCellID0", 0, 8, Access::kRo}}}};
  Register RTCPCellID1{bank_, {.offset = 0xff4, .name = "RTCPCellID1", .reset = 0xf0, .fields = {{"RTCPCellID1", 0, 8, Access::kRo}}}};
  Register RTCPCellID2{bank_, {.offset = 0xff8, .name = "RTCPCellID2", .reset = 0x05, .fields = {{"RTCPCellID2", 0, 8, Access::kRo}}}};
  Register RTCPCellID3{bank_, {.offset = 0xffc, .name = "RTCPCellID3", .reset = 0xb1, .fields = {{"RTCPCellID3", 0, 8, Access::kRo}}}};
  // clang-format on

  u32 offset_ = 0;     // RTCDR - seconds of the wall clock
  u32 last_seen_ = 0;  // RTCDR at the last look: a match since then has happened
  Timer alarm_;
};

}  // namespace ferry::devices
