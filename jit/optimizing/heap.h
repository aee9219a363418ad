// How much heap LLVM takes, by counts: the allocator cannot tell one thread's memory from another's without stopping
// both. tests/jit/compile_heap.cpp holds the counts against what the allocator gave.
#pragma once
#include <llvm/IR/Module.h>

#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

// Bytes that a region's LLVM IR takes at most, before there is any.
u64 heap_to_lower(const Region& region);
// Bytes that a module takes at most while it is compiled: itself, what passes and code generation make of it, the
// object file and its linking.
u64 heap_to_compile(const llvm::Module& module);
// Bytes that a unit keeps beside its code until it is released: link sites, names, what the session knows of it.
u64 heap_to_keep(const Unit& unit, usize faults);

}  // namespace ferry::jit::optimizing
