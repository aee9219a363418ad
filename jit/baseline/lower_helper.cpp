// Helpers that the host has instructions for: AES, carry-less products, CRC-32C.
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
    default: return false;
  }
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
