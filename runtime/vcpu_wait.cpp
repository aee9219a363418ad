// A vCPU's power (PSCI), WFI, WFE and YIELD.
#include <chrono>
#include <thread>

#include "cpu/exceptions.h"
#include "runtime/guest_words.h"
#include "runtime/system.h"
#include "runtime/vcpu.h"

namespace ferry::runtime {
namespace {

constexpr u64 kPageMask = ~u64{0xfff};

}  // namespace

// After an instruction that lets others go first. Only YIELD gives the turn away: a spinning vCPU waits for one that
// may have no host processor. The host's scheduler is asked rarely, because a turn given away can take milliseconds to
// come back, and guests also put a few YIELDs where they want a short pause. In virtual time likewise: a turn has some
// instructions at least, since each that is given away costs the others' whole turns.
bool Vcpu::give_way() {
  constexpr u32 kYield = 0xd503203f, kYieldsPerTurn = 128;
  constexpr i64 kShortestTurn = 1000;
  if (system_.cpu_count() == 1 || (s_->pc & ~kPageMask) == 0) return true;
  if (virtual_time_ ? executed_in_slice() < kShortestTurn : ++yields_ % kYieldsPerTurn != 0) return true;
  const softmmu::FetchResult fetched = mmu_->fetch(s_->pc - 4);
  if (!fetched.ok) {
    s_->fault = 0;
    return true;
  }
  if (guest_word(fetched.page + ((s_->pc - 4) & ~kPageMask)) != kYield) return true;
  if (virtual_time_) return false;
  std::this_thread::yield();
  return true;
}

bool Vcpu::start(u64 pc, u64 x0) {
  Power off = Power::Off;
  {
    std::lock_guard lock(wake_mutex_);
    if (power() != off) return false;
    start_pc_ = pc;
    start_x0_ = x0;
    power_.store(Power::Starting, std::memory_order_release);
  }
  kick();
  return true;
}

void Vcpu::stop() {
  std::lock_guard lock(wake_mutex_);
  power_.store(Power::Off, std::memory_order_release);
}

// On the vCPU's own thread: from Starting to On.
void Vcpu::begin() {
  cpu::reset(*s_, *system_.config().model, index_, system_.config().entry_el);
  s_->pc = start_pc_;
  s_->x[0] = start_x0_;
  context_dirty_ = true;
  pending_link_ = nullptr;
  suspend_ = false;
  timer_due_ = true;
  power_.store(Power::On, std::memory_order_release);
}

// Not On: waits for that in real time; in virtual time the turn is over.
bool Vcpu::is_running() {
  look_again_ = true;
  if (power() == Power::Starting) {
    begin();
    return true;
  }
  if (virtual_time_) return false;
  std::unique_lock lock(wake_mutex_);
  wake_.wait(lock, [this] { return power() != Power::Off || system_.stopping() || system_.pause_requested(); });
  woken_ = false;
  return false;
}

bool Vcpu::wants_turn(u64 now_ns) const {
  switch (power()) {
    case Power::Off: return false;
    case Power::Starting: return true;
    case Power::On: break;
  }
  return !idle_ || signals_.lines.load() != 0 || timer_due_.load() || now_ns >= idle_until_ns_ ||
         (idle_until_ns_ != kNever && s_->event_register != 0);
}

// AArch64.CheckForWFxTrap: EL0 is about to wait, and SCTLR_EL1 says that it may not. The PC is already behind the
// instruction.
bool Vcpu::is_wait_trapped(u32 trap, u32 which) {
  if ((s_->mode.el0_traps() & trap) == 0) return false;
  s_->pc -= 4;
  cpu::raise(*s_, cpu::kEcWfx, cpu::kIssCondAlways | which);
  take_fault();
  return true;
}

bool Vcpu::wait_for_interrupt() {
  ++stats_.wfi;
  stats_.count(Stats::Emulated::Wfi, s_->el);
  look_again_ = true;
  update_timers();
  if (signals_.lines.load() != 0 || is_wait_trapped(cpu::kEl0TrapWfi, 0)) return true;
  if (virtual_time_) {
    idle_ = true;
    return false;
  }
  std::unique_lock lock(wake_mutex_);
  wake_.wait(lock, [this] {
    return woken_ || signals_.lines.load() != 0 || system_.stopping() || system_.pause_requested() || timer_due_.load();
  });
  woken_ = false;
  return true;
}

// WFE: at once when the event register is set, otherwise a sleep that ends by itself.
bool Vcpu::wait_for_event() {
  ++stats_.wfe;
  stats_.count(Stats::Emulated::Wfe, s_->el);
  look_again_ = true;
  if (std::atomic_ref(s_->event_register).exchange(0) != 0 || is_wait_trapped(cpu::kEl0TrapWfe, 1)) return true;
  const u64 limit_us = system_.settings().wfe_sleep;
  if (virtual_time_) {
    // The end of this turn: whoever would send the event must run first.
    update_timers();
    idle_ = signals_.lines.load() == 0;
    idle_until_ns_ = system_.clock().now() + limit_us * 1000;
    return !idle_;
  }
  std::unique_lock lock(wake_mutex_);
  wake_.wait_for(lock, std::chrono::microseconds(limit_us),
                 [this] { return woken_ || signals_.lines.load() != 0 || system_.stopping(); });
  woken_ = false;
  return true;
}

}  // namespace ferry::runtime
