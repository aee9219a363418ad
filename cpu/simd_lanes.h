// Inside cpu's vector helpers only: elements of a 128-bit value and SatQ (Arm ARM, shared/functions/vector).
#pragma once
#include "cpu/simd.h"

namespace ferry::cpu::simd {

// Wide enough for every exact intermediate of a 64-bit element.
__extension__ typedef __int128 Exact;

inline u64 element(U128 v, unsigned e, unsigned esize) {
  const unsigned at = e * esize;
  return ((at < 64 ? v.lo : v.hi) >> (at % 64)) & low_mask(esize);
}
// Elements start zero and are set once.
inline void set_element(U128& v, unsigned e, unsigned esize, u64 value) {
  const unsigned at = e * esize;
  (at < 64 ? v.lo : v.hi) |= (value & low_mask(esize)) << (at % 64);
}

inline Exact exact(u64 value, unsigned esize, Sign sign) {
  return sign == Sign::Unsigned ? Exact{value} : Exact{sign_extend(value, esize)};
}

// SatQ
inline u64 saturate(Exact value, unsigned esize, Sign sign, bool& qc) {
  const Exact max = sign == Sign::Unsigned ? Exact{low_mask(esize)} : Exact{low_mask(esize - 1)};
  const Exact min = sign == Sign::Unsigned ? Exact{0} : -max - 1;
  if (value > max || value < min) {
    qc = true;
    value = value > max ? max : min;
  }
  return static_cast<u64>(value) & low_mask(esize);
}

// Shift right, to nearest with ties up when rounding; 0 <= shift <= 66 leaves room for a 64-bit element.
inline Exact shift_right_exact(Exact value, unsigned shift, bool rounding) {
  if (rounding && shift != 0) value += Exact{1} << (shift - 1);
  return value >> shift;
}

template <class Fn>
U128 map_lanes(Lanes lanes, Fn fn) {
  U128 result;
  for (unsigned e = 0; e < lanes.count(); ++e) set_element(result, e, lanes.esize, fn(e));
  return result;
}

}  // namespace ferry::cpu::simd
