// FPConvert, FixedToFP, FPToFixed, FPToFixedJS (Arm ARM, shared/functions/float).
#include "core/check.h"
#include "cpu/fp/unpack.h"

namespace ferry::cpu::fp {
namespace {

// FPConvertNaN: the fraction keeps its top bits, quietened.
template <class To, class From>
typename To::Bits convert_nan(typename From::Bits a) {
  u64 frac = (u64{a} << (64 - From::kFrac)) >> (64 - To::kFrac);
  frac |= u64{1} << (To::kFrac - 1);
  return static_cast<typename To::Bits>(infinity<To>(bit(a, From::kBits - 1)) | frac);
}

// SatQ for a magnitude of which nothing above bit 64 is set: the low `width` bits, and whether it did not fit.
u64 saturate(bool sign, Wide magnitude, bool is_unsigned, unsigned width, bool& overflow) {
  const Wide max_positive = is_unsigned ? low_mask(width) : low_mask(width - 1);
  const Wide limit = !sign ? max_positive : is_unsigned ? 0 : max_positive + 1;
  overflow = magnitude > limit;
  const u64 value = static_cast<u64>(overflow ? limit : magnitude);
  return (sign ? u64{0} - value : value) & low_mask(width);
}

}  // namespace

template <class To, class From>
typename To::Bits convert(typename From::Bits a, Rounding rounding, FpContext& ctx) {
  const Unpacked x = unpack_cv<From>(a, ctx);
  const bool alternative_half = is_half<To> && (ctx.fpcr & kFpcrAHP) != 0;
  if (x.nan()) {
    if (x.kind == Kind::SignallingNaN || alternative_half) ctx.fpsr |= kFpsrIOC;
    if (alternative_half) return zero<To>(x.sign);
    return (ctx.fpcr & kFpcrDN) != 0 ? default_nan<To>() : convert_nan<To, From>(a);
  }
  if (x.inf()) {
    if (!alternative_half) return infinity<To>(x.sign);
    ctx.fpsr |= kFpsrIOC;
    return static_cast<typename To::Bits>(zero<To>(x.sign) | low_mask(15));
  }
  if (x.zero()) return zero<To>(x.sign);
  return round_cv<To>(x.sign, x.exp, x.sig, rounding, ctx);
}

template <class F>
u64 to_fixed(typename F::Bits a, unsigned fbits, bool is_unsigned, unsigned width, Rounding rounding, FpContext& ctx) {
  ASSERT((width == 16 || width == 32 || width == 64) && fbits <= width, "the integer is one of the architecture's");
  const Unpacked x = unpack<F>(a, ctx);
  if (x.nan()) {
    ctx.fpsr |= kFpsrIOC;
    return 0;
  }
  if (x.zero()) return 0;
  bool overflow = false;
  const int exp = x.exp + static_cast<int>(fbits);
  if (x.inf() || exp > 63) {
    ctx.fpsr |= kFpsrIOC;
    return saturate(x.sign, Wide{1} << 64, is_unsigned, width, overflow);
  }
  // The integer part and the part below it, the latter as a fraction of 2^64.
  u64 whole = 0;
  u64 error = 0;
  if (exp >= 0) {
    whole = x.sig >> (63 - exp);
    error = exp == 63 ? 0 : x.sig << (exp + 1);
  } else {
    error = shift_right_jam(x.sig, static_cast<unsigned>(-1 - exp));
  }
  const bool up = error != 0 && rounds_up(rounding, x.sign, whole, error, u64{1} << 63);
  const u64 result = saturate(x.sign, Wide{whole} + up, is_unsigned, width, overflow);
  if (overflow) {
    ctx.fpsr |= kFpsrIOC;
  } else if (error != 0) {
    ctx.fpsr |= kFpsrIXC;
  }
  return result;
}

template <class F>
typename F::Bits from_fixed(u64 value, unsigned width, unsigned fbits, bool is_unsigned, Rounding rounding,
                            FpContext& ctx) {
  ASSERT((width == 16 || width == 32 || width == 64) && fbits <= width, "the integer is one of the architecture's");
  value = is_unsigned ? value & low_mask(width) : static_cast<u64>(sign_extend(value, width));
  if (value == 0) return zero<F>(false);
  const bool sign = !is_unsigned && bit(value, 63);
  const u64 magnitude = sign ? u64{0} - value : value;
  const int shift = std::countl_zero(magnitude);
  return round<F>(sign, 63 - shift - static_cast<int>(fbits), magnitude << shift, rounding, ctx);
}

u32 to_fixed_js(u64 a, bool& z, FpContext& ctx) {
  const Unpacked x = unpack<Double>(a, ctx);
  z = false;
  if (x.nan() || x.inf()) {
    ctx.fpsr |= kFpsrIOC;
    return 0;
  }
  if (x.zero()) {
    z = a == 0;  // neither -0 nor a flushed denormal is exact
    return 0;
  }
  // Truncated towards zero, then modulo 2^32.
  u64 whole = 0;
  bool inexact = true;
  if (x.exp >= 0 && x.exp <= 63) {
    whole = x.sig >> (63 - x.exp);
    inexact = x.exp < 63 && (x.sig << (x.exp + 1)) != 0;
  } else if (x.exp > 63) {
    whole = x.exp < 96 ? x.sig << (x.exp - 63) : 0;
    inexact = false;
  }
  const bool fits = x.exp < 31 || (x.sign && whole == u64{1} << 31 && x.exp == 31);
  if (!fits) {
    ctx.fpsr |= kFpsrIOC;
  } else if (inexact) {
    ctx.fpsr |= kFpsrIXC;
  } else {
    z = true;
  }
  return static_cast<u32>(x.sign ? u64{0} - whole : whole);
}

#define FERRY_FP_INSTANTIATE_FIXED(F)                                                \
  template u64 to_fixed<F>(F::Bits, unsigned, bool, unsigned, Rounding, FpContext&); \
  template F::Bits from_fixed<F>(u64, unsigned, unsigned, bool, Rounding, FpContext&);
FERRY_FP_INSTANTIATE_FIXED(Half)
FERRY_FP_INSTANTIATE_FIXED(Single)
FERRY_FP_INSTANTIATE_FIXED(Double)
template u32 convert<Single, Half>(u16, Rounding, FpContext&);
template u64 convert<Double, Half>(u16, Rounding, FpContext&);
template u16 convert<Half, Single>(u32, Rounding, FpContext&);
template u64 convert<Double, Single>(u32, Rounding, FpContext&);
template u16 convert<Half, Double>(u64, Rounding, FpContext&);
template u32 convert<Single, Double>(u64, Rounding, FpContext&);
template u16 convert<BFloat, Single>(u32, Rounding, FpContext&);

}  // namespace ferry::cpu::fp
