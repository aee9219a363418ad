// BFDotAdd and its BFAdd, BFMul, BFRound (Arm ARM, shared/functions/float): round to odd, denormals are zeroes, no
// exceptions, FPCR is ignored.
#include "cpu/fp/unpack.h"

namespace ferry::cpu::fp {
namespace {

// Denormal operands read as zero; no flag is kept.
Unpacked unpack_bf(u32 a) {
  FpContext ctx{kFpcrFZ, 0};
  return unpack<Single>(a, ctx);
}

// BFRound: sig has bit 63 set.
u32 round_bf(bool sign, int exp, u64 sig) {
  if (exp < -126) return zero<Single>(sign);
  if (exp > 127) return infinity<Single>(sign);
  const u32 whole = static_cast<u32>(sig >> 40) | static_cast<u32>((sig & low_mask(40)) != 0);
  return u32{sign} << 31 | static_cast<u32>(exp + 127) << 23 | (whole & 0x7fffff);
}

u32 mul_bf(u16 a, u16 b) {
  const Unpacked x = unpack_bf(u32{a} << 16), y = unpack_bf(u32{b} << 16);
  if (x.nan() || y.nan() || (x.inf() && y.zero()) || (x.zero() && y.inf())) return default_nan<Single>();
  const bool sign = x.sign != y.sign;
  if (x.inf() || y.inf()) return infinity<Single>(sign);
  if (x.zero() || y.zero()) return zero<Single>(sign);
  const u64 product = jam_high(Wide{x.sig} * y.sig);
  const int shift = std::countl_zero(product);
  return round_bf(sign, x.exp + y.exp + 1 - shift, product << shift);
}

u32 add_bf(u32 a, u32 b) {
  const Unpacked x = unpack_bf(a), y = unpack_bf(b);
  if (x.nan() || y.nan() || (x.inf() && y.inf() && x.sign != y.sign)) return default_nan<Single>();
  if (x.inf() || y.inf()) return infinity<Single>(x.inf() ? x.sign : y.sign);
  if (x.zero() && y.zero()) return zero<Single>(x.sign && y.sign);
  if (x.zero() || y.zero()) {
    const Unpacked& only = x.zero() ? y : x;
    return round_bf(only.sign, only.exp, only.sig);
  }
  const bool x_larger = x.exp > y.exp || (x.exp == y.exp && x.sig >= y.sig);
  const Unpacked& large = x_larger ? x : y;
  const Unpacked& small = x_larger ? y : x;
  const u64 p = large.sig >> 1, q = shift_right_jam(small.sig >> 1, static_cast<unsigned>(large.exp - small.exp));
  const u64 sum = large.sign == small.sign ? p + q : p - q;
  if (sum == 0) return 0;
  const int shift = std::countl_zero(sum);
  return round_bf(large.sign, large.exp + 1 - shift, sum << shift);
}

}  // namespace

u32 bf_dot_add(u32 addend, u16 a0, u16 a1, u16 b0, u16 b1) {
  return add_bf(addend, add_bf(mul_bf(a0, b0), mul_bf(a1, b1)));
}

}  // namespace ferry::cpu::fp
