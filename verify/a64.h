// A few A64 encodings, for programs that are written by a generator.
#pragma once
#include "core/types.h"

namespace ferry::verify::a64 {

constexpr u32 kNop = 0xd503201f, kRet = 0xd65f03c0, kSvc = 0xd4000001, kIsb = 0xd5033fdf, kDsbIsh = 0xd5033b9f,
              kTlbiVmalle1 = 0xd508871f;
constexpr u32 low(i64 n, unsigned bits) { return static_cast<u32>(static_cast<u64>(n) & ((u64{1} << bits) - 1)); }

constexpr u32 movz(unsigned d, u32 imm) { return 0xd2800000 | imm << 5 | d; }
constexpr u32 movz32(unsigned d, u32 imm) { return 0x52800000 | imm << 5 | d; }
constexpr u32 movk32_high(unsigned d, u32 imm) { return 0x72a00000 | imm << 5 | d; }
constexpr u32 mov(unsigned d, unsigned m) { return 0xaa0003e0 | m << 16 | d; }
// n: -4095 to 4095
constexpr u32 add_imm(unsigned d, unsigned n_, i64 n) {
  return n < 0 ? 0xd1000000 | low(-n, 12) << 10 | n_ << 5 | d : 0x91000000 | low(n, 12) << 10 | n_ << 5 | d;
}
constexpr u32 add_pages(unsigned d, unsigned n_, i64 pages) { return add_imm(d, n_, pages) | 1u << 22; }
constexpr u32 subs_imm(unsigned d, unsigned n, u32 imm) { return 0xf1000000 | imm << 10 | n << 5 | d; }
constexpr u32 eor_ror(unsigned d, unsigned n, unsigned m, unsigned ror) {
  return 0xcac00000 | m << 16 | ror << 10 | n << 5 | d;
}
constexpr bool is_eor_ror(u32 w) { return (w & 0xffe00000) == 0xcac00000; }
// Distances in words.
constexpr u32 b(i64 words) { return 0x14000000 | low(words, 26); }
constexpr u32 bl(i64 words) { return 0x94000000 | low(words, 26); }
constexpr u32 b_cond(unsigned cond, i64 words) { return 0x54000000 | low(words, 19) << 5 | cond; }
constexpr u32 cbz(bool not_zero, bool wide, unsigned t, i64 words) {
  return 0x34000000 | (wide ? 0x80000000 : 0) | (not_zero ? 1u << 24 : 0) | low(words, 19) << 5 | t;
}
constexpr u32 tbz(bool not_zero, unsigned bit, unsigned t, i64 words) {
  return 0x36000000 | (bit >> 5) << 31 | (not_zero ? 1u << 24 : 0) | (bit & 31) << 19 | low(words, 14) << 5 | t;
}
constexpr u32 adr(unsigned d, i64 bytes) { return 0x10000000 | low(bytes, 2) << 29 | low(bytes >> 2, 19) << 5 | d; }
constexpr u32 br(unsigned n) { return 0xd61f0000 | n << 5; }
constexpr u32 blr(unsigned n) { return 0xd63f0000 | n << 5; }

}  // namespace ferry::verify::a64
