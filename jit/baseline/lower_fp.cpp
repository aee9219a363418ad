// Lowering of floating point to the host's own instructions, where they can be proved equal to Arm's (FPCR all zero).
// MXCSR belongs to translated code; its sticky flags stand for FPSR's until they are folded. What the host does
// differently goes to the exact functions, out of line: NaN results (default NaN, choice of NaN) and results equal to
// the smallest normal (the host tests tininess after rounding). No host instruction here raises a flag that Arm would
// not.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

namespace x86 = asmjit::x86;
namespace I = x86::Inst;

namespace {

constexpr u64 kMinNormal[2] = {0x0080000000800000, 0x0010000000000000};  // F32 (both lanes), F64
constexpr u64 kMagnitude[2] = {0x7fffffff7fffffff, 0x7fffffffffffffff};
constexpr unsigned kUnordered = 3, kEqualOrUnordered = 8;  // VCMPPS predicates, quiet

struct ByWidth {
  u32 single, wide;
};

}  // namespace

bool Compiler::lower_fp(Value v, const Inst& d) {
  if (mode_.fpcr() != 0 || !cpu_.avx) return false;
  const bool w = d.type == Type::F64;
  const auto pick = [&](u32 single, u32 wide_form) { return w ? wide_form : single; };
  switch (d.op) {
    case Op::FAdd: scalar(v, d, pick(I::kIdVaddss, I::kIdVaddsd), Check::Nan); return true;
    case Op::FSub: scalar(v, d, pick(I::kIdVsubss, I::kIdVsubsd), Check::Nan); return true;
    case Op::FMul:
    case Op::FNMul: scalar(v, d, pick(I::kIdVmulss, I::kIdVmulsd), Check::NanOrTiny); return true;
    case Op::FDiv: scalar(v, d, pick(I::kIdVdivss, I::kIdVdivsd), Check::NanOrTiny); return true;
    case Op::FSqrt: scalar(v, d, pick(I::kIdVsqrtss, I::kIdVsqrtsd), Check::Nan); return true;
    case Op::FMadd:
      if (!cpu_.fma) return false;
      scalar(v, d, pick(I::kIdVfmadd231ss, I::kIdVfmadd231sd), Check::NanOrTiny);
      return true;
    case Op::FCvt: scalar(v, d, w ? I::kIdVcvtss2sd : I::kIdVcvtsd2ss, w ? Check::Nan : Check::NanOrTiny); return true;
    case Op::FMax:
    case Op::FMin:
    case Op::FMaxNm:
    case Op::FMinNm: scalar_max_min(v, d); return true;
    case Op::FRound: return scalar_round(v, d);
    case Op::FCmp:
    case Op::FCmpE: scalar_compare(v, d); return true;
    case Op::SToF:
    case Op::UToF: int_to_float(v, d); return true;
    case Op::FToS:
    case Op::FToU: return float_to_int(v, d);
    default: return vector_fp(v, d);
  }
}

// The operands in registers, kept for the slow path; the result in one of its own.
Compiler::SlowFp Compiler::slow_fp(Value v, const Inst& d) {
  SlowFp s;
  s.op = v;
  for (unsigned n = 0; n < d.arg_count(); ++n)
    s.arg[n] = ir::is_int(type_of(d.args[n])) ? use_clean(d.args[n]) : use(d.args[n]);
  s.to = alloc(class_of(d.result_type()));
  return s;
}

void Compiler::finish_fp(Value v, const Inst& d, SlowFp& s) {
  s.resume = e_.here();
  slow_fp_.push_back(s);
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
  bind(v, s.to);
  values_[v].clean = false;
}

// Leaves for the slow path when the result is NaN, or may have been tiny before rounding.
void Compiler::check_scalar(u8 r, Type t, Check check, SlowFp& s) {
  const x86::Xmm x = x86::xmm(r);
  if (check == Check::Nan) {
    if (t == Type::F64)
      e_.as.vucomisd(x, x);
    else
      e_.as.vucomiss(x, x);
    s.jump[0] = e_.jcc(Cond::P);
    return;
  }
  const bool w = t == Type::F64;
  const u8 t1 = alloc_temp(kXmm), t2 = alloc_temp(kXmm);
  pool_load(t1, kMagnitude[w], 0);
  v3(I::kIdVandps, t1, t1, r);
  pool_load(t2, kMinNormal[w], 0);
  if (w)
    e_.as.vucomisd(x86::xmm(t1), x86::xmm(t2));
  else
    e_.as.vucomiss(x86::xmm(t1), x86::xmm(t2));
  s.jump[0] = e_.jcc(Cond::E);  // also when unordered
}

