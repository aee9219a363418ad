// FPAdd, FPSub, FPMul, FPMulX, FPDiv, FPSqrt (Arm ARM, shared/functions/float).
#include "cpu/fp/unpack.h"

namespace ferry::cpu::fp {
namespace {

// The sum of two finite nonzero values. Inputs carry at least ten zero bits below their fraction, so after giving one
// bit up for the carry there are enough guard bits for a sticky alignment to round correctly.
template <class F>
typename F::Bits add_finite(const Unpacked& x, const Unpacked& y, FpContext& ctx) {
  const bool x_larger = x.exp > y.exp || (x.exp == y.exp && x.sig >= y.sig);
  const Unpacked& large = x_larger ? x : y;
  const Unpacked& small = x_larger ? y : x;
  const u64 a = large.sig >> 1;
  const u64 b = shift_right_jam(small.sig >> 1, static_cast<unsigned>(large.exp - small.exp));
  const u64 sum = large.sign == small.sign ? a + b : a - b;
  if (sum == 0) return zero<F>(zero_sum_sign(ctx));
  const int shift = std::countl_zero(sum);
  return round<F>(large.sign, large.exp + 1 - shift, sum << shift, ctx.rounding(), ctx);
}

// b_raw is the second operand as given: FPSub does not negate a NaN.
template <class F>
typename F::Bits add_or_sub(typename F::Bits a, typename F::Bits b, bool negate_b, FpContext& ctx) {
  const Unpacked x = unpack<F>(a, ctx);
  Unpacked y = unpack<F>(b, ctx);
  if (x.kind == Kind::Finite && y.kind == Kind::Finite) {
    y.sign ^= negate_b;
    return add_finite<F>(x, y, ctx);
  }
  if (x.nan() || y.nan()) return process_nans<F>(x, y, a, b, ctx);
  y.sign ^= negate_b;
  if (x.inf() && y.inf() && x.sign != y.sign) return invalid<F>(ctx);
  if (x.inf()) return infinity<F>(x.sign);
  if (y.inf()) return infinity<F>(y.sign);
  if (x.zero() && y.zero()) return zero<F>(x.sign == y.sign ? x.sign : zero_sum_sign(ctx));
  const Unpacked& only = x.zero() ? y : x;
  return round<F>(only.sign, only.exp, only.sig, ctx.rounding(), ctx);
}

template <class F>
typename F::Bits multiply(typename F::Bits a, typename F::Bits b, bool extended, FpContext& ctx) {
  const Unpacked x = unpack<F>(a, ctx);
  const Unpacked y = unpack<F>(b, ctx);
  if (x.nan() || y.nan()) return process_nans<F>(x, y, a, b, ctx);
  const bool sign = x.sign != y.sign;
  if ((x.inf() && y.zero()) || (x.zero() && y.inf())) {
    if (!extended) return invalid<F>(ctx);
    return static_cast<typename F::Bits>(zero<F>(sign) | (u64{1} << (F::kBits - 2)));  // FPTwo
  }
  if (x.inf() || y.inf()) return infinity<F>(sign);
  if (x.zero() || y.zero()) return zero<F>(sign);
  const u64 product = jam_high(Wide{x.sig} * y.sig);
  const int shift = std::countl_zero(product);  // 0 or 1
  return round<F>(sign, x.exp + y.exp + 1 - shift, product << shift, ctx.rounding(), ctx);
}

// floor(sqrt(v * 2^64)) for v >= 2^62, one result bit at a time; `exact` says whether nothing was lost.
u64 root(u64 v, bool& exact) {
  u64 result = 0;
  Wide remainder = 0;
  for (int pair = 0; pair < 64; ++pair) {
    remainder = (remainder << 2) | (v >> 62);
    v <<= 2;
    const Wide trial = (Wide{result} << 2) | 1;
    result <<= 1;
    if (remainder >= trial) {
      remainder -= trial;
      result |= 1;
    }
  }
  exact = remainder == 0;
  return result;
}

}  // namespace

template <class F>
typename F::Bits add(typename F::Bits a, typename F::Bits b, FpContext& ctx) { return add_or_sub<F>(a, b, false, ctx); }

template <class F>
typename F::Bits sub(typename F::Bits a, typename F::Bits b, FpContext& ctx) { return add_or_sub<F>(a, b, true, ctx); }

template <class F>
typename F::Bits mul(typename F::Bits a, typename F::Bits b, FpContext& ctx) { return multiply<F>(a, b, false, ctx); }

template <class F>
typename F::Bits mulx(typename F::Bits a, typename F::Bits b, FpContext& ctx) { return multiply<F>(a, b, true, ctx); }

template <class F>
typename F::Bits div(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  const Unpacked x = unpack<F>(a, ctx);
  const Unpacked y = unpack<F>(b, ctx);
  if (x.nan() || y.nan()) return process_nans<F>(x, y, a, b, ctx);
  const bool sign = x.sign != y.sign;
  if ((x.inf() && y.inf()) || (x.zero() && y.zero())) return invalid<F>(ctx);
  if (x.inf() || y.zero()) {
    if (!x.inf()) ctx.fpsr |= kFpsrDZC;
    return infinity<F>(sign);
  }
  if (x.zero() || y.inf()) return zero<F>(sign);
  const Wide dividend = Wide{x.sig} << 63;  // the quotient lies in (2^62, 2^64)
  const u64 quotient = static_cast<u64>(dividend / y.sig);
  const u64 sticky = static_cast<u64>(dividend) != quotient * y.sig;
  const u64 sig = quotient | sticky;
  const int shift = std::countl_zero(sig);
  return round<F>(sign, x.exp - y.exp - shift, sig << shift, ctx.rounding(), ctx);
}

template <class F>
typename F::Bits sqrt(typename F::Bits a, FpContext& ctx) {
  const Unpacked x = unpack<F>(a, ctx);
  if (x.nan()) return process_nan<F>(x.kind, a, ctx);
  if (x.zero()) return zero<F>(x.sign);
  if (x.sign) return invalid<F>(ctx);
  if (x.inf()) return infinity<F>(false);
  // value = m * 2^(2k) with m in [1, 4); as v / 2^62 with the root's scale then 2^63.
  const bool odd = (x.exp & 1) != 0;
  const u64 v = odd ? x.sig : x.sig >> 1;
  bool exact = true;
  const u64 r = root(v, exact);
  return round<F>(false, (x.exp - (odd ? 1 : 0)) / 2, r | (exact ? 0 : 1), ctx.rounding(), ctx);
}

FERRY_FP_INSTANTIATE_BINARY(add)
FERRY_FP_INSTANTIATE_BINARY(sub)
FERRY_FP_INSTANTIATE_BINARY(mul)
FERRY_FP_INSTANTIATE_BINARY(mulx)
FERRY_FP_INSTANTIATE_BINARY(div)
FERRY_FP_INSTANTIATE_UNARY(sqrt)

}  // namespace ferry::cpu::fp
