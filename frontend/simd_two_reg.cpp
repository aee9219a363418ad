// Advanced SIMD two-register miscellaneous and across lanes, vector forms (Arm ARM DDI 0487, C4.1.6).
#include <capstone/arm64.h>

#include "frontend/simd.h"

namespace ferry::frontend {
namespace {

using cpu::Helper;
using ir::FpRound;
using ir::Op;
using ir::Value;

// REV64, REV32, REV16
template <unsigned container>
void reverse(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (size >= container) return c.undefined();
  if (fp_enabled(c))
    set_vector(c, d, q != 0, c.b.vec(Op::VRev, size, c.b.get_v(n), ir::kNoValue, ir::kNoValue, container));
}
// ABS, NEG, CNT
template <Op op, unsigned max_size = 3>
void unary(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (size > max_size || (size == 3 && q == 0)) return c.undefined();
  if (fp_enabled(c)) set_vector(c, d, q != 0, c.b.vec(op, size, c.b.get_v(n)));
}
// NOT; RBIT (vector)
void not_vector(Context& c, unsigned q, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_vector(c, d, q != 0, c.b.vec(Op::VNot, 0, c.b.get_v(n)));
}
template <Helper helper, u32 flags = 0, unsigned max_size = 2>
void by_helper(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (size > max_size || (size == 3 && q == 0)) return c.undefined();
  if (fp_enabled(c)) set_vector(c, d, q != 0, call_simd(c, helper, simd_form(size, q != 0, flags), c.b.get_v(n)));
}
void rbit(Context& c, unsigned q, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_vector(c, d, q != 0, call_simd(c, Helper::simd_rbit, simd_form(0, q != 0, 0), c.b.get_v(n)));
}
// SUQADD, USQADD: the destination is an operand too.
template <u32 flags>
void mixed_add(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (size == 3 && q == 0) return c.undefined();
  if (fp_enabled(c))
    set_vector(c, d, q != 0,
               call_simd(c, Helper::simd_sat_add_mixed, simd_form(size, q != 0, flags), c.b.get_v(d), c.b.get_v(n)));
}
// CMGT, CMGE, CMEQ, CMLE, CMLT (zero)
template <Op op, bool zero_first>
void compare_zero(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (size == 3 && q == 0) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value zero = c.b.vconst(0), x = c.b.get_v(n);
  set_vector(c, d, q != 0, zero_first ? c.b.vec(op, size, zero, x) : c.b.vec(op, size, x, zero));
}
// The sums of the even and odd elements, widened by shifts within the wide lane.
template <Op shift>
Value long_pairs(Context& c, unsigned size, Value x) {
  const unsigned esize = 8u << size;
  const auto shifted = [&](Op op, Value v) { return c.b.vec(op, size + 1, v, ir::kNoValue, ir::kNoValue, esize); };
  return c.b.vec(Op::VAdd, size + 1, shifted(shift, x), shifted(shift, shifted(Op::VShl, x)));
}
// SADDLP, UADDLP, SADALP, UADALP
template <Op shift, bool accumulate>
void add_long_pairs(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  Value sum = long_pairs<shift>(c, size, c.b.get_v(n));
  if (accumulate) sum = c.b.vec(Op::VAdd, size + 1, c.b.get_v(d), sum);
  set_vector(c, d, q != 0, sum);
}
void set_narrow(Context& c, unsigned q, unsigned d, Value low) {
  c.b.set_v(d, q != 0 ? c.b.vec(Op::VZip1, 3, c.b.get_v(d), low) : c.b.zero_upper(low));
}
// XTN
void narrow(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (fp_enabled(c)) set_narrow(c, q, d, c.b.vec(Op::VNarrow, size, c.b.get_v(n)));
}
// SQXTN, UQXTN, SQXTUN
template <Helper helper, u32 flags>
void saturating_narrow(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (fp_enabled(c)) set_narrow(c, q, d, call_simd(c, helper, simd_form(size, true, flags), c.b.get_v(n)));
}
// SHLL
void shift_left_long(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  Value v = c.b.get_v(n);
  if (q != 0) v = c.b.vec(Op::VExt, 0, v, v, ir::kNoValue, 8);
  c.b.set_v(d, c.b.vec(Op::VShl, size + 1, c.b.vec(Op::VUWiden, size, v), ir::kNoValue, ir::kNoValue, 8u << size));
}

// --- floating point

bool fp_reserved(Context& c, unsigned q, unsigned sz) {
  if (sz != 0 && q == 0) {
    c.undefined();
    return true;
  }
  return !fp_enabled(c);
}
// FABS, FNEG
template <Op op>
void fp_sign(Context& c, unsigned q, unsigned sz, unsigned n, unsigned d) {
  if (!fp_reserved(c, q, sz)) set_vector(c, d, q != 0, c.b.vec(op, 2 + sz, c.b.get_v(n)));
}
// FSQRT, FRINTx, FCVTxS, FCVTxU, SCVTF, UCVTF
template <Op op, FpRound rounding = FpRound::TieEven>
void fp_unary(Context& c, unsigned q, unsigned sz, unsigned n, unsigned d) {
  if (!fp_reserved(c, q, sz)) c.b.set_v(d, fp_vec(c, op, q, sz, c.b.get_v(n), ir::kNoValue, ir::kNoValue, rounding));
}
// FCMGT, FCMGE, FCMEQ, FCMLE, FCMLT (zero)
template <Op op, bool zero_first>
void fp_compare_zero(Context& c, unsigned q, unsigned sz, unsigned n, unsigned d) {
  if (fp_reserved(c, q, sz)) return;
  const Value zero = c.b.vconst(0), x = c.b.get_v(n);
  c.b.set_v(d, zero_first ? fp_vec(c, op, q, sz, zero, x) : fp_vec(c, op, q, sz, x, zero));
}
// FRECPE, FRSQRTE, URECPE, URSQRTE
template <Helper helper>
void fp_estimate(Context& c, unsigned q, unsigned sz, unsigned n, unsigned d) {
  if (!fp_reserved(c, q, sz))
    set_vector(c, d, q != 0, call_simd(c, helper, simd_form(2 + sz, q != 0, 0), c.b.get_v(n)));
}
template <Helper helper>
void int_estimate(Context& c, unsigned q, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_vector(c, d, q != 0, call_simd(c, helper, simd_form(2, q != 0, 0), c.b.get_v(n)));
}
// FCVTL: half or single to twice the width. sz: 0 from half, 1 from single.
void fp_lengthen(Context& c, unsigned q, unsigned sz, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  Value v = c.b.get_v(n);
  if (q != 0) v = c.b.vec(Op::VExt, 0, v, v, ir::kNoValue, 8);
  c.b.set_v(d, call_simd(c, Helper::simd_fcvtl, simd_form(1 + sz, false, 0), v));
}
// FCVTN, FCVTXN
template <Helper helper>
void fp_narrow(Context& c, unsigned q, unsigned sz, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  set_narrow(c, q, d, call_simd(c, helper, simd_form(1 + sz, true, 0), c.b.get_v(n)));
}
void fp_narrow_odd(Context& c, unsigned q, unsigned n, unsigned d) { fp_narrow<Helper::simd_fcvtxn>(c, q, 1, n, d); }

// BFCVTN
void fp_narrow_bf16(Context& c, unsigned q, unsigned n, unsigned d) { fp_narrow<Helper::simd_bfcvtn>(c, q, 0, n, d); }
// FRINT32Z, FRINT32X, FRINT64Z, FRINT64X
template <u32 flags>
void fp_round_to_size(Context& c, unsigned q, unsigned sz, unsigned n, unsigned d) {
  if (!fp_reserved(c, q, sz))
    set_vector(c, d, q != 0, call_simd(c, Helper::fp_round_int_n, simd_form(2 + sz, q != 0, flags), c.b.get_v(n)));
}

// --- across lanes: the result is a scalar of the element's size (twice it for the long forms)

// All lanes of the low `bytes` bytes, folded in halves into the lowest; what is above it becomes zero.
Value fold(Context& c, Op op, unsigned size, unsigned bytes, Value v) {
  for (unsigned n = bytes / 2; n >= 1u << size; n /= 2)
    v = c.b.vec(op, size, v, c.b.vec(Op::VExt, 0, v, v, ir::kNoValue, n));
  if (size < 3) v = c.b.vec(Op::VAnd, 0, v, c.b.vconst(low_mask(8u << size)));
  return c.b.zero_upper(v);
}
bool begin_across(Context& c, unsigned q, unsigned size) {
  if (size != 3 && (size != 2 || q != 0)) return fp_enabled(c);
  c.undefined();
  return false;
}
// ADDV, SMAXV, SMINV, UMAXV, UMINV
template <Op op>
void across(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (begin_across(c, q, size)) c.b.set_v(d, fold(c, op, size, q != 0 ? 16 : 8, c.b.get_v(n)));
}
// SADDLV, UADDLV
template <Op shift>
void add_long_across(Context& c, unsigned q, unsigned size, unsigned n, unsigned d) {
  if (!begin_across(c, q, size)) return;
  c.b.set_v(d, fold(c, Op::VAdd, size + 1, q != 0 ? 16 : 8, long_pairs<shift>(c, size, c.b.get_v(n))));
}
// FMAXNMV, FMINNMV, FMAXV, FMINV: four singles, reduced pairwise as the manual's Reduce does.
template <Op op>
void fp_across(Context& c, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value x = c.b.get_v(n);
  const Value pair = c.b.vec(op, 2, c.b.vec(Op::VUzp1, 2, x, x), c.b.vec(Op::VUzp2, 2, x, x), ir::kNoValue, 2);
  c.b.set_v(d, c.b.vec(op, 2, pair, c.b.vec(Op::VDupLane, 2, pair, ir::kNoValue, ir::kNoValue, 1), ir::kNoValue, 1));
}

#define FERRY_MISC(u, opcode, id, title, ...) \
  row<"0 q " u " 01110 zz 10000 " opcode " 10 nnnnn ddddd", __VA_ARGS__>(id, title)
#define FERRY_FP(u, a, opcode, id, title, ...) \
  row<"0 q " u " 01110 " a " z 10000 " opcode " 10 nnnnn ddddd", __VA_ARGS__>(id, title)
constexpr Row kRows[] = {
    FERRY_MISC("0", "00000", ARM64_INS_REV64, "REV64", reverse<3>),
    FERRY_MISC("0", "00001", ARM64_INS_REV16, "REV16 (vector)", reverse<1>),
    FERRY_MISC("0", "00010", ARM64_INS_SADDLP, "SADDLP", add_long_pairs<Op::VSShr, false>),
    FERRY_MISC("0", "00011", ARM64_INS_SUQADD, "SUQADD", mixed_add<0>),
    FERRY_MISC("0", "00100", ARM64_INS_CLS, "CLS (vector)", by_helper<Helper::simd_cls>),
    FERRY_MISC("0", "00101", ARM64_INS_CNT, "CNT", unary<Op::VCnt, 0>),
    FERRY_MISC("0", "00110", ARM64_INS_SADALP, "SADALP", add_long_pairs<Op::VSShr, true>),
    FERRY_MISC("0", "00111", ARM64_INS_SQABS, "SQABS", by_helper<Helper::simd_sat_abs, 0, 3>),
    FERRY_MISC("0", "01000", ARM64_INS_CMGT, "CMGT (zero)", compare_zero<Op::VCmpGt, false>),
    FERRY_MISC("0", "01001", ARM64_INS_CMEQ, "CMEQ (zero)", compare_zero<Op::VCmpEq, false>),
    FERRY_MISC("0", "01010", ARM64_INS_CMLT, "CMLT (zero)", compare_zero<Op::VCmpGt, true>),
    FERRY_MISC("0", "01011", ARM64_INS_ABS, "ABS", unary<Op::VAbs>),
    FERRY_MISC("0", "10010", kAnyId, "XTN", narrow),
    FERRY_MISC("0", "10100", kAnyId, "SQXTN", saturating_narrow<Helper::simd_narrow_sat, 0>),
    FERRY_MISC("1", "00000", ARM64_INS_REV32, "REV32 (vector)", reverse<2>),
    FERRY_MISC("1", "00010", ARM64_INS_UADDLP, "UADDLP", add_long_pairs<Op::VUShr, false>),
    FERRY_MISC("1", "00011", ARM64_INS_USQADD, "USQADD", mixed_add<kSimdUnsigned>),
    FERRY_MISC("1", "00100", ARM64_INS_CLZ, "CLZ (vector)", by_helper<Helper::simd_clz>),
    row<"0 q 1 01110 00 10000 00101 10 nnnnn ddddd", not_vector>(kAnyId, "NOT"),
    row<"0 q 1 01110 01 10000 00101 10 nnnnn ddddd", rbit>(ARM64_INS_RBIT, "RBIT (vector)"),
    FERRY_MISC("1", "00110", ARM64_INS_UADALP, "UADALP", add_long_pairs<Op::VUShr, true>),
    FERRY_MISC("1", "00111", ARM64_INS_SQNEG, "SQNEG", by_helper<Helper::simd_sat_neg, 0, 3>),
    FERRY_MISC("1", "01000", ARM64_INS_CMGE, "CMGE (zero)", compare_zero<Op::VCmpGe, false>),
    FERRY_MISC("1", "01001", ARM64_INS_CMLE, "CMLE (zero)", compare_zero<Op::VCmpGe, true>),
    FERRY_MISC("1", "01011", ARM64_INS_NEG, "NEG (vector)", unary<Op::VNeg>),
    FERRY_MISC("1", "10010", kAnyId, "SQXTUN", saturating_narrow<Helper::simd_narrow_sat_unsigned, 0>),
    FERRY_MISC("1", "10011", kAnyId, "SHLL", shift_left_long),
    FERRY_MISC("1", "10100", kAnyId, "UQXTN", saturating_narrow<Helper::simd_narrow_sat, kSimdUnsigned>),
    // floating point
    FERRY_FP("0", "0", "10110", kAnyId, "FCVTN", fp_narrow<Helper::simd_fcvtn>),
    FERRY_FP("0", "0", "10111", kAnyId, "FCVTL", fp_lengthen),
    FERRY_FP("0", "0", "11000", ARM64_INS_FRINTN, "FRINTN (vector)", fp_unary<Op::VFRound, FpRound::TieEven>),
    FERRY_FP("0", "0", "11001", ARM64_INS_FRINTM, "FRINTM (vector)", fp_unary<Op::VFRound, FpRound::MinusInf>),
    FERRY_FP("0", "0", "11010", ARM64_INS_FCVTNS, "FCVTNS (vector)", fp_unary<Op::VFToS, FpRound::TieEven>),
    FERRY_FP("0", "0", "11011", ARM64_INS_FCVTMS, "FCVTMS (vector)", fp_unary<Op::VFToS, FpRound::MinusInf>),
    FERRY_FP("0", "0", "11100", ARM64_INS_FCVTAS, "FCVTAS (vector)", fp_unary<Op::VFToS, FpRound::TieAway>),
    FERRY_FP("0", "0", "11101", ARM64_INS_SCVTF, "SCVTF (vector, integer)", fp_unary<Op::VSToF>),
    FERRY_FP("0", "1", "01100", ARM64_INS_FCMGT, "FCMGT (zero)", fp_compare_zero<Op::VFCmpGt, false>),
    FERRY_FP("0", "1", "01101", ARM64_INS_FCMEQ, "FCMEQ (zero)", fp_compare_zero<Op::VFCmpEq, false>),
    FERRY_FP("0", "1", "01110", ARM64_INS_FCMLT, "FCMLT (zero)", fp_compare_zero<Op::VFCmpGt, true>),
    FERRY_FP("0", "1", "01111", ARM64_INS_FABS, "FABS (vector)", fp_sign<Op::VFAbs>),
    FERRY_FP("0", "1", "11000", ARM64_INS_FRINTP, "FRINTP (vector)", fp_unary<Op::VFRound, FpRound::PlusInf>),
    FERRY_FP("0", "1", "11001", ARM64_INS_FRINTZ, "FRINTZ (vector)", fp_unary<Op::VFRound, FpRound::Zero>),
    FERRY_FP("0", "1", "11010", ARM64_INS_FCVTPS, "FCVTPS (vector)", fp_unary<Op::VFToS, FpRound::PlusInf>),
    FERRY_FP("0", "1", "11011", ARM64_INS_FCVTZS, "FCVTZS (vector, integer)", fp_unary<Op::VFToS, FpRound::Zero>),
    row<"0 q 0 01110 10 10000 11100 10 nnnnn ddddd", int_estimate<Helper::simd_urecpe>>(ARM64_INS_URECPE, "URECPE"),
    FERRY_FP("0", "1", "11101", ARM64_INS_FRECPE, "FRECPE", fp_estimate<Helper::simd_frecpe>),
    row<"0 q 1 01110 01 10000 10110 10 nnnnn ddddd", fp_narrow_odd>(kAnyId, "FCVTXN"),
    FERRY_FP("1", "0", "11000", ARM64_INS_FRINTA, "FRINTA (vector)", fp_unary<Op::VFRound, FpRound::TieAway>),
    FERRY_FP("1", "0", "11001", ARM64_INS_FRINTX, "FRINTX (vector)", fp_unary<Op::VFRound, FpRound::CurrentExact>),
    FERRY_FP("1", "0", "11010", ARM64_INS_FCVTNU, "FCVTNU (vector)", fp_unary<Op::VFToU, FpRound::TieEven>),
    FERRY_FP("1", "0", "11011", ARM64_INS_FCVTMU, "FCVTMU (vector)", fp_unary<Op::VFToU, FpRound::MinusInf>),
    FERRY_FP("1", "0", "11100", ARM64_INS_FCVTAU, "FCVTAU (vector)", fp_unary<Op::VFToU, FpRound::TieAway>),
    FERRY_FP("1", "0", "11101", ARM64_INS_UCVTF, "UCVTF (vector, integer)", fp_unary<Op::VUToF>),
    FERRY_FP("1", "1", "01100", ARM64_INS_FCMGE, "FCMGE (zero)", fp_compare_zero<Op::VFCmpGe, false>),
    FERRY_FP("1", "1", "01101", ARM64_INS_FCMLE, "FCMLE (zero)", fp_compare_zero<Op::VFCmpGe, true>),
    FERRY_FP("1", "1", "01111", ARM64_INS_FNEG, "FNEG (vector)", fp_sign<Op::VFNeg>),
    FERRY_FP("1", "1", "11001", ARM64_INS_FRINTI, "FRINTI (vector)", fp_unary<Op::VFRound, FpRound::Current>),
    FERRY_FP("1", "1", "11010", ARM64_INS_FCVTPU, "FCVTPU (vector)", fp_unary<Op::VFToU, FpRound::PlusInf>),
    FERRY_FP("1", "1", "11011", ARM64_INS_FCVTZU, "FCVTZU (vector, integer)", fp_unary<Op::VFToU, FpRound::Zero>),
    row<"0 q 1 01110 10 10000 11100 10 nnnnn ddddd", int_estimate<Helper::simd_ursqrte>>(ARM64_INS_URSQRTE, "URSQRTE"),
    FERRY_FP("1", "1", "11101", ARM64_INS_FRSQRTE, "FRSQRTE", fp_estimate<Helper::simd_frsqrte>),
    FERRY_FP("1", "1", "11111", ARM64_INS_FSQRT, "FSQRT (vector)", fp_unary<Op::VFSqrt>),
    row<"0 q 0 01110 10 10000 10110 10 nnnnn ddddd", fp_narrow_bf16, cpu::Feature::BF16>("BFCVTN"),
    row<"0 q 0 01110 0 z 10000 11110 10 nnnnn ddddd", fp_round_to_size<0>, cpu::Feature::FRINTTS>("FRINT32Z (vector)"),
    row<"0 q 1 01110 0 z 10000 11110 10 nnnnn ddddd", fp_round_to_size<kSimdRound>, cpu::Feature::FRINTTS>(
        "FRINT32X (vector)"),
    row<"0 q 0 01110 0 z 10000 11111 10 nnnnn ddddd", fp_round_to_size<kSimdUnsigned>, cpu::Feature::FRINTTS>(
        "FRINT64Z (vector)"),
    row<"0 q 1 01110 0 z 10000 11111 10 nnnnn ddddd", fp_round_to_size<kSimdUnsigned | kSimdRound>,
        cpu::Feature::FRINTTS>("FRINT64X (vector)"),
    // Advanced SIMD across lanes
    row<"0 q 0 01110 zz 11000 00011 10 nnnnn ddddd", add_long_across<Op::VSShr>>(ARM64_INS_SADDLV, "SADDLV"),
    row<"0 q 0 01110 zz 11000 01010 10 nnnnn ddddd", across<Op::VSMax>>(ARM64_INS_SMAXV, "SMAXV"),
    row<"0 q 0 01110 zz 11000 11010 10 nnnnn ddddd", across<Op::VSMin>>(ARM64_INS_SMINV, "SMINV"),
    row<"0 q 0 01110 zz 11000 11011 10 nnnnn ddddd", across<Op::VAdd>>(ARM64_INS_ADDV, "ADDV"),
    row<"0 q 1 01110 zz 11000 00011 10 nnnnn ddddd", add_long_across<Op::VUShr>>(ARM64_INS_UADDLV, "UADDLV"),
    row<"0 q 1 01110 zz 11000 01010 10 nnnnn ddddd", across<Op::VUMax>>(ARM64_INS_UMAXV, "UMAXV"),
    row<"0 q 1 01110 zz 11000 11010 10 nnnnn ddddd", across<Op::VUMin>>(ARM64_INS_UMINV, "UMINV"),
    row<"0 1 1 01110 00 11000 01100 10 nnnnn ddddd", fp_across<Op::VFMaxNm>>(ARM64_INS_FMAXNMV, "FMAXNMV"),
    row<"0 1 1 01110 00 11000 01111 10 nnnnn ddddd", fp_across<Op::VFMax>>(ARM64_INS_FMAXV, "FMAXV"),
    row<"0 1 1 01110 10 11000 01100 10 nnnnn ddddd", fp_across<Op::VFMinNm>>(ARM64_INS_FMINNMV, "FMINNMV"),
    row<"0 1 1 01110 10 11000 01111 10 nnnnn ddddd", fp_across<Op::VFMin>>(ARM64_INS_FMINV, "FMINV"),
};
#undef FERRY_MISC
#undef FERRY_FP

}  // namespace

std::span<const Row> simd_two_reg_rows() { return kRows; }

}  // namespace ferry::frontend
