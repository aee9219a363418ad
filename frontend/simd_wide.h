// The widening arithmetic that the three-different and by-element groups of Advanced SIMD share.
#pragma once
#include "frontend/simd.h"

namespace ferry::frontend {

// The 64 bits that a long form reads: the low half, or (the "2" forms) the high half moved down.
inline ir::Value long_source(Context& c, unsigned q, ir::Value v) {
  return q != 0 ? c.b.vec(ir::Op::VExt, 0, v, v, ir::kNoValue, 8) : v;
}
inline ir::Value widen(Context& c, bool is_unsigned, unsigned size, ir::Value low) {
  return c.b.vec(is_unsigned ? ir::Op::VUWiden : ir::Op::VSWiden, size, low);
}

// The products of the low halves' elements (size 0..2) in elements of twice the size.
inline ir::Value multiply_long(Context& c, bool is_unsigned, unsigned size, ir::Value n, ir::Value m) {
  if (size < 2) return c.b.vec(ir::Op::VMul, size + 1, widen(c, is_unsigned, size, n), widen(c, is_unsigned, size, m));
  auto product = [&](unsigned i) {
    auto element = [&](ir::Value v) {
      const ir::Value e = c.b.vextract(2, v, i);
      return is_unsigned ? e : c.b.sext(e, 32);
    };
    return c.b.mul(element(n), element(m));
  };
  return c.b.vec(ir::Op::VFromPair, 0, product(0), product(1));
}

enum class Accumulate { None, Add, Subtract };

// SMULL, SMLAL, SMLSL and their unsigned forms; n and m as long_source gives them.
inline void finish_multiply_long(Context& c, Accumulate how, bool is_unsigned, unsigned size, ir::Value n, ir::Value m,
                                 unsigned d) {
  ir::Value v = multiply_long(c, is_unsigned, size, n, m);
  if (how != Accumulate::None)
    v = c.b.vec(how == Accumulate::Add ? ir::Op::VAdd : ir::Op::VSub, size + 1, c.b.get_v(d), v);
  c.b.set_v(d, v);
}
// SQDMULL, SQDMLAL, SQDMLSL; form without the subtract flag.
inline void finish_doubling_long(Context& c, Accumulate how, u32 form, ir::Value n, ir::Value m, unsigned d) {
  using cpu::Helper;
  if (how == Accumulate::Subtract) form |= kSimdSubtract;
  c.b.set_v(d, how == Accumulate::None ? call_simd(c, Helper::simd_sqdmull, form, n, m)
                                       : call_simd(c, Helper::simd_sqdmlal, form, c.b.get_v(d), n, m));
}

}  // namespace ferry::frontend
