// Advanced SIMD in half precision (FEAT_FP16): three same, two-register miscellaneous, across lanes, pairwise and by
// element, vector and scalar forms (Arm ARM DDI 0487, C4.1.6). The exact functions do the arithmetic
// (cpu/helpers_half.cpp); conversions to fixed-point stand with the shifts, FMOV with the modified immediates.
#include "cpu/half_form.h"
#include "frontend/simd.h"

namespace ferry::frontend {
namespace {

using cpu::Feature, cpu::HalfOp, cpu::HalfRound, cpu::Helper;
using ir::Op;
using ir::Value;

constexpr u64 kSigns = 0x8000800080008000;

Value half(Context& c, HalfOp op, unsigned lanes, Value a, Value b = ir::kNoValue, Value d = ir::kNoValue,
           HalfRound round = HalfRound::Current) {
  return call_simd(c, Helper::half_lanes, cpu::half_form(op, lanes, round), a, b, d);
}
unsigned lanes_of(unsigned q) { return q != 0 ? 8 : 4; }

// --- three same

template <HalfOp op>
void binary(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, half(c, op, lanes_of(q), c.b.get_v(n), c.b.get_v(m)));
}
template <HalfOp op>
void binary_scalar(Context& c, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, half(c, op, 1, c.b.get_v(n), c.b.get_v(m)));
}
template <HalfOp op>
void pairwise(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Pairs p = pairs(c, q != 0, 1, c.b.get_v(n), c.b.get_v(m));
  c.b.set_v(d, half(c, op, lanes_of(q), p.even, p.odd));
}
template <bool negate>
void multiply_add(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  Value x = c.b.get_v(n);
  if (negate) x = c.b.vec(Op::VXor, 0, x, c.b.vconst(kSigns));
  c.b.set_v(d, half(c, HalfOp::MulAdd, lanes_of(q), c.b.get_v(d), x, c.b.get_v(m)));
}

// --- two-register miscellaneous

void absolute(Context& c, unsigned q, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_vector(c, d, q != 0, c.b.vec(Op::VAndNot, 0, c.b.get_v(n), c.b.vconst(kSigns)));
}
void negate(Context& c, unsigned q, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_vector(c, d, q != 0, c.b.vec(Op::VXor, 0, c.b.get_v(n), c.b.vconst(kSigns)));
}
template <HalfOp op, HalfRound round = HalfRound::Current>
void unary(Context& c, unsigned q, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, half(c, op, lanes_of(q), c.b.get_v(n), ir::kNoValue, ir::kNoValue, round));
}
template <HalfOp op, HalfRound round = HalfRound::Current>
void unary_scalar(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, half(c, op, 1, c.b.get_v(n), ir::kNoValue, ir::kNoValue, round));
}
void compare_zero_lanes(Context& c, HalfOp op, bool zero_first, unsigned lanes, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value zero = c.b.vconst(0), x = c.b.get_v(n);
  c.b.set_v(d, zero_first ? half(c, op, lanes, zero, x) : half(c, op, lanes, x, zero));
}
template <HalfOp op, bool zero_first>
void compare_zero(Context& c, unsigned q, unsigned n, unsigned d) {
  compare_zero_lanes(c, op, zero_first, lanes_of(q), n, d);
}
template <HalfOp op, bool zero_first>
void compare_zero_scalar(Context& c, unsigned n, unsigned d) {
  compare_zero_lanes(c, op, zero_first, 1, n, d);
}

// --- across lanes, reduced pairwise as the manual's Reduce does; scalar pairwise

template <HalfOp op>
void across(Context& c, unsigned q, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  Value x = c.b.get_v(n);
  for (unsigned lanes = lanes_of(q) / 2; lanes != 0; lanes /= 2)
    x = half(c, op, lanes, c.b.vec(Op::VUzp1, 1, x, x), c.b.vec(Op::VUzp2, 1, x, x));
  c.b.set_v(d, x);
}
template <HalfOp op>
void pair(Context& c, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value x = c.b.get_v(n);
  c.b.set_v(d, half(c, op, 1, x, c.b.vec(Op::VDupLane, 1, x, ir::kNoValue, ir::kNoValue, 1)));
}

