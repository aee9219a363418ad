// Bytes of saved code: written, and looked at before they are believed.
#pragma once
#include <cstring>
#include <span>
#include <vector>

#include "core/types.h"

namespace ferry::jit {

template <class T>
void put(std::vector<u8>& out, const T* from, usize count) {
  const u8* bytes = reinterpret_cast<const u8*>(from);
  out.insert(out.end(), bytes, bytes + count * sizeof(T));
}

// From the front; as many must be there.
template <class T>
void take(std::span<const u8>& from, T* to, usize count) {
  if (count != 0) std::memcpy(to, from.data(), count * sizeof(T));
  from = from.subspan(count * sizeof(T));
}

// Whether `width` bytes at `at` lie within `size`.
inline bool inside(u64 at, u64 width, u64 size) { return at <= size && width <= size - at; }

}  // namespace ferry::jit
