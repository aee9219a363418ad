// Lowering of the integer ops that move and count bits.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

namespace x86 = asmjit::x86;

void Compiler::shift(Value v, const Inst& d, Shift op) {
  const bool w = wide(d.type);
  u64 amount = 0;
  if (is_const(d.args[1], &amount)) {
    amount &= w ? 63 : 31;
    if (folds_into_add(v, d, amount)) {
      values_[v].where = Where::Lazy;
      values_[v].holds = true;
      return;
    }
    const u8 ra = use(d.args[0]);
    consume(d.args[0]);
    consume(d.args[1]);
    const u8 to = define(v, ra);
    if (op == Shift::Ror && to != ra && cpu_.bmi2) {
      e_.as.rorx(gp(w, to), gp(w, ra), static_cast<u32>(amount));
      return;
    }
    if (to != ra) e_.mov(w, to, ra);
    if (amount == 0 && to == ra && !w) return e_.mov(false, to, to);  // upper half zero
    if (amount != 0) e_.shift_imm(op, w, to, static_cast<unsigned>(amount));
    return;
  }
  if (cpu_.bmi2 && op != Shift::Ror) {
    const u8 ra = use(d.args[0]), rb = use(d.args[1]);
    consume(d.args[0]);
    consume(d.args[1]);
    const u8 to = define(v, ra, 0, rb);
    const x86::Gp t = gp(w, to), a = gp(w, ra), b = gp(w, rb);
    if (op == Shift::Shl) e_.as.shlx(t, a, b);
    if (op == Shift::Shr) e_.as.shrx(t, a, b);
    if (op == Shift::Sar) e_.as.sarx(t, a, b);
    return;
  }
  take(RCX);
  const u8 ra = use(d.args[0]), rb = use(d.args[1]);
  e_.mov(false, RCX, rb);
  consume(d.args[0]);
  consume(d.args[1]);
  const u8 to = define(v, ra, mask(RCX));
  e_.mov(w, to, ra);
  e_.shift_cl(op, w, to);
}

// Low half of (a:b) >> imm.
void Compiler::extract(Value v, const Inst& d) {
  const bool w = wide(d.type);
  const u8 ra = use(d.args[0]), rb = use(d.args[1]);
  consume(d.args[0]);
  consume(d.args[1]);
  const u8 to = define(v, rb, ra == rb ? 0 : mask(ra));
  e_.mov(w, to, rb);
  if (d.imm == 0) return;
  if (ra == rb && to == ra) return e_.shift_imm(Shift::Ror, w, to, static_cast<unsigned>(d.imm));
  e_.rr0f(0xac, w, ra, to);  // shrd
  e_.byte(static_cast<unsigned>(d.imm));
}

void Compiler::unary(Value v, const Inst& d) {
  const u8 ra = use(d.args[0]);
  consume(d.args[0]);
  const u8 to = define(v, ra);
  move(kGpr, to, ra);
  if (d.op == Op::Not)
    e_.not_(wide(d.type), to);
  else
    e_.neg(wide(d.type), to);
}

void Compiler::reverse(Value v, const Inst& d) {
  const bool w = wide(d.type);
  const u8 ra = use(d.args[0]);
  consume(d.args[0]);
  const u8 to = define(v, ra);
  move(kGpr, to, ra);
  if (d.op == Op::Rev || d.op == Op::Rev32) {
    const unsigned rex = (w ? 8u : 0u) | (to >> 3);
    if (rex != 0) e_.byte(0x40 | rex);
    e_.byte(0x0f);
    e_.byte(0xc8u | (to & 7u));
    if (d.op == Op::Rev32) e_.shift_imm(Shift::Ror, true, to, 32);
    return;
  }
  const u8 t = alloc_temp(kGpr), m = alloc_temp(kGpr);
  e_.mov(w, t, to);
  e_.mov_imm(m, w ? 0x00ff00ff00ff00ff : 0x00ff00ff);
  e_.shift_imm(Shift::Shr, w, t, 8);
  e_.alu(Alu::And, w, t, m);
  e_.alu(Alu::And, w, to, m);
  e_.shift_imm(Shift::Shl, w, to, 8);
  e_.alu(Alu::Or, w, to, t);
}

void Compiler::count_zeros(Value v, const Inst& d) {
  const bool w = wide(d.type);
  const u8 ra = use(d.args[0]);
  const u8 t = d.op == Op::Cls ? alloc_temp(kGpr) : ra;
  consume(d.args[0]);
  if (d.op == Op::Cls) {  // leading zeros of a ^ (a >> 1 signed), whose top bit is zero, less one
    e_.mov(w, t, ra);
    e_.shift_imm(Shift::Sar, w, t, 1);
    e_.alu(Alu::Xor, w, t, ra);
  }
  const u8 to = define(v, ra);
  e_.as.lzcnt(gp(w, to), gp(w, t));
  if (d.op == Op::Cls) e_.alu_imm(Alu::Sub, false, to, 1);
}

void Compiler::extend(Value v, const Inst& d) {
  const Value a = d.args[0];
  const u8 ra = use(a);
  const bool w = wide(d.type);
  if (d.op == Op::Trunc || (d.op == Op::ZextW && values_[a].clean)) {
    // The same register serves; its upper half is ignored, or zero already.
    bind(v, ra);
    values_[v].clean = false;
    return consume(a);
  }
  consume(a);
  const unsigned from = d.op == Op::ZextW || d.op == Op::SextW ? 32 : static_cast<unsigned>(d.imm);
  const bool is_signed = d.op == Op::SextW || d.op == Op::Sext;
  const u8 to = define(v, ra);
  if (from == 8 || from == 16) {
    const u8 op = static_cast<u8>((is_signed ? 0xbe : 0xb6) + (from == 16 ? 1 : 0));
    // The byte form needs a REX prefix for SIL and the like.
    e_.byte(0x40u | (w && is_signed ? 8u : 0u) | (u32{to} >> 3) << 2 | (u32{ra} >> 3));
    e_.byte(0x0f);
    e_.byte(op);
    e_.byte(0xc0u | (to & 7u) << 3 | (ra & 7u));
  } else if (from == 32) {
    if (is_signed && w)
      e_.rr(0x63, true, to, ra);  // movsxd
    else
      e_.mov(false, to, ra);
  } else if (from >= ir::width(d.type)) {
    e_.mov(w, to, ra);
  } else if (!is_signed && from < 32) {
    move(kGpr, to, ra);
    e_.alu_imm(Alu::And, false, to, static_cast<i32>(low_mask(from)));
  } else {
    const unsigned n = ir::width(d.type) - from;
    e_.mov(w, to, ra);
    e_.shift_imm(Shift::Shl, w, to, n);
    e_.shift_imm(is_signed ? Shift::Sar : Shift::Shr, w, to, n);
  }
}

}  // namespace ferry::jit::baseline
