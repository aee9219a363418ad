#include "jit/eval_fp.h"

#include "core/check.h"
#include "cpu/fp/fp.h"

namespace ferry::jit {
namespace {

using namespace cpu::fp;
using ir::Op;
using ir::Type;

struct Rounded {
  Rounding mode;
  bool exact;  // raise IXC
};

Rounded rounding_of(u8 aux, const FpContext& ctx) {
  switch (static_cast<ir::FpRound>(aux)) {
    case ir::FpRound::TieEven: return {Rounding::TieEven, false};
    case ir::FpRound::PlusInf: return {Rounding::PosInf, false};
    case ir::FpRound::MinusInf: return {Rounding::NegInf, false};
    case ir::FpRound::Zero: return {Rounding::Zero, false};
    case ir::FpRound::TieAway: return {Rounding::TieAway, false};
    case ir::FpRound::Current: return {ctx.rounding(), false};
    case ir::FpRound::CurrentExact: return {ctx.rounding(), true};
  }
  return {Rounding::TieEven, false};
}

u64 packed_flags(u32 nzcv) { return make_nzcv(bit(nzcv, 3), bit(nzcv, 2), bit(nzcv, 1), bit(nzcv, 0)); }

// One lane or one scalar of format F; integer results of conversions are `int_width` bits wide.
template <class F>
u64 one(const ir::Inst& inst, u64 a64, u64 b64, u64 c64, unsigned int_width, FpContext& ctx) {
  using B = typename F::Bits;
  const B a = static_cast<B>(a64), b = static_cast<B>(b64), c = static_cast<B>(c64);
  const u64 ones = low_mask(F::kBits);
  switch (inst.op) {
    case Op::FAdd:
    case Op::VFAdd: return add<F>(a, b, ctx);
    case Op::FSub:
    case Op::VFSub: return sub<F>(a, b, ctx);
    case Op::FMul:
    case Op::VFMul: return mul<F>(a, b, ctx);
    case Op::FNMul: return neg<F>(mul<F>(a, b, ctx));
    case Op::FDiv:
    case Op::VFDiv: return div<F>(a, b, ctx);
    case Op::FSqrt:
    case Op::VFSqrt: return sqrt<F>(a, ctx);
    case Op::FMadd:
    case Op::VFMla: return mul_add<F>(a, b, c, ctx);
    case Op::FMax:
    case Op::VFMax: return max<F>(a, b, ctx);
    case Op::FMin:
    case Op::VFMin: return min<F>(a, b, ctx);
    case Op::FMaxNm:
    case Op::VFMaxNm: return max_num<F>(a, b, ctx);
    case Op::FMinNm:
    case Op::VFMinNm: return min_num<F>(a, b, ctx);
    case Op::FCmp: return packed_flags(compare<F>(a, b, false, ctx));
    case Op::FCmpE: return packed_flags(compare<F>(a, b, true, ctx));
    case Op::VFCmpEq: return compare_eq<F>(a, b, ctx) ? ones : 0;
    case Op::VFCmpGe: return compare_ge<F>(a, b, ctx) ? ones : 0;
    case Op::VFCmpGt: return compare_gt<F>(a, b, ctx) ? ones : 0;
    case Op::FRound:
    case Op::VFRound: {
      const Rounded r = rounding_of(inst.aux, ctx);
      return round_int<F>(a, r.mode, r.exact, ctx);
    }
    case Op::FToS:
    case Op::VFToS: return to_fixed<F>(a, 0, false, int_width, rounding_of(inst.aux, ctx).mode, ctx);
    case Op::FToU:
    case Op::VFToU: return to_fixed<F>(a, 0, true, int_width, rounding_of(inst.aux, ctx).mode, ctx);
    case Op::SToF:
    case Op::VSToF: return from_fixed<F>(a64, int_width, 0, false, ctx.rounding(), ctx);
    case Op::UToF:
    case Op::VUToF: return from_fixed<F>(a64, int_width, 0, true, ctx.rounding(), ctx);
    default: UNREACHABLE("not a floating-point op");
  }
}

u64 scalar(const ir::Inst& inst, u64 a, u64 b, u64 c, FpContext& ctx) {
  switch (inst.op) {
    case Op::FCvt:
      return inst.type == Type::F64 ? convert<Double, Single>(static_cast<u32>(a), ctx.rounding(), ctx)
                                    : convert<Single, Double>(a, ctx.rounding(), ctx);
    case Op::FToS:
    case Op::FToU:
      return inst.from == Type::F32 ? one<Single>(inst, a, b, c, ir::width(inst.type), ctx)
                                    : one<Double>(inst, a, b, c, ir::width(inst.type), ctx);
    case Op::SToF:
    case Op::UToF:
      return inst.type == Type::F32 ? one<Single>(inst, a, b, c, ir::width(inst.from), ctx)
                                    : one<Double>(inst, a, b, c, ir::width(inst.from), ctx);
    default: return inst.type == Type::F32 ? one<Single>(inst, a, b, c, 32, ctx) : one<Double>(inst, a, b, c, 64, ctx);
  }
}

u64 lane32(const U128& v, unsigned i) { return ((i < 2 ? v.lo : v.hi) >> (32 * (i & 1))) & 0xffffffff; }

U128 vector(const ir::Inst& inst, const U128& a, const U128& b, const U128& c, FpContext& ctx) {
  U128 r;
  for (unsigned i = 0; i < inst.imm; ++i) {
    if (inst.lane == 3) {
      (i == 0 ? r.lo : r.hi) =
          i == 0 ? one<Double>(inst, a.lo, b.lo, c.lo, 64, ctx) : one<Double>(inst, a.hi, b.hi, c.hi, 64, ctx);
    } else {
      const u64 v = one<Single>(inst, lane32(a, i), lane32(b, i), lane32(c, i), 32, ctx) & 0xffffffff;
      (i < 2 ? r.lo : r.hi) |= v << (32 * (i & 1));
    }
  }
  return r;
}

}  // namespace

U128 eval_fp(cpu::CpuState& s, const ir::Inst& inst, const U128& a, const U128& b, const U128& c) {
  FpContext ctx{s.fpcr, s.fpsr};
  const U128 r =
      inst.result_type() == Type::V128 ? vector(inst, a, b, c, ctx) : U128{scalar(inst, a.lo, b.lo, c.lo, ctx), 0};
  s.fpsr = ctx.fpsr;
  return r;
}

}  // namespace ferry::jit
