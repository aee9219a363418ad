// Inside cpu/fp only: FPUnpack, FPProcessNaN and FPRound (shared/functions/float in the Arm ARM).
#pragma once
#include <bit>

#include "cpu/fp/fp.h"

namespace ferry::cpu::fp {

__extension__ typedef unsigned __int128 Wide;

enum class Kind : u8 { Zero, Finite, Infinity, QuietNaN, SignallingNaN };

// A finite value is (-1)^sign * sig / 2^63 * 2^exp with bit 63 of sig set.
struct Unpacked {
  Kind kind;
  bool sign;
  int exp;
  u64 sig;
  bool nan() const { return kind >= Kind::QuietNaN; }
  bool zero() const { return kind == Kind::Zero; }
  bool inf() const { return kind == Kind::Infinity; }
};

template <class F>
inline constexpr bool is_half = F::kExp == 5;  // FZ16 and AHP are half precision's alone
template <class F>
inline constexpr int kBias = (1 << (F::kExp - 1)) - 1;

template <class F>
constexpr typename F::Bits zero(bool sign) {
  return static_cast<typename F::Bits>(u64{sign} << (F::kBits - 1));
}

// Right shift that keeps "something nonzero was lost" in bit 0.
inline u64 shift_right_jam(u64 v, unsigned n) {
  if (n == 0) return v;
  if (n >= 64) return v != 0;
  return (v >> n) | ((v << (64 - n)) != 0);
}
inline Wide shift_right_jam(Wide v, unsigned n) {
  if (n == 0) return v;
  if (n >= 128) return v != 0;
  return (v >> n) | ((v << (128 - n)) != 0);
}
inline u64 jam_high(Wide v) { return static_cast<u64>(v >> 64) | (static_cast<u64>(v) != 0); }

template <class F>
constexpr bool flushes(u32 fpcr) {
  return (fpcr & (is_half<F> ? kFpcrFZ16 : kFpcrFZ)) != 0;
}

// FPUnpackBase. Half-precision inputs flushed by FZ16 do not raise IDC; alternative half precision has no NaN or
// infinity.
template <class F>
inline Unpacked unpack_base(typename F::Bits a, u32 fpcr, bool alternative_half, FpContext& ctx) {
  const bool sign = bit(a, F::kBits - 1);
  const unsigned exp = static_cast<unsigned>(bits(a, F::kBits - 2, F::kFrac));
  const u64 frac = u64{a} << (64 - F::kFrac);  // the fraction at the top of the word
  if (exp == 0) {
    if (frac == 0) return {Kind::Zero, sign, 0, 0};
    if (flushes<F>(fpcr)) {
      if (!is_half<F>) ctx.fpsr |= kFpsrIDC;
      return {Kind::Zero, sign, 0, 0};
    }
    const int shift = std::countl_zero(frac);
    return {Kind::Finite, sign, -kBias<F> - shift, frac << shift};
  }
  if (exp == low_mask(F::kExp) && !(is_half<F> && alternative_half)) {
    if (frac == 0) return {Kind::Infinity, sign, 0, 0};
    return {bit(frac, 63) ? Kind::QuietNaN : Kind::SignallingNaN, sign, 0, 0};
  }
  return {Kind::Finite, sign, static_cast<int>(exp) - kBias<F>, (u64{1} << 63) | (frac >> 1)};
}

template <class F>
inline Unpacked unpack(typename F::Bits a, FpContext& ctx) {
  return unpack_base<F>(a, ctx.fpcr, false, ctx);
}

// FPUnpackCV: conversions between formats.
template <class F>
inline Unpacked unpack_cv(typename F::Bits a, FpContext& ctx) {
  return unpack_base<F>(a, ctx.fpcr & ~kFpcrFZ16, (ctx.fpcr & kFpcrAHP) != 0, ctx);
}

template <class F>
inline typename F::Bits invalid(FpContext& ctx) {
  ctx.fpsr |= kFpsrIOC;
  return default_nan<F>();
}

// FPProcessNaN
template <class F>
inline typename F::Bits process_nan(Kind kind, typename F::Bits a, FpContext& ctx) {
  if (kind == Kind::SignallingNaN) ctx.fpsr |= kFpsrIOC;
  if (ctx.fpcr & kFpcrDN) return default_nan<F>();
  return static_cast<typename F::Bits>(a | (u64{1} << (F::kFrac - 1)));
}

// FPProcessNaNs, FPProcessNaNs3: the first signalling NaN wins, else the first quiet one.
// Call only when at least one operand is a NaN.
template <class F>
[[gnu::noinline]] typename F::Bits process_nans(const Unpacked& x, const Unpacked& y, typename F::Bits a,
                                                typename F::Bits b, FpContext& ctx) {
  if (x.kind == Kind::SignallingNaN) return process_nan<F>(x.kind, a, ctx);
  if (y.kind == Kind::SignallingNaN) return process_nan<F>(y.kind, b, ctx);
  if (x.nan()) return process_nan<F>(x.kind, a, ctx);
  return process_nan<F>(y.kind, b, ctx);
}
template <class F>
[[gnu::noinline]] typename F::Bits process_nans3(const Unpacked& x, const Unpacked& y, const Unpacked& z,
                                                 typename F::Bits a, typename F::Bits b, typename F::Bits c,
                                                 FpContext& ctx) {
  if (x.kind == Kind::SignallingNaN) return process_nan<F>(x.kind, a, ctx);
  if (y.kind == Kind::SignallingNaN) return process_nan<F>(y.kind, b, ctx);
  if (z.kind == Kind::SignallingNaN) return process_nan<F>(z.kind, c, ctx);
  if (x.nan()) return process_nan<F>(x.kind, a, ctx);
  if (y.nan()) return process_nan<F>(y.kind, b, ctx);
  return process_nan<F>(z.kind, c, ctx);
}

// Whether an overflow goes to infinity instead of the largest finite number.
inline bool overflows_to_infinity(Rounding rounding, bool sign) {
  switch (rounding) {
    case Rounding::TieEven:
    case Rounding::TieAway: return true;
    case Rounding::PosInf: return !sign;
    case Rounding::NegInf: return sign;
    case Rounding::Zero:
    case Rounding::Odd: return false;
  }
  return false;
}

// Whether magnitude `whole` grows by one for an error of `error` / (2 * half), nonzero.
inline bool rounds_up(Rounding rounding, bool sign, u64 whole, u64 error, u64 half) {
  switch (rounding) {
    case Rounding::TieEven: return error > half || (error == half && (whole & 1));
    case Rounding::TieAway: return error >= half;
    case Rounding::PosInf: return !sign;
    case Rounding::NegInf: return sign;
    case Rounding::Zero:
    case Rounding::Odd: return false;
  }
  return false;
}

// FPRoundBase. sig has bit 63 set and bit 0 sticky; tininess is detected before rounding.
template <class F>
inline typename F::Bits round_base(bool sign, int exp, u64 sig, Rounding rounding, u32 fpcr, FpContext& ctx) {
  constexpr unsigned kDrop = 63 - F::kFrac;
  constexpr u64 kHalfWay = u64{1} << (kDrop - 1);
  int biased = exp + kBias<F>;
  if (biased <= 0) {
    if (flushes<F>(fpcr)) {
      ctx.fpsr |= kFpsrUFC;
      return zero<F>(sign);
    }
    sig = shift_right_jam(sig, static_cast<unsigned>(1 - biased));
    biased = 0;
  }
  u64 whole = sig >> kDrop;
  const u64 error = sig & low_mask(kDrop);
  u32 raised = 0;
  if (error != 0) {
    raised = biased == 0 ? kFpsrUFC | kFpsrIXC : kFpsrIXC;
    if (rounds_up(rounding, sign, whole, error, kHalfWay)) ++whole;
    if (rounding == Rounding::Odd) whole |= 1;
  }
  // The leading one of a normal number, and any carry, add into the exponent field; past its end it is an overflow.
  const u64 exp_field = biased == 0 ? 0 : static_cast<u64>(biased - 1);
  const u64 magnitude = (exp_field << F::kFrac) + whole;
  if (is_half<F> && (fpcr & kFpcrAHP)) {
    if (magnitude > low_mask(15)) {  // alternative half precision saturates, and raises nothing but IOC
      ctx.fpsr |= kFpsrIOC;
      return static_cast<typename F::Bits>((u64{sign} << 15) | low_mask(15));
    }
  } else if (exp_field + (whole >> F::kFrac) >= low_mask(F::kExp)) {
    ctx.fpsr |= kFpsrOFC | kFpsrIXC;
    return overflows_to_infinity(rounding, sign) ? infinity<F>(sign) : max_normal<F>(sign);
  }
  ctx.fpsr |= raised;
  return static_cast<typename F::Bits>((u64{sign} << (F::kBits - 1)) | magnitude);
}

// FPRound: arithmetic, where AHP means nothing.
template <class F>
inline typename F::Bits round(bool sign, int exp, u64 sig, Rounding rounding, FpContext& ctx) {
  return round_base<F>(sign, exp, sig, rounding, ctx.fpcr & ~kFpcrAHP, ctx);
}

// FPRoundCV: conversions between formats, where FZ16 means nothing.
template <class F>
inline typename F::Bits round_cv(bool sign, int exp, u64 sig, Rounding rounding, FpContext& ctx) {
  return round_base<F>(sign, exp, sig, rounding, ctx.fpcr & ~kFpcrFZ16, ctx);
}

// The sign of an exact zero sum.
inline bool zero_sum_sign(const FpContext& ctx) { return ctx.rounding() == Rounding::NegInf; }

#define FERRY_FP_INSTANTIATE_UNARY(name)                        \
  template Half::Bits name<Half>(Half::Bits, FpContext&);       \
  template Single::Bits name<Single>(Single::Bits, FpContext&); \
  template Double::Bits name<Double>(Double::Bits, FpContext&);
#define FERRY_FP_INSTANTIATE_BINARY(name)                                     \
  template Half::Bits name<Half>(Half::Bits, Half::Bits, FpContext&);         \
  template Single::Bits name<Single>(Single::Bits, Single::Bits, FpContext&); \
  template Double::Bits name<Double>(Double::Bits, Double::Bits, FpContext&);

}  // namespace ferry::cpu::fp
