// Cryptographic AES, SHA and SM groups (Arm ARM DDI 0487, C4.1.6): the cryptographic extension of
// Armv8.0, and SHA-512, SHA-3, SM3 and SM4.
#include <capstone/arm64.h>

#include "frontend/simd.h"

namespace ferry::frontend {
namespace {

using cpu::Feature, cpu::Helper;
using ir::Op;
using ir::Type;
using ir::Value;

Value call(Context& c, Helper helper, Value a, Value b = ir::kNoValue, Value m = ir::kNoValue) {
  return c.b.call(static_cast<u32>(helper), Type::V128, a, b, m);
}
// AESMC, AESIMC, SHA1H
template <Helper helper>
void one(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, call(c, helper, c.b.get_v(n)));
}
// AESE, AESD, SHA1SU1, SHA256SU0
template <Helper helper>
void two(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, call(c, helper, c.b.get_v(d), c.b.get_v(n)));
}
// SHA1H: the low word rotated left by 30.
void sha1h(Context& c, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value word = c.b.vextract(2, c.b.get_v(n), 0);
  c.b.set_v(d, c.b.vec(Op::VFromPair, 0, c.b.zext_w(c.b.ror(c.b.trunc(word), c.b.imm32(2))), c.b.imm64(0)));
}
// SHA1SU0
void sha1su0(Context& c, unsigned m, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value x = c.b.get_v(d);
  const Value middle = c.b.vec(Op::VExt, 0, x, c.b.get_v(n), ir::kNoValue, 8);
  c.b.set_v(d, c.b.vec(Op::VXor, 0, c.b.vec(Op::VXor, 0, x, middle), c.b.get_v(m)));
}
Value rotate_words_left(Context& c, Value v) {
  return c.b.vec(Op::VOr, 0, c.b.vec(Op::VShl, 2, v, ir::kNoValue, ir::kNoValue, 1),
                 c.b.vec(Op::VUShr, 2, v, ir::kNoValue, ir::kNoValue, 31));
}
// SHA1SU1: the top word takes in the lowest of the result.
void sha1su1(Context& c, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value zero = c.b.vconst(0);
  const Value next = c.b.vec(Op::VExt, 0, c.b.get_v(n), zero, ir::kNoValue, 4);
  const Value r = rotate_words_left(c, c.b.vec(Op::VXor, 0, c.b.get_v(d), next));
  const Value lowest_on_top = c.b.vec(Op::VExt, 0, zero, r, ir::kNoValue, 4);
  c.b.set_v(d, c.b.vec(Op::VXor, 0, r, rotate_words_left(c, lowest_on_top)));
}
// SHA1C ... SHA256SU1
template <Helper helper>
void three(Context& c, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, call(c, helper, c.b.get_v(d), c.b.get_v(n), c.b.get_v(m)));
}

// SM3SS1
void sm3ss1(Context& c, unsigned m, unsigned a, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, call(c, Helper::sm3ss1, c.b.get_v(n), c.b.get_v(m), c.b.get_v(a)));
}
// SM3TT1A, SM3TT1B, SM3TT2A, SM3TT2B
template <Helper helper, bool second_half>
void sm3tt(Context& c, unsigned m, unsigned index, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value form = c.b.imm64(index | (second_half ? 4 : 0));
  c.b.set_v(d, c.b.call(static_cast<u32>(helper), Type::V128, form, c.b.get_v(d), c.b.get_v(n), c.b.get_v(m)));
}
// SM4EKEY
void sm4ekey(Context& c, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, call(c, Helper::sm4ekey, c.b.get_v(n), c.b.get_v(m)));
}

// --- SHA-3