// --- by element: H:L:M is the index

enum class By { Multiply, MultiplyExtended, MultiplyAdd, MultiplySubtract };
template <By how>
void element_lanes(Context& c, unsigned lanes, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n,
                   unsigned d) {
  if (!fp_enabled(c)) return;
  const Value y = c.b.vec(Op::VDupLane, 1, c.b.get_v(rm), ir::kNoValue, ir::kNoValue, h << 2 | l << 1 | m);
  Value x = c.b.get_v(n);
  if (how == By::MultiplySubtract) x = c.b.vec(Op::VXor, 0, x, c.b.vconst(kSigns));
  if (how == By::Multiply || how == By::MultiplyExtended)
    return c.b.set_v(d, half(c, how == By::Multiply ? HalfOp::Mul : HalfOp::Mulx, lanes, x, y));
  c.b.set_v(d, half(c, HalfOp::MulAdd, lanes, c.b.get_v(d), x, y));
}
template <By how>
void by_element(Context& c, unsigned q, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n, unsigned d) {
  element_lanes<how>(c, lanes_of(q), l, m, rm, h, n, d);
}
template <By how>
void by_element_scalar(Context& c, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n, unsigned d) {
  element_lanes<how>(c, 1, l, m, rm, h, n, d);
}

#define FERRY_SAME(u, a, opcode, title, ...) \
  row<"0 q " u " 01110 " a " 10 mmmmm 00 " opcode " 1 nnnnn ddddd", __VA_ARGS__, Feature::FP16>(title " (half)")
#define FERRY_SCALAR_SAME(u, a, opcode, title, op)                                                    \
  row<"01 " u " 11110 " a " 10 mmmmm 00 " opcode " 1 nnnnn ddddd", binary_scalar<op>, Feature::FP16>( \
      title " (half), scalar")
#define FERRY_MISC(u, a, opcode, title, ...) \
  row<"0 q " u " 01110 " a " 111100 " opcode " 10 nnnnn ddddd", __VA_ARGS__, Feature::FP16>(title " (half)")
#define FERRY_SCALAR_MISC(u, a, opcode, title, ...) \
  row<"01 " u " 11110 " a " 111100 " opcode " 10 nnnnn ddddd", __VA_ARGS__, Feature::FP16>(title " (half), scalar")
#define FERRY_ACROSS(a, opcode, title, op) \
  row<"0 q 0 01110 " a " 0 11000 " opcode " 10 nnnnn ddddd", across<op>, Feature::FP16>(title " (half)")
#define FERRY_PAIR(a, opcode, title, op) \
  row<"01 0 11110 " a " 0 11000 " opcode " 10 nnnnn ddddd", pair<op>, Feature::FP16>(title " (scalar, half)")
#define FERRY_ELEMENT(u, opcode, title, how)                                                          \
  row<"0 q " u " 01111 00 l m rrrr " opcode " h 0 nnnnn ddddd", by_element<how>, Feature::FP16>(title \
                                                                                                " (by element, half)")
#define FERRY_SCALAR_ELEMENT(u, opcode, title, how)                                                    \
  row<"01 " u " 11111 00 l m rrrr " opcode " h 0 nnnnn ddddd", by_element_scalar<how>, Feature::FP16>( \
      title " (by element, half), scalar")
