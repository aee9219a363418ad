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

// The first digit of the root below: floor(sqrt(n * 256)) for 64 <= n < 256.
struct RootTable {
  u8 value[256] = {};
  constexpr RootTable() {
    for (u32 n = 64, r = 128; n < 256; ++n) {
      while ((r + 1) * (r + 1) <= n << 8) ++r;
      value[n] = static_cast<u8>(r);
    }
  }
};
constexpr RootTable kRootTable;

// A root and what is left: n = root^2 + rest, 0 <= rest <= 2 * root.
struct Root {
  u64 root;
  u64 rest;
};

// Doubles the digits of a root: from that of n to that of n * 2^(2k) + next, next < 2^(2k), root >= 2^(k-1)
// (P. Zimmermann, Karatsuba Square Root, INRIA RR-3805).
template <unsigned k>
Root extend_root(Root old, u64 next) {
  const u64 numerator = (old.rest << k) + (next >> k);
  const u64 divisor = old.root << 1;
  const u64 q = numerator / divisor;
  u64 root = (old.root << k) + q;
  u64 rest = (numerator % divisor << k) + (next & low_mask(k)) - q * q;
  if (bit(rest, 63)) {  // below zero: one too many
    rest += 2 * root - 1;
    --root;
  }
  return {root, rest};
}

// floor(sqrt(v * 2^64)) for v >= 2^62; `exact` says whether nothing was lost.
u64 root(u64 v, bool& exact) {
  const u64 top = v >> 48;
  u64 first = kRootTable.value[v >> 56];
  if ((first + 1) * (first + 1) <= top) ++first;
  const Root r16 = extend_root<8>({first, top - first * first}, bits(v, 47, 32));
  const Root r32 = extend_root<16>(r16, bits(v, 31, 0));
  const Wide numerator = Wide{r32.rest} << 32;
  const Wide divisor = Wide{r32.root} << 1;
  const Wide q = numerator / divisor;
  const Wide remainder = (numerator - q * divisor) << 32;
  const Wide result = (Wide{r32.root} << 32) + q;
  const Wide square = q * q;
  exact = remainder == square;
  return static_cast<u64>(remainder < square ? result - 1 : result);
}

}  // namespace

template <class F>
typename F::Bits add(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  return add_or_sub<F>(a, b, false, ctx);
}

template <class F>
typename F::Bits sub(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  return add_or_sub<F>(a, b, true, ctx);
}

template <class F>
typename F::Bits mul(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  return multiply<F>(a, b, false, ctx);
}

template <class F>
typename F::Bits mulx(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  return multiply<F>(a, b, true, ctx);
}

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
