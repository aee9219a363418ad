// Pointer authentication (FEAT_PAuth): Arm ARM DDI 0487, D8.10 and shared/functions/pac. Two algorithms: QARMA5, which
// the architecture defines, and a fast one of our own (FEAT_PACIMP), which is no protection against anybody: it is as
// cheap as an algorithm can be that makes every bit of its inputs count.
#pragma once
#include "cpu/state.h"

namespace ferry::cpu {

// As helpers and CallIf carry them.
enum class PacKey : u8 { IA, IB, DA, DB };

// ComputePAC with QARMA5: five forward and five backward rounds of QARMA-64 with the S-box sigma 2. key0 is the upper
// half of the key register pair (K<127:64>), key1 the lower.
u64 qarma5(u64 data, u64 modifier, u64 key0, u64 key1);

// IMPDEF: the fast algorithm. Translated code computes the same inline (frontend/pauth.cpp).
constexpr unsigned kFastPacRotate = 23, kFastPacShift = 9;
constexpr u64 kFastPacMultiplier = 0x9e3779b97f4a7c15;
constexpr u64 fast_pac(u64 data, u64 modifier, u64 key_high, u64 key_low) {
  const u64 rotated = modifier >> kFastPacRotate | modifier << (64 - kFastPacRotate);
  const u64 product = ((data ^ key_high) + rotated) * ((key_low ^ kFastPacMultiplier) | 1);
  return product ^ product >> kFastPacShift;
}

// AddPAC, Auth and Strip at the current EL, with whatever key registers and TCR_EL1 now say. A disabled key
// (SCTLR_EL1.EnIA ...) leaves the pointer alone.
u64 add_pac(const CpuState& s, u64 pointer, u64 modifier, PacKey key);
u64 authenticate(const CpuState& s, u64 pointer, u64 modifier, PacKey key);
u64 strip_pac(const CpuState& s, u64 pointer, bool data);
// PACGA
u64 generic_pac(const CpuState& s, u64 x, u64 y);

// What CpuState::pac_mask and Mode.pac are to be.
u64 pac_mask(const CpuState& s);
bool pac_is_inline(const CpuState& s);

// Keys: the system registers of their halves.
SysReg pac_key_low(PacKey key);
SysReg pac_key_high(PacKey key);

}  // namespace ferry::cpu