// clang-format off: a row a line
constexpr Row kRows[] = {
    FERRY_SAME("0", "0", "000", "FMAXNM", binary<HalfOp::MaxNum>),
    FERRY_SAME("0", "0", "001", "FMLA", multiply_add<false>),
    FERRY_SAME("0", "0", "010", "FADD", binary<HalfOp::Add>),
    FERRY_SAME("0", "0", "011", "FMULX", binary<HalfOp::Mulx>),
    FERRY_SAME("0", "0", "100", "FCMEQ", binary<HalfOp::Equal>),
    FERRY_SAME("0", "0", "110", "FMAX", binary<HalfOp::Max>),
    FERRY_SAME("0", "0", "111", "FRECPS", binary<HalfOp::RecipStep>),
    FERRY_SAME("0", "1", "000", "FMINNM", binary<HalfOp::MinNum>),
    FERRY_SAME("0", "1", "001", "FMLS", multiply_add<true>),
    FERRY_SAME("0", "1", "010", "FSUB", binary<HalfOp::Sub>),
    FERRY_SAME("0", "1", "110", "FMIN", binary<HalfOp::Min>),
    FERRY_SAME("0", "1", "111", "FRSQRTS", binary<HalfOp::RsqrtStep>),
    FERRY_SAME("1", "0", "000", "FMAXNMP", pairwise<HalfOp::MaxNum>),
    FERRY_SAME("1", "0", "010", "FADDP", pairwise<HalfOp::Add>),
    FERRY_SAME("1", "0", "011", "FMUL", binary<HalfOp::Mul>),
    FERRY_SAME("1", "0", "100", "FCMGE", binary<HalfOp::GreaterEqual>),
    FERRY_SAME("1", "0", "101", "FACGE", binary<HalfOp::AbsGreaterEqual>),
    FERRY_SAME("1", "0", "110", "FMAXP", pairwise<HalfOp::Max>),
    FERRY_SAME("1", "0", "111", "FDIV", binary<HalfOp::Div>),
    FERRY_SAME("1", "1", "000", "FMINNMP", pairwise<HalfOp::MinNum>),
    FERRY_SAME("1", "1", "010", "FABD", binary<HalfOp::AbsDifference>),
    FERRY_SAME("1", "1", "100", "FCMGT", binary<HalfOp::Greater>),
    FERRY_SAME("1", "1", "101", "FACGT", binary<HalfOp::AbsGreater>),
    FERRY_SAME("1", "1", "110", "FMINP", pairwise<HalfOp::Min>),
    FERRY_SCALAR_SAME("0", "0", "011", "FMULX", HalfOp::Mulx),
    FERRY_SCALAR_SAME("0", "0", "100", "FCMEQ", HalfOp::Equal),
    FERRY_SCALAR_SAME("0", "0", "111", "FRECPS", HalfOp::RecipStep),
    FERRY_SCALAR_SAME("0", "1", "111", "FRSQRTS", HalfOp::RsqrtStep),
    FERRY_SCALAR_SAME("1", "0", "100", "FCMGE", HalfOp::GreaterEqual),
    FERRY_SCALAR_SAME("1", "0", "101", "FACGE", HalfOp::AbsGreaterEqual),
    FERRY_SCALAR_SAME("1", "1", "010", "FABD", HalfOp::AbsDifference),
    FERRY_SCALAR_SAME("1", "1", "100", "FCMGT", HalfOp::Greater),
    FERRY_SCALAR_SAME("1", "1", "101", "FACGT", HalfOp::AbsGreater),
    // two-register miscellaneous
    FERRY_MISC("0", "0", "11000", "FRINTN", unary<HalfOp::RoundInt, HalfRound::TieEven>),
    FERRY_MISC("0", "0", "11001", "FRINTM", unary<HalfOp::RoundInt, HalfRound::MinusInf>),
    FERRY_MISC("0", "0", "11010", "FCVTNS", unary<HalfOp::ToSigned, HalfRound::TieEven>),
    FERRY_MISC("0", "0", "11011", "FCVTMS", unary<HalfOp::ToSigned, HalfRound::MinusInf>),
    FERRY_MISC("0", "0", "11100", "FCVTAS", unary<HalfOp::ToSigned, HalfRound::TieAway>),
    FERRY_MISC("0", "0", "11101", "SCVTF", unary<HalfOp::FromSigned>),
    FERRY_MISC("0", "1", "01100", "FCMGT (zero)", compare_zero<HalfOp::Greater, false>),
    FERRY_MISC("0", "1", "01101", "FCMEQ (zero)", compare_zero<HalfOp::Equal, false>),
    FERRY_MISC("0", "1", "01110", "FCMLT (zero)", compare_zero<HalfOp::Greater, true>),
    FERRY_MISC("0", "1", "01111", "FABS", absolute),
    FERRY_MISC("0", "1", "11000", "FRINTP", unary<HalfOp::RoundInt, HalfRound::PlusInf>),
    FERRY_MISC("0", "1", "11001", "FRINTZ", unary<HalfOp::RoundInt, HalfRound::Zero>),
    FERRY_MISC("0", "1", "11010", "FCVTPS", unary<HalfOp::ToSigned, HalfRound::PlusInf>),
    FERRY_MISC("0", "1", "11011", "FCVTZS", unary<HalfOp::ToSigned, HalfRound::Zero>),
    FERRY_MISC("0", "1", "11101", "FRECPE", unary<HalfOp::RecipEstimate>),
    FERRY_MISC("1", "0", "11000", "FRINTA", unary<HalfOp::RoundInt, HalfRound::TieAway>),
    FERRY_MISC("1", "0", "11001", "FRINTX", unary<HalfOp::RoundInt, HalfRound::CurrentExact>),
    FERRY_MISC("1", "0", "11010", "FCVTNU", unary<HalfOp::ToUnsigned, HalfRound::TieEven>),
    FERRY_MISC("1", "0", "11011", "FCVTMU", unary<HalfOp::ToUnsigned, HalfRound::MinusInf>),
    FERRY_MISC("1", "0", "11100", "FCVTAU", unary<HalfOp::ToUnsigned, HalfRound::TieAway>),
    FERRY_MISC("1", "0", "11101", "UCVTF", unary<HalfOp::FromUnsigned>),
    FERRY_MISC("1", "1", "01100", "FCMGE (zero)", compare_zero<HalfOp::GreaterEqual, false>),
    FERRY_MISC("1", "1", "01101", "FCMLE (zero)", compare_zero<HalfOp::GreaterEqual, true>),
    FERRY_MISC("1", "1", "01111", "FNEG", negate),
    FERRY_MISC("1", "1", "11001", "FRINTI", unary<HalfOp::RoundInt, HalfRound::Current>),
    FERRY_MISC("1", "1", "11010", "FCVTPU", unary<HalfOp::ToUnsigned, HalfRound::PlusInf>),
    FERRY_MISC("1", "1", "11011", "FCVTZU", unary<HalfOp::ToUnsigned, HalfRound::Zero>),
    FERRY_MISC("1", "1", "11101", "FRSQRTE", unary<HalfOp::RsqrtEstimate>),
    FERRY_MISC("1", "1", "11111", "FSQRT", unary<HalfOp::Sqrt>),
    FERRY_SCALAR_MISC("0", "0", "11010", "FCVTNS", unary_scalar<HalfOp::ToSigned, HalfRound::TieEven>),
    FERRY_SCALAR_MISC("0", "0", "11011", "FCVTMS", unary_scalar<HalfOp::ToSigned, HalfRound::MinusInf>),
    FERRY_SCALAR_MISC("0", "0", "11100", "FCVTAS", unary_scalar<HalfOp::ToSigned, HalfRound::TieAway>),
    FERRY_SCALAR_MISC("0", "0", "11101", "SCVTF", unary_scalar<HalfOp::FromSigned>),
    FERRY_SCALAR_MISC("0", "1", "01100", "FCMGT (zero)", compare_zero_scalar<HalfOp::Greater, false>),
    FERRY_SCALAR_MISC("0", "1", "01101", "FCMEQ (zero)", compare_zero_scalar<HalfOp::Equal, false>),
    FERRY_SCALAR_MISC("0", "1", "01110", "FCMLT (zero)", compare_zero_scalar<HalfOp::Greater, true>),
    FERRY_SCALAR_MISC("0", "1", "11010", "FCVTPS", unary_scalar<HalfOp::ToSigned, HalfRound::PlusInf>),
    FERRY_SCALAR_MISC("0", "1", "11011", "FCVTZS", unary_scalar<HalfOp::ToSigned, HalfRound::Zero>),
    FERRY_SCALAR_MISC("0", "1", "11101", "FRECPE", unary_scalar<HalfOp::RecipEstimate>),
    FERRY_SCALAR_MISC("0", "1", "11111", "FRECPX", unary_scalar<HalfOp::Recpx>),
    FERRY_SCALAR_MISC("1", "0", "11010", "FCVTNU", unary_scalar<HalfOp::ToUnsigned, HalfRound::TieEven>),
    FERRY_SCALAR_MISC("1", "0", "11011", "FCVTMU", unary_scalar<HalfOp::ToUnsigned, HalfRound::MinusInf>),
    FERRY_SCALAR_MISC("1", "0", "11100", "FCVTAU", unary_scalar<HalfOp::ToUnsigned, HalfRound::TieAway>),
    FERRY_SCALAR_MISC("1", "0", "11101", "UCVTF", unary_scalar<HalfOp::FromUnsigned>),
    FERRY_SCALAR_MISC("1", "1", "01100", "FCMGE (zero)", compare_zero_scalar<HalfOp::GreaterEqual, false>),
    FERRY_SCALAR_MISC("1", "1", "01101", "FCMLE (zero)", compare_zero_scalar<HalfOp::GreaterEqual, true>),
    FERRY_SCALAR_MISC("1", "1", "11010", "FCVTPU", unary_scalar<HalfOp::ToUnsigned, HalfRound::PlusInf>),
    FERRY_SCALAR_MISC("1", "1", "11011", "FCVTZU", unary_scalar<HalfOp::ToUnsigned, HalfRound::Zero>),
    FERRY_SCALAR_MISC("1", "1", "11101", "FRSQRTE", unary_scalar<HalfOp::RsqrtEstimate>),
    // across lanes, scalar pairwise
    FERRY_ACROSS("0", "01100", "FMAXNMV", HalfOp::MaxNum),
    FERRY_ACROSS("0", "01111", "FMAXV", HalfOp::Max),
    FERRY_ACROSS("1", "01100", "FMINNMV", HalfOp::MinNum),
    FERRY_ACROSS("1", "01111", "FMINV", HalfOp::Min),
    FERRY_PAIR("0", "01100", "FMAXNMP", HalfOp::MaxNum),
    FERRY_PAIR("0", "01101", "FADDP", HalfOp::Add),
    FERRY_PAIR("0", "01111", "FMAXP", HalfOp::Max),
    FERRY_PAIR("1", "01100", "FMINNMP", HalfOp::MinNum),
    FERRY_PAIR("1", "01111", "FMINP", HalfOp::Min),
    // by element
    FERRY_ELEMENT("0", "0001", "FMLA", By::MultiplyAdd),
    FERRY_ELEMENT("0", "0101", "FMLS", By::MultiplySubtract),
    FERRY_ELEMENT("0", "1001", "FMUL", By::Multiply),
    FERRY_ELEMENT("1", "1001", "FMULX", By::MultiplyExtended),
    FERRY_SCALAR_ELEMENT("0", "0001", "FMLA", By::MultiplyAdd),
    FERRY_SCALAR_ELEMENT("0", "0101", "FMLS", By::MultiplySubtract),
    FERRY_SCALAR_ELEMENT("0", "1001", "FMUL", By::Multiply),
    FERRY_SCALAR_ELEMENT("1", "1001", "FMULX", By::MultiplyExtended),
};
// clang-format on
#undef FERRY_SAME
#undef FERRY_SCALAR_SAME
#undef FERRY_MISC
#undef FERRY_SCALAR_MISC
#undef FERRY_ACROSS
#undef FERRY_PAIR
#undef FERRY_ELEMENT
#undef FERRY_SCALAR_ELEMENT

}  // namespace

std::span<const Row> simd_half_rows() { return kRows; }

}  // namespace ferry::frontend
