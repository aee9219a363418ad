// Load/store exclusive and ordered (Arm ARM DDI 0487, C4.1.4). Compare and swap is in load_store_atomic.cpp.
//
// UNPREDICTABLE: chose, for a store exclusive whose status register is its data or its base, that the old value is
// stored to the old address; for a load exclusive pair with two equal targets, the second element; and that the
// should-be-one register fields are ignored.
#include <capstone/arm64.h>

#include "frontend/addressing.h"
#include "frontend/pattern.h"

namespace ferry::frontend {
namespace {

using ir::Op;
using ir::Order;
using ir::Type;
using ir::Value;

constexpr Access access_of(unsigned size_log2) { return {static_cast<u8>(size_log2), false, false, size_log2 == 3}; }

// LDXRB, LDXRH, LDXR, LDAXRB ...; LDARB, LDARH, LDAR
template <unsigned Size, bool Exclusive, Order Ordering>
void load_ordered(Context& c, unsigned n, unsigned t) {
  c.set_x(t, load_element(c, access_of(Size), base_address(c, n), ordered_access(c, Ordering, Exclusive)));
}

// STLRB, STLRH, STLR
template <unsigned Size>
void store_release(Context& c, unsigned n, unsigned t) {
  const Value address = base_address(c, n);
  store_element(c, access_of(Size), address, c.x(access_type(access_of(Size)), t), ordered_access(c, Order::Release));
}

// STXRB, STXRH, STXR, STLXRB ...
template <unsigned Size, Order Ordering>
void store_exclusive(Context& c, unsigned s, unsigned n, unsigned t) {
  const Type type = access_type(access_of(Size));
  const Value address = base_address(c, n);
  const Value v = swap_if_big_endian(c, c.x(type, t), Size);
  ir::MemInfo m = ordered_access(c, Ordering, true);
  m.size_log2 = static_cast<u8>(Size);
  m.write = true;
  c.set_x(s, c.b.emit({.op = Op::StoreEx, .type = type, .args = ir::args(address, v), .imm = m.encode()}));
}

// LDXP, LDAXP. A pair of words is one 64-bit access: in big-endian order its halves change places (each word is swapped
// by itself).
template <unsigned Size, Order Ordering>
void load_exclusive_pair(Context& c, unsigned t2, unsigned n, unsigned t) {
  ir::MemInfo m = ordered_access(c, Ordering, true);
  m.size_log2 = static_cast<u8>(Size);
  const Value first = c.b.load_pair(access_type(access_of(Size)), base_address(c, n), m);
  const Value low = swap_if_big_endian(c, first, Size);
  const Value high = swap_if_big_endian(c, c.b.second(first), Size);
  if (t != t2) c.set_x(t, low);
  c.set_x(t2, high);
}

// STXP, STLXP
template <unsigned Size, Order Ordering>
void store_exclusive_pair(Context& c, unsigned s, unsigned t2, unsigned n, unsigned t) {
  const Type type = access_type(access_of(Size));
  const Value address = base_address(c, n);
  const Value low = swap_if_big_endian(c, c.x(type, t), Size);
  const Value high = swap_if_big_endian(c, c.x(type, t2), Size);
  ir::MemInfo m = ordered_access(c, Ordering, true);
  m.size_log2 = static_cast<u8>(Size);
  m.pair = m.write = true;
  c.set_x(s, c.b.emit({.op = Op::StoreExPair, .type = type, .args = ir::args(address, low, high), .imm = m.encode()}));
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // Load/store exclusive register
    row<"00 001000 0 0 0 sssss 0 ----- nnnnn ttttt", store_exclusive<0, Order::None>>(ARM64_INS_STXRB, "STXRB"),
    row<"00 001000 0 0 0 sssss 1 ----- nnnnn ttttt", store_exclusive<0, Order::Release>>(ARM64_INS_STLXRB, "STLXRB"),
    row<"00 001000 0 1 0 ----- 0 ----- nnnnn ttttt", load_ordered<0, true, Order::None>>(ARM64_INS_LDXRB, "LDXRB"),
    row<"00 001000 0 1 0 ----- 1 ----- nnnnn ttttt", load_ordered<0, true, Order::Acquire>>(ARM64_INS_LDAXRB, "LDAXRB"),
    row<"01 001000 0 0 0 sssss 0 ----- nnnnn ttttt", store_exclusive<1, Order::None>>(ARM64_INS_STXRH, "STXRH"),
    row<"01 001000 0 0 0 sssss 1 ----- nnnnn ttttt", store_exclusive<1, Order::Release>>(ARM64_INS_STLXRH, "STLXRH"),
    row<"01 001000 0 1 0 ----- 0 ----- nnnnn ttttt", load_ordered<1, true, Order::None>>(ARM64_INS_LDXRH, "LDXRH"),
    row<"01 001000 0 1 0 ----- 1 ----- nnnnn ttttt", load_ordered<1, true, Order::Acquire>>(ARM64_INS_LDAXRH, "LDAXRH"),
    row<"10 001000 0 0 0 sssss 0 ----- nnnnn ttttt", store_exclusive<2, Order::None>>(ARM64_INS_STXR, "STXR"),
    row<"10 001000 0 0 0 sssss 1 ----- nnnnn ttttt", store_exclusive<2, Order::Release>>(ARM64_INS_STLXR, "STLXR"),
    row<"10 001000 0 1 0 ----- 0 ----- nnnnn ttttt", load_ordered<2, true, Order::None>>(ARM64_INS_LDXR, "LDXR"),
    row<"10 001000 0 1 0 ----- 1 ----- nnnnn ttttt", load_ordered<2, true, Order::Acquire>>(ARM64_INS_LDAXR, "LDAXR"),
    row<"11 001000 0 0 0 sssss 0 ----- nnnnn ttttt", store_exclusive<3, Order::None>>(ARM64_INS_STXR, "STXR"),
    row<"11 001000 0 0 0 sssss 1 ----- nnnnn ttttt", store_exclusive<3, Order::Release>>(ARM64_INS_STLXR, "STLXR"),
    row<"11 001000 0 1 0 ----- 0 ----- nnnnn ttttt", load_ordered<3, true, Order::None>>(ARM64_INS_LDXR, "LDXR"),
    row<"11 001000 0 1 0 ----- 1 ----- nnnnn ttttt", load_ordered<3, true, Order::Acquire>>(ARM64_INS_LDAXR, "LDAXR"),
    // Load/store exclusive pair
    row<"10 001000 0 0 1 sssss 0 uuuuu nnnnn ttttt", store_exclusive_pair<2, Order::None>>(ARM64_INS_STXP, "STXP"),
    row<"10 001000 0 0 1 sssss 1 uuuuu nnnnn ttttt", store_exclusive_pair<2, Order::Release>>(ARM64_INS_STLXP, "STLXP"),
    row<"10 001000 0 1 1 ----- 0 uuuuu nnnnn ttttt", load_exclusive_pair<2, Order::None>>(ARM64_INS_LDXP, "LDXP"),
    row<"10 001000 0 1 1 ----- 1 uuuuu nnnnn ttttt", load_exclusive_pair<2, Order::Acquire>>(ARM64_INS_LDAXP, "LDAXP"),
    row<"11 001000 0 0 1 sssss 0 uuuuu nnnnn ttttt", store_exclusive_pair<3, Order::None>>(ARM64_INS_STXP, "STXP"),
    row<"11 001000 0 0 1 sssss 1 uuuuu nnnnn ttttt", store_exclusive_pair<3, Order::Release>>(ARM64_INS_STLXP, "STLXP"),
    row<"11 001000 0 1 1 ----- 0 uuuuu nnnnn ttttt", load_exclusive_pair<3, Order::None>>(ARM64_INS_LDXP, "LDXP"),
    row<"11 001000 0 1 1 ----- 1 uuuuu nnnnn ttttt", load_exclusive_pair<3, Order::Acquire>>(ARM64_INS_LDAXP, "LDAXP"),
    // Load/store ordered
    // FEAT_LOR: STLLRB, STLLRH, STLLR, LDLARB, LDLARH, LDLAR: o0 = 0
    row<"00 001000 1 0 0 ----- 1 ----- nnnnn ttttt", store_release<0>>(ARM64_INS_STLRB, "STLRB"),
    row<"00 001000 1 1 0 ----- 1 ----- nnnnn ttttt", load_ordered<0, false, Order::Acquire>>(ARM64_INS_LDARB, "LDARB"),
    row<"01 001000 1 0 0 ----- 1 ----- nnnnn ttttt", store_release<1>>(ARM64_INS_STLRH, "STLRH"),
    row<"01 001000 1 1 0 ----- 1 ----- nnnnn ttttt", load_ordered<1, false, Order::Acquire>>(ARM64_INS_LDARH, "LDARH"),
    row<"10 001000 1 0 0 ----- 1 ----- nnnnn ttttt", store_release<2>>(ARM64_INS_STLR, "STLR"),
    row<"10 001000 1 1 0 ----- 1 ----- nnnnn ttttt", load_ordered<2, false, Order::Acquire>>(ARM64_INS_LDAR, "LDAR"),
    row<"11 001000 1 0 0 ----- 1 ----- nnnnn ttttt", store_release<3>>(ARM64_INS_STLR, "STLR"),
    row<"11 001000 1 1 0 ----- 1 ----- nnnnn ttttt", load_ordered<3, false, Order::Acquire>>(ARM64_INS_LDAR, "LDAR"),
};
// clang-format on

}  // namespace

std::span<const Row> load_store_exclusive_rows() { return kRows; }

}  // namespace ferry::frontend
