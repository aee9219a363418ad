// Lowering of vector ops, for hosts with AVX: three-operand forms, so that no operand has to be copied. Without AVX
// they are calls.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

namespace x86 = asmjit::x86;
namespace I = x86::Inst;

namespace {

constexpr u32 kNone = 0;

// Host instruction of a lane-wise op; kNone where there is none.
struct ByLane {
  u32 id[4];
};

ByLane direct(Op op) {
  switch (op) {
    case Op::VAnd: return {{I::kIdVpand, I::kIdVpand, I::kIdVpand, I::kIdVpand}};
    case Op::VOr: return {{I::kIdVpor, I::kIdVpor, I::kIdVpor, I::kIdVpor}};
    case Op::VXor: return {{I::kIdVpxor, I::kIdVpxor, I::kIdVpxor, I::kIdVpxor}};
    case Op::VAdd: return {{I::kIdVpaddb, I::kIdVpaddw, I::kIdVpaddd, I::kIdVpaddq}};
    case Op::VSub: return {{I::kIdVpsubb, I::kIdVpsubw, I::kIdVpsubd, I::kIdVpsubq}};
    case Op::VMul: return {{kNone, I::kIdVpmullw, I::kIdVpmulld, kNone}};
    case Op::VCmpEq: return {{I::kIdVpcmpeqb, I::kIdVpcmpeqw, I::kIdVpcmpeqd, I::kIdVpcmpeqq}};
    case Op::VCmpGt: return {{I::kIdVpcmpgtb, I::kIdVpcmpgtw, I::kIdVpcmpgtd, I::kIdVpcmpgtq}};
    case Op::VSMax: return {{I::kIdVpmaxsb, I::kIdVpmaxsw, I::kIdVpmaxsd, kNone}};
    case Op::VSMin: return {{I::kIdVpminsb, I::kIdVpminsw, I::kIdVpminsd, kNone}};
    case Op::VUMax: return {{I::kIdVpmaxub, I::kIdVpmaxuw, I::kIdVpmaxud, kNone}};
    case Op::VUMin: return {{I::kIdVpminub, I::kIdVpminuw, I::kIdVpminud, kNone}};
    case Op::VAddP: return {{kNone, I::kIdVphaddw, I::kIdVphaddd, kNone}};
    case Op::VZip1: return {{I::kIdVpunpcklbw, I::kIdVpunpcklwd, I::kIdVpunpckldq, I::kIdVpunpcklqdq}};
    case Op::VZip2: return {{I::kIdVpunpckhbw, I::kIdVpunpckhwd, I::kIdVpunpckhdq, I::kIdVpunpckhqdq}};
    case Op::VUzp1: return {{kNone, kNone, kNone, I::kIdVpunpcklqdq}};
    case Op::VUzp2: return {{kNone, kNone, kNone, I::kIdVpunpckhqdq}};
    case Op::VTrn1: return {{kNone, kNone, kNone, I::kIdVpunpcklqdq}};
    case Op::VTrn2: return {{kNone, kNone, kNone, I::kIdVpunpckhqdq}};
    default: return {{kNone, kNone, kNone, kNone}};
  }
}

constexpr u64 replicate(u64 value, unsigned lane) {
  const unsigned bits = 8u << lane;
  u64 r = 0;
  for (unsigned at = 0; at < 64; at += bits) r |= (value & low_mask(bits)) << at;
  return r;
}

}  // namespace

void Compiler::v2(u32 id, u8 to, u8 a) { e_.as.emit(id, x86::xmm(to), x86::xmm(a)); }
void Compiler::v3(u32 id, u8 to, u8 a, u8 b) { e_.as.emit(id, x86::xmm(to), x86::xmm(a), x86::xmm(b)); }
void Compiler::v3i(u32 id, u8 to, u8 a, u8 b, unsigned imm) {
  e_.as.emit(id, x86::xmm(to), x86::xmm(a), x86::xmm(b), asmjit::imm(imm));
}
void Compiler::v2i(u32 id, u8 to, u8 a, unsigned imm) { e_.as.emit(id, x86::xmm(to), x86::xmm(a), asmjit::imm(imm)); }

u8 Compiler::pool_temp(u64 half) {
  const u8 t = alloc_temp(kXmm);
  if (half == 0)
    v3(I::kIdVpxor, t, t, t);
  else if (half == ~u64{0})
    v3(I::kIdVpcmpeqd, t, t, t);
  else
    pool_load(t, half, half);
  return t;
}

