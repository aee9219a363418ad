// AdvSIMD operations without an IR op: wrappers around cpu/simd, cpu/crypto and cpu/fp. Operand a is the form
// (cpu/simd_form.h), vectors are in vargs; the result goes to vargs[0].
#include <bit>

#include "cpu/crypto.h"
#include "cpu/fp/fp.h"
#include "cpu/simd.h"
#include "cpu/simd_form.h"
#include "cpu/state.h"

namespace ferry::cpu::helper {
namespace {

using simd::Lanes;
using simd::Narrow;
using simd::Sign;

struct Form {
  u32 v;
  explicit Form(u64 form) : v(static_cast<u32>(form)) {}
  unsigned esize() const { return v & 0xff; }
  unsigned datasize() const { return (v >> 8) & 0xff; }
  Lanes lanes() const { return {static_cast<u8>(esize()), static_cast<u8>(datasize())}; }
  Sign sign() const { return (v & kSimdUnsigned) != 0 ? Sign::Unsigned : Sign::Signed; }
  bool round() const { return (v & kSimdRound) != 0; }
  bool saturate() const { return (v & kSimdSaturate) != 0; }
  bool subtract() const { return (v & kSimdSubtract) != 0; }
  bool scalar() const { return (v & kSimdScalar) != 0; }
  unsigned shift() const { return v >> 24; }
};

// Runs f(qc) and ORs QC into FPSR.
template <class F>
u64 saturating(CpuState& s, F f) {
  bool qc = false;
  s.vargs[0] = f(qc);
  if (qc) s.fpsr |= fp::kFpsrQC;
  return 0;
}
u64 plain(CpuState& s, const U128& r) {
  s.vargs[0] = r;
  return 0;
}

u64 element(const U128& v, unsigned esize, unsigned i) {
  const unsigned p = i * esize;
  return ((p < 64 ? v.lo : v.hi) >> (p & 63)) & low_mask(esize);
}
void put(U128& v, unsigned esize, unsigned i, u64 e) {
  const unsigned p = i * esize;
  (p < 64 ? v.lo : v.hi) |= (e & low_mask(esize)) << (p & 63);
}

// f(element index) over the elements of the form, FP context loaded and stored.
template <class F>
u64 fp_lanes(CpuState& s, Form form, F f) {
  fp::FpContext ctx{s.fpcr, s.fpsr};
  U128 r;
  for (unsigned i = 0; i < form.datasize() / form.esize(); ++i) put(r, form.esize(), i, f(ctx, i));
  s.fpsr = ctx.fpsr;
  return plain(s, r);
}
template <class Single, class Double>
u64 fp_binary(CpuState& s, u64 a, Single single, Double dbl) {
  const Form form(a);
  const U128 x = s.vargs[0], y = s.vargs[1];
  return fp_lanes(s, form, [&](fp::FpContext& ctx, unsigned i) -> u64 {
    if (form.esize() == 32)
      return single(static_cast<u32>(element(x, 32, i)), static_cast<u32>(element(y, 32, i)), ctx);
    return dbl(element(x, 64, i), element(y, 64, i), ctx);
  });
}

u64 narrow(CpuState& s, u64 a, Narrow kind) {
  const Form f(a);
  return saturating(s, [&](bool& qc) {
    return U128{simd::narrow(s.vargs[0], f.esize(), f.shift(), f.round(), kind, f.scalar(), qc), 0};
  });
}

}  // namespace

#define FERRY_FP_BINARY(name, function)                                                             \
  u64 name(CpuState& s, u64 a, u64, u64, u64) {                                                     \
    return fp_binary(                                                                               \
        s, a, [](u32 x, u32 y, fp::FpContext& ctx) { return fp::function<fp::Single>(x, y, ctx); }, \
        [](u64 x, u64 y, fp::FpContext& ctx) { return fp::function<fp::Double>(x, y, ctx); });      \
  }
FERRY_FP_BINARY(simd_fmulx, mulx)
FERRY_FP_BINARY(simd_frecps, recip_step)
FERRY_FP_BINARY(simd_frsqrts, rsqrt_step)
#undef FERRY_FP_BINARY

u64 simd_frecpe(CpuState& s, u64 a, u64, u64, u64) {
  return fp_binary(
      s, a, [](u32 x, u32, fp::FpContext& ctx) { return fp::recip_estimate<fp::Single>(x, ctx); },
      [](u64 x, u64, fp::FpContext& ctx) { return fp::recip_estimate<fp::Double>(x, ctx); });
}
u64 simd_frsqrte(CpuState& s, u64 a, u64, u64, u64) {
  return fp_binary(
      s, a, [](u32 x, u32, fp::FpContext& ctx) { return fp::rsqrt_estimate<fp::Single>(x, ctx); },
      [](u64 x, u64, fp::FpContext& ctx) { return fp::rsqrt_estimate<fp::Double>(x, ctx); });
}
u64 simd_frecpx(CpuState& s, u64 a, u64, u64, u64) {
  return fp_binary(
      s, a, [](u32 x, u32, fp::FpContext& ctx) { return fp::recpx<fp::Single>(x, ctx); },
      [](u64 x, u64, fp::FpContext& ctx) { return fp::recpx<fp::Double>(x, ctx); });
}
u64 simd_urecpe(CpuState& s, u64 a, u64, u64, u64) {
  const U128 x = s.vargs[0];
  return fp_lanes(s, Form(a), [&](fp::FpContext&, unsigned i) {
    return u64{fp::unsigned_recip_estimate(static_cast<u32>(element(x, 32, i)))};
  });
}
u64 simd_ursqrte(CpuState& s, u64 a, u64, u64, u64) {
  const U128 x = s.vargs[0];
  return fp_lanes(s, Form(a), [&](fp::FpContext&, unsigned i) {
    return u64{fp::unsigned_rsqrt_estimate(static_cast<u32>(element(x, 32, i)))};
  });
}
// Form: the source's elements, 64 bits of them; the result has elements of twice the size.
u64 simd_fcvtl(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  const U128 x = s.vargs[0];
  fp::FpContext ctx{s.fpcr, s.fpsr};
  U128 r;
  for (unsigned i = 0; i < 64 / f.esize(); ++i) {
    const u64 e = element(x, f.esize(), i);
    put(r, 2 * f.esize(), i,
        f.esize() == 16 ? fp::convert<fp::Single, fp::Half>(static_cast<u16>(e), ctx.rounding(), ctx)
                        : fp::convert<fp::Double, fp::Single>(static_cast<u32>(e), ctx.rounding(), ctx));
  }
  s.fpsr = ctx.fpsr;
  return plain(s, r);
}
// Form: the destination's elements; scalar: one.
u64 simd_fcvtn(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  const U128 x = s.vargs[0];
  fp::FpContext ctx{s.fpcr, s.fpsr};
  U128 r;
  for (unsigned i = 0; i < 64 / f.esize(); ++i) {
    const u64 e = element(x, 2 * f.esize(), i);
    put(r, f.esize(), i,
        f.esize() == 16 ? fp::convert<fp::Half, fp::Single>(static_cast<u32>(e), ctx.rounding(), ctx)
                        : fp::convert<fp::Single, fp::Double>(e, ctx.rounding(), ctx));
  }
  s.fpsr = ctx.fpsr;
  return plain(s, r);
}
u64 simd_fcvtxn(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  const U128 x = s.vargs[0];
  fp::FpContext ctx{s.fpcr, s.fpsr};
  U128 r;
  for (unsigned i = 0; i < (f.scalar() ? 1u : 2u); ++i)
    put(r, 32, i, fp::convert<fp::Single, fp::Double>(element(x, 64, i), fp::Rounding::Odd, ctx));
  s.fpsr = ctx.fpsr;
  return plain(s, r);
}
u64 simd_to_fixed(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  const U128 x = s.vargs[0];
  const bool is_unsigned = f.sign() == Sign::Unsigned;
  return fp_lanes(s, f, [&](fp::FpContext& ctx, unsigned i) {
    return f.esize() == 32
               ? fp::to_fixed<fp::Single>(static_cast<u32>(element(x, 32, i)), f.shift(), is_unsigned, 32,
                                          fp::Rounding::Zero, ctx)
               : fp::to_fixed<fp::Double>(element(x, 64, i), f.shift(), is_unsigned, 64, fp::Rounding::Zero, ctx);
  });
}
u64 simd_from_fixed(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  const U128 x = s.vargs[0];
  const bool is_unsigned = f.sign() == Sign::Unsigned;
  return fp_lanes(s, f, [&](fp::FpContext& ctx, unsigned i) -> u64 {
    return f.esize() == 32
               ? fp::from_fixed<fp::Single>(element(x, 32, i), 32, f.shift(), is_unsigned, ctx.rounding(), ctx)
               : fp::from_fixed<fp::Double>(element(x, 64, i), 64, f.shift(), is_unsigned, ctx.rounding(), ctx);
  });
}

u64 simd_sat_add(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return saturating(s, [&](bool& qc) { return simd::sat_add(s.vargs[0], s.vargs[1], f.lanes(), f.sign(), qc); });
}
u64 simd_sat_sub(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return saturating(s, [&](bool& qc) { return simd::sat_sub(s.vargs[0], s.vargs[1], f.lanes(), f.sign(), qc); });
}
u64 simd_sat_add_mixed(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return saturating(s, [&](bool& qc) { return simd::sat_add_mixed(s.vargs[0], s.vargs[1], f.lanes(), f.sign(), qc); });
}
u64 simd_sat_abs(CpuState& s, u64 a, u64, u64, u64) {
  return saturating(s, [&](bool& qc) { return simd::sat_abs(s.vargs[0], Form(a).lanes(), qc); });
}
u64 simd_sat_neg(CpuState& s, u64 a, u64, u64, u64) {
  return saturating(s, [&](bool& qc) { return simd::sat_neg(s.vargs[0], Form(a).lanes(), qc); });
}
u64 simd_shift_register(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return saturating(s, [&](bool& qc) {
    return simd::shift_by_register(s.vargs[0], s.vargs[1], f.lanes(), f.sign(), f.round(), f.saturate(), qc);
  });
}
u64 simd_sat_shift_left(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return saturating(s, [&](bool& qc) { return simd::sat_shift_left(s.vargs[0], f.shift(), f.lanes(), f.sign(), qc); });
}
u64 simd_sqshlu(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return saturating(s, [&](bool& qc) { return simd::sqshlu(s.vargs[0], f.shift(), f.lanes(), qc); });
}
u64 simd_sqdmulh(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return saturating(s, [&](bool& qc) { return simd::sqdmulh(s.vargs[0], s.vargs[1], f.lanes(), f.round(), qc); });
}
u64 simd_sqdmull(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return saturating(s,
                    [&](bool& qc) { return simd::sqdmull(s.vargs[0].lo, s.vargs[1].lo, f.esize(), f.scalar(), qc); });
}
u64 simd_sqdmlal(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return saturating(s, [&](bool& qc) {
    return simd::sqdmlal(s.vargs[0], s.vargs[1].lo, s.vargs[2].lo, f.esize(), f.subtract(), f.scalar(), qc);
  });
}
u64 simd_narrow(CpuState& s, u64 a, u64, u64, u64) { return narrow(s, a, Narrow::Truncate); }
u64 simd_narrow_sat(CpuState& s, u64 a, u64, u64, u64) {
  return narrow(s, a, Form(a).sign() == Sign::Unsigned ? Narrow::UnsignedSat : Narrow::SignedSat);
}
u64 simd_narrow_sat_unsigned(CpuState& s, u64 a, u64, u64, u64) { return narrow(s, a, Narrow::SignedToUnsignedSat); }

u64 simd_halving_add(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return plain(s, simd::halving_add(s.vargs[0], s.vargs[1], f.lanes(), f.sign(), f.round()));
}
u64 simd_halving_sub(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return plain(s, simd::halving_sub(s.vargs[0], s.vargs[1], f.lanes(), f.sign()));
}
u64 simd_shift_right(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  return plain(s, simd::shift_right(s.vargs[0], f.shift(), f.lanes(), f.sign(), f.round()));
}
u64 simd_add_across(CpuState& s, u64 a, u64, u64, u64) {
  return plain(s, {simd::add_across(s.vargs[0], Form(a).lanes()), 0});
}
u64 simd_add_long_across(CpuState& s, u64 a, u64, u64, u64) {
  return plain(s, {simd::add_long_across(s.vargs[0], Form(a).lanes(), Form(a).sign()), 0});
}
u64 simd_max_across(CpuState& s, u64 a, u64, u64, u64) {
  return plain(s, {simd::max_across(s.vargs[0], Form(a).lanes(), Form(a).sign()), 0});
}
u64 simd_min_across(CpuState& s, u64 a, u64, u64, u64) {
  return plain(s, {simd::min_across(s.vargs[0], Form(a).lanes(), Form(a).sign()), 0});
}
u64 simd_pmul8(CpuState& s, u64, u64, u64, u64) { return plain(s, crypto::pmul8(s.vargs[0], s.vargs[1])); }

u64 simd_rbit(CpuState& s, u64, u64, u64, u64) {
  U128 r;
  for (unsigned i = 0; i < 16; ++i) {
    u64 e = element(s.vargs[0], 8, i);
    e = (e & 0x55) << 1 | (e >> 1 & 0x55);
    e = (e & 0x33) << 2 | (e >> 2 & 0x33);
    put(r, 8, i, e << 4 | e >> 4);
  }
  return plain(s, r);
}
u64 simd_clz(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  U128 r;
  for (unsigned i = 0; i < 128 / f.esize(); ++i) {
    const u64 e = element(s.vargs[0], f.esize(), i);
    put(r, f.esize(), i, f.esize() - static_cast<u64>(std::bit_width(e)));
  }
  return plain(s, r);
}
u64 simd_cls(CpuState& s, u64 a, u64, u64, u64) {
  const Form f(a);
  U128 r;
  for (unsigned i = 0; i < 128 / f.esize(); ++i) {
    const u64 e = element(s.vargs[0], f.esize(), i);
    const u64 changes = (e ^ (e >> 1)) & low_mask(f.esize() - 1);
    put(r, f.esize(), i, f.esize() - 1 - static_cast<u64>(std::bit_width(changes)));
  }
  return plain(s, r);
}

}  // namespace ferry::cpu::helper
