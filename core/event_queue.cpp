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

void EventQueue::cancel_and_wait(EventId id) {
  if (cancel(id)) return;
  std::unique_lock lock(mutex_);
  if (running_ != id || runner_ == std::this_thread::get_id()) return;
  idle_.wait(lock, [&] { return running_ != id; });
}

u64 EventQueue::next_deadline() const {
  const std::lock_guard lock(mutex_);
  return events_.empty() ? kNever : events_.begin()->first.first;
}

void EventQueue::run_due(u64 now_ns) {
  const std::lock_guard run_lock(run_mutex_);
  for (;;) {
    Callback callback;
    EventId outer = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto it = events_.begin();
      if (it == events_.end() || it->first.first > now_ns) return;
      outer = running_;
      running_ = it->first.second;
      runner_ = std::this_thread::get_id();
      callback = std::move(it->second);
      deadlines_.erase(it->first.second);
      events_.erase(it);
    }
    callback();
    {
      const std::lock_guard lock(mutex_);
      running_ = outer;
    }
    idle_.notify_all();
  }
}

Timer::~Timer() {
  EventQueue::EventId id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = id_;
  }
  if (id != 0) queue_.cancel_and_wait(id);
}

void Timer::arm(u64 deadline_ns) {
  const std::lock_guard lock(mutex_);
  if (deadline_ns == deadline_ && deadline_ns == kNever) return;
  if (id_ != 0) queue_.cancel(id_);
  deadline_ = deadline_ns;
  if (deadline_ns == kNever) return;  // id_ stays: the destructor may have to wait for a callback that is still running
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
