// Callbacks at moments of the machine's clock. In real time one thread sleeps until next_deadline(); in virtual time
// the runtime stops the vCPUs exactly there. Callbacks run with no lock of the queue held, earliest first, equal
// deadlines in the order they were added.
#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "core/archive.h"
#include "core/clock.h"
#include "core/types.h"

namespace ferry {

class EventQueue {
 public:
  using EventId = u64;  // never 0, never reused
  using Callback = std::function<void()>;

  // Calls `callback` once when the clock reaches deadline_ns (at the next run_due if it has passed). Any thread.
  EventId add(u64 deadline_ns, Callback callback);
  // True if the event was still waiting and now never runs; false if it ran, is running, or was cancelled before. Any
  // thread; does not wait, so it may be called with locks held that the callback takes.
  bool cancel(EventId id);
  // Returns when every callback that was running on another thread has ended (at once inside a callback): after it,
  // what was cancelled before never runs again. No locks held.
  void wait_for_running();

  // The earliest deadline in clock ns, kNever when nothing waits.
  u64 next_deadline() const;
  // Runs everything with a deadline <= now_ns, including what callbacks add on the way. One thread at a time (others
  // wait their turn).
  void run_due(u64 now_ns);

  // Called after add() when the earliest deadline moved earlier, with no lock of the queue held, on the adding thread:
  // wake the sleeper or shorten the vCPU's budget. Set before the first add.
  void set_earlier_hook(std::function<void(u64 deadline_ns)> hook) { earlier_hook_ = std::move(hook); }

 private:
  using Key = std::pair<u64, EventId>;
  mutable std::mutex mutex_;
  std::recursive_mutex run_mutex_;
  std::condition_variable idle_;
  std::map<Key, Callback> events_;
  std::map<EventId, u64> deadlines_;
  EventId next_id_ = 1;
  u32 depth_ = 0;     // callbacks that run now; above 1 when a callback itself calls run_due
  u64 finished_ = 0;  // outermost callbacks that have ended
  std::thread::id runner_;
  std::function<void(u64)> earlier_hook_;
};

// One re-armable event, the form devices keep as a member: its deadline is state, its callback is not.
class Timer {
 public:
  // The callback runs from run_due; it takes the device's lock itself. It may come once more after disarm() or arm()
  // raced with it, so it must look at the device's state rather than trust the call.
  Timer(EventQueue& queue, EventQueue::Callback callback) : queue_(queue), callback_(std::move(callback)) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Replaces the deadline; kNever disarms.
  void arm(u64 deadline_ns);
  void disarm() { arm(kNever); }
  u64 deadline() const;

  void visit(Archive& archive, std::string_view name);

 private:
  EventQueue& queue_;
  EventQueue::Callback callback_;
  mutable std::mutex mutex_;
  EventQueue::EventId id_ = 0;
  u64 deadline_ = kNever;
};

}  // namespace ferry
