#include <array>
#include <bit>
#include <cstring>

#include "core/check.h"
#include "ir/eval.h"

namespace ferry::ir {
namespace {

// A vector as lanes of 1 << lane bytes, zero-extended.
struct Lanes {
  unsigned bits;
  unsigned count;
  std::array<u64, 16> v{};

  Lanes(const U128& x, unsigned lane) : bits(8u << lane), count(16u >> lane) {
    for (unsigned i = 0; i < count; ++i) {
      const unsigned p = i * bits;
      v[i] = ((p < 64 ? x.lo : x.hi) >> (p & 63)) & low_mask(bits);
    }
  }
  U128 pack() const {
    U128 r;
    for (unsigned i = 0; i < count; ++i) {
      const unsigned p = i * bits;
      (p < 64 ? r.lo : r.hi) |= (v[i] & low_mask(bits)) << (p & 63);
    }
    return r;
  }
  i64 s(unsigned i) const { return sign_extend(v[i], bits); }
};

template <class F>
U128 map1(const U128& a, unsigned lane, F f) {
  Lanes x(a, lane);
  for (unsigned i = 0; i < x.count; ++i) x.v[i] = f(x, i);
  return x.pack();
}

template <class F>
U128 map2(const U128& a, const U128& b, unsigned lane, F f) {
  const Lanes x(a, lane), y(b, lane);
  Lanes r(a, lane);
  for (unsigned i = 0; i < r.count; ++i) r.v[i] = f(x, y, i);
  return r.pack();
}

u64 all_ones_if(bool c) { return c ? ~u64{0} : 0; }

// USHL and SSHL: the amount is the signed low byte.
u64 shift_by_register(i64 value, u64 amount, unsigned bits, bool is_signed) {
  const int n = static_cast<int>(static_cast<i8>(amount));
  const int w = static_cast<int>(bits);
  if (n >= 0) return n >= w ? 0 : static_cast<u64>(value) << n;
  if (is_signed) return static_cast<u64>(value >> (-n >= w ? w - 1 : -n));
  return -n >= w ? 0 : (static_cast<u64>(value) & low_mask(bits)) >> -n;
}

U128 permute(const Inst& inst, const U128& a, const U128& b) {
  const Lanes x(a, inst.lane), y(b, inst.lane);
  Lanes r(a, inst.lane);
  const unsigned half = r.count / 2;
  for (unsigned i = 0; i < r.count; ++i) {
    switch (inst.op) {
      case Op::VZip1: r.v[i] = (i & 1) != 0 ? y.v[i / 2] : x.v[i / 2]; break;
      case Op::VZip2: r.v[i] = (i & 1) != 0 ? y.v[half + i / 2] : x.v[half + i / 2]; break;
      case Op::VUzp1: r.v[i] = i < half ? x.v[2 * i] : y.v[2 * (i - half)]; break;
      case Op::VUzp2: r.v[i] = i < half ? x.v[2 * i + 1] : y.v[2 * (i - half) + 1]; break;
      case Op::VTrn1: r.v[i] = (i & 1) != 0 ? y.v[i - 1] : x.v[i]; break;
      case Op::VTrn2: r.v[i] = (i & 1) != 0 ? y.v[i] : x.v[i + 1]; break;
      case Op::VAddP:
        r.v[i] = i < half ? x.v[2 * i] + x.v[2 * i + 1] : y.v[2 * (i - half)] + y.v[2 * (i - half) + 1];
        break;
      default: UNREACHABLE("not a permutation");
    }
  }
  return r.pack();
}

U128 bytes_of(const U128& a, const U128& b, unsigned from) {
  u8 buffer[32];
  std::memcpy(buffer, &a, 16);
  std::memcpy(buffer + 16, &b, 16);
  U128 r;
  std::memcpy(&r, buffer + from, 16);
  return r;
}

U128 table_lookup(const U128& table, const U128& indices) {
  const Lanes t(table, 0), x(indices, 0);
  Lanes r(indices, 0);
  for (unsigned i = 0; i < 16; ++i) r.v[i] = x.v[i] < 16 ? t.v[x.v[i]] : 0;
  return r.pack();
}

U128 widen(const U128& a, unsigned lane, bool is_signed) {
  const Lanes x(a, lane);
  Lanes r(U128{}, lane + 1);
  for (unsigned i = 0; i < r.count; ++i) r.v[i] = is_signed ? static_cast<u64>(x.s(i)) : x.v[i];
  return r.pack();
}

U128 narrow(const U128& a, unsigned lane) {
  const Lanes x(a, lane + 1);
  Lanes r(U128{}, lane);
  for (unsigned i = 0; i < x.count; ++i) r.v[i] = x.v[i];
  return r.pack();
}

U128 reverse(const U128& a, unsigned lane, unsigned container_log2) {
  const Lanes x(a, lane);
  Lanes r(a, lane);
  const unsigned per = 1u << (container_log2 - lane);
  for (unsigned i = 0; i < r.count; ++i) r.v[i] = x.v[i / per * per + per - 1 - i % per];
  return r.pack();
}

U128 insert(const U128& a, u64 value, unsigned lane, unsigned index) {
  Lanes r(a, lane);
  r.v[index] = value;
  return r.pack();
}

}  // namespace

U128 eval_vector(const Inst& inst, const U128& a, const U128& b, const U128& c) {
  const unsigned lane = inst.lane;
  const unsigned imm = static_cast<unsigned>(inst.imm);
  using L = const Lanes&;
  switch (inst.op) {
    case Op::VConst: return {inst.imm, inst.imm};
    case Op::VZeroUpper: return {a.lo, 0};
    case Op::VAnd: return {a.lo & b.lo, a.hi & b.hi};
    case Op::VOr: return {a.lo | b.lo, a.hi | b.hi};
    case Op::VXor: return {a.lo ^ b.lo, a.hi ^ b.hi};
    case Op::VAndNot: return {a.lo & ~b.lo, a.hi & ~b.hi};
    case Op::VOrNot: return {a.lo | ~b.lo, a.hi | ~b.hi};
    case Op::VNot: return {~a.lo, ~a.hi};
    case Op::VBsl: return {(a.lo & b.lo) | (~a.lo & c.lo), (a.hi & b.hi) | (~a.hi & c.hi)};
    case Op::VAdd: return map2(a, b, lane, [](L x, L y, unsigned i) { return x.v[i] + y.v[i]; });
    case Op::VSub: return map2(a, b, lane, [](L x, L y, unsigned i) { return x.v[i] - y.v[i]; });
    case Op::VMul: return map2(a, b, lane, [](L x, L y, unsigned i) { return x.v[i] * y.v[i]; });
    case Op::VNeg: return map1(a, lane, [](L x, unsigned i) { return u64{0} - x.v[i]; });
    case Op::VAbs: return map1(a, lane, [](L x, unsigned i) { return x.s(i) < 0 ? u64{0} - x.v[i] : x.v[i]; });
    case Op::VShl: return map1(a, lane, [imm](L x, unsigned i) { return x.v[i] << imm; });
    case Op::VUShr: return map1(a, lane, [imm](L x, unsigned i) { return imm >= x.bits ? 0 : x.v[i] >> imm; });
    case Op::VSShr:
      return map1(a, lane,
                  [imm](L x, unsigned i) { return static_cast<u64>(x.s(i) >> (imm >= x.bits ? x.bits - 1 : imm)); });
    case Op::VUShlReg:
      return map2(a, b, lane, [](L x, L y, unsigned i) {
        return shift_by_register(static_cast<i64>(x.v[i]), y.v[i], x.bits, false);
      });
    case Op::VSShlReg:
      return map2(a, b, lane, [](L x, L y, unsigned i) { return shift_by_register(x.s(i), y.v[i], x.bits, true); });
    case Op::VCmpEq: return map2(a, b, lane, [](L x, L y, unsigned i) { return all_ones_if(x.v[i] == y.v[i]); });
    case Op::VCmpGt: return map2(a, b, lane, [](L x, L y, unsigned i) { return all_ones_if(x.s(i) > y.s(i)); });
    case Op::VCmpGe: return map2(a, b, lane, [](L x, L y, unsigned i) { return all_ones_if(x.s(i) >= y.s(i)); });
    case Op::VCmpHi: return map2(a, b, lane, [](L x, L y, unsigned i) { return all_ones_if(x.v[i] > y.v[i]); });
    case Op::VCmpHs: return map2(a, b, lane, [](L x, L y, unsigned i) { return all_ones_if(x.v[i] >= y.v[i]); });
    case Op::VSMax: return map2(a, b, lane, [](L x, L y, unsigned i) { return x.s(i) > y.s(i) ? x.v[i] : y.v[i]; });
    case Op::VSMin: return map2(a, b, lane, [](L x, L y, unsigned i) { return x.s(i) < y.s(i) ? x.v[i] : y.v[i]; });
    case Op::VUMax: return map2(a, b, lane, [](L x, L y, unsigned i) { return x.v[i] > y.v[i] ? x.v[i] : y.v[i]; });
    case Op::VUMin: return map2(a, b, lane, [](L x, L y, unsigned i) { return x.v[i] < y.v[i] ? x.v[i] : y.v[i]; });
    case Op::VDup: return map1(U128{}, lane, [&a](L, unsigned) { return a.lo; });
    case Op::VDupLane: {
      const u64 v = Lanes(a, lane).v[imm];
      return map1(a, lane, [v](L, unsigned) { return v; });
    }
    case Op::VInsert: return insert(a, b.lo, lane, imm);
    case Op::VExtract: return {Lanes(a, lane).v[imm], 0};
    case Op::VExt: return bytes_of(a, b, imm);
    case Op::VZip1:
    case Op::VZip2:
    case Op::VUzp1:
    case Op::VUzp2:
    case Op::VTrn1:
    case Op::VTrn2:
    case Op::VAddP: return permute(inst, a, b);
    case Op::VRev: return reverse(a, lane, imm);
    case Op::VNarrow: return narrow(a, lane);
    case Op::VSWiden: return widen(a, lane, true);
    case Op::VUWiden: return widen(a, lane, false);
    case Op::VCnt: return map1(a, 0, [](L x, unsigned i) { return static_cast<u64>(std::popcount(x.v[i])); });
    case Op::VFromPair: return {a.lo, b.lo};
    case Op::VFromF: return {inst.from == Type::F32 ? a.lo & 0xffffffff : a.lo, 0};
    case Op::VTbl1: return table_lookup(a, b);
    case Op::VFNeg: return map1(a, lane, [](L x, unsigned i) { return x.v[i] ^ (u64{1} << (x.bits - 1)); });
    case Op::VFAbs: return map1(a, lane, [](L x, unsigned i) { return x.v[i] & (low_mask(x.bits) >> 1); });
    default: UNREACHABLE("eval_vector of an op that has state");
  }
}

}  // namespace ferry::ir
