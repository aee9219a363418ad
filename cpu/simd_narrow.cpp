// Narrowing, doubling multiplies and table lookup of AdvSIMD (Arm ARM DDI 0487, C7).
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

}  // namespace

u64 narrow(U128 n, unsigned esize, unsigned shift, bool rounding, Narrow kind, bool scalar, bool& qc) {
  const Sign sign = kind == Narrow::UnsignedSat ? Sign::Unsigned : Sign::Signed;
  const unsigned count = scalar ? 1 : 64 / esize;
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
  return map_lanes(lanes, [&](unsigned e) {
    const Exact doubled = 2 * signed_element(n, e, lanes.esize) * signed_element(m, e, lanes.esize);
    return saturate(shift_right_exact(doubled, lanes.esize, rounding), lanes.esize, Sign::Signed, qc);
  });
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
