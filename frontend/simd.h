// What the Advanced SIMD files share: helper calls with a form operand, pairs, floating-point lanes, and the tables.
#pragma once
#include "cpu/simd_form.h"
#include "cpu/state.h"
#include "frontend/fp.h"
#include "frontend/simd_common.h"

namespace ferry::frontend {

using cpu::kSimdRound, cpu::kSimdSaturate, cpu::kSimdUnsigned, cpu::kSimdSubtract, cpu::simd_form,
    cpu::simd_scalar_form;

// A V128 helper of cpu/helpers_simd.cpp: the form, then up to three vectors.
inline ir::Value call_simd(Context& c, cpu::Helper helper, u32 form, ir::Value a, ir::Value b = ir::kNoValue,
                           ir::Value d = ir::kNoValue) {
  return c.b.call(static_cast<u32>(helper), ir::Type::V128, c.b.imm64(form), a, b, d);
}

// The even and the odd elements of n:m (n low), each as one vector of the arrangement.
struct Pairs {
  ir::Value even, odd;
};
inline Pairs pairs(Context& c, bool q, unsigned size, ir::Value n, ir::Value m) {
  if (!q) n = m = c.b.vec(ir::Op::VZip1, 3, n, m);
  return {c.b.vec(ir::Op::VUzp1, size, n, m), c.b.vec(ir::Op::VUzp2, size, n, m)};
}

// v in every lane of 2^size bytes of a constant.
inline ir::Value lanes_constant(Context& c, unsigned size, u64 v) {
  u64 half = v;
  for (unsigned bits = 8u << size; bits < 64; bits *= 2) half |= half << bits;
  return c.b.vconst(half);
}
// Shift right by 1..lane bits, to nearest with ties up: the bit below the result is added.
inline ir::Value rounding_shift_right(Context& c, bool is_unsigned, unsigned size, ir::Value v, unsigned n) {
  const auto shifted = [&](ir::Op op, unsigned by) { return c.b.vec(op, size, v, ir::kNoValue, ir::kNoValue, by); };
  const ir::Value below = n == 1 ? v : shifted(ir::Op::VUShr, n - 1);
  return c.b.vec(ir::Op::VAdd, size, shifted(is_unsigned ? ir::Op::VUShr : ir::Op::VSShr, n),
                 c.b.vec(ir::Op::VAnd, 0, below, lanes_constant(c, size, 1)));
}

// A floating-point op on the lanes of an arrangement (sz 0: single, 1: double).
inline ir::Value fp_vec(Context& c, ir::Op op, unsigned q, unsigned sz, ir::Value a, ir::Value b = ir::kNoValue,
                        ir::Value d = ir::kNoValue, ir::FpRound rounding = ir::FpRound::TieEven) {
  const unsigned lanes = (q != 0 ? 4u : 2u) >> sz;
  return c.b.vec(op, 2 + sz, a, b, d, lanes, static_cast<u8>(rounding));
}

std::span<const Row> simd_three_same_rows();
std::span<const Row> simd_copy_rows();
std::span<const Row> simd_shift_rows();
std::span<const Row> simd_two_reg_rows();
std::span<const Row> simd_three_different_rows();
std::span<const Row> simd_indexed_rows();
std::span<const Row> simd_scalar_rows();
std::span<const Row> simd_crypto_rows();
std::span<const Row> simd_half_rows();
std::span<const Row> simd_extra_rows();

}  // namespace ferry::frontend
