#include "core/clock.h"

#include <algorithm>
#include <chrono>

#include "core/check.h"

namespace ferry {
namespace {

constexpr u64 kVirtualWallStart = 1735689600;  // 2025-01-01 00:00:00 UTC
constexpr u64 kFirstRateNs = 10'000'000;       // over which the counter's rate is measured for the first time
constexpr u64 kCorrectNs = 250'000'000;        // from one correction of the scale to the next
constexpr i64 kTooFarNs = 1'000'000;           // what is not made up for by going faster or slower
constexpr i64 kMostSlewNs = 250'000;           // made up for from one correction to the next
constexpr u64 kRateOne = u64{1} << TimeScale::kRateShift;

// Where a scale begins, and what it is to gain until the next correction.
struct LineStart {
  u64 ns = 0;
  i64 gain_ns = 0;
};

u64 host_monotonic() {
  return static_cast<u64>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

u64 host_wall() {
  return static_cast<u64>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

}  // namespace

Clock::Clock(Kind kind, Source source)
    : kind_(kind), by_ticks_(kind == Kind::kReal && source == Source::kBest && host_ticks_are_time()) {
  if (is_virtual()) {
    wall_start_ = kVirtualWallStart * kNanosecondsPerSecond;
  } else {
    base_ = host_monotonic();
    if (by_ticks_) last_ = take_bearings();
  }
}

u64 Clock::host_now() const { return host_monotonic() - base_.load(std::memory_order_relaxed); }

u64 Clock::now() const {
  if (is_virtual()) return virtual_now_.load(std::memory_order_acquire);
  if (!by_ticks_) {
    const u64 paused = paused_at_.load(std::memory_order_acquire);
    return paused != kNever ? paused : host_now();
  }
  const u64 sequence = scale_.sequence.load(std::memory_order_acquire);
  const u64 from = scale_.ticks.load(std::memory_order_acquire), ns = scale_.ns.load(std::memory_order_acquire);
  const u64 rate = scale_.rate.load(std::memory_order_acquire), span = scale_.span.load(std::memory_order_acquire);
  const u64 passed = host_ticks() - from;
  if (passed < span && (sequence & 1) == 0 && scale_.sequence.load(std::memory_order_acquire) == sequence)
    return ns + (passed * rate >> TimeScale::kRateShift);
  return now_slowly();
}

// The counter read as close to the host's clock as it can be.
Clock::Bearings Clock::take_bearings() {
  Bearings best;
  u64 shortest = ~u64{0};
  for (int i = 0; i < 4; ++i) {
    const u64 before = host_ticks(), ns = host_monotonic(), took = host_ticks() - before;
    if (took >= shortest) continue;
    shortest = took;
    best = {before + took / 2, ns};
  }
  return best;
}

// The scale's time at a moment of the counter; one before its beginning counts as the beginning. The rate is below
// 2^32, so the halves' products fit.
u64 Clock::at(u64 ticks) const {
  const u64 from = scale_.ticks.load(), rate = scale_.rate.load();
  const u64 passed = static_cast<i64>(ticks - from) < 0 ? 0 : ticks - from;
  return scale_.ns.load() + (passed >> 32) * rate + ((passed & 0xffffffff) * rate >> 32);
}

void Clock::take_rate(const Bearings& b) const {
  if (static_cast<i64>(b.ticks - last_.ticks) <= 0 || b.host_ns - last_.host_ns < kFirstRateNs) return;
  u64 ns = b.host_ns - last_.host_ns, ticks = b.ticks - last_.ticks;
  last_ = b;
  for (; ns >= u64{1} << 31; ns >>= 1) ticks >>= 1;
  const u64 rate = ticks == 0 ? kRateOne : (ns << TimeScale::kRateShift) / ticks;
  if (rate < kRateOne) rate_ = rate;  // of a counter below 1 GHz the products would not fit
}

// line(ticks) says from which time, and with what gain, the clock goes on from that moment of the counter. Whoever read
// the old scale has read the counter before that moment.
template <class Line>
void Clock::change_scale(Line line) const {
  scale_.sequence.fetch_add(1);
  const u64 ticks = host_ticks();
  const LineStart start = line(ticks);
  const i64 more = static_cast<i64>(rate_) * start.gain_ns / static_cast<i64>(kCorrectNs);
  scale_.ns.store(start.ns);
  scale_.ticks.store(ticks);
  scale_.rate.store(rate_ + static_cast<u64>(more));
  scale_.span.store((kCorrectNs << TimeScale::kRateShift) / rate_);
  scale_.sequence.fetch_add(1);
}

// Nobody has been told a time behind the scale's span.
void Clock::correct() const {
  const Bearings b = take_bearings();
  take_rate(b);
  const i64 error = static_cast<i64>(b.host_ns - base_.load() - at(b.ticks));
  change_scale([&](u64 ticks) -> LineStart {
    if (error > kTooFarNs) return {std::max(host_now(), at(ticks)), 0};
    if (error < -kTooFarNs)
      return {std::max(host_now(), at(std::min(ticks, scale_.ticks + scale_.span))), -kMostSlewNs};
    return {at(ticks), std::clamp(error, -kMostSlewNs, kMostSlewNs)};
  });
}

// Paused, before the rate is known, at the end of the scale's span, or while it was changed.
u64 Clock::now_slowly() const {
  const std::lock_guard lock(scale_mutex_);
  if (const u64 paused = paused_at_.load(); paused != kNever) return paused;
  if (rate_ == 0) {
    take_rate(take_bearings());
    if (rate_ != 0) change_scale([&](u64) { return LineStart{host_now(), 0}; });
    return rate_ == 0 ? host_now() : scale_.ns.load();
  }
  if (host_ticks() - scale_.ticks.load() >= scale_.span.load()) correct();
  return at(host_ticks());
}

void Clock::pause() {
  if (is_virtual() || paused_at_.load() != kNever) return;
  const u64 ns = now();
  const std::lock_guard lock(scale_mutex_);
  paused_at_.store(ns, std::memory_order_release);
  if (by_ticks_) stand_still();
}

void Clock::resume() {
  const u64 paused = paused_at_.load();
  if (is_virtual() || paused == kNever) return;
  go_on_from(paused);
}

// From here on everybody asks now().
void Clock::stand_still() {
  scale_.sequence.fetch_add(1);
  scale_.span.store(0);
  scale_.sequence.fetch_add(1);
}

void Clock::go_on_from(u64 ns) {
  const std::lock_guard lock(scale_mutex_);
  base_.store(host_monotonic() - ns);
  if (by_ticks_ && rate_ != 0) change_scale([ns](u64) { return LineStart{ns, 0}; });
  paused_at_.store(kNever, std::memory_order_release);
}

void Clock::advance_to(u64 ns) {
  ASSERT(is_virtual(), "only a virtual clock is advanced");
  ASSERT(ns >= virtual_now_.load(std::memory_order_relaxed), "a clock never goes back");
  virtual_now_.store(ns, std::memory_order_release);
}

void Clock::set_wall_start(u64 unix_seconds) {
  wall_start_ = unix_seconds * kNanosecondsPerSecond;
  wall_set_ = true;
}

u64 Clock::wall() const {
  if (!is_virtual() && !wall_set_) return host_wall();
  return wall_start_ + now();
}

void Clock::visit(Archive& archive) {
  archive.section("clock", [&] {
    u64 time = now();
    archive.field("now", time);
    u64 wall_start = wall_start_;
    archive.field("wall_start", wall_start);
    if (!archive.loading() || !archive.ok()) return;
    wall_start_ = wall_start;
    if (is_virtual()) {
      virtual_now_ = time;
    } else if (paused_at_ != kNever) {
      paused_at_ = time;
    } else {
      go_on_from(time);
    }
  });
}

}  // namespace ferry
