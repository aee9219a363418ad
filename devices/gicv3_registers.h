// The registers of the GICv3 (gicv3.h), in the order of Arm IHI 0069 chapter 12.
#pragma once
#include <string>

#include "devices/gicv3.h"

namespace ferry::devices {
namespace gicv3 {

// Four priorities a register; five bits of each are implemented.
inline std::vector<Field> priority_fields() {
  return {{"Priority0", 3, 5, Access::kRw},
          {"Priority1", 11, 5, Access::kRw},
          {"Priority2", 19, 5, Access::kRw},
          {"Priority3", 27, 5, Access::kRw}};
}

// Sixteen two-bit configurations a register; bit 1 of each means edge-triggered, bit 0 is reserved.
inline std::vector<Field> config_fields() {
  std::vector<Field> fields;
  fields.reserve(16);
  for (u8 i = 0; i < 16; ++i) fields.push_back({"Edge", static_cast<u8>(2 * i + 1), 1, Access::kRw});
  return fields;
}

// Identification registers, at the same place in every frame. PIDR2 names the architecture: GICv3.
struct Identification {
  explicit Identification(RegisterBank& bank) : bank_(bank) {}
  RegisterBank& bank_;
  // clang-format off
  Register PIDR4{bank_, {.offset = 0xffd0, .name = "PIDR4", .reset = 0x44, .fields = {{"DES_2", 0, 4, Access::kRo}, {"SIZE", 4, 4, Access::kRo}}}};
  Register PIDR5{bank_, {.offset = 0xffd4, .name = "PIDR5", .fields = whole(Access::kRo), .count = 3}};
  Register PIDR0{bank_, {.offset = 0xffe0, .name = "PIDR0", .reset = 0x92, .fields = {{"PART_0", 0, 8, Access::kRo}}}};
  Register PIDR1{bank_, {.offset = 0xffe4, .name = "PIDR1", .reset = 0xb4, .fields = {{"PART_1", 0, 4, Access::kRo}, {"DES_0", 4, 4, Access::kRo}}}};
  Register PIDR2{bank_, {.offset = 0xffe8, .name = "PIDR2", .reset = 0x3b, .fields = {{"DES_1", 0, 3, Access::kRo}, {"JEDEC", 3, 1, Access::kRo}, {"ArchRev", 4, 4, Access::kRo}}}};
  Register PIDR3{bank_, {.offset = 0xffec, .name = "PIDR3", .fields = {{"CMOD", 0, 4, Access::kRo}, {"REVAND", 4, 4, Access::kRo}}}};
  Register CIDR0{bank_, {.offset = 0xfff0, .name = "CIDR0", .reset = 0x0d, .fields = {{"PRMBL_0", 0, 8, Access::kRo}}}};
  Register CIDR1{bank_, {.offset = 0xfff4, .name = "CIDR1", .reset = 0xf0, .fields = {{"PRMBL_1", 0, 4, Access::kRo}, {"CLASS", 4, 4, Access::kRo}}}};
  Register CIDR2{bank_, {.offset = 0xfff8, .name = "CIDR2", .reset = 0x05, .fields = {{"PRMBL_2", 0, 8, Access::kRo}}}};
  Register CIDR3{bank_, {.offset = 0xfffc, .name = "CIDR3", .reset = 0xb1, .fields = {{"PRMBL_3", 0, 8, Access::kRo}}}};
  // clang-format on
};

}  // namespace gicv3

// 12.9 The Distributor. With affinity routing the registers of INTIDs 0 to 31 are in the redistributors: arrays begin
// at element 1 of the manual's numbering, so `words` counts SPI words only.
struct Gicv3::Distributor {
  Distributor(const std::string& device, unsigned spi_words) : words(spi_words), bank(device, "distributor") {}
  const unsigned words;
  RegisterBank bank;
  // clang-format off
  Register GICD_CTLR{bank, {.offset = 0x0000, .name = "GICD_CTLR", .reset = 0x50, .fields = {
      {"EnableGrp0", 0, 1, Access::kRw}, {"EnableGrp1", 1, 1, Access::kRw}, {"ARE", 4, 1, Access::kRo}, {"DS", 6, 1, Access::kRo}, {"RWP", 31, 1, Access::kRo}}}};
  // No SecurityExtn, LPIS, MBIS; IDbits 10; A3V; No1N: an SPI has one target.
  Register GICD_TYPER{bank, {.offset = 0x0004, .name = "GICD_TYPER", .reset = u64{words} | 9u << 19 | 1u << 24 | 1u << 25, .fields = {
      {"ITLinesNumber", 0, 5, Access::kRo}, {"CPUNumber", 5, 3, Access::kRo}, {"ESPI", 8, 1, Access::kRo}, {"SecurityExtn", 10, 1, Access::kRo},
      {"MBIS", 16, 1, Access::kRo}, {"LPIS", 17, 1, Access::kRo}, {"DVIS", 18, 1, Access::kRo}, {"IDbits", 19, 5, Access::kRo},
      {"A3V", 24, 1, Access::kRo}, {"No1N", 25, 1, Access::kRo}, {"RSS", 26, 1, Access::kRo}}}};
  Register GICD_IIDR{bank, {.offset = 0x0008, .name = "GICD_IIDR", .reset = 0x43b, .fields = whole(Access::kRo)}};
  Register GICD_TYPER2{bank, {.offset = 0x000c, .name = "GICD_TYPER2", .fields = whole(Access::kRo)}};
  Register GICD_STATUSR{bank, {.offset = 0x0010, .name = "GICD_STATUSR", .fields = {{"Errors", 0, 4, Access::kW1c}}}};
  Register GICD_IGROUPR{bank, {.offset = 0x0084, .name = "GICD_IGROUPR", .fields = whole(Access::kRw), .count = words, .first = 1}};
  Register GICD_ISENABLER{bank, {.offset = 0x0104, .name = "GICD_ISENABLER", .fields = whole(Access::kW1s), .count = words, .first = 1}};
  Register GICD_ICENABLER{bank, {.offset = 0x0184, .name = "GICD_ICENABLER", .fields = whole(Access::kW1c), .count = words, .first = 1}};
  Register GICD_ISPENDR{bank, {.offset = 0x0204, .name = "GICD_ISPENDR", .fields = whole(Access::kW1s), .count = words, .first = 1}};
  Register GICD_ICPENDR{bank, {.offset = 0x0284, .name = "GICD_ICPENDR", .fields = whole(Access::kW1c), .count = words, .first = 1}};
  Register GICD_ISACTIVER{bank, {.offset = 0x0304, .name = "GICD_ISACTIVER", .fields = whole(Access::kW1s), .count = words, .first = 1}};
  Register GICD_ICACTIVER{bank, {.offset = 0x0384, .name = "GICD_ICACTIVER", .fields = whole(Access::kW1c), .count = words, .first = 1}};
  Register GICD_IPRIORITYR{bank, {.offset = 0x0420, .name = "GICD_IPRIORITYR", .fields = gicv3::priority_fields(), .count = 8 * words, .first = 8}};
  Register GICD_ICFGR{bank, {.offset = 0x0c08, .name = "GICD_ICFGR", .fields = gicv3::config_fields(), .count = 2 * words, .first = 2}};
  Register GICD_IROUTER{bank, {.offset = 0x6100, .name = "GICD_IROUTER", .fields = {{"Aff2_0", 0, 24, Access::kRw}, {"Aff3", 32, 8, Access::kRw}}, .size = 8, .count = 32 * words, .first = 32}};
  gicv3::Identification identification{bank};
  // clang-format on
};

// 12.10 The Redistributor: RD and SGI frames; 12.2 the CPU interface, its registers at made-up offsets (a guest reaches
// them by name).
struct Gicv3::Cpu {
  Cpu(const std::string& gic, unsigned vcpu, u32 packed_affinity, bool last, CpuSignals& cpu_signals)
      : device(gic), index(vcpu), affinity(packed_affinity), is_last(last), signals(cpu_signals) {}

