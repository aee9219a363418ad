// Advanced SIMD vector x indexed element and scalar x indexed element (Arm ARM DDI 0487, C4.1.6).
#include <capstone/arm64.h>

#include "frontend/simd_wide.h"

namespace ferry::frontend {
namespace {

using cpu::Helper;
using ir::Op;
using ir::Value;

// L:M:Rm:H: which register, and which of its elements.
struct Index {
  unsigned l, m, rm, h;
};
// The element in every lane of its size (1..3).
Value element(Context& c, unsigned size, const Index& i) {
  const unsigned reg = size == 1 ? i.rm : i.m << 4 | i.rm;
  const unsigned index = size == 1 ? i.h << 2 | i.l << 1 | i.m : size == 2 ? i.h << 1 | i.l : i.h;
  return c.b.vec(Op::VDupLane, size, c.b.get_v(reg), ir::kNoValue, ir::kNoValue, index);
}

// False: reserved or trapped; the exception has been emitted. Integer forms have halfwords and words.
bool begin_integer(Context& c, unsigned size) {
  if (size == 1 || size == 2) return fp_enabled(c);
  c.undefined();
  return false;
}

// MUL, MLA, MLS
template <Accumulate how>
void multiply(Context& c, unsigned q, unsigned size, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n,
              unsigned d) {
  if (!begin_integer(c, size)) return;
  Value v = c.b.vec(Op::VMul, size, c.b.get_v(n), element(c, size, {l, m, rm, h}));
  if (how != Accumulate::None) v = c.b.vec(how == Accumulate::Add ? Op::VAdd : Op::VSub, size, c.b.get_v(d), v);
  set_vector(c, d, q != 0, v);
}
// SMULL, SMLAL, SMLSL, UMULL, UMLAL, UMLSL
template <Accumulate how, bool is_unsigned>
void multiply_long(Context& c, unsigned q, unsigned size, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n,
                   unsigned d) {
  if (!begin_integer(c, size)) return;
  finish_multiply_long(c, how, is_unsigned, size, long_source(c, q, c.b.get_v(n)), element(c, size, {l, m, rm, h}), d);
}
// SQDMULL, SQDMLAL, SQDMLSL
template <Accumulate how>
void doubling_long(Context& c, unsigned q, unsigned size, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n,
                   unsigned d) {
  if (!begin_integer(c, size)) return;
  finish_doubling_long(c, how, simd_form(size, false, 0), long_source(c, q, c.b.get_v(n)),
                       element(c, size, {l, m, rm, h}), d);
}
template <Accumulate how>
void doubling_long_scalar(Context& c, unsigned size, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n,
                          unsigned d) {
  if (!begin_integer(c, size)) return;
  finish_doubling_long(c, how, simd_scalar_form(size, 0), c.b.get_v(n), element(c, size, {l, m, rm, h}), d);
}
// SQDMULH, SQRDMULH
template <u32 flags>
void doubling_high(Context& c, unsigned q, unsigned size, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n,
                   unsigned d) {
  if (!begin_integer(c, size)) return;
  set_vector(c, d, q != 0,
             call_simd(c, Helper::simd_sqdmulh, simd_form(size, q != 0, flags), c.b.get_v(n),
                       element(c, size, {l, m, rm, h})));
}
template <u32 flags>
void doubling_high_scalar(Context& c, unsigned size, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n,
                          unsigned d) {
  if (!begin_integer(c, size)) return;
  c.b.set_v(d, call_simd(c, Helper::simd_sqdmulh, simd_scalar_form(size, flags), c.b.get_v(n),
                         element(c, size, {l, m, rm, h})));
}

// --- floating point; sz: 0 single, 1 double. lanes: how many are active.

bool begin_fp(Context& c, unsigned sz, unsigned l) {
  if (sz == 0 || l == 0) return fp_enabled(c);
  c.undefined();
  return false;
}
enum class Fp { Multiply, MultiplyAdd, MultiplySubtract };
template <Fp how>
void fp_lanes(Context& c, unsigned lanes, unsigned sz, const Index& index, unsigned n, unsigned d) {
  const unsigned size = 2 + sz;
  Value x = c.b.get_v(n);
  const Value y = element(c, size, index);
  if (how == Fp::MultiplySubtract) x = c.b.vec(Op::VFNeg, size, x);
  c.b.set_v(d, how == Fp::Multiply ? c.b.vec(Op::VFMul, size, x, y, ir::kNoValue, lanes)
                                   : c.b.vec(Op::VFMla, size, c.b.get_v(d), x, y, lanes));
}
template <Fp how>
void fp(Context& c, unsigned q, unsigned sz, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n, unsigned d) {
  if (sz != 0 && q == 0) return c.undefined();
  if (begin_fp(c, sz, l)) fp_lanes<how>(c, (q != 0 ? 4u : 2u) >> sz, sz, {l, m, rm, h}, n, d);
}
template <Fp how>
void fp_scalar(Context& c, unsigned sz, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n, unsigned d) {
  if (begin_fp(c, sz, l)) fp_lanes<how>(c, 1, sz, {l, m, rm, h}, n, d);
}
// FMULX
void fp_multiply_extended(Context& c, unsigned q, unsigned sz, unsigned l, unsigned m, unsigned rm, unsigned h,
                          unsigned n, unsigned d) {
  if (sz != 0 && q == 0) return c.undefined();
  if (!begin_fp(c, sz, l)) return;
  set_vector(
      c, d, q != 0,
      call_simd(c, Helper::simd_fmulx, simd_form(2 + sz, q != 0, 0), c.b.get_v(n), element(c, 2 + sz, {l, m, rm, h})));
}
void fp_multiply_extended_scalar(Context& c, unsigned sz, unsigned l, unsigned m, unsigned rm, unsigned h, unsigned n,
                                 unsigned d) {
  if (!begin_fp(c, sz, l)) return;
  c.b.set_v(d, call_simd(c, Helper::simd_fmulx, simd_scalar_form(2 + sz, 0), c.b.get_v(n),
                         element(c, 2 + sz, {l, m, rm, h})));
}

#define FERRY_INT(u, opcode, title, ...) \
  row<"0 q " u " 01111 zz l m rrrr " opcode " h 0 nnnnn ddddd", __VA_ARGS__>(kAnyId, title)
#define FERRY_FP(u, opcode, id, title, ...) \
  row<"0 q " u " 01111 1 z l m rrrr " opcode " h 0 nnnnn ddddd", __VA_ARGS__>(id, title)
#define FERRY_INT_SCALAR(opcode, id, title, ...) \
  row<"01 0 11111 zz l m rrrr " opcode " h 0 nnnnn ddddd", __VA_ARGS__>(id, title)
#define FERRY_FP_SCALAR(u, opcode, id, title, ...) \
  row<"01 " u " 11111 1 z l m rrrr " opcode " h 0 nnnnn ddddd", __VA_ARGS__>(id, title)
constexpr Row kRows[] = {
    FERRY_INT("0", "0010", "SMLAL (by element)", multiply_long<Accumulate::Add, false>),
    FERRY_INT("0", "0011", "SQDMLAL (by element)", doubling_long<Accumulate::Add>),
    FERRY_INT("0", "0110", "SMLSL (by element)", multiply_long<Accumulate::Subtract, false>),
    FERRY_INT("0", "0111", "SQDMLSL (by element)", doubling_long<Accumulate::Subtract>),
    FERRY_INT("0", "1000", "MUL (by element)", multiply<Accumulate::None>),
    FERRY_INT("0", "1010", "SMULL (by element)", multiply_long<Accumulate::None, false>),
    FERRY_INT("0", "1011", "SQDMULL (by element)", doubling_long<Accumulate::None>),
    FERRY_INT("0", "1100", "SQDMULH (by element)", doubling_high<0>),
    FERRY_INT("0", "1101", "SQRDMULH (by element)", doubling_high<kSimdRound>),
    FERRY_FP("0", "0001", ARM64_INS_FMLA, "FMLA (by element)", fp<Fp::MultiplyAdd>),
    FERRY_FP("0", "0101", ARM64_INS_FMLS, "FMLS (by element)", fp<Fp::MultiplySubtract>),
    FERRY_FP("0", "1001", ARM64_INS_FMUL, "FMUL (by element)", fp<Fp::Multiply>),
    FERRY_INT("1", "0000", "MLA (by element)", multiply<Accumulate::Add>),
    FERRY_INT("1", "0010", "UMLAL (by element)", multiply_long<Accumulate::Add, true>),
    FERRY_INT("1", "0100", "MLS (by element)", multiply<Accumulate::Subtract>),
    FERRY_INT("1", "0110", "UMLSL (by element)", multiply_long<Accumulate::Subtract, true>),
    FERRY_INT("1", "1010", "UMULL (by element)", multiply_long<Accumulate::None, true>),
    FERRY_FP("1", "1001", ARM64_INS_FMULX, "FMULX (by element)", fp_multiply_extended),
    // Advanced SIMD scalar x indexed element
    FERRY_INT_SCALAR("0011", ARM64_INS_SQDMLAL, "SQDMLAL (by element), scalar", doubling_long_scalar<Accumulate::Add>),
    FERRY_INT_SCALAR("0111", ARM64_INS_SQDMLSL, "SQDMLSL (by element), scalar",
                     doubling_long_scalar<Accumulate::Subtract>),
    FERRY_INT_SCALAR("1011", ARM64_INS_SQDMULL, "SQDMULL (by element), scalar", doubling_long_scalar<Accumulate::None>),
    FERRY_INT_SCALAR("1100", ARM64_INS_SQDMULH, "SQDMULH (by element), scalar", doubling_high_scalar<0>),
    FERRY_INT_SCALAR("1101", ARM64_INS_SQRDMULH, "SQRDMULH (by element), scalar", doubling_high_scalar<kSimdRound>),
    FERRY_FP_SCALAR("0", "0001", ARM64_INS_FMLA, "FMLA (by element), scalar", fp_scalar<Fp::MultiplyAdd>),
    FERRY_FP_SCALAR("0", "0101", ARM64_INS_FMLS, "FMLS (by element), scalar", fp_scalar<Fp::MultiplySubtract>),
    FERRY_FP_SCALAR("0", "1001", ARM64_INS_FMUL, "FMUL (by element), scalar", fp_scalar<Fp::Multiply>),
    FERRY_FP_SCALAR("1", "1001", ARM64_INS_FMULX, "FMULX (by element), scalar", fp_multiply_extended_scalar),
};
#undef FERRY_INT
#undef FERRY_FP
#undef FERRY_INT_SCALAR
#undef FERRY_FP_SCALAR

}  // namespace

std::span<const Row> simd_indexed_rows() { return kRows; }

}  // namespace ferry::frontend
