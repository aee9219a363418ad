// Addresses and byte order of loads and stores (Arm ARM DDI 0487, shared/functions/memory and
// aarch64/functions/memory).
#include "frontend/addressing.h"

#include "cpu/state.h"

namespace ferry::frontend {

using ir::Op;
using ir::Type;
using ir::Value;

Value base_address(Context& c, unsigned n, bool check_sp) {
  const Value base = c.b.get_x(Type::I64, n);
  if (n != 31 || !check_sp || c.mode.sp_align_check() == 0 || c.sp_aligned) return base;
  c.b.call(static_cast<u32>(cpu::Helper::check_sp_alignment), Type::None, base);
  c.sp_aligned = true;
  return base;
}

Value offset_address(Context& c, Value base, i64 offset) {
  return offset == 0 ? base : c.b.add_imm(base, static_cast<u64>(offset));
}

void write_back(Context& c, unsigned n, Value address, i64 offset) {
  if (n == 31 && offset % 16 != 0) c.sp_aligned = false;
  c.set_x_sp(n, address);
}

Value swap_if_big_endian(Context& c, Value v, unsigned size_log2) {
  if (c.mode.big_endian() == 0 || size_log2 == 0) return v;
  const bool wide = c.b.type(v) == Type::I64;
  switch (size_log2) {
    case 1: return c.b.unary(Op::Rev16, v);
    case 2: return c.b.unary(wide ? Op::Rev32 : Op::Rev, v);
    default: return c.b.unary(Op::Rev, v);
  }
}

Value load_element(Context& c, Access a, Value address, ir::MemInfo m) {
  const Type t = access_type(a);
  m.size_log2 = a.size_log2;
  const bool swapped = c.mode.big_endian() != 0 && a.size_log2 != 0;
  m.sign = a.sign && !swapped;
  const Value loaded = swap_if_big_endian(c, c.b.load(t, address, m), a.size_log2);
  return a.sign && swapped ? c.b.sext(loaded, 8u << a.size_log2) : loaded;
}

void store_element(Context& c, Access a, Value address, Value v, ir::MemInfo m) {
  m.size_log2 = a.size_log2;
  c.b.store(address, swap_if_big_endian(c, v, a.size_log2), m);
}

}  // namespace ferry::frontend
