// Operand forms that several instruction classes share: register types, shifts, extensions.
#pragma once
#include "cpu/nzcv.h"
#include "frontend/insn.h"

namespace ferry::frontend {

// The type of a general register operand by the sf bit.
constexpr ir::Type reg_type(unsigned sf) { return sf != 0 ? ir::Type::I64 : ir::Type::I32; }

// ShiftReg: LSL, LSR, ASR, ROR by a constant below the width.
inline ir::Value shift_constant(ir::Builder& b, ir::Value v, unsigned kind, unsigned amount) {
  if (amount == 0) return v;
  switch (kind & 3) {
    case 0: return b.shl_imm(v, amount);
    case 1: return b.shr_imm(v, amount);
    case 2: return b.sar_imm(v, amount);
    default: return b.ror(v, b.constant(b.type(v), amount));
  }
}

// ExtendReg: Rm extended by option (UXTB, UXTH, UXTW, UXTX, SXTB, SXTH, SXTW, SXTX) to type t, then shifted left by
// 0..4.
inline ir::Value extended_register(Context& c, ir::Type t, unsigned m, unsigned option, unsigned shift) {
  const unsigned length = 8u << (option & 3);
  const bool is_signed = (option & 4) != 0;
  ir::Builder& b = c.b;
  ir::Value v;
  if (length == 32 && t == ir::Type::I64) {
    const ir::Value w = c.x(ir::Type::I32, m);
    v = is_signed ? b.sext_w(w) : b.zext_w(w);
  } else {
    v = c.x(t, m);
    if (length < ir::width(t)) v = is_signed ? b.sext(v, length) : b.zext(v, length);
  }
  return shift == 0 ? v : b.shl_imm(v, shift);
}

// The flags in bits 31:28 of a doubleword, and flag values of them.
inline ir::Value nzcv_to_arch(Context& c) {
  return c.b.emit({.op = ir::Op::NzcvToArch, .type = ir::Type::I64, .args = ir::args(c.b.get_nzcv())});
}
inline ir::Value nzcv_from_arch(Context& c, ir::Value arch) {
  return c.b.emit({.op = ir::Op::NzcvFromArch, .type = ir::Type::I32, .args = ir::args(arch)});
}

// The four-bit nzcv immediate of conditional compares in the layout of flag values.
constexpr u32 nzcv_immediate(unsigned nzcv) { return cpu::nzcv_from_arch(u64{nzcv} << 28); }

}  // namespace ferry::frontend
