// Lowering of the integer ops.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

bool Compiler::lower_int(Value v, const Inst& d) {
  switch (d.op) {
    case Op::Const:
    case Op::VConst: values_[v].where = Where::Const; return true;
    case Op::Add:
    case Op::Sub: add_or_sub(v, d); return true;
    case Op::And: and_or(v, d, Alu::And); return true;
    case Op::Or: and_or(v, d, Alu::Or); return true;
    case Op::Xor: and_or(v, d, Alu::Xor); return true;
    case Op::AndNot: inverted(v, d, Alu::And); return true;
    case Op::OrNot: inverted(v, d, Alu::Or); return true;
    case Op::Mul: multiply(v, d); return true;
    case Op::UMulH: multiply_high(v, d, false); return true;
    case Op::SMulH: multiply_high(v, d, true); return true;
    case Op::UDiv: divide(v, d, false); return true;
    case Op::SDiv: divide(v, d, true); return true;
    case Op::Shl: shift(v, d, Shift::Shl); return true;
    case Op::Shr: shift(v, d, Shift::Shr); return true;
    case Op::Sar: shift(v, d, Shift::Sar); return true;
    case Op::Ror: shift(v, d, Shift::Ror); return true;
    case Op::Extr: extract(v, d); return true;
    case Op::Not:
    case Op::Neg: unary(v, d); return true;
    case Op::Rev:
    case Op::Rev16:
    case Op::Rev32: reverse(v, d); return true;
    case Op::Clz:
    case Op::Cls:
      if (!cpu_.lzcnt) return false;
      count_zeros(v, d);
      return true;
    case Op::Sext:
    case Op::Zext:
    case Op::Trunc:
    case Op::ZextW:
    case Op::SextW: extend(v, d); return true;
    default: return false;
  }
}

// dst = a op b with b in a register or an immediate.
void Compiler::binary(Value v, const Inst& d, Alu op, bool commutes) {
  Value a = d.args[0], b = d.args[1];
  if (commutes && is_const(a)) std::swap(a, b);
  const bool w = wide(d.type);
  i32 imm = 0;
  const u8 ra = use(a);
  if (is_imm32(b, &imm)) {
    consume(a);
    consume(b);
    const u8 to = define(v, ra);
    move(kGpr, to, ra);
    return e_.alu_imm(op, w, to, imm);
  }
  const u8 rb = use(b);
  consume(a);
  consume(b);
  const u8 to = define(v, ra, commutes || ra == rb ? 0 : mask(rb), commutes ? rb : -1);
  if (to == rb && ra != rb) return e_.alu(op, w, to, ra);  // commutes
  move(kGpr, to, ra);
  e_.alu(op, w, to, rb);
}

void Compiler::add_or_sub(Value v, const Inst& d) {
  Value a = d.args[0], b = d.args[1];
  const bool w = wide(d.type), is_add = d.op == Op::Add;
  i32 imm = 0;
  if (joined_flags(v, d)) return add_with_flags(v, d);
  if (is_add && scaled_add(v, d)) return;
  if (is_add && is_const(a)) std::swap(a, b);
  const bool has_imm = is_imm32(b, &imm) && (is_add || imm != INT32_MIN);
  ValueInfo& info = values_[v];
  if (has_imm && w && info.uses == info.address_uses && imm > -(1 << 20) && imm < (1 << 20)) {
    info.where = Where::Lazy;  // folded into the accesses
    info.holds = true;
    info.holds_second = a != d.args[0];
    consume(b);
    return;
  }
  if (!has_imm && !is_add) return binary(v, d, Alu::Sub, false);
  const u8 ra = use(a);
  const u8 rb = has_imm ? u8{0xff} : use(b);
  consume(a);
  consume(b);
  const u8 to = define(v, ra, 0, has_imm ? -1 : rb);
  if (has_imm) {
    if (to == ra)
      e_.alu_imm(is_add ? Alu::Add : Alu::Sub, w, to, imm);
    else
      e_.lea(w, to, {ra, is_add ? imm : -imm});
  } else if (to == ra || to == rb) {
    e_.alu(Alu::Add, w, to, to == ra ? rb : ra);
  } else {
    e_.lea(w, to, {ra, 0, rb, 0});
  }
}

// A shift left by 1 to 3 whose only use is the sum that follows.
bool Compiler::folds_into_add(Value v, const Inst& d, u64 amount) const {
  if (d.op != Op::Shl || amount == 0 || amount > 3 || values_[v].uses != 1 || v + 1 >= block_->insts.size())
    return false;
  const Inst& next = inst(v + 1);
  return next.op == Op::Add && next.type == d.type && next.args[0] != next.args[1] &&
         (next.args[0] == v || next.args[1] == v) && values_[v + 1].uses != 0 &&
         !is_const(next.args[next.args[0] == v ? 1 : 0]) && !joined_flags(v + 1, next);
}

// a + (b << n) in one LEA.
bool Compiler::scaled_add(Value v, const Inst& d) {
  Value a = d.args[0], b = d.args[1];
  const auto is_scaled = [&](Value x) { return values_[x].where == Where::Lazy && inst(x).op == Op::Shl; };
  if (is_scaled(a)) std::swap(a, b);
  if (!is_scaled(b)) return false;
  const Value index = inst(b).args[0];
  const u8 scale = static_cast<u8>(inst(inst(b).args[1]).imm);
  const u8 ra = use(a), ri = use(index);
  consume(a);
  consume(b);
  const u8 to = define(v, ra, 0, ri);
  e_.lea(wide(d.type), to, {ra, 0, ri, scale});
  return true;
}

