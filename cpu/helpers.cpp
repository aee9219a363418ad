// The table of helpers, made of cpu/helpers.def.
#include "core/check.h"
#include "cpu/state.h"

namespace ferry::cpu {

namespace helper {
#define HELPER(name, result, effects) u64 name(CpuState&, u64, u64, u64, u64);
#include "cpu/helpers.def"
#undef HELPER
}  // namespace helper

namespace {

constexpr HelperInfo kHelpers[] = {
#define HELPER(name, result, effects) {#name, #result[0], effects, &helper::name},
#include "cpu/helpers.def"
#undef HELPER
};

constexpr HelperFn kFunctions[] = {
#define HELPER(name, result, effects) &helper::name,
#include "cpu/helpers.def"
#undef HELPER
};

}  // namespace

const HelperFn* helper_table() { return kFunctions; }

const HelperInfo& helper_info(Helper h) {
  ASSERT(h < Helper::kCount, "helper number outside helpers.def");
  return kHelpers[static_cast<usize>(h)];
}

}  // namespace ferry::cpu
