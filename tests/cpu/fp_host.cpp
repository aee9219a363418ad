// cpu/fp against the host's own floating point: values and flags in every rounding mode, over the cross product of
// corner operands and over random ones. Differences an IEEE 754 host may have from Arm: which NaN comes out, and
// whether tininess is found before or after rounding (only where the result is the smallest normal number).
#include <bit>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "cpu/fp/fp.h"
#include "tests/catch.h"
#include "tests/cpu/oracle/cases.h"

namespace fp = ferry::cpu::fp;
using namespace ferry;
using fp::FpContext;
using fp::Rounding;

namespace {

constexpr Rounding kModes[] = {Rounding::TieEven, Rounding::PosInf, Rounding::NegInf, Rounding::Zero};
constexpr int host_mode(Rounding r) {
  return r == Rounding::TieEven  ? FE_TONEAREST
         : r == Rounding::PosInf ? FE_UPWARD
         : r == Rounding::NegInf ? FE_DOWNWARD
                                 : FE_TOWARDZERO;
}

template <class F>
struct HostType;
template <>
struct HostType<fp::Single> {
  using Type = float;
};
template <>
struct HostType<fp::Double> {
  using Type = double;
};
template <class F>
using Host = typename HostType<F>::Type;

struct Result {
  u64 bits;
  u32 fpsr;
};

u32 host_flags() {
  const int raised = std::fetestexcept(FE_ALL_EXCEPT);
  return (raised & FE_INVALID ? fp::kFpsrIOC : 0) | (raised & FE_DIVBYZERO ? fp::kFpsrDZC : 0) |
         (raised & FE_OVERFLOW ? fp::kFpsrOFC : 0) | (raised & FE_UNDERFLOW ? fp::kFpsrUFC : 0) |
         (raised & FE_INEXACT ? fp::kFpsrIXC : 0);
}

// Runs fn in the host's rounding mode with clear flags. fn must read its operands through volatiles.
template <class F, class Fn>
Result on_host(Rounding rounding, Fn fn) {
  std::fesetround(host_mode(rounding));
  std::feclearexcept(FE_ALL_EXCEPT);
  volatile Host<F> value = fn();
  const u32 flags = host_flags();
  std::fesetround(FE_TONEAREST);
  return {std::bit_cast<typename F::Bits>(static_cast<Host<F>>(value)), flags};
}

template <class Fn>
Result ours(Rounding rounding, Fn fn) {
  FpContext ctx{static_cast<u32>(rounding) << fp::kFpcrRModeShift, 0};
  const u64 value = fn(ctx);
  return {value, ctx.fpsr};
}

template <class F>
bool agree(Result host, Result mine) {
  using Bits = typename F::Bits;
  const Bits a = static_cast<Bits>(host.bits), b = static_cast<Bits>(mine.bits);
  const bool values = a == b || (fp::is_nan<F>(a) && fp::is_nan<F>(b));
  u32 differ = host.fpsr ^ mine.fpsr;
  const bool min_normal = fp::abs<F>(b) == Bits{1} << F::kFrac;
  if (min_normal && (mine.fpsr & fp::kFpsrUFC) != 0) differ &= ~fp::kFpsrUFC;
  return values && differ == 0;
}

template <class F>
std::vector<typename F::Bits> corners() {
  std::vector<typename F::Bits> result;
  const u64 bias = low_mask(F::kExp) >> 1, top = low_mask(F::kExp);
  for (const u64 exp : {u64{0}, u64{1}, u64{2}, bias / 2, bias - F::kFrac - 1, bias - 2, bias - 1, bias, bias + 1,
                        bias + F::kFrac, bias + bias / 2, top - 2, top - 1, top}) {
    for (const u64 frac : {u64{0}, u64{1}, u64{1} << (F::kFrac - 1), low_mask(F::kFrac), low_mask(F::kFrac) - 1}) {
      result.push_back(static_cast<typename F::Bits>(exp << F::kFrac | frac));
      result.push_back(fp::neg<F>(result.back()));
    }
  }
  return result;
}

template <class F>
typename F::Bits random_bits(oracle::Stream& stream) {
  oracle::In in{};
  stream.next(F::kBits == 32 ? oracle::Fill::Single : oracle::Fill::Double, 0, in);
  return static_cast<typename F::Bits>(in.v[1].lo);
}

// Keeps the number of Catch assertions to one a sweep: counts, and shows the first difference.
struct Tally {
  u64 cases = 0, wrong = 0;
  std::string first;
  template <class... Operands>
  void note(bool good, Result host, Result mine, Rounding rounding, const char* what, Operands... operands) {
    ++cases;
    if (good || wrong++ != 0) return;
    std::ostringstream text;
    text << what << std::hex;
    ((text << " " << u64{operands}), ...);
    text << " mode " << static_cast<int>(rounding) << ": host " << host.bits << " fpsr " << host.fpsr << ", ours "
         << mine.bits << " fpsr " << mine.fpsr;
    first = text.str();
  }
  void check() const {
    INFO(wrong << " of " << cases << " differ, first " << first);
    CHECK(wrong == 0);
  }
};

template <class F>
void binary_case(typename F::Bits a, typename F::Bits b, Rounding r, Tally& tally) {
  volatile Host<F> x = std::bit_cast<Host<F>>(a), y = std::bit_cast<Host<F>>(b);
  const auto one = [&](const char* what, auto host_op, auto our_op) {
    const Result host = on_host<F>(r, host_op);
    const Result mine = ours(r, [&](FpContext& c) { return our_op(a, b, c); });
    tally.note(agree<F>(host, mine), host, mine, r, what, a, b);
  };
  one("add", [&] { return x + y; }, fp::add<F>);
  one("sub", [&] { return x - y; }, fp::sub<F>);
  one("mul", [&] { return x * y; }, fp::mul<F>);
  one("div", [&] { return x / y; }, fp::div<F>);
}

template <class F>
void unary_case(typename F::Bits a, Rounding r, Tally& tally) {
  volatile Host<F> x = std::bit_cast<Host<F>>(a);
  const auto one = [&]<class To>(To, const char* what, auto host_op, auto our_op) {
    const Result host = on_host<To>(r, host_op);
    const Result mine = ours(r, our_op);
    tally.note(agree<To>(host, mine), host, mine, r, what, a);
  };
  one(F{}, "sqrt", [&] { return std::sqrt(x); }, [&](FpContext& c) { return fp::sqrt<F>(a, c); });
  one(F{}, "rint", [&] { return std::rint(x); }, [&](FpContext& c) { return fp::round_int<F>(a, r, true, c); });
  if constexpr (F::kBits == 64) {
    one(
        fp::Single{}, "narrow", [&] { return static_cast<float>(x); },
        [&](FpContext& c) { return fp::convert<fp::Single, fp::Double>(a, r, c); });
  } else {
    one(
        fp::Double{}, "widen", [&] { return static_cast<double>(x); },
        [&](FpContext& c) { return fp::convert<fp::Double, fp::Single>(a, r, c); });
  }
}

template <class F>
void fused_case(typename F::Bits c0, typename F::Bits a, typename F::Bits b, Rounding r, Tally& tally) {
  // Where Arm and others differ on purpose: infinity times zero plus a quiet NaN.
  if (fp::is_nan<F>(c0)) return;
  volatile Host<F> z = std::bit_cast<Host<F>>(c0), x = std::bit_cast<Host<F>>(a), y = std::bit_cast<Host<F>>(b);
  const Result host = on_host<F>(r, [&] { return std::fma(x, y, z); });
  const Result mine = ours(r, [&](FpContext& c) { return fp::mul_add<F>(c0, a, b, c); });
  tally.note(agree<F>(host, mine), host, mine, r, "fma", c0, a, b);
}

template <class F>
void integer_case(u64 v, Rounding r, Tally& tally) {
  const auto one = [&](const char* what, auto host_op, auto our_op) {
    const Result host = on_host<F>(r, host_op);
    const Result mine = ours(r, our_op);
    tally.note(agree<F>(host, mine), host, mine, r, what, v);
  };
  volatile i64 s = static_cast<i64>(v);
  volatile i32 w = static_cast<i32>(v);
  one(
      "from i64", [&] { return static_cast<Host<F>>(s); },
      [&](FpContext& c) { return fp::from_fixed<F>(v, 64, 0, false, r, c); });
  one(
      "from i32", [&] { return static_cast<Host<F>>(w); },
      [&](FpContext& c) { return fp::from_fixed<F>(v, 32, 0, false, r, c); });
}

// Values in range only: what happens outside is Arm's own.
template <class F>
void to_integer_case(typename F::Bits a, Rounding r, Tally& tally) {
  const auto value = std::bit_cast<Host<F>>(a);
  if (!(std::fabs(value) < static_cast<Host<F>>(9e18))) return;
  volatile Host<F> x = value;
  std::fesetround(host_mode(r));
  std::feclearexcept(FE_ALL_EXCEPT);
  volatile long long rounded = std::llrint(x);
  const Result host{static_cast<u64>(rounded), host_flags()};
  std::fesetround(FE_TONEAREST);
  const Result mine = ours(r, [&](FpContext& c) { return fp::to_fixed<F>(a, 0, false, 64, r, c); });
  tally.note(host.bits == mine.bits && host.fpsr == mine.fpsr, host, mine, r, "to i64", a);
}

template <class F>
void sweep(u64 random_cases) {
  Tally tally;
  const auto values = corners<F>();
  oracle::Stream stream(oracle::seed(), F::kBits);
  for (const Rounding r : kModes) {
    for (const auto a : values) {
      unary_case<F>(a, r, tally);
      to_integer_case<F>(a, r, tally);
      for (const auto b : values) binary_case<F>(a, b, r, tally);
    }
    for (usize i = 0; i < values.size(); i += 3) {
      for (usize k = 0; k < values.size(); k += 2) {
        for (usize n = i % 2; n < values.size(); n += 4) fused_case<F>(values[i], values[k], values[n], r, tally);
      }
    }
    for (u64 i = 0; i < random_cases; ++i) {
      const auto a = random_bits<F>(stream), b = random_bits<F>(stream), c = random_bits<F>(stream);
      binary_case<F>(a, b, r, tally);
      unary_case<F>(a, r, tally);
      to_integer_case<F>(a, r, tally);
      fused_case<F>(c, a, b, r, tally);
      // A product nearly cancelled by its addend.
      FpContext ctx{};
      fused_case<F>(fp::neg<F>(fp::mul<F>(a, b, ctx)), a, b, r, tally);
      integer_case<F>(stream.random() >> (stream.random() % 64), r, tally);
      integer_case<F>(~u64{0} << (stream.random() % 64), r, tally);
    }
  }
  tally.check();
}

u64 random_cases() { return oracle::case_count() * 20; }

}  // namespace

TEST_CASE("single precision agrees with the host", "[oracle]") { sweep<fp::Single>(random_cases()); }
TEST_CASE("double precision agrees with the host", "[oracle]") { sweep<fp::Double>(random_cases()); }
