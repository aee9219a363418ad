// Data Processing -- Scalar Floating-Point (Arm ARM DDI 0487, C4.1.6). Half precision is here as a conversion
// format; its arithmetic stands in fp_half.cpp.
#include <capstone/arm64.h>

#include "cpu/state.h"
#include "frontend/fp.h"
#include "frontend/operands.h"
#include "frontend/pattern.h"
#include "frontend/simd.h"

namespace ferry::frontend {
namespace {

using ir::FpRound;
using ir::Op;
using ir::Type;
using ir::Value;

Type int_type(unsigned sf) { return sf != 0 ? Type::I64 : Type::I32; }
constexpr Type fp_type(unsigned ptype) { return ptype != 0 ? Type::F64 : Type::F32; }  // ptype 00 and 01

// --- Conversion between floating-point and integer

// FCVTNS ... FCVTZU, FCVTAS, FCVTAU (scalar, integer)
template <Op op, FpRound rounding>
void to_integer(Context& c, unsigned sf, unsigned ptype, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  c.set_x(d, c.b.convert(op, int_type(sf), c.b.get_f(fp_type(ptype), n), static_cast<u8>(rounding)));
}
// SCVTF, UCVTF (scalar, integer)
template <Op op>
void from_integer(Context& c, unsigned sf, unsigned ptype, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  c.b.set_f(d, c.b.convert(op, fp_type(ptype), c.x(int_type(sf), n)));
}
// FMOV (general)
template <Type T>
void move_to_general(Context& c, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  c.set_x(d, c.b.convert(Op::FBits, T == Type::F32 ? Type::I32 : Type::I64, c.b.get_f(T, n)));
}
template <Type T>
void move_from_general(Context& c, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  c.b.set_f(d, c.b.convert(Op::FFromBits, T, c.x(T == Type::F32 ? Type::I32 : Type::I64, n)));
}
void move_top_to_general(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.set_x(d, c.b.vextract(3, c.b.get_v(n), 1));
}
void move_top_from_general(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_v(d, c.b.vec(Op::VInsert, 3, c.b.get_v(d), c.x(Type::I64, n), ir::kNoValue, 1));
}

// --- Conversion between floating-point and fixed-point: through a helper, operand b = fraction bits | width << 8 |
// unsigned << 16

u32 fixed_form(unsigned sf, unsigned scale, bool is_unsigned) {
  return (64 - scale) | (sf != 0 ? 64u : 32u) << 8 | u32{is_unsigned} << 16;
}

template <bool is_unsigned>
void to_fixed(Context& c, unsigned sf, unsigned ptype, unsigned scale, unsigned n, unsigned d) {
  if (sf == 0 && scale < 32) return c.undefined();
  if (!fp_enabled(c)) return;
  const auto helper = ptype != 0 ? cpu::Helper::f64_to_fixed : cpu::Helper::f32_to_fixed;
  const Value r = c.b.call(static_cast<u32>(helper), Type::I64, c.b.get_f(fp_type(ptype), n),
                           c.b.imm64(fixed_form(sf, scale, is_unsigned)));
  c.set_x(d, sf != 0 ? r : c.b.trunc(r));
}
template <bool is_unsigned>
void from_fixed(Context& c, unsigned sf, unsigned ptype, unsigned scale, unsigned n, unsigned d) {
  if (sf == 0 && scale < 32) return c.undefined();
  if (!fp_enabled(c)) return;
  // The integer converted, then scaled, which is exact.
  const unsigned fbits = 64 - scale;
  const Value whole = c.b.convert(is_unsigned ? Op::UToF : Op::SToF, fp_type(ptype), c.x(int_type(sf), n));
  const u64 factor = ptype != 0 ? u64{1023 - fbits} << 52 : u64{127 - fbits} << 23;
  c.b.set_f(d, c.b.binary(Op::FMul, whole, c.b.constant(fp_type(ptype), factor)));
}

// --- One source

// FMOV (register)
void move(Context& c, unsigned ptype, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_f(d, c.b.get_f(fp_type(ptype), n));
}
// FABS, FNEG, FSQRT, FRINTx
template <Op op, FpRound rounding = FpRound::TieEven>
void one_source(Context& c, unsigned ptype, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_f(d, c.b.unary(op, c.b.get_f(fp_type(ptype), n), 0, static_cast<u8>(rounding)));
}
// FRINT32Z, FRINT32X, FRINT64Z, FRINT64X
template <u32 flags>
void round_to_size(Context& c, unsigned ptype, unsigned n, unsigned d) {
  if (fp_enabled(c))
    c.b.set_v(d, call_simd(c, cpu::Helper::fp_round_int_n, simd_scalar_form(2 + ptype, flags), c.b.get_v(n)));
}
// FJCVTZS
void javascript_to_integer(Context& c, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value r = c.b.call(static_cast<u32>(cpu::Helper::fjcvtzs), Type::I64, c.b.get_f(Type::F64, n));
  c.set_x(d, c.b.trunc(r));
  c.b.set_nzcv(nzcv_from_arch(c, c.b.and_imm(c.b.shr_imm(r, 2), u64{1} << 30)));
}
// FCVT between single and double
template <Type To, Type From>
void convert(Context& c, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_f(d, c.b.convert(Op::FCvt, To, c.b.get_f(From, n)));
}
// FCVT to and from half
template <cpu::Helper helper, Type From>
void convert_to_half(Context& c, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value h = c.b.call(static_cast<u32>(helper), Type::I32, c.b.get_f(From, n));
  c.b.set_f(d, c.b.convert(Op::FFromBits, Type::F32, h));
}
template <cpu::Helper helper, Type To>
void convert_from_half(Context& c, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value h = c.b.zext(c.b.convert(Op::FBits, Type::I32, c.b.get_f(Type::F32, n)), 16);
  c.b.set_f(d, c.b.call(static_cast<u32>(helper), To, h));
}

// --- Compare

template <Op op>
void compare(Context& c, unsigned ptype, unsigned m, unsigned n) {
  if (fp_enabled(c)) c.b.set_nzcv(c.b.flags(op, c.b.get_f(fp_type(ptype), n), c.b.get_f(fp_type(ptype), m)));
}
template <Op op>
void compare_zero(Context& c, unsigned ptype, unsigned n) {
  if (fp_enabled(c)) c.b.set_nzcv(c.b.flags(op, c.b.get_f(fp_type(ptype), n), c.b.constant(fp_type(ptype), 0)));
}
// FCCMP, FCCMPE. Where the condition fails nothing is compared: two zeros, which raise nothing.
template <Op op>
void conditional_compare(Context& c, unsigned ptype, unsigned m, unsigned cond, unsigned n, unsigned nzcv) {
  if (!fp_enabled(c)) return;
  const Type t = fp_type(ptype);
  const Value holds = c.b.cond_holds(cond, c.b.get_nzcv());
  const Value zero = c.b.constant(t, 0);
  const Value flags = c.b.flags(op, c.b.select(holds, c.b.get_f(t, n), zero), c.b.select(holds, c.b.get_f(t, m), zero));
  c.b.set_nzcv(c.b.select(holds, flags, c.b.imm32(nzcv_immediate(nzcv))));
}
// FCSEL
void conditional_select(Context& c, unsigned ptype, unsigned m, unsigned cond, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Type t = fp_type(ptype);
  c.b.set_f(d, c.b.select(c.b.cond_holds(cond, c.b.get_nzcv()), c.b.get_f(t, n), c.b.get_f(t, m)));
}

// FMOV (scalar, immediate)
void move_immediate(Context& c, unsigned ptype, unsigned imm8, unsigned d) {
  if (fp_enabled(c)) c.b.set_f(d, c.b.constant(fp_type(ptype), expand_fp_immediate(imm8, ptype != 0 ? 64 : 32)));
}

// --- Two and three sources

template <Op op>
void two_sources(Context& c, unsigned ptype, unsigned m, unsigned n, unsigned d) {
  if (fp_enabled(c)) c.b.set_f(d, c.b.binary(op, c.b.get_f(fp_type(ptype), n), c.b.get_f(fp_type(ptype), m)));
}
// FMADD, FMSUB, FNMADD, FNMSUB
template <bool negate_addend, bool negate_product>
void multiply_add(Context& c, unsigned ptype, unsigned m, unsigned a, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Type t = fp_type(ptype);
  Value addend = c.b.get_f(t, a), x = c.b.get_f(t, n);
  if (negate_addend) addend = c.b.unary(Op::FNeg, addend);
  if (negate_product) x = c.b.unary(Op::FNeg, x);
  c.b.set_f(d, c.b.ternary(Op::FMadd, addend, x, c.b.get_f(t, m)));
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // Conversion between floating-point and fixed-point
    row<"s 0 0 11110 0 t 0 00 010 ffffff nnnnn ddddd", from_fixed<false>>(ARM64_INS_SCVTF, "SCVTF (scalar, fixed-point)"),
    row<"s 0 0 11110 0 t 0 00 011 ffffff nnnnn ddddd", from_fixed<true>>(ARM64_INS_UCVTF, "UCVTF (scalar, fixed-point)"),
    row<"s 0 0 11110 0 t 0 11 000 ffffff nnnnn ddddd", to_fixed<false>>(ARM64_INS_FCVTZS, "FCVTZS (scalar, fixed-point)"),
    row<"s 0 0 11110 0 t 0 11 001 ffffff nnnnn ddddd", to_fixed<true>>(ARM64_INS_FCVTZU, "FCVTZU (scalar, fixed-point)"),
    // Conversion between floating-point and integer
    row<"s 0 0 11110 0 t 1 00 000 000000 nnnnn ddddd", to_integer<Op::FToS, FpRound::TieEven>>(ARM64_INS_FCVTNS, "FCVTNS (scalar)"),
    row<"s 0 0 11110 0 t 1 00 001 000000 nnnnn ddddd", to_integer<Op::FToU, FpRound::TieEven>>(ARM64_INS_FCVTNU, "FCVTNU (scalar)"),
    row<"s 0 0 11110 0 t 1 00 010 000000 nnnnn ddddd", from_integer<Op::SToF>>(ARM64_INS_SCVTF, "SCVTF (scalar, integer)"),
    row<"s 0 0 11110 0 t 1 00 011 000000 nnnnn ddddd", from_integer<Op::UToF>>(ARM64_INS_UCVTF, "UCVTF (scalar, integer)"),
    row<"s 0 0 11110 0 t 1 00 100 000000 nnnnn ddddd", to_integer<Op::FToS, FpRound::TieAway>>(ARM64_INS_FCVTAS, "FCVTAS (scalar)"),
    row<"s 0 0 11110 0 t 1 00 101 000000 nnnnn ddddd", to_integer<Op::FToU, FpRound::TieAway>>(ARM64_INS_FCVTAU, "FCVTAU (scalar)"),
    row<"0 0 0 11110 00 1 00 110 000000 nnnnn ddddd", move_to_general<Type::F32>>(ARM64_INS_FMOV, "FMOV (general)"),
    row<"0 0 0 11110 00 1 00 111 000000 nnnnn ddddd", move_from_general<Type::F32>>(ARM64_INS_FMOV, "FMOV (general)"),
    row<"1 0 0 11110 01 1 00 110 000000 nnnnn ddddd", move_to_general<Type::F64>>(ARM64_INS_FMOV, "FMOV (general)"),
    row<"1 0 0 11110 01 1 00 111 000000 nnnnn ddddd", move_from_general<Type::F64>>(ARM64_INS_FMOV, "FMOV (general)"),
    row<"1 0 0 11110 10 1 01 110 000000 nnnnn ddddd", move_top_to_general>(ARM64_INS_FMOV, "FMOV (general)"),
    row<"1 0 0 11110 10 1 01 111 000000 nnnnn ddddd", move_top_from_general>(ARM64_INS_FMOV, "FMOV (general)"),
    row<"s 0 0 11110 0 t 1 01 000 000000 nnnnn ddddd", to_integer<Op::FToS, FpRound::PlusInf>>(ARM64_INS_FCVTPS, "FCVTPS (scalar)"),
    row<"s 0 0 11110 0 t 1 01 001 000000 nnnnn ddddd", to_integer<Op::FToU, FpRound::PlusInf>>(ARM64_INS_FCVTPU, "FCVTPU (scalar)"),
    row<"s 0 0 11110 0 t 1 10 000 000000 nnnnn ddddd", to_integer<Op::FToS, FpRound::MinusInf>>(ARM64_INS_FCVTMS, "FCVTMS (scalar)"),
    row<"s 0 0 11110 0 t 1 10 001 000000 nnnnn ddddd", to_integer<Op::FToU, FpRound::MinusInf>>(ARM64_INS_FCVTMU, "FCVTMU (scalar)"),
    row<"s 0 0 11110 0 t 1 11 000 000000 nnnnn ddddd", to_integer<Op::FToS, FpRound::Zero>>(ARM64_INS_FCVTZS, "FCVTZS (scalar, integer)"),
    row<"s 0 0 11110 0 t 1 11 001 000000 nnnnn ddddd", to_integer<Op::FToU, FpRound::Zero>>(ARM64_INS_FCVTZU, "FCVTZU (scalar, integer)"),
    row<"0 0 0 11110 01 1 11 110 000000 nnnnn ddddd", javascript_to_integer, cpu::Feature::JSCVT>("FJCVTZS"),
    // Floating-point data-processing (1 source)
    row<"000 11110 0 t 1 000000 10000 nnnnn ddddd", move>(ARM64_INS_FMOV, "FMOV (register)"),
    row<"000 11110 0 t 1 000001 10000 nnnnn ddddd", one_source<Op::FAbs>>(ARM64_INS_FABS, "FABS (scalar)"),
    row<"000 11110 0 t 1 000010 10000 nnnnn ddddd", one_source<Op::FNeg>>(ARM64_INS_FNEG, "FNEG (scalar)"),
    row<"000 11110 0 t 1 000011 10000 nnnnn ddddd", one_source<Op::FSqrt>>(ARM64_INS_FSQRT, "FSQRT (scalar)"),
    row<"000 11110 01 1 000100 10000 nnnnn ddddd", convert<Type::F32, Type::F64>>(ARM64_INS_FCVT, "FCVT"),
    row<"000 11110 00 1 000101 10000 nnnnn ddddd", convert<Type::F64, Type::F32>>(ARM64_INS_FCVT, "FCVT"),
    row<"000 11110 00 1 000111 10000 nnnnn ddddd", convert_to_half<cpu::Helper::f16_from_f32, Type::F32>>(ARM64_INS_FCVT, "FCVT"),
    row<"000 11110 01 1 000111 10000 nnnnn ddddd", convert_to_half<cpu::Helper::f16_from_f64, Type::F64>>(ARM64_INS_FCVT, "FCVT"),
    row<"000 11110 11 1 000100 10000 nnnnn ddddd", convert_from_half<cpu::Helper::f32_from_f16, Type::F32>>(ARM64_INS_FCVT, "FCVT"),
    row<"000 11110 11 1 000101 10000 nnnnn ddddd", convert_from_half<cpu::Helper::f64_from_f16, Type::F64>>(ARM64_INS_FCVT, "FCVT"),
    row<"000 11110 0 t 1 001000 10000 nnnnn ddddd", one_source<Op::FRound, FpRound::TieEven>>(ARM64_INS_FRINTN, "FRINTN (scalar)"),
    row<"000 11110 0 t 1 001001 10000 nnnnn ddddd", one_source<Op::FRound, FpRound::PlusInf>>(ARM64_INS_FRINTP, "FRINTP (scalar)"),
    row<"000 11110 0 t 1 001010 10000 nnnnn ddddd", one_source<Op::FRound, FpRound::MinusInf>>(ARM64_INS_FRINTM, "FRINTM (scalar)"),
    row<"000 11110 0 t 1 001011 10000 nnnnn ddddd", one_source<Op::FRound, FpRound::Zero>>(ARM64_INS_FRINTZ, "FRINTZ (scalar)"),
    row<"000 11110 0 t 1 001100 10000 nnnnn ddddd", one_source<Op::FRound, FpRound::TieAway>>(ARM64_INS_FRINTA, "FRINTA (scalar)"),
    row<"000 11110 0 t 1 001110 10000 nnnnn ddddd", one_source<Op::FRound, FpRound::CurrentExact>>(ARM64_INS_FRINTX, "FRINTX (scalar)"),
    row<"000 11110 0 t 1 001111 10000 nnnnn ddddd", one_source<Op::FRound, FpRound::Current>>(ARM64_INS_FRINTI, "FRINTI (scalar)"),
    row<"000 11110 0 t 1 010000 10000 nnnnn ddddd", round_to_size<0>, cpu::Feature::FRINTTS>("FRINT32Z (scalar)"),
    row<"000 11110 0 t 1 010001 10000 nnnnn ddddd", round_to_size<kSimdRound>, cpu::Feature::FRINTTS>("FRINT32X (scalar)"),
    row<"000 11110 0 t 1 010010 10000 nnnnn ddddd", round_to_size<kSimdUnsigned>, cpu::Feature::FRINTTS>("FRINT64Z (scalar)"),
    row<"000 11110 0 t 1 010011 10000 nnnnn ddddd", round_to_size<kSimdUnsigned | kSimdRound>, cpu::Feature::FRINTTS>("FRINT64X (scalar)"),
    row<"000 11110 01 1 000110 10000 nnnnn ddddd", convert_to_half<cpu::Helper::bf16_from_f32, Type::F32>, cpu::Feature::BF16>("BFCVT"),
    // Floating-point compare
    row<"000 11110 0 t 1 mmmmm 00 1000 nnnnn 00 000", compare<Op::FCmp>>(ARM64_INS_FCMP, "FCMP"),
    row<"000 11110 0 t 1 ----- 00 1000 nnnnn 01 000", compare_zero<Op::FCmp>>(ARM64_INS_FCMP, "FCMP"),
    row<"000 11110 0 t 1 mmmmm 00 1000 nnnnn 10 000", compare<Op::FCmpE>>(ARM64_INS_FCMPE, "FCMPE"),
    row<"000 11110 0 t 1 ----- 00 1000 nnnnn 11 000", compare_zero<Op::FCmpE>>(ARM64_INS_FCMPE, "FCMPE"),
    // Floating-point immediate
    row<"000 11110 0 t 1 iiiiiiii 100 00000 ddddd", move_immediate>(ARM64_INS_FMOV, "FMOV (scalar, immediate)"),
    // Floating-point conditional compare and select
    row<"000 11110 0 t 1 mmmmm cccc 01 nnnnn 0 ffff", conditional_compare<Op::FCmp>>(ARM64_INS_FCCMP, "FCCMP"),
    row<"000 11110 0 t 1 mmmmm cccc 01 nnnnn 1 ffff", conditional_compare<Op::FCmpE>>(ARM64_INS_FCCMPE, "FCCMPE"),
    row<"000 11110 0 t 1 mmmmm cccc 11 nnnnn ddddd", conditional_select>(ARM64_INS_FCSEL, "FCSEL"),
    // Floating-point data-processing (2 source)
    row<"000 11110 0 t 1 mmmmm 0000 10 nnnnn ddddd", two_sources<Op::FMul>>(ARM64_INS_FMUL, "FMUL (scalar)"),
    row<"000 11110 0 t 1 mmmmm 0001 10 nnnnn ddddd", two_sources<Op::FDiv>>(ARM64_INS_FDIV, "FDIV (scalar)"),
    row<"000 11110 0 t 1 mmmmm 0010 10 nnnnn ddddd", two_sources<Op::FAdd>>(ARM64_INS_FADD, "FADD (scalar)"),
    row<"000 11110 0 t 1 mmmmm 0011 10 nnnnn ddddd", two_sources<Op::FSub>>(ARM64_INS_FSUB, "FSUB (scalar)"),
    row<"000 11110 0 t 1 mmmmm 0100 10 nnnnn ddddd", two_sources<Op::FMax>>(ARM64_INS_FMAX, "FMAX (scalar)"),
    row<"000 11110 0 t 1 mmmmm 0101 10 nnnnn ddddd", two_sources<Op::FMin>>(ARM64_INS_FMIN, "FMIN (scalar)"),
    row<"000 11110 0 t 1 mmmmm 0110 10 nnnnn ddddd", two_sources<Op::FMaxNm>>(ARM64_INS_FMAXNM, "FMAXNM (scalar)"),
    row<"000 11110 0 t 1 mmmmm 0111 10 nnnnn ddddd", two_sources<Op::FMinNm>>(ARM64_INS_FMINNM, "FMINNM (scalar)"),
    row<"000 11110 0 t 1 mmmmm 1000 10 nnnnn ddddd", two_sources<Op::FNMul>>(ARM64_INS_FNMUL, "FNMUL (scalar)"),
    // Floating-point data-processing (3 source)
    row<"000 11111 0 t 0 mmmmm 0 aaaaa nnnnn ddddd", multiply_add<false, false>>(ARM64_INS_FMADD, "FMADD"),
    row<"000 11111 0 t 0 mmmmm 1 aaaaa nnnnn ddddd", multiply_add<false, true>>(ARM64_INS_FMSUB, "FMSUB"),
    row<"000 11111 0 t 1 mmmmm 0 aaaaa nnnnn ddddd", multiply_add<true, true>>(ARM64_INS_FNMADD, "FNMADD"),
    row<"000 11111 0 t 1 mmmmm 1 aaaaa nnnnn ddddd", multiply_add<true, false>>(ARM64_INS_FNMSUB, "FNMSUB"),
};
// clang-format on

}  // namespace

std::span<const Row> fp_scalar_rows() { return kRows; }

}  // namespace ferry::frontend
