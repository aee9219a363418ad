// Advanced SIMD three different, vector and scalar forms (Arm ARM DDI 0487, C4.1.6).
#include <capstone/arm64.h>

#include "frontend/simd_wide.h"

namespace ferry::frontend {
namespace {

using cpu::Helper;
using ir::Op;
using ir::Type;
using ir::Value;

constexpr bool kSigned = false, kUnsigned = true;

// SADDL, SSUBL; wide_n: SADDW, SSUBW, whose first operand is wide already
template <Op op, bool is_unsigned, bool wide_n>
void add_long(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value x = wide_n ? c.b.get_v(n) : widen(c, is_unsigned, size, long_source(c, q, c.b.get_v(n)));
  c.b.set_v(d, c.b.vec(op, size + 1, x, widen(c, is_unsigned, size, long_source(c, q, c.b.get_v(m)))));
}
// SABDL, UABDL, SABAL, UABAL: the difference of widened elements fits the wide element with its sign.
template <bool is_unsigned, bool accumulate>
void absolute_difference_long(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value x = widen(c, is_unsigned, size, long_source(c, q, c.b.get_v(n)));
  const Value y = widen(c, is_unsigned, size, long_source(c, q, c.b.get_v(m)));
  Value v = c.b.vec(Op::VAbs, size + 1, c.b.vec(Op::VSub, size + 1, x, y));
  if (accumulate) v = c.b.vec(Op::VAdd, size + 1, c.b.get_v(d), v);
  c.b.set_v(d, v);
}
// The constant that rounds the high half of a wide element.
u64 half_of_low(unsigned size) {
  switch (size) {
    case 0: return 0x0080008000800080;
    case 1: return 0x0000800000008000;
    default: return 0x0000000080000000;
  }
}
// ADDHN, SUBHN, RADDHN, RSUBHN
template <Op op, bool round>
void add_high_narrow(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (!fp_enabled(c)) return;
  Value v = c.b.vec(op, size + 1, c.b.get_v(n), c.b.get_v(m));
  if (round) v = c.b.vec(Op::VAdd, size + 1, v, c.b.vconst(half_of_low(size)));
  v = c.b.vec(Op::VNarrow, size, c.b.vec(Op::VUShr, size + 1, v, ir::kNoValue, ir::kNoValue, 8u << size));
  c.b.set_v(d, q != 0 ? c.b.vec(Op::VZip1, 3, c.b.get_v(d), v) : v);
}
// SMULL, SMLAL, SMLSL, UMULL, UMLAL, UMLSL
template <Accumulate how, bool is_unsigned>
void multiply(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 3) return c.undefined();
  if (fp_enabled(c))
    finish_multiply_long(c, how, is_unsigned, size, long_source(c, q, c.b.get_v(n)), long_source(c, q, c.b.get_v(m)),
                         d);
}
// SQDMULL, SQDMLAL, SQDMLSL
template <Accumulate how>
void doubling(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 0 || size == 3) return c.undefined();
  if (fp_enabled(c))
    finish_doubling_long(c, how, simd_form(size, false, 0), long_source(c, q, c.b.get_v(n)),
                         long_source(c, q, c.b.get_v(m)), d);
}
template <Accumulate how>
void doubling_scalar(Context& c, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 0 || size == 3) return c.undefined();
  if (fp_enabled(c)) finish_doubling_long(c, how, simd_scalar_form(size, 0), c.b.get_v(n), c.b.get_v(m), d);
}
// PMULL: bytes, or (with the AES instructions) a doubleword
void polynomial_multiply(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size != 0 && size != 3) return c.undefined();
  if (!fp_enabled(c)) return;
  const u32 helper = static_cast<u32>(size == 0 ? Helper::simd_pmull8 : Helper::simd_pmull64);
  c.b.set_v(d, c.b.call(helper, Type::V128, long_source(c, q, c.b.get_v(n)), long_source(c, q, c.b.get_v(m))));
}

// Capstone gives the "2" forms ids of their own, so none is asked for.
#define FERRY_DIFFERENT(u, opcode, title, ...) \
  row<"0 q " u " 01110 zz 1 mmmmm " opcode " 00 nnnnn ddddd", __VA_ARGS__>(kAnyId, title)
