#include "jit/optimizing/heap.h"

#include "jit/fault_table.h"

namespace ferry::jit::optimizing {
namespace {

// An instruction of LLVM IR was measured to take 0.2 to 1.2 KiB, a unit to keep 2 to 4 KiB beside its exits; the test
// tells when a change of LLVM or of the lowering outgrows these.
constexpr u64 kLowerBase = 64 << 10, kPerOp = 8 << 10;
constexpr u64 kCompileBase = 1 << 20, kPerInstruction = 3 << 10;
constexpr u64 kUnitBase = 6 << 10;

}  // namespace

u64 heap_to_lower(const Region& region) {
  u64 ops = 0;
  for (const RegionBlock& block : region.blocks) ops += block.ir->insts.size();
  return kLowerBase + ops * kPerOp;
}

u64 heap_to_compile(const llvm::Module& module) {
  return kCompileBase + module.getInstructionCount() * kPerInstruction;
}

u64 heap_to_keep(const Unit& unit, usize faults) {
  return kUnitBase + unit.exits.size() * sizeof(LinkSite) + faults * sizeof(FaultEntry);
}

}  // namespace ferry::jit::optimizing
