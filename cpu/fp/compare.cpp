// FPCompare, FPCompareEQ/GE/GT, FPMax, FPMin, FPMaxNum, FPMinNum (Arm ARM, shared/functions/float).
#include "cpu/fp/unpack.h"

namespace ferry::cpu::fp {
namespace {

// -1, 0, 1 for numbers; a zero (also a flushed one) equals any other.
int order(const Unpacked& x, const Unpacked& y) {
  if (x.zero() && y.zero()) return 0;
  if (x.zero()) return y.sign ? 1 : -1;
  if (y.zero()) return x.sign ? -1 : 1;
  if (x.sign != y.sign) return x.sign ? -1 : 1;
  const int larger = x.sign ? -1 : 1;
  if (x.inf() || y.inf()) return x.inf() == y.inf() ? 0 : (x.inf() ? larger : -larger);
  if (x.exp != y.exp) return x.exp > y.exp ? larger : -larger;
  if (x.sig != y.sig) return x.sig > y.sig ? larger : -larger;
  return 0;
}

enum class Relation { Less, Equal, Greater, Unordered };

template <class F>
Relation relation(typename F::Bits a, typename F::Bits b, bool signal_nans, FpContext& ctx) {
  const Unpacked x = unpack<F>(a, ctx);
  const Unpacked y = unpack<F>(b, ctx);
  if (x.nan() || y.nan()) {
    if (signal_nans || x.kind == Kind::SignallingNaN || y.kind == Kind::SignallingNaN) ctx.fpsr |= kFpsrIOC;
    return Relation::Unordered;
  }
  const int o = order(x, y);
  return o < 0 ? Relation::Less : o == 0 ? Relation::Equal : Relation::Greater;
}

template <class F>
typename F::Bits min_max(typename F::Bits a, typename F::Bits b, bool want_max, FpContext& ctx) {
  const Unpacked x = unpack<F>(a, ctx);
  const Unpacked y = unpack<F>(b, ctx);
  if (x.nan() || y.nan()) return process_nans<F>(x, y, a, b, ctx);
  const bool first = want_max ? order(x, y) > 0 : order(x, y) < 0;
  const Unpacked& chosen = first ? x : y;
  if (chosen.zero()) return zero<F>(want_max ? x.sign && y.sign : x.sign || y.sign);
  return first ? a : b;
}

template <class F>
typename F::Bits min_max_num(typename F::Bits a, typename F::Bits b, bool want_max, FpContext& ctx) {
  const Kind x = unpack<F>(a, ctx).kind;
  const Kind y = unpack<F>(b, ctx).kind;
  if (x == Kind::QuietNaN && y != Kind::QuietNaN) {
    a = infinity<F>(want_max);
  } else if (x != Kind::QuietNaN && y == Kind::QuietNaN) {
    b = infinity<F>(want_max);
  }
  return min_max<F>(a, b, want_max, ctx);
}

}  // namespace

template <class F>
typename F::Bits max(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  return min_max<F>(a, b, true, ctx);
}
template <class F>
typename F::Bits min(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  return min_max<F>(a, b, false, ctx);
}
template <class F>
typename F::Bits max_num(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  return min_max_num<F>(a, b, true, ctx);
}
template <class F>
typename F::Bits min_num(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  return min_max_num<F>(a, b, false, ctx);
}

template <class F>
u32 compare(typename F::Bits a, typename F::Bits b, bool signal_nans, FpContext& ctx) {
  switch (relation<F>(a, b, signal_nans, ctx)) {
    case Relation::Less: return 0b1000;
    case Relation::Equal: return 0b0110;
    case Relation::Greater: return 0b0010;
    case Relation::Unordered: return 0b0011;
  }
  return 0b0011;
}

template <class F>
bool compare_eq(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  return relation<F>(a, b, false, ctx) == Relation::Equal;
}
template <class F>
bool compare_ge(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  const Relation r = relation<F>(a, b, true, ctx);
  return r == Relation::Greater || r == Relation::Equal;
}
template <class F>
bool compare_gt(typename F::Bits a, typename F::Bits b, FpContext& ctx) {
  return relation<F>(a, b, true, ctx) == Relation::Greater;
}

FERRY_FP_INSTANTIATE_BINARY(max)
FERRY_FP_INSTANTIATE_BINARY(min)
FERRY_FP_INSTANTIATE_BINARY(max_num)
FERRY_FP_INSTANTIATE_BINARY(min_num)
#define FERRY_FP_INSTANTIATE_COMPARE(F)                        \
  template u32 compare<F>(F::Bits, F::Bits, bool, FpContext&); \
  template bool compare_eq<F>(F::Bits, F::Bits, FpContext&);   \
  template bool compare_ge<F>(F::Bits, F::Bits, FpContext&);   \
  template bool compare_gt<F>(F::Bits, F::Bits, FpContext&);
FERRY_FP_INSTANTIATE_COMPARE(Half)
FERRY_FP_INSTANTIATE_COMPARE(Single)
FERRY_FP_INSTANTIATE_COMPARE(Double)

}  // namespace ferry::cpu::fp
