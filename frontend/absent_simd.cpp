// Advanced SIMD data processing is not here yet: UNDEFINED. This file goes when it comes.
#include "frontend/fp.h"

namespace ferry::frontend {

EmitFn find_simd_fp(unsigned id, u32 word) { return find_emit(fp_scalar_rows(), id, word); }

}  // namespace ferry::frontend
