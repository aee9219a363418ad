// Banked stack pointers, and Mode as PSTATE and the system registers make it.
#include "cpu/exceptions.h"
#include "cpu/pauth.h"
#include "cpu/sysregs.h"

namespace ferry::cpu {
namespace {

// The EL whose SP is in x[31].
unsigned current_sp(const CpuState& s) { return s.sp_sel != 0 ? s.el : 0; }

u32 el0_traps(u64 sctlr) {
  u32 traps = 0;
  if (!bit(sctlr, 26)) traps |= kEl0TrapUci;
  if (!bit(sctlr, 15)) traps |= kEl0TrapUct;
  if (!bit(sctlr, 14)) traps |= kEl0TrapDze;
  if (!bit(sctlr, 16)) traps |= kEl0TrapWfi;
  if (!bit(sctlr, 18)) traps |= kEl0TrapWfe;
  if (!bit(sctlr, 9)) traps |= kEl0TrapUma;
  if (!bit(sctlr, 10)) traps |= kEl0TrapRctx;
  return traps;
}

SysReg sctlr_of(unsigned el) { return el <= 1 ? SysReg::SCTLR_EL1 : el == 2 ? SysReg::SCTLR_EL2 : SysReg::SCTLR_EL3; }

// CPACR_EL1.FPEN: 0b01 traps EL0 only, 0b11 nobody.
u32 fp_trap(const CpuState& s) {
  const u64 fpen = bits(s.reg(SysReg::CPACR_EL1), 21, 20);
  if (s.el > 1 || fpen == 3 || (fpen == 1 && s.el == 1)) return 0;
  return 1;
}

u32 tbi(const CpuState& s) {
  // TBID takes instruction addresses out.
  const u64 tcr = s.reg(s.el <= 1 ? SysReg::TCR_EL1 : s.el == 2 ? SysReg::TCR_EL2 : SysReg::TCR_EL3);
  if (s.el <= 1) return static_cast<u32>(bits(tcr, 38, 37) & ~bits(tcr, 52, 51));
  return static_cast<u32>(bits(tcr, 20, 20) & ~bits(tcr, 29, 29));
}

}  // namespace

void select_sp(CpuState& s, unsigned el, unsigned sp_sel) {
  s.sp_el[current_sp(s)] = s.x[31];
  s.el = static_cast<u8>(el);
  s.sp_sel = static_cast<u8>(sp_sel);
  s.x[31] = s.sp_el[current_sp(s)];
}

u64 banked_sp(const CpuState& s, unsigned el) { return el == current_sp(s) ? s.x[31] : s.sp_el[el]; }

void set_banked_sp(CpuState& s, unsigned el, u64 value) { (el == current_sp(s) ? s.x[31] : s.sp_el[el]) = value; }

// AArch64.BranchAddr for the EL that is now current.
u64 return_address(const CpuState& s, u64 address) {
  const u32 ignored = tbi(s);
  if (s.el >= 2) return ignored != 0 ? address & low_mask(56) : address;
  const bool high = bit(address, 55);
  if (!bit(ignored, high ? 1 : 0)) return address;
  return high ? address | ~low_mask(56) : address & low_mask(56);
}

void update_mode(CpuState& s) {
  const u64 sctlr = s.reg(sctlr_of(s.el));
  Mode m;
  m.set_virtual_time(s.mode.virtual_time());
  m.set_ordered(s.mode.ordered());
  m.set_el(s.el);
  m.set_sp_sel(s.sp_sel);
  m.set_mmu(sctlr & 1);
  // Without translation all data is Device memory, where nothing unaligned goes.
  m.set_align_check(bit(sctlr, 1) || !bit(sctlr, 0));
  m.set_sp_align_check(bit(sctlr, s.el == 0 ? 4 : 3));
  m.set_big_endian(bit(sctlr, s.el == 0 ? 24 : 25));
  m.set_tbi(tbi(s));
  m.set_uao(s.uao);
  m.set_fp_trap(fp_trap(s));
  m.set_fpcr(fpcr_key(s.fpcr));
  m.set_pac(pac_is_inline(s) ? 1 : 0);
  s.pac_mask = pac_mask(s);
  m.set_illegal(s.il);
  if (s.el == 0) m.set_el0_traps(el0_traps(sctlr));
  const u64 mdscr = s.reg(SysReg::MDSCR_EL1);
  if ((mdscr & 0x8001) != 0 && debug_exceptions_enabled(s, s.el, bit(s.daif, 9))) {
    m.set_single_step(mdscr & 1);
    m.set_breakpoints(bit(mdscr, 15) && any_breakpoint(s) ? 1 : 0);
  }
  s.mode = m;
}

}  // namespace ferry::cpu
