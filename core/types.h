// Integer names used everywhere, and the 128-bit value of a vector register.
#pragma once
#include <cstddef>
#include <cstdint>

namespace ferry {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
using usize = std::size_t;

// A 128-bit value, low half first: the layout of a V register in memory on every host.
struct alignas(16) U128 {
  u64 lo = 0;
  u64 hi = 0;
  friend constexpr bool operator==(const U128&, const U128&) = default;
};

// Bits [hi:lo] of value, as the manual writes value<hi:lo>.
constexpr u64 bits(u64 value, unsigned hi, unsigned lo) { return (value >> lo) & (~u64{0} >> (63 - (hi - lo))); }
constexpr bool bit(u64 value, unsigned index) { return ((value >> index) & 1) != 0; }
// The low `width` bits of value, sign-extended to 64 bits; 1 <= width <= 64.
constexpr i64 sign_extend(u64 value, unsigned width) { return static_cast<i64>(value << (64 - width)) >> (64 - width); }
constexpr u64 low_mask(unsigned width) { return width >= 64 ? ~u64{0} : (u64{1} << width) - 1; }

}  // namespace ferry
