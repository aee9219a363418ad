// FPRecipEstimate, FPRSqrtEstimate, FPRecpX, UnsignedRecipEstimate, UnsignedRSqrtEstimate, RecipEstimate,
// RecipSqrtEstimate (Arm ARM, shared/functions/float and shared/functions/vector).
#include "cpu/fp/unpack.h"

namespace ferry::cpu::fp {
namespace {

// RecipEstimate: 256 <= a < 512 stands for [0.5, 1.0); the result 256..511 for [1.0, 2.0).
u32 recip_estimate_9(u32 a) {
  const u32 b = (u32{1} << 19) / (a * 2 + 1);
  return (b + 1) / 2;
}

// RecipSqrtEstimate: 128 <= a < 512 stands for [0.25, 1.0); the result 256..511 for [1.0, 2.0).
constexpr u32 rsqrt_estimate_9(u32 a) {
  a = a < 256 ? a * 2 + 1 : ((a >> 1 << 1) + 1) * 2;
  u32 b = 512;
  while (a * (b + 1) * (b + 1) < (u32{1} << 28)) ++b;
  return (b + 1) / 2;
}

struct RsqrtTable {
  u16 value[512] = {};
  constexpr RsqrtTable() {
    for (u32 a = 128; a < 512; ++a) value[a] = static_cast<u16>(rsqrt_estimate_9(a));
  }
};
constexpr RsqrtTable kRsqrtTable;

// Sign, exponent field and a 52-bit fraction put together in the format.
template <class F>
typename F::Bits pack_estimate(bool sign, int exp, u64 fraction52) {
  return static_cast<typename F::Bits>((u64{sign} << (F::kBits - 1)) | (static_cast<u64>(exp) << F::kFrac) |
                                       (fraction52 >> (52 - F::kFrac)));
}

}  // namespace

template <class F>
typename F::Bits recip_estimate(typename F::Bits a, FpContext& ctx) {
  constexpr int kMinExp = 1 - kBias<F>;
  const Unpacked x = unpack<F>(a, ctx);
  if (x.nan()) return process_nan<F>(x.kind, a, ctx);
  if (x.inf()) return zero<F>(x.sign);
  if (x.zero()) {
    ctx.fpsr |= kFpsrDZC;
    return infinity<F>(x.sign);
  }
  if (x.exp < kMinExp - 2) {  // the reciprocal is too large
    ctx.fpsr |= kFpsrOFC | kFpsrIXC;
    return overflows_to_infinity(ctx.rounding(), x.sign) ? infinity<F>(x.sign) : max_normal<F>(x.sign);
  }
  if (flushes<F>(ctx.fpcr) && x.exp >= kBias<F> - 1) {  // the reciprocal is a denormal
    ctx.fpsr |= kFpsrUFC;
    return zero<F>(x.sign);
  }
  const u32 estimate = recip_estimate_9(static_cast<u32>(x.sig >> 55));
  u64 fraction = u64{estimate & 0xff} << 44;
  int exp = kBias<F> - 1 - x.exp;
  if (exp == 0) {
    fraction = (u64{1} << 51) | (fraction >> 1);
  } else if (exp == -1) {
    fraction = (u64{1} << 50) | (fraction >> 2);
    exp = 0;
  }
  return pack_estimate<F>(x.sign, exp, fraction);
}

template <class F>
typename F::Bits rsqrt_estimate(typename F::Bits a, FpContext& ctx) {
  const Unpacked x = unpack<F>(a, ctx);
  if (x.nan()) return process_nan<F>(x.kind, a, ctx);
  if (x.zero()) {
    ctx.fpsr |= kFpsrDZC;
    return infinity<F>(x.sign);
  }
  if (x.sign) return invalid<F>(ctx);
  if (x.inf()) return zero<F>(false);
  // An odd exponent reads as [0.5, 1.0), an even one as [0.25, 0.5).
  const bool odd = (x.exp & 1) != 0;
  const u32 estimate = kRsqrtTable.value[static_cast<u32>(odd ? x.sig >> 55 : x.sig >> 56)];
  const int exp = kBias<F> - 1 - (x.exp >> 1);
  return pack_estimate<F>(false, exp, u64{estimate & 0xff} << 44);
}

template <class F>
typename F::Bits recpx(typename F::Bits a, FpContext& ctx) {
  const Unpacked x = unpack<F>(a, ctx);
  if (x.nan()) return process_nan<F>(x.kind, a, ctx);
  const u64 exp = bits(a, F::kBits - 2, F::kFrac);
  const u64 result = exp == 0 ? low_mask(F::kExp) - 1 : ~exp & low_mask(F::kExp);
  return static_cast<typename F::Bits>((u64{x.sign} << (F::kBits - 1)) | (result << F::kFrac));
}

u32 unsigned_recip_estimate(u32 a) {
  if (!bit(a, 31)) return ~u32{0};
  return recip_estimate_9(a >> 23) << 23;
}

u32 unsigned_rsqrt_estimate(u32 a) {
  if (bits(a, 31, 30) == 0) return ~u32{0};
  return u32{kRsqrtTable.value[a >> 23]} << 23;
}

FERRY_FP_INSTANTIATE_UNARY(recip_estimate)
FERRY_FP_INSTANTIATE_UNARY(rsqrt_estimate)
FERRY_FP_INSTANTIATE_UNARY(recpx)

}  // namespace ferry::cpu::fp
