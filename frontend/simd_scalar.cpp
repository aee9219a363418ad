// Advanced SIMD scalar three same, scalar two-register miscellaneous and scalar pairwise (Arm ARM DDI 0487, C4.1.6).
// Integer forms without saturation exist for doublewords only; a result clears what stands above it in the register.
#include <capstone/arm64.h>

#include "frontend/simd.h"

namespace ferry::frontend {
namespace {

using cpu::Helper;
using ir::FpRound;
using ir::Op;
using ir::Value;

bool begin_doubleword(Context& c, unsigned size) {
  if (size == 3) return fp_enabled(c);
  c.undefined();
  return false;
}

// --- three same, integer

template <Op op>
void binary(Context& c, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (begin_doubleword(c, size)) c.b.set_v(d, c.b.zero_upper(c.b.vec(op, 3, c.b.get_v(n), c.b.get_v(m))));
}
// CMTST
void test_bits(Context& c, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (!begin_doubleword(c, size)) return;
  const Value both = c.b.vec(Op::VAnd, 0, c.b.get_v(n), c.b.get_v(m));
  c.b.set_v(d, c.b.zero_upper(c.b.vec(Op::VNot, 0, c.b.vec(Op::VCmpEq, 3, both, c.b.vconst(0)))));
}
template <Helper helper, u32 flags, unsigned min_size = 0, unsigned max_size = 3>
void by_helper(Context& c, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size < min_size || size > max_size) return c.undefined();
  if (fp_enabled(c)) c.b.set_v(d, call_simd(c, helper, simd_scalar_form(size, flags), c.b.get_v(n), c.b.get_v(m)));
}

// --- floating point; sz: 0 single, 1 double; one active lane

Value fp_op(Context& c, Op op, unsigned sz, Value a, Value b = ir::kNoValue, FpRound rounding = FpRound::TieEven) {
  return c.b.vec(op, 2 + sz, a, b, ir::kNoValue, 1, static_cast<u8>(rounding));
}
template <Op op>
void fp_binary(Context& c, unsigned sz, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, fp_op(c, op, sz, c.b.get_v(n), c.b.get_v(m)));
}
// FABD
void fp_absolute_difference(Context& c, unsigned sz, unsigned m, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  c.b.set_v(d, c.b.vec(Op::VFAbs, 2 + sz, fp_op(c, Op::VFSub, sz, c.b.get_v(n), c.b.get_v(m))));
}
// FACGE, FACGT
template <Op op>
void fp_absolute_compare(Context& c, unsigned sz, unsigned m, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  c.b.set_v(d, fp_op(c, op, sz, c.b.vec(Op::VFAbs, 2 + sz, c.b.get_v(n)), c.b.vec(Op::VFAbs, 2 + sz, c.b.get_v(m))));
}
// FMULX, FRECPS, FRSQRTS
template <Helper helper>
void fp_by_helper(Context& c, unsigned sz, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, call_simd(c, helper, simd_scalar_form(2 + sz, 0), c.b.get_v(n), c.b.get_v(m)));
}

// --- two-register miscellaneous

