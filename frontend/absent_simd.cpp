// SIMD and floating-point instructions are not here yet: all of them are UNDEFINED. This file goes when theirs come.
#include "frontend/insn.h"

namespace ferry::frontend {

EmitFn find_load_store_simd(unsigned, u32) { return nullptr; }
EmitFn find_simd_fp(unsigned, u32) { return nullptr; }

}  // namespace ferry::frontend
