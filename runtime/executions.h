// How often the blocks of the baseline ran, and what branches they ended with: from the counters that they carry in the
// tier "tiered" to find out what is hot. Running costs nothing for it. Regions do not count.
#pragma once
#include <span>

#include "core/types.h"

namespace ferry::runtime {

struct Executions {
  u64 blocks = 0, insns = 0;
  u64 direct = 0;    // left by a direct branch, or by running into the next block
  u64 indirect = 0;  // by an indirect branch or call
  u64 returns = 0;   // by RET with X30

  // A block of these instructions ran so often.
  void add(std::span<const u32> words, u64 times);
};

}  // namespace ferry::runtime