// ABS, NEG
template <Op op>
void unary(Context& c, unsigned size, unsigned n, unsigned d) {
  if (begin_doubleword(c, size)) c.b.set_v(d, c.b.zero_upper(c.b.vec(op, 3, c.b.get_v(n))));
}
// CMGT, CMGE, CMEQ, CMLE, CMLT (zero)
template <Op op, bool zero_first>
void compare_zero(Context& c, unsigned size, unsigned n, unsigned d) {
  if (!begin_doubleword(c, size)) return;
  const Value zero = c.b.vconst(0), x = c.b.get_v(n);
  c.b.set_v(d, c.b.zero_upper(zero_first ? c.b.vec(op, 3, zero, x) : c.b.vec(op, 3, x, zero)));
}
// SQABS, SQNEG; with max_size 2: SQXTN, UQXTN, SQXTUN
template <Helper helper, u32 flags = 0, unsigned max_size = 3>
void unary_by_helper(Context& c, unsigned size, unsigned n, unsigned d) {
  if (size > max_size) return c.undefined();
  if (fp_enabled(c)) c.b.set_v(d, call_simd(c, helper, simd_scalar_form(size, flags), c.b.get_v(n)));
}
// SUQADD, USQADD: the destination is an operand too.
template <u32 flags>
void mixed_add(Context& c, unsigned size, unsigned n, unsigned d) {
  if (fp_enabled(c))
    c.b.set_v(d, call_simd(c, Helper::simd_sat_add_mixed, simd_scalar_form(size, flags), c.b.get_v(d), c.b.get_v(n)));
}
// FCVTxS, FCVTxU, SCVTF, UCVTF
template <Op op, FpRound rounding = FpRound::TieEven>
void fp_unary(Context& c, unsigned sz, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, fp_op(c, op, sz, c.b.get_v(n), ir::kNoValue, rounding));
}
// FCMGT, FCMGE, FCMEQ, FCMLE, FCMLT (zero)
template <Op op, bool zero_first>
void fp_compare_zero(Context& c, unsigned sz, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value zero = c.b.vconst(0), x = c.b.get_v(n);
  c.b.set_v(d, zero_first ? fp_op(c, op, sz, zero, x) : fp_op(c, op, sz, x, zero));
}
// FRECPE, FRSQRTE, FRECPX
template <Helper helper>
void fp_estimate(Context& c, unsigned sz, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, call_simd(c, helper, simd_scalar_form(2 + sz, 0), c.b.get_v(n)));
}
// FCVTXN
void fp_narrow_odd(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, call_simd(c, Helper::simd_fcvtxn, simd_scalar_form(2, 0), c.b.get_v(n)));
}

// --- pairwise

// ADDP (scalar)
void add_pair(Context& c, unsigned size, unsigned n, unsigned d) {
  if (!begin_doubleword(c, size)) return;
  const Value x = c.b.get_v(n);
  c.b.set_v(d, c.b.zero_upper(c.b.vec(Op::VAdd, 3, x, c.b.vec(Op::VDupLane, 3, x, ir::kNoValue, ir::kNoValue, 1))));
}
// FADDP, FMAXP, FMINP, FMAXNMP, FMINNMP (scalar)
template <Op op>
void fp_pair(Context& c, unsigned sz, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value x = c.b.get_v(n);
  c.b.set_v(d, fp_op(c, op, sz, x, c.b.vec(Op::VDupLane, 2 + sz, x, ir::kNoValue, ir::kNoValue, 1)));
}

#define FERRY_SAME(u, opcode, id, title, ...) \
  row<"01 " u " 11110 zz 1 mmmmm " opcode " 1 nnnnn ddddd", __VA_ARGS__>(id, title ", scalar")
#define FERRY_FP_SAME(u, a, opcode, id, title, ...) \
  row<"01 " u " 11110 " a " z 1 mmmmm " opcode " 1 nnnnn ddddd", __VA_ARGS__>(id, title ", scalar")
#define FERRY_MISC(u, opcode, id, title, ...) \
  row<"01 " u " 11110 zz 10000 " opcode " 10 nnnnn ddddd", __VA_ARGS__>(id, title ", scalar")
#define FERRY_FP_MISC(u, a, opcode, id, title, ...) \
  row<"01 " u " 11110 " a " z 10000 " opcode " 10 nnnnn ddddd", __VA_ARGS__>(id, title ", scalar")
#define FERRY_FP_PAIR(a, opcode, id, title, ...) \
  row<"01 1 11110 " a " z 11000 " opcode " 10 nnnnn ddddd", __VA_ARGS__>(id, title)
