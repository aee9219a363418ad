#include "runtime/system.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>

#include "core/activity.h"
#include "core/check.h"
#include "core/log.h"
#include "cpu/exceptions.h"
#include "jit/tiers.h"
#include "runtime/vcpu.h"

namespace ferry::runtime {
namespace {

// The vCPU that the calling thread is, in real time.
thread_local u32 this_cpu = softmmu::Shootdown::kNoCpu;

// How the host's tools (top, perf, taskset) call the calling thread; 15 characters.
void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.c_str()); }

}  // namespace

System::System(const SystemConfig& config, std::unique_ptr<jit::Tier> compiler, softmmu::AddressSpace& memory,
               Clock& clock, EventQueue& events)
    : config_(config),
      memory_(memory),
      clock_(clock),
      events_(events),
      shootdown_(memory),
      translator_(*config.settings, *this, config.model != nullptr ? config.model->features : cpu::FeatureSet{}),
      timer_lines_(config.cpus) {
  memory_.set_code_observer(this);
  if (compiler != nullptr)
    activity::add_code_range(
        compiler->code_begin(), compiler->capacity(),
        config.settings->tier == ferry::Tier::Llvm ? activity::Activity::Optimized : activity::Activity::Baseline);
  translator_.set_compiler(std::move(compiler));
  if (config.settings->tier == ferry::Tier::Tiered && jit::regions_available())
    translator_.start_tiering([this] {
      for (auto& vcpu : vcpus_) vcpu->kick();
    });
  for (unsigned i = 0; i < config.cpus; ++i) vcpus_.push_back(std::make_unique<Vcpu>(*this, i));
  for (auto& vcpu : vcpus_) shootdown_.join(vcpu->state(), vcpu->mmu());
  events_.set_earlier_hook([this](u64 deadline) {
    if (clock_.is_virtual()) {
      for (auto& vcpu : vcpus_) vcpu->shorten_slice(deadline);
      return;
    }
    std::lock_guard lock(event_mutex_);
    event_poke_ = true;
    event_wake_.notify_one();
  });
}

System::~System() {
  translator_.stop_tiering();
  events_.set_earlier_hook({});
  memory_.set_code_observer(nullptr);
}

void System::set_timer_lines(unsigned cpu, const TimerLines& lines) { timer_lines_[cpu] = lines; }

void System::reset() {
  translator_.flush();
  for (unsigned i = 0; i < cpu_count(); ++i) {
    cpu::CpuState& s = vcpus_[i]->state();
    cpu::reset(s, *config_.model, i, config_.entry_el);
    vcpus_[i]->reset_runtime();
  }
  end_ = EndReason::None;
  stopping_ = false;
}

EndReason System::run() {
  {
    std::lock_guard lock(pause_mutex_);
    running_ = clock_.is_virtual() ? 1 : cpu_count();
  }
  std::vector<std::thread> threads;
  if (clock_.is_virtual()) {
    threads.emplace_back([this] { virtual_time_thread(); });
  } else {
    for (unsigned i = 0; i < cpu_count(); ++i) threads.emplace_back([this, i] { vcpu_thread(i); });
    threads.emplace_back([this] { event_thread(); });
  }
  for (std::thread& t : threads) t.join();
  return end_.load();
}

void System::request_end(EndReason reason) {
  EndReason none = EndReason::None;
  end_.compare_exchange_strong(none, reason);
  stopping_.store(true);
  for (auto& vcpu : vcpus_) vcpu->kick();
  {
    std::lock_guard lock(event_mutex_);
    event_poke_ = true;
    event_wake_.notify_all();
  }
  std::lock_guard lock(pause_mutex_);
  pause_changed_.notify_all();
}

void System::vcpu_thread(unsigned index) {
  const activity::Attach attach;
  const activity::Scope scope(activity::Activity::Dispatch);
  this_cpu = index;
  name_thread(fmt::format("vcpu {}", index));
  while (!stopping()) vcpus_[index]->run(~u64{0});
  this_cpu = softmmu::Shootdown::kNoCpu;
  std::lock_guard lock(pause_mutex_);
  --running_;
  pause_changed_.notify_all();
}

// Real time: sleeps until the earliest deadline and runs what is due.
void System::event_thread() {
  const activity::Attach attach;
  const activity::Scope scope(activity::Activity::Device);
  std::unique_lock lock(event_mutex_);
  while (!stopping()) {
    const u64 now = clock_.now();
    const u64 deadline = events_.next_deadline();
    if (deadline <= now) {
      lock.unlock();
      events_.run_due(now);
      lock.lock();
      continue;
    }
    // A second at most, so that a clock that was paused is looked at again.
    const u64 wait = std::min<u64>(deadline - now, kNanosecondsPerSecond);
    event_wake_.wait_for(lock, std::chrono::nanoseconds(wait), [this] { return event_poke_ || stopping(); });
    event_poke_ = false;
  }
}

