// Branch target identification (FEAT_BTI): where a branch may land in a guarded page (Arm ARM DDI 0487, D8.4.5 and
// shared/functions/system/BranchTargetCheck).
#pragma once
#include "cpu/features.h"

namespace ferry::frontend {

// Bit n (1..3): the word, first in a guarded page after a branch that left PSTATE.BTYPE at n, is executed. bt:
// SCTLR.BT0 at EL0, BT1 at EL1, with which PACIASP and PACIBSP are no landing pad for BR.
unsigned landing_in_guarded_page(u32 word, bool bt, cpu::FeatureSet features);
// BRK keeps PSTATE.BTYPE, which its exception reports, so no shortcut leads to it.
constexpr bool keeps_btype(u32 word) { return (word & 0xffe0001f) == 0xd4200000; }
// JumpEntry::landing for an entry at the word: as with SCTLR.BT, which may change while the entry is there.
inline u64 landing_mask(u32 word, bool guarded, cpu::FeatureSet features) {
  if (keeps_btype(word)) return 0;
  return guarded ? landing_in_guarded_page(word, true, features) : 0xe;
}

}  // namespace ferry::frontend
