// Loads and Stores of SIMD and FP registers (Arm ARM DDI 0487, C4.1.4, V = 1): single registers and pairs. The
// structure forms (LD1 to LD4 and ST1 to ST4) are in load_store_structures.cpp.
#include <capstone/arm64.h>

#include "frontend/addressing.h"
#include "frontend/operands.h"
#include "frontend/pattern.h"
#include "frontend/simd_common.h"

namespace ferry::frontend {

std::span<const Row> load_store_structure_rows();

namespace {

using ir::Op;
using ir::Type;
using ir::Value;

// B, H, S, D and Q registers are 2^0 to 2^4 bytes.
Value swap_vector(Context& c, Value v) {
  if (c.mode.big_endian() == 0) return v;
  const Value halves = c.b.vec(Op::VRev, 0, v, ir::kNoValue, ir::kNoValue, 3);
  return c.b.vec(Op::VExt, 0, halves, halves, ir::kNoValue, 8);
}

// The type in which a register of this size is loaded and stored: F32 and F64 where byte order needs no change.
Type memory_type(const Context& c, unsigned size) {
  if (size == 4) return Type::V128;
  if (size == 3) return c.mode.big_endian() != 0 ? Type::I64 : Type::F64;
  if (size == 2) return c.mode.big_endian() != 0 ? Type::I32 : Type::F32;
  return Type::I32;
}

void set_loaded(Context& c, unsigned t, Value v) {
  const Type have = c.b.type(v);
  if (have == Type::V128) return c.b.set_v(t, v);
  if (ir::is_int(have)) v = c.b.convert(Op::FFromBits, have == Type::I32 ? Type::F32 : Type::F64, v);
  c.b.set_f(t, v);
}

Value from_memory(Context& c, unsigned size, Value v) {
  if (size == 4) return swap_vector(c, v);
  return ir::is_int(c.b.type(v)) ? swap_if_big_endian(c, v, size) : v;
}

Value to_memory(Context& c, unsigned size, unsigned t) {
  if (size == 4) return swap_vector(c, c.b.get_v(t));
  const Type type = memory_type(c, size);
  if (ir::is_float(type)) return c.b.get_f(type, t);
  if (type == Type::I64) return swap_if_big_endian(c, c.b.vextract(3, c.b.get_v(t), 0), 3);
  return swap_if_big_endian(c, c.b.trunc(c.b.vextract(size, c.b.get_v(t), 0)), size);
}

struct Simd {
  unsigned size;  // log2 bytes
  bool load;
};
constexpr Simd kStrB{0, false}, kLdrB{0, true}, kStrH{1, false}, kLdrH{1, true}, kStrS{2, false}, kLdrS{2, true},
    kStrD{3, false}, kLdrD{3, true}, kStrQ{4, false}, kLdrQ{4, true};

void transfer(Context& c, Simd a, Value address, unsigned t, unsigned n = 0, Value new_base = ir::kNoValue,
              i64 offset = 0) {
  const ir::MemInfo m{.size_log2 = static_cast<u8>(a.size)};
  if (!a.load) {
    c.b.store(address, to_memory(c, a.size, t), m);
    if (new_base != ir::kNoValue) write_back(c, n, new_base, offset);
    return;
  }
  const Value loaded = from_memory(c, a.size, c.b.load(memory_type(c, a.size), address, m));
  if (new_base != ir::kNoValue) write_back(c, n, new_base, offset);
  set_loaded(c, t, loaded);
}

// LDR (literal, SIMD&FP)
template <Simd A>
void literal(Context& c, unsigned imm19, unsigned t) {
  if (fp_enabled(c)) transfer(c, A, c.pc_plus(sign_extend(imm19, 19) * 4), t);
}

// LDR, STR (immediate, SIMD&FP), unsigned offset
template <Simd A>
void unsigned_offset(Context& c, unsigned imm12, unsigned n, unsigned t) {
  if (fp_enabled(c)) transfer(c, A, offset_address(c, base_address(c, n), static_cast<i64>(u64{imm12} << A.size)), t);
}

// LDUR, STUR (SIMD&FP)
template <Simd A>
void unscaled(Context& c, unsigned imm9, unsigned n, unsigned t) {
  if (fp_enabled(c)) transfer(c, A, offset_address(c, base_address(c, n), sign_extend(imm9, 9)), t);
}

template <Simd A>
void post_index(Context& c, unsigned imm9, unsigned n, unsigned t) {
  if (!fp_enabled(c)) return;
  const i64 offset = sign_extend(imm9, 9);
  const Value base = base_address(c, n);
  transfer(c, A, base, t, n, offset_address(c, base, offset), offset);
}
template <Simd A>
void pre_index(Context& c, unsigned imm9, unsigned n, unsigned t) {
  if (!fp_enabled(c)) return;
  const i64 offset = sign_extend(imm9, 9);
  const Value address = offset_address(c, base_address(c, n), offset);
  transfer(c, A, address, t, n, address, offset);
}

// LDR, STR (register, SIMD&FP)
template <Simd A>
void register_offset(Context& c, unsigned m, unsigned option, unsigned scaled, unsigned n, unsigned t) {
  if ((option & 2) == 0) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value base = base_address(c, n);
  transfer(c, A, c.b.add(base, extended_register(c, Type::I64, m, option, scaled != 0 ? A.size : 0)), t);
}

// LDP, STP, LDNP, STNP (SIMD&FP). UNPREDICTABLE: chose, for two equal targets, the second element.
void pair(Context& c, Simd a, Value address, unsigned t, unsigned t2, unsigned n, Value new_base, i64 offset) {
  const ir::MemInfo m{.size_log2 = static_cast<u8>(a.size)};
  if (!a.load) {
    const Value low = to_memory(c, a.size, t), high = to_memory(c, a.size, t2);
    c.b.store_pair(address, low, high, m);
    if (new_base != ir::kNoValue) write_back(c, n, new_base, offset);
    return;
  }
  const Value first = c.b.load_pair(memory_type(c, a.size), address, m);
  const Value low = from_memory(c, a.size, first), high = from_memory(c, a.size, c.b.second(first));
  if (new_base != ir::kNoValue) write_back(c, n, new_base, offset);
  if (t != t2) set_loaded(c, t, low);
  set_loaded(c, t2, high);
}

template <Simd A>
void pair_offset(Context& c, unsigned imm7, unsigned t2, unsigned n, unsigned t) {
  if (!fp_enabled(c)) return;
  pair(c, A, offset_address(c, base_address(c, n), sign_extend(imm7, 7) * (1 << A.size)), t, t2, n, ir::kNoValue, 0);
}
template <Simd A>
void pair_post(Context& c, unsigned imm7, unsigned t2, unsigned n, unsigned t) {
  if (!fp_enabled(c)) return;
  const i64 offset = sign_extend(imm7, 7) * (1 << A.size);
  const Value base = base_address(c, n);
  pair(c, A, base, t, t2, n, offset_address(c, base, offset), offset);
}
template <Simd A>
void pair_pre(Context& c, unsigned imm7, unsigned t2, unsigned n, unsigned t) {
  if (!fp_enabled(c)) return;
  const i64 offset = sign_extend(imm7, 7) * (1 << A.size);
  const Value address = offset_address(c, base_address(c, n), offset);
  pair(c, A, address, t, t2, n, address, offset);
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // Load register (literal)
    row<"00 011 1 00 iiiiiiiiiiiiiiiiiii ttttt", literal<kLdrS>>(ARM64_INS_LDR, "LDR (literal, SIMD&FP)"),
    row<"01 011 1 00 iiiiiiiiiiiiiiiiiii ttttt", literal<kLdrD>>(ARM64_INS_LDR, "LDR (literal, SIMD&FP)"),
    row<"10 011 1 00 iiiiiiiiiiiiiiiiiii ttttt", literal<kLdrQ>>(ARM64_INS_LDR, "LDR (literal, SIMD&FP)"),
#define FERRY_PAIR_ROWS(opc, S, L)                                                                                    \
  row<opc " 101 1 000 0 iiiiiii sssss nnnnn ttttt", pair_offset<S>>(ARM64_INS_STNP, "STNP (SIMD&FP)"),                \
      row<opc " 101 1 000 1 iiiiiii sssss nnnnn ttttt", pair_offset<L>>(ARM64_INS_LDNP, "LDNP (SIMD&FP)"),            \
      row<opc " 101 1 001 0 iiiiiii sssss nnnnn ttttt", pair_post<S>>(ARM64_INS_STP, "STP (SIMD&FP)"),                \
      row<opc " 101 1 001 1 iiiiiii sssss nnnnn ttttt", pair_post<L>>(ARM64_INS_LDP, "LDP (SIMD&FP)"),                \
      row<opc " 101 1 010 0 iiiiiii sssss nnnnn ttttt", pair_offset<S>>(ARM64_INS_STP, "STP (SIMD&FP)"),              \
      row<opc " 101 1 010 1 iiiiiii sssss nnnnn ttttt", pair_offset<L>>(ARM64_INS_LDP, "LDP (SIMD&FP)"),              \
      row<opc " 101 1 011 0 iiiiiii sssss nnnnn ttttt", pair_pre<S>>(ARM64_INS_STP, "STP (SIMD&FP)"),                 \
      row<opc " 101 1 011 1 iiiiiii sssss nnnnn ttttt", pair_pre<L>>(ARM64_INS_LDP, "LDP (SIMD&FP)"),
    FERRY_PAIR_ROWS("00", kStrS, kLdrS) FERRY_PAIR_ROWS("01", kStrD, kLdrD) FERRY_PAIR_ROWS("10", kStrQ, kLdrQ)
#undef FERRY_PAIR_ROWS
// size, then opc<1>, for a register of one size: unscaled, post-index, pre-index, register offset, unsigned offset
#define FERRY_SINGLE_ROWS(size, opc1, S, L)                                                                           \
  row<size " 111 1 00 " opc1 "0 0 iiiiiiiii 00 nnnnn ttttt", unscaled<S>>(ARM64_INS_STUR, "STUR (SIMD&FP)"),          \
      row<size " 111 1 00 " opc1 "1 0 iiiiiiiii 00 nnnnn ttttt", unscaled<L>>(ARM64_INS_LDUR, "LDUR (SIMD&FP)"),      \
      row<size " 111 1 00 " opc1 "0 0 iiiiiiiii 01 nnnnn ttttt", post_index<S>>(ARM64_INS_STR, "STR (immediate, SIMD&FP)"), \
      row<size " 111 1 00 " opc1 "1 0 iiiiiiiii 01 nnnnn ttttt", post_index<L>>(ARM64_INS_LDR, "LDR (immediate, SIMD&FP)"), \
      row<size " 111 1 00 " opc1 "0 0 iiiiiiiii 11 nnnnn ttttt", pre_index<S>>(ARM64_INS_STR, "STR (immediate, SIMD&FP)"),  \
      row<size " 111 1 00 " opc1 "1 0 iiiiiiiii 11 nnnnn ttttt", pre_index<L>>(ARM64_INS_LDR, "LDR (immediate, SIMD&FP)"),  \
      row<size " 111 1 00 " opc1 "0 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<S>>(ARM64_INS_STR, "STR (register, SIMD&FP)"), \
      row<size " 111 1 00 " opc1 "1 1 mmmmm ooo s 10 nnnnn ttttt", register_offset<L>>(ARM64_INS_LDR, "LDR (register, SIMD&FP)"), \
      row<size " 111 1 01 " opc1 "0 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<S>>(ARM64_INS_STR, "STR (immediate, SIMD&FP)"), \
      row<size " 111 1 01 " opc1 "1 iiiiiiiiiiii nnnnn ttttt", unsigned_offset<L>>(ARM64_INS_LDR, "LDR (immediate, SIMD&FP)"),
    FERRY_SINGLE_ROWS("00", "0", kStrB, kLdrB) FERRY_SINGLE_ROWS("01", "0", kStrH, kLdrH) FERRY_SINGLE_ROWS("10", "0", kStrS, kLdrS)
    FERRY_SINGLE_ROWS("11", "0", kStrD, kLdrD) FERRY_SINGLE_ROWS("00", "1", kStrQ, kLdrQ)
#undef FERRY_SINGLE_ROWS
};
// clang-format on

}  // namespace

std::span<const Row> load_store_simd_rows() { return kRows; }

EmitFn find_load_store_simd(unsigned id, u32 word) {
  const EmitFn plain = find_emit(kRows, id, word);
  return plain != nullptr ? plain : find_emit(load_store_structure_rows(), id, word);
}

}  // namespace ferry::frontend
