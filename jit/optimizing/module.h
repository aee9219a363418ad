// The border of the optimizing tier, which is a shared object of its own: LLVM (50 MiB) comes into a process with it,
// and only then. What passes here is checked to be of the same build.
#pragma once
#include <memory>
#include <string>

#include "cpu/state.h"
#include "ir/block.h"
#include "jit/fault_table.h"
#include "jit/region.h"
#include "jit/tier.h"

namespace ferry::jit::optimizing {

// What the module uses of the program that loads it.
struct Host {
  void (*assertion_failed)(const char* condition, const char* sentence, const char* file, int line);
  const cpu::HelperInfo& (*helper_info)(cpu::Helper h);
  U128 (*eval_inst)(cpu::CpuState& s, const ir::Inst& inst, const U128& a, const U128& b, const U128& c);
  void (*add_faults)(std::span<const FaultEntry> entries);
  void (*remove_faults)(std::span<const FaultEntry> entries);
};

// What both were built from: a digest of the sources that they share, of the compiler and of its options.
constexpr u64 kBuildId =
#include "jit/build_id.inc"
    ;
// The module's own, a u64: looked at before anything of the module is called.
constexpr const char* kBuildName = "ferry_optimizing_build";

// The module's one function: a new Optimizing tier, or null and why.
using CreateFn = RegionTier* (*)(const Host* host, usize capacity, unsigned level, bool window, u64 heap,
                                 std::string* why);
constexpr const char* kCreateName = "ferry_create_optimizing";
constexpr const char* kFileName = "ferry_optimizing.so";

}  // namespace ferry::jit::optimizing
