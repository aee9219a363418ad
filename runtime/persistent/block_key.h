// What the keys of kept code begin with, and their hash.
#pragma once
#include <algorithm>
#include <span>

#include "core/types.h"

namespace ferry::runtime::persistent {

constexpr u16 kBlockKind = 1, kRegionKind = 2, kCallsKind = 3;

struct BlockKey {
  u16 kind = kBlockKind;
  u16 offset = 0;
  u32 mode = 0;
};
static_assert(sizeof(BlockKey) == 8);

// How long a block is shows only when it is translated: it is found by its first words, so many at most. Fewer would
// not do: the first three of every function of a kernel with ftrace are the same.
constexpr usize kHashed = 8;

inline u64 mix(u64 h) {
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93;
  return h ^ (h >> 32);
}

// The hash of the key with the words that were added so far.
class KeyHash {
 public:
  explicit KeyHash(const BlockKey& key) : h_(mix(u64{key.mode} << 32 | u64{key.offset} << 16 | key.kind)) {}
  void add(u32 word) {
    h_ = mix(h_ * 0x9e3779b97f4a7c15 + word);
    ++words_;
  }
  u64 value() const { return mix(h_ + words_); }

 private:
  u64 h_;
  u64 words_ = 0;
};

// Of the words that count.
inline u64 hash_of(const BlockKey& key, std::span<const u32> words) {
  KeyHash hash(key);
  for (const u32 word : words.first(std::min(kHashed, words.size()))) hash.add(word);
  return hash.value();
}

}  // namespace ferry::runtime::persistent