#define FERRY_SCALAR(opcode, id, title, ...) \
  row<"01 0 11110 zz 1 mmmmm " opcode " 00 nnnnn ddddd", __VA_ARGS__>(id, title)
constexpr Row kRows[] = {
    FERRY_DIFFERENT("0", "0000", "SADDL", add_long<Op::VAdd, kSigned, false>),
    FERRY_DIFFERENT("0", "0001", "SADDW", add_long<Op::VAdd, kSigned, true>),
    FERRY_DIFFERENT("0", "0010", "SSUBL", add_long<Op::VSub, kSigned, false>),
    FERRY_DIFFERENT("0", "0011", "SSUBW", add_long<Op::VSub, kSigned, true>),
    FERRY_DIFFERENT("0", "0100", "ADDHN", add_high_narrow<Op::VAdd, false>),
    FERRY_DIFFERENT("0", "0101", "SABAL", absolute_difference_long<kSigned, true>),
    FERRY_DIFFERENT("0", "0110", "SUBHN", add_high_narrow<Op::VSub, false>),
    FERRY_DIFFERENT("0", "0111", "SABDL", absolute_difference_long<kSigned, false>),
    FERRY_DIFFERENT("0", "1000", "SMLAL (vector)", multiply<Accumulate::Add, kSigned>),
    FERRY_DIFFERENT("0", "1001", "SQDMLAL (vector)", doubling<Accumulate::Add>),
    FERRY_DIFFERENT("0", "1010", "SMLSL (vector)", multiply<Accumulate::Subtract, kSigned>),
    FERRY_DIFFERENT("0", "1011", "SQDMLSL (vector)", doubling<Accumulate::Subtract>),
    FERRY_DIFFERENT("0", "1100", "SMULL (vector)", multiply<Accumulate::None, kSigned>),
    FERRY_DIFFERENT("0", "1101", "SQDMULL (vector)", doubling<Accumulate::None>),
    FERRY_DIFFERENT("0", "1110", "PMULL", polynomial_multiply),
    FERRY_DIFFERENT("1", "0000", "UADDL", add_long<Op::VAdd, kUnsigned, false>),
    FERRY_DIFFERENT("1", "0001", "UADDW", add_long<Op::VAdd, kUnsigned, true>),
    FERRY_DIFFERENT("1", "0010", "USUBL", add_long<Op::VSub, kUnsigned, false>),
    FERRY_DIFFERENT("1", "0011", "USUBW", add_long<Op::VSub, kUnsigned, true>),
    FERRY_DIFFERENT("1", "0100", "RADDHN", add_high_narrow<Op::VAdd, true>),
    FERRY_DIFFERENT("1", "0101", "UABAL", absolute_difference_long<kUnsigned, true>),
    FERRY_DIFFERENT("1", "0110", "RSUBHN", add_high_narrow<Op::VSub, true>),
    FERRY_DIFFERENT("1", "0111", "UABDL", absolute_difference_long<kUnsigned, false>),
    FERRY_DIFFERENT("1", "1000", "UMLAL (vector)", multiply<Accumulate::Add, kUnsigned>),
    FERRY_DIFFERENT("1", "1010", "UMLSL (vector)", multiply<Accumulate::Subtract, kUnsigned>),
    FERRY_DIFFERENT("1", "1100", "UMULL (vector)", multiply<Accumulate::None, kUnsigned>),
    // Advanced SIMD scalar three different
    FERRY_SCALAR("1001", ARM64_INS_SQDMLAL, "SQDMLAL (vector), scalar", doubling_scalar<Accumulate::Add>),
    FERRY_SCALAR("1011", ARM64_INS_SQDMLSL, "SQDMLSL (vector), scalar", doubling_scalar<Accumulate::Subtract>),
    FERRY_SCALAR("1101", ARM64_INS_SQDMULL, "SQDMULL (vector), scalar", doubling_scalar<Accumulate::None>),
    // FEAT_DotProd: SDOT, UDOT; FEAT_RDM: SQRDMLAH, SQRDMLSH; FEAT_FCMA: FCMLA, FCADD (three register extension)
};
#undef FERRY_DIFFERENT
#undef FERRY_SCALAR

}  // namespace

std::span<const Row> simd_three_different_rows() { return kRows; }

}  // namespace ferry::frontend
