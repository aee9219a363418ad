// Capstone's aliases and the base instructions behind them.
#pragma once
#include "core/types.h"

namespace ferry::frontend {

// The id (arm64_insn) of the base instruction that `word`, disassembled as `id`, is an alias of: cset -> csinc, lsl ->
// ubfm or lslv's lsl, cmp -> sub, mov -> orr ... Ids outside data processing of general registers and the system class
// are returned as they are.
unsigned base_id(unsigned id, u32 word);

}  // namespace ferry::frontend
