#include "ir/eval.h"

#include <bit>

#include "core/check.h"
#include "core/nzcv.h"

namespace ferry::ir {
namespace {

__extension__ typedef unsigned __int128 Wide;
__extension__ typedef __int128 SWide;

u64 reverse_bits(u64 v, unsigned w) {
  u64 r = 0;
  for (unsigned i = 0; i < w; ++i) r |= ((v >> i) & 1) << (w - 1 - i);
  return r;
}

u64 reverse_bytes(u64 v, unsigned container_bytes, unsigned w) {
  u64 r = 0;
  for (unsigned i = 0; i < w / 8; ++i) {
    const unsigned base = i / container_bytes * container_bytes;
    const unsigned to = base + container_bytes - 1 - (i - base);
    r |= ((v >> (8 * i)) & 0xff) << (8 * to);
  }
  return r;
}

u64 count_leading_zeros(u64 v, unsigned w) { return v == 0 ? w : static_cast<u64>(std::countl_zero(v)) - (64 - w); }

u64 divide_signed(u64 a, u64 b, unsigned w) {
  const i64 x = sign_extend(a, w), y = sign_extend(b, w);
  if (y == 0) return 0;
  if (y == -1) return u64{0} - static_cast<u64>(x);  // MIN / -1 wraps to MIN
  return static_cast<u64>(x / y);
}

bool compare(CmpKind kind, u64 a, u64 b, unsigned w) {
  const i64 x = sign_extend(a, w), y = sign_extend(b, w);
  switch (kind) {
    case CmpKind::Eq: return a == b;
    case CmpKind::Ne: return a != b;
    case CmpKind::Slt: return x < y;
    case CmpKind::Sle: return x <= y;
    case CmpKind::Ult: return a < b;
    case CmpKind::Ule: return a <= b;
  }
  return false;
}

u64 extract(u64 hi, u64 lo, u64 shift, unsigned w) { return shift == 0 ? lo : (lo >> shift) | (hi << (w - shift)); }

u64 rotate_right(u64 v, unsigned n, unsigned w) { return n == 0 ? v : (v >> n) | (v << (w - n)); }

}  // namespace

SumAndFlags add_with_carry(u64 a, u64 b, bool carry, unsigned w) {
  const u64 mask = low_mask(w);
  const Wide wide = static_cast<Wide>(a & mask) + (b & mask) + (carry ? 1 : 0);
  const u64 sum = static_cast<u64>(wide) & mask;
  const bool c = (wide >> w) != 0;
  const bool v = bit((a ^ sum) & (b ^ sum), w - 1);
  return {sum, make_nzcv(bit(sum, w - 1), sum == 0, c, v)};
}

U128 eval_pure(const Inst& inst, const U128& av, const U128& bv, const U128& cv) {
  const unsigned w = width(inst.type);
  if (w == 128 && inst.op != Op::Select) return eval_vector(inst, av, bv, cv);
  const u64 a = av.lo, b = bv.lo, c = cv.lo;
  const u64 mask = low_mask(w == 0 ? 64 : w);
  const unsigned n = static_cast<unsigned>(b) & (w - 1);
  u64 r = 0;
  switch (inst.op) {
    case Op::Const: r = inst.imm; break;
    case Op::Add: r = a + b; break;
    case Op::Sub: r = a - b; break;
    case Op::Mul: r = a * b; break;
    case Op::UMulH: r = static_cast<u64>((static_cast<Wide>(a) * b) >> 64); break;
    case Op::SMulH: r = static_cast<u64>((static_cast<SWide>(static_cast<i64>(a)) * static_cast<i64>(b)) >> 64); break;
    case Op::UDiv: r = b == 0 ? 0 : a / b; break;
    case Op::SDiv: r = divide_signed(a, b, w); break;
    case Op::And: r = a & b; break;
    case Op::Or: r = a | b; break;
    case Op::Xor: r = a ^ b; break;
    case Op::AndNot: r = a & ~b; break;
    case Op::OrNot: r = a | ~b; break;
    case Op::Not: r = ~a; break;
    case Op::Neg: r = u64{0} - a; break;
    case Op::Shl: r = a << n; break;
    case Op::Shr: r = a >> n; break;
    case Op::Sar: r = static_cast<u64>(sign_extend(a, w) >> n); break;
    case Op::Ror: r = rotate_right(a, n, w); break;
    case Op::Extr: r = extract(a, b, inst.imm, w); break;
    case Op::Clz: r = count_leading_zeros(a, w); break;
    case Op::Cls: r = count_leading_zeros((a ^ (a >> 1)) & (mask >> 1), w) - 1; break;
    case Op::Rbit: r = reverse_bits(a, w); break;
    case Op::Rev: r = reverse_bytes(a, w / 8, w); break;
    case Op::Rev16: r = reverse_bytes(a, 2, w); break;
    case Op::Rev32: r = reverse_bytes(a, 4, 64); break;
    case Op::Sext: r = static_cast<u64>(sign_extend(a, static_cast<unsigned>(inst.imm))); break;
    case Op::Zext: r = a & low_mask(static_cast<unsigned>(inst.imm)); break;
    case Op::Trunc: return {a & 0xffffffff, 0};
    case Op::ZextW: return {a, 0};
    case Op::SextW: return {static_cast<u64>(sign_extend(a, 32)), 0};
    case Op::Cmp: return {compare(static_cast<CmpKind>(inst.aux), a, b, w) ? u64{1} : 0, 0};
    case Op::Select: return a != 0 ? bv : cv;
    case Op::AddNzcv: return {add_with_carry(a, b, false, w).nzcv, 0};
    case Op::SubNzcv: return {add_with_carry(a, ~b, true, w).nzcv, 0};
    case Op::AdcNzcv: return {add_with_carry(a, b, bit(c, kNzcvC), w).nzcv, 0};
    case Op::SbcNzcv: return {add_with_carry(a, ~b, bit(c, kNzcvC), w).nzcv, 0};
    case Op::Adc: r = add_with_carry(a, b, bit(c, kNzcvC), w).sum; break;
    case Op::Sbc: r = add_with_carry(a, ~b, bit(c, kNzcvC), w).sum; break;
    case Op::LogicNzcv: return {make_nzcv(bit(a, w - 1), a == 0, false, false), 0};
    case Op::CondHolds: return {condition_holds(inst.aux, static_cast<u32>(a)) ? u64{1} : 0, 0};
    case Op::NzcvToArch: return {nzcv_to_arch(static_cast<u32>(a)), 0};
    case Op::NzcvFromArch: return {nzcv_from_arch(a), 0};
    case Op::FNeg: r = a ^ (u64{1} << (w - 1)); break;
    case Op::FAbs: r = a & (mask >> 1); break;
    case Op::FBits:
    case Op::FFromBits: r = a; break;
    case Op::VToF: r = a; break;
    case Op::VExtract: return eval_vector(inst, av, bv, cv);
    default: UNREACHABLE("eval_pure of an op that has state");
  }
  return {r & mask, 0};
}

}  // namespace ferry::ir
