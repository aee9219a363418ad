// System registers by encoding: what the table of cpu/sysregs.def says, and accesses to them.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "cpu/state.h"

namespace ferry::cpu {

// op0:op1:CRn:CRm:op2 as MSR and MRS carry them, 16 bits; bits 20:5 of the instruction word.
constexpr u32 sysreg_key(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2) {
  return op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2;
}

enum class SysRegKind : u8 { Stored, Const, Custom, Special, Gic };
enum class SysRegEffect : u8 { None, Mode, Translation, Regime, Time };

// What makes an EL0 access trap. Uct, Uma: SCTLR_EL1, in Mode.el0_traps. Fp: CPACR_EL1.FPEN, in Mode.fp_trap, at EL1
// too. Tdcc: MDSCR_EL1. Frq, Pct, Vct, PTimer, VTimer: CNTKCTL_EL1. Pmu, PmuSw, PmuCr, PmuEr: PMUSERENR_EL0 (EN; or SW,
// CR, ER).
enum class SysRegTrap : u8 { None, Uct, Uma, Fp, Tdcc, Frq, Pct, Vct, PTimer, VTimer, Pmu, PmuSw, PmuCr, PmuEr };

struct SysRegInfo {
  std::string_view name;
  u16 key;
  u8 read_el;  // lowest EL that may read; 9 = none
  u8 write_el;
  SysRegKind kind;
  SysRegEffect effect;
  SysRegTrap trap;
  SysReg reg;
  u64 reset;
  u64 writable;     // without any feature: see writable_bits
  Feature feature;  // without which the register is not there
};

// Every row, in the order of SysReg.
std::span<const SysRegInfo> sysregs();
const SysRegInfo& sysreg_info(SysReg r);
// nullptr: no such register.
const SysRegInfo* find_sysreg(u32 key);
// The writable bits where these features are there.
u64 writable_bits(const SysRegInfo& r, FeatureSet features);
// The rows behind that: bits of a register that come with a feature.
struct SysRegFeatureBits {
  SysReg reg;
  Feature feature;
  u64 bits;
};
std::span<const SysRegFeatureBits> sysreg_feature_bits();
// CNTPCT_EL0, CNTVCT_EL0 and their self-synchronised forms, and among those the virtual ones.
constexpr bool is_virtual_counter(SysReg r) { return r == SysReg::CNTVCT_EL0 || r == SysReg::CNTVCTSS_EL0; }
constexpr bool is_counter(SysReg r) {
  return is_virtual_counter(r) || r == SysReg::CNTPCT_EL0 || r == SysReg::CNTPCTSS_EL0;
}
// A reserved identification register: reads as zero at EL1 and above (D17.1.3).
constexpr bool is_reserved_id(u32 key) {
  return key >> 7 == sysreg_key(3, 0, 0, 0, 0) >> 7 && bits(key, 6, 3) >= 1 && bits(key, 6, 3) <= 7;
}

// The values as MRS and MSR see them, without access checks; a Gic register that is not there reads as zero.
u64 read_sysreg(CpuState& s, SysReg r);
// Keeps the writable bits, then does what the row's effect says. Special registers included.
void write_sysreg(CpuState& s, SysReg r, u64 value);

// EC 0x18: ISS of a trapped MSR, MRS or SYS instruction (D17.2.37).
constexpr u32 sysreg_iss(u32 key, unsigned rt, bool read) {
  return static_cast<u32>(bits(key, 15, 14) << 20 | bits(key, 2, 0) << 17 | bits(key, 13, 11) << 14 |
                          bits(key, 10, 7) << 10 | u32{rt} << 5 | bits(key, 6, 3) << 1 | (read ? 1 : 0));
}
// The traps that are decided at run time: whether an EL0 access goes to EL1. False for Uct, Uma and Fp, which Mode
// holds.
bool el0_access_trapped(const CpuState& s, const SysRegInfo& r, bool read);

// The page docs/reference/sysregs.md.
std::string sysregs_page();

}  // namespace ferry::cpu
