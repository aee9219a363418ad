// Data Processing -- Immediate (Arm ARM DDI 0487, C4.1.2): PC-relative addressing, add/subtract, logical, move wide,
// bitfield, extract.
#include <capstone/arm64.h>

#include "frontend/bit_masks.h"
#include "frontend/operands.h"
#include "frontend/pattern.h"

namespace ferry::frontend {
namespace {

using ir::Op;
using ir::Type;
using ir::Value;

// ADR
void adr(Context& c, unsigned immlo, unsigned immhi, unsigned d) {
  c.set_x(d, c.pc_plus(sign_extend(u64{immhi} << 2 | immlo, 21)));
}

// ADRP: relative to the page, so this instruction's offset in it does not matter.
void adrp(Context& c, unsigned immlo, unsigned immhi, unsigned d) {
  const i64 pages = sign_extend(u64{immhi} << 2 | immlo, 21);
  c.set_x(d, c.b.add_imm(c.b.pc_page(), static_cast<u64>(pages) << 12));
}

// ADD (immediate), ADDS (immediate), SUB (immediate), SUBS (immediate)
template <Op Arithmetic, bool SetFlags>
void add_sub_immediate(Context& c, unsigned sf, unsigned shift12, unsigned imm12, unsigned n, unsigned d) {
  const Type t = reg_type(sf);
  const u64 imm = u64{imm12} << (shift12 != 0 ? 12 : 0);
  const Value a = c.x_sp(t, n);
  const Value immediate = c.b.constant(t, imm);
  const Value result = c.b.binary(Arithmetic, a, immediate);
  if constexpr (SetFlags) {
    c.b.set_nzcv(c.b.flags(Arithmetic == Op::Add ? Op::AddNzcv : Op::SubNzcv, a, immediate));
    c.set_x(d, result);
  } else {
    const bool keeps_alignment = n == 31 && imm % 16 == 0 && sf != 0;
    if (d == 31) c.sp_aligned = c.sp_aligned && keeps_alignment;
    c.set_x_sp(d, result);
  }
}

// AND (immediate), ORR (immediate), EOR (immediate), ANDS (immediate)
template <Op Logic, bool SetFlags>
void logical_immediate(Context& c, unsigned sf, unsigned big_n, unsigned immr, unsigned imms, unsigned n, unsigned d) {
  if (sf == 0 && big_n != 0) return c.undefined();
  const Type t = reg_type(sf);
  const auto mask = decode_bit_masks(big_n, imms, immr, ir::width(t));
  if (!mask) return c.undefined();
  const Value result = c.b.binary(Logic, c.x(t, n), c.b.constant(t, *mask));
  if constexpr (SetFlags) {
    c.b.set_nzcv(c.b.flags(Op::LogicNzcv, result));
    c.set_x(d, result);
  } else {
    if (d == 31) c.sp_aligned = false;
    c.set_x_sp(d, result);
  }
}

// MOVN, MOVZ
template <bool Inverted>
void move_wide(Context& c, unsigned sf, unsigned hw, unsigned imm16, unsigned d) {
  if (sf == 0 && hw >= 2) return c.undefined();
  const Type t = reg_type(sf);
  u64 value = u64{imm16} << (16 * hw);
  if (Inverted) value = ~value & low_mask(ir::width(t));
  c.set_x(d, c.b.constant(t, value));
}

// MOVK
void move_keep(Context& c, unsigned sf, unsigned hw, unsigned imm16, unsigned d) {
  if (sf == 0 && hw >= 2) return c.undefined();
  const Type t = reg_type(sf);
  const u64 hole = ~(u64{0xffff} << (16 * hw)) & low_mask(ir::width(t));
  c.set_x(d, c.b.or_(c.b.and_imm(c.x(t, d), hole), c.b.constant(t, u64{imm16} << (16 * hw))));
}

bool bitfield_reserved(unsigned sf, unsigned big_n, unsigned immr, unsigned imms) {
  return big_n != sf || (sf == 0 && (immr >= 32 || imms >= 32));
}

// SBFM
void sbfm(Context& c, unsigned sf, unsigned big_n, unsigned immr, unsigned imms, unsigned n, unsigned d) {
  if (bitfield_reserved(sf, big_n, immr, imms)) return c.undefined();
  const Type t = reg_type(sf);
  const unsigned width = ir::width(t);
  const Value source = c.x(t, n);
  Value result;
  if (imms == width - 1) {
    result = c.b.sar_imm(source, immr);
  } else if (imms >= immr) {
    result = c.b.sext(immr == 0 ? source : c.b.shr_imm(source, immr), imms - immr + 1);
  } else {
    result = c.b.shl_imm(c.b.sext(source, imms + 1), width - immr);
  }
  c.set_x(d, result);
}

// UBFM
void ubfm(Context& c, unsigned sf, unsigned big_n, unsigned immr, unsigned imms, unsigned n, unsigned d) {
  if (bitfield_reserved(sf, big_n, immr, imms)) return c.undefined();
  const Type t = reg_type(sf);
  const unsigned width = ir::width(t);
  const Value source = c.x(t, n);
  Value result;
  if (imms == width - 1) {
    result = c.b.shr_imm(source, immr);
  } else if (imms >= immr) {
    result = c.b.zext(immr == 0 ? source : c.b.shr_imm(source, immr), imms - immr + 1);
  } else if (imms + 1 == immr) {
    result = c.b.shl_imm(source, width - immr);  // LSL: nothing above imms survives the shift
  } else {
    result = c.b.shl_imm(c.b.zext(source, imms + 1), width - immr);
  }
  c.set_x(d, result);
}

// BFM
void bfm(Context& c, unsigned sf, unsigned big_n, unsigned immr, unsigned imms, unsigned n, unsigned d) {
  if (bitfield_reserved(sf, big_n, immr, imms)) return c.undefined();
  const Type t = reg_type(sf);
  const unsigned width = ir::width(t);
  const bool extract = imms >= immr;  // BFXIL, otherwise BFI
  const unsigned length = extract ? imms - immr + 1 : imms + 1;
  const unsigned low = extract ? 0 : width - immr;
  const Value source = c.x(t, n);
  Value field = extract && immr != 0 ? c.b.shr_imm(source, immr) : source;
  field = c.b.zext(field, length);
  if (low != 0) field = c.b.shl_imm(field, low);
  const u64 hole = ~(low_mask(length) << low) & low_mask(width);
  c.set_x(d, c.b.or_(c.b.and_imm(c.x(t, d), hole), field));
}

// EXTR
void extr(Context& c, unsigned sf, unsigned big_n, unsigned m, unsigned imms, unsigned n, unsigned d) {
  if (big_n != sf || (sf == 0 && imms >= 32)) return c.undefined();
  const Type t = reg_type(sf);
  if (n == m) return c.set_x(d, shift_constant(c.b, c.x(t, n), 3, imms));  // ROR (immediate)
  c.set_x(d, imms == 0 ? c.x(t, m) : c.b.binary(Op::Extr, c.x(t, n), c.x(t, m), imms));
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // PC-rel. addressing
    row<"0 ll 10000 hhhhhhhhhhhhhhhhhhh ddddd", adr>(ARM64_INS_ADR, "ADR"),
    row<"1 ll 10000 hhhhhhhhhhhhhhhhhhh ddddd", adrp>(ARM64_INS_ADRP, "ADRP"),
    // Add/subtract (immediate)
    row<"z 0 0 100010 h iiiiiiiiiiii nnnnn ddddd", add_sub_immediate<Op::Add, false>>(ARM64_INS_ADD, "ADD (immediate)"),
    row<"z 0 1 100010 h iiiiiiiiiiii nnnnn ddddd", add_sub_immediate<Op::Add, true>>(ARM64_INS_ADD, "ADDS (immediate)"),
    row<"z 1 0 100010 h iiiiiiiiiiii nnnnn ddddd", add_sub_immediate<Op::Sub, false>>(ARM64_INS_SUB, "SUB (immediate)"),
    row<"z 1 1 100010 h iiiiiiiiiiii nnnnn ddddd", add_sub_immediate<Op::Sub, true>>(ARM64_INS_SUB, "SUBS (immediate)"),
    // Add/subtract (immediate, with tags)
    // FEAT_MTE: row<"1 0 0 100011 0 uuuuuu 00 gggg nnnnn ddddd", addg>(kAnyId, "ADDG"),
    // FEAT_MTE: row<"1 1 0 100011 0 uuuuuu 00 gggg nnnnn ddddd", subg>(kAnyId, "SUBG"),
    // Logical (immediate)
    row<"z 00 100100 N rrrrrr ssssss nnnnn ddddd", logical_immediate<Op::And, false>>(ARM64_INS_AND, "AND (immediate)"),
    row<"z 01 100100 N rrrrrr ssssss nnnnn ddddd", logical_immediate<Op::Or, false>>(ARM64_INS_ORR, "ORR (immediate)"),
    row<"z 10 100100 N rrrrrr ssssss nnnnn ddddd", logical_immediate<Op::Xor, false>>(ARM64_INS_EOR, "EOR (immediate)"),
    row<"z 11 100100 N rrrrrr ssssss nnnnn ddddd", logical_immediate<Op::And, true>>(ARM64_INS_AND, "ANDS (immediate)"),
    // Move wide (immediate)
    row<"z 00 100101 hh iiiiiiiiiiiiiiii ddddd", move_wide<true>>(ARM64_INS_MOVN, "MOVN"),
    row<"z 10 100101 hh iiiiiiiiiiiiiiii ddddd", move_wide<false>>(ARM64_INS_MOVZ, "MOVZ"),
    row<"z 11 100101 hh iiiiiiiiiiiiiiii ddddd", move_keep>(ARM64_INS_MOVK, "MOVK"),
    // Bitfield
    row<"z 00 100110 N rrrrrr ssssss nnnnn ddddd", sbfm>(ARM64_INS_SBFM, "SBFM"),
    row<"z 01 100110 N rrrrrr ssssss nnnnn ddddd", bfm>(ARM64_INS_BFM, "BFM"),
    row<"z 10 100110 N rrrrrr ssssss nnnnn ddddd", ubfm>(ARM64_INS_UBFM, "UBFM"),
    // Extract
    row<"z 00 100111 N 0 mmmmm ssssss nnnnn ddddd", extr>(ARM64_INS_EXTR, "EXTR"),
};
// clang-format on

}  // namespace

std::span<const Row> data_processing_immediate_rows() { return kRows; }

EmitFn find_data_processing_immediate(unsigned id, u32 word) { return find_emit(kRows, id, word); }

}  // namespace ferry::frontend
