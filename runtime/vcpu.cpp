// The vCPU loop: slices, signals, and what follows each exit of translated code. vcpu_dispatch.cpp goes from there to
// the next entry, vcpu_step.cpp has single instructions, vcpu_wait.cpp power and waiting, vcpu_environment.cpp the
// Environment half.
#include "runtime/vcpu.h"

#include <algorithm>
#include <bit>
#include <fstream>

#include "core/check.h"
#include "core/log.h"
#include "cpu/exceptions.h"
#include "jit/fault_table.h"
#include "runtime/guest_words.h"
#include "runtime/system.h"

namespace ferry::runtime {
namespace {

using jit::ExitReason;

constexpr i32 kRunning = 0x3fffffff;  // budget word in real time: any value that is not negative
constexpr u64 kMaxSlice = 1u << 30;

// Of the host's mappings three quarters are for windows at most, two for each run of pages.
softmmu::WindowConfig window_config(const System& system) {
  const Settings& settings = system.settings();
  u64 host_limit = 65530;
  if (std::ifstream file("/proc/sys/vm/max_map_count"); file) file >> host_limit;
  // Without the handler translated code makes no use of them.
  return {.mode = jit::faults_supported() ? settings.mem_window : ferry::Window::Off,
          .contexts = settings.mem_window_contexts,
          .rate = settings.mem_window_rate,
          .wait = settings.mem_window_wait,
          .max_runs = host_limit * 3 / 8 / system.config().cpus};
}

}  // namespace

Vcpu::Vcpu(System& system, u32 index)
    : system_(system),
      index_(index),
      virtual_time_(system.clock().is_virtual()),
      s_(std::make_unique<cpu::CpuState>()),
      jump_cache_(std::make_unique<cpu::JumpEntry[]>(cpu::kJumpEntries)) {
  s_->env = this;
  s_->cpu_index = index;
  s_->jump_cache = jump_cache_.get();
  s_->helpers = cpu::helper_table();
  follow_clock();
  s_->mode.set_virtual_time(virtual_time_ ? 1 : 0);
  s_->mode.set_ordered(system.config().cpus > 1 ? 1 : 0);
  mmu_ = std::make_unique<softmmu::Mmu>(*s_, system.memory(), true);
  mmu_->configure_window(window_config(system));
  signals_.notify = [](void* self) { static_cast<Vcpu*>(self)->kick(); };
  signals_.context = this;
  timer_ = std::make_unique<Timer>(system.events(), [this] {
    timer_due_.store(true);
    kick();
  });
  clear_jump_cache();
}

Vcpu::~Vcpu() = default;

// Translated code reads the clock itself when a tick of the counter is a power of two of nanoseconds.
void Vcpu::follow_clock() {
  const u64 tick_ns = kNanosecondsPerSecond / system_.config().timer_frequency;
  if (virtual_time_ || tick_ns * system_.config().timer_frequency != kNanosecondsPerSecond ||
      !std::has_single_bit(tick_ns))
    return;
  s_->time_scale = &system_.clock().scale();
  s_->counter_shift = static_cast<u32>(std::countr_zero(tick_ns));
}

void Vcpu::reset_runtime() {
  context_dirty_ = true;
  pending_link_ = nullptr;
  idle_ = false;
  timer_due_ = true;
  s_->fault = 0;
  power_ = Power::Off;
  suspend_ = false;
  look_again_ = true;
  clear_jump_cache();
}

// In virtual time the vCPUs and the event queue share one thread, so this runs on it and can move the budget to the
// stash; anything that comes from another thread is seen at the end of the slice. In real time a negative word is the
// message.
void Vcpu::kick() {
  if (virtual_time_) {
    if (system_.on_virtual_thread() && slice_ != 0) {
      const i32 left = s_->budget.load(std::memory_order_relaxed);
      if (left > 0) {
        stash_ += left;
        s_->budget.store(0, std::memory_order_relaxed);
      }
    } else if (!system_.on_virtual_thread()) {
      system_.wake_virtual_thread();
    }
    return;
  }
  s_->budget.store(-1, std::memory_order_release);
  std::lock_guard lock(wake_mutex_);
  woken_ = true;
  wake_.notify_one();
}

i64 Vcpu::executed_in_slice() const { return slice_ - stash_ - s_->budget.load(std::memory_order_relaxed); }

u64 Vcpu::instructions() const {
  if (!virtual_time_) return 0;
  return slice_ == 0 ? retired_ : retired_ + static_cast<u64>(executed_in_slice()) - cpu::site_after(s_->site);
}

void Vcpu::begin_slice(u64 quantum) {
  slice_ = static_cast<i64>(std::min(quantum, kMaxSlice));
  stash_ = 0;
  slice_start_ns_ = system_.clock().now();
  s_->site = 0;
  s_->budget.store(virtual_time_ ? static_cast<i32>(slice_) : kRunning, std::memory_order_relaxed);
}

void Vcpu::end_slice() {
  if (virtual_time_) retired_ += static_cast<u64>(executed_in_slice());
  slice_ = stash_ = 0;
}

void Vcpu::run(u64 quantum) {
  idle_ = false;
  idle_until_ns_ = kNever;
  look_again_ = true;
  begin_slice(quantum);
  publish_regions();
  while (step()) {
  }
  end_slice();
}

// Whether look_at_signals() could find something although nobody has kicked since it last looked: what it left because
// it was masked, or what this thread itself has asked for. Everything else comes with a kick.
bool Vcpu::something_waits() const {
  return virtual_time_ || suspend_ || signals_.lines.load(std::memory_order_acquire) != 0 || power() != Power::On;
}

// Everything that must be looked at before guest code runs on. False: the slice is over.
bool Vcpu::look_at_signals() {
  if (system_.stopping()) return false;
  if (virtual_time_) {
    if (stash_ > 0) {
      s_->budget.fetch_add(static_cast<i32>(stash_), std::memory_order_relaxed);
      stash_ = 0;
    }
    if (s_->budget.load(std::memory_order_relaxed) <= 0) return false;
  } else {
    // Cleared before looking, so that a kick from now on is seen at the next poll.
    s_->budget.store(kRunning, std::memory_order_seq_cst);
    if (system_.pause_requested()) system_.pause_here();
  }
  if (power() != Power::On && !is_running()) return false;
  if (suspend_) {
    suspend_ = false;
    if (!wait_for_interrupt()) return false;
  }
  publish_regions();
  system_.renumber_if_low();
  if (timer_due_.load(std::memory_order_relaxed)) update_timers();
  if (system_.translator().has_written()) system_.translator().isolate_written();
  cpu::ExceptionInfo interrupt;
  if (cpu::pending_interrupt(*s_, signals_.lines.load(std::memory_order_acquire), interrupt)) {
    ++stats_.interrupts;
    mmu_->interrupted();
    take(interrupt);
  }
  return true;
}

// Whether ISB and the instructions that unmask interrupts have to come back here; a kick says so by the budget word.
bool Vcpu::wants_attention() const { return signals_.lines.load(std::memory_order_acquire) != 0 || debug_is_armed(); }

// MDSCR_EL1.MDE or SS: what PSTATE.D masks is part of Mode.
bool Vcpu::debug_is_armed() const { return (s_->reg(cpu::SysReg::MDSCR_EL1) & 0x8001) != 0; }

void Vcpu::log_exception(const cpu::ExceptionInfo& e) {
  if (e.kind != cpu::ExceptionInfo::Kind::Synchronous) {
    log(LogCategory::kInt, "cpu{} {} at pc {:#x} el{} insn {}", index_,
        e.kind == cpu::ExceptionInfo::Kind::Irq ? "irq" : "fiq or serror", s_->pc, s_->el, instructions());
    return;
  }
  u32 word = 0;
  if (const std::optional<u64> pa = mmu_->debug_translate(s_->pc))
    if (const u8* at = system_.memory().memory_at(*pa, 4)) word = guest_word(at);
  log(LogCategory::kInt, "cpu{} exception ec {:#x} iss {:#x} far {:#x} pc {:#x} word {:08x} el{} insn {}", index_, e.ec,
      e.iss, e.far, s_->pc, word, s_->el, instructions());
}

void Vcpu::take(const cpu::ExceptionInfo& e) {
  pending_link_ = nullptr;
  if (log_enabled(LogCategory::kInt)) log_exception(e);
  if (e.kind == cpu::ExceptionInfo::Kind::Synchronous) ++stats_.traps[s_->el & 3][e.ec & 0x3f];
  cpu::take_exception(*s_, e);
  context_dirty_ = true;
}

void Vcpu::take_fault() {
  if (repeat_ != SemihostingResult{}) return repeat_instruction();
  ++stats_.exceptions;
  const cpu::ExceptionInfo e = s_->exception;
  s_->fault = 0;
  take(e);
}

// There was no instruction to execute. In virtual time the attempt counts as one, or a guest whose vectors cannot be
// fetched would stop the clock.
void Vcpu::take_fetch_fault() {
  if (virtual_time_) s_->budget.fetch_sub(1, std::memory_order_relaxed);
  take_fault();
  look_again_ = true;
}

// An indirect branch left translated code. What other registers than X16 and X17 leave in BTYPE depends on where the
// branch stood, in the page that pc_page still names.
void Vcpu::settle_btype() {
  if (s_->btype == 3 && !mmu_->guarded(s_->pc_page)) s_->btype = 1;
}

bool Vcpu::handle_exit(ExitReason reason) {
  ++stats_.exits[static_cast<unsigned>(reason)];
  pending_link_ = nullptr;
  if (reason != ExitReason::Fault) s_->site = 0;
  switch (reason) {
    case ExitReason::Next:
      pending_link_ = static_cast<jit::LinkSite*>(std::exchange(s_->link_site, nullptr));
      return true;
    case ExitReason::Indirect:
      ++(s_->pc == s_->x[30] ? stats_.return_misses : stats_.indirect_misses);  // RET leaves X30 as it is
      settle_btype();
      return true;
    case ExitReason::BlockLimit:
    case ExitReason::Mode:
    case ExitReason::kCount: return true;
    case ExitReason::Hot: block_is_hot(); return true;
    case ExitReason::Poll:
      settle_btype();
      if (virtual_time_ && stash_ == 0 && s_->budget.load(std::memory_order_relaxed) > 0) {
        step_to_slice_end();
        return true;
      }
      look_again_ = true;
      return true;
    case ExitReason::Fault:
      s_->pc = s_->pc_page + 4 * u64{cpu::site_index(s_->site)};
      refund_unexecuted();
      take_fault();
      look_again_ = something_waits();
      return true;
    case ExitReason::Exception:
      take_fault();
      look_again_ = something_waits();
      return true;
    case ExitReason::Context:
      context_dirty_ = true;
      if (debug_is_armed()) cpu::update_mode(*s_);
      look_again_ = something_waits();
      return true;
    case ExitReason::Wfi: return wait_for_interrupt();
    case ExitReason::Wfe: return wait_for_event();
    case ExitReason::Yield: look_again_ = something_waits(); return give_way();
    case ExitReason::Interpret: step_one(); return true;
  }
  return true;
}

// A block's whole length was subtracted at its entry; what lies behind a faulting instruction was not executed.
void Vcpu::refund_unexecuted() {
  if (virtual_time_) s_->budget.fetch_add(static_cast<i32>(cpu::site_after(s_->site)), std::memory_order_relaxed);
  s_->site = 0;
}

void Vcpu::publish_regions() {
  if (system_.translator().has_regions()) system_.translator().publish(stats_);
}

// The counter of the block at pc ran out: ask for a region, or, when it has one, forget the old way there.
void Vcpu::block_is_hot() {
  const softmmu::FetchResult fetched = mmu_->fetch(s_->pc);
  if (!fetched.ok) return take_fetch_fault();
  system_.translator().hot({.pa = fetched.pa, .va = s_->pc, .mode = s_->mode, .context = s_->context}, stats_);
}

}  // namespace ferry::runtime
