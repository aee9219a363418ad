// Advanced SIMD copy, modified immediate, permute, extract and table lookup (Arm ARM DDI 0487, C4.1.6).
#include <capstone/arm64.h>

#include <bit>

#include "frontend/simd.h"

namespace ferry::frontend {
namespace {

using ir::Op;
using ir::Type;
using ir::Value;

// imm5 of the copy group: the lowest set bit is the size, what is above it the index. False: reserved.
struct Element {
  unsigned size, index;
};
bool element_of(unsigned imm5, Element& e) {
  if ((imm5 & 0xf) == 0) return false;
  e.size = static_cast<unsigned>(std::countr_zero(imm5));
  e.index = imm5 >> (e.size + 1);
  return true;
}

// DUP (element)
void dup_element(Context& c, unsigned q, unsigned imm5, unsigned n, unsigned d) {
  Element e{};
  if (!element_of(imm5, e) || (e.size == 3 && q == 0)) return c.undefined();
  if (fp_enabled(c))
    set_vector(c, d, q != 0, c.b.vec(Op::VDupLane, e.size, c.b.get_v(n), ir::kNoValue, ir::kNoValue, e.index));
}
// DUP (general)
void dup_general(Context& c, unsigned q, unsigned imm5, unsigned n, unsigned d) {
  Element e{};
  if (!element_of(imm5, e) || (e.size == 3 && q == 0)) return c.undefined();
  if (fp_enabled(c)) set_vector(c, d, q != 0, c.b.vec(Op::VDup, e.size, c.x(Type::I64, n)));
}
// SMOV
void smov(Context& c, unsigned q, unsigned imm5, unsigned n, unsigned d) {
  Element e{};
  if (!element_of(imm5, e) || e.size == 3 || (e.size == 2 && q == 0)) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value v = c.b.sext(c.b.vextract(e.size, c.b.get_v(n), e.index), 8u << e.size);
  c.set_x(d, q != 0 ? v : c.b.trunc(v));
}
// UMOV
void umov(Context& c, unsigned q, unsigned imm5, unsigned n, unsigned d) {
  Element e{};
  if (!element_of(imm5, e) || (e.size == 3) != (q != 0)) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value v = c.b.vextract(e.size, c.b.get_v(n), e.index);
  c.set_x(d, q != 0 ? v : c.b.trunc(v));
}
// INS (general)
void ins_general(Context& c, unsigned imm5, unsigned n, unsigned d) {
  Element e{};
  if (!element_of(imm5, e)) return c.undefined();
  if (fp_enabled(c)) c.b.set_v(d, c.b.vec(Op::VInsert, e.size, c.b.get_v(d), c.x(Type::I64, n), ir::kNoValue, e.index));
}
// INS (element)
void ins_element(Context& c, unsigned imm5, unsigned imm4, unsigned n, unsigned d) {
  Element e{};
  if (!element_of(imm5, e)) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value v = c.b.vextract(e.size, c.b.get_v(n), imm4 >> e.size);
  c.b.set_v(d, c.b.vec(Op::VInsert, e.size, c.b.get_v(d), v, ir::kNoValue, e.index));
}
// DUP (element), scalar
void dup_scalar(Context& c, unsigned imm5, unsigned n, unsigned d) {
  Element e{};
  if (!element_of(imm5, e)) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value v = c.b.vextract(e.size, c.b.get_v(n), e.index);
  c.b.set_v(d, c.b.vec(Op::VFromPair, 0, v, c.b.imm64(0)));
}

// --- Modified immediate: AdvSIMDExpandImm

u64 replicate32(u64 v) { return v | v << 32; }
u64 replicate16(u64 v) { return replicate32(v | v << 16); }

u64 expand_immediate(unsigned op, unsigned cmode, unsigned imm8) {
  const u64 i = imm8;
  switch (cmode >> 1) {
    case 0: return replicate32(i);
    case 1: return replicate32(i << 8);
    case 2: return replicate32(i << 16);
    case 3: return replicate32(i << 24);
    case 4: return replicate16(i);
    case 5: return replicate16(i << 8);
    case 6: return (cmode & 1) == 0 ? replicate32(i << 8 | 0xff) : replicate32(i << 16 | 0xffff);
    default: break;
  }
  if ((cmode & 1) == 0) {
    if (op == 0) return replicate16(i << 8 | i);
    u64 v = 0;
    for (unsigned b = 0; b < 8; ++b)
      if (bit(i, b)) v |= u64{0xff} << (8 * b);
    return v;
  }
  return op == 0 ? replicate32(expand_fp_immediate(imm8, 32)) : expand_fp_immediate(imm8, 64);
}

// MOVI, MVNI, ORR, BIC (vector, immediate), FMOV (vector, immediate)
void modified_immediate(Context& c, unsigned q, unsigned op, unsigned abc, unsigned cmode, unsigned o2, unsigned defgh,
                        unsigned d) {
  const bool half = o2 != 0;  // FMOV of halves
  if (half && !(op == 0 && cmode == 15 && c.has(cpu::Feature::FP16))) return c.undefined();
  if (cmode == 15 && op == 1 && q == 0) return c.undefined();
  if (!fp_enabled(c)) return;
  const unsigned imm8 = abc << 5 | defgh;
  const Value imm = c.b.vconst(half ? replicate16(expand_fp_immediate(imm8, 16)) : expand_immediate(op, cmode, imm8));
  const bool logical = (cmode & 1) != 0 && cmode < 12;
  if (logical) return set_vector(c, d, q != 0, c.b.vec(op != 0 ? Op::VAndNot : Op::VOr, 0, c.b.get_v(d), imm));
  const bool inverted = op != 0 && cmode < 14;
  set_vector(c, d, q != 0, inverted ? c.b.vec(Op::VNot, 0, imm) : imm);
}

// --- Permute, extract, table lookup

// UZP1, UZP2, TRN1, TRN2, ZIP1, ZIP2 on 128 bits. On 64 bits the halves are first brought together.
template <Op op>
void permute(Context& c, unsigned q, unsigned size, unsigned m, unsigned n, unsigned d) {
  if (size == 3 && q == 0) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value x = c.b.get_v(n), y = c.b.get_v(m);
  if (q != 0) return c.b.set_v(d, c.b.vec(op, size, x, y));
  Value r;
  if (op == Op::VUzp1 || op == Op::VUzp2) {
    const Value both = c.b.vec(Op::VZip1, 3, x, y);
    r = c.b.vec(op, size, both, both);
  } else if (op == Op::VZip2) {
    // The second half of a 64-bit interleave is the high half of the full one of the low halves.
    const Value zipped = c.b.vec(Op::VZip1, size, x, y);
    r = c.b.vec(Op::VExt, 0, zipped, zipped, ir::kNoValue, 8);
  } else {
    r = c.b.vec(op, size, x, y);
  }
  c.b.set_v(d, c.b.zero_upper(r));
}
// EXT
void extract(Context& c, unsigned q, unsigned m, unsigned imm4, unsigned n, unsigned d) {
  if (q == 0 && imm4 >= 8) return c.undefined();
  if (!fp_enabled(c)) return;
  const Value x = c.b.get_v(n), y = c.b.get_v(m);
  if (q != 0) return c.b.set_v(d, c.b.vec(Op::VExt, 0, x, y, ir::kNoValue, imm4));
  const Value both = c.b.vec(Op::VZip1, 3, x, y);
  c.b.set_v(d, c.b.zero_upper(c.b.vec(Op::VExt, 0, both, both, ir::kNoValue, imm4)));
}

// TBL, TBX: the table's registers follow the form; TBX keeps what the destination holds where an index is out of range.
template <bool keep>
void table(Context& c, unsigned q, unsigned m, unsigned len, unsigned n, unsigned d) {
  if (!fp_enabled(c)) return;
  const Value indices = c.b.get_v(m);
  if (!keep && len == 0) return set_vector(c, d, q != 0, c.b.vec(Op::VTbl1, 0, c.b.get_v(n), indices));
  // Looked up register by register: each pass takes the indices down by 16 and keeps what the pass before found.
  Value r = keep ? c.b.get_v(d) : c.b.vconst(0);
  for (unsigned i = 0; i <= len; ++i) {
    const Value index = i == 0 ? indices : c.b.vec(Op::VSub, 0, indices, c.b.vconst(0x1010101010101010 * i));
    const Value found = c.b.vec(Op::VTbl1, 0, c.b.get_v((n + i) % 32), index);
    const Value hit = c.b.vec(Op::VCmpHi, 0, c.b.vconst(0x1010101010101010), index);
    r = c.b.vec(Op::VBsl, 0, hit, found, r);
  }
  set_vector(c, d, q != 0, r);
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // Advanced SIMD copy
    row<"0 q 0 01110000 iiiii 0 0000 1 nnnnn ddddd", dup_element>(kAnyId, "DUP (element)"),
    row<"0 q 0 01110000 iiiii 0 0001 1 nnnnn ddddd", dup_general>(kAnyId, "DUP (general)"),
    row<"0 q 0 01110000 iiiii 0 0101 1 nnnnn ddddd", smov>(kAnyId, "SMOV"),
    row<"0 q 0 01110000 iiiii 0 0111 1 nnnnn ddddd", umov>(kAnyId, "UMOV"),
    row<"0 1 0 01110000 iiiii 0 0011 1 nnnnn ddddd", ins_general>(kAnyId, "INS (general)"),
    row<"0 1 1 01110000 iiiii 0 jjjj 1 nnnnn ddddd", ins_element>(kAnyId, "INS (element)"),
    row<"01 0 11110000 iiiii 0 0000 1 nnnnn ddddd", dup_scalar>(kAnyId, "DUP (element), scalar"),
    // Advanced SIMD modified immediate
    row<"0 q o 0111100000 aaa cccc p 1 bbbbb ddddd", modified_immediate>(kAnyId, "MOVI, MVNI, ORR, BIC, FMOV (vector, immediate)"),
    // Advanced SIMD permute
    row<"0 q 0 01110 zz 0 mmmmm 0 001 10 nnnnn ddddd", permute<Op::VUzp1>>(ARM64_INS_UZP1, "UZP1"),
    row<"0 q 0 01110 zz 0 mmmmm 0 010 10 nnnnn ddddd", permute<Op::VTrn1>>(ARM64_INS_TRN1, "TRN1"),
    row<"0 q 0 01110 zz 0 mmmmm 0 011 10 nnnnn ddddd", permute<Op::VZip1>>(ARM64_INS_ZIP1, "ZIP1"),
    row<"0 q 0 01110 zz 0 mmmmm 0 101 10 nnnnn ddddd", permute<Op::VUzp2>>(ARM64_INS_UZP2, "UZP2"),
    row<"0 q 0 01110 zz 0 mmmmm 0 110 10 nnnnn ddddd", permute<Op::VTrn2>>(ARM64_INS_TRN2, "TRN2"),
    row<"0 q 0 01110 zz 0 mmmmm 0 111 10 nnnnn ddddd", permute<Op::VZip2>>(ARM64_INS_ZIP2, "ZIP2"),
    // Advanced SIMD extract and table lookup
    row<"0 q 1 01110 00 0 mmmmm 0 iiii 0 nnnnn ddddd", extract>(ARM64_INS_EXT, "EXT"),
    row<"0 q 0 01110 00 0 mmmmm 0 ll 0 00 nnnnn ddddd", table<false>>(ARM64_INS_TBL, "TBL"),
    row<"0 q 0 01110 00 0 mmmmm 0 ll 1 00 nnnnn ddddd", table<true>>(ARM64_INS_TBX, "TBX"),
};
// clang-format on

}  // namespace

std::span<const Row> simd_copy_rows() { return kRows; }

}  // namespace ferry::frontend
