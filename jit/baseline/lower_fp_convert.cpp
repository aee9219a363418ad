// Lowering of conversions between integers and floating point, by the rules of lower_fp.cpp.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

namespace x86 = asmjit::x86;
namespace I = x86::Inst;

void Compiler::int_to_float(Value v, const Inst& d) {
  SlowFp s = slow_fp(v, d);
  const bool wide_source = d.from == Type::I64;
  v3(I::kIdVxorps, s.to, s.to, s.to);
  if (d.op == Op::UToF && wide_source) {
    e_.test(true, s.arg[0], s.arg[0]);
    s.jump[0] = e_.jcc(Cond::S);
  }
  const x86::Gp from = gp(wide_source || d.op == Op::UToF, s.arg[0]);
  if (d.type == Type::F64)
    e_.as.vcvtsi2sd(x86::xmm(s.to), x86::xmm(s.to), from);
  else
    e_.as.vcvtsi2ss(x86::xmm(s.to), x86::xmm(s.to), from);
  finish_fp(v, d, s);
}

bool Compiler::float_to_int(Value v, const Inst& d) {
  const auto round = static_cast<ir::FpRound>(d.aux);
  const bool truncate = round == ir::FpRound::Zero;
  // Other roundings take an instruction of their own, without flags; once the result is known to fit, the same with
  // flags.
  const bool rounded =
      !truncate && (d.op == Op::FToU || (round != ir::FpRound::TieEven && round != ir::FpRound::Current));
  const int mode = host_rounding(d.aux);
  if (mode < 0) return false;
  SlowFp s = slow_fp(v, d);
  const bool from64 = d.from == Type::F64, wide_result = d.type == Type::I64;
  const u8 whole = rounded ? alloc_temp(kXmm) : s.arg[0];
  const u32 round_id = from64 ? I::kIdVroundsd : I::kIdVroundss;
  if (rounded) v3i(round_id, whole, s.arg[0], s.arg[0], static_cast<unsigned>(mode) | 8);
  const x86::Xmm a = x86::xmm(whole);
  if (d.op == Op::FToU) {  // -1 < a < limit, so that no conversion is invalid
    const u8 t = alloc_temp(kXmm);
    const auto compare_with = [&](u64 single, u64 wide_form) {
      pool_load(t, from64 ? wide_form : single, 0);
      if (from64)
        e_.as.vucomisd(a, x86::xmm(t));
      else
        e_.as.vucomiss(a, x86::xmm(t));
    };
    compare_with(0xbf800000, 0xbff0000000000000);
    s.jump[0] = e_.jcc(Cond::BE);  // also when unordered
    if (wide_result)
      compare_with(0x5f000000, 0x43e0000000000000);  // 2^63
    else
      compare_with(0x4f800000, 0x41f0000000000000);  // 2^32
    s.jump[1] = e_.jcc(Cond::AE);
  }
  const x86::Gp to = gp(wide_result || d.op == Op::FToU, s.to);
  if (from64)
    truncate || rounded ? e_.as.vcvttsd2si(to, a) : e_.as.vcvtsd2si(to, a);
  else
    truncate || rounded ? e_.as.vcvttss2si(to, a) : e_.as.vcvtss2si(to, a);
  if (d.op == Op::FToS) {  // the host's answer to anything out of range is the smallest integer: the only one that
                           // overflows with - 1
    e_.alu_imm(Alu::Cmp, wide_result, s.to, 1);
    s.jump[0] = e_.jcc(Cond::O);
  }
  if (rounded) v3i(round_id, whole, s.arg[0], s.arg[0], static_cast<unsigned>(mode) & 7);
  finish_fp(v, d, s);
  values_[v].clean = true;
  return true;
}

}  // namespace ferry::jit::baseline
