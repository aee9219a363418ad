// BFloat16 dot products, small matrix products and widening multiply-add as helpers: form, then d, n, m in vargs; the
// result goes to vargs[0]. FEAT_I8MM, FEAT_BF16, FEAT_FHM, FEAT_RDM.
#include "cpu/fp/fp.h"
#include "cpu/simd.h"
#include "cpu/simd_form.h"
#include "cpu/simd_lanes.h"
#include "cpu/state.h"

namespace ferry::cpu::helper {
namespace {

using simd::element;
using simd::set_element;

unsigned words_of(u64 form) { return static_cast<unsigned>(form >> 8 & 0xff) / 32; }

// Byte `at` of v as a number.
i64 byte_at(const U128& v, unsigned at, bool is_unsigned) {
  const u64 e = element(v, at, 8);
  return is_unsigned ? static_cast<i64>(e) : sign_extend(e, 8);
}
// The products of `count` bytes from `x` of n and from `y` of m, added up.
u64 dot(u64 form, const U128& n, unsigned x, const U128& m, unsigned y, unsigned count) {
  i64 sum = 0;
  for (unsigned k = 0; k < count; ++k)
    sum += byte_at(n, x + k, (form & kDotUnsignedN) != 0) * byte_at(m, y + k, (form & kDotUnsignedM) != 0);
  return static_cast<u64>(sum);
}
u16 half_at(const U128& v, unsigned i) { return static_cast<u16>(element(v, i, 16)); }
u32 word_at(const U128& v, unsigned i) { return static_cast<u32>(element(v, i, 32)); }

// f(i) for every word of the form.
template <class F>
u64 each_word(CpuState& s, u64 form, F f) {
  U128 r;
  for (unsigned i = 0; i < words_of(form); ++i) set_element(r, i, 32, f(i));
  s.vargs[0] = r;
  return 0;
}

}  // namespace

// SMMLA, UMMLA, USMMLA: 2x2 words plus 2x8 bytes by the transpose of 2x8 bytes.
u64 simd_matrix_multiply(CpuState& s, u64 form, u64, u64, u64) {
  const U128 d = s.vargs[0], n = s.vargs[1], m = s.vargs[2];
  return each_word(s, form, [&](unsigned i) { return word_at(d, i) + dot(form, n, i / 2 * 8, m, i % 2 * 8, 8); });
}

u64 simd_bfdot(CpuState& s, u64 form, u64, u64, u64) {
  const U128 d = s.vargs[0], n = s.vargs[1], m = s.vargs[2];
  return each_word(s, form, [&](unsigned i) {
    return u64{fp::bf_dot_add(word_at(d, i), half_at(n, 2 * i), half_at(n, 2 * i + 1), half_at(m, 2 * i),
                              half_at(m, 2 * i + 1))};
  });
}
u64 simd_bfmmla(CpuState& s, u64 form, u64, u64, u64) {
  const U128 d = s.vargs[0], n = s.vargs[1], m = s.vargs[2];
  return each_word(s, form, [&](unsigned i) {
    u32 sum = word_at(d, i);
    for (unsigned k = 0; k < 4; k += 2) {
      const unsigned x = i / 2 * 4 + k, y = i % 2 * 4 + k;
      sum = fp::bf_dot_add(sum, half_at(n, x), half_at(n, x + 1), half_at(m, y), half_at(m, y + 1));
    }
    return u64{sum};
  });
}
// BFMLALB, BFMLALT: the shift of the form is 1 for the odd elements.
u64 simd_bfmlal(CpuState& s, u64 form, u64, u64, u64) {
  const U128 d = s.vargs[0], n = s.vargs[1], m = s.vargs[2];
  const unsigned top = static_cast<unsigned>(form >> 24) & 1;
  fp::FpContext ctx{s.fpcr, s.fpsr};
  each_word(s, form, [&](unsigned i) {
    return u64{fp::mul_add<fp::Single>(word_at(d, i), u32{half_at(n, 2 * i + top)} << 16,
                                       u32{half_at(m, 2 * i + top)} << 16, ctx)};
  });
  s.fpsr = ctx.fpsr;
  return 0;
}
// FMLAL, FMLSL: the halves that are read stand from bit 0 up.
u64 simd_fmlal(CpuState& s, u64 form, u64, u64, u64) {
  const U128 d = s.vargs[0], n = s.vargs[1], m = s.vargs[2];
  const bool subtract = (form & kSimdSubtract) != 0;
  const auto flip = [&](u16 h) { return subtract ? fp::neg<fp::Half>(h) : h; };
  fp::FpContext ctx{s.fpcr, s.fpsr};
  each_word(s, form,
            [&](unsigned i) { return u64{fp::mul_add_h(word_at(d, i), flip(half_at(n, i)), half_at(m, i), ctx)}; });
  s.fpsr = ctx.fpsr;
  return 0;
}

u64 simd_sqrdmlah(CpuState& s, u64 form, u64, u64, u64) {
  bool qc = false;
  const simd::Lanes lanes{static_cast<u8>(form), static_cast<u8>(form >> 8)};
  s.vargs[0] = simd::sqrdmlah(s.vargs[0], s.vargs[1], s.vargs[2], lanes, (form & kSimdSubtract) != 0, qc);
  if (qc) s.fpsr |= fp::kFpsrQC;
  return 0;
}

}  // namespace ferry::cpu::helper
