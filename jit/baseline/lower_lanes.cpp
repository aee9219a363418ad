// Lowering of vector ops that move lanes: in, out, and about.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

namespace x86 = asmjit::x86;
namespace I = x86::Inst;

// One lane in or out, or everywhere.
bool Compiler::vector_lanes(Value v, const Inst& d) {
  const unsigned index = static_cast<unsigned>(d.imm);
  switch (d.op) {
    case Op::VExtract: {
      const u8 a = use(d.args[0]);
      consume(d.args[0]);
      const u8 to = define(v);
      const x86::Xmm x = x86::xmm(a);
      const x86::Gp w = x86::gpd(to), q = x86::gpq(to);
      switch (d.lane) {
        case 0: e_.as.vpextrb(w, x, index); break;
        case 1: e_.as.vpextrw(w, x, index); break;
        case 2:
          if (index == 0)
            e_.as.vmovd(w, x);
          else
            e_.as.vpextrd(w, x, index);
          break;
        default:
          if (index == 0)
            e_.as.vmovq(q, x);
          else
            e_.as.vpextrq(q, x, index);
      }
      return true;
    }
    case Op::VInsert: {
      const u8 a = use(d.args[0]), b = use(d.args[1]);
      consume(d.args[0]);
      consume(d.args[1]);
      const u8 to = define(v, a);
      const x86::Xmm t = x86::xmm(to), x = x86::xmm(a);
      if (d.lane == 0) e_.as.vpinsrb(t, x, x86::gpd(b), index);
      if (d.lane == 1) e_.as.vpinsrw(t, x, x86::gpd(b), index);
      if (d.lane == 2) e_.as.vpinsrd(t, x, x86::gpd(b), index);
      if (d.lane == 3) e_.as.vpinsrq(t, x, x86::gpq(b), index);
      return true;
    }
    case Op::VDup: {
      const u8 a = use(d.args[0]);
      consume(d.args[0]);
      const u8 t = d.lane == 0 ? pool_temp(0) : u8{0};
      const u8 to = define(v);
      e_.as.vmovq(x86::xmm(to), x86::gpq(a));
      if (d.lane == 0) v3(I::kIdVpshufb, to, to, t);
      if (d.lane == 1) v2i(I::kIdVpshuflw, to, to, 0);
      if (d.lane == 1 || d.lane == 2) v2i(I::kIdVpshufd, to, to, 0);
      if (d.lane == 3) v3(I::kIdVpunpcklqdq, to, to, to);
      return true;
    }
    case Op::VDupLane: {
      const u8 a = use(d.args[0]);
      u64 pattern = 0;  // of a byte shuffle
      for (unsigned i = 0; i < 8; ++i) pattern |= u64{(index << d.lane) + (i & ((1u << d.lane) - 1))} << (8 * i);
      const u8 t = pool_temp(pattern);
      consume(d.args[0]);
      v3(I::kIdVpshufb, define(v, a), a, t);
      return true;
    }
    default: return false;
  }
}

bool Compiler::vector_permute(Value v, const Inst& d) {
  switch (d.op) {
    case Op::VExt:
    case Op::VUzp1:
    case Op::VUzp2:
    case Op::VTrn1:
    case Op::VTrn2:
    case Op::VTbl1: break;
    case Op::VRev: {
      u64 lo = 0, hi = 0;
      const unsigned flip = ((1u << d.imm) - 1) & ~((1u << d.lane) - 1);  // XOR with this reverses lanes in a container
      for (unsigned i = 0; i < 8; ++i) {
        lo |= u64{i ^ flip} << (8 * i);
        hi |= u64{(i + 8) ^ flip} << (8 * i);
      }
      const u8 a = use(d.args[0]);
      const u8 t = alloc_temp(kXmm);
      pool_load(t, lo, hi);
      consume(d.args[0]);
      v3(I::kIdVpshufb, define(v, a), a, t);
      return true;
    }
    default: return false;
  }
  const u8 a = use(d.args[0]), b = use(d.args[1]);
  const u8 t = alloc_temp(kXmm), to = alloc(kXmm);
  switch (d.op) {
    case Op::VExt: v3i(I::kIdVpalignr, to, b, a, static_cast<unsigned>(d.imm)); break;
    case Op::VUzp1: deinterleave(to, a, b, d.lane, false, t); break;
    case Op::VUzp2: deinterleave(to, a, b, d.lane, true, t); break;
    case Op::VTbl1:  // an index above 15 gets its top bit, which gives zero
      pool_load(t, 0x7070707070707070, 0x7070707070707070);
      v3(I::kIdVpaddusb, t, b, t);
      v3(I::kIdVpshufb, to, a, t);
      break;
    default: transpose(to, a, b, d.lane, d.op == Op::VTrn2, t); break;
  }
  consume(d.args[0]);
  consume(d.args[1]);
  bind(v, to);
  return true;
}

// TRN1, TRN2 of lanes below 64 bits: one operand shifted by a lane, then every other lane of each.
void Compiler::transpose(u8 to, u8 a, u8 b, unsigned lane, bool odd, u8 t) {
  static constexpr u32 kLeft[] = {I::kIdVpsllw, I::kIdVpslld, I::kIdVpsllq};
  static constexpr u32 kRight[] = {I::kIdVpsrlw, I::kIdVpsrld, I::kIdVpsrlq};
  const unsigned n = 8u << lane;
  if (lane > 0) {
    v2i(odd ? kRight[lane] : kLeft[lane], t, odd ? a : b, n);
    return v3i(I::kIdVpblendw, to, odd ? t : a, odd ? b : t, lane == 1 ? 0xaa : 0xcc);
  }
  pool_load(t, odd ? 0xff00ff00ff00ff00 : 0x00ff00ff00ff00ff, odd ? 0xff00ff00ff00ff00 : 0x00ff00ff00ff00ff);
  v3(I::kIdVpand, t, t, odd ? b : a);
  v2i(odd ? kRight[0] : kLeft[0], to, odd ? a : b, 8);
  v3(I::kIdVpor, to, to, t);
}

}  // namespace ferry::jit::baseline
