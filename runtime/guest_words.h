// Instruction words where they lie in guest memory. Other processors may write there meanwhile: each word is read at
// once (Arm ARM B2.2.1), so what is found is an old word or a new one, never a mixture.
#pragma once
#include <span>

#include "softmmu/host_access.h"

namespace ferry::runtime {

inline u32 guest_word(const u8* at) { return softmmu::read_host<u32>(at); }

inline void copy_guest_words(std::span<u32> to, const u8* from) {
  for (usize i = 0; i < to.size(); ++i) to[i] = guest_word(from + 4 * i);
}

inline bool holds_guest_words(const u8* at, std::span<const u32> words) {
  for (usize i = 0; i < words.size(); ++i)
    if (guest_word(at + 4 * i) != words[i]) return false;
  return true;
}

}  // namespace ferry::runtime
