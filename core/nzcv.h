// The packed flags: where N, Z, C and V sit in CpuState::nzcv and in IR flag values. The layout is what one host family
// produces in two instructions (LAHF, SETO); on any other host it is just a layout. All other bits are zero.
#pragma once
#include "core/types.h"

namespace ferry {

constexpr unsigned kNzcvN = 15;
constexpr unsigned kNzcvZ = 14;
constexpr unsigned kNzcvC = 8;
constexpr unsigned kNzcvV = 0;
constexpr u32 kNzcvMask = 1u << kNzcvN | 1u << kNzcvZ | 1u << kNzcvC | 1u << kNzcvV;

constexpr u32 make_nzcv(bool n, bool z, bool c, bool v) {
  return u32{n} << kNzcvN | u32{z} << kNzcvZ | u32{c} << kNzcvC | u32{v} << kNzcvV;
}
// From and to NZCV in bits 31:28, as SPSR and MRS NZCV hold them.
constexpr u32 nzcv_from_arch(u64 arch) { return make_nzcv(bit(arch, 31), bit(arch, 30), bit(arch, 29), bit(arch, 28)); }
constexpr u32 nzcv_to_arch(u32 f) {
  return u32{bit(f, kNzcvN)} << 31 | u32{bit(f, kNzcvZ)} << 30 | u32{bit(f, kNzcvC)} << 29 | u32{bit(f, kNzcvV)} << 28;
}
// ConditionHolds of the manual; cond 0..15.
constexpr bool condition_holds(unsigned cond, u32 f) {
  const bool n = bit(f, kNzcvN), z = bit(f, kNzcvZ), c = bit(f, kNzcvC), v = bit(f, kNzcvV);
  bool result = true;
  switch (cond >> 1) {
    case 0: result = z; break;
    case 1: result = c; break;
    case 2: result = n; break;
    case 3: result = v; break;
    case 4: result = c && !z; break;
    case 5: result = n == v; break;
    case 6: result = n == v && !z; break;
    case 7: return true;
  }
  return (cond & 1) != 0 ? !result : result;
}

}  // namespace ferry
