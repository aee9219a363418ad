// Which table of the FP and Advanced SIMD class knows a word.
#include "frontend/simd.h"

namespace ferry::frontend {

EmitFn find_simd_fp(unsigned id, u32 word) {
  for (const std::span<const Row> rows :
       {fp_scalar_rows(), simd_three_same_rows(), simd_copy_rows(), simd_shift_rows(), simd_two_reg_rows(),
        simd_three_different_rows(), simd_indexed_rows(), simd_scalar_rows(), simd_crypto_rows(), fp_half_rows(),
        simd_half_rows(), simd_extra_rows()})
    if (const EmitFn emit = find_emit(rows, id, word)) return emit;
  return nullptr;
}

}  // namespace ferry::frontend
