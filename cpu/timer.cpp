#include "cpu/timer.h"

#include <algorithm>

namespace ferry::cpu {
namespace {

constexpr u64 kEnable = 1, kIMask = 2, kIStatus = 4;

struct Timer {
  SysReg ctl;
  SysReg cval;
  bool is_virtual;
};
constexpr Timer kPhysical = {SysReg::CNTP_CTL_EL0, SysReg::CNTP_CVAL_EL0, false};
constexpr Timer kVirtual = {SysReg::CNTV_CTL_EL0, SysReg::CNTV_CVAL_EL0, true};

// The offset from the system counter to the timer's view of it.
u64 offset(const CpuState& s, const Timer& t) { return t.is_virtual ? s.reg(SysReg::CNTVOFF_EL2) : 0; }

// IsTimerConditionMet: unsigned comparison of the whole 64 bits.
bool condition_met(const CpuState& s, const Timer& t, u64 counter) { return counter - offset(s, t) >= s.reg(t.cval); }

u64 control(const CpuState& s, const Timer& t, u64 counter) {
  const u64 ctl = s.reg(t.ctl) & (kEnable | kIMask);
  return (ctl & kEnable) != 0 && condition_met(s, t, counter) ? ctl | kIStatus
                                                              : ctl;  // ISTATUS is UNKNOWN while disabled
}

bool level(const CpuState& s, const Timer& t, u64 counter) { return is_asserted(control(s, t, counter)); }

u64 deadline(const CpuState& s, const Timer& t, u64 counter) {
  if ((s.reg(t.ctl) & (kEnable | kIMask)) != kEnable || condition_met(s, t, counter)) return kNoDeadline;
  const u64 at = s.reg(t.cval) + offset(s, t);
  return at > counter ? at : kNoDeadline;
}

const Timer& timer_of(SysReg r) {
  return r == SysReg::CNTP_TVAL_EL0 || r == SysReg::CNTP_CTL_EL0 || r == SysReg::CNTP_CVAL_EL0 ? kPhysical : kVirtual;
}

}  // namespace

bool is_asserted(u64 control) { return (control & (kEnable | kIMask | kIStatus)) == (kEnable | kIStatus); }

TimerState evaluate_timers(const CpuState& s, u64 counter) {
  return {level(s, kPhysical, counter), level(s, kVirtual, counter),
          std::min(deadline(s, kPhysical, counter), deadline(s, kVirtual, counter))};
}

u64 read_timer(const CpuState& s, SysReg r, u64 counter) {
  const Timer& t = timer_of(r);
  if (r == t.ctl) return control(s, t, counter);
  if (r == t.cval) return s.reg(t.cval);
  return (s.reg(t.cval) - (counter - offset(s, t))) & 0xffffffff;
}

void write_timer(CpuState& s, SysReg r, u64 value, u64 counter) {
  const Timer& t = timer_of(r);
  if (r == t.ctl)
    s.reg(t.ctl) = value & (kEnable | kIMask);
  else if (r == t.cval)
    s.reg(t.cval) = value;
  else
    s.reg(t.cval) = counter - offset(s, t) + static_cast<u64>(sign_extend(value, 32));
}

// Seconds and the rest apart, so that nothing overflows below 584 years.
u64 counter_of_ns(u64 ns, u64 frequency) {
  constexpr u64 kSecond = 1'000'000'000;
  return ns / kSecond * frequency + ns % kSecond * frequency / kSecond;
}

u64 ns_of_counter(u64 counter, u64 frequency) {
  constexpr u64 kSecond = 1'000'000'000;
  if (frequency == 0 || counter / frequency >= ~u64{0} / kSecond) return ~u64{0};
  return counter / frequency * kSecond + (counter % frequency * kSecond + frequency - 1) / frequency;
}

}  // namespace ferry::cpu