void Compiler::scalar(Value v, const Inst& d, u32 id, Check check) {
  SlowFp s = slow_fp(v, d);
  switch (d.op) {
    case Op::FMadd:
      move(kXmm, s.to, s.arg[0]);
      v3(id, s.to, s.arg[1], s.arg[2]);
      break;
    case Op::FSqrt:
    case Op::FCvt: v3(id, s.to, s.arg[0], s.arg[0]); break;
    default: v3(id, s.to, s.arg[0], s.arg[1]);
  }
  // No register may change hands between the jump to the slow path and where it comes back to.
  const u8 t = d.op == Op::FNMul ? alloc_temp(kXmm) : u8{0};
  check_scalar(s.to, d.type, check, s);
  if (d.op == Op::FNMul) {
    const u64 sign = ~kMagnitude[d.type == Type::F64];
    pool_load(t, sign, 0);
    v3(I::kIdVxorps, s.to, s.to, t);
  }
  finish_fp(v, d, s);
}

// Equal operands are the same bits, or zeroes of either sign: AND is the larger, OR the smaller.
void Compiler::scalar_max_min(Value v, const Inst& d) {
  const bool w = d.type == Type::F64, is_max = d.op == Op::FMax || d.op == Op::FMaxNm;
  SlowFp s = slow_fp(v, d);
  const x86::Xmm a = x86::xmm(s.arg[0]), b = x86::xmm(s.arg[1]);
  if (w)
    e_.as.vucomisd(a, b);
  else
    e_.as.vucomiss(a, b);
  s.jump[0] = e_.jcc(Cond::P);
  const u32 equal = e_.jcc(Cond::E);
  v3(is_max ? (w ? I::kIdVmaxsd : I::kIdVmaxss) : (w ? I::kIdVminsd : I::kIdVminss), s.to, s.arg[0], s.arg[1]);
  const u32 done = e_.jmp();
  e_.bind(equal);
  v3(is_max ? I::kIdVandps : I::kIdVorps, s.to, s.arg[0], s.arg[1]);
  e_.bind(done);
  finish_fp(v, d, s);
}

// ROUNDSS, ROUNDSD immediate of an FpRound: 8 suppresses the inexact flag, which only FRINTX raises. -1: no such
// rounding.
int Compiler::host_rounding(u8 round) {
  switch (static_cast<ir::FpRound>(round)) {
    case ir::FpRound::TieEven: return 8;
    case ir::FpRound::PlusInf: return 2 | 8;
    case ir::FpRound::MinusInf: return 1 | 8;
    case ir::FpRound::Zero: return 3 | 8;
    case ir::FpRound::Current: return 4 | 8;
    case ir::FpRound::CurrentExact: return 4;
    case ir::FpRound::TieAway: break;
  }
  return -1;
}

// FRINTA: truncated, and one away from zero where half or more was cut off. Subtraction and addition are exact below
// 2^23 or 2^52; what is larger, infinite or NaN goes out of line.
bool Compiler::scalar_round_away(Value v, const Inst& d) {
  static constexpr u64 kSign[2] = {0x80000000, u64{1} << 63}, kOne[2] = {0x3f800000, 0x3ff0000000000000};
  static constexpr u64 kHalf[2] = {0x3f000000, 0x3fe0000000000000}, kWhole[2] = {0x4b000000, 0x4330000000000000};
  const bool w = d.type == Type::F64;
  SlowFp s = slow_fp(v, d);
  const u8 x = s.arg[0], t = alloc_temp(kXmm), u = alloc_temp(kXmm), sign = alloc_temp(kXmm);
  pool_load(t, kMagnitude[w], 0);
  v3(I::kIdVandps, t, t, x);
  pool_load(u, kWhole[w], 0);
  if (w)
    e_.as.vucomisd(x86::xmm(u), x86::xmm(t));
  else
    e_.as.vucomiss(x86::xmm(u), x86::xmm(t));
  s.jump[0] = e_.jcc(Cond::BE);  // also when unordered
  pool_load(sign, kSign[w], 0);
  v3(I::kIdVandps, sign, sign, x);
  v3i(w ? I::kIdVroundsd : I::kIdVroundss, s.to, x, x, 3 | 8);
  v3(w ? I::kIdVsubsd : I::kIdVsubss, t, x, s.to);
  pool_load(u, kMagnitude[w], 0);
  v3(I::kIdVandps, t, t, u);
  pool_load(u, kHalf[w], 0);
  v3i(w ? I::kIdVcmpsd : I::kIdVcmpss, t, t, u, 0x15);  // not less
  pool_load(u, kOne[w], 0);
  v3(I::kIdVorps, u, u, sign);
  v3(I::kIdVandps, t, t, u);
  v3(w ? I::kIdVaddsd : I::kIdVaddss, s.to, s.to, t);
  v3(I::kIdVorps, s.to, s.to, sign);  // the sum of zeroes lost it
  finish_fp(v, d, s);
  return true;
}

