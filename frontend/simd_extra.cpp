// Advanced SIMD three same (extra) and the by-element and scalar forms of the same extensions (Arm ARM DDI 0487,
// C4.1.6): FEAT_RDM, FEAT_DotProd, FEAT_I8MM, FEAT_FCMA, FEAT_BF16; and FMLAL, FMLSL of FEAT_FHM.
#include "cpu/half_form.h"
#include "frontend/simd_wide.h"

namespace ferry::frontend {
namespace {

using cpu::Feature, cpu::Helper, cpu::kDotUnsignedM, cpu::kDotUnsignedN;
using ir::Op;
using ir::Value;

// Element `index` of Vreg, of 2^size bytes, in every lane of its size.
Value element(Context& c, unsigned size, unsigned reg, unsigned index) {
  return c.b.vec(Op::VDupLane, size, c.b.get_v(reg), ir::kNoValue, ir::kNoValue, index);
}

// d, n and m through a helper of the form.
Value accumulate(Context& c, Helper helper, u32 form, unsigned d, Value n, Value m) {
  return call_simd(c, helper, form, c.b.get_v(d), n, m);
}

// --- SQRDMLAH, SQRDMLSH

template <u32 flags>
void rounding_doubling(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 0 || size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const u32 form = simd_form(size, q != 0, flags);
  c.b.set_v(d, accumulate(c, Helper::simd_sqrdmlah, form, d, c.b.get_v(n), c.b.get_v(m)));
}
template <u32 flags>
void rounding_doubling_scalar(Context& c, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 0 || size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const u32 form = simd_scalar_form(size, flags);
  c.b.set_v(d, accumulate(c, Helper::simd_sqrdmlah, form, d, c.b.get_v(n), c.b.get_v(m)));
}
Value integer_element(Context& c, unsigned size, unsigned l, unsigned m, unsigned rm, unsigned h) {
  return size == 1 ? element(c, 1, rm, h << 2 | l << 1 | m) : element(c, 2, m << 4 | rm, h << 1 | l);
}
template <u32 flags>
void rounding_doubling_element(Context& c, unsigned q, unsigned size, unsigned l, unsigned m, unsigned rm, unsigned h,
                               unsigned n, unsigned d) {
  if (size == 0 || size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value y = integer_element(c, size, l, m, rm, h);
  c.b.set_v(d, accumulate(c, Helper::simd_sqrdmlah, simd_form(size, q != 0, flags), d, c.b.get_v(n), y));
}
template <u32 flags>
void rounding_doubling_element_scalar(Context& c, unsigned size, unsigned l, unsigned m, unsigned rm, unsigned h,
                                      unsigned n, unsigned d) {
  if (size == 0 || size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value y = integer_element(c, size, l, m, rm, h);
  c.b.set_v(d, accumulate(c, Helper::simd_sqrdmlah, simd_scalar_form(size, flags), d, c.b.get_v(n), y));
}

// --- SDOT, UDOT, USDOT, SUDOT; SMMLA, UMMLA, USMMLA

// The sums of neighbouring products of eight bytes, in words. Signed or mixed products fit signed halfwords, unsigned
// ones unsigned halfwords.
Value pair_sums(Context& c, bool n_unsigned, bool m_unsigned, Value n, Value m) {
  const Value product = c.b.vec(Op::VMul, 1, widen(c, n_unsigned, 0, n), widen(c, m_unsigned, 0, m));
  const Op shift = n_unsigned && m_unsigned ? Op::VUShr : Op::VSShr;
  const auto shifted = [&](Op op, Value v) { return c.b.vec(op, 2, v, ir::kNoValue, ir::kNoValue, 16); };
  return c.b.vec(Op::VAdd, 2, shifted(shift, shifted(Op::VShl, product)), shifted(shift, product));
}
void dot_product(Context& c, bool n_unsigned, bool m_unsigned, bool q, Value n, Value m, unsigned d) {
  const Value low = pair_sums(c, n_unsigned, m_unsigned, n, m);
  const Value high = q ? pair_sums(c, n_unsigned, m_unsigned, long_source(c, 1, n), long_source(c, 1, m)) : low;
  set_vector(c, d, q, c.b.vec(Op::VAdd, 2, c.b.get_v(d), c.b.vec(Op::VAddP, 2, low, high)));
}
template <bool n_unsigned, bool m_unsigned>
void dot(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) dot_product(c, n_unsigned, m_unsigned, q != 0, c.b.get_v(n), c.b.get_v(m), d);
}
template <bool n_unsigned, bool m_unsigned>
void dot_element(Context& c, unsigned q, unsigned l, unsigned m, unsigned h, unsigned n, unsigned d) {
  if (fp_enabled(c)) dot_product(c, n_unsigned, m_unsigned, q != 0, c.b.get_v(n), element(c, 2, m, h << 1 | l), d);
}
template <u32 flags>
void matrix_multiply(Context& c, unsigned m, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  c.b.set_v(d, accumulate(c, Helper::simd_matrix_multiply, simd_form(2, true, flags), d, c.b.get_v(n), c.b.get_v(m)));
}

// --- FCADD, FCMLA

// Whether the arrangement is one of complex numbers: halves with FEAT_FP16, singles, and doubles with Q.
bool begin_complex(Context& c, unsigned q, unsigned size) {
  if (size == 0 || (size == 1 && !c.has(Feature::FP16)) || (size == 3 && q == 0)) {
    c.undefined();
    return false;
  }
  return fp_enabled(c);
}
// Real and imaginary parts exchanged.
Value swap_parts(Context& c, unsigned size, Value v) {
  if (size == 3) return c.b.vec(Op::VExt, 0, v, v, ir::kNoValue, 8);
  return c.b.vec(Op::VRev, size, v, ir::kNoValue, ir::kNoValue, size + 1);
}
// The signs of the real or of the imaginary parts changed, or of both.
Value negate_parts(Context& c, unsigned size, bool real, bool imaginary, Value v) {
  if (!real && !imaginary) return v;
  const unsigned bits = 8u << size;
  if (size == 3) {
    const u64 sign = u64{1} << 63;
    return c.b.vec(Op::VXor, 0, v,
                   c.b.vec(Op::VFromPair, 0, c.b.imm64(real ? sign : 0), c.b.imm64(imaginary ? sign : 0)));
  }
  const u64 pair = (real ? u64{1} << (bits - 1) : 0) | (imaginary ? u64{1} << (2 * bits - 1) : 0);
  return c.b.vec(Op::VXor, 0, v, c.b.vconst(size == 1 ? pair | pair << 32 : pair));
}
// FCADD by 90 or 270 degrees
template <bool by_270>
void complex_add(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (!begin_complex(c, q, size)) return;
  const Value x = c.b.get_v(n), y = negate_parts(c, size, !by_270, by_270, swap_parts(c, size, c.b.get_v(m)));
  if (size != 1) return c.b.set_v(d, fp_vec(c, Op::VFAdd, q, size - 2, x, y));
  c.b.set_v(d, call_simd(c, Helper::half_lanes, cpu::half_form(cpu::HalfOp::Add, q != 0 ? 8 : 4), x, y));
}
void finish_complex_multiply(Context& c, unsigned q, unsigned size, unsigned rotation, Value y, unsigned n,
                             unsigned d) {
  Value x = c.b.get_v(n);
  // An even rotation multiplies by the real part of n, an odd one by the imaginary part.
  const bool odd = (rotation & 1) != 0;
  x = c.b.vec(odd ? Op::VTrn2 : Op::VTrn1, size, x, x);
  if (odd) y = swap_parts(c, size, y);
  y = negate_parts(c, size, rotation == 1 || rotation == 2, rotation >= 2, y);
  if (size != 1) return c.b.set_v(d, fp_vec(c, Op::VFMla, q, size - 2, c.b.get_v(d), x, y));
  const u32 form = cpu::half_form(cpu::HalfOp::MulAdd, q != 0 ? 8 : 4);
  c.b.set_v(d, call_simd(c, Helper::half_lanes, form, c.b.get_v(d), x, y));
}
// FCMLA
void complex_multiply(Context& c, unsigned q, unsigned size, unsigned m, unsigned rotation, unsigned n, unsigned d) {
  if (begin_complex(c, q, size)) finish_complex_multiply(c, q, size, rotation, c.b.get_v(m), n, d);
}
// FCMLA (by element): the element is a complex number.
void complex_multiply_element(Context& c, unsigned q, unsigned size, unsigned l, unsigned m, unsigned rotation,
                              unsigned h, unsigned n, unsigned d) {
  if (size == 0 || size == 3 || (size == 2 && (l != 0 || q == 0)) || (size == 1 && h != 0 && q == 0))
    return c.undefined();
  if (!begin_complex(c, q, size)) return;
  finish_complex_multiply(c, q, size, rotation, element(c, size + 1, m, size == 1 ? h << 1 | l : h), n, d);
}

// --- BFDOT, BFMMLA, BFMLALB, BFMLALT: Q chooses the odd elements of the last

template <Helper helper>
void bfloat(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  c.b.set_v(d, accumulate(c, helper, simd_form(2, q != 0, 0), d, c.b.get_v(n), c.b.get_v(m)));
}
void bfloat_matrix(Context& c, unsigned m, unsigned n, unsigned d) { bfloat<Helper::simd_bfmmla>(c, 1, m, n, d); }
void bfloat_dot_element(Context& c, unsigned q, unsigned l, unsigned m, unsigned h, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value y = element(c, 2, m, h << 1 | l);
  c.b.set_v(d, accumulate(c, Helper::simd_bfdot, simd_form(2, q != 0, 0), d, c.b.get_v(n), y));
}
void bfloat_long(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  c.b.set_v(d, accumulate(c, Helper::simd_bfmlal, simd_form(2, true, 0, q), d, c.b.get_v(n), c.b.get_v(m)));
}
void bfloat_long_element(Context& c, unsigned q, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n,
                         unsigned d) {
  if (!fp_enabled(c)) return;
  const Value y = element(c, 1, rm, h << 2 | l << 1 | m);
  c.b.set_v(d, accumulate(c, Helper::simd_bfmlal, simd_form(2, true, 0, q), d, c.b.get_v(n), y));
}

// --- FMLAL, FMLAL2, FMLSL, FMLSL2

// The halves that are read, from bit 0 up: the first or the second half of an arrangement of twice as many.
Value half_source(Context& c, unsigned q, bool second, Value v) {
  return second ? c.b.vec(Op::VExt, 0, v, v, ir::kNoValue, q != 0 ? 8 : 4) : v;
}
template <u32 flags, bool second>
void half_long(Context& c, unsigned q, unsigned m, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value x = half_source(c, q, second, c.b.get_v(n)), y = half_source(c, q, second, c.b.get_v(m));
  c.b.set_v(d, accumulate(c, Helper::simd_fmlal, simd_form(2, q != 0, flags), d, x, y));
}
template <u32 flags, bool second>
void half_long_element(Context& c, unsigned q, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n,
                       unsigned d) {
  if (!fp_enabled(c)) return;
  const Value x = half_source(c, q, second, c.b.get_v(n)), y = element(c, 1, rm, h << 2 | l << 1 | m);
  c.b.set_v(d, accumulate(c, Helper::simd_fmlal, simd_form(2, q != 0, flags), d, x, y));
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    row<"0 q 1 01110 zz 0 mmmmm 1 0000 1 nnnnn ddddd", rounding_doubling<0>, Feature::RDM>("SQRDMLAH (vector)"),
    row<"0 q 1 01110 zz 0 mmmmm 1 0001 1 nnnnn ddddd", rounding_doubling<kSimdSubtract>, Feature::RDM>("SQRDMLSH (vector)"),
    row<"01 1 11110 zz 0 mmmmm 1 0000 1 nnnnn ddddd", rounding_doubling_scalar<0>, Feature::RDM>("SQRDMLAH (vector), scalar"),
    row<"01 1 11110 zz 0 mmmmm 1 0001 1 nnnnn ddddd", rounding_doubling_scalar<kSimdSubtract>, Feature::RDM>("SQRDMLSH (vector), scalar"),
    row<"0 q 1 01111 zz l m rrrr 1101 h 0 nnnnn ddddd", rounding_doubling_element<0>, Feature::RDM>("SQRDMLAH (by element)"),
    row<"0 q 1 01111 zz l m rrrr 1111 h 0 nnnnn ddddd", rounding_doubling_element<kSimdSubtract>, Feature::RDM>("SQRDMLSH (by element)"),
    row<"01 1 11111 zz l m rrrr 1101 h 0 nnnnn ddddd", rounding_doubling_element_scalar<0>, Feature::RDM>("SQRDMLAH (by element), scalar"),
    row<"01 1 11111 zz l m rrrr 1111 h 0 nnnnn ddddd", rounding_doubling_element_scalar<kSimdSubtract>, Feature::RDM>("SQRDMLSH (by element), scalar"),
    row<"0 q 0 01110 10 0 mmmmm 1 0010 1 nnnnn ddddd", dot<false, false>, Feature::DotProd>("SDOT (vector)"),
    row<"0 q 1 01110 10 0 mmmmm 1 0010 1 nnnnn ddddd", dot<true, true>, Feature::DotProd>("UDOT (vector)"),
    row<"0 q 0 01111 10 l mmmmm 1110 h 0 nnnnn ddddd", dot_element<false, false>, Feature::DotProd>("SDOT (by element)"),
    row<"0 q 1 01111 10 l mmmmm 1110 h 0 nnnnn ddddd", dot_element<true, true>, Feature::DotProd>("UDOT (by element)"),
    row<"0 q 0 01110 10 0 mmmmm 1 0011 1 nnnnn ddddd", dot<true, false>, Feature::I8MM>("USDOT (vector)"),
    row<"0 q 0 01111 10 l mmmmm 1111 h 0 nnnnn ddddd", dot_element<true, false>, Feature::I8MM>("USDOT (by element)"),
    row<"0 q 0 01111 00 l mmmmm 1111 h 0 nnnnn ddddd", dot_element<false, true>, Feature::I8MM>("SUDOT (by element)"),
    row<"0 1 0 01110 10 0 mmmmm 1 0100 1 nnnnn ddddd", matrix_multiply<0>, Feature::I8MM>("SMMLA"),
    row<"0 1 1 01110 10 0 mmmmm 1 0100 1 nnnnn ddddd", matrix_multiply<kDotUnsignedN | kDotUnsignedM>, Feature::I8MM>("UMMLA"),
    row<"0 1 0 01110 10 0 mmmmm 1 0101 1 nnnnn ddddd", matrix_multiply<kDotUnsignedN>, Feature::I8MM>("USMMLA"),
    row<"0 q 1 01110 zz 0 mmmmm 1 10 oo 1 nnnnn ddddd", complex_multiply, Feature::FCMA>("FCMLA"),
    row<"0 q 1 01110 zz 0 mmmmm 1 1100 1 nnnnn ddddd", complex_add<false>, Feature::FCMA>("FCADD"),
    row<"0 q 1 01110 zz 0 mmmmm 1 1110 1 nnnnn ddddd", complex_add<true>, Feature::FCMA>("FCADD"),
    row<"0 q 1 01111 zz l mmmmm 0 oo 1 h 0 nnnnn ddddd", complex_multiply_element, Feature::FCMA>("FCMLA (by element)"),
    row<"0 q 1 01110 01 0 mmmmm 1 1111 1 nnnnn ddddd", bfloat<Helper::simd_bfdot>, Feature::BF16>("BFDOT (vector)"),
    row<"0 1 1 01110 01 0 mmmmm 1 1101 1 nnnnn ddddd", bfloat_matrix, Feature::BF16>("BFMMLA"),
    row<"0 q 1 01110 11 0 mmmmm 1 1111 1 nnnnn ddddd", bfloat_long, Feature::BF16>("BFMLALB, BFMLALT (vector)"),
    row<"0 q 0 01111 01 l mmmmm 1111 h 0 nnnnn ddddd", bfloat_dot_element, Feature::BF16>("BFDOT (by element)"),
    row<"0 q 0 01111 11 l m rrrr 1111 h 0 nnnnn ddddd", bfloat_long_element, Feature::BF16>("BFMLALB, BFMLALT (by element)"),
    row<"0 q 0 01110 00 1 mmmmm 11101 1 nnnnn ddddd", half_long<0, false>, Feature::FHM>("FMLAL (vector)"),
    row<"0 q 0 01110 10 1 mmmmm 11101 1 nnnnn ddddd", half_long<kSimdSubtract, false>, Feature::FHM>("FMLSL (vector)"),
    row<"0 q 1 01110 00 1 mmmmm 11001 1 nnnnn ddddd", half_long<0, true>, Feature::FHM>("FMLAL2 (vector)"),
    row<"0 q 1 01110 10 1 mmmmm 11001 1 nnnnn ddddd", half_long<kSimdSubtract, true>, Feature::FHM>("FMLSL2 (vector)"),
    row<"0 q 0 01111 10 l m rrrr 0000 h 0 nnnnn ddddd", half_long_element<0, false>, Feature::FHM>("FMLAL (by element)"),
    row<"0 q 0 01111 10 l m rrrr 0100 h 0 nnnnn ddddd", half_long_element<kSimdSubtract, false>, Feature::FHM>("FMLSL (by element)"),
    row<"0 q 1 01111 10 l m rrrr 1000 h 0 nnnnn ddddd", half_long_element<0, true>, Feature::FHM>("FMLAL2 (by element)"),
    row<"0 q 1 01111 10 l m rrrr 1100 h 0 nnnnn ddddd", half_long_element<kSimdSubtract, true>, Feature::FHM>("FMLSL2 (by element)"),
};
// clang-format on

}  // namespace

std::span<const Row> simd_extra_rows() { return kRows; }

}  // namespace ferry::frontend
