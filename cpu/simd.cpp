// Saturating and halving arithmetic, shifts and across-lane reductions of AdvSIMD (Arm ARM DDI 0487, C7).
#include "cpu/simd.h"

#include <array>
#include <bit>
#include <limits>

#include "cpu/simd_lanes.h"

namespace ferry::cpu::simd {
namespace {

// Both operands' elements as exact integers, combined by fn, to a vector.
template <class Fn>
U128 zip_exact(U128 n, U128 m, Lanes lanes, Sign sign, Fn fn) {
  return map_lanes(lanes, [&](unsigned e) {
    return fn(exact(element(n, e, lanes.esize), lanes.esize, sign),
              exact(element(m, e, lanes.esize), lanes.esize, sign));
  });
}

u64 shift_element(Exact value, int shift, unsigned esize, Sign sign, bool rounding, bool saturating, bool& qc) {
  if (shift >= static_cast<int>(esize)) {  // all bits leave
    if (!saturating || value == 0) return 0;
    const Exact beyond = Exact{1} << 64;
    return saturate(value < 0 ? -beyond : beyond, esize, sign, qc);
  }
  if (shift >= 0) {
    value *= Exact{1} << shift;
  } else {
    value = shift_right_exact(value, shift < -66 ? 66u : static_cast<unsigned>(-shift), rounding);
  }
  return saturating ? saturate(value, esize, sign, qc) : static_cast<u64>(value);
}

template <class Better>
u64 best_across(U128 n, Lanes lanes, Sign sign, Better better) {
  Exact best = exact(element(n, 0, lanes.esize), lanes.esize, sign);
  for (unsigned e = 1; e < lanes.count(); ++e) {
    const Exact x = exact(element(n, e, lanes.esize), lanes.esize, sign);
    if (better(x, best)) best = x;
  }
  return static_cast<u64>(best) & low_mask(lanes.esize);
}

// Elements of the host's own type: a sum is exact or overflows once, towards the operand's sign (unsigned: up or down).
template <class T, bool subtract>
U128 sat_sum_as(U128 n, U128 m, unsigned count, bool& qc) {
  using Array = std::array<T, 16 / sizeof(T)>;
  using Limits = std::numeric_limits<T>;
  const Array a = std::bit_cast<Array>(n), b = std::bit_cast<Array>(m);
  Array r{};
  bool any = false;
  for (unsigned e = 0; e < count; ++e) {
    T sum = 0;
    const bool over = subtract ? __builtin_sub_overflow(a[e], b[e], &sum) : __builtin_add_overflow(a[e], b[e], &sum);
    const bool down = Limits::is_signed ? a[e] < 0 : subtract;
    r[e] = !over ? sum : down ? Limits::min() : Limits::max();
    any |= over;
  }
  qc |= any;
  return std::bit_cast<U128>(r);
}
template <bool subtract>
U128 sat_sum(U128 n, U128 m, Lanes lanes, Sign sign, bool& qc) {
  const bool is_signed = sign == Sign::Signed;
  const unsigned count = lanes.count();
  switch (lanes.esize) {
    case 8: return is_signed ? sat_sum_as<i8, subtract>(n, m, count, qc) : sat_sum_as<u8, subtract>(n, m, count, qc);
    case 16: return is_signed ? sat_sum_as<i16, subtract>(n, m, count, qc) : sat_sum_as<u16, subtract>(n, m, count, qc);
    case 32: return is_signed ? sat_sum_as<i32, subtract>(n, m, count, qc) : sat_sum_as<u32, subtract>(n, m, count, qc);
    default: return is_signed ? sat_sum_as<i64, subtract>(n, m, count, qc) : sat_sum_as<u64, subtract>(n, m, count, qc);
  }
}

}  // namespace

U128 sat_add(U128 n, U128 m, Lanes lanes, Sign sign, bool& qc) { return sat_sum<false>(n, m, lanes, sign, qc); }

U128 sat_sub(U128 n, U128 m, Lanes lanes, Sign sign, bool& qc) { return sat_sum<true>(n, m, lanes, sign, qc); }

U128 sat_add_mixed(U128 d, U128 n, Lanes lanes, Sign sign, bool& qc) {
  const Sign other = sign == Sign::Signed ? Sign::Unsigned : Sign::Signed;
  return map_lanes(lanes, [&](unsigned e) {
    const Exact sum =
        exact(element(d, e, lanes.esize), lanes.esize, sign) + exact(element(n, e, lanes.esize), lanes.esize, other);
    return saturate(sum, lanes.esize, sign, qc);
  });
}

U128 sat_abs(U128 n, Lanes lanes, bool& qc) {
  return zip_exact(n, n, lanes, Sign::Signed,
                   [&](Exact a, Exact) { return saturate(a < 0 ? -a : a, lanes.esize, Sign::Signed, qc); });
}

U128 sat_neg(U128 n, Lanes lanes, bool& qc) {
  return zip_exact(n, n, lanes, Sign::Signed,
                   [&](Exact a, Exact) { return saturate(-a, lanes.esize, Sign::Signed, qc); });
}

U128 halving_add(U128 n, U128 m, Lanes lanes, Sign sign, bool rounding) {
  return zip_exact(n, m, lanes, sign,
                   [&](Exact a, Exact b) { return static_cast<u64>(shift_right_exact(a + b, 1, rounding)); });
}

U128 halving_sub(U128 n, U128 m, Lanes lanes, Sign sign) {
  return zip_exact(n, m, lanes, sign, [](Exact a, Exact b) { return static_cast<u64>((a - b) >> 1); });
}

U128 shift_by_register(U128 n, U128 m, Lanes lanes, Sign sign, bool rounding, bool saturating, bool& qc) {
  return map_lanes(lanes, [&](unsigned e) {
    const Exact value = exact(element(n, e, lanes.esize), lanes.esize, sign);
    const int shift = static_cast<i8>(element(m, e, lanes.esize) & 0xff);
    return shift_element(value, shift, lanes.esize, sign, rounding, saturating, qc);
  });
}

U128 sat_shift_left(U128 n, unsigned shift, Lanes lanes, Sign sign, bool& qc) {
  return map_lanes(lanes, [&](unsigned e) {
    const Exact value = exact(element(n, e, lanes.esize), lanes.esize, sign);
    return saturate(value * (Exact{1} << shift), lanes.esize, sign, qc);
  });
}

U128 sqshlu(U128 n, unsigned shift, Lanes lanes, bool& qc) {
  return map_lanes(lanes, [&](unsigned e) {
    const Exact value = exact(element(n, e, lanes.esize), lanes.esize, Sign::Signed);
    return saturate(value * (Exact{1} << shift), lanes.esize, Sign::Unsigned, qc);
  });
}

U128 shift_right(U128 n, unsigned shift, Lanes lanes, Sign sign, bool rounding) {
  return map_lanes(lanes, [&](unsigned e) {
    const Exact value = exact(element(n, e, lanes.esize), lanes.esize, sign);
    return static_cast<u64>(shift_right_exact(value, shift, rounding));
  });
}

u64 add_across(U128 n, Lanes lanes) { return add_long_across(n, lanes, Sign::Unsigned) & low_mask(lanes.esize); }

u64 add_long_across(U128 n, Lanes lanes, Sign sign) {
  Exact sum = 0;
  for (unsigned e = 0; e < lanes.count(); ++e) sum += exact(element(n, e, lanes.esize), lanes.esize, sign);
  return static_cast<u64>(sum) & low_mask(2u * lanes.esize);
}

u64 max_across(U128 n, Lanes lanes, Sign sign) {
  return best_across(n, lanes, sign, [](Exact x, Exact best) { return x > best; });
}

u64 min_across(U128 n, Lanes lanes, Sign sign) {
  return best_across(n, lanes, sign, [](Exact x, Exact best) { return x < best; });
}

}  // namespace ferry::cpu::simd
