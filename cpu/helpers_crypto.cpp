// The cryptographic instructions and polynomial multiplies as helpers: vectors in vargs in the order d, n, m; the
// result to vargs[0].
#include "cpu/crypto.h"
#include "cpu/state.h"

namespace ferry::cpu::helper {

#define FERRY_CRYPTO(name, expression)        \
  u64 name(CpuState& s, u64, u64, u64, u64) { \
    const U128* const v = s.vargs;            \
    s.vargs[0] = expression;                  \
    return 0;                                 \
  }
FERRY_CRYPTO(simd_pmull8, crypto::pmull8(v[0].lo, v[1].lo))
FERRY_CRYPTO(simd_pmull64, crypto::pmull64(v[0].lo, v[1].lo))
FERRY_CRYPTO(aese, crypto::aese(v[0], v[1]))
FERRY_CRYPTO(aesd, crypto::aesd(v[0], v[1]))
FERRY_CRYPTO(aesmc, crypto::aesmc(v[0]))
FERRY_CRYPTO(aesimc, crypto::aesimc(v[0]))
FERRY_CRYPTO(sha1c, crypto::sha1c(v[0], static_cast<u32>(v[1].lo), v[2]))
FERRY_CRYPTO(sha1p, crypto::sha1p(v[0], static_cast<u32>(v[1].lo), v[2]))
FERRY_CRYPTO(sha1m, crypto::sha1m(v[0], static_cast<u32>(v[1].lo), v[2]))
FERRY_CRYPTO(sha1su0, crypto::sha1su0(v[0], v[1], v[2]))
FERRY_CRYPTO(sha256h, crypto::sha256h(v[0], v[1], v[2]))
FERRY_CRYPTO(sha256h2, crypto::sha256h2(v[0], v[1], v[2]))
FERRY_CRYPTO(sha256su1, crypto::sha256su1(v[0], v[1], v[2]))
FERRY_CRYPTO(sha1su1, crypto::sha1su1(v[0], v[1]))
FERRY_CRYPTO(sha256su0, crypto::sha256su0(v[0], v[1]))
FERRY_CRYPTO(sha512h, crypto::sha512h(v[0], v[1], v[2]))
FERRY_CRYPTO(sha512h2, crypto::sha512h2(v[0], v[1], v[2]))
FERRY_CRYPTO(sha512su0, crypto::sha512su0(v[0], v[1]))
FERRY_CRYPTO(sha512su1, crypto::sha512su1(v[0], v[1], v[2]))
FERRY_CRYPTO(sm3partw1, crypto::sm3partw1(v[0], v[1], v[2]))
FERRY_CRYPTO(sm3partw2, crypto::sm3partw2(v[0], v[1], v[2]))
FERRY_CRYPTO(sm3ss1, crypto::sm3ss1(v[0], v[1], v[2]))
FERRY_CRYPTO(sm4e, crypto::sm4e(v[0], v[1]))
FERRY_CRYPTO(sm4ekey, crypto::sm4ekey(v[0], v[1]))
#undef FERRY_CRYPTO
// form: element of m, second half << 2.
u64 sm3tt1(CpuState& s, u64 form, u64, u64, u64) {
  s.vargs[0] = crypto::sm3tt1(s.vargs[0], s.vargs[1], s.vargs[2], form & 3, bit(form, 2));
  return 0;
}
u64 sm3tt2(CpuState& s, u64 form, u64, u64, u64) {
  s.vargs[0] = crypto::sm3tt2(s.vargs[0], s.vargs[1], s.vargs[2], form & 3, bit(form, 2));
  return 0;
}
u64 sha1h(CpuState& s, u64, u64, u64, u64) {
  s.vargs[0] = {crypto::sha1h(static_cast<u32>(s.vargs[0].lo)), 0};
  return 0;
}

}  // namespace ferry::cpu::helper
