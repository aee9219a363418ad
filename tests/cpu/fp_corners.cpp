// Corner values of cpu/fp worked out by hand from the manual's pseudocode.
#include "cpu/fp/fp.h"
#include "tests/catch.h"

namespace fp = ferry::cpu::fp;
using namespace ferry;
using fp::Double;
using fp::FpContext;
using fp::Half;
using fp::Rounding;
using fp::Single;

namespace {

constexpr u64 kOne = 0x3ff0000000000000, kInf = 0x7ff0000000000000, kNegZero = 0x8000000000000000;
constexpr u64 kQuiet = 0x7ff8000000000001, kSignalling = 0x7ff0000000000002, kDefault = 0x7ff8000000000000;
constexpr u64 kMinNormal = 0x0010000000000000, kMaxNormal = 0x7fefffffffffffff;

u32 mode(Rounding r) { return static_cast<u32>(r) << fp::kFpcrRModeShift; }

// A call's result and the flags it raised.
struct Got {
  u64 value;
  u32 fpsr;
  bool operator==(const Got&) const = default;
};
std::ostream& operator<<(std::ostream& os, const Got& g) {
  return os << std::hex << "value " << g.value << " fpsr " << g.fpsr << std::dec;
}
template <class Fn>
Got with(u32 fpcr, Fn fn) {
  FpContext ctx{fpcr, 0};
  const u64 value = fn(ctx);
  return {value, ctx.fpsr};
}

}  // namespace

TEST_CASE("NaN operands: signalling before quiet, first before second") {
  const auto add = [](u64 a, u64 b, u32 fpcr = 0) {
    return with(fpcr, [=](FpContext& c) { return fp::add64(a, b, c); });
  };
  CHECK(add(kQuiet, kSignalling) == Got{kSignalling | 0x0008000000000000, fp::kFpsrIOC});
  CHECK(add(kQuiet, kQuiet + 1) == Got{kQuiet, 0});
  CHECK(add(kOne, kQuiet | kNegZero) == Got{kQuiet | kNegZero, 0});
  CHECK(add(kOne, kSignalling, fp::kFpcrDN) == Got{kDefault, fp::kFpsrIOC});
  CHECK(add(kInf, kInf | kNegZero) == Got{kDefault, fp::kFpsrIOC});
}

TEST_CASE("a fused multiply-add of infinity and zero is invalid whatever quiet NaN is added") {
  const auto mul_add = [](u64 c, u64 a, u64 b) {
    return with(0, [=](FpContext& x) { return fp::mul_add64(c, a, b, x); });
  };
  CHECK(mul_add(kQuiet, kInf, 0) == Got{kDefault, fp::kFpsrIOC});
  CHECK(mul_add(kSignalling, kInf, 0) == Got{kSignalling | 0x0008000000000000, fp::kFpsrIOC});
  CHECK(mul_add(kQuiet, kInf, kOne) == Got{kQuiet, 0});
  // (1 + 2^-52)^2 - (1 + 2^-51) = 2^-104: only a single rounding sees it.
  CHECK(mul_add(0xbff0000000000002, kOne + 1, kOne + 1) == Got{u64{1023 - 104} << 52, 0});
}

TEST_CASE("zero sums take their sign from the rounding mode") {
  const auto sub = [](u64 a, u64 b, u32 fpcr) { return with(fpcr, [=](FpContext& c) { return fp::sub64(a, b, c); }); };
  CHECK(sub(kOne, kOne, 0) == Got{0, 0});
  CHECK(sub(kOne, kOne, mode(Rounding::NegInf)) == Got{kNegZero, 0});
  CHECK(sub(kNegZero, 0, 0) == Got{kNegZero, 0});
}

TEST_CASE("overflow goes to infinity or to the largest number by rounding mode") {
  const auto twice = [](Rounding r, u64 sign) {
    return with(mode(r), [=](FpContext& c) { return fp::add64(kMaxNormal | sign, kMaxNormal | sign, c); });
  };
  const u32 raised = fp::kFpsrOFC | fp::kFpsrIXC;
  CHECK(twice(Rounding::TieEven, 0) == Got{kInf, raised});
  CHECK(twice(Rounding::Zero, 0) == Got{kMaxNormal, raised});
  CHECK(twice(Rounding::NegInf, 0) == Got{kMaxNormal, raised});
  CHECK(twice(Rounding::NegInf, kNegZero) == Got{kInf | kNegZero, raised});
  CHECK(twice(Rounding::PosInf, kNegZero) == Got{kMaxNormal | kNegZero, raised});
}

