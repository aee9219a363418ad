// How a guest memory access is described: shared by the IR (imm of every Mem op), translated code and the memory
// system.
#pragma once
#include "core/types.h"

namespace ferry {

enum class RmwKind : u8 { Swap, Add, Clr, Eor, Set, SMax, SMin, UMax, UMin };
constexpr u64 kRmwCas = 16;       // the `kind` of AtomicFn that means compare and swap
constexpr u64 kRmwReversed = 32;  // ORed to a RmwKind: memory holds the bytes of the value in reverse (big-endian)
enum class Order : u8 { None, Acquire, Release, Both };

// How a guest access is made: the imm of every Mem op, and the low bits of the description that slow paths receive.
struct MemInfo {
  u8 size_log2 = 3;           // element size 1..16 bytes: 0..4
  bool sign = false;          // sign-extend the loaded element to the value's type
  bool pair = false;          // two elements, consecutive
  bool unprivileged = false;  // LDTR/STTR: as EL0
  bool exclusive = false;     // LDXR/STXR: monitor
  bool aligned =
      false;  // alignment to the whole access required whatever SCTLR.A says (ordered accesses, exclusives, LSE)
  bool write = false;       // a store, or a read-modify-write
  bool zero_block = false;  // DC ZVA: 64 bytes, address rounded down
  Order order = Order::None;
  // FEAT_LSE2: an access that lies in 16 aligned bytes is single-copy atomic, the two elements of a pair together; and
  // `aligned` asks for no more than that, unless SCTLR.A is set.
  bool within_16 = false;

  // Thirteen bits: 0..12.
  constexpr u64 encode() const {
    return u64{size_log2} | u64{sign} << 3 | u64{pair} << 4 | u64{unprivileged} << 5 | u64{exclusive} << 6 |
           u64{aligned} << 7 | u64{write} << 8 | u64{zero_block} << 9 | static_cast<u64>(order) << 10 |
           u64{within_16} << 12;
  }
  static constexpr MemInfo decode(u64 v) {
    return {.size_log2 = static_cast<u8>(v & 7),
            .sign = bit(v, 3),
            .pair = bit(v, 4),
            .unprivileged = bit(v, 5),
            .exclusive = bit(v, 6),
            .aligned = bit(v, 7),
            .write = bit(v, 8),
            .zero_block = bit(v, 9),
            .order = static_cast<Order>(bits(v, 11, 10)),
            .within_16 = bit(v, 12)};
  }
  // Bytes touched in all: 1..32.
  constexpr unsigned bytes() const { return (1u << size_log2) << (pair ? 1 : 0); }
};

// The description that a memory slow path receives: MemInfo in bits 0..12, cpu::make_site() in bits 13..30.
constexpr u32 make_access(u64 mem_info, u32 site) { return static_cast<u32>(mem_info & 0x1fff) | site << 13; }
constexpr u32 access_site(u32 access) { return access >> 13; }

}  // namespace ferry
