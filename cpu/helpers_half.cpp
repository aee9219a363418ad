// Half-precision arithmetic (FEAT_FP16), BFloat16 and JavaScript conversions, rounding to integers of a size, as
// helpers around cpu/fp. Vectors are in vargs; the result goes to vargs[0].
#include "core/check.h"
#include "cpu/fp/fp.h"
#include "cpu/half_form.h"
#include "cpu/nzcv.h"
#include "cpu/simd_form.h"
#include "cpu/simd_lanes.h"
#include "cpu/state.h"

namespace ferry::cpu::helper {
namespace {

using fp::FpContext;
using fp::Half;
using fp::Rounding;
using simd::element;
using simd::set_element;

struct Rounded {
  Rounding mode;
  bool exact;
};
Rounded rounding_of(u64 code, const FpContext& ctx) {
  const auto r = static_cast<HalfRound>(code);
  if (r == HalfRound::Current || r == HalfRound::CurrentExact) return {ctx.rounding(), r == HalfRound::CurrentExact};
  return {static_cast<Rounding>(code), false};
}

u16 all_ones_if(bool c) { return c ? 0xffff : 0; }

u16 two_operands(HalfOp op, u16 a, u16 b, FpContext& ctx) {
  switch (op) {
    case HalfOp::Add: return fp::add<Half>(a, b, ctx);
    case HalfOp::Sub: return fp::sub<Half>(a, b, ctx);
    case HalfOp::Mul: return fp::mul<Half>(a, b, ctx);
    case HalfOp::NegMul: return fp::neg<Half>(fp::mul<Half>(a, b, ctx));
    case HalfOp::Mulx: return fp::mulx<Half>(a, b, ctx);
    case HalfOp::Div: return fp::div<Half>(a, b, ctx);
    case HalfOp::Max: return fp::max<Half>(a, b, ctx);
    case HalfOp::Min: return fp::min<Half>(a, b, ctx);
    case HalfOp::MaxNum: return fp::max_num<Half>(a, b, ctx);
    case HalfOp::MinNum: return fp::min_num<Half>(a, b, ctx);
    case HalfOp::AbsDifference: return fp::abs<Half>(fp::sub<Half>(a, b, ctx));
    case HalfOp::RecipStep: return fp::recip_step<Half>(a, b, ctx);
    case HalfOp::RsqrtStep: return fp::rsqrt_step<Half>(a, b, ctx);
    case HalfOp::Equal: return all_ones_if(fp::compare_eq<Half>(a, b, ctx));
    case HalfOp::GreaterEqual: return all_ones_if(fp::compare_ge<Half>(a, b, ctx));
    case HalfOp::Greater: return all_ones_if(fp::compare_gt<Half>(a, b, ctx));
    case HalfOp::AbsGreaterEqual: return all_ones_if(fp::compare_ge<Half>(fp::abs<Half>(a), fp::abs<Half>(b), ctx));
    case HalfOp::AbsGreater: return all_ones_if(fp::compare_gt<Half>(fp::abs<Half>(a), fp::abs<Half>(b), ctx));
    default: UNREACHABLE("not an operation of two halves");
  }
}

u16 one_operand(HalfOp op, u16 a, u64 form, FpContext& ctx) {
  const Rounded r = rounding_of((form >> 16) & 0xff, ctx);
  const unsigned fbits = static_cast<unsigned>(form >> 24) & 0xff;
  switch (op) {
    case HalfOp::Sqrt: return fp::sqrt<Half>(a, ctx);
    case HalfOp::RecipEstimate: return fp::recip_estimate<Half>(a, ctx);
    case HalfOp::RsqrtEstimate: return fp::rsqrt_estimate<Half>(a, ctx);
    case HalfOp::Recpx: return fp::recpx<Half>(a, ctx);
    case HalfOp::RoundInt: return fp::round_int<Half>(a, r.mode, r.exact, ctx);
    case HalfOp::ToSigned: return static_cast<u16>(fp::to_fixed<Half>(a, fbits, false, 16, r.mode, ctx));
    case HalfOp::ToUnsigned: return static_cast<u16>(fp::to_fixed<Half>(a, fbits, true, 16, r.mode, ctx));
    case HalfOp::FromSigned: return fp::from_fixed<Half>(a, 16, fbits, false, ctx.rounding(), ctx);
    case HalfOp::FromUnsigned: return fp::from_fixed<Half>(a, 16, fbits, true, ctx.rounding(), ctx);
    default: UNREACHABLE("not an operation of one half");
  }
}

// Runs f(context) between FPCR and FPSR.
template <class F>
u64 with_context(CpuState& s, F f) {
  FpContext ctx{s.fpcr, s.fpsr};
  const u64 r = f(ctx);
  s.fpsr = ctx.fpsr;
  return r;
}

u16 half_at(const U128& v, unsigned i) { return static_cast<u16>(element(v, i, 16)); }

}  // namespace

u64 half_lanes(CpuState& s, u64 form, u64, u64, u64) {
  const auto op = static_cast<HalfOp>(form & 0xff);
  const unsigned lanes = (form >> 8) & 0xff;
  const U128 a = s.vargs[0], b = s.vargs[1], c = s.vargs[2];
  U128 r;
  with_context(s, [&](FpContext& ctx) {
    for (unsigned i = 0; i < lanes; ++i) {
      const u16 v = op == HalfOp::MulAdd  ? fp::mul_add<Half>(half_at(a, i), half_at(b, i), half_at(c, i), ctx)
                    : op < HalfOp::MulAdd ? two_operands(op, half_at(a, i), half_at(b, i), ctx)
                                          : one_operand(op, half_at(a, i), form, ctx);
      set_element(r, i, 16, v);
    }
    return u64{0};
  });
  s.vargs[0] = r;
  return 0;
}

u64 half_compare(CpuState& s, u64 a, u64 b, u64 signalling, u64) {
  return with_context(s, [&](FpContext& ctx) {
    const u32 nzcv = fp::compare<Half>(static_cast<u16>(a), static_cast<u16>(b), signalling != 0, ctx);
    return u64{nzcv_from_arch(u64{nzcv} << 28)};
  });
}
u64 half_to_int(CpuState& s, u64 a, u64 form, u64, u64) {
  return with_context(s, [&](FpContext& ctx) {
    return fp::to_fixed<Half>(static_cast<u16>(a), form & 0xff, bit(form, 16), (form >> 8) & 0xff,
                              rounding_of(form >> 20, ctx).mode, ctx);
  });
}
u64 half_from_int(CpuState& s, u64 a, u64 form, u64, u64) {
  return with_context(s, [&](FpContext& ctx) {
    return u64{fp::from_fixed<Half>(a, (form >> 8) & 0xff, form & 0xff, bit(form, 16), ctx.rounding(), ctx)};
  });
}

// BFCVT; BFCVTN: four singles to the low half
u64 bf16_from_f32(CpuState& s, u64 a, u64, u64, u64) {
  return with_context(s, [&](FpContext& ctx) {
    return u64{fp::convert<fp::BFloat, fp::Single>(static_cast<u32>(a), ctx.rounding(), ctx)};
  });
}
u64 simd_bfcvtn(CpuState& s, u64, u64, u64, u64) {
  U128 r;
  with_context(s, [&](FpContext& ctx) {
    for (unsigned i = 0; i < 4; ++i)
      set_element(
          r, i, 16,
          fp::convert<fp::BFloat, fp::Single>(static_cast<u32>(element(s.vargs[0], i, 32)), ctx.rounding(), ctx));
    return u64{0};
  });
  s.vargs[0] = r;
  return 0;
}

u64 fjcvtzs(CpuState& s, u64 a, u64, u64, u64) {
  return with_context(s, [&](FpContext& ctx) {
    bool z = false;
    const u32 r = fp::to_fixed_js(a, z, ctx);
    return r | u64{z} << 32;
  });
}

// FRINT32Z, FRINT32X, FRINT64Z, FRINT64X. kSimdUnsigned: 64-bit integers; kSimdRound: FPCR's rounding, else to zero.
u64 fp_round_int_n(CpuState& s, u64 form, u64, u64, u64) {
  const unsigned esize = form & 0xff, count = ((form >> 8) & 0xff) / esize;
  const unsigned int_size = (form & kSimdUnsigned) != 0 ? 64 : 32;
  U128 r;
  with_context(s, [&](FpContext& ctx) {
    const Rounding rounding = (form & kSimdRound) != 0 ? ctx.rounding() : Rounding::Zero;
    for (unsigned i = 0; i < count; ++i) {
      const u64 e = element(s.vargs[0], i, esize);
      set_element(r, i, esize,
                  esize == 32 ? fp::round_int_n<fp::Single>(static_cast<u32>(e), rounding, int_size, ctx)
                              : fp::round_int_n<fp::Double>(e, rounding, int_size, ctx));
    }
    return u64{0};
  });
  s.vargs[0] = r;
  return 0;
}

}  // namespace ferry::cpu::helper
