// Cryptographic instructions by those of an x86-64 host; on any other host nothing is available.
#include "cpu/crypto_host.h"

#include "core/check.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace ferry::cpu::crypto::host {

Available available = detect();

#if defined(__x86_64__)

Available detect() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  Available have;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSE4_1) == 0) return have;
  have.aes = (c & bit_AES) != 0;
  have.pmull = (c & bit_PCLMUL) != 0;
  have.crc32c = (c & bit_SSE4_2) != 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) have.sha1 = have.sha256 = (b & bit_SHA) != 0;
  return have;
}

namespace {

#define FERRY_HOST [[gnu::target("sse4.2,aes,pclmul,sha")]]

FERRY_HOST __m128i in(U128 v) { return _mm_set_epi64x(static_cast<i64>(v.hi), static_cast<i64>(v.lo)); }
FERRY_HOST U128 out(__m128i v) {
  return {static_cast<u64>(_mm_cvtsi128_si64(v)), static_cast<u64>(_mm_extract_epi64(v, 1))};
}

// Four rounds of SHA-1. The host keeps A in the top word, takes E with the first schedule word, and adds the constant
// of the rounds that Arm's schedule words already hold.
template <int function>
FERRY_HOST U128 sha1_rounds(U128 d, u32 n, U128 m) {
  constexpr u32 kConstants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc};
  const __m128i plain = _mm_sub_epi32(in(m), _mm_set1_epi32(static_cast<int>(kConstants[function])));
  const __m128i words = _mm_shuffle_epi32(_mm_add_epi32(plain, _mm_cvtsi32_si128(static_cast<int>(n))), 0x1b);
  return out(_mm_shuffle_epi32(_mm_sha1rnds4_epu32(_mm_shuffle_epi32(in(d), 0x1b), words, function), 0x1b));
}

struct Sha256State {
  __m128i abef, cdgh;
};
// Four rounds of SHA-256 on ABCD and EFGH, A and E in the low words. The host has ABEF and CDGH, A and C in the top
// words.
FERRY_HOST Sha256State sha256_rounds(U128 abcd, U128 efgh, U128 m) {
  const __m128i x = _mm_shuffle_epi32(in(abcd), 0x1b), y = _mm_shuffle_epi32(in(efgh), 0x1b);  // A B C D, E F G H
  const __m128i words = in(m);
  __m128i abef = _mm_unpackhi_epi64(y, x), cdgh = _mm_unpacklo_epi64(y, x);
  cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
  abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0e));
  return {abef, cdgh};
}

}  // namespace

FERRY_HOST U128 aese(U128 d, U128 n) {
  return out(_mm_aesenclast_si128(_mm_xor_si128(in(d), in(n)), _mm_setzero_si128()));
}
FERRY_HOST U128 aesd(U128 d, U128 n) {
  return out(_mm_aesdeclast_si128(_mm_xor_si128(in(d), in(n)), _mm_setzero_si128()));
}
FERRY_HOST U128 aesmc(U128 n) {  // a whole round after half of its inverse leaves MixColumns
  return out(_mm_aesenc_si128(_mm_aesdeclast_si128(in(n), _mm_setzero_si128()), _mm_setzero_si128()));
}
FERRY_HOST U128 aesimc(U128 n) { return out(_mm_aesimc_si128(in(n))); }
FERRY_HOST U128 pmull64(u64 n, u64 m) { return out(_mm_clmulepi64_si128(in({n, 0}), in({m, 0}), 0)); }

FERRY_HOST U128 sha1c(U128 d, u32 n, U128 m) { return sha1_rounds<0>(d, n, m); }
FERRY_HOST U128 sha1p(U128 d, u32 n, U128 m) { return sha1_rounds<1>(d, n, m); }
FERRY_HOST U128 sha1m(U128 d, u32 n, U128 m) { return sha1_rounds<2>(d, n, m); }

FERRY_HOST U128 sha256h(U128 d, U128 n, U128 m) {
  const Sha256State s = sha256_rounds(d, n, m);
  return out(_mm_shuffle_epi32(_mm_unpackhi_epi64(s.cdgh, s.abef), 0x1b));
}
FERRY_HOST U128 sha256h2(U128 d, U128 n, U128 m) {
  const Sha256State s = sha256_rounds(n, d, m);
  return out(_mm_shuffle_epi32(_mm_unpacklo_epi64(s.cdgh, s.abef), 0x1b));
}
FERRY_HOST U128 sha256su0(U128 d, U128 n) { return out(_mm_sha256msg1_epu32(in(d), in(n))); }
FERRY_HOST U128 sha256su1(U128 d, U128 n, U128 m) {
  const __m128i sum = _mm_add_epi32(in(d), _mm_alignr_epi8(in(m), in(n), 4));
  return out(_mm_sha256msg2_epu32(sum, in(m)));
}

FERRY_HOST u32 crc32c(u32 acc, u64 value, unsigned size) {
  switch (size) {
    case 1: return _mm_crc32_u8(acc, static_cast<u8>(value));
    case 2: return _mm_crc32_u16(acc, static_cast<u16>(value));
    case 4: return _mm_crc32_u32(acc, static_cast<u32>(value));
    default: return static_cast<u32>(_mm_crc32_u64(acc, value));
  }
}
#undef FERRY_HOST

#else

Available detect() { return {}; }

#define FERRY_ABSENT(signature) \
  signature { UNREACHABLE("the host has no such instruction"); }
FERRY_ABSENT(U128 aese(U128, U128))
FERRY_ABSENT(U128 aesd(U128, U128))
FERRY_ABSENT(U128 aesmc(U128))
FERRY_ABSENT(U128 aesimc(U128))
FERRY_ABSENT(U128 pmull64(u64, u64))
FERRY_ABSENT(U128 sha1c(U128, u32, U128))
FERRY_ABSENT(U128 sha1p(U128, u32, U128))
FERRY_ABSENT(U128 sha1m(U128, u32, U128))
FERRY_ABSENT(U128 sha256h(U128, U128, U128))
FERRY_ABSENT(U128 sha256h2(U128, U128, U128))
FERRY_ABSENT(U128 sha256su0(U128, U128))
FERRY_ABSENT(U128 sha256su1(U128, U128, U128))
FERRY_ABSENT(u32 crc32c(u32, u64, unsigned))
#undef FERRY_ABSENT

#endif

}  // namespace ferry::cpu::crypto::host
