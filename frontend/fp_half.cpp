// Data Processing -- Scalar Floating-Point in half precision, ptype 11 (Arm ARM DDI 0487, C4.1.6; FEAT_FP16). The exact
// functions do the arithmetic (cpu/helpers_half.cpp).
#include "cpu/half_form.h"
#include "frontend/operands.h"
#include "frontend/simd.h"

namespace ferry::frontend {
namespace {

using cpu::Feature, cpu::HalfOp, cpu::HalfRound, cpu::Helper;
using ir::Op;
using ir::Type;
using ir::Value;

// Hn as an integer of 16 bits; Hd := the low 16 bits of an I32, which has nothing above them.
Value get_h(Context& c, unsigned n) { return c.b.zext(c.b.convert(Op::FBits, Type::I32, c.b.get_f(Type::F32, n)), 16); }
void set_h(Context& c, unsigned d, Value v) { c.b.set_f(d, c.b.convert(Op::FFromBits, Type::F32, v)); }

// --- Conversion between floating-point and integer or fixed-point

Value to_int(Context& c, unsigned sf, unsigned fbits, bool is_unsigned, HalfRound round, unsigned n) {
  const u32 form = cpu::half_int_form(fbits, sf != 0 ? 64 : 32, is_unsigned, round);
  const Value r = c.b.call(static_cast<u32>(Helper::half_to_int), Type::I64, get_h(c, n), c.b.imm64(form));
  return sf != 0 ? r : c.b.trunc(r);
}
Value from_int(Context& c, unsigned sf, unsigned fbits, bool is_unsigned, unsigned n) {
  const u32 form = cpu::half_int_form(fbits, sf != 0 ? 64 : 32, is_unsigned, HalfRound::Current);
  const Value x = c.b.zext_w(c.x(reg_type(sf), n));
  return c.b.call(static_cast<u32>(Helper::half_from_int), Type::I32, x, c.b.imm64(form));
}
template <bool is_unsigned, HalfRound round>
void to_integer(Context& c, unsigned sf, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.set_x(d, to_int(c, sf, 0, is_unsigned, round, n));
}
template <bool is_unsigned>
void from_integer(Context& c, unsigned sf, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_h(c, d, from_int(c, sf, 0, is_unsigned, n));
}
template <bool is_unsigned>
void to_fixed(Context& c, unsigned sf, unsigned scale, unsigned n, unsigned d) {
  if (sf == 0 && scale < 32) return c.undefined();
  if (fp_enabled(c)) c.set_x(d, to_int(c, sf, 64 - scale, is_unsigned, HalfRound::Zero, n));
}
template <bool is_unsigned>
void from_fixed(Context& c, unsigned sf, unsigned scale, unsigned n, unsigned d) {
  if (sf == 0 && scale < 32) return c.undefined();
  if (fp_enabled(c)) set_h(c, d, from_int(c, sf, 64 - scale, is_unsigned, n));
}
// FMOV (general)
void move_to_general(Context& c, unsigned, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.set_x(d, get_h(c, n));
}
void move_from_general(Context& c, unsigned, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_h(c, d, c.b.zext(c.x(Type::I32, n), 16));
}

// --- Moves, sign

void move(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_h(c, d, get_h(c, n));
}
void absolute(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_h(c, d, c.b.and_imm(get_h(c, n), 0x7fff));
}
void negate(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_h(c, d, c.b.xor_(get_h(c, n), c.b.imm32(0x8000)));
}
void move_immediate(Context& c, unsigned imm8, unsigned d) {
  if (fp_enabled(c)) set_h(c, d, c.b.imm32(static_cast<u32>(expand_fp_immediate(imm8, 16))));
}

// --- Arithmetic

Value lane(Context& c, HalfOp op, HalfRound round, Value a, Value b = ir::kNoValue, Value m = ir::kNoValue) {
  return call_simd(c, Helper::half_lanes, cpu::half_form(op, 1, round), a, b, m);
}
template <HalfOp op, HalfRound round = HalfRound::Current>
void one_source(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, lane(c, op, round, c.b.get_v(n)));
}
template <HalfOp op>
void two_sources(Context& c, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, lane(c, op, HalfRound::Current, c.b.get_v(n), c.b.get_v(m)));
}
template <bool negate_addend, bool negate_product>
void multiply_add(Context& c, unsigned m, unsigned a, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value sign = c.b.vconst(0x8000);
  Value addend = c.b.get_v(a), x = c.b.get_v(n);
  if (negate_addend) addend = c.b.vec(Op::VXor, 0, addend, sign);
  if (negate_product) x = c.b.vec(Op::VXor, 0, x, sign);
  c.b.set_v(d, lane(c, HalfOp::MulAdd, HalfRound::Current, addend, x, c.b.get_v(m)));
}

