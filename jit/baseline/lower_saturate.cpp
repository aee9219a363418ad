// Saturating AdvSIMD arithmetic of bytes, halfwords and words by the host's instructions. FPSR.QC is set where the
// saturated result differs from the wrapped one.
#include "cpu/fp/fp.h"
#include "cpu/simd_form.h"
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

namespace x86 = asmjit::x86;
namespace I = x86::Inst;

bool Compiler::native_saturation(Value v, const Inst& d) {
  using cpu::Helper;
  u64 form = 0;
  if (!cpu_.avx || !is_const(d.args[0], &form)) return false;
  const unsigned esize = form & 0xff, bits = (form >> 8) & 0xff;
  if (bits < 64 || esize > 32) return false;
  switch (static_cast<Helper>(d.imm)) {
    case Helper::simd_sat_add:
    case Helper::simd_sat_sub: return saturating_sum(v, d, form);
    case Helper::simd_sqdmulh: return esize == 16 && doubling_high(v, d, form);
    case Helper::simd_narrow_sat:
    case Helper::simd_narrow_sat_unsigned: return esize <= 16 && saturating_narrow(v, d, form);
    default: return false;
  }
}

// The operand as its arrangement has it: the high half of a 64-bit one saturates nothing.
u8 Compiler::arranged(Value a, u64 form) {
  const u8 r = use(a);
  if (((form >> 8) & 0xff) == 128) return r;
  const u8 t = alloc_temp(kXmm);
  v2(I::kIdVmovq, t, r);
  return t;
}

// FPSR.QC := 1 unless all bits of the register are zero.
void Compiler::saturated_if_any(u8 r) {
  e_.as.vptest(x86::xmm(r), x86::xmm(r));
  const u32 none = e_.jcc(Cond::E);
  e_.alu_mem_imm(Alu::Or, false, {kStateReg, FERRY_STATE(fpsr)}, static_cast<i32>(cpu::fp::kFpsrQC));
  e_.bind(none);
}

// SQADD, UQADD, SQSUB, UQSUB
bool Compiler::saturating_sum(Value v, const Inst& d, u64 form) {
  static constexpr u32 kAdd[] = {I::kIdVpaddb, I::kIdVpaddw, I::kIdVpaddd};
  static constexpr u32 kSub[] = {I::kIdVpsubb, I::kIdVpsubw, I::kIdVpsubd};
  static constexpr u32 kSat[2][2][2] = {{{I::kIdVpaddsb, I::kIdVpaddsw}, {I::kIdVpaddusb, I::kIdVpaddusw}},
                                        {{I::kIdVpsubsb, I::kIdVpsubsw}, {I::kIdVpsubusb, I::kIdVpsubusw}}};
  const bool sub = d.imm == static_cast<u64>(cpu::Helper::simd_sat_sub), is_unsigned = (form & cpu::kSimdUnsigned) != 0;
  const unsigned size = (form & 0xff) == 8 ? 0 : (form & 0xff) == 16 ? 1 : 2;
  const u8 a = arranged(d.args[1], form), b = arranged(d.args[2], form);
  const u8 t = alloc_temp(kXmm), u = alloc_temp(kXmm), to = alloc(kXmm);
  v3(sub ? kSub[size] : kAdd[size], t, a, b);
  if (size < 2) {
    v3(kSat[sub][is_unsigned][size], to, a, b);
  } else if (is_unsigned && sub) {  // max(a, b) - b
    v3(I::kIdVpmaxud, to, a, b);
    v3(I::kIdVpsubd, to, to, b);
  } else if (is_unsigned) {  // min(a, ~b) + b
    v3(I::kIdVpcmpeqd, u, u, u);
    v3(I::kIdVpxor, u, u, b);
    v3(I::kIdVpminud, to, a, u);
    v3(I::kIdVpaddd, to, to, b);
  } else {  // overflow: the sum's sign is neither's, the difference's neither a's nor that of -b
    v3(I::kIdVpxor, u, a, t);
    v3(I::kIdVpxor, to, sub ? a : b, sub ? b : t);
    v3(I::kIdVpand, u, u, to);
    v2i(I::kIdVpsrad, to, a, 31);
    const u8 largest = pool_temp(0x7fffffff7fffffff);
    v3(I::kIdVpxor, to, to, largest);
    e_.as.vblendvps(x86::xmm(to), x86::xmm(t), x86::xmm(to), x86::xmm(u));
  }
  v3(I::kIdVpxor, t, t, to);
  saturated_if_any(t);
  for (unsigned n = 0; n < 3; ++n) consume(d.args[n]);
  bind(v, to);
  return true;
}

