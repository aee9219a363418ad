// SIMD and floating-point instructions are not here yet: all of them are UNDEFINED. This file goes when theirs come.
#include "frontend/insn.h"

namespace ferry::frontend {

EmitFn find_simd_fp(unsigned, u32) { return nullptr; }

}  // namespace ferry::frontend
