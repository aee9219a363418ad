// FPRoundInt, FPRoundIntN (Arm ARM, shared/functions/float).
#include "cpu/fp/unpack.h"

namespace ferry::cpu::fp {
namespace {

// The magnitude of a finite value with exp < 63 rounded to an integer.
u64 round_magnitude(const Unpacked& x, Rounding rounding, bool& inexact) {
  u64 whole = 0;
  u64 error = 0;
  if (x.exp >= 0) {
    whole = x.sig >> (63 - x.exp);
    error = x.sig << (x.exp + 1);
  } else {
    error = shift_right_jam(x.sig, static_cast<unsigned>(-1 - x.exp));
  }
  inexact = error != 0;
  if (inexact && rounds_up(rounding, x.sign, whole, error, u64{1} << 63)) ++whole;
  return whole;
}

template <class F>
typename F::Bits from_magnitude(bool sign, u64 whole, FpContext& ctx) {
  if (whole == 0) return zero<F>(sign);
  const int shift = std::countl_zero(whole);
  return round<F>(sign, 63 - shift, whole << shift, Rounding::Zero, ctx);
}

}  // namespace

template <class F>
typename F::Bits round_int(typename F::Bits a, Rounding rounding, bool exact, FpContext& ctx) {
  const Unpacked x = unpack<F>(a, ctx);
  if (x.nan()) return process_nan<F>(x.kind, a, ctx);
  if (x.inf() || x.exp >= static_cast<int>(F::kFrac)) return a;
  if (x.zero()) return zero<F>(x.sign);
  bool inexact = false;
  const u64 whole = round_magnitude(x, rounding, inexact);
  if (inexact && exact) ctx.fpsr |= kFpsrIXC;
  return from_magnitude<F>(x.sign, whole, ctx);
}

template <class F>
typename F::Bits round_int_n(typename F::Bits a, Rounding rounding, unsigned int_size, FpContext& ctx) {
  const Unpacked x = unpack<F>(a, ctx);
  const auto lowest = static_cast<typename F::Bits>(
      (u64{1} << (F::kBits - 1)) | (static_cast<u64>(kBias<F> + static_cast<int>(int_size) - 1) << F::kFrac));
  if (x.zero()) return zero<F>(x.sign);
  bool inexact = false;
  u64 whole = 0;
  bool overflow = x.nan() || x.inf() || x.exp >= 63;
  if (!overflow) {
    whole = round_magnitude(x, rounding, inexact);
    const u64 limit = u64{1} << (int_size - 1);
    overflow = x.sign ? whole > limit : whole >= limit;
  } else if (x.kind == Kind::Finite && a == lowest) {
    return a;  // -2^63 itself is in range
  }
  if (overflow) {
    ctx.fpsr |= kFpsrIOC;
    return lowest;
  }
  if (inexact) ctx.fpsr |= kFpsrIXC;
  return from_magnitude<F>(x.sign, whole, ctx);
}

#define FERRY_FP_INSTANTIATE_ROUND_INT(F) template F::Bits round_int<F>(F::Bits, Rounding, bool, FpContext&);
FERRY_FP_INSTANTIATE_ROUND_INT(Half)
FERRY_FP_INSTANTIATE_ROUND_INT(Single)
FERRY_FP_INSTANTIATE_ROUND_INT(Double)
template u32 round_int_n<Single>(u32, Rounding, unsigned, FpContext&);
template u64 round_int_n<Double>(u64, Rounding, unsigned, FpContext&);

}  // namespace ferry::cpu::fp
