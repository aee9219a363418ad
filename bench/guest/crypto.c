/* The processor's crypto and CRC instructions. Each row has a portable form with the same checksum, for processors without them
 * (SUITE_PORTABLE=1 asks for it); `suite -w` says which one runs here. */
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "suite.h"

static uint32_t load_be32(const uint8_t* p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static uint32_t rotate_left(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }
static uint32_t rotate_right(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

/* --- AES-128 (FIPS 197) */
static uint8_t sbox[256];
static uint8_t times2(uint8_t x) { return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1b : 0)); }
static void make_sbox(void) {
  uint8_t p = 1, q = 1; /* p runs through the powers of 3, q through their inverses */
  do {
    p = (uint8_t)(p ^ times2(p));
    q = (uint8_t)(q ^ q << 1), q = (uint8_t)(q ^ q << 2), q = (uint8_t)(q ^ q << 4);
    if (q & 0x80) q ^= 0x09;
    const unsigned x = q * 0x101u;
    sbox[p] = (uint8_t)(q ^ x >> 7 ^ x >> 6 ^ x >> 5 ^ x >> 4 ^ 0x63);
  } while (p != 1);
  sbox[0] = 0x63;
}
void crypto_expand_key(const uint8_t key[16], uint8_t keys[176]) {
  if (!sbox[0]) make_sbox();
  memcpy(keys, key, 16);
  uint8_t round = 1;
  for (int i = 16; i < 176; i += 4) {
    uint8_t t[4];
    memcpy(t, keys + i - 4, 4);
    if (i % 16 == 0) {
      const uint8_t first = t[0];
      t[0] = (uint8_t)(sbox[t[1]] ^ round), t[1] = sbox[t[2]], t[2] = sbox[t[3]], t[3] = sbox[first];
      round = times2(round);
    }
    for (int k = 0; k < 4; ++k) keys[i + k] = keys[i - 16 + k] ^ t[k];
  }
}
static void aes_block(const uint8_t keys[176], const uint8_t in[16], uint8_t s[16]) {
  for (int i = 0; i < 16; ++i) s[i] = in[i] ^ keys[i];
  for (int round = 1; round <= 10; ++round) {
    uint8_t t[16];
    for (int i = 0; i < 16; ++i) t[i] = sbox[s[(i + 4 * (i & 3)) & 15]];
    for (int c = 0; c < 16; c += 4) {
      const uint8_t all = t[c] ^ t[c + 1] ^ t[c + 2] ^ t[c + 3], first = t[c];
      for (int k = 0; k < 4 && round < 10; ++k) {
        const uint8_t next = k < 3 ? t[c + k + 1] : first;
        s[c + k] = (uint8_t)(t[c + k] ^ all ^ times2((uint8_t)(t[c + k] ^ next)));
      }
      if (round == 10) memcpy(s + c, t + c, 4);
    }
    for (int i = 0; i < 16; ++i) s[i] ^= keys[16 * round + i];
  }
}
static void aes_portable(const uint8_t keys[176], uint8_t* blocks, unsigned count) {
  for (unsigned i = 0; i < count; ++i, blocks += 16) {
    uint8_t in[16];
    memcpy(in, blocks, 16);
    aes_block(keys, in, blocks);
  }
}

/* --- SHA-1 and SHA-256 (FIPS 180-4) */
uint32_t crypto_k256[64];
static uint32_t cube_root_bits(unsigned prime) { /* the first 32 bits behind the point */
  unsigned __int128 low = 0, high = (unsigned __int128)8 << 32;
  while (high - low > 1) {
    const unsigned __int128 middle = (low + high) / 2;
    if (middle * middle * middle <= (unsigned __int128)prime << 96) low = middle; else high = middle;
  }
  return (uint32_t)low;
}
static void make_k256(void) {
  for (unsigned n = 2, i = 0; i < 64; ++n) {
    unsigned d = 2;
    while (n % d) ++d;
    if (d == n) crypto_k256[i++] = cube_root_bits(n);
  }
}
static void sha256_portable(uint32_t h[8], const uint8_t* data, unsigned blocks) {
  for (; blocks; --blocks, data += 64) {
    uint32_t w[64], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], last = h[7];
    for (int i = 0; i < 16; ++i) w[i] = load_be32(data + 4 * i);
    for (int i = 16; i < 64; ++i)
      w[i] = w[i - 16] + w[i - 7] + (rotate_right(w[i - 15], 7) ^ rotate_right(w[i - 15], 18) ^ w[i - 15] >> 3) +
             (rotate_right(w[i - 2], 17) ^ rotate_right(w[i - 2], 19) ^ w[i - 2] >> 10);
    for (int i = 0; i < 64; ++i) {
      const uint32_t t = last + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) + (g ^ (e & (f ^ g))) + crypto_k256[i] + w[i];
      const uint32_t u = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      last = g, g = f, f = e, e = d + t, d = c, c = b, b = a, a = t + u;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += last;
  }
}
const uint32_t crypto_k1[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
static void sha1_portable(uint32_t h[5], const uint8_t* data, unsigned blocks) {
  for (; blocks; --blocks, data += 64) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; ++i) w[i] = load_be32(data + 4 * i);
    for (int i = 16; i < 80; ++i) w[i] = rotate_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; ++i) {
      const uint32_t f = i < 20 ? d ^ (b & (c ^ d)) : i >= 40 && i < 60 ? (b & c) | (d & (b | c)) : b ^ c ^ d;
      const uint32_t t = rotate_left(a, 5) + f + e + crypto_k1[i / 20] + w[i];
      e = d, d = c, c = rotate_left(b, 30), b = a, a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
}

