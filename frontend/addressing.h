// What loads and stores share: the base register, the alignment check of SP, byte order.
#pragma once
#include "frontend/insn.h"

namespace ferry::frontend {

// One general-register access, as the size and opc fields give it.
struct Access {
  u8 size_log2 = 3;
  bool load = false;
  bool sign = false;
  bool wide = false;  // the register is X
};

// The base register as an address. SP is checked first when SCTLR_ELx.SA (or SA0) says so: CheckSPAlignment.
ir::Value base_address(Context& c, unsigned n, bool check_sp = true);

// address + offset.
ir::Value offset_address(Context& c, ir::Value base, i64 offset);

// Rn := address (writeback); keeps track of what is known of SP.
void write_back(Context& c, unsigned n, ir::Value address, i64 offset);

// The type a register of this access has.
constexpr ir::Type access_type(Access a) { return a.wide ? ir::Type::I64 : ir::Type::I32; }

// Memory byte order <-> value for an element of 2^size_log2 bytes in the low bits of v; v is zero above it.
ir::Value swap_if_big_endian(Context& c, ir::Value v, unsigned size_log2);

// An access with an order, which is exclusive, or which is a read-modify-write: aligned, under FEAT_LSE2 to what lies
// in 16 bytes.
inline ir::MemInfo ordered_access(const Context& c, ir::Order order, bool exclusive = false) {
  return {.exclusive = exclusive, .aligned = true, .order = order, .within_16 = c.has(cpu::Feature::LSE2)};
}

// Mem[address] as the register's value: byte order and sign extension done.
ir::Value load_element(Context& c, Access a, ir::Value address, ir::MemInfo m = {});
void store_element(Context& c, Access a, ir::Value address, ir::Value v, ir::MemInfo m = {});

}  // namespace ferry::frontend
