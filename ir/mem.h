// Small operands of IR ops: memory access description, comparison kinds, rounding, exits.
#pragma once
#include "core/access.h"
#include "core/types.h"

namespace ferry::ir {

using ferry::MemInfo;
using ferry::Order;
using ferry::RmwKind;

enum class CmpKind : u8 { Eq, Ne, Slt, Sle, Ult, Ule };
enum class FenceKind : u8 { Load, Store, Full };  // DMB LD, DMB ST, DMB SY or ISH
enum class IndirectKind : u8 { Jump, Call, Return };
// PSTATE.BTYPE after the branch goes along: 0..3, where 3 stands for "3 from a guarded page, 1 from another".
constexpr u8 indirect_aux(IndirectKind kind, unsigned btype) {
  return static_cast<u8>(static_cast<unsigned>(kind) | btype << 4);
}
constexpr IndirectKind indirect_kind(u8 aux) { return static_cast<IndirectKind>(aux & 15); }
constexpr unsigned indirect_btype(u8 aux) { return aux >> 4; }
enum class DispatchReason : u8 { ContextChanged, Wfi, Wfe, Yield, BlockLimit, Interpret };
// Rounding of FRound, FToS ...: the first four have FPCR.RMode's encoding.
enum class FpRound : u8 { TieEven, PlusInf, MinusInf, Zero, TieAway, Current, CurrentExact };

// Two page-relative byte offsets in one imm: ExitIf (taken, not taken) and ExitCall (target, return).
constexpr u64 exit_offsets(i32 first, i32 second) {
  return static_cast<u32>(first) | u64{static_cast<u32>(second)} << 32;
}
constexpr i32 first_offset(u64 imm) { return static_cast<i32>(static_cast<u32>(imm)); }
constexpr i32 second_offset(u64 imm) { return static_cast<i32>(static_cast<u32>(imm >> 32)); }

// Insn marker.
constexpr u64 insn_marker(u32 word, u32 word_index) { return word | u64{word_index} << 32; }
constexpr u32 marker_word(u64 imm) { return static_cast<u32>(imm); }
constexpr u32 marker_index(u64 imm) { return static_cast<u32>(imm >> 32); }

}  // namespace ferry::ir
