#include "runtime/tiering.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <utility>

#include "core/activity.h"
#include "core/check.h"
#include "core/log.h"
#include "jit/tiers.h"

namespace ferry::runtime {
namespace {

constexpr int kNice = 5;  // a vCPU that wants the processor goes first

// What this thread has cost.
u64 thread_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<u64>(t.tv_sec) * 1'000'000'000 + static_cast<u64>(t.tv_nsec);
}

}  // namespace

u64 Tiering::now_ns() {
  return static_cast<u64>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

Tiering::Tiering(const Settings& settings, MakeIr make_ir, std::function<void()> ready)
    : settings_(settings),
      make_ir_(std::move(make_ir)),
      ready_callback_(std::move(ready)),
      thread_([this] { run(); }) {}

Tiering::~Tiering() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

void Tiering::request(RegionJob job) {
  std::lock_guard lock(mutex_);
  if (failed_) return;
  job.generation = generation_;
  jobs_.push_back(std::move(job));
  if (jobs_.size() > settings_.llvm_queue) jobs_.pop_front();
  wake_.notify_one();
}

std::vector<RegionJob> Tiering::take_ready() {
  std::lock_guard lock(mutex_);
  ready_flag_.store(false, std::memory_order_release);
  return std::exchange(ready_, {});
}

void Tiering::share_limits(const jit::KeptRegions& kept) { kept_.store(&kept, std::memory_order_release); }

usize Tiering::regions() const {
  const jit::KeptRegions* const kept = kept_.load(std::memory_order_acquire);
  return (compiler_ == nullptr ? 0 : compiler_->regions()) + (kept == nullptr ? 0 : kept->regions());
}

bool Tiering::has_room() const {
  std::lock_guard lock(mutex_);
  const jit::KeptRegions* const kept = kept_.load(std::memory_order_acquire);
  const u64 heap = (compiler_ == nullptr ? 0 : compiler_->heap()) + (kept == nullptr ? 0 : kept->heap());
  return regions() < settings_.llvm_regions && heap < settings_.llvm_heap;
}

void Tiering::wait_idle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return jobs_.empty() && !busy_; });
}

void Tiering::reset() {
  jit::RegionTier* compiler = nullptr;
  {
    std::lock_guard lock(mutex_);
    ++generation_;
    jobs_.clear();
    ready_.clear();
    ready_flag_.store(false, std::memory_order_release);
    failed_ = false;
    compiler = compiler_.get();
  }
  if (compiler != nullptr) compiler->reset();
}

void Tiering::run() {
#if defined(__linux__)
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);  // of this thread alone
#endif
  const activity::Attach attach;
  const activity::Scope scope(activity::Activity::Optimize);
  std::unique_lock lock(mutex_);
  for (;;) {
    busy_ = false;
    if (jobs_.empty()) idle_.notify_all();
    wake_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    if (stop_) return;
    RegionJob job = std::move(jobs_.back());
    jobs_.pop_back();
    busy_ = true;
    if (now_ns() - job.requested_ns > kPatienceNs) continue;
    lock.unlock();
    compile(job);
    hold_back();
    lock.lock();
    if (job.code.entry == nullptr) continue;
    if (job.generation != generation_) {
      compiler_->release(job.code);
      continue;
    }
    ready_.push_back(std::move(job));
    ready_flag_.store(true, std::memory_order_release);
    lock.unlock();
    ready_callback_();
    lock.lock();
  }
}

void Tiering::compile(RegionJob& job) {
  if (!compiler_) {
    auto made = jit::make_region_compiler(settings_);
    std::lock_guard lock(mutex_);
    if (made) {
      compiler_ = std::move(*made);
      activity::add_code_range(compiler_->code_begin(), compiler_->capacity(), activity::Activity::Optimized);
    } else if (!std::exchange(complained_, true))
      std::fprintf(stderr, "ferry: %s; hot code stays in the baseline tier\n", made.error().message.c_str());
    failed_ = !compiler_;
  }
  if (!compiler_ || regions() >= settings_.llvm_regions) return;
  if (const jit::KeptRegions* const kept = kept_.load(std::memory_order_acquire)) compiler_->hold_heap(kept->heap());
  const u64 start = thread_ns();
  std::deque<ir::Block> blocks;
  jit::Region region;
  region.context = job.context;
  for (const RegionJob::Source& source : job.sources) {
    make_ir_(blocks.emplace_back(), source, job.mode);
    region.blocks.push_back({&blocks.back(), source.page_delta});
  }
  Result<jit::CompiledCode> code = compiler_->compile_region(region, job.entry);
  job.compile_ns = thread_ns() - start;
  if (code) {
    job.code = std::move(*code);
    if (job.code.entry == nullptr) return;  // no heap for it
    if (!compiler_->save_region(job.saved)) job.saved.clear();
    if (job.expected.empty()) return;
    ASSERT(job.saved == job.expected, "a kept region has other code");
    compiler_->release(job.code);
  } else {
    std::lock_guard lock(mutex_);
    failed_ = true;  // until the caches are flushed
  }
}

// For tests: each finished region waits a while, at random.
void Tiering::hold_back() {
  if (settings_.llvm_delay == 0) return;
  delay_state_ = delay_state_ * 6364136223846793005 + 1442695040888963407;
  std::this_thread::sleep_for(
      std::chrono::microseconds((delay_state_ >> 33) % (static_cast<u64>(settings_.llvm_delay) + 1)));
}

}  // namespace ferry::runtime