// Virtual time: one thread runs the vCPUs in turns and the events exactly when they are due. One guest instruction, on
// whichever vCPU, is one nanosecond.
void System::virtual_time_thread() {
  const activity::Attach attach;
  const activity::Scope scope(activity::Activity::Dispatch);
  virtual_thread_ = std::this_thread::get_id();
  name_thread("vcpus");
  unsigned turn = 0;
  while (!stopping()) {
    if (pause_requested()) pause_here();
    const u64 now = clock_.now();
    events_.run_due(now);
    const u64 deadline = events_.next_deadline();
    const u64 executed = instructions();
    u64 quantum = std::min<u64>(settings().sched_quantum, deadline == kNever ? ~u64{0} : deadline - now);
    if (config_.limit_instructions != 0) {
      if (executed >= config_.limit_instructions) {
        request_end(EndReason::InstructionLimit);
        break;
      }
      quantum = std::min(quantum, config_.limit_instructions - executed);
    }
    unsigned passed = 0;
    while (passed < cpu_count() && !vcpus_[turn]->wants_turn(now)) {
      turn = (turn + 1) % cpu_count();
      ++passed;
    }
    if (passed == cpu_count()) {
      jump_over_idle();
      continue;
    }
    this_cpu = turn;
    vcpus_[turn]->run(quantum);
    this_cpu = softmmu::Shootdown::kNoCpu;
    clock_.advance_to(std::max(clock_.now(), now + (instructions() - executed)));
    turn = (turn + 1) % cpu_count();
  }
  virtual_thread_ = std::thread::id{};
  std::lock_guard lock(pause_mutex_);
  --running_;
  pause_changed_.notify_all();
}

// Every vCPU waits or is off: the clock jumps to the next event. Without one, only the host (input, stop) can wake
// them.
void System::jump_over_idle() {
  u64 deadline = events_.next_deadline();
  for (const auto& vcpu : vcpus_) deadline = std::min(deadline, vcpu->idle_until());
  if (deadline != kNever) {
    clock_.advance_to(std::max(clock_.now(), deadline));
    return;
  }
  std::unique_lock lock(idle_mutex_);
  idle_wake_.wait(lock, [this] { return idle_poke_ || stopping() || pause_requested(); });
  idle_poke_ = false;
}

void System::wake_virtual_thread() {
  const std::lock_guard lock(idle_mutex_);
  idle_poke_ = true;
  idle_wake_.notify_one();
}

// Links and jump caches are all that remember keys; a vCPU that waits outside reads its own anew before it enters.
void System::renumber_if_low() {
  softmmu::ExecRegistry& keys = memory_.exec_registry();
  if (!keys.is_low()) return;
  translator_.flush([&] {
    if (keys.is_low()) keys.renumber();
  });
}

void System::stop_all() {
  pausing_ = true;
  for (auto& vcpu : vcpus_) vcpu->kick();
  std::unique_lock lock(pause_mutex_);
  pause_changed_.wait(lock, [this] { return paused_ == running_; });
  clock_.is_virtual() ? void() : clock_.pause();
}

void System::resume() {
  if (!clock_.is_virtual()) clock_.resume();
  std::lock_guard lock(pause_mutex_);
  pausing_ = false;
  pause_changed_.notify_all();
}

void System::pause_here() {
  std::unique_lock lock(pause_mutex_);
  ++paused_;
  pause_changed_.notify_all();
  pause_changed_.wait(lock, [this] { return !pausing_ || stopping(); });
  --paused_;
}

Stats System::stats() {
  Stats total;
  const Executions executed = translator_.executions();
  total.executed_blocks = executed.blocks;
  total.executed_insns = executed.insns;
  total.executed_direct = executed.direct;
  total.executed_indirect = executed.indirect;
  total.executed_returns = executed.returns;
  for (const auto& vcpu : vcpus_) {
    total.add(vcpu->stats());
    const softmmu::Mmu::Statistics m = vcpu->mmu().statistics();
    total.walks += m.walks;
    total.fetch_walks += m.fetch_walks;
    total.slow_loads += m.slow_loads;
    total.slow_stores += m.slow_stores;
    total.device_accesses += m.device_accesses;
    total.tlb_operations += m.tlb_operations;
    total.bank_switches += m.bank_switches;
    total.banks_recycled += m.banks_recycled;
    total.exec_renewals += m.exec_renewals;
    total.tlb_fills += m.tlb_fills;
    total.tlb_conflicts += m.tlb_conflicts;
    total.page_crossings += m.page_crossings;
    total.exclusives += m.exclusives;
    for (usize i = 0; i < softmmu::kMissCauses; ++i) total.tlb_misses[i] += m.misses[i];
    for (unsigned el = 0; el < 4; ++el) {
      total.emulated[el][static_cast<usize>(Stats::Emulated::Device)] += m.device_by_el[el];
      total.emulated[el][static_cast<usize>(Stats::Emulated::SystemRegister)] += vcpu->system_register_accesses[el];
    }
    total.windows_opened += m.windows_opened;
    total.windows_closed += m.windows_closed;
    total.window_maps += m.window_maps;
    total.window_unmaps += m.window_unmaps;
  }
  total.shields = shields_.load();
  return total;
}

u64 System::instructions() const {
  u64 total = 0;
  for (const auto& vcpu : vcpus_) total += vcpu->instructions();
  return total;
}

const u8* System::code_page(u64 pa) {
  const softmmu::Region* region = memory_.find(pa);
  return region == nullptr ? nullptr : region->readable_page(pa);
}

void System::shield(u64 pa) {
  if (shootdown_.shield(this_cpu, pa)) shields_.fetch_add(1, std::memory_order_relaxed);
}

void System::code_written(u64 pa) {
  translator_.code_written(pa);
  for (auto& vcpu : vcpus_) vcpu->kick();
}

void System::range_changed(u64 base, u64 size) {
  shootdown_.drop_all(this_cpu);
  translator_.range_written(base, size);
  for (auto& vcpu : vcpus_) vcpu->kick();
}

}  // namespace ferry::runtime