bool Compiler::lower_vector(Value v, const Inst& d) {
  if (!cpu_.avx || d.type != Type::V128) return cpu_.avx && d.op == Op::VExtract ? vector_lanes(v, d) : false;
  if (const u32 id = direct(d.op).id[d.lane]; id != kNone) {
    const u8 a = use(d.args[0]), b = use(d.args[1]);
    consume(d.args[0]);
    consume(d.args[1]);
    v3(id, define(v, a, 0, b), a, b);
    return true;
  }
  return vector_binary(v, d) || vector_compare(v, d) || vector_shift(v, d) || vector_shift_register(v, d) ||
         vector_unary(v, d) || vector_lanes(v, d) || vector_permute(v, d);
}

// Bitwise with an inverted operand, selection, byte multiplication, pairwise sums.
bool Compiler::vector_binary(Value v, const Inst& d) {
  switch (d.op) {
    case Op::VAndNot:
    case Op::VOrNot:
    case Op::VMul:
    case Op::VAddP: break;
    case Op::VBsl: {
      const u8 a = use(d.args[0]), b = use(d.args[1]), c = use(d.args[2]);
      const u8 t = alloc_temp(kXmm);
      v3(I::kIdVpand, t, a, b);
      for (unsigned n = 0; n < 3; ++n) consume(d.args[n]);
      const u8 to = define(v, a, mask(t));
      v3(I::kIdVpandn, to, a, c);
      v3(I::kIdVpor, to, to, t);
      return true;
    }
    default: return false;
  }
  const u8 a = use(d.args[0]), b = use(d.args[1]);
  const u8 t = d.op == Op::VOrNot ? pool_temp(~u64{0}) : alloc_temp(kXmm);
  const u8 u = d.op == Op::VMul || d.op == Op::VAddP ? alloc_temp(kXmm) : t;
  consume(d.args[0]);
  consume(d.args[1]);
  const u8 to = alloc(kXmm);
  bind(v, to);
  switch (d.op) {
    case Op::VAndNot: v3(I::kIdVpandn, to, b, a); break;
    case Op::VOrNot:
      v3(I::kIdVpxor, t, t, b);
      v3(I::kIdVpor, to, t, a);
      break;
    case Op::VMul:  // bytes: odd and even ones as halfwords
      if (d.lane != 0) return unsupported_form(d);
      v2i(I::kIdVpsrlw, t, a, 8);
      v2i(I::kIdVpsrlw, u, b, 8);
      v3(I::kIdVpmullw, t, t, u);
      v2i(I::kIdVpsllw, t, t, 8);
      v3(I::kIdVpmullw, to, a, b);
      v2i(I::kIdVpsllw, to, to, 8);
      v2i(I::kIdVpsrlw, to, to, 8);
      v3(I::kIdVpor, to, to, t);
      break;
    default:  // VAddP: even elements plus odd elements
      deinterleave(to, a, b, d.lane, false, t);
      deinterleave(u, a, b, d.lane, true, t);
      v3(direct(Op::VAdd).id[d.lane], to, to, u);
      break;
  }
  return true;
}

bool Compiler::unsupported_form(const Inst&) { UNREACHABLE("a vector form that the verifier does not allow"); }

// The even or odd elements of a, then of b.
void Compiler::deinterleave(u8 to, u8 a, u8 b, unsigned lane, bool odd, u8 t) {
  switch (lane) {
    case 0:
    case 1: {
      const u32 left = lane == 0 ? I::kIdVpsllw : I::kIdVpslld, right = lane == 0 ? I::kIdVpsrlw : I::kIdVpsrld;
      const unsigned n = 8u << lane;
      if (odd) {
        v2i(right, t, a, n);
        v2i(right, to, b, n);
      } else {
        v2i(left, t, a, n);
        v2i(right, t, t, n);
        v2i(left, to, b, n);
        v2i(right, to, to, n);
      }
      return v3(lane == 0 ? I::kIdVpackuswb : I::kIdVpackusdw, to, t, to);
    }
    case 2: return v3i(I::kIdVshufps, to, a, b, odd ? 0xdd : 0x88);
    default: return v3(odd ? I::kIdVpunpckhqdq : I::kIdVpunpcklqdq, to, a, b);
  }
}

