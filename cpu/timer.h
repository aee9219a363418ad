// The generic timers of a PE (Arm ARM D11, D17.11) as functions of their registers and the system counter. Who owns the
// time (runtime) asks for levels and the next deadline, and asks again when a register changes or the deadline has
// come.
#pragma once
#include "cpu/state.h"

namespace ferry::cpu {

// No timer will change its output by itself.
constexpr u64 kNoDeadline = ~u64{0};

struct TimerState {
  bool physical = false;  // interrupt levels: EL1 physical (PPI 14), EL1 virtual (PPI 11)
  bool virtual_ = false;
  u64 next_deadline = kNoDeadline;  // the value of the system counter at which a level rises next
};

// Levels and deadline when CNTPCT_EL0 is `counter`.
TimerState evaluate_timers(const CpuState& s, u64 counter);

// Whether a timer whose CTL register reads so holds its interrupt up.
bool is_asserted(u64 control);

// CNT{P,V}_{TVAL,CTL,CVAL}_EL0 at the given counter value.
u64 read_timer(const CpuState& s, SysReg r, u64 counter);
void write_timer(CpuState& s, SysReg r, u64 value, u64 counter);

// The counter at a time, and the first time in nanoseconds at which the counter has a value (kNever-like ~0 when that
// does not fit).
u64 counter_of_ns(u64 ns, u64 frequency);
u64 ns_of_counter(u64 counter, u64 frequency);

}  // namespace ferry::cpu
