// FPMulAdd, FPMulAddH, FPRecipStepFused, FPRSqrtStepFused (Arm ARM, shared/functions/float).
#include "cpu/fp/unpack.h"

namespace ferry::cpu::fp {
namespace {

// addend + a * b for finite nonzero values, rounded once, then scaled by 2^scale before rounding.
// The 128-bit product has at least 22 zero bits at its bottom and the addend 75, which is guard enough for a sticky
// alignment.
template <class F>
typename F::Bits fused(const Unpacked& addend, bool sign, const Unpacked& a, const Unpacked& b, int scale,
                       FpContext& ctx) {
  Wide product = Wide{a.sig} * b.sig;
  int exp = a.exp + b.exp + 1;
  if ((product >> 127) == 0) {
    product <<= 1;
    --exp;
  }
  const Wide other = Wide{addend.sig} << 64;
  const bool product_larger = exp > addend.exp || (exp == addend.exp && product >= other);
  const int distance = product_larger ? exp - addend.exp : addend.exp - exp;
  const Wide large = (product_larger ? product : other) >> 1;
  const Wide small = shift_right_jam((product_larger ? other : product) >> 1, static_cast<unsigned>(distance));
  Wide sum = sign == addend.sign ? large + small : large - small;
  if (sum == 0) return zero<F>(zero_sum_sign(ctx));
  const u64 high = static_cast<u64>(sum >> 64);
  const int shift = high != 0 ? std::countl_zero(high) : 64 + std::countl_zero(static_cast<u64>(sum));
  sum <<= shift;
  const int sum_exp = (product_larger ? exp : addend.exp) + 1 - shift;
  return round<F>(product_larger ? sign : addend.sign, sum_exp + scale, jam_high(sum), ctx.rounding(), ctx);
}

template <class F>
typename F::Bits product_only(bool sign, const Unpacked& a, const Unpacked& b, FpContext& ctx) {
  const u64 product = jam_high(Wide{a.sig} * b.sig);
  const int shift = std::countl_zero(product);
  return round<F>(sign, a.exp + b.exp + 1 - shift, product << shift, ctx.rounding(), ctx);
}

// Everything after NaN operands have been dealt with.
template <class F>
typename F::Bits mul_add_numbers(const Unpacked& c, const Unpacked& a, const Unpacked& b, FpContext& ctx) {
  const bool sign = a.sign != b.sign;
  const bool inf_product = a.inf() || b.inf();
  const bool zero_product = a.zero() || b.zero();
  if (inf_product && (zero_product || (c.inf() && c.sign != sign))) return invalid<F>(ctx);
  if (c.inf()) return infinity<F>(c.sign);
  if (inf_product) return infinity<F>(sign);
  if (zero_product) {
    if (c.zero()) return zero<F>(c.sign == sign ? sign : zero_sum_sign(ctx));
    return round<F>(c.sign, c.exp, c.sig, ctx.rounding(), ctx);
  }
  if (c.zero()) return product_only<F>(sign, a, b, ctx);
  return fused<F>(c, sign, a, b, 0, ctx);
}

bool inf_times_zero(const Unpacked& a, const Unpacked& b) { return (a.inf() && b.zero()) || (a.zero() && b.inf()); }

// constant - a * b, halved when `scale` is -1; `inf_zero` is the result for an infinity times a zero.
template <class F>
typename F::Bits step(typename F::Bits a, typename F::Bits b, u64 constant_sig, int scale, typename F::Bits inf_zero,
                      FpContext& ctx) {
  a = neg<F>(a);  // before NaN processing, so a propagated NaN comes out negated
  const Unpacked x = unpack<F>(a, ctx);
  const Unpacked y = unpack<F>(b, ctx);
  if (x.nan() || y.nan()) return process_nans<F>(x, y, a, b, ctx);
  if (inf_times_zero(x, y)) return inf_zero;
  const bool sign = x.sign != y.sign;
  if (x.inf() || y.inf()) return infinity<F>(sign);
  const Unpacked constant{Kind::Finite, false, 1, constant_sig};
  if (x.zero() || y.zero()) return round<F>(false, 1 + scale, constant_sig, ctx.rounding(), ctx);
  return fused<F>(constant, sign, x, y, scale, ctx);
}

}  // namespace

template <class F>
typename F::Bits mul_add(typename F::Bits addend, typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  const Unpacked z = unpack<F>(addend, ctx);
  const Unpacked x = unpack<F>(a, ctx);
  const Unpacked y = unpack<F>(b, ctx);
  if (z.nan() || x.nan() || y.nan()) {
    const typename F::Bits result = process_nans3<F>(z, x, y, addend, a, b, ctx);
    // A quiet addend does not hide an invalid product.
    return z.kind == Kind::QuietNaN && inf_times_zero(x, y) ? invalid<F>(ctx) : result;
  }
  return mul_add_numbers<F>(z, x, y, ctx);
}

u32 mul_add_h(u32 addend, u16 a, u16 b, FpContext& ctx) {
  const Unpacked z = unpack<Single>(addend, ctx);
  const Unpacked x = unpack<Half>(a, ctx);
  const Unpacked y = unpack<Half>(b, ctx);
  if (z.nan() || x.nan() || y.nan()) {  // FPProcessNaNs3H: the factors' NaNs are converted to single precision
    const auto widen = [](u16 h) { return (u32{h} & 0x8000u) << 16 | 0x7f800000u | (u32{h} & 0x3ffu) << 13; };
    const u32 result = process_nans3<Single>(z, x, y, addend, widen(a), widen(b), ctx);
    return z.kind == Kind::QuietNaN && inf_times_zero(x, y) ? invalid<Single>(ctx) : result;
  }
  return mul_add_numbers<Single>(z, x, y, ctx);
}

template <class F>
typename F::Bits recip_step(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  const auto two = static_cast<typename F::Bits>(u64{1} << (F::kBits - 2));
  return step<F>(a, b, u64{1} << 63, 0, two, ctx);
}

template <class F>
typename F::Bits rsqrt_step(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  const auto one_and_a_half =
      static_cast<typename F::Bits>((low_mask(F::kExp - 1) << F::kFrac) | (u64{1} << (F::kFrac - 1)));
  return step<F>(a, b, u64{3} << 62, -1, one_and_a_half, ctx);
}

#define FERRY_FP_INSTANTIATE_MUL_ADD(F) template F::Bits mul_add<F>(F::Bits, F::Bits, F::Bits, FpContext&);
FERRY_FP_INSTANTIATE_MUL_ADD(Half)
FERRY_FP_INSTANTIATE_MUL_ADD(Single)
FERRY_FP_INSTANTIATE_MUL_ADD(Double)
FERRY_FP_INSTANTIATE_BINARY(recip_step)
FERRY_FP_INSTANTIATE_BINARY(rsqrt_step)

}  // namespace ferry::cpu::fp
