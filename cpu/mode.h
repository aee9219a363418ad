// Mode: everything that translation may assume about the processor, packed into 32 bits. The only definition of it. A
// block is keyed by (physical address, Mode); anything that changes one of these bits leaves translated code first.
#pragma once
#include "core/types.h"

namespace ferry::cpu {

struct Mode {
  u32 value = 0;

  friend constexpr bool operator==(Mode, Mode) = default;

#define FERRY_MODE_FIELD(name, position, size)                                                            \
  constexpr u32 name() const { return (value >> (position)) & ((1u << (size)) - 1); }                     \
  constexpr void set_##name(u32 v) {                                                                      \
    value = (value & ~(((1u << (size)) - 1) << (position))) | ((v & ((1u << (size)) - 1)) << (position)); \
  }
  FERRY_MODE_FIELD(el, 0, 2)              // PSTATE.EL
  FERRY_MODE_FIELD(sp_sel, 2, 1)          // PSTATE.SP
  FERRY_MODE_FIELD(mmu, 3, 1)             // stage 1 on (SCTLR.M)
  FERRY_MODE_FIELD(big_endian, 4, 1)      // SCTLR.EE, or E0E at EL0
  FERRY_MODE_FIELD(align_check, 5, 1)     // SCTLR.A, or SCTLR.M is 0: what is not aligned takes the slow path
  FERRY_MODE_FIELD(sp_align_check, 6, 1)  // SCTLR.SA, or SA0 at EL0
  FERRY_MODE_FIELD(tbi, 7, 2)             // TCR.TBI0 in bit 0, TBI1 in bit 1, for branch targets
  FERRY_MODE_FIELD(uao, 10, 1)
  FERRY_MODE_FIELD(fp_trap, 11, 2)  // target EL of the trap of FP and AdvSIMD access; 0 = not trapped
  FERRY_MODE_FIELD(fpcr, 13,
                   6)  // FZ16, RMode (2), FZ, DN, AHP from bit 0: FPCR<19>, <23:22>, <24>, <25>, <26>; see fpcr_key
  FERRY_MODE_FIELD(single_step, 19, 1)  // software step active: one instruction a block
  FERRY_MODE_FIELD(breakpoints, 20,
                   1)           // hardware or debugger breakpoints live: blocks are checked one instruction at a time
  FERRY_MODE_FIELD(pac, 21, 1)  // SCTLR.EnIA, and the fast algorithm: cpu/pauth.h
  FERRY_MODE_FIELD(el0_traps, 22, 7)     // kEl0Trap... at EL0; 0 at EL1 and above
  FERRY_MODE_FIELD(illegal, 29, 1)       // PSTATE.IL: every instruction raises the Illegal Execution state exception
  FERRY_MODE_FIELD(virtual_time, 30, 1)  // every block subtracts its length from the budget
  FERRY_MODE_FIELD(ordered, 31, 1)       // more than one vCPU: acquire and release need their full mapping
#undef FERRY_MODE_FIELD
};

// What SCTLR_EL1 makes an access from EL0 trap: cache maintenance (UCI = 0), CTR_EL0 (UCT = 0), DC ZVA (DZE = 0), WFI
// (nTWI = 0), WFE (nTWE = 0), PSTATE.DAIF (UMA = 0), CFP, DVP and CPP RCTX (EnRCTX = 0).
constexpr u32 kEl0TrapUci = 1, kEl0TrapUct = 2, kEl0TrapDze = 4, kEl0TrapWfi = 8, kEl0TrapWfe = 16, kEl0TrapUma = 32,
              kEl0TrapRctx = 64;

// The FPCR bits that Mode carries, and FPCR made of them again.
constexpr u32 fpcr_key(u64 fpcr) { return static_cast<u32>(bit(fpcr, 19)) | static_cast<u32>(bits(fpcr, 26, 22)) << 1; }
constexpr u32 fpcr_of_key(u32 key) { return (key & 1) << 19 | (key >> 1) << 22; }

}  // namespace ferry::cpu