// Comparisons that the host has only inverted, or only signed.
bool Compiler::vector_compare(Value v, const Inst& d) {
  if (d.op != Op::VCmpGe && d.op != Op::VCmpHi && d.op != Op::VCmpHs) return false;
  const u8 a = use(d.args[0]), b = use(d.args[1]);
  const u8 t = alloc_temp(kXmm);
  const u8 to = alloc(kXmm);
  const u32 gt = direct(Op::VCmpGt).id[d.lane], eq = direct(Op::VCmpEq).id[d.lane];
  bool inverse = false;
  if (d.op == Op::VCmpGe) {
    v3(gt, to, b, a);
    inverse = true;
  } else if (d.lane == 3) {
    pool_load(t, u64{1} << 63, u64{1} << 63);
    v3(I::kIdVpxor, to, b, t);
    v3(I::kIdVpxor, t, a, t);
    inverse = d.op == Op::VCmpHs;
    if (inverse)
      v3(gt, to, to, t);
    else
      v3(gt, to, t, to);
  } else {
    // The larger is a: a >= b. The larger is b: not a > b.
    v3(direct(Op::VUMax).id[d.lane], to, a, b);
    v3(eq, to, to, d.op == Op::VCmpHs ? a : b);
    inverse = d.op == Op::VCmpHi;
  }
  if (inverse) {
    v3(I::kIdVpcmpeqd, t, t, t);
    v3(I::kIdVpxor, to, to, t);
  }
  consume(d.args[0]);
  consume(d.args[1]);
  bind(v, to);
  return true;
}

bool Compiler::vector_shift(Value v, const Inst& d) {
  if (d.op != Op::VShl && d.op != Op::VUShr && d.op != Op::VSShr) return false;
  static constexpr u32 kLeft[] = {I::kIdVpsllw, I::kIdVpsllw, I::kIdVpslld, I::kIdVpsllq};
  static constexpr u32 kRight[] = {I::kIdVpsrlw, I::kIdVpsrlw, I::kIdVpsrld, I::kIdVpsrlq};
  const unsigned n = static_cast<unsigned>(d.imm), bits = 8u << d.lane;
  const u8 a = use(d.args[0]);
  const u8 t = alloc_temp(kXmm), to = alloc(kXmm);
  if (d.op == Op::VSShr && (d.lane == 1 || d.lane == 2)) {
    v2i(d.lane == 1 ? I::kIdVpsraw : I::kIdVpsrad, to, a, n);
  } else if (d.op == Op::VSShr && d.lane == 3) {
    v3(I::kIdVpxor, t, t, t);
    v3(I::kIdVpcmpgtq, t, t, a);  // signs
    v2i(I::kIdVpsllq, t, t, 64 - n);
    v2i(I::kIdVpsrlq, to, a, n);
    v3(I::kIdVpor, to, to, t);
  } else if (d.op == Op::VSShr) {  // bytes: logical, then the sign extended from its new place
    const unsigned m = n == 8 ? 7 : n;
    v2i(I::kIdVpsrlw, to, a, m);
    pool_load(t, replicate(low_mask(8 - m), 0), replicate(low_mask(8 - m), 0));
    v3(I::kIdVpand, to, to, t);
    pool_load(t, replicate(0x80u >> m, 0), replicate(0x80u >> m, 0));
    v3(I::kIdVpxor, to, to, t);
    v3(I::kIdVpsubb, to, to, t);
  } else if (n == bits) {
    v3(I::kIdVpxor, to, to, to);
  } else {
    const bool left = d.op == Op::VShl;
    v2i(left ? kLeft[d.lane] : kRight[d.lane], to, a, n);
    if (d.lane == 0) {
      const u64 kept = replicate(left ? 0xffu << n : 0xffu >> n, 0);
      pool_load(t, kept, kept);
      v3(I::kIdVpand, to, to, t);
    }
  }
  consume(d.args[0]);
  bind(v, to);
  return true;
}

// USHL, SSHL of words and USHL of doublewords: the host's variable shifts give zero or signs for amounts beyond the
// lane, so both directions are taken, each with the amount modulo 256, which is beyond the lane for the wrong one.
bool Compiler::vector_shift_register(Value v, const Inst& d) {
  const bool is_signed = d.op == Op::VSShlReg;
  if (!is_signed && d.op != Op::VUShlReg) return false;
  if (!cpu_.avx2 || d.lane < 2 || (is_signed && d.lane == 3)) return false;
  const bool w = d.lane == 3;
  const u8 a = use(d.args[0]), b = use(d.args[1]);
  const u8 t = alloc_temp(kXmm), u = alloc_temp(kXmm), to = alloc(kXmm);
  const u64 low = w ? 0xff : 0x000000ff000000ff;
  pool_load(t, low, low);
  v3(I::kIdVpand, u, b, t);
  v3(w ? I::kIdVpsllvq : I::kIdVpsllvd, to, a, u);
  v3(I::kIdVpxor, u, u, u);
  v3(w ? I::kIdVpsubq : I::kIdVpsubd, u, u, b);
  v3(I::kIdVpand, u, u, t);
  if (is_signed) {
    v3(I::kIdVpsravd, u, a, u);
    v2i(I::kIdVpslld, t, b, 24);
    e_.as.vblendvps(x86::xmm(to), x86::xmm(to), x86::xmm(u), x86::xmm(t));
  } else {
    v3(w ? I::kIdVpsrlvq : I::kIdVpsrlvd, u, a, u);
    v3(I::kIdVpor, to, to, u);
  }
  consume(d.args[0]);
  consume(d.args[1]);
  bind(v, to);
  return true;
}

