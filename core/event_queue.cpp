#include "core/event_queue.h"

namespace ferry {

EventQueue::EventId EventQueue::add(u64 deadline_ns, Callback callback) {
  EventId id = 0;
  bool earlier = false;
  {
    const std::lock_guard lock(mutex_);
    id = next_id_++;
    earlier = events_.empty() || deadline_ns < events_.begin()->first.first;
    events_.emplace(Key{deadline_ns, id}, std::move(callback));
    deadlines_.emplace(id, deadline_ns);
  }
  if (earlier && earlier_hook_) earlier_hook_(deadline_ns);
  return id;
}

bool EventQueue::cancel(EventId id) {
  const std::lock_guard lock(mutex_);
  const auto it = deadlines_.find(id);
  if (it == deadlines_.end()) return false;
  events_.erase(Key{it->second, id});
  deadlines_.erase(it);
  return true;
}

void EventQueue::wait_for_running() {
  std::unique_lock lock(mutex_);
  if (depth_ == 0 || runner_ == std::this_thread::get_id()) return;
  idle_.wait(lock, [this, seen = finished_] { return finished_ != seen; });
}

u64 EventQueue::next_deadline() const {
  const std::lock_guard lock(mutex_);
  return events_.empty() ? kNever : events_.begin()->first.first;
}

void EventQueue::run_due(u64 now_ns) {
  const std::lock_guard run_lock(run_mutex_);
  for (;;) {
    Callback callback;
    {
      const std::lock_guard lock(mutex_);
      const auto it = events_.begin();
      if (it == events_.end() || it->first.first > now_ns) return;
      ++depth_;
      runner_ = std::this_thread::get_id();
      callback = std::move(it->second);
      deadlines_.erase(it->first.second);
      events_.erase(it);
    }
    callback();
    {
      const std::lock_guard lock(mutex_);
      if (--depth_ == 0) ++finished_;
    }
    idle_.notify_all();
  }
}

Timer::~Timer() {
  disarm();
  queue_.wait_for_running();  // also a callback that an arm() or disarm() came too late for
}

void Timer::arm(u64 deadline_ns) {
  const std::lock_guard lock(mutex_);
  if (id_ != 0) queue_.cancel(id_);
  id_ = 0;
  deadline_ = deadline_ns;
  if (deadline_ns == kNever) return;
  id_ = queue_.add(deadline_ns, [this, deadline_ns] {
    {
      const std::lock_guard inner(mutex_);
      if (deadline_ == deadline_ns) deadline_ = kNever;
    }
    callback_();
  });
}

u64 Timer::deadline() const {
  const std::lock_guard lock(mutex_);
  return deadline_;
}

void Timer::visit(Archive& archive, std::string_view name) {
  u64 value = deadline();
  archive.field(name, value);
  if (archive.loading() && archive.ok()) arm(value);
}

}  // namespace ferry
