// Small operands of IR ops: memory access description, comparison kinds, rounding, exits.
#pragma once
#include "core/types.h"

namespace ferry::ir {

enum class CmpKind : u8 { Eq, Ne, Slt, Sle, Ult, Ule };
enum class RmwKind : u8 { Swap, Add, Clr, Eor, Set, SMax, SMin, UMax, UMin };
enum class FenceKind : u8 { Load, Store, Full };  // DMB LD, DMB ST, DMB SY or ISH
enum class Order : u8 { None, Acquire, Release, Both };
enum class IndirectKind : u8 { Jump, Call, Return };
enum class DispatchReason : u8 { ContextChanged, Wfi, Wfe, Yield, BlockLimit, Interpret };
// Rounding of FRound, FToS ...: the first four have FPCR.RMode's encoding.
enum class FpRound : u8 { TieEven, PlusInf, MinusInf, Zero, TieAway, Current, CurrentExact };

// How a guest access is made: the imm of every Mem op, and the low bits of the description that slow paths receive.
struct MemInfo {
  u8 size_log2 = 3;           // element size 1..16 bytes: 0..4
  bool sign = false;          // sign-extend the loaded element to the value's type
  bool pair = false;          // two elements, consecutive
  bool unprivileged = false;  // LDTR/STTR: as EL0
  bool exclusive = false;     // LDXR/STXR: monitor
  bool aligned = false;       // alignment to the whole access required whatever SCTLR.A says (ordered accesses, exclusives, LSE)
  bool write = false;         // a store, or a read-modify-write (permission faults are reported as writes)
  bool zero_block = false;    // DC ZVA: 64 bytes, address rounded down
  Order order = Order::None;

  // Twelve bits: 0..11.
  constexpr u64 encode() const {
    return u64{size_log2} | u64{sign} << 3 | u64{pair} << 4 | u64{unprivileged} << 5 | u64{exclusive} << 6 |
           u64{aligned} << 7 | u64{write} << 8 | u64{zero_block} << 9 | static_cast<u64>(order) << 10;
  }
  static constexpr MemInfo decode(u64 v) {
    return {.size_log2 = static_cast<u8>(v & 7), .sign = bit(v, 3), .pair = bit(v, 4), .unprivileged = bit(v, 5),
            .exclusive = bit(v, 6), .aligned = bit(v, 7), .write = bit(v, 8), .zero_block = bit(v, 9),
            .order = static_cast<Order>(bits(v, 11, 10))};
  }
  // Bytes touched in all: 1..32.
  constexpr unsigned bytes() const { return (1u << size_log2) << (pair ? 1 : 0); }
};

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