// Doublewords rotated right by 0 to 63.
Value rotate_right(Context& c, Value v, unsigned n) {
  if (n == 0) return v;
  return c.b.vec(Op::VOr, 0, c.b.vec(Op::VUShr, 3, v, ir::kNoValue, ir::kNoValue, n),
                 c.b.vec(Op::VShl, 3, v, ir::kNoValue, ir::kNoValue, 64 - n));
}
// EOR3: n EOR m EOR a. BCAX: n EOR (m AND NOT a).
template <Op op>
void exclusive_or(Context& c, unsigned m, unsigned a, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  c.b.set_v(d, c.b.vec(Op::VXor, 0, c.b.get_v(n), c.b.vec(op, 0, c.b.get_v(m), c.b.get_v(a))));
}
void rax1(Context& c, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, c.b.vec(Op::VXor, 0, c.b.get_v(n), rotate_right(c, c.b.get_v(m), 63)));
}
void xar(Context& c, unsigned m, unsigned amount, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, rotate_right(c, c.b.vec(Op::VXor, 0, c.b.get_v(n), c.b.get_v(m)), amount));
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    row<"01001110 00 10100 00100 10 nnnnn ddddd", two<Helper::aese>>(ARM64_INS_AESE, "AESE"),
    row<"01001110 00 10100 00101 10 nnnnn ddddd", two<Helper::aesd>>(ARM64_INS_AESD, "AESD"),
    row<"01001110 00 10100 00110 10 nnnnn ddddd", one<Helper::aesmc>>(ARM64_INS_AESMC, "AESMC"),
    row<"01001110 00 10100 00111 10 nnnnn ddddd", one<Helper::aesimc>>(ARM64_INS_AESIMC, "AESIMC"),
    row<"01011110 00 0 mmmmm 0 000 00 nnnnn ddddd", three<Helper::sha1c>>(ARM64_INS_SHA1C, "SHA1C"),
    row<"01011110 00 0 mmmmm 0 001 00 nnnnn ddddd", three<Helper::sha1p>>(ARM64_INS_SHA1P, "SHA1P"),
    row<"01011110 00 0 mmmmm 0 010 00 nnnnn ddddd", three<Helper::sha1m>>(ARM64_INS_SHA1M, "SHA1M"),
    row<"01011110 00 0 mmmmm 0 011 00 nnnnn ddddd", sha1su0>(ARM64_INS_SHA1SU0, "SHA1SU0"),
    row<"01011110 00 0 mmmmm 0 100 00 nnnnn ddddd", three<Helper::sha256h>>(ARM64_INS_SHA256H, "SHA256H"),
    row<"01011110 00 0 mmmmm 0 101 00 nnnnn ddddd", three<Helper::sha256h2>>(ARM64_INS_SHA256H2, "SHA256H2"),
    row<"01011110 00 0 mmmmm 0 110 00 nnnnn ddddd", three<Helper::sha256su1>>(ARM64_INS_SHA256SU1, "SHA256SU1"),
    row<"01011110 00 10100 00000 10 nnnnn ddddd", sha1h>(ARM64_INS_SHA1H, "SHA1H"),
    row<"01011110 00 10100 00001 10 nnnnn ddddd", sha1su1>(ARM64_INS_SHA1SU1, "SHA1SU1"),
    row<"01011110 00 10100 00010 10 nnnnn ddddd", two<Helper::sha256su0>>(ARM64_INS_SHA256SU0, "SHA256SU0"),
    // Cryptographic three-register SHA 512, two-register SHA 512
    row<"11001110 011 mmmmm 1 0 00 00 nnnnn ddddd", three<Helper::sha512h>, Feature::SHA512>("SHA512H"),
    row<"11001110 011 mmmmm 1 0 00 01 nnnnn ddddd", three<Helper::sha512h2>, Feature::SHA512>("SHA512H2"),
    row<"11001110 011 mmmmm 1 0 00 10 nnnnn ddddd", three<Helper::sha512su1>, Feature::SHA512>("SHA512SU1"),
    row<"11001110 110 00000 1000 00 nnnnn ddddd", two<Helper::sha512su0>, Feature::SHA512>("SHA512SU0"),
    row<"11001110 011 mmmmm 1 0 00 11 nnnnn ddddd", rax1, Feature::SHA3>("RAX1"),
    row<"11001110 011 mmmmm 1 1 00 00 nnnnn ddddd", three<Helper::sm3partw1>, Feature::SM3>("SM3PARTW1"),
    row<"11001110 011 mmmmm 1 1 00 01 nnnnn ddddd", three<Helper::sm3partw2>, Feature::SM3>("SM3PARTW2"),
    row<"11001110 011 mmmmm 1 1 00 10 nnnnn ddddd", sm4ekey, Feature::SM4>("SM4EKEY"),
    row<"11001110 110 00000 1000 01 nnnnn ddddd", two<Helper::sm4e>, Feature::SM4>("SM4E"),
    // Cryptographic four-register; XAR; three-register, imm2
    row<"11001110 000 mmmmm 0 aaaaa nnnnn ddddd", exclusive_or<Op::VXor>, Feature::SHA3>("EOR3"),
    row<"11001110 001 mmmmm 0 aaaaa nnnnn ddddd", exclusive_or<Op::VAndNot>, Feature::SHA3>("BCAX"),
    row<"11001110 010 mmmmm 0 aaaaa nnnnn ddddd", sm3ss1, Feature::SM3>("SM3SS1"),
    row<"11001110 100 mmmmm iiiiii nnnnn ddddd", xar, Feature::SHA3>("XAR"),
    row<"11001110 010 mmmmm 10 ii 00 nnnnn ddddd", sm3tt<Helper::sm3tt1, false>, Feature::SM3>("SM3TT1A"),
    row<"11001110 010 mmmmm 10 ii 01 nnnnn ddddd", sm3tt<Helper::sm3tt1, true>, Feature::SM3>("SM3TT1B"),
    row<"11001110 010 mmmmm 10 ii 10 nnnnn ddddd", sm3tt<Helper::sm3tt2, false>, Feature::SM3>("SM3TT2A"),
    row<"11001110 010 mmmmm 10 ii 11 nnnnn ddddd", sm3tt<Helper::sm3tt2, true>, Feature::SM3>("SM3TT2B"),
};
// clang-format on

}  // namespace

std::span<const Row> simd_crypto_rows() { return kRows; }

}  // namespace ferry::frontend
