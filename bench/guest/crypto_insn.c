/* The crypto rows by instructions: Armv8's AES, SHA1, SHA2, PMULL and CRC32; x86's AES-NI, SHA-NI, CLMUL and SSE4.2. */
#include <string.h>

#include "crypto.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#pragma GCC target("+crypto+crc")
#include <arm_acle.h>
#include <arm_neon.h>

static void aes(const uint8_t keys[176], uint8_t* blocks, unsigned count) {
  uint8x16_t k[11];
  for (int i = 0; i < 11; ++i) k[i] = vld1q_u8(keys + 16 * i);
  for (; count >= 4; count -= 4, blocks += 64) {
    uint8x16_t a = vld1q_u8(blocks), b = vld1q_u8(blocks + 16), c = vld1q_u8(blocks + 32), d = vld1q_u8(blocks + 48);
    for (int i = 0; i < 9; ++i) {
      a = vaesmcq_u8(vaeseq_u8(a, k[i])), b = vaesmcq_u8(vaeseq_u8(b, k[i]));
      c = vaesmcq_u8(vaeseq_u8(c, k[i])), d = vaesmcq_u8(vaeseq_u8(d, k[i]));
    }
    vst1q_u8(blocks, veorq_u8(vaeseq_u8(a, k[9]), k[10])), vst1q_u8(blocks + 16, veorq_u8(vaeseq_u8(b, k[9]), k[10]));
    vst1q_u8(blocks + 32, veorq_u8(vaeseq_u8(c, k[9]), k[10])), vst1q_u8(blocks + 48, veorq_u8(vaeseq_u8(d, k[9]), k[10]));
  }
}
static uint32x4_t load_words(const uint8_t* p) { return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(p))); }
static void sha1(uint32_t h[5], const uint8_t* data, unsigned blocks) {
  uint32x4_t abcd = vld1q_u32(h);
  uint32_t e = h[4];
  for (; blocks; --blocks, data += 64) {
    const uint32x4_t before = abcd;
    const uint32_t e_before = e;
    uint32x4_t m[20];
#pragma GCC unroll 20
    for (int i = 0; i < 20; ++i) {
      m[i] = i < 4 ? load_words(data + 16 * i) : vsha1su1q_u32(vsha1su0q_u32(m[i - 4], m[i - 3], m[i - 2]), m[i - 1]);
      const uint32x4_t wk = vaddq_u32(m[i], vdupq_n_u32(crypto_k1[i / 5]));
      const uint32_t next = vsha1h_u32(vgetq_lane_u32(abcd, 0));
      abcd = i < 5 ? vsha1cq_u32(abcd, e, wk) : i >= 10 && i < 15 ? vsha1mq_u32(abcd, e, wk) : vsha1pq_u32(abcd, e, wk);
      e = next;
    }
    abcd = vaddq_u32(abcd, before), e += e_before;
  }
  vst1q_u32(h, abcd), h[4] = e;
}
static void sha256(uint32_t h[8], const uint8_t* data, unsigned blocks) {
  uint32x4_t abcd = vld1q_u32(h), efgh = vld1q_u32(h + 4);
  for (; blocks; --blocks, data += 64) {
    const uint32x4_t abcd_before = abcd, efgh_before = efgh;
    uint32x4_t m[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      m[i] = i < 4 ? load_words(data + 16 * i) : vsha256su1q_u32(vsha256su0q_u32(m[i - 4], m[i - 3]), m[i - 2], m[i - 1]);
      const uint32x4_t wk = vaddq_u32(m[i], vld1q_u32(crypto_k256 + 4 * i)), old = abcd;
      abcd = vsha256hq_u32(abcd, efgh, wk), efgh = vsha256h2q_u32(efgh, old, wk);
    }
    abcd = vaddq_u32(abcd, abcd_before), efgh = vaddq_u32(efgh, efgh_before);
  }
  vst1q_u32(h, abcd), vst1q_u32(h + 4, efgh);
}
static uint32_t crc32c(uint32_t crc, const uint8_t* data, unsigned size) {
  for (unsigned i = 0; i < size; i += 8) {
    uint64_t word;
    memcpy(&word, data + i, 8);
    crc = __crc32cd(crc, word);
  }
  return crc;
}
static void fold(uint64_t sum[2], const uint8_t* data, unsigned blocks) {
  const poly64_t k0 = (poly64_t)crypto_fold[0], k1 = (poly64_t)crypto_fold[1];
  uint64x2_t s = vld1q_u64(sum);
  for (; blocks; --blocks, data += 16) {
    s = veorq_u64(s, vreinterpretq_u64_u8(vld1q_u8(data)));
    s = veorq_u64(vreinterpretq_u64_p128(vmull_p64((poly64_t)vgetq_lane_u64(s, 0), k0)),
                  vreinterpretq_u64_p128(vmull_p64((poly64_t)vgetq_lane_u64(s, 1), k1)));
  }
  vst1q_u64(sum, s);
}
const crypto_forms* crypto_instructions(void) {
  static const crypto_forms forms = {"Armv8 crypto and CRC32", aes, sha1, sha256, crc32c, fold};
  enum { kNeeded = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 }; /* AES, PMULL, SHA1, SHA2, CRC32 */
  return (getauxval(AT_HWCAP) & kNeeded) == kNeeded ? &forms : 0;
}