constexpr Row kRows[] = {
    FERRY_SAME("0", "00001", ARM64_INS_SQADD, "SQADD", by_helper<Helper::simd_sat_add, 0>),
    FERRY_SAME("0", "00101", ARM64_INS_SQSUB, "SQSUB", by_helper<Helper::simd_sat_sub, 0>),
    FERRY_SAME("0", "00110", ARM64_INS_CMGT, "CMGT (register)", binary<Op::VCmpGt>),
    FERRY_SAME("0", "00111", ARM64_INS_CMGE, "CMGE (register)", binary<Op::VCmpGe>),
    FERRY_SAME("0", "01000", ARM64_INS_SSHL, "SSHL", binary<Op::VSShlReg>),
    FERRY_SAME("0", "01001", ARM64_INS_SQSHL, "SQSHL (register)",
               by_helper<Helper::simd_shift_register, kSimdSaturate>),
    FERRY_SAME("0", "01010", ARM64_INS_SRSHL, "SRSHL", by_helper<Helper::simd_shift_register, kSimdRound, 3>),
    FERRY_SAME("0", "01011", ARM64_INS_SQRSHL, "SQRSHL",
               by_helper<Helper::simd_shift_register, kSimdRound | kSimdSaturate>),
    FERRY_SAME("0", "10000", ARM64_INS_ADD, "ADD (vector)", binary<Op::VAdd>),
    FERRY_SAME("0", "10001", ARM64_INS_CMTST, "CMTST", test_bits),
    FERRY_SAME("0", "10110", ARM64_INS_SQDMULH, "SQDMULH (vector)", by_helper<Helper::simd_sqdmulh, 0, 1, 2>),
    FERRY_FP_SAME("0", "0", "11011", ARM64_INS_FMULX, "FMULX", fp_by_helper<Helper::simd_fmulx>),
    FERRY_FP_SAME("0", "0", "11100", ARM64_INS_FCMEQ, "FCMEQ (register)", fp_binary<Op::VFCmpEq>),
    FERRY_FP_SAME("0", "0", "11111", ARM64_INS_FRECPS, "FRECPS", fp_by_helper<Helper::simd_frecps>),
    FERRY_FP_SAME("0", "1", "11111", ARM64_INS_FRSQRTS, "FRSQRTS", fp_by_helper<Helper::simd_frsqrts>),
    FERRY_SAME("1", "00001", ARM64_INS_UQADD, "UQADD", by_helper<Helper::simd_sat_add, kSimdUnsigned>),
    FERRY_SAME("1", "00101", ARM64_INS_UQSUB, "UQSUB", by_helper<Helper::simd_sat_sub, kSimdUnsigned>),
    FERRY_SAME("1", "00110", ARM64_INS_CMHI, "CMHI (register)", binary<Op::VCmpHi>),
    FERRY_SAME("1", "00111", ARM64_INS_CMHS, "CMHS (register)", binary<Op::VCmpHs>),
    FERRY_SAME("1", "01000", ARM64_INS_USHL, "USHL", binary<Op::VUShlReg>),
    FERRY_SAME("1", "01001", ARM64_INS_UQSHL, "UQSHL (register)",
               by_helper<Helper::simd_shift_register, kSimdUnsigned | kSimdSaturate>),
    FERRY_SAME("1", "01010", ARM64_INS_URSHL, "URSHL",
               by_helper<Helper::simd_shift_register, kSimdUnsigned | kSimdRound, 3>),
    FERRY_SAME("1", "01011", ARM64_INS_UQRSHL, "UQRSHL",
               by_helper<Helper::simd_shift_register, kSimdUnsigned | kSimdRound | kSimdSaturate>),
    FERRY_SAME("1", "10000", ARM64_INS_SUB, "SUB (vector)", binary<Op::VSub>),
    FERRY_SAME("1", "10001", ARM64_INS_CMEQ, "CMEQ (register)", binary<Op::VCmpEq>),
    FERRY_SAME("1", "10110", ARM64_INS_SQRDMULH, "SQRDMULH (vector)",
               by_helper<Helper::simd_sqdmulh, kSimdRound, 1, 2>),
    FERRY_FP_SAME("1", "0", "11100", ARM64_INS_FCMGE, "FCMGE (register)", fp_binary<Op::VFCmpGe>),
    FERRY_FP_SAME("1", "0", "11101", ARM64_INS_FACGE, "FACGE", fp_absolute_compare<Op::VFCmpGe>),
    FERRY_FP_SAME("1", "1", "11010", ARM64_INS_FABD, "FABD", fp_absolute_difference),
    FERRY_FP_SAME("1", "1", "11100", ARM64_INS_FCMGT, "FCMGT (register)", fp_binary<Op::VFCmpGt>),
    FERRY_FP_SAME("1", "1", "11101", ARM64_INS_FACGT, "FACGT", fp_absolute_compare<Op::VFCmpGt>),
    // Advanced SIMD scalar two-register miscellaneous
    FERRY_MISC("0", "00011", ARM64_INS_SUQADD, "SUQADD", mixed_add<0>),
    FERRY_MISC("0", "00111", ARM64_INS_SQABS, "SQABS", unary_by_helper<Helper::simd_sat_abs>),
    FERRY_MISC("0", "01000", ARM64_INS_CMGT, "CMGT (zero)", compare_zero<Op::VCmpGt, false>),
    FERRY_MISC("0", "01001", ARM64_INS_CMEQ, "CMEQ (zero)", compare_zero<Op::VCmpEq, false>),
    FERRY_MISC("0", "01010", ARM64_INS_CMLT, "CMLT (zero)", compare_zero<Op::VCmpGt, true>),
    FERRY_MISC("0", "01011", ARM64_INS_ABS, "ABS", unary<Op::VAbs>),
    FERRY_MISC("0", "10100", ARM64_INS_SQXTN, "SQXTN", unary_by_helper<Helper::simd_narrow_sat, 0, 2>),
    FERRY_FP_MISC("0", "0", "11010", ARM64_INS_FCVTNS, "FCVTNS (vector)", fp_unary<Op::VFToS, FpRound::TieEven>),
    FERRY_FP_MISC("0", "0", "11011", ARM64_INS_FCVTMS, "FCVTMS (vector)", fp_unary<Op::VFToS, FpRound::MinusInf>),
    FERRY_FP_MISC("0", "0", "11100", ARM64_INS_FCVTAS, "FCVTAS (vector)", fp_unary<Op::VFToS, FpRound::TieAway>),
    FERRY_FP_MISC("0", "0", "11101", ARM64_INS_SCVTF, "SCVTF (vector, integer)", fp_unary<Op::VSToF>),
    FERRY_FP_MISC("0", "1", "01100", ARM64_INS_FCMGT, "FCMGT (zero)", fp_compare_zero<Op::VFCmpGt, false>),
    FERRY_FP_MISC("0", "1", "01101", ARM64_INS_FCMEQ, "FCMEQ (zero)", fp_compare_zero<Op::VFCmpEq, false>),
    FERRY_FP_MISC("0", "1", "01110", ARM64_INS_FCMLT, "FCMLT (zero)", fp_compare_zero<Op::VFCmpGt, true>),
    FERRY_FP_MISC("0", "1", "11010", ARM64_INS_FCVTPS, "FCVTPS (vector)", fp_unary<Op::VFToS, FpRound::PlusInf>),
    FERRY_FP_MISC("0", "1", "11011", ARM64_INS_FCVTZS, "FCVTZS (vector, integer)", fp_unary<Op::VFToS, FpRound::Zero>),
    FERRY_FP_MISC("0", "1", "11101", ARM64_INS_FRECPE, "FRECPE", fp_estimate<Helper::simd_frecpe>),
    FERRY_FP_MISC("0", "1", "11111", ARM64_INS_FRECPX, "FRECPX", fp_estimate<Helper::simd_frecpx>),
    FERRY_MISC("1", "00011", ARM64_INS_USQADD, "USQADD", mixed_add<kSimdUnsigned>),
    FERRY_MISC("1", "00111", ARM64_INS_SQNEG, "SQNEG", unary_by_helper<Helper::simd_sat_neg>),
    FERRY_MISC("1", "01000", ARM64_INS_CMGE, "CMGE (zero)", compare_zero<Op::VCmpGe, false>),
    FERRY_MISC("1", "01001", ARM64_INS_CMLE, "CMLE (zero)", compare_zero<Op::VCmpGe, true>),
    FERRY_MISC("1", "01011", ARM64_INS_NEG, "NEG (vector)", unary<Op::VNeg>),
    FERRY_MISC("1", "10010", ARM64_INS_SQXTUN, "SQXTUN", unary_by_helper<Helper::simd_narrow_sat_unsigned, 0, 2>),
    FERRY_MISC("1", "10100", ARM64_INS_UQXTN, "UQXTN", unary_by_helper<Helper::simd_narrow_sat, kSimdUnsigned, 2>),
    row<"01 1 11110 01 10000 10110 10 nnnnn ddddd", fp_narrow_odd>(ARM64_INS_FCVTXN, "FCVTXN, scalar"),
    FERRY_FP_MISC("1", "0", "11010", ARM64_INS_FCVTNU, "FCVTNU (vector)", fp_unary<Op::VFToU, FpRound::TieEven>),
    FERRY_FP_MISC("1", "0", "11011", ARM64_INS_FCVTMU, "FCVTMU (vector)", fp_unary<Op::VFToU, FpRound::MinusInf>),
    FERRY_FP_MISC("1", "0", "11100", ARM64_INS_FCVTAU, "FCVTAU (vector)", fp_unary<Op::VFToU, FpRound::TieAway>),
    FERRY_FP_MISC("1", "0", "11101", ARM64_INS_UCVTF, "UCVTF (vector, integer)", fp_unary<Op::VUToF>),
    FERRY_FP_MISC("1", "1", "01100", ARM64_INS_FCMGE, "FCMGE (zero)", fp_compare_zero<Op::VFCmpGe, false>),
    FERRY_FP_MISC("1", "1", "01101", ARM64_INS_FCMLE, "FCMLE (zero)", fp_compare_zero<Op::VFCmpGe, true>),
    FERRY_FP_MISC("1", "1", "11010", ARM64_INS_FCVTPU, "FCVTPU (vector)", fp_unary<Op::VFToU, FpRound::PlusInf>),
    FERRY_FP_MISC("1", "1", "11011", ARM64_INS_FCVTZU, "FCVTZU (vector, integer)", fp_unary<Op::VFToU, FpRound::Zero>),
    FERRY_FP_MISC("1", "1", "11101", ARM64_INS_FRSQRTE, "FRSQRTE", fp_estimate<Helper::simd_frsqrte>),
    // Advanced SIMD scalar pairwise
    row<"01 0 11110 zz 11000 11011 10 nnnnn ddddd", add_pair>(ARM64_INS_ADDP, "ADDP (scalar)"),
    FERRY_FP_PAIR("0", "01100", ARM64_INS_FMAXNMP, "FMAXNMP (scalar)", fp_pair<Op::VFMaxNm>),
    FERRY_FP_PAIR("0", "01101", ARM64_INS_FADDP, "FADDP (scalar)", fp_pair<Op::VFAdd>),
    FERRY_FP_PAIR("0", "01111", ARM64_INS_FMAXP, "FMAXP (scalar)", fp_pair<Op::VFMax>),
    FERRY_FP_PAIR("1", "01100", ARM64_INS_FMINNMP, "FMINNMP (scalar)", fp_pair<Op::VFMinNm>),
    FERRY_FP_PAIR("1", "01111", ARM64_INS_FMINP, "FMINP (scalar)", fp_pair<Op::VFMin>),
};
#undef FERRY_SAME
#undef FERRY_FP_SAME
#undef FERRY_MISC
#undef FERRY_FP_MISC
#undef FERRY_FP_PAIR

}  // namespace

std::span<const Row> simd_scalar_rows() { return kRows; }

}  // namespace ferry::frontend
