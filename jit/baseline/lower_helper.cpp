// Helpers that the host has instructions for: AES, carry-less products, SHA-1, SHA-256, CRC-32C.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

namespace x86 = asmjit::x86;
namespace I = x86::Inst;

bool Compiler::native_helper(Value v, const Inst& d) {
  using cpu::Helper;
  const auto helper = static_cast<Helper>(d.imm);
  switch (helper) {
    case Helper::aese:
    case Helper::aesd:
    case Helper::aesmc:
    case Helper::aesimc: return cpu_.avx && cpu_.aes && aes(v, d, helper);
    case Helper::simd_pmull64: {
      if (!cpu_.avx || !cpu_.pclmul) return false;
      const u8 a = use(d.args[0]), b = use(d.args[1]);
      consume(d.args[0]);
      consume(d.args[1]);
      v3i(I::kIdVpclmulqdq, define(v, a, 0, b), a, b, 0);
      return true;
    }
    case Helper::crc32c: return crc32c(v, d);
    case Helper::sha1c: return cpu_.sha && sha1_rounds(v, d, 0);
    case Helper::sha1p: return cpu_.sha && sha1_rounds(v, d, 1);
    case Helper::sha1m: return cpu_.sha && sha1_rounds(v, d, 2);
    case Helper::sha256h: return cpu_.sha && sha256_rounds(v, d, true);
    case Helper::sha256h2: return cpu_.sha && sha256_rounds(v, d, false);
    case Helper::sha256su0:
    case Helper::sha256su1: return cpu_.sha && sha256_schedule(v, d);
    case Helper::simd_sat_add:
    case Helper::simd_sat_sub:
    case Helper::simd_sqdmulh:
    case Helper::simd_narrow_sat:
    case Helper::simd_narrow_sat_unsigned: return native_saturation(v, d);
    default: return false;
  }
}

// Four rounds. The host keeps A in the top word, takes E with the first schedule word, and adds the constant that Arm's
// schedule words already hold.
bool Compiler::sha1_rounds(Value v, const Inst& d, unsigned function) {
  static constexpr u64 kConstants[] = {0x5a8279995a827999, 0x6ed9eba16ed9eba1, 0x8f1bbcdc8f1bbcdc};
  const u8 a = use(d.args[0]), b = use(d.args[1]), m = use(d.args[2]);
  const u8 words = alloc_temp(kXmm), t = alloc_temp(kXmm), to = alloc(kXmm);
  pool_load(t, kConstants[function], kConstants[function]);
  v3(I::kIdVpsubd, words, m, t);
  v3i(I::kIdVinsertps, t, b, b, 0x0e);
  v3(I::kIdVpaddd, words, words, t);
  v2i(I::kIdVpshufd, words, words, 0x1b);
  v2i(I::kIdVpshufd, to, a, 0x1b);
  e_.as.sha1rnds4(x86::xmm(to), x86::xmm(words), function);
  v2i(I::kIdVpshufd, to, to, 0x1b);
  for (unsigned n = 0; n < 3; ++n) consume(d.args[n]);
  bind(v, to);
  return true;
}

// Four rounds. The host has ABEF and CDGH, A and C in the top words, and the schedule words in XMM0.
bool Compiler::sha256_rounds(Value v, const Inst& d, bool first_half) {
  const u8 old = use(d.args[0]), other = use(d.args[1]), m = use(d.args[2]);
  const u32 not_zero = mask(0);
  const u8 saved = alloc_temp(kXmm, not_zero), cdgh = alloc_temp(kXmm, not_zero), to = alloc(kXmm, not_zero);
  move(kXmm, saved, 0);
  const auto from = [&](u8 r) { return r == 0 ? saved : r; };
  const u8 abcd = from(first_half ? old : other), efgh = from(first_half ? other : old);
  v2i(I::kIdVpshufd, 0, abcd, 0x1b);
  v2i(I::kIdVpshufd, to, efgh, 0x1b);
  v3(I::kIdVpunpcklqdq, cdgh, to, 0);
  v3(I::kIdVpunpckhqdq, to, to, 0);
  move(kXmm, 0, from(m));
  e_.as.sha256rnds2(x86::xmm(cdgh), x86::xmm(to), x86::xmm0);
  v2i(I::kIdVpshufd, 0, from(m), 0x0e);
  e_.as.sha256rnds2(x86::xmm(to), x86::xmm(cdgh), x86::xmm0);
  v3(first_half ? I::kIdVpunpckhqdq : I::kIdVpunpcklqdq, to, cdgh, to);
  v2i(I::kIdVpshufd, to, to, 0x1b);
  move(kXmm, 0, saved);
  for (unsigned n = 0; n < 3; ++n) consume(d.args[n]);
  bind(v, to);
  return true;
}

// SHA256SU0, SHA256SU1
bool Compiler::sha256_schedule(Value v, const Inst& d) {
  const bool second = d.arg_count() == 3;
  const u8 a = use(d.args[0]), b = use(d.args[1]), m = second ? use(d.args[2]) : b;
  const u8 to = alloc(kXmm);
  if (second) {
    v3i(I::kIdVpalignr, to, m, b, 4);
    v3(I::kIdVpaddd, to, to, a);
    e_.as.sha256msg2(x86::xmm(to), x86::xmm(m));
  } else {
    move(kXmm, to, a);
    e_.as.sha256msg1(x86::xmm(to), x86::xmm(b));
  }
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
  bind(v, to);
  return true;
}

bool Compiler::aes(Value v, const Inst& d, cpu::Helper helper) {
  using cpu::Helper;
  const bool two = d.arg_count() == 2;
  const u8 a = use(d.args[0]), b = two ? use(d.args[1]) : a;
  const u8 zero = alloc_temp(kXmm), to = alloc(kXmm);
  if (helper != Helper::aesimc) v3(I::kIdVpxor, zero, zero, zero);
  if (two) v3(I::kIdVpxor, to, a, b);
  switch (helper) {
    case Helper::aese: v3(I::kIdVaesenclast, to, to, zero); break;
    case Helper::aesd: v3(I::kIdVaesdeclast, to, to, zero); break;
    case Helper::aesmc:  // a whole round after half of its inverse leaves MixColumns
      v3(I::kIdVaesdeclast, to, a, zero);
      v3(I::kIdVaesenc, to, to, zero);
      break;
    default: v2(I::kIdVaesimc, to, a); break;
  }
  consume(d.args[0]);
  if (two) consume(d.args[1]);
  bind(v, to);
  return true;
}

// CRC32CB, CRC32CH, CRC32CW, CRC32CX
bool Compiler::crc32c(Value v, const Inst& d) {
  u64 size = 0;
  if (!cpu_.sse42 || !is_const(d.args[2], &size)) return false;
  const u8 a = use(d.args[0]), b = use(d.args[1]);
  const u8 to = alloc(kGpr);
  e_.mov(false, to, a);
  switch (size) {
    case 1: e_.as.crc32(x86::gpd(to), x86::gpb_lo(b)); break;
    case 2: e_.as.crc32(x86::gpd(to), x86::gpw(b)); break;
    case 4: e_.as.crc32(x86::gpd(to), x86::gpd(b)); break;
    default: e_.as.crc32(x86::gpq(to), x86::gpq(b)); break;
  }
  for (unsigned n = 0; n < 3; ++n) consume(d.args[n]);
  bind(v, to);
  values_[v].clean = true;
  return true;
}

}  // namespace ferry::jit::baseline
