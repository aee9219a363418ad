// Advanced SIMD three same (Arm ARM DDI 0487, C4.1.6): integer, logical and floating-point, vector forms.
#include <capstone/arm64.h>

#include "frontend/simd.h"

namespace ferry::frontend {
namespace {

using cpu::Helper;
using ir::Op;
using ir::Type;
using ir::Value;

// An operation with an IR op of its own; size 3 of 64 bits is reserved.
template <Op op, unsigned max_size = 3>
void binary(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size > max_size || (size == 3 && q == 0)) return c.undefined();
  if (!fp_enabled(c)) return;
  set_vector(c, d, q != 0, c.b.vec(op, size, c.b.get_v(n), c.b.get_v(m)));
}
// The same with the operands exchanged (CMHI and its kin are written that way round nowhere: only the pairs below need
// it).
template <Helper helper, u32 flags, unsigned max_size = 3, unsigned min_size = 0>
void by_helper(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size > max_size || size < min_size || (size == 3 && q == 0)) return c.undefined();
  if (!fp_enabled(c)) return;
  set_vector(c, d, q != 0, call_simd(c, helper, simd_form(size, q != 0, flags), c.b.get_v(n), c.b.get_v(m)));
}

// SHADD, UHADD, SRHADD, URHADD: what both have, and half of what only one has.
template <bool is_unsigned, bool round>
void halving_add(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value x = c.b.get_v(n), y = c.b.get_v(m);
  const Value half =
      c.b.vec(is_unsigned ? Op::VUShr : Op::VSShr, size, c.b.vec(Op::VXor, 0, x, y), ir::kNoValue, ir::kNoValue, 1);
  const Value common = c.b.vec(round ? Op::VOr : Op::VAnd, 0, x, y);
  set_vector(c, d, q != 0, c.b.vec(round ? Op::VSub : Op::VAdd, size, common, half));
}
// SHSUB, UHSUB: the difference of the halves, less one where only the second operand is odd.
template <bool is_unsigned>
void halving_subtract(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value x = c.b.get_v(n), y = c.b.get_v(m);
  const auto half = [&](Value v) {
    return c.b.vec(is_unsigned ? Op::VUShr : Op::VSShr, size, v, ir::kNoValue, ir::kNoValue, 1);
  };
  const Value borrow = c.b.vec(Op::VAnd, 0, c.b.vec(Op::VAndNot, 0, y, x), lanes_constant(c, size, 1));
  set_vector(c, d, q != 0, c.b.vec(Op::VSub, size, c.b.vec(Op::VSub, size, half(x), half(y)), borrow));
}

// AND, BIC, ORR, ORN, EOR (register, vector)
template <Op op>
void logical(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_vector(c, d, q != 0, c.b.vec(op, 0, c.b.get_v(n), c.b.get_v(m)));
}
// BSL, BIT, BIF: a selection by the destination, by the second operand, by its complement.
void bsl(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_vector(c, d, q != 0, c.b.vec(Op::VBsl, 0, c.b.get_v(d), c.b.get_v(n), c.b.get_v(m)));
}
void bit_insert(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_vector(c, d, q != 0, c.b.vec(Op::VBsl, 0, c.b.get_v(m), c.b.get_v(n), c.b.get_v(d)));
}
void bit_insert_false(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_vector(c, d, q != 0, c.b.vec(Op::VBsl, 0, c.b.get_v(m), c.b.get_v(d), c.b.get_v(n)));
}

