#include "core/clock.h"

#include <chrono>

#include "core/check.h"

namespace ferry {
namespace {

constexpr u64 kVirtualWallStart = 1735689600;  // 2025-01-01 00:00:00 UTC

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

Clock::Clock(Kind kind) : kind_(kind) {
  if (is_virtual()) {
    wall_start_ = kVirtualWallStart * kNanosecondsPerSecond;
  } else {
    base_ = host_monotonic();
  }
}

u64 Clock::host_now() const { return host_monotonic() - base_.load(std::memory_order_relaxed); }

u64 Clock::now() const {
  if (is_virtual()) return virtual_now_.load(std::memory_order_acquire);
  const u64 paused = paused_at_.load(std::memory_order_acquire);
  return paused != kNever ? paused : host_now();
}

void Clock::advance_to(u64 ns) {
  ASSERT(is_virtual(), "only a virtual clock is advanced");
  ASSERT(ns >= virtual_now_.load(std::memory_order_relaxed), "a clock never goes back");
  virtual_now_.store(ns, std::memory_order_release);
}

void Clock::pause() {
  if (is_virtual() || paused_at_.load() != kNever) return;
  paused_at_.store(host_now(), std::memory_order_release);
}

void Clock::resume() {
  const u64 paused = paused_at_.load();
  if (is_virtual() || paused == kNever) return;
  base_.store(host_monotonic() - paused);
  paused_at_.store(kNever, std::memory_order_release);
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
      base_ = host_monotonic() - time;
    }
  });
}

}  // namespace ferry
