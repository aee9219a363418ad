// The IR passes, in the order of one table (passes.cpp). Each keeps the block's meaning at every point where it can be
// seen: exits, faults, and helpers that read state.
#pragma once
#include <string>

#include "ir/block.h"

namespace ferry::ir {

// What a pass must know about a helper that an op Call names; supplied by the user of the passes, since helpers belong
// to another room.
struct CallEffects {
  bool reads_state = false;   // may read guest registers or flags
  bool writes_state = false;  // may write them
  bool may_fault = false;     // may leave the block
  bool pure = false;          // depends on its operands only: removable when unused
};
using CallEffectsFn = CallEffects (*)(u64 helper);

struct Pass {
  std::string_view name;
  void (*run)(Block&, CallEffectsFn);
};
// All passes in order.
std::array<Pass, 2> passes();

// Runs all passes; with check, the verifier runs after each and its complaint, with the pass's name, is returned
// (empty: none).
std::string optimize(Block& block, CallEffectsFn effects, bool check);

}  // namespace ferry::ir