#elif defined(__x86_64__)
#include <cpuid.h>
#pragma GCC target("aes,sha,pclmul,sse4.2")
#include <immintrin.h>

static __m128i load(const void* p) { return _mm_loadu_si128((const __m128i*)p); }
static void store(void* p, __m128i v) { _mm_storeu_si128((__m128i*)p, v); }

static void aes(const uint8_t keys[176], uint8_t* blocks, unsigned count) {
  __m128i k[11];
  for (int i = 0; i < 11; ++i) k[i] = load(keys + 16 * i);
  for (; count >= 4; count -= 4, blocks += 64) {
    __m128i s[4];
    for (int b = 0; b < 4; ++b) s[b] = _mm_xor_si128(load(blocks + 16 * b), k[0]);
    for (int i = 1; i < 10; ++i)
      for (int b = 0; b < 4; ++b) s[b] = _mm_aesenc_si128(s[b], k[i]);
    for (int b = 0; b < 4; ++b) store(blocks + 16 * b, _mm_aesenclast_si128(s[b], k[10]));
  }
}
static void sha1(uint32_t h[5], const uint8_t* data, unsigned blocks) {
  const __m128i reverse = _mm_set_epi64x(0x0001020304050607ll, 0x08090a0b0c0d0e0fll);
  __m128i abcd = _mm_shuffle_epi32(load(h), 0x1b), e = _mm_set_epi32((int)h[4], 0, 0, 0);
  for (; blocks; --blocks, data += 64) {
    const __m128i before = abcd, e_before = e;
    __m128i m[20], last = abcd;
#pragma GCC unroll 20
    for (int i = 0; i < 20; ++i) {
      m[i] = i < 4 ? _mm_shuffle_epi8(load(data + 16 * i), reverse)
                   : _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(m[i - 4], m[i - 3]), m[i - 2]), m[i - 1]);
      e = i == 0 ? _mm_add_epi32(e, m[0]) : _mm_sha1nexte_epu32(last, m[i]);
      last = abcd;
      abcd = i < 5 ? _mm_sha1rnds4_epu32(abcd, e, 0) : i < 10 ? _mm_sha1rnds4_epu32(abcd, e, 1) : i < 15 ? _mm_sha1rnds4_epu32(abcd, e, 2) : _mm_sha1rnds4_epu32(abcd, e, 3);
    }
    e = _mm_sha1nexte_epu32(last, e_before), abcd = _mm_add_epi32(abcd, before);
  }
  store(h, _mm_shuffle_epi32(abcd, 0x1b)), h[4] = (uint32_t)_mm_extract_epi32(e, 3);
}
static void sha256(uint32_t h[8], const uint8_t* data, unsigned blocks) {
  const __m128i reverse = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
  const __m128i badc = _mm_shuffle_epi32(load(h), 0xb1), hgfe = _mm_shuffle_epi32(load(h + 4), 0x1b);
  __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
  for (; blocks; --blocks, data += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i m[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      m[i] = i < 4 ? _mm_shuffle_epi8(load(data + 16 * i), reverse)
                   : _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(m[i - 4], m[i - 3]), _mm_alignr_epi8(m[i - 1], m[i - 2], 4)), m[i - 1]);
      const __m128i wk = _mm_add_epi32(m[i], load(crypto_k256 + 4 * i));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk), abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before), cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  store(h, _mm_blend_epi16(feba, dchg, 0xf0)), store(h + 4, _mm_alignr_epi8(dchg, feba, 8));
}
static uint32_t crc32c(uint32_t crc, const uint8_t* data, unsigned size) {
  for (unsigned i = 0; i < size; i += 8) {
    uint64_t word;
    memcpy(&word, data + i, 8);
    crc = (uint32_t)_mm_crc32_u64(crc, word);
  }
  return crc;
}
static void fold(uint64_t sum[2], const uint8_t* data, unsigned blocks) {
  const __m128i k = load(crypto_fold);
  __m128i s = load(sum);
  for (; blocks; --blocks, data += 16) {
    s = _mm_xor_si128(s, load(data));
    s = _mm_xor_si128(_mm_clmulepi64_si128(s, k, 0x00), _mm_clmulepi64_si128(s, k, 0x11));
  }
  store(sum, s);
}
const crypto_forms* crypto_instructions(void) {
  static const crypto_forms forms = {"AES-NI, SHA-NI, CLMUL, SSE4.2", aes, sha1, sha256, crc32c, fold};
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_AES) || !(c & bit_PCLMUL) || !(c & bit_SSE4_2)) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) ? &forms : 0;
}

#else
const crypto_forms* crypto_instructions(void) { return 0; }
#endif
