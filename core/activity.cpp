#include "core/activity.h"

#include <atomic>
#include <csignal>
#include <ctime>
#include <mutex>

#if defined(__linux__)
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#endif

namespace ferry::activity {
namespace {

struct Range {
  std::atomic<u64> begin{0}, end{0};
  std::atomic<Activity> kind{Activity::Other};
};
constexpr usize kRanges = 8;

std::array<Range, kRanges> ranges;
std::atomic<usize> range_count{0};
std::mutex range_mutex;
std::array<std::atomic<u64>, kActivities> counts;
std::atomic<bool> sampling{false};
static_assert(std::atomic<u64>::is_always_lock_free && std::atomic<Activity>::is_always_lock_free);

#if defined(__linux__)

u64 pc_of(const void* context) {
  [[maybe_unused]] const auto* ucontext = static_cast<const ucontext_t*>(context);
#if defined(__x86_64__)
  return static_cast<u64>(ucontext->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return ucontext->uc_mcontext.pc;
#else
  return 0;
#endif
}

// Async-signal-safe: loads, one relaxed addition.
void sample(int, siginfo_t* info, void* context) {
  Activity found = current;
  if (found == Activity::Guest) {
    found = Activity::Helpers;
    const u64 pc = pc_of(context);
    for (usize i = 0; i < range_count.load(std::memory_order_acquire); ++i) {
      if (pc >= ranges[i].begin.load(std::memory_order_relaxed) && pc < ranges[i].end.load(std::memory_order_relaxed))
        found = ranges[i].kind.load(std::memory_order_relaxed);
    }
  }
  // The host looks at timers of processor time once a tick, which may be several periods.
  const u64 periods = 1 + static_cast<u64>(info->si_overrun);
  counts[static_cast<usize>(found)].fetch_add(periods, std::memory_order_relaxed);
}

#endif

}  // namespace

std::string_view name(Activity activity) {
  static constexpr std::array<std::string_view, kActivities> kNames = {
      "other",  "dispatch", "guest",         "interpreter",    "translate", "optimize",
      "memory", "devices",  "baseline code", "optimized code", "helpers"};
  return kNames[static_cast<usize>(activity)];
}

void start_sampling() {
#if defined(__linux__)
  struct sigaction action{};
  action.sa_sigaction = sample;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sampling = sigaction(SIGPROF, &action, nullptr) == 0;
#endif
}

bool is_sampling() { return sampling; }

Attach::Attach() {
#if defined(__linux__)
  if (!sampling) return;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGPROF;
  event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
  timer_t timer{};
  if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) return;  // no samples of this thread, then
  timer_ = timer;
  armed_ = true;
  constexpr timespec kInterval{.tv_sec = 0, .tv_nsec = kSampleNs};
  const itimerspec each{.it_interval = kInterval, .it_value = kInterval};
  timer_settime(timer, 0, &each, nullptr);
#endif
}

Attach::~Attach() {
#if defined(__linux__)
  if (armed_) timer_delete(timer_);
#endif
}

void add_code_range(const void* begin, usize size, Activity kind) {
  const std::lock_guard lock(range_mutex);
  const usize at = range_count.load(std::memory_order_relaxed);
  if (at == kRanges) return;
  ranges[at].begin = reinterpret_cast<u64>(begin);
  ranges[at].end = reinterpret_cast<u64>(begin) + size;
  ranges[at].kind = kind;
  range_count.store(at + 1, std::memory_order_release);
}

std::array<u64, kActivities> samples() {
  std::array<u64, kActivities> all{};
  for (usize i = 0; i < kActivities; ++i) all[i] = counts[i].load(std::memory_order_relaxed);
  return all;
}

}  // namespace ferry::activity