// CMTST
void test_bits(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 3 && q == 0) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value both = c.b.vec(Op::VAnd, 0, c.b.get_v(n), c.b.get_v(m));
  set_vector(c, d, q != 0, c.b.vec(Op::VNot, 0, c.b.vec(Op::VCmpEq, size, both, c.b.vconst(0))));
}
// MLA, MLS (vector)
template <Op op>
void multiply_accumulate(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value product = c.b.vec(Op::VMul, size, c.b.get_v(n), c.b.get_v(m));
  set_vector(c, d, q != 0, c.b.vec(op, size, c.b.get_v(d), product));
}
// SABD, UABD, SABA, UABA
template <Op max, Op min, bool accumulate>
void absolute_difference(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value x = c.b.get_v(n), y = c.b.get_v(m);
  Value r = c.b.vec(Op::VSub, size, c.b.vec(max, size, x, y), c.b.vec(min, size, x, y));
  if (accumulate) r = c.b.vec(Op::VAdd, size, c.b.get_v(d), r);
  set_vector(c, d, q != 0, r);
}
// PMUL
void polynomial_multiply(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size != 0) return c.undefined();
  if (fp_enabled(c))
    set_vector(c, d, q != 0, c.b.call(static_cast<u32>(Helper::simd_pmul8), Type::V128, c.b.get_v(n), c.b.get_v(m)));
}
// ADDP (vector), SMAXP, SMINP, UMAXP, UMINP
template <Op op, unsigned max_size>
void pairwise(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size > max_size || (size == 3 && q == 0)) return c.undefined();
  if (!fp_enabled(c)) return;
  const Pairs p = pairs(c, q != 0, size, c.b.get_v(n), c.b.get_v(m));
  set_vector(c, d, q != 0, c.b.vec(op, size, p.even, p.odd));
}

// --- floating point; sz: 0 single, 1 double