  const std::string& device;
  const unsigned index;
  const u32 affinity;  // Aff3.Aff2.Aff1.Aff0
  const bool is_last;  // of its redistributor region
  CpuSignals& signals;
  std::atomic<u32> levels{0};           // wires of INTIDs 16 to 31
  std::array<u32, kMaxWords> routed{};  // SPIs whose target this vCPU is: follows from GICD_IROUTER

  // clang-format off
  RegisterBank rd{device, "redistributor" + std::to_string(index)};
  Register GICR_CTLR{rd, {.offset = 0x0000, .name = "GICR_CTLR", .fields = {{"EnableLPIs", 0, 1, Access::kReserved}, {"RWP", 3, 1, Access::kRo}, {"UWP", 31, 1, Access::kRo}}}};
  Register GICR_IIDR{rd, {.offset = 0x0004, .name = "GICR_IIDR", .reset = 0x43b, .fields = whole(Access::kRo)}};
  Register GICR_TYPER{rd, {.offset = 0x0008, .name = "GICR_TYPER", .reset = u64{affinity} << 32 | u64{index} << 8 | (is_last ? 0x10u : 0u), .fields = {
      {"PLPIS", 0, 1, Access::kRo}, {"Last", 4, 1, Access::kRo}, {"Processor_Number", 8, 16, Access::kRo}, {"Affinity_Value", 32, 32, Access::kRo}}, .size = 8}};
  Register GICR_STATUSR{rd, {.offset = 0x0010, .name = "GICR_STATUSR", .fields = {{"Errors", 0, 4, Access::kW1c}}}};
  // DEVIATION: interrupts are delivered while ProcessorSleep is set; firmware that never clears it expects them.
  Register GICR_WAKER{rd, {.offset = 0x0014, .name = "GICR_WAKER", .reset = 0x6, .fields = {{"ProcessorSleep", 1, 1, Access::kRw}, {"ChildrenAsleep", 2, 1, Access::kRo}}}};
  Register GICR_SYNCR{rd, {.offset = 0x00c0, .name = "GICR_SYNCR", .fields = {{"Busy", 0, 1, Access::kRo}}}};
  gicv3::Identification rd_identification{rd};

