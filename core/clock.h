// The machine's one clock. In real time it follows the host's monotonic clock since start; in virtual time only the
// runtime moves it, by executed instructions and by jumping over idle.
#pragma once
#include <atomic>

#include "core/archive.h"
#include "core/types.h"

namespace ferry {

constexpr u64 kNever = ~u64{0};
constexpr u64 kNanosecondsPerSecond = 1'000'000'000;

class Clock {
 public:
  enum class Kind : u8 { kReal, kVirtual };
  explicit Clock(Kind kind);

  Kind kind() const { return kind_; }
  bool is_virtual() const { return kind_ == Kind::kVirtual; }

  // Nanoseconds since the machine started; never goes back. Any thread. In virtual time the runtime brings the clock up
  // to the current instruction before a device can look at it.
  u64 now() const;

  // Virtual time only: moves the clock forward to `ns` (a smaller value is our bug).
  void advance_to(u64 ns);

  // Real time only: the clock stands still between pause() and resume() (monitor stop, snapshot). Not counted;
  // idempotent.
  void pause();
  void resume();

  // Seconds since 1970 at now() == 0, what a real-time clock chip starts from. Real time: the host's wall clock at
  // construction, and wall() follows the host's adjustments. Virtual time: 2025-01-01 00:00:00 UTC, unless set, so that
  // runs repeat.
  void set_wall_start(u64 unix_seconds);
  // Nanoseconds since 1970 now.
  u64 wall() const;

  void visit(Archive& archive);

 private:
  u64 host_now() const;

  const Kind kind_;
  std::atomic<u64> virtual_now_{0};
  // Real time: now() = host monotonic - base_, or paused_at_ while paused.
  std::atomic<u64> base_{0};
  std::atomic<u64> paused_at_{kNever};
  std::atomic<u64> wall_start_{0};
  std::atomic<bool> wall_set_{false};
};

}  // namespace ferry