TEST_CASE("tininess is found before rounding") {
  // (2 - 2^-52) * 2^-1023 rounds up to the smallest normal, and is still tiny.
  const auto half_of = [](u64 a, u32 fpcr) {
    return with(fpcr, [=](FpContext& c) { return fp::mul64(a, 0x3fe0000000000000, c); });
  };
  CHECK(half_of(0x001fffffffffffff, 0) == Got{kMinNormal, fp::kFpsrUFC | fp::kFpsrIXC});
  CHECK(half_of(0x0010000000000000, 0) == Got{0x0008000000000000, 0});  // exact: no underflow
  CHECK(half_of(0x0010000000000000, fp::kFpcrFZ) == Got{0, fp::kFpsrUFC});
  CHECK(half_of(0x8000000000000001, fp::kFpcrFZ) == Got{kNegZero, fp::kFpsrIDC});
  CHECK(with(fp::kFpcrFZ16, [](FpContext& c) { return fp::mul16(0x0001, 0x3c00, c); }) == Got{0, 0});
  CHECK(with(fp::kFpcrFZ, [](FpContext& c) { return fp::mul16(0x0001, 0x3c00, c); }) == Got{1, 0});
  CHECK(with(fp::kFpcrFZ16, [](FpContext& c) { return fp::mul16(0x0400, 0x3800, c); }) == Got{0, fp::kFpsrUFC});
}

TEST_CASE("division and square root") {
  CHECK(with(0, [](FpContext& c) { return fp::div64(kOne | kNegZero, 0, c); }) == Got{kInf | kNegZero, fp::kFpsrDZC});
  CHECK(with(0, [](FpContext& c) { return fp::div64(0, 0, c); }) == Got{kDefault, fp::kFpsrIOC});
  CHECK(with(0, [](FpContext& c) { return fp::div64(kInf, 0, c); }) == Got{kInf, 0});
  CHECK(with(0, [](FpContext& c) { return fp::div32(0x3f800000, 0x40400000, c); }) == Got{0x3eaaaaab, fp::kFpsrIXC});
  CHECK(with(0, [](FpContext& c) { return fp::sqrt64(0x4010000000000000, c); }) == Got{0x4000000000000000, 0});
  CHECK(with(0, [](FpContext& c) { return fp::sqrt64(0x4000000000000000, c); }) ==
        Got{0x3ff6a09e667f3bcd, fp::kFpsrIXC});
  CHECK(with(0, [](FpContext& c) { return fp::sqrt64(kNegZero, c); }) == Got{kNegZero, 0});
  CHECK(with(0, [](FpContext& c) { return fp::sqrt64(kOne | kNegZero, c); }) == Got{kDefault, fp::kFpsrIOC});
  CHECK(with(0, [](FpContext& c) { return fp::mulx64(kInf, kNegZero, c); }) == Got{0xc000000000000000, 0});
}

TEST_CASE("the root of a square is exact, and its neighbours are not") {
  u64 wrong = 0;
  for (u64 i = 1; i < 20000; ++i) {
    const u64 r = i * 3355 + 7;  // below 2^26, so the square has at most 52 bits
    FpContext ctx{};
    const u64 square = fp::from_fixed<Double>(r * r, 64, 0, true, Rounding::TieEven, ctx);
    const u64 expected = fp::from_fixed<Double>(r, 64, 0, true, Rounding::TieEven, ctx);
    wrong += fp::sqrt64(square, ctx) != expected || ctx.fpsr != 0;
    fp::sqrt64(square + 1, ctx);
    wrong += ctx.fpsr != fp::kFpsrIXC;
  }
  CHECK(wrong == 0);
}

TEST_CASE("maximum and minimum") {
  CHECK(with(0, [](FpContext& c) { return fp::max64(kNegZero, 0, c); }) == Got{0, 0});
  CHECK(with(0, [](FpContext& c) { return fp::min64(0, kNegZero, c); }) == Got{kNegZero, 0});
  CHECK(with(0, [](FpContext& c) { return fp::max64(kOne, kQuiet, c); }) == Got{kQuiet, 0});
  CHECK(with(0, [](FpContext& c) { return fp::max_num64(kOne, kQuiet, c); }) == Got{kOne, 0});
  CHECK(with(0, [](FpContext& c) { return fp::min_num64(kQuiet, kSignalling, c); }) ==
        Got{kSignalling | 0x0008000000000000, fp::kFpsrIOC});
}