  RegisterBank sgi{device, "sgi" + std::to_string(index)};
  Register GICR_IGROUPR0{sgi, {.offset = 0x0080, .name = "GICR_IGROUPR0", .fields = whole(Access::kRw)}};
  Register GICR_ISENABLER0{sgi, {.offset = 0x0100, .name = "GICR_ISENABLER0", .fields = whole(Access::kW1s)}};
  Register GICR_ICENABLER0{sgi, {.offset = 0x0180, .name = "GICR_ICENABLER0", .fields = whole(Access::kW1c)}};
  Register GICR_ISPENDR0{sgi, {.offset = 0x0200, .name = "GICR_ISPENDR0", .fields = whole(Access::kW1s)}};
  Register GICR_ICPENDR0{sgi, {.offset = 0x0280, .name = "GICR_ICPENDR0", .fields = whole(Access::kW1c)}};
  Register GICR_ISACTIVER0{sgi, {.offset = 0x0300, .name = "GICR_ISACTIVER0", .fields = whole(Access::kW1s)}};
  Register GICR_ICACTIVER0{sgi, {.offset = 0x0380, .name = "GICR_ICACTIVER0", .fields = whole(Access::kW1c)}};
  Register GICR_IPRIORITYR{sgi, {.offset = 0x0400, .name = "GICR_IPRIORITYR", .fields = gicv3::priority_fields(), .count = 8}};
  Register GICR_ICFGR0{sgi, {.offset = 0x0c00, .name = "GICR_ICFGR0", .reset = 0xaaaaaaaa, .fields = whole(Access::kRo)}};  // SGIs are edge-triggered
  Register GICR_ICFGR1{sgi, {.offset = 0x0c04, .name = "GICR_ICFGR1", .fields = gicv3::config_fields()}};
  Register GICR_IGRPMODR0{sgi, {.offset = 0x0d00, .name = "GICR_IGRPMODR0", .fields = {{"Reserved", 0, 32, Access::kReserved}}}};
  Register GICR_NSACR{sgi, {.offset = 0x0e00, .name = "GICR_NSACR", .fields = {{"Reserved", 0, 32, Access::kReserved}}}};
  gicv3::Identification sgi_identification{sgi};

  RegisterBank icc{device, "icc" + std::to_string(index)};
  Register ICC_PMR_EL1{icc, {.offset = 0x00, .name = "ICC_PMR_EL1", .fields = {{"Priority", 3, 5, Access::kRw}}}};
  Register ICC_BPR0_EL1{icc, {.offset = 0x08, .name = "ICC_BPR0_EL1", .reset = 2, .fields = {{"BinaryPoint", 0, 3, Access::kRw}}}};
  Register ICC_BPR1_EL1{icc, {.offset = 0x10, .name = "ICC_BPR1_EL1", .reset = 3, .fields = {{"BinaryPoint", 0, 3, Access::kRw}}}};
  Register ICC_AP0R0_EL1{icc, {.offset = 0x18, .name = "ICC_AP0R0_EL1", .fields = whole(Access::kRw)}};
  Register ICC_AP1R0_EL1{icc, {.offset = 0x20, .name = "ICC_AP1R0_EL1", .fields = whole(Access::kRw)}};
  Register ICC_CTLR_EL1{icc, {.offset = 0x28, .name = "ICC_CTLR_EL1", .reset = 4u << 8 | 1u << 15, .fields = {
      {"CBPR", 0, 1, Access::kRw}, {"EOImode", 1, 1, Access::kRw}, {"PMHE", 6, 1, Access::kRo}, {"PRIbits", 8, 3, Access::kRo}, {"IDbits", 11, 3, Access::kRo},
      {"SEIS", 14, 1, Access::kRo}, {"A3V", 15, 1, Access::kRo}, {"RSS", 18, 1, Access::kRo}, {"ExtRange", 19, 1, Access::kRo}}}};
  Register ICC_IGRPEN0_EL1{icc, {.offset = 0x30, .name = "ICC_IGRPEN0_EL1", .fields = {{"Enable", 0, 1, Access::kRw}}}};
  Register ICC_IGRPEN1_EL1{icc, {.offset = 0x38, .name = "ICC_IGRPEN1_EL1", .fields = {{"Enable", 0, 1, Access::kRw}}}};
  // clang-format on

  u64 running_priority() const;
  // The priority bits that decide preemption in that group: 4.8.2 Preemption.
  u8 group_priority_mask(Group group) const;
  bool enabled(Group group) const { return (group == kGroup0 ? ICC_IGRPEN0_EL1 : ICC_IGRPEN1_EL1).test(1); }
  bool drop_by_eoi_only() const { return ICC_CTLR_EL1.test(2); }
};

}  // namespace ferry::devices
