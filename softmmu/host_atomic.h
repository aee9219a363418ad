// Atomic read-modify-write on guest memory through host pointers, sequentially consistent.
#pragma once
#include <type_traits>

#include "core/access.h"
#include "core/check.h"

namespace ferry::softmmu {

// Compare and swap; `expected` becomes what was found.
template <class T>
bool compare_exchange(u8* at, T& expected, T desired) {
  return __atomic_compare_exchange_n(reinterpret_cast<T*>(at), &expected, desired, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST);
}

inline bool compare_exchange_128(u8* at, U128& expected, U128 desired) {
  __extension__ using Wide = unsigned __int128;
  Wide old = static_cast<Wide>(expected.hi) << 64 | expected.lo;
  const Wide value = static_cast<Wide>(desired.hi) << 64 | desired.lo;
#if defined(__x86_64__)
  // The __sync form is inline cmpxchg16b (-mcx16); the __atomic one would call libatomic.
  const Wide found = __sync_val_compare_and_swap(reinterpret_cast<Wide*>(at), old, value);
  const bool stored = found == old;
  expected = {static_cast<u64>(found), static_cast<u64>(found >> 64)};
#else
  const bool stored =
      __atomic_compare_exchange_n(reinterpret_cast<Wide*>(at), &old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  expected = {static_cast<u64>(old), static_cast<u64>(old >> 64)};
#endif
  return stored;
}

template <class T>
T rmw_result(RmwKind kind, T old, T operand) {
  using Signed = std::make_signed_t<T>;
  const bool less = static_cast<Signed>(old) < static_cast<Signed>(operand);
  switch (kind) {
    case RmwKind::Swap: return operand;
    case RmwKind::Add: return static_cast<T>(old + operand);
    case RmwKind::Clr: return static_cast<T>(old & ~operand);
    case RmwKind::Eor: return static_cast<T>(old ^ operand);
    case RmwKind::Set: return static_cast<T>(old | operand);
    case RmwKind::SMax: return less ? operand : old;
    case RmwKind::SMin: return less ? old : operand;
    case RmwKind::UMax: return old < operand ? operand : old;
    case RmwKind::UMin: return old < operand ? old : operand;
  }
  UNREACHABLE("a kind of read-modify-write that does not exist");
}

// Returns the old value.
template <class T>
u64 read_modify_write(u8* at, RmwKind kind, T operand) {
  T old = __atomic_load_n(reinterpret_cast<T*>(at), __ATOMIC_RELAXED);
  while (!compare_exchange<T>(at, old, rmw_result<T>(kind, old, operand))) {
  }
  return old;
}

}  // namespace ferry::softmmu
