// Arm floating point, bit exact: the functions of shared/functions/float in the Arm ARM (DDI 0487), as pure functions
// of operands and an FpContext. Nothing here touches the host's floating point unit or its flags.
//
// Every function exists as a template over a format (add<Half>, add<Single>, add<Double>) and, where that is handy for
// a table of helpers, as a plain function with the width in its name (add16, add32, add64). Operands and results are
// the raw bits of the format. Exceptions are untrapped: they are OR-ed into FpContext::fpsr. FEAT_AFP (FPCR.AH, FIZ,
// NEP) and the trap enables are not implemented.
#pragma once
#include "core/types.h"

namespace ferry::cpu::fp {

// FPCR and FPSR bits, as the architecture numbers them.
constexpr u32 kFpcrFZ16 = u32{1} << 19;
constexpr unsigned kFpcrRModeShift = 22;
constexpr u32 kFpcrRModeMask = u32{3} << kFpcrRModeShift;
constexpr u32 kFpcrFZ = u32{1} << 24;
constexpr u32 kFpcrDN = u32{1} << 25;
constexpr u32 kFpcrAHP = u32{1} << 26;
constexpr u32 kFpsrIOC = u32{1} << 0;
constexpr u32 kFpsrDZC = u32{1} << 1;
constexpr u32 kFpsrOFC = u32{1} << 2;
constexpr u32 kFpsrUFC = u32{1} << 3;
constexpr u32 kFpsrIXC = u32{1} << 4;
constexpr u32 kFpsrIDC = u32{1} << 7;
constexpr u32 kFpsrQC = u32{1} << 27;

// The first four values are those of FPCR.RMode.
enum class Rounding : u8 { TieEven = 0, PosInf = 1, NegInf = 2, Zero = 3, TieAway = 4, Odd = 5 };

struct FpContext {
  u32 fpcr = 0;
  u32 fpsr = 0;  // accumulates; never cleared here
  constexpr Rounding rounding() const { return static_cast<Rounding>((fpcr >> kFpcrRModeShift) & 3); }
};

// The three formats. kFrac counts the stored fraction bits.
struct Half {
  using Bits = u16;
  static constexpr unsigned kBits = 16, kExp = 5, kFrac = 10;
};
struct Single {
  using Bits = u32;
  static constexpr unsigned kBits = 32, kExp = 8, kFrac = 23;
};
struct Double {
  using Bits = u64;
  static constexpr unsigned kBits = 64, kExp = 11, kFrac = 52;
};
// BFloat16: a format to convert to.
struct BFloat {
  using Bits = u16;
  static constexpr unsigned kBits = 16, kExp = 8, kFrac = 7;
};

// --- sign operations: no exceptions, NaNs included (FPAbs, FPNeg)
template <class F>
constexpr typename F::Bits neg(typename F::Bits a) {
  return static_cast<typename F::Bits>(a ^ (u64{1} << (F::kBits - 1)));
}
template <class F>
constexpr typename F::Bits abs(typename F::Bits a) {
  return static_cast<typename F::Bits>(a & low_mask(F::kBits - 1));
}

// --- arithmetic: FPAdd, FPSub, FPMul, FPMulX, FPDiv, FPSqrt
template <class F>
typename F::Bits add(typename F::Bits a, typename F::Bits b, FpContext& ctx);
template <class F>
typename F::Bits sub(typename F::Bits a, typename F::Bits b, FpContext& ctx);
template <class F>
typename F::Bits mul(typename F::Bits a, typename F::Bits b, FpContext& ctx);
template <class F>
typename F::Bits mulx(typename F::Bits a, typename F::Bits b, FpContext& ctx);
template <class F>
typename F::Bits div(typename F::Bits a, typename F::Bits b, FpContext& ctx);
template <class F>
typename F::Bits sqrt(typename F::Bits a, FpContext& ctx);

// FPMulAdd: addend + a * b with one rounding. FMSUB, FNMADD, FNMSUB and FMLS negate addend or a first (neg above).
template <class F>
typename F::Bits mul_add(typename F::Bits addend, typename F::Bits a, typename F::Bits b, FpContext& ctx);
// FPMulAddH: single-precision addend, half-precision factors (FMLAL, FMLSL).
u32 mul_add_h(u32 addend, u16 a, u16 b, FpContext& ctx);

// BFDotAdd: addend + (a0 * b0 + a1 * b1), each step rounded to odd, without regard to FPCR and without exceptions.
u32 bf_dot_add(u32 addend, u16 a0, u16 a1, u16 b0, u16 b1);

// --- FPMax, FPMin, FPMaxNum, FPMinNum
template <class F>
typename F::Bits max(typename F::Bits a, typename F::Bits b, FpContext& ctx);
template <class F>
typename F::Bits min(typename F::Bits a, typename F::Bits b, FpContext& ctx);
template <class F>
typename F::Bits max_num(typename F::Bits a, typename F::Bits b, FpContext& ctx);
template <class F>
typename F::Bits min_num(typename F::Bits a, typename F::Bits b, FpContext& ctx);

// FPCompare: N:Z:C:V in bits 3..0. signal_nans is FCMPE's (IOC for quiet NaNs too).
template <class F>
u32 compare(typename F::Bits a, typename F::Bits b, bool signal_nans, FpContext& ctx);
// FPCompareEQ (quiet), FPCompareGE, FPCompareGT (signalling). FACGE and FACGT take abs() of both operands first.
template <class F>
bool compare_eq(typename F::Bits a, typename F::Bits b, FpContext& ctx);
template <class F>
bool compare_ge(typename F::Bits a, typename F::Bits b, FpContext& ctx);
template <class F>
bool compare_gt(typename F::Bits a, typename F::Bits b, FpContext& ctx);

// --- conversions
// FPConvert. FCVT, FCVTL and FCVTN pass ctx.rounding(), FCVTXN passes Rounding::Odd. Honours AHP, ignores FZ16.
template <class To, class From>
typename To::Bits convert(typename From::Bits a, Rounding rounding, FpContext& ctx);
// FPToFixed: `width` is 16, 32 or 64; 0 <= fbits <= width. The result is the low `width` bits, zero above.
template <class F>
u64 to_fixed(typename F::Bits a, unsigned fbits, bool is_unsigned, unsigned width, Rounding rounding, FpContext& ctx);
// FixedToFP: reads the low `width` bits (16, 32 or 64) of value; 0 <= fbits <= width.
template <class F>
typename F::Bits from_fixed(u64 value, unsigned width, unsigned fbits, bool is_unsigned, Rounding rounding,
                            FpContext& ctx);
// FPRoundInt: `exact` is FRINTX's (raise IXC).
template <class F>
typename F::Bits round_int(typename F::Bits a, Rounding rounding, bool exact, FpContext& ctx);
// FPRoundIntN (FRINT32X, FRINT32Z, FRINT64X, FRINT64Z): int_size is 32 or 64; Single and Double only.
template <class F>
typename F::Bits round_int_n(typename F::Bits a, Rounding rounding, unsigned int_size, FpContext& ctx);
// FPToFixedJS (FJCVTZS): the 32-bit result; z is the Z flag it sets (N, C and V become 0).
u32 to_fixed_js(u64 a, bool& z, FpContext& ctx);

// --- estimates and steps
template <class F>
typename F::Bits recip_estimate(typename F::Bits a, FpContext& ctx);  // FPRecipEstimate (FRECPE)
template <class F>
typename F::Bits rsqrt_estimate(typename F::Bits a, FpContext& ctx);  // FPRSqrtEstimate (FRSQRTE)
template <class F>
typename F::Bits recpx(typename F::Bits a, FpContext& ctx);  // FPRecpX (FRECPX)
template <class F>
typename F::Bits recip_step(typename F::Bits a, typename F::Bits b, FpContext& ctx);  // FPRecipStepFused: 2 - a*b
template <class F>
typename F::Bits rsqrt_step(typename F::Bits a, typename F::Bits b, FpContext& ctx);  // FPRSqrtStepFused: (3 - a*b)/2
u32 unsigned_recip_estimate(u32 a);                                                   // UnsignedRecipEstimate (URECPE)
u32 unsigned_rsqrt_estimate(u32 a);                                                   // UnsignedRSqrtEstimate (URSQRTE)

// --- constants by format
template <class F>
constexpr typename F::Bits infinity(bool sign) {
  return static_cast<typename F::Bits>((u64{sign} << (F::kBits - 1)) | (low_mask(F::kExp) << F::kFrac));
}
template <class F>
constexpr typename F::Bits default_nan() {
  return static_cast<typename F::Bits>(low_mask(F::kExp + 1) << (F::kFrac - 1));
}
template <class F>
constexpr typename F::Bits max_normal(bool sign) {
  return static_cast<typename F::Bits>(infinity<F>(sign) - 1);
}
template <class F>
constexpr bool is_nan(typename F::Bits a) {
  return abs<F>(a) > infinity<F>(false);
}

// --- the same as plain functions, width in the name
#define FERRY_FP_UNARY(name)                                                   \
  inline u16 name##16(u16 a, FpContext & ctx) { return name<Half>(a, ctx); }   \
  inline u32 name##32(u32 a, FpContext & ctx) { return name<Single>(a, ctx); } \
  inline u64 name##64(u64 a, FpContext & ctx) { return name<Double>(a, ctx); }
#define FERRY_FP_BINARY(name)                                                            \
  inline u16 name##16(u16 a, u16 b, FpContext & ctx) { return name<Half>(a, b, ctx); }   \
  inline u32 name##32(u32 a, u32 b, FpContext & ctx) { return name<Single>(a, b, ctx); } \
  inline u64 name##64(u64 a, u64 b, FpContext & ctx) { return name<Double>(a, b, ctx); }
#define FERRY_FP_TERNARY(name)                                                                     \
  inline u16 name##16(u16 c, u16 a, u16 b, FpContext & ctx) { return name<Half>(c, a, b, ctx); }   \
  inline u32 name##32(u32 c, u32 a, u32 b, FpContext & ctx) { return name<Single>(c, a, b, ctx); } \
  inline u64 name##64(u64 c, u64 a, u64 b, FpContext & ctx) { return name<Double>(c, a, b, ctx); }

FERRY_FP_BINARY(add)
FERRY_FP_BINARY(sub)
FERRY_FP_BINARY(mul)
FERRY_FP_BINARY(mulx)
FERRY_FP_BINARY(div)
FERRY_FP_BINARY(max)
FERRY_FP_BINARY(min)
FERRY_FP_BINARY(max_num)
FERRY_FP_BINARY(min_num)
FERRY_FP_BINARY(recip_step)
FERRY_FP_BINARY(rsqrt_step)
FERRY_FP_UNARY(sqrt)
FERRY_FP_UNARY(recip_estimate)
FERRY_FP_UNARY(rsqrt_estimate)
FERRY_FP_UNARY(recpx)
FERRY_FP_TERNARY(mul_add)
#undef FERRY_FP_UNARY
#undef FERRY_FP_BINARY
#undef FERRY_FP_TERNARY

inline u32 compare16(u16 a, u16 b, bool signal_nans, FpContext& ctx) { return compare<Half>(a, b, signal_nans, ctx); }
inline u32 compare32(u32 a, u32 b, bool signal_nans, FpContext& ctx) { return compare<Single>(a, b, signal_nans, ctx); }
inline u32 compare64(u64 a, u64 b, bool signal_nans, FpContext& ctx) { return compare<Double>(a, b, signal_nans, ctx); }

}  // namespace ferry::cpu::fp
