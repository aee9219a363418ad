// What the FP, AdvSIMD and SIMD load/store files share: the access check, and registers of either arrangement.
#pragma once
#include "frontend/insn.h"

namespace ferry::frontend {

// CheckFPAdvSIMDEnabled64: false when the access is trapped; the exception has then been emitted. First thing in every
// function.
inline bool fp_enabled(Context& c) {
  if (c.mode.fp_trap() == 0) return true;
  c.exception(0x07, 0x1e00000);  // CV = 1, COND = 0b1110
  return false;
}

// Vd := v, the high half zeroed for a 64-bit arrangement.
inline void set_vector(Context& c, unsigned d, bool q, ir::Value v) { c.b.set_v(d, q ? v : c.b.zero_upper(v)); }

}  // namespace ferry::frontend
