// Vector floating point whose host form needs more than one instruction: maximum and minimum, conversions between
// integers and floating point. The contract is lower_fp.cpp's: equal to Arm's, or the exact function out of line.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

namespace x86 = asmjit::x86;
namespace I = x86::Inst;

namespace {

// VCMPPS predicates, all quiet.
constexpr unsigned kUnordered = 3, kNotLess = 0x15, kLessOrEqual = 0x12;

}  // namespace

unsigned Compiler::active_bytes(const Inst& d) { return static_cast<unsigned>(d.imm) << d.lane; }

// Zeroes what stands above the active lanes.
void Compiler::clear_inactive(unsigned bytes, u8 to, u8 from) {
  if (bytes == 8)
    v2(I::kIdVmovq, to, from);
  else
    v3i(I::kIdVinsertps, to, from, from, 0x0e);
}

// Lanes that do not take part are zero, so that they raise nothing.
u8 Compiler::active_lanes(const Inst& d, u8 from) {
  const unsigned bytes = active_bytes(d);
  if (bytes == 16) return from;
  const u8 t = alloc_temp(kXmm);
  clear_inactive(bytes, t, from);
  return t;
}

bool Compiler::vector_fp_composed(Value v, const Inst& d) {
  switch (d.op) {
    case Op::VFMax:
    case Op::VFMaxNm: return vector_max_min(v, d, true);
    case Op::VFMin:
    case Op::VFMinNm: return vector_max_min(v, d, false);
    case Op::VFToS:
    case Op::VFToU: return d.lane == 3 ? vector_to_long(v, d) : vector_to_word(v, d);
    case Op::VSToF: return d.lane == 3 && vector_from_int(v, d);
    case Op::VUToF: return vector_from_int(v, d);
    default: return false;
  }
}

void Compiler::leave_if_any(u8 lanes, SlowFp& s, unsigned jump) {
  e_.as.vptest(x86::xmm(lanes), x86::xmm(lanes));
  s.jump[jump] = e_.jcc(Cond::NE);
}

// The host takes its second operand when both are zero: both orders, and AND or OR of the signs. Its comparison with a
// quiet NaN is invalid, so NaNs leave before.
bool Compiler::vector_max_min(Value v, const Inst& d, bool is_max) {
  const bool w = d.lane == 3;
  SlowFp s = slow_fp(v, d);
  const u8 a = active_lanes(d, s.arg[0]), b = active_lanes(d, s.arg[1]), t = alloc_temp(kXmm);
  v3i(w ? I::kIdVcmppd : I::kIdVcmpps, t, a, b, kUnordered);
  leave_if_any(t, s, 0);
  const u32 id = is_max ? (w ? I::kIdVmaxpd : I::kIdVmaxps) : (w ? I::kIdVminpd : I::kIdVminps);
  v3(id, t, a, b);
  v3(id, s.to, b, a);
  v3(is_max ? I::kIdVandps : I::kIdVorps, s.to, s.to, t);
  finish_fp(v, d, s);
  return true;
}

// -1 < a < 2^31 or 2^63 in every lane, so that a signed conversion gives the unsigned result; else out of line.
void Compiler::check_unsigned_range(bool w, u8 a, u8 t, u8 u, SlowFp& s) {
  const u32 compare = w ? I::kIdVcmppd : I::kIdVcmpps;
  const u64 limit = w ? 0x43e0000000000000 : 0x4f0000004f000000,
            minus_one = w ? 0xbff0000000000000 : 0xbf800000bf800000;
  pool_load(u, limit, limit);
  v3i(compare, t, a, u, kNotLess);
  pool_load(u, minus_one, minus_one);
  v3i(compare, u, a, u, kLessOrEqual);
  v3(I::kIdVpor, t, t, u);
  leave_if_any(t, s, 0);
}

// Whether the host's conversions round so, perhaps after a rounding instruction; unsigned ones only truncate.
bool Compiler::converts(const Inst& d) {
  return host_rounding(d.aux) >= 0 && (d.op == Op::VFToS || static_cast<ir::FpRound>(d.aux) == ir::FpRound::Zero);
}
static bool is_directed(u8 round) {
  const auto r = static_cast<ir::FpRound>(round);
  return r == ir::FpRound::PlusInf || r == ir::FpRound::MinusInf;
}
static bool truncates(u8 round) { return is_directed(round) || static_cast<ir::FpRound>(round) == ir::FpRound::Zero; }

