// Advanced SIMD shift by immediate, vector and scalar forms (Arm ARM DDI 0487, C4.1.6).
#include <capstone/arm64.h>

#include <bit>

#include "cpu/half_form.h"
#include "frontend/simd.h"

namespace ferry::frontend {
namespace {

using cpu::Helper;
using ir::Op;
using ir::Value;

// immh:immb: the highest set bit of immh is the element size; the rest gives the shift.
struct Shift {
  unsigned size;   // log2 bytes
  unsigned right;  // 1 .. element bits
  unsigned left;   // 0 .. element bits - 1
};
Shift shift_of(unsigned immh, unsigned immb) {
  const unsigned size = static_cast<unsigned>(std::bit_width(immh)) - 1;
  const unsigned value = immh << 3 | immb, esize = 8u << size;
  return {size, 2 * esize - value, value - esize};
}
constexpr u32 kVector = 0, kScalar = 1;

// Whether the arrangement exists; the scalar forms of plain shifts take doublewords only.
bool begin(Context& c, u32 form, unsigned q, const Shift& s, bool scalar_d_only) {
  if (form == kScalar ? scalar_d_only && s.size != 3 : s.size == 3 && q == 0) {
    c.undefined();
    return false;
  }
  return fp_enabled(c);
}
void finish(Context& c, u32 form, unsigned q, unsigned d, Value v) { set_vector(c, d, form == kVector && q != 0, v); }

// SSHR, USHR and, with accumulation, SSRA, USRA
template <u32 form, Op op, bool accumulate>
void shift_right(Context& c, unsigned q, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  const Shift s = shift_of(immh, immb);
  if (!begin(c, form, q, s, true)) return;
  Value v = c.b.vec(op, s.size, c.b.get_v(n), ir::kNoValue, ir::kNoValue, s.right);
  if (accumulate) v = c.b.vec(Op::VAdd, s.size, c.b.get_v(d), v);
  finish(c, form, q, d, v);
}
// SRSHR, URSHR, SRSRA, URSRA
template <u32 form, u32 flags, bool accumulate>
void rounding_shift_right(Context& c, unsigned q, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  const Shift s = shift_of(immh, immb);
  if (!begin(c, form, q, s, true)) return;
  Value v = frontend::rounding_shift_right(c, flags == kSimdUnsigned, s.size, c.b.get_v(n), s.right);
  if (accumulate) v = c.b.vec(Op::VAdd, s.size, c.b.get_v(d), v);
  finish(c, form, q, d, v);
}
template <u32 form>
void shift_left(Context& c, unsigned q, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  const Shift s = shift_of(immh, immb);
  if (!begin(c, form, q, s, true)) return;
  finish(c, form, q, d, c.b.vec(Op::VShl, s.size, c.b.get_v(n), ir::kNoValue, ir::kNoValue, s.left));
}
// SRI, SLI: what the shift leaves free keeps the destination's bits.
u64 lane_mask(unsigned size, u64 lane) {
  switch (size) {
    case 0: return lane * 0x0101010101010101;
    case 1: return lane * 0x0001000100010001;
    case 2: return lane * 0x0000000100000001;
    default: return lane;
  }
}
template <u32 form>
void shift_right_insert(Context& c, unsigned q, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  const Shift s = shift_of(immh, immb);
  if (!begin(c, form, q, s, true)) return;
  const unsigned esize = 8u << s.size;
  const Value mask = c.b.vconst(lane_mask(s.size, s.right == esize ? 0 : low_mask(esize - s.right)));
  const Value v = c.b.vec(Op::VUShr, s.size, c.b.get_v(n), ir::kNoValue, ir::kNoValue, s.right);
  finish(c, form, q, d, c.b.vec(Op::VBsl, 0, mask, v, c.b.get_v(d)));
}
template <u32 form>
void shift_left_insert(Context& c, unsigned q, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  const Shift s = shift_of(immh, immb);
  if (!begin(c, form, q, s, true)) return;
  const u64 lane = (low_mask(8u << s.size) << s.left) & low_mask(8u << s.size);
  const Value v = c.b.vec(Op::VShl, s.size, c.b.get_v(n), ir::kNoValue, ir::kNoValue, s.left);
  finish(c, form, q, d, c.b.vec(Op::VBsl, 0, c.b.vconst(lane_mask(s.size, lane)), v, c.b.get_v(d)));
}
// SQSHL, UQSHL, SQSHLU (immediate)
template <u32 form, Helper helper, u32 flags>
void saturating_shift_left(Context& c, unsigned q, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  const Shift s = shift_of(immh, immb);
  if (!begin(c, form, q, s, false)) return;
  const u32 f = form == kScalar ? simd_scalar_form(s.size, flags, s.left) : simd_form(s.size, q != 0, flags, s.left);
  finish(c, form, q, d, call_simd(c, helper, f, c.b.get_v(n)));
}

// The narrow result in the low half, or (the "2" forms) in the high half of what the destination holds.
void set_narrow(Context& c, unsigned q, unsigned d, Value low) {
  c.b.set_v(d, q != 0 ? c.b.vec(Op::VZip1, 3, c.b.get_v(d), low) : c.b.zero_upper(low));
}
// SHRN, RSHRN
template <bool round>
void shift_right_narrow(Context& c, unsigned q, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  const Shift s = shift_of(immh, immb);
  if (s.size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value v = round ? frontend::rounding_shift_right(c, true, s.size + 1, c.b.get_v(n), s.right)
                        : c.b.vec(Op::VUShr, s.size + 1, c.b.get_v(n), ir::kNoValue, ir::kNoValue, s.right);
  set_narrow(c, q, d, c.b.vec(Op::VNarrow, s.size, v));
}
// SQSHRN, SQRSHRN, UQSHRN, UQRSHRN, SQSHRUN, SQRSHRUN
template <u32 form, Helper helper, u32 flags>
void narrow_by_helper(Context& c, unsigned q, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  const Shift s = shift_of(immh, immb);
  if (s.size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const u32 f = form == kScalar ? simd_scalar_form(s.size, flags, s.right) : simd_form(s.size, true, flags, s.right);
  const Value v = call_simd(c, helper, f, c.b.get_v(n));
  form == kScalar ? c.b.set_v(d, c.b.zero_upper(v)) : set_narrow(c, q, d, v);
}
// SSHLL, USHLL
template <Op widen>
void shift_left_long(Context& c, unsigned q, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  const Shift s = shift_of(immh, immb);
  if (s.size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  Value v = c.b.get_v(n);
  if (q != 0) v = c.b.vec(Op::VExt, 0, v, v, ir::kNoValue, 8);
  v = c.b.vec(widen, s.size, v);
  if (s.left != 0) v = c.b.vec(Op::VShl, s.size + 1, v, ir::kNoValue, ir::kNoValue, s.left);
  c.b.set_v(d, v);
}
// SCVTF, UCVTF, FCVTZS, FCVTZU (fixed-point)
template <u32 form, Helper helper, u32 flags>
void convert_fixed_half(Context& c, unsigned q, const Shift& s, unsigned n, unsigned d) {
  using cpu::HalfOp;
  constexpr bool from = helper == Helper::simd_from_fixed, is_unsigned = flags == kSimdUnsigned;
  constexpr HalfOp op = from ? (is_unsigned ? HalfOp::FromUnsigned : HalfOp::FromSigned)
                             : (is_unsigned ? HalfOp::ToUnsigned : HalfOp::ToSigned);
  if (!fp_enabled(c)) return;
  const u32 f = cpu::half_form(op, form == kScalar ? 1u : q != 0 ? 8u : 4u, cpu::HalfRound::Zero, s.right);
  c.b.set_v(d, call_simd(c, Helper::half_lanes, f, c.b.get_v(n)));
}
template <u32 form, Helper helper, u32 flags>
void convert_fixed(Context& c, unsigned q, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  const Shift s = shift_of(immh, immb);
  if (s.size == 1 && c.has(cpu::Feature::FP16)) return convert_fixed_half<form, helper, flags>(c, q, s, n, d);
  if (s.size < 2 || (form == kVector && s.size == 3 && q == 0)) return c.undefined();
  if (!fp_enabled(c)) return;
  if (helper == Helper::simd_from_fixed) {  // the integer converted, then scaled, which is exact
    const unsigned lanes = form == kScalar ? 1 : (q != 0 ? 16u : 8u) >> s.size;
    const Value whole = c.b.vec(flags == kSimdUnsigned ? Op::VUToF : Op::VSToF, s.size, c.b.get_v(n), ir::kNoValue,
                                ir::kNoValue, lanes, static_cast<u8>(ir::FpRound::Current));
    const u64 scale = s.size == 3 ? u64{1023 - s.right} << 52 : u64{127 - s.right} << 23;
    return c.b.set_v(d, c.b.vec(Op::VFMul, s.size, whole, lanes_constant(c, s.size, scale), ir::kNoValue, lanes));
  }
  const u32 f = form == kScalar ? simd_scalar_form(s.size, flags, s.right) : simd_form(s.size, q != 0, flags, s.right);
  finish(c, form, q, d, call_simd(c, helper, f, c.b.get_v(n)));
}

// The scalar forms have no Q: the same functions with Q = 0.
template <auto Fn>
void scalar(Context& c, unsigned immh, unsigned immb, unsigned n, unsigned d) {
  immh == 0 ? c.undefined() : Fn(c, 0, immh, immb, n, d);
}

// immh = 0000 is the modified-immediate group, which is asked first.
#define FERRY_VECTOR(u, opcode, id, title, ...) \
  row<"0 q " u " 011110 hhhh bbb " opcode " 1 nnnnn ddddd", __VA_ARGS__>(id, title)
#define FERRY_SCALAR(u, opcode, id, title, ...) \
  row<"01 " u " 111110 hhhh bbb " opcode " 1 nnnnn ddddd", scalar<__VA_ARGS__>>(id, title)
constexpr Row kRows[] = {
    FERRY_VECTOR("0", "00000", ARM64_INS_SSHR, "SSHR", shift_right<kVector, Op::VSShr, false>),
    FERRY_VECTOR("0", "00010", ARM64_INS_SSRA, "SSRA", shift_right<kVector, Op::VSShr, true>),
    FERRY_VECTOR("0", "00100", ARM64_INS_SRSHR, "SRSHR", rounding_shift_right<kVector, 0, false>),
    FERRY_VECTOR("0", "00110", ARM64_INS_SRSRA, "SRSRA", rounding_shift_right<kVector, 0, true>),
    FERRY_VECTOR("0", "01010", ARM64_INS_SHL, "SHL", shift_left<kVector>),
    FERRY_VECTOR("0", "01110", ARM64_INS_SQSHL, "SQSHL (immediate)",
                 saturating_shift_left<kVector, Helper::simd_sat_shift_left, 0>),
    FERRY_VECTOR("0", "10000", kAnyId, "SHRN", shift_right_narrow<false>),
    FERRY_VECTOR("0", "10001", kAnyId, "RSHRN", shift_right_narrow<true>),
    FERRY_VECTOR("0", "10010", kAnyId, "SQSHRN", narrow_by_helper<kVector, Helper::simd_narrow_sat, 0>),
    FERRY_VECTOR("0", "10011", kAnyId, "SQRSHRN", narrow_by_helper<kVector, Helper::simd_narrow_sat, kSimdRound>),
    FERRY_VECTOR("0", "10100", kAnyId, "SSHLL", shift_left_long<Op::VSWiden>),
    FERRY_VECTOR("0", "11100", ARM64_INS_SCVTF, "SCVTF (vector, fixed-point)",
                 convert_fixed<kVector, Helper::simd_from_fixed, 0>),
    FERRY_VECTOR("0", "11111", ARM64_INS_FCVTZS, "FCVTZS (vector, fixed-point)",
                 convert_fixed<kVector, Helper::simd_to_fixed, 0>),
    FERRY_VECTOR("1", "00000", ARM64_INS_USHR, "USHR", shift_right<kVector, Op::VUShr, false>),
    FERRY_VECTOR("1", "00010", ARM64_INS_USRA, "USRA", shift_right<kVector, Op::VUShr, true>),
    FERRY_VECTOR("1", "00100", ARM64_INS_URSHR, "URSHR", rounding_shift_right<kVector, kSimdUnsigned, false>),
    FERRY_VECTOR("1", "00110", ARM64_INS_URSRA, "URSRA", rounding_shift_right<kVector, kSimdUnsigned, true>),
    FERRY_VECTOR("1", "01000", ARM64_INS_SRI, "SRI", shift_right_insert<kVector>),
    FERRY_VECTOR("1", "01010", ARM64_INS_SLI, "SLI", shift_left_insert<kVector>),
    FERRY_VECTOR("1", "01100", ARM64_INS_SQSHLU, "SQSHLU", saturating_shift_left<kVector, Helper::simd_sqshlu, 0>),
    FERRY_VECTOR("1", "01110", ARM64_INS_UQSHL, "UQSHL (immediate)",
                 saturating_shift_left<kVector, Helper::simd_sat_shift_left, kSimdUnsigned>),
    FERRY_VECTOR("1", "10000", kAnyId, "SQSHRUN", narrow_by_helper<kVector, Helper::simd_narrow_sat_unsigned, 0>),
    FERRY_VECTOR("1", "10001", kAnyId, "SQRSHRUN",
                 narrow_by_helper<kVector, Helper::simd_narrow_sat_unsigned, kSimdRound>),
    FERRY_VECTOR("1", "10010", kAnyId, "UQSHRN", narrow_by_helper<kVector, Helper::simd_narrow_sat, kSimdUnsigned>),
    FERRY_VECTOR("1", "10011", kAnyId, "UQRSHRN",
                 narrow_by_helper<kVector, Helper::simd_narrow_sat, kSimdUnsigned | kSimdRound>),
    FERRY_VECTOR("1", "10100", kAnyId, "USHLL", shift_left_long<Op::VUWiden>),
    FERRY_VECTOR("1", "11100", ARM64_INS_UCVTF, "UCVTF (vector, fixed-point)",
                 convert_fixed<kVector, Helper::simd_from_fixed, kSimdUnsigned>),
    FERRY_VECTOR("1", "11111", ARM64_INS_FCVTZU, "FCVTZU (vector, fixed-point)",
                 convert_fixed<kVector, Helper::simd_to_fixed, kSimdUnsigned>),
    FERRY_SCALAR("0", "00000", ARM64_INS_SSHR, "SSHR, scalar", shift_right<kScalar, Op::VSShr, false>),
    FERRY_SCALAR("0", "00010", ARM64_INS_SSRA, "SSRA, scalar", shift_right<kScalar, Op::VSShr, true>),
    FERRY_SCALAR("0", "00100", ARM64_INS_SRSHR, "SRSHR, scalar", rounding_shift_right<kScalar, 0, false>),
    FERRY_SCALAR("0", "00110", ARM64_INS_SRSRA, "SRSRA, scalar", rounding_shift_right<kScalar, 0, true>),
    FERRY_SCALAR("0", "01010", ARM64_INS_SHL, "SHL, scalar", shift_left<kScalar>),
    FERRY_SCALAR("0", "01110", ARM64_INS_SQSHL, "SQSHL (immediate), scalar",
                 saturating_shift_left<kScalar, Helper::simd_sat_shift_left, 0>),
    FERRY_SCALAR("0", "10010", kAnyId, "SQSHRN, scalar", narrow_by_helper<kScalar, Helper::simd_narrow_sat, 0>),
    FERRY_SCALAR("0", "10011", kAnyId, "SQRSHRN, scalar",
                 narrow_by_helper<kScalar, Helper::simd_narrow_sat, kSimdRound>),
    FERRY_SCALAR("0", "11100", ARM64_INS_SCVTF, "SCVTF (vector, fixed-point), scalar",
                 convert_fixed<kScalar, Helper::simd_from_fixed, 0>),
    FERRY_SCALAR("0", "11111", ARM64_INS_FCVTZS, "FCVTZS (vector, fixed-point), scalar",
                 convert_fixed<kScalar, Helper::simd_to_fixed, 0>),
    FERRY_SCALAR("1", "00000", ARM64_INS_USHR, "USHR, scalar", shift_right<kScalar, Op::VUShr, false>),
    FERRY_SCALAR("1", "00010", ARM64_INS_USRA, "USRA, scalar", shift_right<kScalar, Op::VUShr, true>),
    FERRY_SCALAR("1", "00100", ARM64_INS_URSHR, "URSHR, scalar", rounding_shift_right<kScalar, kSimdUnsigned, false>),
    FERRY_SCALAR("1", "00110", ARM64_INS_URSRA, "URSRA, scalar", rounding_shift_right<kScalar, kSimdUnsigned, true>),
    FERRY_SCALAR("1", "01000", ARM64_INS_SRI, "SRI, scalar", shift_right_insert<kScalar>),
    FERRY_SCALAR("1", "01010", ARM64_INS_SLI, "SLI, scalar", shift_left_insert<kScalar>),
    FERRY_SCALAR("1", "01100", ARM64_INS_SQSHLU, "SQSHLU, scalar",
                 saturating_shift_left<kScalar, Helper::simd_sqshlu, 0>),
    FERRY_SCALAR("1", "01110", ARM64_INS_UQSHL, "UQSHL (immediate), scalar",
                 saturating_shift_left<kScalar, Helper::simd_sat_shift_left, kSimdUnsigned>),
    FERRY_SCALAR("1", "10000", kAnyId, "SQSHRUN, scalar",
                 narrow_by_helper<kScalar, Helper::simd_narrow_sat_unsigned, 0>),
    FERRY_SCALAR("1", "10001", kAnyId, "SQRSHRUN, scalar",
                 narrow_by_helper<kScalar, Helper::simd_narrow_sat_unsigned, kSimdRound>),
    FERRY_SCALAR("1", "10010", kAnyId, "UQSHRN, scalar",
                 narrow_by_helper<kScalar, Helper::simd_narrow_sat, kSimdUnsigned>),
    FERRY_SCALAR("1", "10011", kAnyId, "UQRSHRN, scalar",
                 narrow_by_helper<kScalar, Helper::simd_narrow_sat, kSimdUnsigned | kSimdRound>),
    FERRY_SCALAR("1", "11100", ARM64_INS_UCVTF, "UCVTF (vector, fixed-point), scalar",
                 convert_fixed<kScalar, Helper::simd_from_fixed, kSimdUnsigned>),
    FERRY_SCALAR("1", "11111", ARM64_INS_FCVTZU, "FCVTZU (vector, fixed-point), scalar",
                 convert_fixed<kScalar, Helper::simd_to_fixed, kSimdUnsigned>),
};
#undef FERRY_VECTOR
#undef FERRY_SCALAR

}  // namespace

std::span<const Row> simd_shift_rows() { return kRows; }

}  // namespace ferry::frontend
