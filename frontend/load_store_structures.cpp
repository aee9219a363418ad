// Advanced SIMD load/store structures (Arm ARM DDI 0487, C4.1.4): LD1 to LD4, ST1 to ST4, multiple structures, single
// structure, and the replicating loads; without and with post-index.
#include <capstone/arm64.h>

#include "frontend/addressing.h"
#include "frontend/pattern.h"
#include "frontend/simd_common.h"

namespace ferry::frontend {
namespace {

using ir::Op;
using ir::Type;
using ir::Value;

constexpr unsigned kNoPost = 32;  // no post-index; 31 adds the transfer size, others a register

Value load_lane(Context& c, unsigned size, Value address) {
  const Type t = size == 3 ? Type::I64 : Type::I32;
  return c.b.zext_w(swap_if_big_endian(c, c.b.load(t, address, {.size_log2 = static_cast<u8>(size)}), size));
}

void store_lane(Context& c, unsigned size, Value address, Value v, unsigned lane) {
  Value e = c.b.vextract(size, v, lane);
  if (size != 3) e = c.b.trunc(e);
  c.b.store(address, swap_if_big_endian(c, e, size), {.size_log2 = static_cast<u8>(size)});
}

void post_index(Context& c, unsigned m, unsigned n, Value base, unsigned bytes) {
  if (m == kNoPost) return;
  if (m == 31) return write_back(c, n, c.b.add_imm(base, bytes), static_cast<i64>(bytes));
  write_back(c, n, c.b.add(base, c.b.get_x(Type::I64, m)), 1);
}

// How a multiple-structure opcode is laid out.
struct Multiple {
  unsigned repeat;    // registers transferred whole, one after the other (LD1 of 1 to 4)
  unsigned elements;  // registers interleaved (LD2, LD3, LD4), 1 for LD1
  bool load;
};

Value insert(Context& c, unsigned size, Value v, Value lane, unsigned index) {
  return c.b.vec(Op::VInsert, size, v, lane, ir::kNoValue, index);
}

// The registers, whole: LD1 and ST1 while element order and alignment do not show.
void whole_registers(Context& c, Multiple a, bool q, Value base, unsigned t) {
  const unsigned bytes = q ? 16 : 8;
  const ir::MemInfo m{.size_log2 = static_cast<u8>(q ? 4 : 3)};
  const Type type = q ? Type::V128 : Type::F64;
  if (a.load) {
    Value v[4];
    for (unsigned r = 0; r < a.repeat; ++r) v[r] = c.b.load(type, c.b.add_imm(base, r * bytes), m);
    for (unsigned r = 0; r < a.repeat; ++r) q ? c.b.set_v((t + r) % 32, v[r]) : c.b.set_f((t + r) % 32, v[r]);
  } else {
    for (unsigned r = 0; r < a.repeat; ++r) {
      const unsigned reg = (t + r) % 32;
      c.b.store(c.b.add_imm(base, r * bytes), q ? c.b.get_v(reg) : c.b.get_f(type, reg), m);
    }
  }
}

// LD2, ST2, LD4, ST4 of 128-bit registers: whole registers, (de)interleaved by permutations.
void permuted(Context& c, Multiple a, unsigned size, Value base, unsigned t) {
  const ir::MemInfo m{.size_log2 = 4};
  const unsigned n = a.elements;
  Value v[4] = {}, w[4] = {};
  auto vec = [&](Op op, Value x, Value y) { return c.b.vec(op, size, x, y); };
  if (a.load) {
    for (unsigned i = 0; i < n; ++i) v[i] = c.b.load(Type::V128, c.b.add_imm(base, 16 * i), m);
    if (n == 4) {
      w[0] = vec(Op::VUzp1, v[0], v[1]);
      w[1] = vec(Op::VUzp1, v[2], v[3]);
      w[2] = vec(Op::VUzp2, v[0], v[1]);
      w[3] = vec(Op::VUzp2, v[2], v[3]);
      v[0] = vec(Op::VUzp1, w[0], w[1]);
      v[1] = vec(Op::VUzp1, w[2], w[3]);
      v[2] = vec(Op::VUzp2, w[0], w[1]);
      v[3] = vec(Op::VUzp2, w[2], w[3]);
    } else {
      w[0] = vec(Op::VUzp1, v[0], v[1]);
      v[1] = vec(Op::VUzp2, v[0], v[1]);
      v[0] = w[0];
    }
    for (unsigned i = 0; i < n; ++i) c.b.set_v((t + i) % 32, v[i]);
    return;
  }
  for (unsigned i = 0; i < n; ++i) v[i] = c.b.get_v((t + i) % 32);
  if (n == 4) {
    w[0] = vec(Op::VZip1, v[0], v[2]);
    w[1] = vec(Op::VZip2, v[0], v[2]);
    w[2] = vec(Op::VZip1, v[1], v[3]);
    w[3] = vec(Op::VZip2, v[1], v[3]);
    v[0] = vec(Op::VZip1, w[0], w[2]);
    v[1] = vec(Op::VZip2, w[0], w[2]);
    v[2] = vec(Op::VZip1, w[1], w[3]);
    v[3] = vec(Op::VZip2, w[1], w[3]);
  } else {
    w[0] = vec(Op::VZip1, v[0], v[1]);
    v[1] = vec(Op::VZip2, v[0], v[1]);
    v[0] = w[0];
  }
  for (unsigned i = 0; i < n; ++i) c.b.store(c.b.add_imm(base, 16 * i), v[i], m);
}

// Element by element, in the manual's order.
void elementwise(Context& c, Multiple a, bool q, unsigned size, Value base, unsigned t) {
  const unsigned lanes = (q ? 16u : 8u) >> size;
  const Value zero = c.b.vconst(0);
  Value loaded[4] = {};
  unsigned offset = 0;
  for (unsigned r = 0; r < a.repeat; ++r) {
    Value v[4];
    for (unsigned s = 0; s < a.elements; ++s) v[s] = a.load ? zero : c.b.get_v((t + r + s) % 32);
    for (unsigned e = 0; e < lanes; ++e) {
      for (unsigned s = 0; s < a.elements; ++s, offset += 1u << size) {
        const Value address = c.b.add_imm(base, offset);
        if (a.load)
          v[s] = insert(c, size, v[s], load_lane(c, size, address), e);
        else
          store_lane(c, size, address, v[s], e);
      }
    }
    if (a.load)
      for (unsigned s = 0; s < a.elements; ++s) loaded[r * a.elements + s] = v[s];
  }
  if (a.load)
    for (unsigned i = 0; i < a.repeat * a.elements; ++i) c.b.set_v((t + i) % 32, loaded[i]);
}

template <Multiple A>
void multiple_post(Context& c, unsigned q, unsigned m, unsigned size, unsigned n, unsigned t) {
  if (A.elements > 1 && size == 3 && q == 0) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value base = base_address(c, n);
  // Without the MMU all data is Device memory, whose elements must be aligned.
  const bool plain = c.mode.big_endian() == 0 && c.mode.align_check() == 0 && c.mode.mmu() != 0;
  if (plain && A.elements == 1)
    whole_registers(c, A, q != 0, base, t);
  else if (plain && q != 0 && (A.elements == 2 || A.elements == 4))
    permuted(c, A, size, base, t);
  else
    elementwise(c, A, q != 0, size, base, t);
  post_index(c, m, n, base, A.repeat * A.elements * (q != 0 ? 16 : 8));
}
template <Multiple A>
void multiple(Context& c, unsigned q, unsigned size, unsigned n, unsigned t) {
  multiple_post<A>(c, q, kNoPost, size, n, t);
}

// Single structure: which lane, from Q, opcode<2:1>, S and size. False: reserved.
bool lane_of(unsigned q, unsigned scale, unsigned s, unsigned size, unsigned& log2, unsigned& index) {
  switch (scale) {
    case 0:
      log2 = 0;
      index = q << 3 | s << 2 | size;
      return true;
    case 1:
      log2 = 1;
      index = q << 2 | s << 1 | size >> 1;
      return (size & 1) == 0;
    default:
      if ((size & 2) != 0) return false;
      log2 = (size & 1) == 0 ? 2 : 3;
      index = log2 == 2 ? (q << 1 | s) : q;
      return log2 == 2 || s == 0;
  }
}

template <unsigned Elements, bool Load>
void single_post(Context& c, unsigned q, unsigned m, unsigned scale, unsigned s, unsigned size, unsigned n,
                 unsigned t) {
  unsigned log2 = 0, index = 0;
  if (!lane_of(q, scale, s, size, log2, index)) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value base = base_address(c, n);
  Value v[Elements];
  for (unsigned i = 0; i < Elements; ++i) {
    const Value address = c.b.add_imm(base, i << log2);
    if (Load)
      v[i] = load_lane(c, log2, address);
    else
      store_lane(c, log2, address, c.b.get_v((t + i) % 32), index);
  }
  post_index(c, m, n, base, Elements << log2);
  if (Load)
    for (unsigned i = 0; i < Elements; ++i)
      c.b.set_v((t + i) % 32, insert(c, log2, c.b.get_v((t + i) % 32), v[i], index));
}
template <unsigned Elements, bool Load, unsigned Scale>
void single_scale(Context& c, unsigned q, unsigned s, unsigned size, unsigned n, unsigned t) {
  single_post<Elements, Load>(c, q, kNoPost, Scale, s, size, n, t);
}
template <unsigned Elements, bool Load, unsigned Scale>
void single_scale_post(Context& c, unsigned q, unsigned m, unsigned s, unsigned size, unsigned n, unsigned t) {
  single_post<Elements, Load>(c, q, m, Scale, s, size, n, t);
}

// LD1R to LD4R
template <unsigned Elements>
void replicate_post(Context& c, unsigned q, unsigned m, unsigned size, unsigned n, unsigned t) {
  if (!fp_enabled(c)) return;
  const Value base = base_address(c, n);
  Value v[Elements];
  for (unsigned i = 0; i < Elements; ++i) v[i] = load_lane(c, size, c.b.add_imm(base, i << size));
  post_index(c, m, n, base, Elements << size);
  for (unsigned i = 0; i < Elements; ++i) set_vector(c, (t + i) % 32, q != 0, c.b.vec(Op::VDup, size, v[i]));
}
template <unsigned Elements>
void replicate(Context& c, unsigned q, unsigned size, unsigned n, unsigned t) {
  replicate_post<Elements>(c, q, kNoPost, size, n, t);
}

// clang-format off: a row a line
constexpr Row kRows[] = {
// Advanced SIMD load/store multiple structures, then post-indexed
#define FERRY_MULTIPLE(l, opcode, ld, id, title, repeat, elements)                                                             \
  row<"0 q 0011000 " l " 000000 " opcode " ss nnnnn ttttt", multiple<Multiple{repeat, elements, ld}>>(id, title),             \
      row<"0 q 0011001 " l " 0 mmmmm " opcode " ss nnnnn ttttt", multiple_post<Multiple{repeat, elements, ld}>>(id, title),
    FERRY_MULTIPLE("0", "0000", false, ARM64_INS_ST4, "ST4 (multiple structures)", 1, 4)
    FERRY_MULTIPLE("0", "0010", false, ARM64_INS_ST1, "ST1 (multiple structures)", 4, 1)
    FERRY_MULTIPLE("0", "0100", false, ARM64_INS_ST3, "ST3 (multiple structures)", 1, 3)
    FERRY_MULTIPLE("0", "0110", false, ARM64_INS_ST1, "ST1 (multiple structures)", 3, 1)
    FERRY_MULTIPLE("0", "0111", false, ARM64_INS_ST1, "ST1 (multiple structures)", 1, 1)
    FERRY_MULTIPLE("0", "1000", false, ARM64_INS_ST2, "ST2 (multiple structures)", 1, 2)
    FERRY_MULTIPLE("0", "1010", false, ARM64_INS_ST1, "ST1 (multiple structures)", 2, 1)
    FERRY_MULTIPLE("1", "0000", true, ARM64_INS_LD4, "LD4 (multiple structures)", 1, 4)
    FERRY_MULTIPLE("1", "0010", true, ARM64_INS_LD1, "LD1 (multiple structures)", 4, 1)
    FERRY_MULTIPLE("1", "0100", true, ARM64_INS_LD3, "LD3 (multiple structures)", 1, 3)
    FERRY_MULTIPLE("1", "0110", true, ARM64_INS_LD1, "LD1 (multiple structures)", 3, 1)
    FERRY_MULTIPLE("1", "0111", true, ARM64_INS_LD1, "LD1 (multiple structures)", 1, 1)
    FERRY_MULTIPLE("1", "1000", true, ARM64_INS_LD2, "LD2 (multiple structures)", 1, 2)
    FERRY_MULTIPLE("1", "1010", true, ARM64_INS_LD1, "LD1 (multiple structures)", 2, 1)
#undef FERRY_MULTIPLE
// Advanced SIMD load/store single structure, then post-indexed: R and opcode<0> give the number of elements, opcode<2:1> the scale
#define FERRY_SINGLE(l, ld, r, o0, id, title, elements)                                                                        \
  row<"0 q 0011010 " l " " r " 00000 00 " o0 " s zz nnnnn ttttt", single_scale<elements, ld, 0>>(id, title),                   \
      row<"0 q 0011010 " l " " r " 00000 01 " o0 " s zz nnnnn ttttt", single_scale<elements, ld, 1>>(id, title),               \
      row<"0 q 0011010 " l " " r " 00000 10 " o0 " s zz nnnnn ttttt", single_scale<elements, ld, 2>>(id, title),               \
      row<"0 q 0011011 " l " " r " mmmmm 00 " o0 " s zz nnnnn ttttt", single_scale_post<elements, ld, 0>>(id, title),          \
      row<"0 q 0011011 " l " " r " mmmmm 01 " o0 " s zz nnnnn ttttt", single_scale_post<elements, ld, 1>>(id, title),          \
      row<"0 q 0011011 " l " " r " mmmmm 10 " o0 " s zz nnnnn ttttt", single_scale_post<elements, ld, 2>>(id, title),
    FERRY_SINGLE("0", false, "0", "0", ARM64_INS_ST1, "ST1 (single structure)", 1)
    FERRY_SINGLE("0", false, "0", "1", ARM64_INS_ST3, "ST3 (single structure)", 3)
    FERRY_SINGLE("0", false, "1", "0", ARM64_INS_ST2, "ST2 (single structure)", 2)
    FERRY_SINGLE("0", false, "1", "1", ARM64_INS_ST4, "ST4 (single structure)", 4)
    FERRY_SINGLE("1", true, "0", "0", ARM64_INS_LD1, "LD1 (single structure)", 1)
    FERRY_SINGLE("1", true, "0", "1", ARM64_INS_LD3, "LD3 (single structure)", 3)
    FERRY_SINGLE("1", true, "1", "0", ARM64_INS_LD2, "LD2 (single structure)", 2)
    FERRY_SINGLE("1", true, "1", "1", ARM64_INS_LD4, "LD4 (single structure)", 4)
#undef FERRY_SINGLE
    row<"0 q 0011010 1 0 00000 110 0 zz nnnnn ttttt", replicate<1>>(ARM64_INS_LD1R, "LD1R"),
    row<"0 q 0011010 1 0 00000 111 0 zz nnnnn ttttt", replicate<3>>(ARM64_INS_LD3R, "LD3R"),
    row<"0 q 0011010 1 1 00000 110 0 zz nnnnn ttttt", replicate<2>>(ARM64_INS_LD2R, "LD2R"),
    row<"0 q 0011010 1 1 00000 111 0 zz nnnnn ttttt", replicate<4>>(ARM64_INS_LD4R, "LD4R"),
    row<"0 q 0011011 1 0 mmmmm 110 0 zz nnnnn ttttt", replicate_post<1>>(ARM64_INS_LD1R, "LD1R"),
    row<"0 q 0011011 1 0 mmmmm 111 0 zz nnnnn ttttt", replicate_post<3>>(ARM64_INS_LD3R, "LD3R"),
    row<"0 q 0011011 1 1 mmmmm 110 0 zz nnnnn ttttt", replicate_post<2>>(ARM64_INS_LD2R, "LD2R"),
    row<"0 q 0011011 1 1 mmmmm 111 0 zz nnnnn ttttt", replicate_post<4>>(ARM64_INS_LD4R, "LD4R"),
};
// clang-format on

}  // namespace

std::span<const Row> load_store_structure_rows() { return kRows; }

}  // namespace ferry::frontend
