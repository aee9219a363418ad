// Atomic memory operations, compare and swap, and the load-acquire of FEAT_LRCPC (Arm ARM DDI 0487, C4.1.94: the groups
// "Compare and swap", "Compare and swap pair", "Atomic memory operations", "LDAPR/STLR (unscaled immediate)").
//
// The ST forms (STADD ...) are the LD forms with target XZR.
#include "frontend/addressing.h"
#include "frontend/pattern.h"

namespace ferry::frontend {
namespace {

using cpu::Feature;
using ir::Op;
using ir::Order;
using ir::RmwKind;
using ir::Type;
using ir::Value;

Type type_of_size(unsigned size_log2) { return size_log2 == 3 ? Type::I64 : Type::I32; }

ir::MemInfo atomic_access(const Context& c, unsigned size_log2, bool acquire, bool release) {
  ir::MemInfo m = ordered_access(c, static_cast<Order>((acquire ? 1u : 0u) | (release ? 2u : 0u)));
  m.size_log2 = static_cast<u8>(size_log2);
  m.write = true;
  return m;
}

// CASB, CASH, CAS and their A, L and AL forms
void compare_and_swap(Context& c, unsigned size, unsigned acquire, unsigned s, unsigned release, unsigned n,
                      unsigned t) {
  const Type type = type_of_size(size);
  const Value address = base_address(c, n);
  const Value expected = swap_if_big_endian(c, c.x(type, s), size), desired = swap_if_big_endian(c, c.x(type, t), size);
  const Value old = c.b.emit({.op = Op::Cas,
                              .type = type,
                              .args = ir::args(address, expected, desired),
                              .imm = atomic_access(c, size, acquire != 0, release != 0).encode()});
  c.set_x(s, swap_if_big_endian(c, old, size));
}

// Two registers as the operand of a CasPair: the lower address in the low half.
Value pair_operand(Context& c, unsigned size_log2, unsigned n) {
  const auto half = [&](unsigned r) {
    return c.b.zext_w(swap_if_big_endian(c, c.x(type_of_size(size_log2), r), size_log2));
  };
  const Value low = half(n), high = half(n + 1);
  return c.b.emit({.op = Op::VFromPair, .type = Type::V128, .args = ir::args(low, high)});
}

// CASP, CASPA, CASPL, CASPAL: odd registers are UNDEFINED.
void compare_and_swap_pair(Context& c, unsigned sz, unsigned acquire, unsigned s, unsigned release, unsigned n,
                           unsigned t) {
  if (s % 2 != 0 || t % 2 != 0) return c.undefined();
  const unsigned size = 2 + sz;
  const Value address = base_address(c, n);
  const Value expected = pair_operand(c, size, s), desired = pair_operand(c, size, t);
  ir::MemInfo m = atomic_access(c, size, acquire != 0, release != 0);
  m.pair = true;
  const Value old = c.b.emit(
      {.op = Op::CasPair, .type = Type::V128, .args = ir::args(address, expected, desired), .imm = m.encode()});
  for (unsigned half = 0; half < 2; ++half) {
    const Value v = c.b.vextract(3, old, half);
    c.set_x(s + half, swap_if_big_endian(c, size == 2 ? c.b.trunc(v) : v, size));
  }
}

// LDADD, LDCLR, LDEOR, LDSET, LDSMAX, LDSMIN, LDUMAX, LDUMIN, SWP: all sizes and A, L and AL forms
template <RmwKind Kind>
void read_modify_write(Context& c, unsigned size, unsigned acquire, unsigned release, unsigned s, unsigned n,
                       unsigned t) {
  const Type type = type_of_size(size);
  const Value address = base_address(c, n), operand = c.x(type, s);
  const bool reversed = c.mode.big_endian() != 0 && size != 0;
  const bool acquires = acquire != 0 && t != 31;
  c.set_x(t, c.b.emit({.op = Op::AtomicRmw,
                       .type = type,
                       .aux = static_cast<u8>(static_cast<u64>(Kind) | (reversed ? kRmwReversed : 0)),
                       .args = ir::args(address, operand),
                       .imm = atomic_access(c, size, acquires, release != 0).encode()}));
}

// LDAPRB, LDAPRH, LDAPR. UNPREDICTABLE: chose UNDEFINED when the should-be-one field is not.
void load_acquire_pc(Context& c, unsigned size, unsigned n, unsigned t) {
  const Access a{static_cast<u8>(size), true, false, size == 3};
  c.set_x(t, load_element(c, a, base_address(c, n), ordered_access(c, Order::Acquire)));
}

// LDAPURB ... LDAPUR, LDAPURSB, LDAPURSH, LDAPURSW
template <bool Sign, bool Wide>
void load_acquire_unscaled(Context& c, unsigned size, unsigned imm9, unsigned n, unsigned t) {
  if (Sign && size >= (Wide ? 3u : 2u)) return c.undefined();
  const Access a{static_cast<u8>(size), true, Sign, Sign ? Wide : size == 3};
  const Value address = offset_address(c, base_address(c, n), sign_extend(imm9, 9));
  c.set_x(t, load_element(c, a, address, ordered_access(c, Order::Acquire)));
}

// STLURB, STLURH, STLUR
void store_release_unscaled(Context& c, unsigned size, unsigned imm9, unsigned n, unsigned t) {
  const Access a{static_cast<u8>(size), false, false, size == 3};
  const Value address = offset_address(c, base_address(c, n), sign_extend(imm9, 9));
  store_element(c, a, address, c.x(access_type(a), t), ordered_access(c, Order::Release));
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // Compare and swap pair
    row<"0 z 001000 0 a 1 sssss r 11111 nnnnn ttttt", compare_and_swap_pair, Feature::LSE>("CASP"),
    // Compare and swap
    row<"zz 001000 1 a 1 sssss r 11111 nnnnn ttttt", compare_and_swap, Feature::LSE>("CAS"),
    // LDAPR/STLR (unscaled immediate)
    row<"zz 011 0 01 00 0 iiiiiiiii 00 nnnnn ttttt", store_release_unscaled, Feature::LRCPC2>("STLUR"),
    row<"zz 011 0 01 01 0 iiiiiiiii 00 nnnnn ttttt", load_acquire_unscaled<false, false>, Feature::LRCPC2>("LDAPUR"),
    row<"zz 011 0 01 10 0 iiiiiiiii 00 nnnnn ttttt", load_acquire_unscaled<true, true>, Feature::LRCPC2>("LDAPURS (64-bit)"),
    row<"zz 011 0 01 11 0 iiiiiiiii 00 nnnnn ttttt", load_acquire_unscaled<true, false>, Feature::LRCPC2>("LDAPURS (32-bit)"),
    // Atomic memory operations
    row<"zz 111 0 00 a r 1 sssss 0 000 00 nnnnn ttttt", read_modify_write<RmwKind::Add>, Feature::LSE>("LDADD"),
    row<"zz 111 0 00 a r 1 sssss 0 001 00 nnnnn ttttt", read_modify_write<RmwKind::Clr>, Feature::LSE>("LDCLR"),
    row<"zz 111 0 00 a r 1 sssss 0 010 00 nnnnn ttttt", read_modify_write<RmwKind::Eor>, Feature::LSE>("LDEOR"),
    row<"zz 111 0 00 a r 1 sssss 0 011 00 nnnnn ttttt", read_modify_write<RmwKind::Set>, Feature::LSE>("LDSET"),
    row<"zz 111 0 00 a r 1 sssss 0 100 00 nnnnn ttttt", read_modify_write<RmwKind::SMax>, Feature::LSE>("LDSMAX"),
    row<"zz 111 0 00 a r 1 sssss 0 101 00 nnnnn ttttt", read_modify_write<RmwKind::SMin>, Feature::LSE>("LDSMIN"),
    row<"zz 111 0 00 a r 1 sssss 0 110 00 nnnnn ttttt", read_modify_write<RmwKind::UMax>, Feature::LSE>("LDUMAX"),
    row<"zz 111 0 00 a r 1 sssss 0 111 00 nnnnn ttttt", read_modify_write<RmwKind::UMin>, Feature::LSE>("LDUMIN"),
    row<"zz 111 0 00 a r 1 sssss 1 000 00 nnnnn ttttt", read_modify_write<RmwKind::Swap>, Feature::LSE>("SWP"),
    row<"zz 111 0 00 1 0 1 11111 1 100 00 nnnnn ttttt", load_acquire_pc, Feature::LRCPC>("LDAPR"),
    // FEAT_LS64: LD64B, ST64B, ST64BV, ST64BV0      FEAT_LRCPC3: LDAPR and STLR with writeback
};
// clang-format on

}  // namespace

std::span<const Row> load_store_atomic_rows() { return kRows; }

}  // namespace ferry::frontend