bool fp_reserved(Context& c, unsigned q, unsigned sz) {
  if (sz != 0 && q == 0) {
    c.undefined();
    return true;
  }
  return !fp_enabled(c);
}
template <Op op>
void fp_binary(Context& c, unsigned q, unsigned sz, unsigned m, unsigned n, unsigned d) {
  if (fp_reserved(c, q, sz)) return;
  c.b.set_v(d, fp_vec(c, op, q, sz, c.b.get_v(n), c.b.get_v(m)));
}
template <Op op>
void fp_pairwise(Context& c, unsigned q, unsigned sz, unsigned m, unsigned n, unsigned d) {
  if (fp_reserved(c, q, sz)) return;
  const Pairs p = pairs(c, q != 0, 2 + sz, c.b.get_v(n), c.b.get_v(m));
  c.b.set_v(d, fp_vec(c, op, q, sz, p.even, p.odd));
}
template <bool negate>
void fp_multiply_add(Context& c, unsigned q, unsigned sz, unsigned m, unsigned n, unsigned d) {
  if (fp_reserved(c, q, sz)) return;
  Value x = c.b.get_v(n);
  if (negate) x = c.b.vec(Op::VFNeg, 2 + sz, x);
  c.b.set_v(d, fp_vec(c, Op::VFMla, q, sz, c.b.get_v(d), x, c.b.get_v(m)));
}
// FABD
void fp_absolute_difference(Context& c, unsigned q, unsigned sz, unsigned m, unsigned n, unsigned d) {
  if (fp_reserved(c, q, sz)) return;
  c.b.set_v(d, c.b.vec(Op::VFAbs, 2 + sz, fp_vec(c, Op::VFSub, q, sz, c.b.get_v(n), c.b.get_v(m))));
}
// FACGE, FACGT
template <Op op>
void fp_absolute_compare(Context& c, unsigned q, unsigned sz, unsigned m, unsigned n, unsigned d) {
  if (fp_reserved(c, q, sz)) return;
  c.b.set_v(d,
            fp_vec(c, op, q, sz, c.b.vec(Op::VFAbs, 2 + sz, c.b.get_v(n)), c.b.vec(Op::VFAbs, 2 + sz, c.b.get_v(m))));
}
// FMULX, FRECPS, FRSQRTS
template <Helper helper>
void fp_by_helper(Context& c, unsigned q, unsigned sz, unsigned m, unsigned n, unsigned d) {
  if (fp_reserved(c, q, sz)) return;
  set_vector(c, d, q != 0, call_simd(c, helper, simd_form(2 + sz, q != 0, 0), c.b.get_v(n), c.b.get_v(m)));
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    row<"0 q 0 01110 zz 1 mmmmm 00000 1 nnnnn ddddd", halving_add<false, false>>(ARM64_INS_SHADD, "SHADD"),
    row<"0 q 0 01110 zz 1 mmmmm 00001 1 nnnnn ddddd", by_helper<Helper::simd_sat_add, 0>>(ARM64_INS_SQADD, "SQADD"),
    row<"0 q 0 01110 zz 1 mmmmm 00010 1 nnnnn ddddd", halving_add<false, true>>(ARM64_INS_SRHADD, "SRHADD"),
    row<"0 q 0 01110 zz 1 mmmmm 00100 1 nnnnn ddddd", halving_subtract<false>>(ARM64_INS_SHSUB, "SHSUB"),
    row<"0 q 0 01110 zz 1 mmmmm 00101 1 nnnnn ddddd", by_helper<Helper::simd_sat_sub, 0>>(ARM64_INS_SQSUB, "SQSUB"),
    row<"0 q 0 01110 zz 1 mmmmm 00110 1 nnnnn ddddd", binary<Op::VCmpGt>>(ARM64_INS_CMGT, "CMGT (register)"),
    row<"0 q 0 01110 zz 1 mmmmm 00111 1 nnnnn ddddd", binary<Op::VCmpGe>>(ARM64_INS_CMGE, "CMGE (register)"),
    row<"0 q 0 01110 zz 1 mmmmm 01000 1 nnnnn ddddd", binary<Op::VSShlReg>>(ARM64_INS_SSHL, "SSHL"),
    row<"0 q 0 01110 zz 1 mmmmm 01001 1 nnnnn ddddd", by_helper<Helper::simd_shift_register, kSimdSaturate>>(ARM64_INS_SQSHL, "SQSHL (register)"),
    row<"0 q 0 01110 zz 1 mmmmm 01010 1 nnnnn ddddd", by_helper<Helper::simd_shift_register, kSimdRound>>(ARM64_INS_SRSHL, "SRSHL"),
    row<"0 q 0 01110 zz 1 mmmmm 01011 1 nnnnn ddddd", by_helper<Helper::simd_shift_register, kSimdRound | kSimdSaturate>>(ARM64_INS_SQRSHL, "SQRSHL"),
    row<"0 q 0 01110 zz 1 mmmmm 01100 1 nnnnn ddddd", binary<Op::VSMax, 2>>(ARM64_INS_SMAX, "SMAX"),
    row<"0 q 0 01110 zz 1 mmmmm 01101 1 nnnnn ddddd", binary<Op::VSMin, 2>>(ARM64_INS_SMIN, "SMIN"),
    row<"0 q 0 01110 zz 1 mmmmm 01110 1 nnnnn ddddd", absolute_difference<Op::VSMax, Op::VSMin, false>>(ARM64_INS_SABD, "SABD"),
    row<"0 q 0 01110 zz 1 mmmmm 01111 1 nnnnn ddddd", absolute_difference<Op::VSMax, Op::VSMin, true>>(ARM64_INS_SABA, "SABA"),
    row<"0 q 0 01110 zz 1 mmmmm 10000 1 nnnnn ddddd", binary<Op::VAdd>>(ARM64_INS_ADD, "ADD (vector)"),
    row<"0 q 0 01110 zz 1 mmmmm 10001 1 nnnnn ddddd", test_bits>(ARM64_INS_CMTST, "CMTST"),
    row<"0 q 0 01110 zz 1 mmmmm 10010 1 nnnnn ddddd", multiply_accumulate<Op::VAdd>>(ARM64_INS_MLA, "MLA (vector)"),
    row<"0 q 0 01110 zz 1 mmmmm 10011 1 nnnnn ddddd", binary<Op::VMul, 2>>(ARM64_INS_MUL, "MUL (vector)"),
    row<"0 q 0 01110 zz 1 mmmmm 10100 1 nnnnn ddddd", pairwise<Op::VSMax, 2>>(ARM64_INS_SMAXP, "SMAXP"),
    row<"0 q 0 01110 zz 1 mmmmm 10101 1 nnnnn ddddd", pairwise<Op::VSMin, 2>>(ARM64_INS_SMINP, "SMINP"),
    row<"0 q 0 01110 zz 1 mmmmm 10110 1 nnnnn ddddd", by_helper<Helper::simd_sqdmulh, 0, 2, 1>>(ARM64_INS_SQDMULH, "SQDMULH (vector)"),
    row<"0 q 0 01110 zz 1 mmmmm 10111 1 nnnnn ddddd", pairwise<Op::VAdd, 3>>(ARM64_INS_ADDP, "ADDP (vector)"),
    row<"0 q 1 01110 zz 1 mmmmm 00000 1 nnnnn ddddd", halving_add<true, false>>(ARM64_INS_UHADD, "UHADD"),
    row<"0 q 1 01110 zz 1 mmmmm 00001 1 nnnnn ddddd", by_helper<Helper::simd_sat_add, kSimdUnsigned>>(ARM64_INS_UQADD, "UQADD"),
    row<"0 q 1 01110 zz 1 mmmmm 00010 1 nnnnn ddddd", halving_add<true, true>>(ARM64_INS_URHADD, "URHADD"),
    row<"0 q 1 01110 zz 1 mmmmm 00100 1 nnnnn ddddd", halving_subtract<true>>(ARM64_INS_UHSUB, "UHSUB"),
    row<"0 q 1 01110 zz 1 mmmmm 00101 1 nnnnn ddddd", by_helper<Helper::simd_sat_sub, kSimdUnsigned>>(ARM64_INS_UQSUB, "UQSUB"),
    row<"0 q 1 01110 zz 1 mmmmm 00110 1 nnnnn ddddd", binary<Op::VCmpHi>>(ARM64_INS_CMHI, "CMHI (register)"),
    row<"0 q 1 01110 zz 1 mmmmm 00111 1 nnnnn ddddd", binary<Op::VCmpHs>>(ARM64_INS_CMHS, "CMHS (register)"),
    row<"0 q 1 01110 zz 1 mmmmm 01000 1 nnnnn ddddd", binary<Op::VUShlReg>>(ARM64_INS_USHL, "USHL"),
    row<"0 q 1 01110 zz 1 mmmmm 01001 1 nnnnn ddddd", by_helper<Helper::simd_shift_register, kSimdUnsigned | kSimdSaturate>>(ARM64_INS_UQSHL, "UQSHL (register)"),
    row<"0 q 1 01110 zz 1 mmmmm 01010 1 nnnnn ddddd", by_helper<Helper::simd_shift_register, kSimdUnsigned | kSimdRound>>(ARM64_INS_URSHL, "URSHL"),
    row<"0 q 1 01110 zz 1 mmmmm 01011 1 nnnnn ddddd", by_helper<Helper::simd_shift_register, kSimdUnsigned | kSimdRound | kSimdSaturate>>(ARM64_INS_UQRSHL, "UQRSHL"),
    row<"0 q 1 01110 zz 1 mmmmm 01100 1 nnnnn ddddd", binary<Op::VUMax, 2>>(ARM64_INS_UMAX, "UMAX"),
    row<"0 q 1 01110 zz 1 mmmmm 01101 1 nnnnn ddddd", binary<Op::VUMin, 2>>(ARM64_INS_UMIN, "UMIN"),
    row<"0 q 1 01110 zz 1 mmmmm 01110 1 nnnnn ddddd", absolute_difference<Op::VUMax, Op::VUMin, false>>(ARM64_INS_UABD, "UABD"),
    row<"0 q 1 01110 zz 1 mmmmm 01111 1 nnnnn ddddd", absolute_difference<Op::VUMax, Op::VUMin, true>>(ARM64_INS_UABA, "UABA"),
    row<"0 q 1 01110 zz 1 mmmmm 10000 1 nnnnn ddddd", binary<Op::VSub>>(ARM64_INS_SUB, "SUB (vector)"),
    row<"0 q 1 01110 zz 1 mmmmm 10001 1 nnnnn ddddd", binary<Op::VCmpEq>>(ARM64_INS_CMEQ, "CMEQ (register)"),
    row<"0 q 1 01110 zz 1 mmmmm 10010 1 nnnnn ddddd", multiply_accumulate<Op::VSub>>(ARM64_INS_MLS, "MLS (vector)"),
    row<"0 q 1 01110 zz 1 mmmmm 10011 1 nnnnn ddddd", polynomial_multiply>(ARM64_INS_PMUL, "PMUL"),
    row<"0 q 1 01110 zz 1 mmmmm 10100 1 nnnnn ddddd", pairwise<Op::VUMax, 2>>(ARM64_INS_UMAXP, "UMAXP"),
    row<"0 q 1 01110 zz 1 mmmmm 10101 1 nnnnn ddddd", pairwise<Op::VUMin, 2>>(ARM64_INS_UMINP, "UMINP"),
    row<"0 q 1 01110 zz 1 mmmmm 10110 1 nnnnn ddddd", by_helper<Helper::simd_sqdmulh, kSimdRound, 2, 1>>(ARM64_INS_SQRDMULH, "SQRDMULH (vector)"),
    // logical
    row<"0 q 0 01110 00 1 mmmmm 00011 1 nnnnn ddddd", logical<Op::VAnd>>(ARM64_INS_AND, "AND (vector)"),
    row<"0 q 0 01110 01 1 mmmmm 00011 1 nnnnn ddddd", logical<Op::VAndNot>>(ARM64_INS_BIC, "BIC (vector, register)"),
    row<"0 q 0 01110 10 1 mmmmm 00011 1 nnnnn ddddd", logical<Op::VOr>>(kAnyId, "ORR (vector, register)"),  // also MOV
    row<"0 q 0 01110 11 1 mmmmm 00011 1 nnnnn ddddd", logical<Op::VOrNot>>(ARM64_INS_ORN, "ORN (vector)"),
    row<"0 q 1 01110 00 1 mmmmm 00011 1 nnnnn ddddd", logical<Op::VXor>>(ARM64_INS_EOR, "EOR (vector)"),
    row<"0 q 1 01110 01 1 mmmmm 00011 1 nnnnn ddddd", bsl>(ARM64_INS_BSL, "BSL"),
    row<"0 q 1 01110 10 1 mmmmm 00011 1 nnnnn ddddd", bit_insert>(ARM64_INS_BIT, "BIT"),
    row<"0 q 1 01110 11 1 mmmmm 00011 1 nnnnn ddddd", bit_insert_false>(ARM64_INS_BIF, "BIF"),
    // floating point
    row<"0 q 0 01110 0 z 1 mmmmm 11000 1 nnnnn ddddd", fp_binary<Op::VFMaxNm>>(ARM64_INS_FMAXNM, "FMAXNM (vector)"),
    row<"0 q 0 01110 0 z 1 mmmmm 11001 1 nnnnn ddddd", fp_multiply_add<false>>(ARM64_INS_FMLA, "FMLA (vector)"),
    row<"0 q 0 01110 0 z 1 mmmmm 11010 1 nnnnn ddddd", fp_binary<Op::VFAdd>>(ARM64_INS_FADD, "FADD (vector)"),
    row<"0 q 0 01110 0 z 1 mmmmm 11011 1 nnnnn ddddd", fp_by_helper<Helper::simd_fmulx>>(ARM64_INS_FMULX, "FMULX"),
    row<"0 q 0 01110 0 z 1 mmmmm 11100 1 nnnnn ddddd", fp_binary<Op::VFCmpEq>>(ARM64_INS_FCMEQ, "FCMEQ (register)"),
    row<"0 q 0 01110 0 z 1 mmmmm 11110 1 nnnnn ddddd", fp_binary<Op::VFMax>>(ARM64_INS_FMAX, "FMAX (vector)"),
    row<"0 q 0 01110 0 z 1 mmmmm 11111 1 nnnnn ddddd", fp_by_helper<Helper::simd_frecps>>(ARM64_INS_FRECPS, "FRECPS"),
    row<"0 q 0 01110 1 z 1 mmmmm 11000 1 nnnnn ddddd", fp_binary<Op::VFMinNm>>(ARM64_INS_FMINNM, "FMINNM (vector)"),
    row<"0 q 0 01110 1 z 1 mmmmm 11001 1 nnnnn ddddd", fp_multiply_add<true>>(ARM64_INS_FMLS, "FMLS (vector)"),
    row<"0 q 0 01110 1 z 1 mmmmm 11010 1 nnnnn ddddd", fp_binary<Op::VFSub>>(ARM64_INS_FSUB, "FSUB (vector)"),
    row<"0 q 0 01110 1 z 1 mmmmm 11110 1 nnnnn ddddd", fp_binary<Op::VFMin>>(ARM64_INS_FMIN, "FMIN (vector)"),
    row<"0 q 0 01110 1 z 1 mmmmm 11111 1 nnnnn ddddd", fp_by_helper<Helper::simd_frsqrts>>(ARM64_INS_FRSQRTS, "FRSQRTS"),
    row<"0 q 1 01110 0 z 1 mmmmm 11000 1 nnnnn ddddd", fp_pairwise<Op::VFMaxNm>>(ARM64_INS_FMAXNMP, "FMAXNMP (vector)"),
    row<"0 q 1 01110 0 z 1 mmmmm 11010 1 nnnnn ddddd", fp_pairwise<Op::VFAdd>>(ARM64_INS_FADDP, "FADDP (vector)"),
    row<"0 q 1 01110 0 z 1 mmmmm 11011 1 nnnnn ddddd", fp_binary<Op::VFMul>>(ARM64_INS_FMUL, "FMUL (vector)"),
    row<"0 q 1 01110 0 z 1 mmmmm 11100 1 nnnnn ddddd", fp_binary<Op::VFCmpGe>>(ARM64_INS_FCMGE, "FCMGE (register)"),
    row<"0 q 1 01110 0 z 1 mmmmm 11101 1 nnnnn ddddd", fp_absolute_compare<Op::VFCmpGe>>(ARM64_INS_FACGE, "FACGE"),
    row<"0 q 1 01110 0 z 1 mmmmm 11110 1 nnnnn ddddd", fp_pairwise<Op::VFMax>>(ARM64_INS_FMAXP, "FMAXP (vector)"),
    row<"0 q 1 01110 0 z 1 mmmmm 11111 1 nnnnn ddddd", fp_binary<Op::VFDiv>>(ARM64_INS_FDIV, "FDIV (vector)"),
    row<"0 q 1 01110 1 z 1 mmmmm 11000 1 nnnnn ddddd", fp_pairwise<Op::VFMinNm>>(ARM64_INS_FMINNMP, "FMINNMP (vector)"),
    row<"0 q 1 01110 1 z 1 mmmmm 11010 1 nnnnn ddddd", fp_absolute_difference>(ARM64_INS_FABD, "FABD"),
    row<"0 q 1 01110 1 z 1 mmmmm 11100 1 nnnnn ddddd", fp_binary<Op::VFCmpGt>>(ARM64_INS_FCMGT, "FCMGT (register)"),
    row<"0 q 1 01110 1 z 1 mmmmm 11101 1 nnnnn ddddd", fp_absolute_compare<Op::VFCmpGt>>(ARM64_INS_FACGT, "FACGT"),
    row<"0 q 1 01110 1 z 1 mmmmm 11110 1 nnnnn ddddd", fp_pairwise<Op::VFMin>>(ARM64_INS_FMINP, "FMINP (vector)"),
};
// clang-format on

}  // namespace

std::span<const Row> simd_three_same_rows() { return kRows; }

}  // namespace ferry::frontend