// --- Compare and select

Value compare_flags(Context& c, Value a, Value b, bool signalling) {
  return c.b.call(static_cast<u32>(Helper::half_compare), Type::I32, a, b, c.b.imm64(signalling));
}
template <bool signalling>
void compare(Context& c, unsigned m, unsigned n) {
  if (fp_enabled(c)) c.b.set_nzcv(compare_flags(c, get_h(c, n), get_h(c, m), signalling));
}
template <bool signalling>
void compare_zero(Context& c, unsigned n) {
  if (fp_enabled(c)) c.b.set_nzcv(compare_flags(c, get_h(c, n), c.b.imm32(0), signalling));
}
// Where the condition fails nothing is compared: two zeros, which raise nothing.
template <bool signalling>
void conditional_compare(Context& c, unsigned m, unsigned cond, unsigned n, unsigned nzcv) {
  if (!fp_enabled(c)) return;
  const Value holds = c.b.cond_holds(cond, c.b.get_nzcv()), zero = c.b.imm32(0);
  const Value flags =
      compare_flags(c, c.b.select(holds, get_h(c, n), zero), c.b.select(holds, get_h(c, m), zero), signalling);
  c.b.set_nzcv(c.b.select(holds, flags, c.b.imm32(nzcv_immediate(nzcv))));
}
void conditional_select(Context& c, unsigned m, unsigned cond, unsigned n, unsigned d) {
  if (fp_enabled(c)) set_h(c, d, c.b.select(c.b.cond_holds(cond, c.b.get_nzcv()), get_h(c, n), get_h(c, m)));
}

#define FERRY_TO_INT(mode, opcode, title, ...) \
  row<"s 0 0 11110 11 1 " mode " " opcode " 000000 nnnnn ddddd", __VA_ARGS__, Feature::FP16>(title " (half)")
#define FERRY_ONE(opcode, title, ...) \
  row<"000 11110 11 1 " opcode " 10000 nnnnn ddddd", __VA_ARGS__, Feature::FP16>(title " (half)")
#define FERRY_TWO(opcode, title, ...) \
  row<"000 11110 11 1 mmmmm " opcode " 10 nnnnn ddddd", __VA_ARGS__, Feature::FP16>(title " (half)")