/* --- Polynomials over GF(2): CRC-32C, and 64 by 64 bits */
static uint32_t crc32c_portable(uint32_t crc, const uint8_t* data, unsigned size) {
  static uint32_t table[256];
  if (!table[1])
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = c >> 1 ^ (0x82f63b78u & -(c & 1));
      table[i] = c;
    }
  for (unsigned i = 0; i < size; ++i) crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
  return crc;
}
static void fold_portable(uint64_t sum[2], const uint8_t* data, unsigned blocks) {
  for (; blocks; --blocks, data += 16) {
    uint64_t x[2], product[2] = {0, 0};
    memcpy(x, data, 16);
    x[0] ^= sum[0], x[1] ^= sum[1];
    for (int half = 0; half < 2; ++half)
      for (unsigned i = 0; i < 64; ++i) {
        const uint64_t mask = 0 - (x[half] >> i & 1);
        product[0] ^= crypto_fold[half] << i & mask;
        product[1] ^= i ? crypto_fold[half] >> (64 - i) & mask : 0;
      }
    memcpy(sum, product, 16);
  }
}
const uint64_t crypto_fold[2] = {0x87d3c5a1f0b4e693ull, 0xe1c7a95b3d2f1807ull};

/* --- Rows: which form, fixed work. */
static const crypto_forms portable = {"portable C", aes_portable, sha1_portable, sha256_portable, crc32c_portable, fold_portable};
static const crypto_forms* forms(void) {
  static const crypto_forms* chosen;
  if (chosen) return chosen;
  make_k256();
  const char* asked = getenv("SUITE_PORTABLE");
  const crypto_forms* special = crypto_instructions();
  return chosen = special && !(asked && *asked == '1') ? special : &portable;
}
const char* crypto_form(void) { return forms()->name; }

enum { kBuffer = 1 << 16 };
static uint8_t buffer[kBuffer];
static void fill_buffer(void) {
  uint64_t seed = 41;
  for (unsigned i = 0; i < kBuffer; i += 8) {
    const uint64_t r = next_random(&seed);
    memcpy(buffer + i, &r, 8);
  }
}
static uint64_t buffer_sum(void) {
  uint64_t sum = 0, word;
  for (unsigned i = 0; i < kBuffer; i += 8) memcpy(&word, buffer + i, 8), sum = mix(sum, word);
  return sum;
}
static uint64_t aes(void) {
  const uint8_t key[16] = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 121, 98, 219, 61};
  uint8_t keys[176];
  const crypto_forms* use = forms();
  crypto_expand_key(key, keys);
  fill_buffer();
  for (int round = 0; round < 256; ++round) use->aes(keys, buffer, kBuffer / 16);
  return buffer_sum();
}
static uint64_t sha1_rounds(void) {
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const crypto_forms* use = forms();
  fill_buffer();
  for (int round = 0; round < 256; ++round) use->sha1(h, buffer, kBuffer / 64);
  return mix(mix((uint64_t)h[0] << 32 | h[1], (uint64_t)h[2] << 32 | h[3]), h[4]);
}
static uint64_t sha256_rounds(void) {
  uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  const crypto_forms* use = forms();
  fill_buffer();
  for (int round = 0; round < 256; ++round) use->sha256(h, buffer, kBuffer / 64);
  uint64_t sum = 0;
  for (int i = 0; i < 8; ++i) sum = mix(sum, h[i]);
  return sum;
}
static uint64_t crc32c(void) {
  const crypto_forms* use = forms();
  uint32_t crc = ~0u;
  fill_buffer();
  for (int round = 0; round < 1024; ++round) crc = use->crc32c(crc, buffer, kBuffer);
  return crc;
}
static uint64_t polynomial(void) {
  const crypto_forms* use = forms();
  uint64_t sum[2] = {1, 0};
  fill_buffer();
  for (int round = 0; round < 1024; ++round) use->fold(sum, buffer, kBuffer / 16);
  return mix(sum[0], sum[1]);
}

const row crypto_rows[] = {{"crypto", "aes-insn", aes},       {"crypto", "sha1-insn", sha1_rounds}, {"crypto", "sha256-insn", sha256_rounds},
                           {"crypto", "crc32c-insn", crc32c}, {"crypto", "pmull-insn", polynomial}, {0, 0, 0}};
