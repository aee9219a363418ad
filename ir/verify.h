// The verifier: whether a block obeys ops.def.
#pragma once
#include <string>

#include "ir/block.h"

namespace ferry::ir {

// Empty when the block is well-formed: operands defined before use and of the right type, exactly one Exit, at the end,
// lanes and immediates in range. Otherwise one line that says what is wrong.
std::string verify(const Block& block);
// The same for one instruction whose operands are in block.insts already.
std::string verify_inst(const Block& block, const Inst& inst);

}  // namespace ferry::ir