bool Compiler::vector_unary(Value v, const Inst& d) {
  switch (d.op) {
    case Op::VNot:
    case Op::VNeg:
    case Op::VAbs:
    case Op::VNarrow:
    case Op::VSWiden:
    case Op::VUWiden:
    case Op::VCnt:
    case Op::VFNeg:
    case Op::VFAbs: break;
    default: return false;
  }
  static constexpr u32 kAbs[] = {I::kIdVpabsb, I::kIdVpabsw, I::kIdVpabsd};
  static constexpr u32 kSigned[] = {I::kIdVpmovsxbw, I::kIdVpmovsxwd, I::kIdVpmovsxdq};
  static constexpr u32 kUnsigned[] = {I::kIdVpmovzxbw, I::kIdVpmovzxwd, I::kIdVpmovzxdq};
  const u8 a = use(d.args[0]);
  const u8 t = alloc_temp(kXmm), to = alloc(kXmm);
  switch (d.op) {
    case Op::VNot:
      v3(I::kIdVpcmpeqd, t, t, t);
      v3(I::kIdVpxor, to, a, t);
      break;
    case Op::VNeg:
      v3(I::kIdVpxor, t, t, t);
      v3(direct(Op::VSub).id[d.lane], to, t, a);
      break;
    case Op::VAbs:
      if (d.lane < 3) {
        v2(kAbs[d.lane], to, a);
      } else {
        v3(I::kIdVpxor, t, t, t);
        v3(I::kIdVpsubq, t, t, a);
        e_.as.vblendvpd(x86::xmm(to), x86::xmm(a), x86::xmm(t), x86::xmm(a));
      }
      break;
    case Op::VNarrow:
      v3(I::kIdVpxor, to, to, to);
      deinterleave_one(to, a, d.lane, t);
      break;
    case Op::VSWiden: v2(kSigned[d.lane], to, a); break;
    case Op::VUWiden: v2(kUnsigned[d.lane], to, a); break;
    case Op::VCnt: {  // by nibbles
      const u8 low = pool_temp(0x0f0f0f0f0f0f0f0f);
      const u8 table = alloc_temp(kXmm);
      pool_load(table, 0x0302020102010100, 0x0403030203020201);
      v3(I::kIdVpand, t, a, low);
      v2i(I::kIdVpsrlw, to, a, 4);
      v3(I::kIdVpand, to, to, low);
      v3(I::kIdVpshufb, t, table, t);
      v3(I::kIdVpshufb, to, table, to);
      v3(I::kIdVpaddb, to, to, t);
      break;
    }
    default: {  // VFNeg, VFAbs
      const u64 sign = d.lane == 2 ? 0x8000000080000000 : u64{1} << 63;
      const u64 half = d.op == Op::VFNeg ? sign : ~sign;
      pool_load(t, half, half);
      v3(d.op == Op::VFNeg ? I::kIdVpxor : I::kIdVpand, to, a, t);
      break;
    }
  }
  consume(d.args[0]);
  bind(v, to);
  return true;
}

// The even elements of a in the low half; `to` is zero before.
void Compiler::deinterleave_one(u8 to, u8 a, unsigned lane, u8 t) {
  if (lane == 2) {
    v2i(I::kIdVpshufd, t, a, 0x08);
    return v2(I::kIdVmovq, to, t);
  }
  const unsigned n = 8u << lane;
  v2i(lane == 0 ? I::kIdVpsllw : I::kIdVpslld, t, a, n);
  v2i(lane == 0 ? I::kIdVpsrlw : I::kIdVpsrld, t, t, n);
  v3(lane == 0 ? I::kIdVpackuswb : I::kIdVpackusdw, to, t, to);
}

}  // namespace ferry::jit::baseline