bool Compiler::scalar_round(Value v, const Inst& d) {
  if (static_cast<ir::FpRound>(d.aux) == ir::FpRound::TieAway) return scalar_round_away(v, d);
  const int imm = host_rounding(d.aux);
  if (imm < 0) return false;
  SlowFp s = slow_fp(v, d);
  v3i(d.type == Type::F64 ? I::kIdVroundsd : I::kIdVroundss, s.to, s.arg[0], s.arg[0], static_cast<unsigned>(imm));
  check_scalar(s.to, d.type, Check::Nan, s);
  finish_fp(v, d, s);
  return true;
}

// FCMP, FCMPE: greater C; equal Z and C; less N; unordered C and V.
void Compiler::scalar_compare(Value v, const Inst& d) {
  const u8 ra = use(d.args[0]), rb = use(d.args[1]);
  const u8 t = alloc_temp(kGpr);
  consume(d.args[0]);
  consume(d.args[1]);
  const u8 to = define(v);
  const bool w = d.type == Type::F64, quiet = d.op == Op::FCmp;
  e_.sse(w ? u8{0x66} : u8{0}, quiet ? 0x2e : 0x2f, ra, rb);
  e_.mov_imm(to, cpu::make_nzcv(false, false, true, false));
  const auto otherwise = [&](Cond c, u32 flags) {
    e_.mov_imm(t, flags);
    e_.cmov(c, false, to, t);
  };
  otherwise(Cond::E, cpu::make_nzcv(false, true, true, false));
  otherwise(Cond::B, cpu::make_nzcv(true, false, false, false));
  otherwise(Cond::P, cpu::make_nzcv(false, false, true, true));
}

// --- Vectors ---

namespace {

ByWidth vector_form(Op op) {
  switch (op) {
    case Op::VFAdd: return {I::kIdVaddps, I::kIdVaddpd};
    case Op::VFSub: return {I::kIdVsubps, I::kIdVsubpd};
    case Op::VFMul: return {I::kIdVmulps, I::kIdVmulpd};
    case Op::VFDiv: return {I::kIdVdivps, I::kIdVdivpd};
    case Op::VFSqrt: return {I::kIdVsqrtps, I::kIdVsqrtpd};
    case Op::VFMla: return {I::kIdVfmadd231ps, I::kIdVfmadd231pd};
    case Op::VFCmpEq:
    case Op::VFCmpGe:
    case Op::VFCmpGt: return {I::kIdVcmpps, I::kIdVcmppd};
    case Op::VFRound: return {I::kIdVroundps, I::kIdVroundpd};
    case Op::VSToF: return {I::kIdVcvtdq2ps, 0};
    default: return {0, 0};
  }
}

}  // namespace

