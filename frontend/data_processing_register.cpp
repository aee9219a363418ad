// Data Processing -- Register (Arm ARM DDI 0487, C4.1.5).
#include <capstone/arm64.h>

#include "cpu/state.h"
#include "frontend/operands.h"
#include "frontend/pattern.h"
#include "frontend/pauth.h"

namespace ferry::frontend {
namespace {

using ir::Op;
using ir::Type;
using ir::Value;

// UDIV, SDIV, LSLV, LSRV, ASRV, RORV: the shifts take their amount modulo the width, as the IR's do.
template <Op Operation>
void two_sources(Context& c, unsigned sf, unsigned m, unsigned n, unsigned d) {
  const Type t = reg_type(sf);
  c.set_x(d, c.b.binary(Operation, c.x(t, n), c.x(t, m)));
}

// CRC32B, CRC32H, CRC32W, CRC32X, CRC32CB ...
template <cpu::Helper Polynomial, unsigned SizeLog2>
void crc32(Context& c, unsigned m, unsigned n, unsigned d) {
  const Value data = SizeLog2 == 3 ? c.x(Type::I64, m) : c.b.zext_w(c.x(Type::I32, m));
  c.set_x(d, c.b.call(static_cast<u32>(Polynomial), Type::I32, c.x(Type::I32, n), data, c.b.imm32(1u << SizeLog2)));
}

// RBIT, REV16, REV, CLZ, CLS
template <Op Operation>
void one_source(Context& c, unsigned sf, unsigned n, unsigned d) {
  c.set_x(d, c.b.unary(Operation, c.x(reg_type(sf), n)));
}
void rev_word(Context& c, unsigned n, unsigned d) { c.set_x(d, c.b.unary(Op::Rev, c.x(Type::I32, n))); }
void rev_doubleword(Context& c, unsigned n, unsigned d) { c.set_x(d, c.b.unary(Op::Rev, c.x(Type::I64, n))); }
void rev32(Context& c, unsigned n, unsigned d) { c.set_x(d, c.b.unary(Op::Rev32, c.x(Type::I64, n))); }

// AND, BIC, ORR, ORN, EOR, EON, ANDS, BICS (shifted register)
template <Op Logic, bool SetFlags>
void logical_shifted(Context& c, unsigned sf, unsigned shift, unsigned m, unsigned imm6, unsigned n, unsigned d) {
  if (sf == 0 && imm6 >= 32) return c.undefined();
  const Type t = reg_type(sf);
  const Value second = shift_constant(c.b, c.x(t, m), shift, imm6);
  Value result;
  if (Logic == Op::Or && n == 31) {
    result = second;  // MOV (register)
  } else if (Logic == Op::OrNot && n == 31) {
    result = c.b.not_(second);  // MVN
  } else {
    result = c.b.binary(Logic, c.x(t, n), second);
  }
  if constexpr (SetFlags) c.b.set_nzcv(c.b.flags(Op::LogicNzcv, result));
  c.set_x(d, result);
}
// EON (shifted register)
void eon_shifted(Context& c, unsigned sf, unsigned shift, unsigned m, unsigned imm6, unsigned n, unsigned d) {
  if (sf == 0 && imm6 >= 32) return c.undefined();
  const Type t = reg_type(sf);
  c.set_x(d, c.b.xor_(c.x(t, n), c.b.not_(shift_constant(c.b, c.x(t, m), shift, imm6))));
}

// ADD, ADDS, SUB, SUBS (shifted register)
template <Op Arithmetic, bool SetFlags>
void add_sub_shifted(Context& c, unsigned sf, unsigned shift, unsigned m, unsigned imm6, unsigned n, unsigned d) {
  if (shift == 3 || (sf == 0 && imm6 >= 32)) return c.undefined();
  const Type t = reg_type(sf);
  const Value a = c.x(t, n);
  const Value second = shift_constant(c.b, c.x(t, m), shift, imm6);
  const Value result = c.b.binary(Arithmetic, a, second);
  if constexpr (SetFlags) c.b.set_nzcv(c.b.flags(Arithmetic == Op::Add ? Op::AddNzcv : Op::SubNzcv, a, second));
  c.set_x(d, result);
}

// ADD, ADDS, SUB, SUBS (extended register)
template <Op Arithmetic, bool SetFlags>
void add_sub_extended(Context& c, unsigned sf, unsigned m, unsigned option, unsigned imm3, unsigned n, unsigned d) {
  if (imm3 > 4) return c.undefined();
  const Type t = reg_type(sf);
  const Value a = c.x_sp(t, n);
  const Value second = extended_register(c, t, m, option, imm3);
  const Value result = c.b.binary(Arithmetic, a, second);
  if constexpr (SetFlags) {
    c.b.set_nzcv(c.b.flags(Arithmetic == Op::Add ? Op::AddNzcv : Op::SubNzcv, a, second));
    c.set_x(d, result);
  } else {
    if (d == 31) c.sp_aligned = false;
    c.set_x_sp(d, result);
  }
}

// ADC, ADCS, SBC, SBCS
template <Op Arithmetic, bool SetFlags>
void add_sub_carry(Context& c, unsigned sf, unsigned m, unsigned n, unsigned d) {
  const Type t = reg_type(sf);
  const Value flags = c.b.get_nzcv(), a = c.x(t, n), second = c.x(t, m);
  const Value result = c.b.flags(Arithmetic, a, second, flags);
  if constexpr (SetFlags) c.b.set_nzcv(c.b.flags(Arithmetic == Op::Adc ? Op::AdcNzcv : Op::SbcNzcv, a, second, flags));
  c.set_x(d, result);
}

template <Op Flags>
void conditional_compare(Context& c, Type t, Value second, unsigned cond, unsigned n, unsigned nzcv) {
  const Value holds = c.b.cond_holds(cond, c.b.get_nzcv());
  const Value compared = c.b.flags(Flags, c.x(t, n), second);
  c.b.set_nzcv(c.b.select(holds, compared, c.b.imm32(nzcv_immediate(nzcv))));
}
// CCMN (register), CCMP (register)
template <Op Flags>
void conditional_compare_register(Context& c, unsigned sf, unsigned m, unsigned cond, unsigned n, unsigned nzcv) {
  conditional_compare<Flags>(c, reg_type(sf), c.x(reg_type(sf), m), cond, n, nzcv);
}
// CCMN (immediate), CCMP (immediate)
template <Op Flags>
void conditional_compare_immediate(Context& c, unsigned sf, unsigned imm5, unsigned cond, unsigned n, unsigned nzcv) {
  conditional_compare<Flags>(c, reg_type(sf), c.b.constant(reg_type(sf), imm5), cond, n, nzcv);
}

// CSEL
void csel(Context& c, unsigned sf, unsigned m, unsigned cond, unsigned n, unsigned d) {
  const Type t = reg_type(sf);
  const Value holds = c.b.cond_holds(cond, c.b.get_nzcv());
  c.set_x(d, c.b.select(holds, c.x(t, n), c.x(t, m)));
}
// CSINC, CSINV, CSNEG: the second operand is changed when the condition fails.
enum class Change { Increment, Invert, Negate };
template <Change Kind>
void csel_changed(Context& c, unsigned sf, unsigned m, unsigned cond, unsigned n, unsigned d) {
  const Type t = reg_type(sf);
  const Value flags = c.b.get_nzcv();
  const bool inverted = Kind != Change::Negate && n == 31 && m == 31 && cond < 14;
  if (inverted) {  // CSET, CSETM: the condition itself
    const Value holds = c.b.cond_holds(cond ^ 1, flags);
    const Value one = t == Type::I64 ? c.b.zext_w(holds) : holds;
    return c.set_x(d, Kind == Change::Increment ? one : c.b.neg(one));
  }
  const Value second = c.x(t, m);
  Value changed;
  switch (Kind) {
    case Change::Increment: changed = c.b.add_imm(second, 1); break;
    case Change::Invert: changed = c.b.not_(second); break;
    case Change::Negate: changed = c.b.neg(second); break;
  }
  c.set_x(d, c.b.select(c.b.cond_holds(cond, flags), c.x(t, n), changed));
}

// MADD, MSUB
template <Op Arithmetic>
void multiply_add(Context& c, unsigned sf, unsigned m, unsigned a, unsigned n, unsigned d) {
  const Type t = reg_type(sf);
  const Value product = c.b.mul(c.x(t, n), c.x(t, m));
  c.set_x(d, c.b.binary(Arithmetic, c.x(t, a), product));
}
// SMADDL, SMSUBL, UMADDL, UMSUBL
template <Op Arithmetic, bool Signed>
void multiply_add_long(Context& c, unsigned m, unsigned a, unsigned n, unsigned d) {
  const Value wn = c.x(Type::I32, n), wm = c.x(Type::I32, m);
  const Value product = Signed ? c.b.mul(c.b.sext_w(wn), c.b.sext_w(wm)) : c.b.mul(c.b.zext_w(wn), c.b.zext_w(wm));
  c.set_x(d, c.b.binary(Arithmetic, c.x(Type::I64, a), product));
}
// SMULH, UMULH
template <Op Operation>
void multiply_high(Context& c, unsigned m, unsigned n, unsigned d) {
  c.set_x(d, c.b.binary(Operation, c.x(Type::I64, n), c.x(Type::I64, m)));
}

// RMIF
void rotate_into_flags(Context& c, unsigned lsb, unsigned n, unsigned mask) {
  const u64 chosen = u64{mask} << 28;
  const Value bits = c.b.ror(c.x(Type::I64, n), c.b.imm64((lsb + 36) % 64));  // the four bits to 31:28
  const Value kept = c.b.and_imm(nzcv_to_arch(c), ~chosen);
  c.b.set_nzcv(nzcv_from_arch(c, c.b.or_(c.b.and_imm(bits, chosen), kept)));
}
// SETF8, SETF16: N and Z of the low bits, V where the bit above them differs from their sign; C stays.
template <unsigned width>
void evaluate_into_flags(Context& c, unsigned n) {
  const Value x = c.x(Type::I64, n);
  const auto to = [&](Value v, unsigned from, unsigned at) {
    return c.b.and_imm(at > from ? c.b.shl_imm(v, at - from) : c.b.shr_imm(v, from - at), u64{1} << at);
  };
  const Value zero = c.b.cmp(ir::CmpKind::Eq, c.b.and_imm(x, low_mask(width)), c.b.imm64(0));
  const Value overflow = c.b.xor_(x, c.b.shl_imm(x, 1));
  const Value carry = c.b.and_imm(nzcv_to_arch(c), u64{1} << 29);
  const Value n_and_z = c.b.or_(to(x, width - 1, 31), c.b.shl_imm(c.b.zext_w(zero), 30));
  const Value all = c.b.or_(c.b.or_(n_and_z, carry), to(overflow, width, 28));
  c.b.set_nzcv(nzcv_from_arch(c, all));
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // Data-processing (2 source)
    row<"z 0 0 11010110 mmmmm 000010 nnnnn ddddd", two_sources<Op::UDiv>>(ARM64_INS_UDIV, "UDIV"),
    row<"z 0 0 11010110 mmmmm 000011 nnnnn ddddd", two_sources<Op::SDiv>>(ARM64_INS_SDIV, "SDIV"),
    row<"z 0 0 11010110 mmmmm 001000 nnnnn ddddd", two_sources<Op::Shl>>(ARM64_INS_LSL, "LSLV"),
    row<"z 0 0 11010110 mmmmm 001001 nnnnn ddddd", two_sources<Op::Shr>>(ARM64_INS_LSR, "LSRV"),
    row<"z 0 0 11010110 mmmmm 001010 nnnnn ddddd", two_sources<Op::Sar>>(ARM64_INS_ASR, "ASRV"),
    row<"z 0 0 11010110 mmmmm 001011 nnnnn ddddd", two_sources<Op::Ror>>(ARM64_INS_ROR, "RORV"),
    row<"0 0 0 11010110 mmmmm 010000 nnnnn ddddd", crc32<cpu::Helper::crc32, 0>>(ARM64_INS_CRC32B, "CRC32B"),
    row<"0 0 0 11010110 mmmmm 010001 nnnnn ddddd", crc32<cpu::Helper::crc32, 1>>(ARM64_INS_CRC32H, "CRC32H"),
    row<"0 0 0 11010110 mmmmm 010010 nnnnn ddddd", crc32<cpu::Helper::crc32, 2>>(ARM64_INS_CRC32W, "CRC32W"),
    row<"1 0 0 11010110 mmmmm 010011 nnnnn ddddd", crc32<cpu::Helper::crc32, 3>>(ARM64_INS_CRC32X, "CRC32X"),
    row<"0 0 0 11010110 mmmmm 010100 nnnnn ddddd", crc32<cpu::Helper::crc32c, 0>>(ARM64_INS_CRC32CB, "CRC32CB"),
    row<"0 0 0 11010110 mmmmm 010101 nnnnn ddddd", crc32<cpu::Helper::crc32c, 1>>(ARM64_INS_CRC32CH, "CRC32CH"),
    row<"0 0 0 11010110 mmmmm 010110 nnnnn ddddd", crc32<cpu::Helper::crc32c, 2>>(ARM64_INS_CRC32CW, "CRC32CW"),
    row<"1 0 0 11010110 mmmmm 010111 nnnnn ddddd", crc32<cpu::Helper::crc32c, 3>>(ARM64_INS_CRC32CX, "CRC32CX"),
    // FEAT_MTE: SUBP, SUBPS, IRG, GMI FEAT_CSSC: SMAX, SMIN, UMAX, UMIN (register)
    // Data-processing (1 source)
    row<"z 1 0 11010110 00000 000000 nnnnn ddddd", one_source<Op::Rbit>>(ARM64_INS_RBIT, "RBIT"),
    row<"z 1 0 11010110 00000 000001 nnnnn ddddd", one_source<Op::Rev16>>(ARM64_INS_REV16, "REV16"),
    row<"0 1 0 11010110 00000 000010 nnnnn ddddd", rev_word>(ARM64_INS_REV, "REV"),
    row<"1 1 0 11010110 00000 000010 nnnnn ddddd", rev32>(ARM64_INS_REV32, "REV32"),
    row<"1 1 0 11010110 00000 000011 nnnnn ddddd", rev_doubleword>(ARM64_INS_REV, "REV"),
    row<"z 1 0 11010110 00000 000100 nnnnn ddddd", one_source<Op::Clz>>(ARM64_INS_CLZ, "CLZ"),
    row<"z 1 0 11010110 00000 000101 nnnnn ddddd", one_source<Op::Cls>>(ARM64_INS_CLS, "CLS"),
    // FEAT_PAuth: pauth.cpp      FEAT_CSSC: CTZ, CNT, ABS
    // Logical (shifted register)
    row<"z 00 01010 hh 0 mmmmm iiiiii nnnnn ddddd", logical_shifted<Op::And, false>>(ARM64_INS_AND, "AND (shifted register)"),
    row<"z 00 01010 hh 1 mmmmm iiiiii nnnnn ddddd", logical_shifted<Op::AndNot, false>>(ARM64_INS_BIC, "BIC (shifted register)"),
    row<"z 01 01010 hh 0 mmmmm iiiiii nnnnn ddddd", logical_shifted<Op::Or, false>>(ARM64_INS_ORR, "ORR (shifted register)"),
    row<"z 01 01010 hh 1 mmmmm iiiiii nnnnn ddddd", logical_shifted<Op::OrNot, false>>(ARM64_INS_ORN, "ORN (shifted register)"),
    row<"z 10 01010 hh 0 mmmmm iiiiii nnnnn ddddd", logical_shifted<Op::Xor, false>>(ARM64_INS_EOR, "EOR (shifted register)"),
    row<"z 10 01010 hh 1 mmmmm iiiiii nnnnn ddddd", eon_shifted>(ARM64_INS_EON, "EON (shifted register)"),
    row<"z 11 01010 hh 0 mmmmm iiiiii nnnnn ddddd", logical_shifted<Op::And, true>>(ARM64_INS_AND, "ANDS (shifted register)"),
    row<"z 11 01010 hh 1 mmmmm iiiiii nnnnn ddddd", logical_shifted<Op::AndNot, true>>(ARM64_INS_BIC, "BICS (shifted register)"),
    // Add/subtract (shifted register)
    row<"z 0 0 01011 hh 0 mmmmm iiiiii nnnnn ddddd", add_sub_shifted<Op::Add, false>>(ARM64_INS_ADD, "ADD (shifted register)"),
    row<"z 0 1 01011 hh 0 mmmmm iiiiii nnnnn ddddd", add_sub_shifted<Op::Add, true>>(ARM64_INS_ADD, "ADDS (shifted register)"),
    row<"z 1 0 01011 hh 0 mmmmm iiiiii nnnnn ddddd", add_sub_shifted<Op::Sub, false>>(ARM64_INS_SUB, "SUB (shifted register)"),
    row<"z 1 1 01011 hh 0 mmmmm iiiiii nnnnn ddddd", add_sub_shifted<Op::Sub, true>>(ARM64_INS_SUB, "SUBS (shifted register)"),
    // Add/subtract (extended register)
    row<"z 0 0 01011 00 1 mmmmm ooo iii nnnnn ddddd", add_sub_extended<Op::Add, false>>(ARM64_INS_ADD, "ADD (extended register)"),
    row<"z 0 1 01011 00 1 mmmmm ooo iii nnnnn ddddd", add_sub_extended<Op::Add, true>>(ARM64_INS_ADD, "ADDS (extended register)"),
    row<"z 1 0 01011 00 1 mmmmm ooo iii nnnnn ddddd", add_sub_extended<Op::Sub, false>>(ARM64_INS_SUB, "SUB (extended register)"),
    row<"z 1 1 01011 00 1 mmmmm ooo iii nnnnn ddddd", add_sub_extended<Op::Sub, true>>(ARM64_INS_SUB, "SUBS (extended register)"),
    // Add/subtract (with carry)
    row<"z 0 0 11010000 mmmmm 000000 nnnnn ddddd", add_sub_carry<Op::Adc, false>>(ARM64_INS_ADC, "ADC"),
    row<"z 0 1 11010000 mmmmm 000000 nnnnn ddddd", add_sub_carry<Op::Adc, true>>(ARM64_INS_ADC, "ADCS"),
    row<"z 1 0 11010000 mmmmm 000000 nnnnn ddddd", add_sub_carry<Op::Sbc, false>>(ARM64_INS_SBC, "SBC"),
    row<"z 1 1 11010000 mmmmm 000000 nnnnn ddddd", add_sub_carry<Op::Sbc, true>>(ARM64_INS_SBC, "SBCS"),
    // Rotate right into flags; evaluate into flags
    row<"1 0 1 11010000 iiiiii 00001 nnnnn 0 mmmm", rotate_into_flags, cpu::Feature::FlagM>("RMIF"),
    row<"0 0 1 11010000 000000 0 0010 nnnnn 0 1101", evaluate_into_flags<8>, cpu::Feature::FlagM>("SETF8"),
    row<"0 0 1 11010000 000000 1 0010 nnnnn 0 1101", evaluate_into_flags<16>, cpu::Feature::FlagM>("SETF16"),
    // Conditional compare
    row<"z 0 1 11010010 mmmmm cccc 0 0 nnnnn 0 ffff", conditional_compare_register<Op::AddNzcv>>(ARM64_INS_CCMN, "CCMN (register)"),
    row<"z 1 1 11010010 mmmmm cccc 0 0 nnnnn 0 ffff", conditional_compare_register<Op::SubNzcv>>(ARM64_INS_CCMP, "CCMP (register)"),
    row<"z 0 1 11010010 iiiii cccc 1 0 nnnnn 0 ffff", conditional_compare_immediate<Op::AddNzcv>>(ARM64_INS_CCMN, "CCMN (immediate)"),
    row<"z 1 1 11010010 iiiii cccc 1 0 nnnnn 0 ffff", conditional_compare_immediate<Op::SubNzcv>>(ARM64_INS_CCMP, "CCMP (immediate)"),
    // Conditional select
    row<"z 0 0 11010100 mmmmm cccc 00 nnnnn ddddd", csel>(ARM64_INS_CSEL, "CSEL"),
    row<"z 0 0 11010100 mmmmm cccc 01 nnnnn ddddd", csel_changed<Change::Increment>>(ARM64_INS_CSINC, "CSINC"),
    row<"z 1 0 11010100 mmmmm cccc 00 nnnnn ddddd", csel_changed<Change::Invert>>(ARM64_INS_CSINV, "CSINV"),
    row<"z 1 0 11010100 mmmmm cccc 01 nnnnn ddddd", csel_changed<Change::Negate>>(ARM64_INS_CSNEG, "CSNEG"),
    // Data-processing (3 source)
    row<"z 00 11011 000 mmmmm 0 aaaaa nnnnn ddddd", multiply_add<Op::Add>>(ARM64_INS_MADD, "MADD"),
    row<"z 00 11011 000 mmmmm 1 aaaaa nnnnn ddddd", multiply_add<Op::Sub>>(ARM64_INS_MSUB, "MSUB"),
    row<"1 00 11011 001 mmmmm 0 aaaaa nnnnn ddddd", multiply_add_long<Op::Add, true>>(ARM64_INS_SMADDL, "SMADDL"),
    row<"1 00 11011 001 mmmmm 1 aaaaa nnnnn ddddd", multiply_add_long<Op::Sub, true>>(ARM64_INS_SMSUBL, "SMSUBL"),
    row<"1 00 11011 010 mmmmm 0 ----- nnnnn ddddd", multiply_high<Op::SMulH>>(ARM64_INS_SMULH, "SMULH"),
    row<"1 00 11011 101 mmmmm 0 aaaaa nnnnn ddddd", multiply_add_long<Op::Add, false>>(ARM64_INS_UMADDL, "UMADDL"),
    row<"1 00 11011 101 mmmmm 1 aaaaa nnnnn ddddd", multiply_add_long<Op::Sub, false>>(ARM64_INS_UMSUBL, "UMSUBL"),
    row<"1 00 11011 110 mmmmm 0 ----- nnnnn ddddd", multiply_high<Op::UMulH>>(ARM64_INS_UMULH, "UMULH"),
};
// clang-format on

}  // namespace

std::span<const Row> data_processing_register_rows() { return kRows; }

EmitFn find_data_processing_register(unsigned id, u32 word) {
  const EmitFn plain = find_emit(kRows, id, word);
  return plain != nullptr ? plain : find_emit(pauth_rows(), id, word);
}

}  // namespace ferry::frontend
