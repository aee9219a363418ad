// Cryptographic and checksum instructions (Arm ARM DDI 0487, shared/functions/crypto; FIPS 180-4, FIPS 197).
#include "cpu/crypto.h"

#include <array>
#include <bit>

#include "cpu/crypto_host.h"

namespace ferry::cpu::crypto {
namespace {

// --- AES: byte b of the state is row b % 4, column b / 4.
using Bytes = std::array<u8, 16>;

Bytes to_bytes(U128 v) {
  Bytes b{};
  for (unsigned i = 0; i < 16; ++i) b[i] = static_cast<u8>((i < 8 ? v.lo : v.hi) >> (i % 8 * 8));
  return b;
}
U128 from_bytes(const Bytes& b) {
  U128 v;
  for (unsigned i = 0; i < 16; ++i) (i < 8 ? v.lo : v.hi) |= u64{b[i]} << (i % 8 * 8);
  return v;
}

constexpr u8 times2(u8 a) { return static_cast<u8>((a << 1) ^ ((a & 0x80) != 0 ? 0x1b : 0)); }
constexpr u8 times(u8 a, u8 b) {
  u8 product = 0;
  for (; b != 0; b = static_cast<u8>(b >> 1), a = times2(a)) {
    if (b & 1) product ^= a;
  }
  return product;
}

struct SBoxes {
  std::array<u8, 256> forward{}, inverse{};
  constexpr SBoxes() {
    // 3 generates the field's multiplicative group and 0xf6 is its inverse, so the two walk it in step.
    u8 p = 1, q = 1;
    do {
      p = times(p, 3);
      q = times(q, 0xf6);
      set(p, q);
    } while (p != 1);
    set(0, 0);
  }
  constexpr void set(u8 value, u8 reciprocal) {
    const u8 s = static_cast<u8>(reciprocal ^ std::rotl(reciprocal, 1) ^ std::rotl(reciprocal, 2) ^
                                 std::rotl(reciprocal, 3) ^ std::rotl(reciprocal, 4) ^ 0x63);
    forward[value] = s;
    inverse[s] = value;
  }
};
constexpr SBoxes kSBoxes;

// Eight bytes, two columns, at once: doubling in the field, and each column rotated so that byte i comes from byte i +
// n.
constexpr u64 double_bytes(u64 v) { return ((v & 0x7f7f7f7f7f7f7f7f) << 1) ^ (((v >> 7) & 0x0101010101010101) * 0x1b); }
constexpr u64 rotate_columns(u64 v, unsigned n) {
  const u64 kept = 0x0000000100000001 * (0xffffffffu >> (8 * n));
  return ((v >> (8 * n)) & kept) | ((v << (32 - 8 * n)) & ~kept);
}
// The circulant {2, 3, 1, 1}.
constexpr u64 mix_columns(u64 v) {
  const u64 twice = double_bytes(v);
  return twice ^ rotate_columns(twice ^ v, 1) ^ rotate_columns(v, 2) ^ rotate_columns(v, 3);
}
// {14, 11, 13, 9} is {2, 3, 1, 1} times {5, 0, 4, 0}.
constexpr u64 inverse_mix_columns(u64 v) {
  return mix_columns(v ^ double_bytes(double_bytes(v ^ rotate_columns(v, 2))));
}

// --- SHA: four 32-bit words, element 0 first.
using Words = std::array<u32, 4>;

Words to_words(U128 v) {
  return {static_cast<u32>(v.lo), static_cast<u32>(v.lo >> 32), static_cast<u32>(v.hi), static_cast<u32>(v.hi >> 32)};
}
U128 from_words(const Words& w) { return {w[0] | u64{w[1]} << 32, w[2] | u64{w[3]} << 32}; }

constexpr u32 choose(u32 x, u32 y, u32 z) { return ((y ^ z) & x) ^ z; }
constexpr u32 majority(u32 x, u32 y, u32 z) { return (x & y) | ((x | y) & z); }
constexpr u32 parity(u32 x, u32 y, u32 z) { return x ^ y ^ z; }

template <u32 (*Mix)(u32, u32, u32)>
U128 sha1_rounds(U128 d, u32 e, U128 m) {
  Words x = to_words(d);
  for (const u32 w : to_words(m)) {
    const u32 a = e + std::rotl(x[0], 5) + Mix(x[1], x[2], x[3]) + w;
    e = x[3];
    x = {a, x[0], std::rotl(x[1], 30), x[2]};
  }
  return from_words(x);
}

// SHA256hash: both halves of the state after four rounds; x is ABCD, y is EFGH.
void sha256_rounds(Words& x, Words& y, U128 m) {
  for (const u32 w : to_words(m)) {
    const u32 sigma1 = std::rotr(y[0], 6) ^ std::rotr(y[0], 11) ^ std::rotr(y[0], 25);
    const u32 sigma0 = std::rotr(x[0], 2) ^ std::rotr(x[0], 13) ^ std::rotr(x[0], 22);
    const u32 t = y[3] + sigma1 + choose(y[0], y[1], y[2]) + w;
    const u32 a = t + sigma0 + majority(x[0], x[1], x[2]);
    y = {t + x[3], y[0], y[1], y[2]};
    x = {a, x[0], x[1], x[2]};
  }
}

u32 schedule_sigma0(u32 w) { return std::rotr(w, 7) ^ std::rotr(w, 18) ^ (w >> 3); }
u32 schedule_sigma1(u32 w) { return std::rotr(w, 17) ^ std::rotr(w, 19) ^ (w >> 10); }

// --- CRC: the polynomials with the bits reversed, so that bit 0 is the first.
struct CrcTable {
  // entry[k]: a byte followed by k zero bytes.
  std::array<std::array<u32, 256>, 8> entry{};
  explicit constexpr CrcTable(u32 polynomial) {
    for (u32 i = 0; i < 256; ++i) {
      u32 r = i;
      for (int k = 0; k < 8; ++k) r = (r >> 1) ^ ((r & 1) != 0 ? polynomial : 0);
      entry[0][i] = r;
    }
    for (usize k = 1; k < 8; ++k)
      for (usize i = 0; i < 256; ++i) {
        const u32 before = entry[k - 1][i];
        entry[k][i] = (before >> 8) ^ entry[0][before & 0xff];
      }
  }
};
constexpr CrcTable kCrc32{0xedb88320}, kCrc32c{0x82f63b78};

// Byte by byte, all bytes at once: what each still has to pass through is the number of bytes after it.
template <unsigned size>
u32 crc_step(const CrcTable& table, u32 acc, u64 value) {
  value ^= acc;
  u32 r = size < 4 ? acc >> (8 * size % 32) : 0;
  for (unsigned i = 0; i < size; ++i) r ^= table.entry[size - 1 - i][(value >> (8 * i)) & 0xff];
  return r;
}
u32 crc(const CrcTable& table, u32 acc, u64 value, unsigned size) {
  switch (size) {
    case 1: return crc_step<1>(table, acc, value);
    case 2: return crc_step<2>(table, acc, value);
    case 4: return crc_step<4>(table, acc, value);
    default: return crc_step<8>(table, acc, value);
  }
}

}  // namespace

U128 aese(U128 d, U128 n) {
  if (host::available.aes) return host::aese(d, n);
  const Bytes in = to_bytes({d.lo ^ n.lo, d.hi ^ n.hi});
  Bytes out{};
  for (unsigned i = 0; i < 16; ++i) out[i] = kSBoxes.forward[in[(i + 4 * (i % 4)) % 16]];
  return from_bytes(out);
}

U128 aesd(U128 d, U128 n) {
  if (host::available.aes) return host::aesd(d, n);
  const Bytes in = to_bytes({d.lo ^ n.lo, d.hi ^ n.hi});
  Bytes out{};
  for (unsigned i = 0; i < 16; ++i) out[(i + 4 * (i % 4)) % 16] = kSBoxes.inverse[in[i]];
  return from_bytes(out);
}

U128 aesmc(U128 n) {
  if (host::available.aes) return host::aesmc(n);
  return {mix_columns(n.lo), mix_columns(n.hi)};
}
U128 aesimc(U128 n) {
  if (host::available.aes) return host::aesimc(n);
  return {inverse_mix_columns(n.lo), inverse_mix_columns(n.hi)};
}

U128 sha1c(U128 d, u32 n, U128 m) {
  if (host::available.sha1) return host::sha1c(d, n, m);
  return sha1_rounds<choose>(d, n, m);
}
U128 sha1p(U128 d, u32 n, U128 m) {
  if (host::available.sha1) return host::sha1p(d, n, m);
  return sha1_rounds<parity>(d, n, m);
}
U128 sha1m(U128 d, u32 n, U128 m) {
  if (host::available.sha1) return host::sha1m(d, n, m);
  return sha1_rounds<majority>(d, n, m);
}
u32 sha1h(u32 n) { return std::rotl(n, 30); }

U128 sha1su0(U128 d, U128 n, U128 m) { return {d.lo ^ d.hi ^ m.lo, d.hi ^ n.lo ^ m.hi}; }

U128 sha1su1(U128 d, U128 n) {
  const Words a = to_words(d), b = to_words(n);
  const u32 t0 = a[0] ^ b[1];
  return from_words(
      {std::rotl(t0, 1), std::rotl(a[1] ^ b[2], 1), std::rotl(a[2] ^ b[3], 1), std::rotl(a[3], 1) ^ std::rotl(t0, 2)});
}

U128 sha256h(U128 d, U128 n, U128 m) {
  if (host::available.sha256) return host::sha256h(d, n, m);
  Words x = to_words(d), y = to_words(n);
  sha256_rounds(x, y, m);
  return from_words(x);
}

U128 sha256h2(U128 d, U128 n, U128 m) {
  if (host::available.sha256) return host::sha256h2(d, n, m);
  Words x = to_words(n), y = to_words(d);
  sha256_rounds(x, y, m);
  return from_words(y);
}

U128 sha256su0(U128 d, U128 n) {
  if (host::available.sha256) return host::sha256su0(d, n);
  const Words a = to_words(d), b = to_words(n);
  return from_words({a[0] + schedule_sigma0(a[1]), a[1] + schedule_sigma0(a[2]), a[2] + schedule_sigma0(a[3]),
                     a[3] + schedule_sigma0(b[0])});
}

U128 sha256su1(U128 d, U128 n, U128 m) {
  if (host::available.sha256) return host::sha256su1(d, n, m);
  const Words a = to_words(d), b = to_words(n), c = to_words(m);
  const u32 r0 = a[0] + b[1] + schedule_sigma1(c[2]);
  const u32 r1 = a[1] + b[2] + schedule_sigma1(c[3]);
  return from_words({r0, r1, a[2] + b[3] + schedule_sigma1(r0), a[3] + c[0] + schedule_sigma1(r1)});
}

U128 pmull64(u64 n, u64 m) {
  if (host::available.pmull) return host::pmull64(n, m);
  // Four bits of m at a time: the products of n and every four-bit polynomial first.
  std::array<U128, 16> multiple{};
  multiple[1].lo = n;
  for (unsigned i = 2; i < 16; i += 2) {
    const U128& half = multiple[i / 2];
    multiple[i] = {half.lo << 1, half.hi << 1 | half.lo >> 63};
    multiple[i + 1] = {multiple[i].lo ^ n, multiple[i].hi};
  }
  U128 product;
  for (unsigned at = 64; at != 0; at -= 4) {
    const U128& part = multiple[(m >> (at - 4)) & 15];
    product = {product.lo << 4 ^ part.lo, (product.hi << 4 | product.lo >> 60) ^ part.hi};
  }
  return product;
}

U128 pmull8(u64 n, u64 m) {
  U128 product;
  for (unsigned e = 0; e < 8; ++e) {
    const u64 a = bits(n, e * 8 + 7, e * 8), b = bits(m, e * 8 + 7, e * 8);
    u64 p = 0;
    for (unsigned i = 0; i < 8; ++i) p ^= (a << i) & (u64{0} - ((b >> i) & 1));
    (e < 4 ? product.lo : product.hi) |= p << (e % 4 * 16);
  }
  return product;
}

U128 pmul8(U128 n, U128 m) {
  // Eight shifted copies at once: the mask keeps a byte's bits from running into its neighbour.
  const auto half = [](u64 a, u64 b) {
    u64 product = 0;
    for (unsigned i = 0; i < 8; ++i) {
      const u64 ones = (b >> i) & 0x0101010101010101;
      const u64 keep = u64{0x0101010101010101} * ((0xffu << i) & 0xffu);
      product ^= ((a << i) & keep) & (ones * 0xff);
    }
    return product;
  };
  return {half(n.lo, m.lo), half(n.hi, m.hi)};
}

u32 crc32(u32 acc, u64 value, unsigned size) { return crc(kCrc32, acc, value, size); }
u32 crc32c(u32 acc, u64 value, unsigned size) {
  return host::available.crc32c ? host::crc32c(acc, value, size) : crc(kCrc32c, acc, value, size);
}

void set_host_instructions(bool on) { host::available = on ? host::detect() : host::Available{}; }

}  // namespace ferry::cpu::crypto
