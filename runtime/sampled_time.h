// What the translator's work on blocks costs, by a sample of them.
#pragma once
#include <chrono>

#include "core/types.h"

namespace ferry::runtime {

// Reading the clock for every block would be a tenth of what translation costs: one block in so many is timed, and
// stands for all of them.
class SampledTime {
 public:
  explicit SampledTime(u64 blocks) : start_(blocks % kEvery == kEvery / 2 ? now() : 0) {}
  void add_to(u64& total) const {
    if (start_ != 0) total += (now() - start_) * kEvery;
  }

 private:
  static u64 now() {
    return static_cast<u64>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count());
  }
  static constexpr u64 kEvery = 16;
  u64 start_;
};

}  // namespace ferry::runtime
