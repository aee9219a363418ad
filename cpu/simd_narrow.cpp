// Narrowing, doubling multiplies and table lookup of AdvSIMD (Arm ARM DDI 0487, C7).
#include <array>
#include <bit>
#include <limits>

#include "core/check.h"
#include "cpu/simd.h"
#include "cpu/simd_lanes.h"

namespace ferry::cpu::simd {
namespace {

Exact signed_element(U128 v, unsigned e, unsigned esize) { return exact(element(v, e, esize), esize, Sign::Signed); }
Exact signed_element(u64 v, unsigned e, unsigned esize) { return sign_extend(v >> (e * esize), esize); }

u64 narrow_element(Exact value, unsigned esize, Narrow kind, bool& qc) {
  switch (kind) {
    case Narrow::Truncate: return static_cast<u64>(value) & low_mask(esize);
    case Narrow::SignedSat: return saturate(value, esize, Sign::Signed, qc);
    case Narrow::UnsignedSat:
    case Narrow::SignedToUnsignedSat: return saturate(value, esize, Sign::Unsigned, qc);
  }
  UNREACHABLE("every kind of narrowing is handled");
}

// The high half of twice the product: only the square of the smallest number does not fit.
template <class T>
U128 doubling_high(U128 n, U128 m, unsigned count, bool rounding, bool& qc) {
  using Array = std::array<T, 16 / sizeof(T)>;
  const Array a = std::bit_cast<Array>(n), b = std::bit_cast<Array>(m);
  constexpr unsigned kShift = 8 * sizeof(T) - 1;
  const i64 half = rounding ? i64{1} << (kShift - 1) : 0;
  Array r{};
  for (unsigned e = 0; e < count; ++e) {
    const i64 high = (i64{a[e]} * b[e] + half) >> kShift;
    const bool over = high > std::numeric_limits<T>::max();
    r[e] = over ? std::numeric_limits<T>::max() : static_cast<T>(high);
    qc |= over;
  }
  return std::bit_cast<U128>(r);
}

// Bytes and halfwords of halfwords and words: every step fits a host word.
u64 narrow_short(U128 n, unsigned esize, unsigned shift, bool rounding, Narrow kind, unsigned count, bool& qc) {
  const i64 half = rounding && shift != 0 ? i64{1} << (shift - 1) : 0;
  const bool to_signed = kind == Narrow::SignedSat;
  const i64 max = static_cast<i64>(low_mask(to_signed ? esize - 1 : esize)), min = to_signed ? -max - 1 : 0;
  u64 result = 0;
  for (unsigned e = 0; e < count; ++e) {
    const u64 wide = element(n, e, 2 * esize);
    i64 x = kind == Narrow::UnsignedSat ? static_cast<i64>(wide) : sign_extend(wide, 2 * esize);
    x = (x + half) >> shift;
    if (kind != Narrow::Truncate) {
      const i64 fits = x > max ? max : x < min ? min : x;
      qc |= fits != x;
      x = fits;
    }
    result |= (static_cast<u64>(x) & low_mask(esize)) << (e * esize);
  }
  return result;
}

}  // namespace

u64 narrow(U128 n, unsigned esize, unsigned shift, bool rounding, Narrow kind, bool scalar, bool& qc) {
  const Sign sign = kind == Narrow::UnsignedSat ? Sign::Unsigned : Sign::Signed;
  const unsigned count = scalar ? 1 : 64 / esize;
  if (esize < 32) return narrow_short(n, esize, shift, rounding, kind, count, qc);
  u64 result = 0;
  for (unsigned e = 0; e < count; ++e) {
    const Exact wide = exact(element(n, e, 2 * esize), 2 * esize, sign);
    result |= narrow_element(shift_right_exact(wide, shift, rounding), esize, kind, qc) << (e * esize);
  }
  return result;
}

u64 add_high_narrow(U128 n, U128 m, unsigned esize, bool subtract, bool rounding) {
  u64 result = 0;
  for (unsigned e = 0; e < 64 / esize; ++e) {
    const u64 a = element(n, e, 2 * esize), b = element(m, e, 2 * esize);
    const u64 sum = (subtract ? a - b : a + b) + (rounding ? u64{1} << (esize - 1) : 0);
    result |= ((sum >> esize) & low_mask(esize)) << (e * esize);
  }
  return result;
}

U128 sqdmulh(U128 n, U128 m, Lanes lanes, bool rounding, bool& qc) {
  return lanes.esize == 16 ? doubling_high<i16>(n, m, lanes.count(), rounding, qc)
                           : doubling_high<i32>(n, m, lanes.count(), rounding, qc);
}

U128 sqrdmlah(U128 d, U128 n, U128 m, Lanes lanes, bool subtract, bool& qc) {
  return map_lanes(lanes, [&](unsigned e) {
    const Exact doubled = 2 * signed_element(n, e, lanes.esize) * signed_element(m, e, lanes.esize);
    const Exact accumulator = signed_element(d, e, lanes.esize) * (Exact{1} << lanes.esize);
    const Exact sum = subtract ? accumulator - doubled : accumulator + doubled;
    return saturate(shift_right_exact(sum, lanes.esize, true), lanes.esize, Sign::Signed, qc);
  });
}

U128 sqdmull(u64 n, u64 m, unsigned esize, bool scalar, bool& qc) {
  U128 result;
  for (unsigned e = 0; e < (scalar ? 1 : 64 / esize); ++e) {
    const Exact doubled = 2 * signed_element(n, e, esize) * signed_element(m, e, esize);
    set_element(result, e, 2 * esize, saturate(doubled, 2 * esize, Sign::Signed, qc));
  }
  return result;
}

U128 sqdmlal(U128 d, u64 n, u64 m, unsigned esize, bool subtract, bool scalar, bool& qc) {
  const U128 products = sqdmull(n, m, esize, scalar, qc);
  const u8 wide = static_cast<u8>(2 * esize);
  const Lanes lanes{wide, static_cast<u8>(scalar ? wide : 128)};
  return subtract ? sat_sub(d, products, lanes, Sign::Signed, qc) : sat_add(d, products, lanes, Sign::Signed, qc);
}

U128 tbl(const U128* table, unsigned registers, U128 indices, unsigned datasize) {
  return tbx(U128{}, table, registers, indices, datasize);
}

U128 tbx(U128 d, const U128* table, unsigned registers, U128 indices, unsigned datasize) {
  U128 result;
  for (unsigned e = 0; e < datasize / 8; ++e) {
    const unsigned index = static_cast<unsigned>(element(indices, e, 8));
    const u64 byte = index < 16 * registers ? element(table[index / 16], index % 16, 8) : element(d, e, 8);
    set_element(result, e, 8, byte);
  }
  return result;
}

}  // namespace ferry::cpu::simd
