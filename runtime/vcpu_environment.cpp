// The Environment half of Vcpu: what instruction semantics ask of the machine.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "core/activity.h"
#include "core/check.h"
#include "cpu/exceptions.h"
#include "cpu/pmu.h"
#include "cpu/timer.h"
#include "runtime/system.h"
#include "runtime/vcpu.h"

namespace ferry::runtime {
namespace {

constexpr auto kHostWait = std::chrono::milliseconds(5);  // between two looks at a console

}  // namespace

void Vcpu::translation_changed(cpu::CpuState& s) {
  context_dirty_ = true;
  s.attention = -1;
}

void Vcpu::tlb_invalidate(cpu::CpuState& s, const cpu::TlbiOp& op) {
  system_.shootdown().tlb_invalidate(index_, op);
  context_dirty_ = true;
  s.attention = -1;
}

u64 Vcpu::address_translate(cpu::CpuState&, cpu::AtOp op, u64 va) { return mmu_->address_translate(op, va); }

// IC IVAU. IMPDEF: it needs no permission and no translation.
// Writes to code are seen whether or not the guest issues IC: nothing is cached that a write does not invalidate.
void Vcpu::instruction_cache_invalidate(cpu::CpuState&, bool, u64) {}

void Vcpu::data_cache_op(cpu::CpuState&, u64 va, bool needs_write) { mmu_->data_cache_op(va, needs_write); }

void Vcpu::synchronise_time(cpu::CpuState&) {
  if (!virtual_time_ || slice_ == 0) return;
  const u64 done = static_cast<u64>(executed_in_slice()) - cpu::site_after(s_->site);
  const u64 now = slice_start_ns_ + done;
  if (now > system_.clock().now()) system_.clock().advance_to(now);
}

u64 Vcpu::counter(cpu::CpuState& s) {
  synchronise_time(s);
  return cpu::counter_of_ns(system_.clock().now(), system_.config().timer_frequency);
}

u64 Vcpu::cycles(cpu::CpuState& s) {
  if (virtual_time_) return instructions();
  synchronise_time(s);
  return system_.clock().now();  // a PE of 1 GHz
}

void Vcpu::timers_changed(cpu::CpuState&) { update_timers(); }

void Vcpu::update_timers() {
  timer_due_.store(false);
  const u64 frequency = system_.config().timer_frequency;
  synchronise_time(*s_);
  const cpu::TimerState t = cpu::evaluate_timers(*s_, cpu::counter_of_ns(system_.clock().now(), frequency));
  const System::TimerLines& lines = system_.timer_lines(index_);
  lines.physical.set(t.physical);
  lines.virtual_.set(t.virtual_);
  u64 due = t.next_deadline == cpu::kNoDeadline ? kNever : cpu::ns_of_counter(t.next_deadline, frequency);
  // A cycle is a nanosecond. What comes early finds nothing and is armed again.
  if (cpu::pmu_wants_interrupt(*s_)) {
    cpu::pmu_sync(*s_);
    const u64 left = cpu::pmu_cycles_to_interrupt(*s_), now = system_.clock().now();
    if (left != cpu::kNoPmuInterrupt && left < kNever - now) due = std::min(due, now + left);
  }
  lines.pmu.set(cpu::pmu_interrupt(*s_));
  timer_->arm(due);
}

bool Vcpu::gic_read(cpu::CpuState& s, u32 key, u64& value) {
  const activity::Scope scope(activity::Activity::Device);
  CpuInterface* gic = system_.interrupt_controller();
  return gic != nullptr && gic->read_sysreg(index_, key, {.el = s.el, .secure = false}, value);
}

bool Vcpu::gic_write(cpu::CpuState& s, u32 key, u64 value) {
  const activity::Scope scope(activity::Activity::Device);
  CpuInterface* gic = system_.interrupt_controller();
  return gic != nullptr && gic->write_sysreg(index_, key, {.el = s.el, .secure = false}, value);
}

bool Vcpu::firmware_call(cpu::CpuState& s, bool is_smc) {
  stats_.count(is_smc ? Stats::Emulated::Smc : Stats::Emulated::Hvc, s.el);
  ++stats_.firmware_calls;
  return system_.firmware() && system_.firmware()(*this, is_smc);
}

void Vcpu::send_event(cpu::CpuState&) {
  for (unsigned i = 0; i < system_.cpu_count(); ++i) {
    std::atomic_ref(system_.vcpu(i).state().event_register).store(1);
    if (i != index_) system_.vcpu(i).kick();
  }
}

u32 Vcpu::pending_interrupts(cpu::CpuState&) { return signals_.lines.load(std::memory_order_acquire); }

bool Vcpu::random_number(cpu::CpuState&, u64& value) {
  EntropySource* const entropy = system_.entropy();
  if (entropy == nullptr) return false;
  u8 bytes[sizeof value];
  entropy->fill(bytes);
  std::memcpy(&value, bytes, sizeof value);
  return true;
}

// A call that has to wait does so outside the instruction: it leaves it as a fault does, and the loop comes back to it.
bool Vcpu::semihosting(cpu::CpuState& s) {
  if (!system_.semihosting()) return false;
  synchronise_time(s);
  const SemihostingResult result = system_.semihosting()(*this);
  if (result == SemihostingResult::Again || result == SemihostingResult::Wait) {
    repeat_ = result;
    s.fault = 1;
  }
  return result != SemihostingResult::Refused;
}

// Instead of the exception: the instruction at pc is executed again. In virtual time it has not happened, and nobody
// else gets a turn.
void Vcpu::repeat_instruction() {
  const bool wait = std::exchange(repeat_, SemihostingResult::Done) == SemihostingResult::Wait;
  s_->fault = 0;
  if (virtual_time_) s_->budget.fetch_add(1, std::memory_order_relaxed);
  if (!wait) return;
  {
    std::unique_lock lock(wake_mutex_);
    wake_.wait_for(lock, kHostWait, [this] { return woken_ || system_.stopping() || system_.pause_requested(); });
    woken_ = false;
  }
  if (virtual_time_ && system_.pause_requested()) system_.pause_here();
}

// An event was added that is due before the slice ends: the slice is cut to it. From another thread the end of the
// slice is soon enough.
void Vcpu::shorten_slice(u64 deadline_ns) {
  if (!system_.on_virtual_thread()) {
    kick();
    return;
  }
  if (slice_ == 0) return;
  const u64 wanted = deadline_ns > slice_start_ns_ ? deadline_ns - slice_start_ns_ : 0;
  if (wanted >= static_cast<u64>(slice_)) return;
  const i64 budget = s_->budget.load(std::memory_order_relaxed);
  const i64 cut = std::min(slice_ - static_cast<i64>(wanted), stash_ + std::max<i64>(budget, 0));
  slice_ -= cut;
  const i64 from_stash = std::min(cut, stash_);
  stash_ -= from_stash;
  s_->budget.fetch_sub(static_cast<i32>(cut - from_stash), std::memory_order_relaxed);
}

}  // namespace ferry::runtime