TEST_CASE("comparison flags") {
  const auto compare = [](u64 a, u64 b, bool e) {
    return with(0, [=](FpContext& c) { return fp::compare64(a, b, e, c); });
  };
  CHECK(compare(0, kNegZero, false) == Got{0b0110, 0});
  CHECK(compare(kOne | kNegZero, kOne, false) == Got{0b1000, 0});
  CHECK(compare(kInf, kOne, false) == Got{0b0010, 0});
  CHECK(compare(kQuiet, kOne, false) == Got{0b0011, 0});
  CHECK(compare(kQuiet, kOne, true) == Got{0b0011, fp::kFpsrIOC});
  CHECK(compare(kOne, kSignalling, false) == Got{0b0011, fp::kFpsrIOC});
  CHECK(with(fp::kFpcrFZ, [](FpContext& c) { return fp::compare64(1, 0, false, c); }) == Got{0b0110, fp::kFpsrIDC});
}

TEST_CASE("conversions between formats") {
  const auto to_half = [](u32 a, u32 fpcr) {
    return with(fpcr, [=](FpContext& c) { return fp::convert<Half, Single>(a, c.rounding(), c); });
  };
  CHECK(to_half(0x477ff000, 0) == Got{0x7c00, fp::kFpsrOFC | fp::kFpsrIXC});  // 65520
  CHECK(to_half(0x477ff000, fp::kFpcrAHP) == Got{0x7c00, 0x10});              // 65536 in alternative half precision
  CHECK(to_half(0x7f800000, fp::kFpcrAHP) == Got{0x7fff, fp::kFpsrIOC});
  CHECK(to_half(0xffc00000, fp::kFpcrAHP) == Got{0x8000, fp::kFpsrIOC});
  CHECK(to_half(0x7fc02000, 0) == Got{0x7e01, 0});
  CHECK(to_half(0x33000000, fp::kFpcrFZ16) ==
        Got{0, fp::kFpsrUFC | fp::kFpsrIXC});  // 2^-25, a tie: not flushed, rounded
  CHECK(with(fp::kFpcrAHP, [](FpContext& c) { return fp::convert<Single, Half>(0x7c00, c.rounding(), c); }) ==
        Got{0x47800000, 0});
  const auto odd = [](u64 a) {
    return with(0, [=](FpContext& c) { return fp::convert<Single, Double>(a, Rounding::Odd, c); });
  };
  CHECK(odd(0x3ff0000000000001) == Got{0x3f800001, fp::kFpsrIXC});
  CHECK(odd(kMaxNormal) == Got{0x7f7fffff, fp::kFpsrOFC | fp::kFpsrIXC});
  CHECK(odd(1) == Got{1, fp::kFpsrUFC | fp::kFpsrIXC});
}

TEST_CASE("conversions to and from integers") {
  const auto to = [](u64 a, unsigned fbits, bool u, unsigned width, Rounding r) {
    return with(0, [=](FpContext& c) { return fp::to_fixed<Double>(a, fbits, u, width, r, c); });
  };
  CHECK(to(0x41e0000000000000, 0, false, 32, Rounding::Zero) == Got{0x7fffffff, fp::kFpsrIOC});
  CHECK(to(0xc1e0000000000000, 0, false, 32, Rounding::Zero) == Got{0x80000000, 0});
  CHECK(to(0xbfe0000000000000, 0, true, 32, Rounding::Zero) == Got{0, fp::kFpsrIXC});
  CHECK(to(0xbff0000000000000, 0, true, 32, Rounding::Zero) == Got{0, fp::kFpsrIOC});
  CHECK(to(0xbfe0000000000000, 0, false, 64, Rounding::TieAway) == Got{~u64{0}, fp::kFpsrIXC});
  CHECK(to(0x4004000000000000, 0, false, 64, Rounding::TieEven) == Got{2, fp::kFpsrIXC});
  CHECK(to(kOne, 63, false, 64, Rounding::Zero) == Got{0x7fffffffffffffff, fp::kFpsrIOC});
  CHECK(to(kOne, 63, true, 64, Rounding::Zero) == Got{0x8000000000000000, 0});
  CHECK(to(kQuiet, 0, false, 64, Rounding::Zero) == Got{0, fp::kFpsrIOC});
  CHECK(to(kInf | kNegZero, 0, false, 64, Rounding::Zero) == Got{0x8000000000000000, fp::kFpsrIOC});
  const auto from = [](u64 v, unsigned width, unsigned fbits, bool u) {
    return with(0, [=](FpContext& c) { return fp::from_fixed<Single>(v, width, fbits, u, c.rounding(), c); });
  };
  CHECK(from(0xffffffff, 32, 0, false) == Got{0xbf800000, 0});
  CHECK(from(0xffffffff, 32, 0, true) == Got{0x4f800000, fp::kFpsrIXC});
  CHECK(from(1, 64, 64, true) == Got{0x1f800000, 0});
  CHECK(from(0, 64, 0, false) == Got{0, 0});
}

