// The cryptographic instructions beyond ARMv8.0: SHA-512, SM3 and SM4 (Arm ARM DDI 0487, the instruction descriptions
// of C7.2). SHA-3 needs no functions: its instructions are a few bitwise operations.
#include <array>
#include <bit>

#include "cpu/crypto.h"

namespace ferry::cpu::crypto {
namespace {

u64 choose(u64 x, u64 y, u64 z) { return (x & y) ^ (~x & z); }
u64 majority(u64 x, u64 y, u64 z) { return (x & y) ^ (x & z) ^ (y & z); }
u64 big_sigma0(u64 v) { return std::rotr(v, 28) ^ std::rotr(v, 34) ^ std::rotr(v, 39); }
u64 big_sigma1(u64 v) { return std::rotr(v, 14) ^ std::rotr(v, 18) ^ std::rotr(v, 41); }
u64 small_sigma0(u64 v) { return std::rotr(v, 1) ^ std::rotr(v, 8) ^ (v >> 7); }
u64 small_sigma1(u64 v) { return std::rotr(v, 19) ^ std::rotr(v, 61) ^ (v >> 6); }

using Words = std::array<u32, 4>;
Words words(U128 v) { return std::bit_cast<Words>(v); }
U128 vector(const Words& w) { return std::bit_cast<U128>(w); }

// The SM4 S-box (GB/T 32907-2016): an affine map, the inverse in GF(2^8) modulo x^8 + x^7 + x^6 + x^5 + x^4 + x^2 + 1,
// the same affine map.
struct Sm4Box {
  u8 value[256] = {};

  static constexpr u8 affine(u8 x) {
    u8 r = 0;
    for (unsigned i = 0; i < 8; ++i) {
      const u8 row = std::rotl(u8{0xa7}, static_cast<int>(i));
      r = static_cast<u8>(r | (std::popcount(static_cast<u8>(row & x)) & 1) << i);
    }
    return r ^ 0xd3;
  }
  static constexpr u8 times(u32 a, u32 b) {
    u32 r = 0;
    for (; b != 0; b >>= 1) {
      if ((b & 1) != 0) r ^= a;
      a <<= 1;
      if ((a & 0x100) != 0) a ^= 0x1f5;
    }
    return static_cast<u8>(r);
  }
  static constexpr u8 inverse(u8 x) {  // x^254
    u8 r = 1;
    for (unsigned i = 0; i < 7; ++i) {
      x = times(x, x);
      r = times(r, x);
    }
    return r;
  }
  constexpr Sm4Box() {
    for (unsigned x = 0; x < 256; ++x) value[x] = affine(inverse(affine(static_cast<u8>(x))));
  }
};
constexpr Sm4Box kSm4Box;
static_assert(kSm4Box.value[0] == 0xd6 && kSm4Box.value[0xff] == 0x48);

u32 sm4_substitute(u32 v) {
  u32 r = 0;
  for (unsigned i = 0; i < 32; i += 8) r |= u32{kSm4Box.value[(v >> i) & 0xff]} << i;
  return r;
}
// Four rounds; `mix` is the linear part of T or T'.
template <class Mix>
U128 sm4_rounds(U128 state, U128 keys, Mix mix) {
  Words s = words(state);
  for (const u32 key : words(keys)) {
    const u32 t = sm4_substitute(s[3] ^ s[2] ^ s[1] ^ key);
    s = {s[1], s[2], s[3], s[0] ^ mix(t)};
  }
  return vector(s);
}

u32 choose32(u32 x, u32 y, u32 z) { return (x & y) | (~x & z); }
u32 majority32(u32 x, u32 y, u32 z) { return (x & y) | (x & z) | (y & z); }
u32 sm3_p1(u32 v) { return v ^ std::rotl(v, 15) ^ std::rotl(v, 23); }

}  // namespace

U128 sha512h(U128 d, U128 n, U128 m) {
  const u64 high = choose(m.hi, n.lo, n.hi) + big_sigma1(m.hi) + d.hi;
  const u64 e = high + m.lo;
  return {choose(e, m.hi, n.lo) + big_sigma1(e) + d.lo, high};
}
U128 sha512h2(U128 d, U128 n, U128 m) {
  const u64 high = majority(n.lo, m.hi, m.lo) + big_sigma0(m.lo) + d.hi;
  return {majority(high, m.lo, m.hi) + big_sigma0(high) + d.lo, high};
}
U128 sha512su0(U128 d, U128 n) { return {d.lo + small_sigma0(d.hi), d.hi + small_sigma0(n.lo)}; }
U128 sha512su1(U128 d, U128 n, U128 m) { return {d.lo + small_sigma1(n.lo) + m.lo, d.hi + small_sigma1(n.hi) + m.hi}; }

U128 sm3partw1(U128 d, U128 n, U128 m) {
  const Words a = words(d), b = words(n), c = words(m);
  Words r{};
  for (usize i = 0; i < 3; ++i) r[i] = sm3_p1(a[i] ^ b[i] ^ std::rotl(c[i + 1], 15));
  r[3] = sm3_p1(a[3] ^ b[3] ^ std::rotl(r[0], 15));
  return vector(r);
}
U128 sm3partw2(U128 d, U128 n, U128 m) {
  const Words a = words(d), b = words(n), c = words(m);
  Words t{}, r{};
  for (usize i = 0; i < 4; ++i) {
    t[i] = b[i] ^ std::rotl(c[i], 7);
    r[i] = a[i] ^ t[i];
  }
  r[3] ^= sm3_p1(std::rotl(t[0], 15));
  return vector(r);
}
U128 sm3ss1(U128 n, U128 m, U128 a) {
  return vector({0, 0, 0, std::rotl(std::rotl(words(n)[3], 12) + words(m)[3] + words(a)[3], 7)});
}
U128 sm3tt1(U128 d, U128 n, U128 m, unsigned index, bool second_half) {
  const Words s = words(d);
  const u32 f = second_half ? majority32(s[3], s[1], s[2]) : s[1] ^ s[3] ^ s[2];
  const u32 ss2 = words(n)[3] ^ std::rotl(s[3], 12);
  return vector({s[1], std::rotl(s[2], 9), s[3], f + s[0] + ss2 + words(m)[index]});
}
U128 sm3tt2(U128 d, U128 n, U128 m, unsigned index, bool second_half) {
  const Words s = words(d);
  const u32 f = second_half ? choose32(s[3], s[2], s[1]) : s[1] ^ s[3] ^ s[2];
  const u32 tt2 = f + s[0] + words(n)[3] + words(m)[index];
  return vector({s[1], std::rotl(s[2], 19), s[3], tt2 ^ std::rotl(tt2, 9) ^ std::rotl(tt2, 17)});
}

U128 sm4e(U128 d, U128 n) {
  return sm4_rounds(d, n,
                    [](u32 v) { return v ^ std::rotl(v, 2) ^ std::rotl(v, 10) ^ std::rotl(v, 18) ^ std::rotl(v, 24); });
}
U128 sm4ekey(U128 n, U128 m) {
  return sm4_rounds(n, m, [](u32 v) { return v ^ std::rotl(v, 13) ^ std::rotl(v, 23); });
}

}  // namespace ferry::cpu::crypto
