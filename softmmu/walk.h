// Translation table walks (Arm ARM D5, VMSAv8-64): a pure function of the translation regime and a reader of memory.
#pragma once
#include "core/types.h"

namespace ferry::softmmu {

enum class FaultKind : u8 {
  None,
  AddressSize,
  Translation,
  AccessFlag,
  Permission,
  ExternalOnWalk,
  External,
  Alignment,
  UnsupportedAtomic
};

struct Fault {
  FaultKind kind = FaultKind::None;
  u8 level = 0;  // of the walk; meaningless for External, Alignment, UnsupportedAtomic
  bool stage2 = false;
  bool on_walk = false;  // S1PTW: stage 2 fault on a stage 1 descriptor
  u64 ipa = 0;           // stage 2 only

  explicit operator bool() const { return kind != FaultKind::None; }
  // DFSC and IFSC, ISS<5:0>; also PAR_EL1.FST.
  u32 status_code() const;
};

// One of the (at most) two address ranges of a stage 1 regime.
struct Range {
  u64 table = 0;       // TTBR<47:1>, unaligned bits included
  u8 input_bits = 48;  // 64 - TxSZ
  u8 granule = 12;     // 12, 14 or 16
  bool top_byte_ignored = false;
  bool walk_disabled = false;          // EPDx
  bool hierarchical_disabled = false;  // HPDx
  bool closed_to_el0 = false;          // E0PDx
  bool instruction_tags = true;        // TBIDx = 0: top_byte_ignored holds for fetches too
};

// The control of a stage 1 translation regime.
struct Regime {
  bool enabled = false;                 // SCTLR.M
  bool two_ranges = true;               // EL1&0 (and EL2&0): VA<55> selects
  bool big_endian_tables = false;       // SCTLR.EE
  bool write_implies_xn = false;        // SCTLR.WXN
  u8 pa_bits = 48;                      // output size: the smaller of TCR.(I)PS and ID_AA64MMFR0_EL1.PARange
  bool hardware_access = false;         // TCR.HA
  bool hardware_dirty = false;          // TCR.HD, with HA
  bool execute_counts_for_pan = false;  // SCTLR.EPAN
  u8 min_input_bits = 25;               // 16 with small translation tables (FEAT_TTST)
  u64 mair = 0;
  Range range[2];
};

// Bits of Translation::permissions. "1" stands for the privileged level of the regime (EL1, or EL2 and EL3 in theirs),
// "0" for EL0.
enum Permission : u8 { kRead1 = 1, kWrite1 = 2, kExecute1 = 4, kRead0 = 8, kWrite0 = 16, kExecute0 = 32 };

struct Translation {
  Fault fault;  // when set, nothing else but the descriptors is meaningful
  u64 pa = 0;   // of the very byte
  u8 permissions = 0;
  u8 size_log2 = 12;  // of the block or page; 64 when translation is off
  u8 level = 0;
  u8 attributes = 0;  // MAIR byte
  u8 shareability = 0;
  bool global = true;
  bool guarded = false;     // GP; means nothing without FEAT_BTI
  bool needs_flag = false;  // hardware is to set AF in the last descriptor before the access
  bool clean = false;       // and to clear AP[2] before a write
  // The descriptors that were read, from the first level to the last; physical addresses and raw values.
  u8 descriptors = 0;
  u8 first_level = 0;
  u64 descriptor_pa[4] = {};
  u64 descriptor_value[4] = {};

  // Device memory of any type: MAIR 0b0000xxxx.
  bool device() const { return (attributes & 0xf0) == 0; }
};

// Physical (or, under stage 2, intermediate physical) memory as a walk reads it.
class TableReader {
 public:
  virtual ~TableReader() = default;
  // The eight bytes at the aligned address `pa`, as a little-endian number. When they cannot be read, a Fault of kind
  // ExternalOnWalk, or the stage 2 fault with on_walk set; the walk supplies the level of the former.
  virtual Fault read(u64 pa, u64& value) = 0;
};

// Stage 1 translation of va. Neither permissions nor alignment are checked: check_access does the former.
Translation walk(const Regime& regime, u64 va, TableReader& reader);

// TCR_EL1 and the other EL1&0 registers (SCTLR_EL1, TTBRx_EL1, MAIR_EL1) as a regime. implemented_pa_bits from
// ID_AA64MMFR0_EL1.PARange.
Regime regime_el10(u64 sctlr, u64 tcr, u64 ttbr0, u64 ttbr1, u64 mair, unsigned implemented_pa_bits);
// EL2 (without E2H) and EL3: one range, one privilege.
Regime regime_el2_el3(u64 sctlr, u64 tcr, u64 ttbr0, u64 mair, unsigned implemented_pa_bits);
// PA size of an encoding of TCR.(I)PS and ID_AA64MMFR0_EL1.PARange, in bits.
unsigned pa_bits_of(u64 encoding);

}  // namespace ferry::softmmu