TEST_CASE("JavaScript conversion") {
  bool z = false;
  const auto js = [&](u64 a) { return with(0, [&](FpContext& c) { return fp::to_fixed_js(a, z, c); }); };
  CHECK((js(0x41f0000000100000) == Got{1, fp::kFpsrIOC} && !z));  // 2^32 + 1
  CHECK((js(0xbff0000000000000) == Got{0xffffffff, 0} && z));
  CHECK((js(0x3fe0000000000000) == Got{0, fp::kFpsrIXC} && !z));
  CHECK((js(kNegZero) == Got{0, 0} && !z));
  CHECK((js(0) == Got{0, 0} && z));
  CHECK((js(0xc1e0000000000000) == Got{0x80000000, 0} && z));
  const Got flushed = with(fp::kFpcrFZ, [&](FpContext& c) { return fp::to_fixed_js(1, z, c); });
  CHECK((flushed == Got{0, fp::kFpsrIDC} && !z));
}

TEST_CASE("rounding to integral values") {
  const auto rint = [](u64 a, Rounding r, bool x) {
    return with(0, [=](FpContext& c) { return fp::round_int<Double>(a, r, x, c); });
  };
  CHECK(rint(0x4004000000000000, Rounding::TieEven, false) == Got{0x4000000000000000, 0});
  CHECK(rint(0x4004000000000000, Rounding::TieAway, true) == Got{0x4008000000000000, fp::kFpsrIXC});
  CHECK(rint(0xbfe0000000000000, Rounding::TieEven, false) == Got{kNegZero, 0});
  CHECK(rint(1, Rounding::PosInf, false) == Got{kOne, 0});
  CHECK(rint(kSignalling, Rounding::Zero, false) == Got{kSignalling | 0x0008000000000000, fp::kFpsrIOC});
  const auto n = [](u64 a, unsigned size) {
    return with(0, [=](FpContext& c) { return fp::round_int_n<Double>(a, Rounding::Zero, size, c); });
  };
  CHECK(n(0x41e0000000000000, 32) == Got{0xc1e0000000000000, fp::kFpsrIOC});
  CHECK(n(0xc1e0000000000000, 32) == Got{0xc1e0000000000000, 0});
  CHECK(n(0xc3e0000000000000, 64) == Got{0xc3e0000000000000, 0});
  CHECK(n(kInf, 64) == Got{0xc3e0000000000000, fp::kFpsrIOC});
}

TEST_CASE("estimates and steps") {
  CHECK(with(0, [](FpContext& c) { return fp::recip_estimate32(0x3f800000, c); }) == Got{0x3f7f8000, 0});
  CHECK(with(0, [](FpContext& c) { return fp::rsqrt_estimate32(0x3f800000, c); }) == Got{0x3f7f8000, 0});
  CHECK(with(0, [](FpContext& c) { return fp::rsqrt_estimate32(0x40000000, c); }) == Got{0x3f348000, 0});
  CHECK(with(0, [](FpContext& c) { return fp::recip_estimate64(0, c); }) == Got{kInf, fp::kFpsrDZC});
  CHECK(with(0, [](FpContext& c) { return fp::recip_estimate64(1, c); }) == Got{kInf, fp::kFpsrOFC | fp::kFpsrIXC});
  CHECK(with(0, [](FpContext& c) { return fp::recip_step64(kInf, 0, c); }) == Got{0x4000000000000000, 0});
  CHECK(with(0, [](FpContext& c) { return fp::rsqrt_step64(kInf, 0, c); }) == Got{0x3ff8000000000000, 0});
  CHECK(with(0, [](FpContext& c) { return fp::rsqrt_step64(kOne, kOne, c); }) == Got{kOne, 0});
  CHECK(with(0, [](FpContext& c) { return fp::recip_step64(kQuiet, kOne, c); }) == Got{kQuiet | kNegZero, 0});
  CHECK(with(0, [](FpContext& c) { return fp::recpx32(0x3f800000, c); }) == Got{0x40000000, 0});
  CHECK(fp::unsigned_recip_estimate(0x80000000) == 0xff800000);
  CHECK(fp::unsigned_recip_estimate(0x7fffffff) == 0xffffffff);
  CHECK(fp::unsigned_rsqrt_estimate(0x40000000) == 0xff800000);
}
