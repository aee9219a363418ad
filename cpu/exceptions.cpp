// Exception entry and return: Arm ARM DDI 0487, shared pseudocode AArch64.TakeException and AArch64.ExceptionReturn.
#include "cpu/exceptions.h"

#include <atomic>

#include "core/check.h"
#include "core/ports.h"
#include "cpu/environment.h"
#include "cpu/pmu.h"

namespace ferry::cpu {
namespace {

constexpr unsigned kSpsrBtype = 10, kSpsrSsbs = 12, kSpsrIl = 20, kSpsrSs = 21, kSpsrPan = 22, kSpsrUao = 23,
                   kSpsrDit = 24;

SysReg of_el(unsigned el, SysReg el1, SysReg el2, SysReg el3) { return el == 1 ? el1 : el == 2 ? el2 : el3; }

// Classes that have a code for "from a lower EL" and, one higher, for "from the current EL".
bool has_two_classes(u32 ec) {
  return ec == kEcInsnAbort || ec == kEcDataAbort || ec == kEcBreakpoint || ec == kEcStep || ec == kEcWatchpoint;
}

u64 vector_offset(const CpuState& s, unsigned target, ExceptionInfo::Kind kind) {
  const u64 from = target != s.el ? 0x400 : s.sp_sel != 0 ? 0x200 : 0;
  switch (kind) {
    case ExceptionInfo::Kind::Synchronous: return from;
    case ExceptionInfo::Kind::Irq: return from + 0x80;
    case ExceptionInfo::Kind::Fiq: return from + 0x100;
    case ExceptionInfo::Kind::SError: return from + 0x180;
  }
  return from;
}

// AArch64.ReportException
void report(CpuState& s, unsigned target, const ExceptionInfo& e) {
  if (e.kind == ExceptionInfo::Kind::Irq || e.kind == ExceptionInfo::Kind::Fiq) return;
  u32 ec = e.kind == ExceptionInfo::Kind::SError ? kEcSError : e.ec;
  if (has_two_classes(ec) && target == s.el) ++ec;
  s.reg(of_el(target, SysReg::ESR_EL1, SysReg::ESR_EL2, SysReg::ESR_EL3)) =
      u64{ec} << 26 | u64{e.il} << 25 | (e.iss & 0x1ffffff);
  if (e.far_valid) s.reg(of_el(target, SysReg::FAR_EL1, SysReg::FAR_EL2, SysReg::FAR_EL3)) = e.far;
}

bool el_exists(const CpuState& s, unsigned el) {
  return el < 2 || bits(s.reg(SysReg::ID_AA64PFR0_EL1), 4 * el + 3, 4 * el) != 0;
}

void change_el(CpuState& s, unsigned el, unsigned sp_sel) {
  const bool filtered = el != s.el && pmu_filters_by_el(s);
  if (filtered) pmu_sync(s);
  select_sp(s, el, sp_sel);
  // What counts at the new level may overflow at another time.
  if (filtered && pmu_wants_interrupt(s) && s.env != nullptr) s.env->timers_changed(s);
}

// IllegalExceptionReturn, for a PE without AArch32.
bool illegal_return(const CpuState& s, u32 spsr) {
  const unsigned el = static_cast<unsigned>(bits(spsr, 3, 2));
  if (bit(spsr, 4) || bit(spsr, 1)) return true;
  if (el > s.el || !el_exists(s, el)) return true;
  return el == 0 && bit(spsr, 0);
}

// DebugExceptionReturnSS: a step begins only when the exception level that is left had debug exceptions off.
bool return_ss(const CpuState& s, u32 spsr, unsigned target) {
  return bit(s.reg(SysReg::MDSCR_EL1), 0) && !debug_exceptions_enabled(s, s.el, bit(s.daif, 9)) &&
         debug_exceptions_enabled(s, target, bit(spsr, 9)) && bit(spsr, kSpsrSs);
}

// Whether SPSR.BTYPE is that of the instruction. UNPREDICTABLE: chose zero for the exceptions that do not promise it:
// those that an instruction makes by being executed, BRK aside.
bool keeps_btype(const ExceptionInfo& e) {
  if (e.kind != ExceptionInfo::Kind::Synchronous) return true;
  switch (e.ec) {
    case kEcBti:
    case kEcIllegalState:
    case kEcInsnAbort:
    case kEcPcAlign:
    case kEcBreakpoint:
    case kEcStep:
    case kEcBrk: return true;
    default: return false;
  }
}

// What exception entry makes of the newer bits of PSTATE.
void enter_pstate(CpuState& s, unsigned target) {
  const u64 sctlr = s.reg(of_el(target, SysReg::SCTLR_EL1, SysReg::SCTLR_EL2, SysReg::SCTLR_EL3));
  s.daif = kDaifMask;
  s.ss = s.il = s.btype = s.uao = 0;
  if (target == 1 && s.features.has(Feature::PAN) && !bit(sctlr, 23)) s.pan = 1;  // SPAN
  if (s.features.has(Feature::SSBS)) s.ssbs = bit(sctlr, 44);                     // DSSBS
}

}  // namespace

void raise(CpuState& s, u32 ec, u32 iss) {
  s.exception = {};
  s.exception.ec = ec;
  s.exception.iss = iss;
  s.fault = 1;
}

void raise_with_far(CpuState& s, u32 ec, u32 iss, u64 far) {
  raise(s, ec, iss);
  s.exception.far_valid = true;
  s.exception.far = far;
}

void take_exception(CpuState& s, const ExceptionInfo& e) {
  const unsigned target = e.target_el != 0 ? e.target_el : s.el < 1 ? 1 : s.el;
  ASSERT(target >= s.el && target <= 3, "an exception is never taken to a lower EL");
  if (e.return_to_next) s.ss = 0;  // SSAdvance: SVC, HVC and SMC complete
  if (!keeps_btype(e)) s.btype = 0;
  s.spsr_el[target] = pstate_to_spsr(s);
  s.elr_el[target] = s.pc + (e.return_to_next ? 4 : 0);
  report(s, target, e);
  const u64 offset = vector_offset(s, target, e.kind);
  change_el(s, target, 1);
  enter_pstate(s, target);
  s.pc = s.reg(of_el(target, SysReg::VBAR_EL1, SysReg::VBAR_EL2, SysReg::VBAR_EL3)) + offset;
  s.monitor_size = 0;
  s.stepped = 0;
  s.fault = 0;
  update_mode(s);
}

void exception_return(CpuState& s, u64 elr) {
  ASSERT(s.el != 0, "ERET is UNDEFINED at EL0");
  const u32 spsr = s.spsr_el[s.el];
  const bool illegal = illegal_return(s, spsr);
  const unsigned target = illegal ? s.el : static_cast<unsigned>(bits(spsr, 3, 2));
  const bool ss = return_ss(s, spsr, target);
  if (illegal) {
    // EL, SP and the execution state stay; NZCV, DAIF, PAN and SS come from SPSR, and IL is set. UNPREDICTABLE: chose
    // to leave UAO, DIT, SSBS and BTYPE as they are.
    s.nzcv = nzcv_from_arch(spsr);
    s.daif = spsr & kDaifMask;
    if (s.features.has(Feature::PAN)) s.pan = bit(spsr, kSpsrPan);
    s.il = 1;
    update_mode(s);
  } else {
    set_pstate(s, spsr);
  }
  s.ss = ss;
  s.stepped = 0;
  s.pc = return_address(s, elr);
  s.monitor_size = 0;
  std::atomic_ref(s.event_register).store(1, std::memory_order_relaxed);
  update_mode(s);
}

bool pending_interrupt(const CpuState& s, u32 lines, ExceptionInfo& out) {
  using Kind = ExceptionInfo::Kind;
  const auto take = [&](Kind kind) {
    out = {};
    out.kind = kind;
    return true;
  };
  if ((lines & kCpuLineSError) != 0 && !bit(s.daif, 8)) return take(Kind::SError);
  if ((lines & kCpuLineFiq) != 0 && !bit(s.daif, 6)) return take(Kind::Fiq);
  if ((lines & kCpuLineIrq) != 0 && !bit(s.daif, 7)) return take(Kind::Irq);
  return false;
}

// GetPSRFromPSTATE
u32 pstate_to_spsr(const CpuState& s) {
  return nzcv_to_arch(s.nzcv) | u32{s.dit} << kSpsrDit | u32{s.ssbs} << kSpsrSsbs | u32{s.btype} << kSpsrBtype |
         u32{s.uao} << kSpsrUao | u32{s.pan} << kSpsrPan | u32{s.ss} << kSpsrSs | u32{s.il} << kSpsrIl |
         (s.daif & kDaifMask) | u32{s.el} << 2 | s.sp_sel;
}

// SetPSTATEFromPSR
void set_pstate(CpuState& s, u32 spsr) {
  s.nzcv = nzcv_from_arch(spsr);
  s.daif = spsr & kDaifMask;
  s.il = bit(spsr, kSpsrIl);
  if (s.features.has(Feature::PAN)) s.pan = bit(spsr, kSpsrPan);
  if (s.features.has(Feature::UAO)) s.uao = bit(spsr, kSpsrUao);
  if (s.features.has(Feature::DIT)) s.dit = bit(spsr, kSpsrDit);
  if (s.features.has(Feature::SSBS)) s.ssbs = bit(spsr, kSpsrSsbs);
  if (s.features.has(Feature::BTI)) s.btype = static_cast<u8>(bits(spsr, kSpsrBtype + 1, kSpsrBtype));
  change_el(s, static_cast<unsigned>(bits(spsr, 3, 2)), spsr & 1);
  update_mode(s);
}

}  // namespace ferry::cpu
