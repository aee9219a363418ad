#include "cpu/sysreg_custom.h"

#include "core/ports.h"
#include "cpu/environment.h"
#include "cpu/pmu.h"
#include "cpu/timer.h"

namespace ferry::cpu {
namespace {

u64 counter(CpuState& s) { return s.env == nullptr ? 0 : s.env->counter(s); }

void timers_changed(CpuState& s) {
  if (s.env != nullptr) s.env->timers_changed(s);
}

// Who has read that the condition is met finds the interrupt pending, though the host's timer may be late.
u64 read_timer_now(CpuState& s, SysReg r) {
  const u64 now = counter(s), value = read_timer(s, r, now);
  if ((r == SysReg::CNTP_CTL_EL0 || r == SysReg::CNTV_CTL_EL0) && is_asserted(value)) timers_changed(s);
  return value;
}

// CCSIDR_EL1: the geometry of the cache that CSSELR_EL1 selects (level in bits 3:1, InD in bit 0).
u64 read_ccsidr(const CpuState& s) {
  switch (s.reg(SysReg::CSSELR_EL1)) {
    case 0: return s.cache_size[0];
    case 1: return s.cache_size[1];
    case 2: return s.cache_size[2];
    default: return 0;  // no such cache: UNKNOWN
  }
}

// ISR_EL1: A, I, F
u64 read_isr(CpuState& s) {
  const u32 lines = s.env == nullptr ? 0 : s.env->pending_interrupts(s);
  return ((lines & kCpuLineSError) != 0 ? 1u << 8 : 0) | ((lines & kCpuLineIrq) != 0 ? 1u << 7 : 0) |
         ((lines & kCpuLineFiq) != 0 ? 1u << 6 : 0);
}

// RNDR, RNDRRS: NZCV = 0b0100 and the value 0 when there is no number.
u64 read_random(CpuState& s) {
  u64 number = 0;
  const bool there = s.env != nullptr && s.env->random_number(s, number);
  s.nzcv = nzcv_from_arch(there ? 0 : u64{1} << 30);
  return number;
}

// MDCCSR_EL0, DBGDTR_EL0, DBGDTRRX_EL0, DBGDTRTX_EL0 (Stored): IMPDEF: nobody is at the other end of the debug
// communications channel, and it is always empty.

// OSLAR_EL1: the lock shows in OSLSR_EL1.OSLK.
void write_oslar(CpuState& s, u64 value) {
  u64& status = s.reg(SysReg::OSLSR_EL1);
  status = (status & ~u64{2}) | (value & 1) << 1;
}

}  // namespace

u64 read_custom(CpuState& s, SysReg r) {
  switch (r) {
    case SysReg::CCSIDR_EL1: return read_ccsidr(s);
    // DZP: DC ZVA is prohibited at EL0 while SCTLR_EL1.DZE is 0.
    case SysReg::DCZID_EL0: return s.reg(r) | (s.el == 0 && !bit(s.reg(SysReg::SCTLR_EL1), 14) ? 0x10 : 0);
    case SysReg::ISR_EL1: return read_isr(s);
    case SysReg::RNDR:
    case SysReg::RNDRRS: return read_random(s);
    case SysReg::CNTPCT_EL0:
    case SysReg::CNTPCTSS_EL0: return counter(s);
    case SysReg::CNTVCT_EL0:
    case SysReg::CNTVCTSS_EL0: return counter(s) - s.reg(SysReg::CNTVOFF_EL2);
    case SysReg::CNTP_TVAL_EL0:
    case SysReg::CNTP_CTL_EL0:
    case SysReg::CNTP_CVAL_EL0:
    case SysReg::CNTV_TVAL_EL0:
    case SysReg::CNTV_CTL_EL0:
    case SysReg::CNTV_CVAL_EL0: return read_timer_now(s, r);
    case SysReg::DBGCLAIMSET_EL1: return 0xff;
    case SysReg::DBGCLAIMCLR_EL1: return s.reg(SysReg::DBGCLAIMSET_EL1);
    default: return read_pmu(s, r);
  }
}

void write_custom(CpuState& s, SysReg r, u64 value) {
  switch (r) {
    case SysReg::CNTP_TVAL_EL0:
    case SysReg::CNTP_CTL_EL0:
    case SysReg::CNTP_CVAL_EL0:
    case SysReg::CNTV_TVAL_EL0:
    case SysReg::CNTV_CTL_EL0:
    case SysReg::CNTV_CVAL_EL0:
      write_timer(s, r, value, counter(s));
      timers_changed(s);
      return;
    case SysReg::OSLAR_EL1: write_oslar(s, value); return;
    case SysReg::DBGCLAIMSET_EL1: s.reg(r) |= value; return;
    case SysReg::DBGCLAIMCLR_EL1: s.reg(SysReg::DBGCLAIMSET_EL1) &= ~value; return;
    default:
      write_pmu(s, r, value);
      timers_changed(s);  // the overflow interrupt's level and deadline
      return;
  }
}

}  // namespace ferry::cpu