bool Compiler::vector_fp(Value v, const Inst& d) {
  const ByWidth form = vector_form(d.op);
  const bool w = d.lane == 3;
  const u32 id = w ? form.wide : form.single;
  const unsigned bytes = active_bytes(d);
  const bool partial = bytes != 16;
  if (id == 0) return vector_fp_composed(v, d);
  if (d.op == Op::VFMla && !cpu_.fma) return false;
  const int round = d.op == Op::VFRound ? host_rounding(d.aux) : 0;
  if (round < 0) return false;
  SlowFp s = slow_fp(v, d);
  u8 a[3] = {s.arg[0], s.arg[1], s.arg[2]};
  for (unsigned n = 0; partial && n < d.arg_count(); ++n) {
    if (d.op != Op::VFDiv) {
      a[n] = active_lanes(d, s.arg[n]);
      continue;
    }
    a[n] = alloc_temp(kXmm);  // zeroes would raise flags: the active lanes once more
    v3i(I::kIdVshufps, a[n], s.arg[n], s.arg[n], bytes == 8 ? 0x44 : 0x00);
  }
  bool checked = true;
  switch (d.op) {
    case Op::VFSqrt: v2(id, s.to, a[0]); break;
    case Op::VSToF:
      v2(id, s.to, a[0]);
      checked = false;
      break;
    case Op::VFRound: v2i(id, s.to, a[0], static_cast<unsigned>(round)); break;
    case Op::VFMla:
      move(kXmm, s.to, a[0]);
      v3(id, s.to, a[1], a[2]);
      break;
    case Op::VFCmpEq:
    case Op::VFCmpGe:
    case Op::VFCmpGt:  // equal is quiet, the others signal
      v3i(id, s.to, a[0], a[1], d.op == Op::VFCmpEq ? 0x00 : d.op == Op::VFCmpGe ? 0x0d : 0x0e);
      if (partial) clear_inactive(bytes, s.to, s.to);
      checked = false;
      break;
    default: v3(id, s.to, a[0], a[1]);
  }
  if (partial && d.op == Op::VFDiv) clear_inactive(bytes, s.to, s.to);
  const bool tiny = d.op == Op::VFMul || d.op == Op::VFDiv || d.op == Op::VFMla;
  if (checked) check_vector(s.to, w, tiny, s);
  finish_fp(v, d, s);
  return true;
}

void Compiler::check_vector(u8 r, bool w, bool tiny, SlowFp& s) {
  const u8 t = alloc_temp(kXmm);
  const u32 compare = w ? I::kIdVcmppd : I::kIdVcmpps;
  if (tiny) {
    const u8 m = alloc_temp(kXmm);
    pool_load(t, kMagnitude[w], kMagnitude[w]);
    v3(I::kIdVandps, t, t, r);
    pool_load(m, kMinNormal[w], kMinNormal[w]);
    v3i(compare, t, t, m, kEqualOrUnordered);
  } else {
    v3i(compare, t, r, r, kUnordered);
  }
  e_.as.vptest(x86::xmm(t), x86::xmm(t));
  s.jump[0] = e_.jcc(Cond::NE);
}

// The exact function, out of line. All registers but the result's stay.
void Compiler::emit_slow_fp(const SlowFp& s) {
  for (const u32 j : s.jump)
    if (j != 0) e_.bind(j);
  const Inst& d = inst(s.op);
  for (unsigned n = 0; n < d.arg_count(); ++n) {
    const i32 at = arg_slot(1 + static_cast<int>(n));
    const Type t = type_of(d.args[n]);
    if (t == Type::V128) {
      e_.sse_mem(0, 0x29, s.arg[n], {RSP, at});
      continue;
    }
    e_.store_imm(true, {RSP, at}, 0);
    e_.store_imm(true, {RSP, at + 8}, 0);
    if (ir::is_int(t))
      e_.store(true, {RSP, at}, s.arg[n]);
    else if (t == Type::F64)
      e_.sse_mem(0x66, 0xd6, s.arg[n], {RSP, at});
    else
      e_.sse_mem(0xf3, 0x11, s.arg[n], {RSP, at});
  }
  e_.store(true, {RSP, arg_slot(7)}, RAX);
  e_.byte(0x48);  // lea rax, [rip + the op]
  e_.byte(0x8d);
  e_.byte(0x05);
  pool_ref(&d, sizeof(Inst));
  e_.store(true, {RSP, arg_slot(0)}, RAX);
  e_.load(true, RAX, {RSP, arg_slot(7)});
  e_.call_to(stubs_.fallback[1]);
  const MemRef result{RSP, arg_slot(0)};
  switch (d.result_type()) {
    case Type::I32: e_.load(false, s.to, result); break;
    case Type::I64: e_.load(true, s.to, result); break;
    default: e_.sse_mem(0, 0x28, s.to, result);
  }
  const u32 back = e_.jmp();
  e_.bind(back, s.resume);
}

}  // namespace ferry::jit::baseline
