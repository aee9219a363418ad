// Cryptographic AES, three-register SHA and two-register SHA (Arm ARM DDI 0487, C4.1.6), the cryptographic extension of
// Armv8.0.
#include <capstone/arm64.h>

#include "frontend/simd.h"

namespace ferry::frontend {
namespace {

using cpu::Helper;
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
// SHA1C ... SHA256SU1
template <Helper helper>
void three(Context& c, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, call(c, helper, c.b.get_v(d), c.b.get_v(n), c.b.get_v(m)));
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
    row<"01011110 00 0 mmmmm 0 011 00 nnnnn ddddd", three<Helper::sha1su0>>(ARM64_INS_SHA1SU0, "SHA1SU0"),
    row<"01011110 00 0 mmmmm 0 100 00 nnnnn ddddd", three<Helper::sha256h>>(ARM64_INS_SHA256H, "SHA256H"),
    row<"01011110 00 0 mmmmm 0 101 00 nnnnn ddddd", three<Helper::sha256h2>>(ARM64_INS_SHA256H2, "SHA256H2"),
    row<"01011110 00 0 mmmmm 0 110 00 nnnnn ddddd", three<Helper::sha256su1>>(ARM64_INS_SHA256SU1, "SHA256SU1"),
    row<"01011110 00 10100 00000 10 nnnnn ddddd", one<Helper::sha1h>>(ARM64_INS_SHA1H, "SHA1H"),
    row<"01011110 00 10100 00001 10 nnnnn ddddd", two<Helper::sha1su1>>(ARM64_INS_SHA1SU1, "SHA1SU1"),
    row<"01011110 00 10100 00010 10 nnnnn ddddd", two<Helper::sha256su0>>(ARM64_INS_SHA256SU0, "SHA256SU0"),
    // FEAT_SHA512, FEAT_SHA3, FEAT_SM3, FEAT_SM4
};
// clang-format on

}  // namespace

std::span<const Row> simd_crypto_rows() { return kRows; }

}  // namespace ferry::frontend
