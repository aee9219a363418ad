// Brings the optimizing tier into the process: build/ferry_optimizing.so, and LLVM with it.
#pragma once
#include <memory>

#include "core/result.h"
#include "jit/tier.h"

namespace ferry::jit {

// A new optimizing tier. capacity: bytes of code memory, 64 KiB to 2 GiB; level: 0..3, the setting llvm.opt; window:
// EL0's accesses go through the host-MMU window where the host has what it takes; heap: bytes, the setting llvm.heap.
// The module is looked for beside the program, in the folder above it, and in ../lib/ferry; once loaded it stays.
Result<std::unique_ptr<RegionTier>> make_optimizing(usize capacity, unsigned level, bool window = false,
                                                    u64 heap = ~u64{0});

}  // namespace ferry::jit