// Singles to words. What is too large for a word is an integer already, so the rounding raises Inexact only for what
// fits. The host's answer to anything out of range is the smallest integer.
bool Compiler::vector_to_word(Value v, const Inst& d) {
  if (!converts(d)) return false;
  SlowFp s = slow_fp(v, d);
  const u8 t = alloc_temp(kXmm), u = alloc_temp(kXmm);
  u8 a = active_lanes(d, s.arg[0]);
  if (d.op == Op::VFToU) check_unsigned_range(false, a, t, u, s);
  if (is_directed(d.aux)) {
    v2i(I::kIdVroundps, u, a, static_cast<unsigned>(host_rounding(d.aux)) & 7);
    a = u;
  }
  v2(truncates(d.aux) ? I::kIdVcvttps2dq : I::kIdVcvtps2dq, s.to, a);
  if (d.op == Op::VFToS) {
    pool_load(t, 0x8000000080000000, 0x8000000080000000);
    v3(I::kIdVpcmpeqd, t, t, s.to);
    leave_if_any(t, s, 0);
  }
  finish_fp(v, d, s);
  return true;
}

// Doubles to doublewords, one by one.
bool Compiler::vector_to_long(Value v, const Inst& d) {
  if (!converts(d)) return false;
  ASSERT(d.imm <= 2, "a vector has two doublewords at most");
  SlowFp s = slow_fp(v, d);
  const u8 t = alloc_temp(kXmm), u = alloc_temp(kXmm);
  const u8 g[2] = {alloc_temp(kGpr), alloc_temp(kGpr)};
  u8 a = active_lanes(d, s.arg[0]);
  if (d.op == Op::VFToU) check_unsigned_range(true, a, t, u, s);
  if (is_directed(d.aux)) {
    v2i(I::kIdVroundpd, u, a, static_cast<unsigned>(host_rounding(d.aux)) & 7);
    a = u;
  }
  for (unsigned n = 0; n < d.imm; ++n) {
    if (n == 1) v3(I::kIdVunpckhpd, t, a, a);
    const x86::Xmm from = x86::xmm(n == 0 ? a : t);
    truncates(d.aux) ? e_.as.vcvttsd2si(x86::gpq(g[n]), from) : e_.as.vcvtsd2si(x86::gpq(g[n]), from);
  }
  for (unsigned n = 0; d.op == Op::VFToS && n < d.imm; ++n) {
    e_.alu_imm(Alu::Cmp, true, g[n], 1);
    s.jump[n] = e_.jcc(Cond::O);
  }
  e_.as.vmovq(x86::xmm(s.to), x86::gpq(g[0]));
  if (d.imm == 2) e_.as.vpinsrq(x86::xmm(s.to), x86::xmm(s.to), x86::gpq(g[1]), 1);
  finish_fp(v, d, s);
  return true;
}

// Doublewords one by one; unsigned lanes with their top bit clear are signed ones.
bool Compiler::vector_from_int(Value v, const Inst& d) {
  const bool w = d.lane == 3;
  SlowFp s = slow_fp(v, d);
  const u8 t = alloc_temp(kXmm), g = w ? alloc_temp(kGpr) : u8{0};
  const u8 a = active_lanes(d, s.arg[0]);
  if (d.op == Op::VUToF) {
    const u64 signs = w ? u64{1} << 63 : 0x8000000080000000;
    pool_load(t, signs, signs);
    e_.as.vptest(x86::xmm(a), x86::xmm(t));
    s.jump[0] = e_.jcc(Cond::NE);
  }
  if (!w) {
    v2(I::kIdVcvtdq2ps, s.to, a);
    finish_fp(v, d, s);
    return true;
  }
  e_.as.vmovq(x86::gpq(g), x86::xmm(a));
  v3(I::kIdVxorps, s.to, s.to, s.to);
  e_.as.vcvtsi2sd(x86::xmm(s.to), x86::xmm(s.to), x86::gpq(g));
  if (d.imm == 2) {
    e_.as.vpextrq(x86::gpq(g), x86::xmm(a), 1);
    v3(I::kIdVxorps, t, t, t);
    e_.as.vcvtsi2sd(x86::xmm(t), x86::xmm(t), x86::gpq(g));
    v3(I::kIdVunpcklpd, s.to, s.to, t);
  }
  finish_fp(v, d, s);
  return true;
}

}  // namespace ferry::jit::baseline
