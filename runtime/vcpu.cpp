// The vCPU loop: from one exit of translated code to the next entry. vcpu_step.cpp has single instructions,
// vcpu_wait.cpp power and waiting, vcpu_environment.cpp the Environment half.
#include "runtime/vcpu.h"

#include <algorithm>
#include <bit>
#include <fstream>

#include "core/activity.h"
#include "core/check.h"
#include "core/log.h"
#include "cpu/exceptions.h"
#include "frontend/landing.h"
#include "jit/fault_table.h"
#include "runtime/guest_words.h"
#include "runtime/system.h"

namespace ferry::runtime {
namespace {

using jit::ExitReason;

constexpr u64 kPageMask = ~u64{0xfff};
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

void Vcpu::update_context() {
  if (context_dirty_) {
    mmu_->select();
    context_dirty_ = false;
  }
  s_->context = u64{mmu_->exec_key(s_->pc)} << 32 | s_->mode.value;
  s_->attention = wants_attention() ? -1 : 0;
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

bool Vcpu::step() {
  const bool poked =
      virtual_time_ ? s_->budget.load(std::memory_order_relaxed) <= 0 : s_->budget.load(std::memory_order_acquire) < 0;
  if (poked || look_again_) {
    look_again_ = false;
    if (!look_at_signals()) return false;
  }
  update_context();
  const u64 pc = s_->pc;
  s_->pc_page = pc & kPageMask;
  if (s_->mode.single_step() != 0 || s_->mode.breakpoints() != 0 || s_->mode.illegal() != 0) {
    step_watched();
    return true;
  }
  if (pending_link_ == nullptr && s_->btype == 0) {
    cpu::JumpEntry& entry = jump_entry(pc);
    if (entry.va == pc && entry.context == s_->context) return run_entry(entry);
    if (const cpu::JumpEntry* far = far_jumps_.find(pc, s_->context)) {
      entry = *far;
      return run_entry(entry);
    }
  }
  const Translator::Found found = lookup(pc);
  return found.block == nullptr || run_cached(found);
}

bool Vcpu::run_entry(const cpu::JumpEntry& entry) {
  if (system_.translator().compiler() != nullptr) return run_cached({nullptr, entry.code});
  return run_cached({static_cast<TranslatedBlock*>(const_cast<void*>(entry.code)), nullptr});
}

// Runs shared code inside the gate. False: what was found may be gone, and nothing ran.
template <class Run>
bool Vcpu::gated(Run run) {
  softmmu::Shootdown& gate = system_.shootdown();
  if (!gate.try_enter(index_, code_version_)) {
    forget_withdrawn();
    return false;
  }
  run();
  gate.leave(index_);
  return true;
}

bool Vcpu::run_cached(const Translator::Found& found) {
  ExitReason reason = ExitReason::kCount;
  const bool ran = gated([&] {
    if (s_->btype != 0) s_->btype = landed_btype_;
    if (found.code != nullptr) {
      ++stats_.runs_baseline;
      const activity::Scope scope(activity::Activity::Guest);
      reason = static_cast<ExitReason>(system_.translator().compiler()->enter(*s_, found.code));
    } else {
      reason = interpret(*found.block);
    }
  });
  return !ran || handle_exit(reason);
}

// Code was withdrawn, or a shootdown served: the next lookup starts from nothing that was known before.
void Vcpu::forget_withdrawn() {
  pending_link_ = nullptr;
  const u64 now = system_.shootdown().code_version();
  if (now != code_version_) know_version(now);
}

// The purges that came with that version are in the log by now, perhaps more.
void Vcpu::know_version(u64 version) {
  code_version_ = version;
  if (!system_.translator().purges().replay(purges_seen_, [this](const Purge& p) { purge(p); })) clear_jump_cache();
}

// Finds or makes the block at pc. No block: something else was done instead (a fault taken, one instruction
// interpreted).
Translator::Found Vcpu::lookup(u64 pc) {
  jit::LinkSite* const site = std::exchange(pending_link_, nullptr);
  if ((pc & 3) != 0) {
    cpu::raise_with_far(*s_, cpu::kEcPcAlign, 0, pc);
    take_fetch_fault();
    return {};
  }
  const softmmu::FetchResult fetched = mmu_->fetch(pc);
  if (!fetched.ok) {
    take_fetch_fault();
    return {};
  }
  s_->context = u64{mmu_->exec_key(pc)} << 32 | s_->mode.value;  // a fetch may renew the key
  if (s_->btype != 0 && !may_land(fetched)) return {};
  const Translator::Found found = system_.translator().find(
      {.pa = fetched.pa, .va = pc, .mode = s_->mode, .context = s_->context, .site = site, .version = code_version_},
      stats_);
  if (found.block != nullptr) remember(pc, fetched, found);
  // Behind it: the log may tell already that what was found is gone again, and tells it once.
  if (found.version != code_version_) know_version(found.version);
  if (found.block == nullptr) {
    run_uncached(fetched);
    return {};
  }
  return found;
}

// The next branch to pc finds the code without asking.
void Vcpu::remember(u64 pc, const softmmu::FetchResult& fetched, const Translator::Found& found) {
  // Without BTI there is no need to look at the guest's word, which may be in nobody's cache.
  const bool bti = s_->features.has(cpu::Feature::BTI);
  const u32 word = bti ? first_word(fetched) : 0;
  landed_btype_ = bti && frontend::keeps_btype(word) ? s_->btype : u8{0};
  const bool compiles = system_.translator().compiler() != nullptr;
  if (compiles && found.code == nullptr) return;
  if (log_enabled(LogCategory::kExec)) {
    // Without links and jump cache, so that every block passes here.
    log(LogCategory::kExec, "cpu{} block at pc {:#x} el{} insn {}", index_, pc, s_->el, instructions());
    return;
  }
  if (system_.settings().chain_indirect) {
    const u64 landing = bti ? frontend::landing_mask(word, fetched.guarded, s_->features) : 0;
    jump_entry(pc) = {pc, s_->context, compiles ? found.code : found.block, landing};
    far_jumps_.put(jump_entry(pc));
  }
}

u32 Vcpu::first_word(const softmmu::FetchResult& fetched) { return guest_word(fetched.page + (fetched.pa & 0xfff)); }

// FEAT_BTI: the instruction at pc after a branch that left PSTATE.BTYPE. False: the exception was taken.
bool Vcpu::may_land(const softmmu::FetchResult& fetched) {
  if (!fetched.guarded || fetched.page == nullptr) return true;
  const bool bt = bit(s_->reg(cpu::SysReg::SCTLR_EL1), s_->el == 0 ? 35 : 36);
  if ((frontend::landing_in_guarded_page(first_word(fetched), bt, s_->features) >> s_->btype & 1) != 0) return true;
  cpu::raise(*s_, cpu::kEcBti, s_->btype);
  take_fault();
  look_again_ = true;
  return false;
}

// An indirect branch left translated code. What other registers than X16 and X17 leave in BTYPE depends on where the
// branch stood, in the page that pc_page still names.
void Vcpu::settle_btype() {
  if (s_->btype == 3 && !mmu_->guarded(s_->pc_page)) s_->btype = 1;
}

ExitReason Vcpu::interpret(TranslatedBlock& block) {
  ++stats_.runs_interpreter;
  if (virtual_time_) {
    const i32 n = static_cast<i32>(block.insn_count());
    if (s_->budget.load(std::memory_order_relaxed) < n) return ExitReason::Poll;
    s_->budget.fetch_sub(n, std::memory_order_relaxed);
  }
  const activity::Scope scope(activity::Activity::Interpreter);
  const ExitReason reason = interpreter_.run(*s_, *block.ir);
  s_->link_site = nullptr;
  return reason;
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

void Vcpu::clear_jump_cache() {
  std::fill_n(jump_cache_.get(), cpu::kJumpEntries, cpu::JumpEntry{~u64{0}, 0, nullptr, 0});
  far_jumps_.clear();
}

// An entry's index holds VA<kJumpBits + 1:2>; VA<11:2> is the physical address's, the bits above are any.
void Vcpu::purge(const Purge& purge) {
  const void* const first = purge.first != nullptr ? purge.first : purge.code;
  for (u64 high = 0; high < cpu::kJumpEntries >> 10; ++high) {
    cpu::JumpEntry& e = jump_cache_[((purge.pa & 0xfff) >> 2) | high << 10];
    if (e.code == purge.code || e.code == first) e = {~u64{0}, 0, nullptr, 0};
  }
  far_jumps_.purge(purge.pa, purge.code, first);
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