// SQDMULH, SQRDMULH of halfwords: only the square of the smallest number saturates, and only it gives that number.
bool Compiler::doubling_high(Value v, const Inst& d, u64 form) {
  const u8 a = arranged(d.args[1], form), b = arranged(d.args[2], form);
  const u8 t = alloc_temp(kXmm), to = alloc(kXmm);
  if ((form & cpu::kSimdRound) != 0) {
    v3(I::kIdVpmulhrsw, to, a, b);
  } else {
    v3(I::kIdVpmullw, t, a, b);
    v3(I::kIdVpmulhw, to, a, b);
    v2i(I::kIdVpsrlw, t, t, 15);
    v3(I::kIdVpaddw, to, to, to);
    v3(I::kIdVpor, to, to, t);
  }
  pool_load(t, 0x8000800080008000, 0x8000800080008000);
  v3(I::kIdVpcmpeqw, t, t, to);
  v3(I::kIdVpxor, to, to, t);
  saturated_if_any(t);
  for (unsigned n = 0; n < 3; ++n) consume(d.args[n]);
  bind(v, to);
  return true;
}

// SQXTN, UQXTN, SQXTUN and, shifted and perhaps rounded first, SQSHRN ... UQRSHRN: packed, and widened again to
// compare.
bool Compiler::saturating_narrow(Value v, const Inst& d, u64 form) {
  const bool to_bytes = (form & 0xff) == 8, unsigned_source = (form & cpu::kSimdUnsigned) != 0;
  const bool unsigned_result = unsigned_source || d.imm == static_cast<u64>(cpu::Helper::simd_narrow_sat_unsigned);
  const unsigned shift = static_cast<unsigned>(form >> 24);
  const u8 a = use(d.args[1]);
  const u8 x = alloc_temp(kXmm), t = alloc_temp(kXmm), to = alloc(kXmm);
  u8 from = a;
  if (shift != 0) {
    const u32 right =
        unsigned_source ? (to_bytes ? I::kIdVpsrlw : I::kIdVpsrld) : (to_bytes ? I::kIdVpsraw : I::kIdVpsrad);
    v2i(right, x, a, shift);
    if ((form & cpu::kSimdRound) != 0) {  // plus the bit below the result
      const unsigned left = (to_bytes ? 16u : 32u) - shift;
      v2i(to_bytes ? I::kIdVpsllw : I::kIdVpslld, t, a, left);
      v2i(to_bytes ? I::kIdVpsrlw : I::kIdVpsrld, t, t, to_bytes ? 15 : 31);
      v3(to_bytes ? I::kIdVpaddw : I::kIdVpaddd, x, x, t);
    }
    from = x;
  }
  u8 packed = from;
  if (unsigned_source) {  // the host packs from signed elements
    const u64 largest = to_bytes ? 0x00ff00ff00ff00ff : 0x0000ffff0000ffff;
    pool_load(t, largest, largest);
    v3(to_bytes ? I::kIdVpminuw : I::kIdVpminud, t, t, from);
    packed = t;
  }
  const u32 pack =
      unsigned_result ? (to_bytes ? I::kIdVpackuswb : I::kIdVpackusdw) : (to_bytes ? I::kIdVpacksswb : I::kIdVpackssdw);
  v3(pack, to, packed, packed);
  v2(I::kIdVmovq, to, to);
  const u32 widen =
      unsigned_result ? (to_bytes ? I::kIdVpmovzxbw : I::kIdVpmovzxwd) : (to_bytes ? I::kIdVpmovsxbw : I::kIdVpmovsxwd);
  v2(widen, t, to);
  v3(I::kIdVpxor, t, t, from);
  saturated_if_any(t);
  consume(d.args[0]);
  consume(d.args[1]);
  bind(v, to);
  return true;
}

}  // namespace ferry::jit::baseline
