// Lowering of flags, conditions and selections. Packed flags are LAHF and SETO; a subtraction's carry is inverted
// first.
#include "cpu/nzcv.h"
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {
namespace {

constexpr u32 bit_mask(unsigned position) { return 1u << position; }

// Host condition for an Arm one: after a comparison (carry means borrow), and where the host's carry is Arm's.
constexpr Cond kAfterCompare[14] = {Cond::E,  Cond::NE, Cond::AE, Cond::B,  Cond::S, Cond::NS, Cond::O,
                                    Cond::NO, Cond::A,  Cond::BE, Cond::GE, Cond::L, Cond::G,  Cond::LE};

}  // namespace

bool Compiler::lower_flags(Value v, const Inst& d) {
  switch (d.op) {
    case Op::SubNzcv:
    case Op::AddNzcv:
    case Op::LogicNzcv: ++flags_wanted_; [[fallthrough]];
    case Op::CondHolds:
    case Op::Cmp:
      values_[v].where = Where::Lazy;
      values_[v].holds = true;
      return true;
    case Op::AdcNzcv:
    case Op::SbcNzcv:
    case Op::Adc:
    case Op::Sbc: with_carry(v, d); return true;
    case Op::Select: select(v, d); return true;
    case Op::NzcvToArch:
    case Op::NzcvFromArch: arch_flags(v, d); return true;
    default: return false;
  }
}

// Whether the next instruction is the flags of this sum or difference.
bool Compiler::joined_flags(Value v, const Inst& d) const {
  if (v + 1 >= block_->insts.size()) return false;
  const Inst& f = inst(v + 1);
  return f.op == (d.op == Op::Add ? Op::AddNzcv : Op::SubNzcv) && f.type == d.type && f.args[0] == d.args[0] &&
         f.args[1] == d.args[1] && values_[v + 1].uses != 0;
}

void Compiler::materialise(Value v) {
  const Inst& d = inst(v);
  ValueInfo& info = values_[v];
  switch (d.op) {
    case Op::SubNzcv:
    case Op::AddNzcv:
    case Op::LogicNzcv:
      take(RAX);
      host_compare(d);
      if (d.op == Op::SubNzcv) e_.cmc();
      pack_flags();
      bind(v, RAX);  // the operands stay: later conditions compare again, which is cheaper than testing the packed form
      break;
    case Op::CondHolds:
    case Op::Cmp: {
      prepare_condition(v);
      const u8 r = alloc(kGpr);
      const Cond c = d.op == Op::Cmp ? compare(d) : test_flags(d.args[0], d.aux);
      e_.setcc(c, r);
      e_.movzx8(r, r);
      bind(v, r);
      info.holds = false;
      for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
      break;
    }
    case Op::Add:
    case Op::Sub: {
      const Address a = address(v);
      const u8 r = alloc(kGpr);
      e_.lea(true, r, {a.base, a.disp});
      bind(v, r);
      info.holds = false;
      consume(a.held);
      break;
    }
    default: UNREACHABLE("this op is never lazy");
  }
  info.clean = true;
}

void Compiler::pack_flags() {
  e_.lahf();
  e_.setcc(Cond::O, RAX);
  e_.alu_imm(Alu::And, false, RAX, static_cast<i32>(cpu::kNzcvMask));
}

// Host flags of a lazy flag op. SubNzcv: carry means borrow. LogicNzcv: carry and overflow clear.
void Compiler::host_compare(const Inst& d) {
  const bool w = wide(d.type);
  i32 imm = 0;
  const u8 ra = use(d.args[0]);
  if (d.op == Op::LogicNzcv) return e_.test(w, ra, ra);
  const bool has_imm = is_imm32(d.args[1], &imm);
  const u8 rb = has_imm ? u8{0} : use(d.args[1]);
  if (d.op == Op::SubNzcv) {
    if (has_imm)
      e_.alu_imm(Alu::Cmp, w, ra, imm);
    else
      e_.alu(Alu::Cmp, w, ra, rb);
    return;
  }
  const u8 t = alloc_temp(kGpr);
  e_.mov(w, t, ra);
  if (has_imm)
    e_.alu_imm(Alu::Add, w, t, imm);
  else
    e_.alu(Alu::Add, w, t, rb);
}

void Compiler::prepare_condition(Value v) {
  const Inst& d = inst(v);
  i32 imm = 0;
  if (values_[v].where != Where::Lazy) {
    use(v);
    return;
  }
  const Inst* compared = &d;
  if (d.op == Op::CondHolds) {
    const Value f = d.args[0];
    if (!values_[f].holds || values_[f].twin != ir::kNoValue) {
      use(f);
      if (values_[f].holds) use(values_[f].twin);
      return;
    }
    compared = &inst(f);
  }
  for (unsigned n = 0; n < compared->arg_count(); ++n)
    if (n == 0 || !is_imm32(compared->args[n], &imm)) use(compared->args[n]);
}

// Emits a test that leaves the returned host condition true when v is not zero. Nothing may touch the flags between
// this and its use.
Cond Compiler::emit_condition(Value v) {
  const Inst& d = inst(v);
  if (values_[v].where == Where::Lazy && d.op == Op::CondHolds) return test_flags(d.args[0], d.aux);
  if (values_[v].where == Where::Lazy && d.op == Op::Cmp) return compare(d);
  const u8 r = use(v);
  e_.test(false, r, r);
  return Cond::NE;
}

Cond Compiler::test_flags(Value flags, unsigned cond) {
  if (cond >= 14) {  // AL, NV: always
    e_.test(true, RSP, RSP);
    return Cond::NE;
  }
  const Inst& d = inst(flags);
  if (!values_[flags].holds) return test_packed(flags, cond);
  if (values_[flags].twin != ir::kNoValue) {  // made with its result
    const bool of_result = cond / 2 == 0 || cond / 2 == 2;
    if (!of_result) return test_packed(flags, cond);
    const u8 r = use(values_[flags].twin);
    e_.test(wide(d.type), r, r);
    return kAfterCompare[cond];
  }
  host_compare(d);
  if (d.op == Op::SubNzcv) return kAfterCompare[cond];
  switch (cond) {
    case 2: return Cond::B;
    case 3: return Cond::AE;
    case 8:
    case 9: {
      e_.cmc();  // C and not Z: for LogicNzcv C is clear, so never
      return cond == 8 ? Cond::A : Cond::BE;
    }
    default: return kAfterCompare[cond];
  }
}

// The condition from packed flags.
Cond Compiler::test_packed(Value flags, unsigned cond) {
  const u8 r = use(flags);
  const bool inverted = (cond & 1) != 0;
  const auto single = [&](unsigned position) {
    e_.test_imm(false, r, static_cast<i32>(bit_mask(position)));
    return inverted ? Cond::E : Cond::NE;
  };
  switch (cond >> 1) {
    case 0: return single(cpu::kNzcvZ);
    case 1: return single(cpu::kNzcvC);
    case 2: return single(cpu::kNzcvN);
    case 3: return single(cpu::kNzcvV);
    case 4: {  // C and not Z
      const u8 t = alloc_temp(kGpr);
      e_.mov(false, t, r);
      e_.alu_imm(Alu::And, false, t, static_cast<i32>(bit_mask(cpu::kNzcvC) | bit_mask(cpu::kNzcvZ)));
      e_.alu_imm(Alu::Cmp, false, t, static_cast<i32>(bit_mask(cpu::kNzcvC)));
      return inverted ? Cond::NE : Cond::E;
    }
    default: {  // N == V, and for the last pair not Z: shifted by N's place, bit 0 becomes N ^ V while Z stays where it
                // is
      const u8 t = alloc_temp(kGpr);
      e_.mov(false, t, r);
      e_.shift_imm(Shift::Shr, false, t, cpu::kNzcvN);
      e_.alu(Alu::Xor, false, t, r);
      e_.test_imm(false, t, static_cast<i32>(cond >> 1 == 5 ? 1u : 1u | bit_mask(cpu::kNzcvZ)));
      return inverted ? Cond::NE : Cond::E;
    }
  }
}

Cond Compiler::compare(const Inst& d) {
  static constexpr Cond kConds[] = {Cond::E, Cond::NE, Cond::L, Cond::LE, Cond::B, Cond::BE};
  const bool w = wide(inst(d.args[0]).result_type());
  const Cond c = kConds[d.aux];
  i32 imm = 0;
  const bool has_imm = is_imm32(d.args[1], &imm);
  const Inst& left = inst(d.args[0]);
  const u8 ra = use(d.args[0]);
  static_cast<void>(left);
  if (has_imm && imm == 0 && d.aux <= 1) {
    e_.test(w, ra, ra);
  } else if (has_imm) {
    e_.alu_imm(Alu::Cmp, w, ra, imm);
  } else {
    e_.alu(Alu::Cmp, w, ra, use(d.args[1]));
  }
  return c;
}

// ADC, SBC and their flags. The host's borrow is the inverse of Arm's carry.
void Compiler::with_carry(Value v, const Inst& d) {
  const bool w = wide(d.type), flags = d.op == Op::AdcNzcv || d.op == Op::SbcNzcv;
  const bool subtract = d.op == Op::Sbc || d.op == Op::SbcNzcv;
  if (flags) take(RAX);
  const u8 ra = use(d.args[0]), rb = use(d.args[1]), rc = use(d.args[2]);
  u8 to = 0;
  if (flags) to = alloc_temp(kGpr);
  const auto consume_all = [&] {
    for (unsigned n = 0; n < 3; ++n) consume(d.args[n]);
  };
  if (!flags) {
    consume_all();
    to = define(v, ra, (ra == rb ? 0 : mask(rb)) | mask(rc));
  }
  e_.rr0f(0xba, false, 4, rc);  // bt rc, C
  e_.byte(cpu::kNzcvC);
  if (subtract) e_.cmc();
  move(kGpr, to, ra);
  e_.alu(subtract ? Alu::Sbb : Alu::Adc, w, to, rb);
  if (!flags) return;
  if (subtract) e_.cmc();
  pack_flags();
  consume_all();
  bind(v, RAX);
  values_[v].clean = true;
}

void Compiler::select(Value v, const Inst& d) {
  const Value c = d.args[0], a = d.args[1], b = d.args[2];
  u64 one = 0, zero = 0;
  if (is_const(a, &one) && is_const(b, &zero) && one == 1 && zero == 0 && ir::is_int(d.type)) {
    prepare_condition(c);
    consume(a);
    consume(b);
    const u8 to = define(v);
    const Cond cond = emit_condition(c);
    e_.setcc(cond, to);
    e_.movzx8(to, to);
    return consume(c);
  }
  const Class cls = class_of(d.type);
  prepare_condition(c);
  const u8 ra = use(a), rb = use(b);
  consume(a);
  consume(b);
  const u8 to = define(v, rb, 0);
  const bool w = wide(d.type);
  values_[v].clean = false;
  if (cls == kXmm) {
    const bool in_a = to == ra && ra != rb;
    if (!in_a) move(kXmm, to, rb);
    const Cond cond = emit_condition(c);
    const u32 skip = e_.jcc(in_a ? cond : invert(cond));
    move(kXmm, to, in_a ? rb : ra);
    e_.bind(skip);
    return consume(c);
  }
  values_[v].clean = !w;
  if (to == ra && ra != rb) {
    const Cond cond = emit_condition(c);
    e_.cmov(invert(cond), w, to, rb);
  } else {
    if (to != rb) e_.mov(w, to, rb);
    const Cond cond = emit_condition(c);
    e_.cmov(cond, w, to, ra);
  }
  consume(c);
}

// Packed flags to and from bits 31:28. Rare: MRS and MSR NZCV.
void Compiler::arch_flags(Value v, const Inst& d) {
  static constexpr struct {
    unsigned packed, arch;
  } kBits[] = {{cpu::kNzcvN, 31}, {cpu::kNzcvZ, 30}, {cpu::kNzcvC, 29}, {cpu::kNzcvV, 28}};
  const bool to_arch = d.op == Op::NzcvToArch;
  const u8 ra = use(d.args[0]);
  const u8 t = alloc_temp(kGpr), sum = alloc_temp(kGpr);
  e_.mov_imm(sum, 0);
  for (const auto& b : kBits) {
    e_.mov(false, t, ra);
    const unsigned from = to_arch ? b.packed : b.arch, to = to_arch ? b.arch : b.packed;
    if (to > from) e_.shift_imm(Shift::Shl, false, t, to - from);
    if (to < from) e_.shift_imm(Shift::Shr, false, t, from - to);
    e_.alu_imm(Alu::And, false, t, static_cast<i32>(bit_mask(to)));
    e_.alu(Alu::Or, false, sum, t);
  }
  consume(d.args[0]);
  bind(v, sum);
  values_[v].clean = true;
}

}  // namespace ferry::jit::baseline
