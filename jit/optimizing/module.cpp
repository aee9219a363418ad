// The module's entry, and the few functions of the program that it calls, under their own names.
#include "jit/optimizing/module.h"

#include "core/check.h"
#include "jit/interpreter/interpreter.h"
#include "jit/optimizing/optimizing.h"

namespace {

const ferry::jit::optimizing::Host* program = nullptr;

}  // namespace

namespace ferry {

void assertion_failed(const char* condition, const char* sentence, const char* file, int line) {
  program->assertion_failed(condition, sentence, file, line);
  __builtin_unreachable();
}

namespace cpu {
const HelperInfo& helper_info(Helper h) { return program->helper_info(h); }
}  // namespace cpu

namespace jit {
U128 eval_inst(cpu::CpuState& s, const ir::Inst& inst, const U128& a, const U128& b, const U128& c) {
  return program->eval_inst(s, inst, a, b, c);
}
void add_faults(std::span<const FaultEntry> entries) { program->add_faults(entries); }
void remove_faults(std::span<const FaultEntry> entries) { program->remove_faults(entries); }
}  // namespace jit

}  // namespace ferry

extern "C" {
extern __attribute__((visibility("default"))) const ferry::u64 ferry_optimizing_build;
const ferry::u64 ferry_optimizing_build = ferry::jit::optimizing::kBuildId;
}

extern "C" __attribute__((visibility("default"))) ferry::jit::RegionTier* ferry_create_optimizing(
    const ferry::jit::optimizing::Host* host, ferry::usize capacity, unsigned level, bool window, ferry::u64 heap,
    std::string* why) {
  program = host;
  auto tier = ferry::jit::Optimizing::create(capacity, level, window, heap);
  if (tier) return std::move(*tier).release();
  *why = tier.error().message;
  return nullptr;
}
