// Constant folding and algebraic identities, shared by the Builder and the passes.
#pragma once
#include "ir/block.h"

namespace ferry::ir {

// What `inst`, about to stand after its operands in the block, comes to. An earlier value that equals it: that value is
// returned. A constant: inst becomes the Const, kNoValue is returned. Otherwise inst stays as it is.
Value simplify_pure(const Block& block, Inst& inst);
inline Value simplify(const Block& block, Inst& inst) {
  const OpBrief& brief = kOpBrief[static_cast<usize>(inst.op)];
  return brief.effect != Effect::Pure || brief.operands == 0 ? kNoValue : simplify_pure(block, inst);
}

}  // namespace ferry::ir
