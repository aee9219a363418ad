// What the IR passes must know about a helper, from its row in cpu/helpers.def.
#pragma once
#include "cpu/state.h"
#include "ir/passes.h"

namespace ferry::jit {

// A CallEffectsFn for ir::optimize.
inline ir::CallEffects helper_effects(u64 helper) {
  const u32 e = cpu::helper_info(static_cast<cpu::Helper>(helper)).effects;
  const bool state = (e & cpu::kState) != 0;
  return {.reads_state = state, .writes_state = state, .may_fault = (e & cpu::kFault) != 0, .pure = e == cpu::kPure};
}

}  // namespace ferry::jit
