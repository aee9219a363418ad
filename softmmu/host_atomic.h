// Atomic read-modify-write on guest memory through host pointers, sequentially consistent.
#pragma once
#include <cstring>
#include <type_traits>

#include "core/access.h"
#include "core/check.h"
#include "softmmu/host_access.h"

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

// What a read-modify-write of kind (RmwKind, or with kRmwReversed) leaves where `old` was. Both are of size bytes.
inline u64 modified(u64 kind, unsigned size, u64 old, u64 operand) {
  if ((kind & kRmwReversed) != 0) {
    const unsigned shift = 64 - 8 * size;
    return __builtin_bswap64(modified(kind & ~kRmwReversed, size, __builtin_bswap64(old) >> shift, operand)) >> shift;
  }
  const RmwKind rmw = static_cast<RmwKind>(kind);
  switch (size) {
    case 1: return rmw_result(rmw, static_cast<u8>(old), static_cast<u8>(operand));
    case 2: return rmw_result(rmw, static_cast<u16>(old), static_cast<u16>(operand));
    case 4: return rmw_result(rmw, static_cast<u32>(old), static_cast<u32>(operand));
    default: return rmw_result(rmw, old, operand);
  }
}

// Compare and swap of 1, 2, 4, 8 or 16 bytes that lie in 16 aligned ones; `expected`, zero above size, becomes what was
// found.
inline bool compare_exchange_sized(u8* at, unsigned size, U128& expected, U128 desired) {
  const auto word = [&]<class T>(T) {
    T old = static_cast<T>(expected.lo);
    const bool stored = compare_exchange<T>(at, old, static_cast<T>(desired.lo));
    expected = {old, 0};
    return stored;
  };
  if (size == 16) return compare_exchange_128(at, expected, desired);
  if (reinterpret_cast<u64>(at) % size == 0) {
    switch (size) {
      case 1: return word(u8{});
      case 2: return word(u16{});
      case 4: return word(u32{});
      default: return word(u64{});
    }
  }
  // Not aligned (FEAT_LSE2): by way of the 16 bytes around.
  const unsigned offset = static_cast<unsigned>(reinterpret_cast<u64>(at) % 16);
  U128 around;
  copy_16(reinterpret_cast<u8*>(&around), at - offset);
  for (;;) {
    u8* bytes = reinterpret_cast<u8*>(&around);
    u64 found = 0;
    std::memcpy(&found, bytes + offset, size);
    if (found != expected.lo) {
      expected = {found, 0};
      return false;
    }
    U128 changed = around;
    std::memcpy(reinterpret_cast<u8*>(&changed) + offset, &desired.lo, size);
    if (compare_exchange_128(at - offset, around, changed)) return true;
  }
}

// Returns the old value. size 1, 2, 4 or 8.
inline u64 read_modify_write(u8* at, unsigned size, u64 kind, u64 operand) {
  U128 old{read_sized(at, size), 0};
  while (!compare_exchange_sized(at, size, old, {modified(kind, size, old.lo, operand), 0})) {
  }
  const u64 value = (kind & kRmwReversed) != 0 ? __builtin_bswap64(old.lo) >> (64 - 8 * size) : old.lo;
  return value;
}

}  // namespace ferry::softmmu