// Sum or difference and its packed flags from one host instruction.
void Compiler::add_with_flags(Value v, const Inst& d) {
  const Value flags = v + 1;
  const bool w = wide(d.type), is_add = d.op == Op::Add;
  i32 imm = 0;
  take(RAX);
  const u8 ra = use(d.args[0]);
  const bool has_imm = is_imm32(d.args[1], &imm);
  const u8 rb = has_imm ? u8{0xff} : use(d.args[1]);
  consume(d.args[0]);
  consume(d.args[1]);
  consume(d.args[0]);
  consume(d.args[1]);
  const u8 to = define(v, ra, mask(RAX) | (has_imm || ra == rb ? 0 : mask(rb)));
  move(kGpr, to, ra);
  const Alu op = is_add ? Alu::Add : Alu::Sub;
  if (has_imm)
    e_.alu_imm(op, w, to, imm);
  else
    e_.alu(op, w, to, rb);
  if (!is_add) e_.cmc();
  pack_flags();
  bind(flags, RAX);
  values_[flags].clean = true;
  values_[flags].holds = true;  // the result: tests of N and Z use it
  values_[flags].twin = v;
  ++values_[v].uses;
}

void Compiler::and_or(Value v, const Inst& d, Alu op) {
  Value a = d.args[0], b = d.args[1];
  if (is_const(a)) std::swap(a, b);
  u64 bits = 0;
  // A mask that fits 32 bits unsigned: the 32-bit form clears the rest.
  if (op == Alu::And && d.type == Type::I64 && is_const(b, &bits) && bits <= 0xffffffff && bits > 0x7fffffff) {
    const u8 ra = use(a);
    consume(a);
    consume(b);
    const u8 to = define(v, ra);
    if (bits == 0xffffffff) return e_.mov(false, to, ra);
    move(kGpr, to, ra);
    return e_.alu_imm(Alu::And, false, to, static_cast<i32>(static_cast<u32>(bits)));
  }
  binary(v, d, op, true);
}

// a & ~b, a | ~b
void Compiler::inverted(Value v, const Inst& d, Alu op) {
  const bool w = wide(d.type);
  const u8 ra = use(d.args[0]), rb = use(d.args[1]);
  const bool andn = op == Alu::And && cpu_.bmi;
  const u8 t = andn ? rb : alloc_temp(kGpr);
  if (!andn) {
    e_.mov(w, t, rb);
    e_.not_(w, t);
  }
  consume(d.args[0]);
  consume(d.args[1]);
  const u8 to = define(v, ra, andn ? 0 : mask(t));
  if (andn) {
    e_.as.andn(gp(w, to), gp(w, rb), gp(w, ra));
  } else {
    move(kGpr, to, ra);
    e_.alu(op, w, to, t);
  }
}

void Compiler::multiply(Value v, const Inst& d) {
  const bool w = wide(d.type);
  Value a = d.args[0], b = d.args[1];
  if (is_const(a)) std::swap(a, b);
  i32 imm = 0;
  const u8 ra = use(a);
  if (is_imm32(b, &imm)) {
    consume(a);
    consume(b);
    const u8 to = define(v, ra);
    e_.rr(0x69, w, to, ra);
    return e_.word32(static_cast<u32>(imm));
  }
  const u8 rb = use(b);
  consume(a);
  consume(b);
  const u8 to = define(v, ra, 0, rb);
  if (to == rb) return e_.rr0f(0xaf, w, to, ra);
  move(kGpr, to, ra);
  e_.rr0f(0xaf, w, to, rb);
}

void Compiler::multiply_high(Value v, const Inst& d, bool is_signed) {
  take(RAX);
  take(RDX);
  const u8 ra = use(d.args[0]), rb = use(d.args[1]);
  e_.mov(true, RAX, ra);
  e_.rr(0xf7, true, is_signed ? 5 : 4, rb);
  consume(d.args[0]);
  consume(d.args[1]);
  bind(v, RDX);
}

// Division by zero gives zero, MIN / -1 gives MIN.
void Compiler::divide(Value v, const Inst& d, bool is_signed) {
  const bool w = wide(d.type);
  take(RAX);
  take(RDX);
  const u8 ra = use(d.args[0]), rb = use(d.args[1]);
  u32 negated = 0, done = 0;
  e_.alu(Alu::Xor, false, RAX, RAX);
  e_.test(w, rb, rb);
  const u32 zero = e_.jcc(Cond::E);
  e_.mov(w, RAX, ra);
  if (is_signed) {
    e_.alu_imm(Alu::Cmp, w, rb, -1);
    negated = e_.jcc(Cond::E);
    if (w) e_.byte(0x48);
    e_.byte(0x99);  // cdq, cqo
    e_.rr(0xf7, w, 7, rb);
    done = e_.jmp();
    e_.bind(negated);
    e_.neg(w, RAX);
    e_.bind(done);
  } else {
    e_.alu(Alu::Xor, false, RDX, RDX);
    e_.rr(0xf7, w, 6, rb);
  }
  e_.bind(zero);
  consume(d.args[0]);
  consume(d.args[1]);
  bind(v, RAX);
  values_[v].clean = true;
}

}  // namespace ferry::jit::baseline
