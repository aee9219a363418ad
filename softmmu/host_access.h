// Guest memory through host pointers: single-copy atomic where the Arm ARM asks for it (B2.2.1: aligned, up to 8 bytes;
// with FEAT_LSE2 what lies in 16 aligned bytes).
#pragma once
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "core/sanitizer.h"
#include "core/types.h"

namespace ferry::softmmu {

static_assert(std::endian::native == std::endian::little, "guest memory is little-endian and read as it lies");

template <class T>
bool host_aligned(const void* at) {
  return reinterpret_cast<u64>(at) % sizeof(T) == 0;
}

// Nothing is promised of these as a whole.
template <class T>
FERRY_GUEST_RACE T read_unaligned(const u8* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <class T>
FERRY_GUEST_RACE void write_unaligned(u8* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

template <class T>
T read_host(const u8* at) {
  if (host_aligned<T>(at)) return __atomic_load_n(reinterpret_cast<const T*>(at), __ATOMIC_RELAXED);
  return read_unaligned<T>(at);
}
template <class T>
void write_host(u8* at, T value) {
  if (host_aligned<T>(at)) return __atomic_store_n(reinterpret_cast<T*>(at), value, __ATOMIC_RELAXED);
  write_unaligned(at, value);
}

// size 1, 2, 4 or 8.
inline u64 read_sized(const u8* at, unsigned size) {
  switch (size) {
    case 1: return read_host<u8>(at);
    case 2: return read_host<u16>(at);
    case 4: return read_host<u32>(at);
    default: return read_host<u64>(at);
  }
}
inline void write_sized(u8* at, unsigned size, u64 value) {
  switch (size) {
    case 1: return write_host(at, static_cast<u8>(value));
    case 2: return write_host(at, static_cast<u16>(value));
    case 4: return write_host(at, static_cast<u32>(value));
    default: return write_host(at, value);
  }
}

// Whether an access of that many bytes lies in 16 aligned ones.
constexpr bool in_16_bytes(u64 va, unsigned size) { return (va & 15) + size <= 16; }

// 16 bytes, at once where `from` and `to` are aligned. x86: a processor with AVX promises that for the aligned vector
// moves (Intel SDM volume 3, 9.1.1; AMD APM volume 2, 7.3.2); on an older one each half is a word by itself. C++
// has no such access.
FERRY_GUEST_RACE inline void copy_16(u8* to, const u8* from) {
#if defined(__x86_64__)
  const auto* source = reinterpret_cast<const __m128i*>(from);
  const __m128i value = reinterpret_cast<u64>(from) % 16 == 0 ? _mm_load_si128(source) : _mm_loadu_si128(source);
  if (reinterpret_cast<u64>(to) % 16 == 0)
    _mm_store_si128(reinterpret_cast<__m128i*>(to), value);
  else
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
#else
  std::memcpy(to, from, 16);
#endif
}

// Copies between guest memory and a buffer; a block of 1, 2, 4, 8 or 16 bytes moves by one access each way, so that it
// is whole where the host's access is.
inline void copy_guest(u8* to, const u8* from, usize size) {
  switch (size) {
    case 16: return copy_16(to, from);
    case 1:
    case 2:
    case 4:
    case 8: return write_sized(to, static_cast<unsigned>(size), read_sized(from, static_cast<unsigned>(size)));
    default: std::memcpy(to, from, size);
  }
}

}  // namespace ferry::softmmu
