// The form operand of SIMD helpers: how the value is cut up, and variants.
#pragma once
#include "core/types.h"

namespace ferry::cpu {

// bits 7:0 element bits, 15:8 data bits (64, 128, or the element's for scalar forms), then flags, 31:24 a shift amount.
constexpr u32 kSimdUnsigned = 1u << 16, kSimdRound = 1u << 17, kSimdSaturate = 1u << 18, kSimdSubtract = 1u << 19,
              kSimdScalar = 1u << 20;
// Dot products of bytes: which of the operands is unsigned.
constexpr u32 kDotUnsignedN = kSimdUnsigned, kDotUnsignedM = kSimdRound;

constexpr u32 simd_form(unsigned size, bool q, u32 flags, unsigned shift = 0) {
  return (8u << size) | (q ? 128u : 64u) << 8 | flags | shift << 24;
}
constexpr u32 simd_scalar_form(unsigned size, u32 flags, unsigned shift = 0) {
  return (8u << size) | (8u << size) << 8 | flags | kSimdScalar | shift << 24;
}

}  // namespace ferry::cpu
