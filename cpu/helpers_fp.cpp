// Floating-point conversions that have no IR op: half precision and fixed point (cpu/fp does the work).
#include "cpu/fp/fp.h"
#include "cpu/state.h"

namespace ferry::cpu::helper {
namespace {

template <class F>
u64 with_context(CpuState& s, F f) {
  fp::FpContext ctx{s.fpcr, s.fpsr};
  const u64 r = f(ctx);
  s.fpsr = ctx.fpsr;
  return r;
}

// The form operand: fraction bits, width << 8, unsigned << 16.
template <class F>
u64 to_fixed(CpuState& s, u64 a, u64 form) {
  return with_context(s, [&](fp::FpContext& ctx) {
    return fp::to_fixed<F>(static_cast<typename F::Bits>(a), form & 0xff, bit(form, 16), (form >> 8) & 0xff,
                           fp::Rounding::Zero, ctx);
  });
}
template <class F>
u64 from_fixed(CpuState& s, u64 a, u64 form) {
  return with_context(s, [&](fp::FpContext& ctx) {
    return u64{fp::from_fixed<F>(a, (form >> 8) & 0xff, form & 0xff, bit(form, 16), ctx.rounding(), ctx)};
  });
}
template <class To, class From>
u64 convert(CpuState& s, u64 a) {
  return with_context(s, [&](fp::FpContext& ctx) {
    return u64{fp::convert<To, From>(static_cast<typename From::Bits>(a), ctx.rounding(), ctx)};
  });
}

}  // namespace

u64 f32_to_fixed(CpuState& s, u64 a, u64 form, u64, u64) { return to_fixed<fp::Single>(s, a, form); }
u64 f64_to_fixed(CpuState& s, u64 a, u64 form, u64, u64) { return to_fixed<fp::Double>(s, a, form); }
u64 f32_from_fixed(CpuState& s, u64 a, u64 form, u64, u64) { return from_fixed<fp::Single>(s, a, form); }
u64 f64_from_fixed(CpuState& s, u64 a, u64 form, u64, u64) { return from_fixed<fp::Double>(s, a, form); }
u64 f16_from_f32(CpuState& s, u64 a, u64, u64, u64) { return convert<fp::Half, fp::Single>(s, a); }
u64 f16_from_f64(CpuState& s, u64 a, u64, u64, u64) { return convert<fp::Half, fp::Double>(s, a); }
u64 f32_from_f16(CpuState& s, u64 a, u64, u64, u64) { return convert<fp::Single, fp::Half>(s, a); }
u64 f64_from_f16(CpuState& s, u64 a, u64, u64, u64) { return convert<fp::Double, fp::Half>(s, a); }

}  // namespace ferry::cpu::helper
