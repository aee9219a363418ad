// What a compiler of regions compiles: one block, or several that jump to each other.
#pragma once
#include <vector>

#include "core/types.h"
#include "ir/block.h"

namespace ferry::jit {

// One guest block of a region and where its page lies: bytes from the entry's page to it, a multiple of 4 KiB.
struct RegionBlock {
  const ir::Block* ir = nullptr;
  i32 page_delta = 0;
};

// Blocks of one Mode; the first is the entry. Direct exits between them become jumps inside the code. An edge between
// pages of the region is taken only while CpuState::context equals `context`.
struct Region {
  std::vector<RegionBlock> blocks;
  u64 context = ~u64{0};
  u32 insn_count() const {
    u32 n = 0;
    for (const RegionBlock& b : blocks) n += b.ir->insn_count;
    return n;
  }
};

}  // namespace ferry::jit