// clang-format off: a row a line
constexpr Row kRows[] = {
    // Conversion between floating-point and fixed-point
    row<"s 0 0 11110 11 0 00 010 ffffff nnnnn ddddd", from_fixed<false>, Feature::FP16>("SCVTF (scalar, fixed-point, half)"),
    row<"s 0 0 11110 11 0 00 011 ffffff nnnnn ddddd", from_fixed<true>, Feature::FP16>("UCVTF (scalar, fixed-point, half)"),
    row<"s 0 0 11110 11 0 11 000 ffffff nnnnn ddddd", to_fixed<false>, Feature::FP16>("FCVTZS (scalar, fixed-point, half)"),
    row<"s 0 0 11110 11 0 11 001 ffffff nnnnn ddddd", to_fixed<true>, Feature::FP16>("FCVTZU (scalar, fixed-point, half)"),
    // Conversion between floating-point and integer
    FERRY_TO_INT("00", "000", "FCVTNS", to_integer<false, HalfRound::TieEven>),
    FERRY_TO_INT("00", "001", "FCVTNU", to_integer<true, HalfRound::TieEven>),
    FERRY_TO_INT("00", "010", "SCVTF", from_integer<false>),
    FERRY_TO_INT("00", "011", "UCVTF", from_integer<true>),
    FERRY_TO_INT("00", "100", "FCVTAS", to_integer<false, HalfRound::TieAway>),
    FERRY_TO_INT("00", "101", "FCVTAU", to_integer<true, HalfRound::TieAway>),
    FERRY_TO_INT("00", "110", "FMOV (general)", move_to_general),
    FERRY_TO_INT("00", "111", "FMOV (general)", move_from_general),
    FERRY_TO_INT("01", "000", "FCVTPS", to_integer<false, HalfRound::PlusInf>),
    FERRY_TO_INT("01", "001", "FCVTPU", to_integer<true, HalfRound::PlusInf>),
    FERRY_TO_INT("10", "000", "FCVTMS", to_integer<false, HalfRound::MinusInf>),
    FERRY_TO_INT("10", "001", "FCVTMU", to_integer<true, HalfRound::MinusInf>),
    FERRY_TO_INT("11", "000", "FCVTZS", to_integer<false, HalfRound::Zero>),
    FERRY_TO_INT("11", "001", "FCVTZU", to_integer<true, HalfRound::Zero>),
    // Floating-point data-processing (1 source)
    FERRY_ONE("000000", "FMOV (register)", move),
    FERRY_ONE("000001", "FABS", absolute),
    FERRY_ONE("000010", "FNEG", negate),
    FERRY_ONE("000011", "FSQRT", one_source<HalfOp::Sqrt>),
    FERRY_ONE("001000", "FRINTN", one_source<HalfOp::RoundInt, HalfRound::TieEven>),
    FERRY_ONE("001001", "FRINTP", one_source<HalfOp::RoundInt, HalfRound::PlusInf>),
    FERRY_ONE("001010", "FRINTM", one_source<HalfOp::RoundInt, HalfRound::MinusInf>),
    FERRY_ONE("001011", "FRINTZ", one_source<HalfOp::RoundInt, HalfRound::Zero>),
    FERRY_ONE("001100", "FRINTA", one_source<HalfOp::RoundInt, HalfRound::TieAway>),
    FERRY_ONE("001110", "FRINTX", one_source<HalfOp::RoundInt, HalfRound::CurrentExact>),
    FERRY_ONE("001111", "FRINTI", one_source<HalfOp::RoundInt, HalfRound::Current>),
    // Floating-point compare
    row<"000 11110 11 1 mmmmm 00 1000 nnnnn 00 000", compare<false>, Feature::FP16>("FCMP (half)"),
    row<"000 11110 11 1 ----- 00 1000 nnnnn 01 000", compare_zero<false>, Feature::FP16>("FCMP (half)"),
    row<"000 11110 11 1 mmmmm 00 1000 nnnnn 10 000", compare<true>, Feature::FP16>("FCMPE (half)"),
    row<"000 11110 11 1 ----- 00 1000 nnnnn 11 000", compare_zero<true>, Feature::FP16>("FCMPE (half)"),
    // Floating-point immediate
    row<"000 11110 11 1 iiiiiiii 100 00000 ddddd", move_immediate, Feature::FP16>("FMOV (scalar, immediate, half)"),
    // Floating-point conditional compare and select
    row<"000 11110 11 1 mmmmm cccc 01 nnnnn 0 ffff", conditional_compare<false>, Feature::FP16>("FCCMP (half)"),
    row<"000 11110 11 1 mmmmm cccc 01 nnnnn 1 ffff", conditional_compare<true>, Feature::FP16>("FCCMPE (half)"),
    row<"000 11110 11 1 mmmmm cccc 11 nnnnn ddddd", conditional_select, Feature::FP16>("FCSEL (half)"),
    // Floating-point data-processing (2 source)
    FERRY_TWO("0000", "FMUL", two_sources<HalfOp::Mul>),
    FERRY_TWO("0001", "FDIV", two_sources<HalfOp::Div>),
    FERRY_TWO("0010", "FADD", two_sources<HalfOp::Add>),
    FERRY_TWO("0011", "FSUB", two_sources<HalfOp::Sub>),
    FERRY_TWO("0100", "FMAX", two_sources<HalfOp::Max>),
    FERRY_TWO("0101", "FMIN", two_sources<HalfOp::Min>),
    FERRY_TWO("0110", "FMAXNM", two_sources<HalfOp::MaxNum>),
    FERRY_TWO("0111", "FMINNM", two_sources<HalfOp::MinNum>),
    FERRY_TWO("1000", "FNMUL", two_sources<HalfOp::NegMul>),
    // Floating-point data-processing (3 source)
    row<"000 11111 11 0 mmmmm 0 aaaaa nnnnn ddddd", multiply_add<false, false>, Feature::FP16>("FMADD (half)"),
    row<"000 11111 11 0 mmmmm 1 aaaaa nnnnn ddddd", multiply_add<false, true>, Feature::FP16>("FMSUB (half)"),
    row<"000 11111 11 1 mmmmm 0 aaaaa nnnnn ddddd", multiply_add<true, true>, Feature::FP16>("FNMADD (half)"),
    row<"000 11111 11 1 mmmmm 1 aaaaa nnnnn ddddd", multiply_add<true, false>, Feature::FP16>("FNMSUB (half)"),
};
// clang-format on
#undef FERRY_TO_INT
#undef FERRY_ONE
#undef FERRY_TWO

}  // namespace

std::span<const Row> fp_half_rows() { return kRows; }

}  // namespace ferry::frontend
