// What jump caches must forget: each vCPU clears its own, by reading what was added since it last looked.
#pragma once
#include <array>
#include <mutex>

#include "core/types.h"

namespace ferry::runtime {

struct Purge {
  u64 pa = 0;                  // of the block
  const void* code = nullptr;  // what entries for it may hold
  const void* first = nullptr;
};

class PurgeLog {
 public:
  void add(const Purge& purge) {
    const std::lock_guard lock(mutex_);
    ring_[head_++ % kSize] = purge;
  }
  // Every entry of every jump cache is to go.
  void add_everything() {
    const std::lock_guard lock(mutex_);
    head_ += kSize + 1;
  }
  // Calls one(purge) for each since `seen`, or false: they are no longer all here, everything is to go. Moves `seen`
  // on.
  template <class One>
  bool replay(u64& seen, One&& one) {
    const std::lock_guard lock(mutex_);
    const bool all_here = head_ - seen <= kSize;
    for (; all_here && seen != head_; ++seen) one(ring_[seen % kSize]);
    seen = head_;
    return all_here;
  }

 private:
  static constexpr u64 kSize = 512;
  std::mutex mutex_;
  u64 head_ = 0;
  std::array<Purge, kSize> ring_;
};

}  // namespace ferry::runtime
