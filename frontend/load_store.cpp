// Loads and Stores of general registers (Arm ARM DDI 0487, C4.1.4): literal, pair, and the single-register forms.
// Exclusive and ordered accesses are in load_store_exclusive.cpp, SIMD and FP registers in load_store_simd.cpp.
#include <capstone/arm64.h>

#include "frontend/addressing.h"
#include "frontend/operands.h"
#include "frontend/pattern.h"
#include "frontend/pauth.h"

namespace ferry::frontend {
namespace {

using ir::Type;
using ir::Value;

constexpr Access kStrb{0, false, false, false}, kLdrb{0, true, false, false}, kLdrsbX{0, true, true, true},
    kLdrsbW{0, true, true, false};
constexpr Access kStrh{1, false, false, false}, kLdrh{1, true, false, false}, kLdrshX{1, true, true, true},
    kLdrshW{1, true, true, false};
constexpr Access kStrW{2, false, false, false}, kLdrW{2, true, false, false}, kLdrsw{2, true, true, true};
constexpr Access kStrX{3, false, false, true}, kLdrX{3, true, false, true};

// UNPREDICTABLE: chose that a load with writeback whose target is its base keeps the loaded value (no writeback), and
// that a store with writeback of its own base stores the old value.
void transfer(Context& c, Access a, Value address, unsigned t, ir::MemInfo m = {}) {
  if (a.load) {
    c.set_x(t, load_element(c, a, address, m));
  } else {
    store_element(c, a, address, c.x(access_type(a), t), m);
  }
}
void transfer_and_write_back(Context& c, Access a, Value address, Value new_base, i64 offset, unsigned n, unsigned t) {
  if (!a.load) {
    store_element(c, a, address, c.x(access_type(a), t));
    return write_back(c, n, new_base, offset);
  }
  const Value loaded = load_element(c, a, address);
  if (n == 31 || n != t) write_back(c, n, new_base, offset);
  c.set_x(t, loaded);
}

// LDR (literal), LDRSW (literal)
template <Access A>
void literal(Context& c, unsigned imm19, unsigned t) {
  c.set_x(t, load_element(c, A, c.pc_plus(sign_extend(imm19, 19) * 4)));
}

// PRFM in all its forms: a hint without an effect.
void prefetch_literal(Context&, unsigned, unsigned) {}
void prefetch(Context&, unsigned, unsigned, unsigned) {}

// LDR, STR (unsigned offset) and their sizes
template <Access A>
void unsigned_offset(Context& c, unsigned imm12, unsigned n, unsigned t) {
  transfer(c, A, offset_address(c, base_address(c, n), static_cast<i64>(u64{imm12} << A.size_log2)), t);
}

// LDUR, STUR and their sizes
template <Access A>
void unscaled(Context& c, unsigned imm9, unsigned n, unsigned t) {
  transfer(c, A, offset_address(c, base_address(c, n), sign_extend(imm9, 9)), t);
}

// LDTR, STTR and their sizes: as EL0 does it, unless already there or PSTATE.UAO says otherwise.
template <Access A>
void unprivileged(Context& c, unsigned imm9, unsigned n, unsigned t) {
  const ir::MemInfo m{.unprivileged = c.mode.el() == 1 && c.mode.uao() == 0};
  transfer(c, A, offset_address(c, base_address(c, n), sign_extend(imm9, 9)), t, m);
}

// LDR, STR (immediate), post-index and pre-index, and their sizes
template <Access A>
void post_index(Context& c, unsigned imm9, unsigned n, unsigned t) {
  const i64 offset = sign_extend(imm9, 9);
  const Value base = base_address(c, n);
  transfer_and_write_back(c, A, base, offset_address(c, base, offset), offset, n, t);
}
template <Access A>
void pre_index(Context& c, unsigned imm9, unsigned n, unsigned t) {
  const i64 offset = sign_extend(imm9, 9);
  const Value address = offset_address(c, base_address(c, n), offset);
  transfer_and_write_back(c, A, address, address, offset, n, t);
}

// LDR, STR (register) and their sizes
template <Access A>
void register_offset(Context& c, unsigned m, unsigned option, unsigned scaled, unsigned n, unsigned t) {
  if ((option & 2) == 0) return c.undefined();
  const Value base = base_address(c, n);
  transfer(c, A, c.b.add(base, extended_register(c, Type::I64, m, option, scaled != 0 ? A.size_log2 : 0)), t);
}
void prefetch_register(Context& c, unsigned, unsigned option, unsigned, unsigned, unsigned) {
  if ((option & 2) == 0) c.undefined();
}

// LDRAA, LDRAB: the base is authenticated with zero as modifier.
void load_authenticated(Context& c, unsigned key, unsigned s, unsigned imm9, unsigned w, unsigned n, unsigned t) {
  const i64 offset = sign_extend(s << 9 | imm9, 10) * 8;
  const Value base = authenticate(c, base_address(c, n), c.b.imm64(0), key == 0 ? cpu::PacKey::DA : cpu::PacKey::DB);
  const Value address = offset_address(c, base, offset);
  if (w == 0) return transfer(c, kLdrX, address, t);
  if (n == 31) c.sp_aligned = false;
  transfer_and_write_back(c, kLdrX, address, address, offset, n, t);
}

// LDP, LDPSW. UNPREDICTABLE: chose, for two equal targets, the second element; and no writeback when a target is the
// base.
void load_pair(Context& c, Access a, Value address, unsigned t, unsigned t2, Value new_base, i64 wback, unsigned n) {
  const bool swapped = c.mode.big_endian() != 0;
  const ir::MemInfo m{.size_log2 = a.size_log2, .sign = a.sign && !swapped, .within_16 = c.has(cpu::Feature::LSE2)};
  const Value first = c.b.load_pair(access_type(a), address, m);
  Value low = swap_if_big_endian(c, first, a.size_log2);
  Value high = swap_if_big_endian(c, c.b.second(first), a.size_log2);
  if (a.sign && swapped) {
    low = c.b.sext(low, 32);
    high = c.b.sext(high, 32);
  }
  if (new_base != ir::kNoValue && (n == 31 || (n != t && n != t2))) write_back(c, n, new_base, wback);
  if (t != t2) c.set_x(t, low);
  c.set_x(t2, high);
}
void store_pair(Context& c, Access a, Value address, unsigned t, unsigned t2, Value new_base, i64 wback, unsigned n) {
  const Value low = swap_if_big_endian(c, c.x(access_type(a), t), a.size_log2);
  const Value high = swap_if_big_endian(c, c.x(access_type(a), t2), a.size_log2);
  c.b.store_pair(address, low, high, {.size_log2 = a.size_log2, .within_16 = c.has(cpu::Feature::LSE2)});
  if (new_base != ir::kNoValue) write_back(c, n, new_base, wback);
}
void pair(Context& c, Access a, Value address, unsigned t, unsigned t2, Value new_base, i64 wback, unsigned n) {
  a.load ? load_pair(c, a, address, t, t2, new_base, wback, n) : store_pair(c, a, address, t, t2, new_base, wback, n);
}

// LDP, STP, LDPSW, LDNP, STNP: offset, post-index and pre-index
template <Access A>
void pair_offset(Context& c, unsigned imm7, unsigned t2, unsigned n, unsigned t) {
  const i64 offset = sign_extend(imm7, 7) * (1 << A.size_log2);
  pair(c, A, offset_address(c, base_address(c, n), offset), t, t2, ir::kNoValue, 0, n);
}
template <Access A>
void pair_post(Context& c, unsigned imm7, unsigned t2, unsigned n, unsigned t) {
  const i64 offset = sign_extend(imm7, 7) * (1 << A.size_log2);
  const Value base = base_address(c, n);
  pair(c, A, base, t, t2, offset_address(c, base, offset), offset, n);
}
template <Access A>
void pair_pre(Context& c, unsigned imm7, unsigned t2, unsigned n, unsigned t) {
  const i64 offset = sign_extend(imm7, 7) * (1 << A.size_log2);
  const Value address = offset_address(c, base_address(c, n), offset);
  pair(c, A, address, t, t2, address, offset, n);
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // Load register (literal)
    row<"00 011 0 00 iiiiiiiiiiiiiiiiiii ttttt", literal<kLdrW>>(ARM64_INS_LDR, "LDR (literal)"),
    row<"01 011 0 00 iiiiiiiiiiiiiiiiiii ttttt", literal<kLdrX>>(ARM64_INS_LDR, "LDR (literal)"),
    row<"10 011 0 00 iiiiiiiiiiiiiiiiiii ttttt", literal<kLdrsw>>(ARM64_INS_LDRSW, "LDRSW (literal)"),
    row<"11 011 0 00 iiiiiiiiiiiiiiiiiii ttttt", prefetch_literal>(ARM64_INS_PRFM, "PRFM (literal)"),
    // FEAT_MTE: STG, LDG ...      FEAT_LRCPC2: LDAPUR, STLUR ...      FEAT_MOPS: CPYFP ...
    // Load/store no-allocate pair (offset)
    row<"00 101 0 000 0 iiiiiii sssss nnnnn ttttt", pair_offset<kStrW>>(ARM64_INS_STNP, "STNP"),
    row<"00 101 0 000 1 iiiiiii sssss nnnnn ttttt", pair_offset<kLdrW>>(ARM64_INS_LDNP, "LDNP"),
    row<"10 101 0 000 0 iiiiiii sssss nnnnn ttttt", pair_offset<kStrX>>(ARM64_INS_STNP, "STNP"),
    row<"10 101 0 000 1 iiiiiii sssss nnnnn ttttt", pair_offset<kLdrX>>(ARM64_INS_LDNP, "LDNP"),
    // Load/store register pair (post-indexed)
    row<"00 101 0 001 0 iiiiiii sssss nnnnn ttttt", pair_post<kStrW>>(ARM64_INS_STP, "STP"),
    row<"00 101 0 001 1 iiiiiii sssss nnnnn ttttt", pair_post<kLdrW>>(ARM64_INS_LDP, "LDP"),
    // FEAT_MTE: STGP, opc = 01, L = 0
    row<"01 101 0 001 1 iiiiiii sssss nnnnn ttttt", pair_post<kLdrsw>>(ARM64_INS_LDPSW, "LDPSW"),
    row<"10 101 0 001 0 iiiiiii sssss nnnnn ttttt", pair_post<kStrX>>(ARM64_INS_STP, "STP"),
    row<"10 101 0 001 1 iiiiiii sssss nnnnn ttttt", pair_post<kLdrX>>(ARM64_INS_LDP, "LDP"),
    // Load/store register pair (offset)
    row<"00 101 0 010 0 iiiiiii sssss nnnnn ttttt", pair_offset<kStrW>>(ARM64_INS_STP, "STP"),
    row<"00 101 0 010 1 iiiiiii sssss nnnnn ttttt", pair_offset<kLdrW>>(ARM64_INS_LDP, "LDP"),
    row<"01 101 0 010 1 iiiiiii sssss nnnnn ttttt", pair_offset<kLdrsw>>(ARM64_INS_LDPSW, "LDPSW"),
    row<"10 101 0 010 0 iiiiiii sssss nnnnn ttttt", pair_offset<kStrX>>(ARM64_INS_STP, "STP"),
    row<"10 101 0 010 1 iiiiiii sssss nnnnn ttttt", pair_offset<kLdrX>>(ARM64_INS_LDP, "LDP"),
    // Load/store register pair (pre-indexed)
    row<"00 101 0 011 0 iiiiiii sssss nnnnn ttttt", pair_pre<kStrW>>(ARM64_INS_STP, "STP"),
    row<"00 101 0 011 1 iiiiiii sssss nnnnn ttttt", pair_pre<kLdrW>>(ARM64_INS_LDP, "LDP"),
    row<"01 101 0 011 1 iiiiiii sssss nnnnn ttttt", pair_pre<kLdrsw>>(ARM64_INS_LDPSW, "LDPSW"),
    row<"10 101 0 011 0 iiiiiii sssss nnnnn ttttt", pair_pre<kStrX>>(ARM64_INS_STP, "STP"),
    row<"10 101 0 011 1 iiiiiii sssss nnnnn ttttt", pair_pre<kLdrX>>(ARM64_INS_LDP, "LDP"),
    // Load/store register (unscaled immediate)
    row<"00 111 0 00 00 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kStrb>>(ARM64_INS_STURB, "STURB"),
    row<"00 111 0 00 01 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kLdrb>>(ARM64_INS_LDURB, "LDURB"),
    row<"00 111 0 00 10 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kLdrsbX>>(ARM64_INS_LDURSB, "LDURSB"),
    row<"00 111 0 00 11 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kLdrsbW>>(ARM64_INS_LDURSB, "LDURSB"),
    row<"01 111 0 00 00 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kStrh>>(ARM64_INS_STURH, "STURH"),
    row<"01 111 0 00 01 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kLdrh>>(ARM64_INS_LDURH, "LDURH"),
    row<"01 111 0 00 10 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kLdrshX>>(ARM64_INS_LDURSH, "LDURSH"),
    row<"01 111 0 00 11 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kLdrshW>>(ARM64_INS_LDURSH, "LDURSH"),
    row<"10 111 0 00 00 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kStrW>>(ARM64_INS_STUR, "STUR"),
    row<"10 111 0 00 01 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kLdrW>>(ARM64_INS_LDUR, "LDUR"),
    row<"10 111 0 00 10 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kLdrsw>>(ARM64_INS_LDURSW, "LDURSW"),
    row<"11 111 0 00 00 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kStrX>>(ARM64_INS_STUR, "STUR"),
    row<"11 111 0 00 01 0 iiiiiiiii 00 nnnnn ttttt", unscaled<kLdrX>>(ARM64_INS_LDUR, "LDUR"),
    row<"11 111 0 00 10 0 iiiiiiiii 00 nnnnn ttttt", prefetch>(ARM64_INS_PRFUM, "PRFUM"),
    // Load/store register (immediate post-indexed)
    row<"00 111 0 00 00 0 iiiiiiiii 01 nnnnn ttttt", post_index<kStrb>>(ARM64_INS_STRB, "STRB (immediate)"),
    row<"00 111 0 00 01 0 iiiiiiiii 01 nnnnn ttttt", post_index<kLdrb>>(ARM64_INS_LDRB, "LDRB (immediate)"),
    row<"00 111 0 00 10 0 iiiiiiiii 01 nnnnn ttttt", post_index<kLdrsbX>>(ARM64_INS_LDRSB, "LDRSB (immediate)"),
    row<"00 111 0 00 11 0 iiiiiiiii 01 nnnnn ttttt", post_index<kLdrsbW>>(ARM64_INS_LDRSB, "LDRSB (immediate)"),
    row<"01 111 0 00 00 0 iiiiiiiii 01 nnnnn ttttt", post_index<kStrh>>(ARM64_INS_STRH, "STRH (immediate)"),
    row<"01 111 0 00 01 0 iiiiiiiii 01 nnnnn ttttt", post_index<kLdrh>>(ARM64_INS_LDRH, "LDRH (immediate)"),
    row<"01 111 0 00 10 0 iiiiiiiii 01 nnnnn ttttt", post_index<kLdrshX>>(ARM64_INS_LDRSH, "LDRSH (immediate)"),
    row<"01 111 0 00 11 0 iiiiiiiii 01 nnnnn ttttt", post_index<kLdrshW>>(ARM64_INS_LDRSH, "LDRSH (immediate)"),
    row<"10 111 0 00 00 0 iiiiiiiii 01 nnnnn ttttt", post_index<kStrW>>(ARM64_INS_STR, "STR (immediate)"),
    row<"10 111 0 00 01 0 iiiiiiiii 01 nnnnn ttttt", post_index<kLdrW>>(ARM64_INS_LDR, "LDR (immediate)"),
    row<"10 111 0 00 10 0 iiiiiiiii 01 nnnnn ttttt", post_index<kLdrsw>>(ARM64_INS_LDRSW, "LDRSW (immediate)"),
    row<"11 111 0 00 00 0 iiiiiiiii 01 nnnnn ttttt", post_index<kStrX>>(ARM64_INS_STR, "STR (immediate)"),
    row<"11 111 0 00 01 0 iiiiiiiii 01 nnnnn ttttt", post_index<kLdrX>>(ARM64_INS_LDR, "LDR (immediate)"),
    // Load/store register (unprivileged)
    row<"00 111 0 00 00 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kStrb>>(ARM64_INS_STTRB, "STTRB"),
    row<"00 111 0 00 01 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kLdrb>>(ARM64_INS_LDTRB, "LDTRB"),
    row<"00 111 0 00 10 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kLdrsbX>>(ARM64_INS_LDTRSB, "LDTRSB"),
    row<"00 111 0 00 11 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kLdrsbW>>(ARM64_INS_LDTRSB, "LDTRSB"),
    row<"01 111 0 00 00 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kStrh>>(ARM64_INS_STTRH, "STTRH"),
    row<"01 111 0 00 01 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kLdrh>>(ARM64_INS_LDTRH, "LDTRH"),
    row<"01 111 0 00 10 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kLdrshX>>(ARM64_INS_LDTRSH, "LDTRSH"),
    row<"01 111 0 00 11 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kLdrshW>>(ARM64_INS_LDTRSH, "LDTRSH"),
    row<"10 111 0 00 00 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kStrW>>(ARM64_INS_STTR, "STTR"),
    row<"10 111 0 00 01 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kLdrW>>(ARM64_INS_LDTR, "LDTR"),
    row<"10 111 0 00 10 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kLdrsw>>(ARM64_INS_LDTRSW, "LDTRSW"),
    row<"11 111 0 00 00 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kStrX>>(ARM64_INS_STTR, "STTR"),
    row<"11 111 0 00 01 0 iiiiiiiii 10 nnnnn ttttt", unprivileged<kLdrX>>(ARM64_INS_LDTR, "LDTR"),
    // Load/store register (immediate pre-indexed)
    row<"00 111 0 00 00 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kStrb>>(ARM64_INS_STRB, "STRB (immediate)"),
    row<"00 111 0 00 01 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kLdrb>>(ARM64_INS_LDRB, "LDRB (immediate)"),
    row<"00 111 0 00 10 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kLdrsbX>>(ARM64_INS_LDRSB, "LDRSB (immediate)"),
    row<"00 111 0 00 11 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kLdrsbW>>(ARM64_INS_LDRSB, "LDRSB (immediate)"),
    row<"01 111 0 00 00 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kStrh>>(ARM64_INS_STRH, "STRH (immediate)"),
    row<"01 111 0 00 01 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kLdrh>>(ARM64_INS_LDRH, "LDRH (immediate)"),
    row<"01 111 0 00 10 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kLdrshX>>(ARM64_INS_LDRSH, "LDRSH (immediate)"),
    row<"01 111 0 00 11 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kLdrshW>>(ARM64_INS_LDRSH, "LDRSH (immediate)"),
    row<"10 111 0 00 00 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kStrW>>(ARM64_INS_STR, "STR (immediate)"),
    row<"10 111 0 00 01 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kLdrW>>(ARM64_INS_LDR, "LDR (immediate)"),
    row<"10 111 0 00 10 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kLdrsw>>(ARM64_INS_LDRSW, "LDRSW (immediate)"),
    row<"11 111 0 00 00 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kStrX>>(ARM64_INS_STR, "STR (immediate)"),
    row<"11 111 0 00 01 0 iiiiiiiii 11 nnnnn ttttt", pre_index<kLdrX>>(ARM64_INS_LDR, "LDR (immediate)"),
    // Load/store register (pac)
    row<"11 111 0 00 k s 1 iiiiiiiii w 1 nnnnn ttttt", load_authenticated, cpu::Feature::PAuth>("LDRAA"),
    // Atomic memory operations: load_store_atomic.cpp
    // Load/store register (register offset)
    row<"00 111 0 00 00 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kStrb>>(ARM64_INS_STRB, "STRB (register)"),
    row<"00 111 0 00 01 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kLdrb>>(ARM64_INS_LDRB, "LDRB (register)"),
    row<"00 111 0 00 10 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kLdrsbX>>(ARM64_INS_LDRSB, "LDRSB (register)"),
    row<"00 111 0 00 11 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kLdrsbW>>(ARM64_INS_LDRSB, "LDRSB (register)"),
    row<"01 111 0 00 00 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kStrh>>(ARM64_INS_STRH, "STRH (register)"),
    row<"01 111 0 00 01 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kLdrh>>(ARM64_INS_LDRH, "LDRH (register)"),
    row<"01 111 0 00 10 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kLdrshX>>(ARM64_INS_LDRSH, "LDRSH (register)"),
    row<"01 111 0 00 11 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kLdrshW>>(ARM64_INS_LDRSH, "LDRSH (register)"),
    row<"10 111 0 00 00 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kStrW>>(ARM64_INS_STR, "STR (register)"),
    row<"10 111 0 00 01 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kLdrW>>(ARM64_INS_LDR, "LDR (register)"),
    row<"10 111 0 00 10 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kLdrsw>>(ARM64_INS_LDRSW, "LDRSW (register)"),
    row<"11 111 0 00 00 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kStrX>>(ARM64_INS_STR, "STR (register)"),
    row<"11 111 0 00 01 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<kLdrX>>(ARM64_INS_LDR, "LDR (register)"),
    row<"11 111 0 00 10 1 mmmmm ooo s 10 nnnnn ttttt", prefetch_register>(ARM64_INS_PRFM, "PRFM (register)"),
    // Load/store register (unsigned immediate)
    row<"00 111 0 01 00 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kStrb>>(ARM64_INS_STRB, "STRB (immediate)"),
    row<"00 111 0 01 01 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kLdrb>>(ARM64_INS_LDRB, "LDRB (immediate)"),
    row<"00 111 0 01 10 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kLdrsbX>>(ARM64_INS_LDRSB, "LDRSB (immediate)"),
    row<"00 111 0 01 11 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kLdrsbW>>(ARM64_INS_LDRSB, "LDRSB (immediate)"),
    row<"01 111 0 01 00 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kStrh>>(ARM64_INS_STRH, "STRH (immediate)"),
    row<"01 111 0 01 01 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kLdrh>>(ARM64_INS_LDRH, "LDRH (immediate)"),
    row<"01 111 0 01 10 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kLdrshX>>(ARM64_INS_LDRSH, "LDRSH (immediate)"),
    row<"01 111 0 01 11 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kLdrshW>>(ARM64_INS_LDRSH, "LDRSH (immediate)"),
    row<"10 111 0 01 00 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kStrW>>(ARM64_INS_STR, "STR (immediate)"),
    row<"10 111 0 01 01 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kLdrW>>(ARM64_INS_LDR, "LDR (immediate)"),
    row<"10 111 0 01 10 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kLdrsw>>(ARM64_INS_LDRSW, "LDRSW (immediate)"),
    row<"11 111 0 01 00 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kStrX>>(ARM64_INS_STR, "STR (immediate)"),
    row<"11 111 0 01 01 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<kLdrX>>(ARM64_INS_LDR, "LDR (immediate)"),
    row<"11 111 0 01 10 iiiiiiiiiiii nnnnn ttttt", prefetch>(ARM64_INS_PRFM, "PRFM (immediate)"),
};
// clang-format on

}  // namespace

std::span<const Row> load_store_rows() { return kRows; }

EmitFn find_load_store(unsigned id, u32 word) {
  if (bit(word, 26)) return find_load_store_simd(id, word);
  const EmitFn plain = find_emit(kRows, id, word);
  if (plain != nullptr) return plain;
  const EmitFn exclusive = find_emit(load_store_exclusive_rows(), id, word);
  return exclusive != nullptr ? exclusive : find_emit(load_store_atomic_rows(), id, word);
}

}  // namespace ferry::frontend
