// What the keys of kept code begin with, and their hash.
#pragma once
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

// How long a block is shows only when it is translated: its first words, three at most, are what it is found by.
constexpr usize kHashed = 3;

inline u64 mix(u64 h) {
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93;
  return h ^ (h >> 32);
}

inline u64 hash_of(const BlockKey& key, std::span<const u32> words) {
  u64 h = mix(u64{key.mode} << 32 | u64{key.offset} << 16 | u64{key.kind} << 4 | words.size());
  for (const u32 word : words) h = mix(h * 0x9e3779b97f4a7c15 + word);
  return h;
}

}  // namespace ferry::runtime::persistent
