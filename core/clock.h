// The machine's one clock. In real time it follows the host's monotonic clock since start; in virtual time only the
// runtime moves it, by executed instructions and by jumping over idle.
//
// Where the host's cycle counter is fit for it, time goes by the counter, so that translated code can read the very
// same clock (scale()). The clock takes its bearings from the host's every quarter of a second: it goes on from where
// it is, at a rate that brings it to the host's by the next time.
#pragma once
#include <atomic>
#include <mutex>

#include "core/archive.h"
#include "core/time_scale.h"
#include "core/types.h"

namespace ferry {

constexpr u64 kNever = ~u64{0};
constexpr u64 kNanosecondsPerSecond = 1'000'000'000;

class Clock {
 public:
  enum class Kind : u8 { kReal, kVirtual };
  enum class Source : u8 { kBest, kHostClock };  // real time: kHostClock does without the host's cycle counter
  explicit Clock(Kind kind, Source source = Source::kBest);

  Kind kind() const { return kind_; }
  bool is_virtual() const { return kind_ == Kind::kVirtual; }

  // Nanoseconds since the machine started; never goes back. Any thread; leaves the host's FP flags alone. In virtual
  // time the runtime brings the clock up to the current instruction before a device can look at it.
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

  // Real time: now() as readers may compute it themselves. Lives as long as the clock.
  const TimeScale& scale() const { return scale_; }

  void visit(Archive& archive);

 private:
  // Both counters at one moment.
  struct Bearings {
    u64 ticks = 0, host_ns = 0;
  };
  static Bearings take_bearings();
  u64 host_now() const;
  u64 now_slowly() const;
  u64 at(u64 ticks) const;
  void take_rate(const Bearings& b) const;
  template <class Line>
  void change_scale(Line line) const;
  void correct() const;
  void stand_still();
  void go_on_from(u64 ns);

  const Kind kind_;
  const bool by_ticks_;
  std::atomic<u64> virtual_now_{0};
  // Real time: now() = host monotonic - base_, or paused_at_ while paused.
  std::atomic<u64> base_{0};
  std::atomic<u64> paused_at_{kNever};
  std::atomic<u64> wall_start_{0};
  std::atomic<bool> wall_set_{false};

  // by_ticks_: who changes the scale holds the mutex.
  mutable std::mutex scale_mutex_;
  mutable TimeScale scale_;
  mutable Bearings last_;  // when the rate was last measured
  mutable u64 rate_ = 0;   // as TimeScale::rate, as measured; 0: not yet
};

}  // namespace ferry
