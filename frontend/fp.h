// What the scalar FP and AdvSIMD files share.
#pragma once
#include <span>

#include "frontend/pattern.h"

namespace ferry::frontend {

// VFPExpandImm: the 16-, 32- or 64-bit value of an 8-bit floating-point immediate.
constexpr u64 expand_fp_immediate(unsigned imm8, unsigned width) {
  const unsigned exponent_bits = width == 64 ? 11 : width == 32 ? 8 : 5;
  const unsigned fraction_bits = width - exponent_bits - 1;
  const u64 sign = bits(imm8, 7, 7);
  const u64 high = bits(imm8, 6, 6);
  const u64 exponent =
      (high ^ 1) << (exponent_bits - 1) | (high != 0 ? low_mask(exponent_bits - 3) << 2 : 0) | bits(imm8, 5, 4);
  return sign << (width - 1) | exponent << fraction_bits | bits(imm8, 3, 0) << (fraction_bits - 4);
}

std::span<const Row> fp_scalar_rows();
std::span<const Row> fp_half_rows();

}  // namespace ferry::frontend
