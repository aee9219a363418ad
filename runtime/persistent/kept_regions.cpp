// Regions in the persistent code cache: found by their entry, taken when the guest has all their blocks.
#include <algorithm>
#include <cstring>

#include "runtime/persistent/block_key.h"
#include "runtime/persistent/code_store.h"

namespace ferry::runtime::persistent {
namespace {

// In front of each part's words.
struct PartHeader {
  i32 page_delta = 0;
  u16 offset = 0;
  u16 count = 0;
};
static_assert(sizeof(PartHeader) == 8);

constexpr usize kMostParts = 256;

BlockKey key_of(u32 offset, cpu::Mode mode) {
  return {.kind = kRegionKind, .offset = static_cast<u16>(offset), .mode = mode.value};
}

// False: no region's key.
bool read_parts(std::span<const u8> kept, const BlockKey& want, std::vector<CodeStore::Part>& parts) {
  parts.clear();
  if (kept.size() < sizeof(want) || std::memcmp(kept.data(), &want, sizeof(want)) != 0) return false;
  kept = kept.subspan(sizeof(want));
  while (!kept.empty()) {
    PartHeader h;
    if (kept.size() < sizeof(h) || parts.size() == kMostParts) return false;
    std::memcpy(&h, kept.data(), sizeof(h));
    kept = kept.subspan(sizeof(h));
    const usize bytes = usize{h.count} * 4;
    if (h.count == 0 || bytes > kept.size() || h.offset % 4 != 0 || h.offset + bytes > 0x1000 || h.page_delta % 0x1000)
      return false;
    CodeStore::Part& part = parts.emplace_back();
    part.page_delta = h.page_delta;
    part.offset = h.offset;
    part.words.resize(h.count);
    std::memcpy(part.words.data(), kept.data(), bytes);
    kept = kept.subspan(bytes);
  }
  return !parts.empty() && parts[0].page_delta == 0 && parts[0].offset == want.offset;
}

bool begins_with(const std::vector<CodeStore::Part>& parts, std::span<const u32> entry) {
  return std::equal(parts[0].words.begin(), parts[0].words.end(), entry.begin(), entry.end());
}

}  // namespace

std::span<const u8> CodeStore::find_exactly(u64 hash, std::span<const u8> key) {
  return store_->find(
      hash, [&](std::span<const u8> kept) { return std::equal(kept.begin(), kept.end(), key.begin(), key.end()); });
}

std::span<const u8> CodeStore::find_region(u32 offset, cpu::Mode mode, std::span<const u32> entry, const Holds& holds) {
  const BlockKey key = key_of(offset, mode);
  const u64 hash = hash_of(key, entry);
  std::vector<Part> parts;
  std::vector<std::pair<usize, std::span<const u8>>> found;
  // All are looked at, none is taken yet. What the keys say is checked with the record that is taken.
  store_->find(hash, [&](std::span<const u8> kept) {
    if (read_parts(kept, key, parts) && begins_with(parts, entry) && holds(parts))
      found.emplace_back(parts.size(), kept);
    return false;
  });
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [count, kept] : found)
    if (const std::span<const u8> code = find_exactly(hash, kept); !code.empty()) {
      if (read_parts(kept, key, parts) && begins_with(parts, entry) && holds(parts)) return code;
    }
  return {};
}

bool CodeStore::has_region(u32 offset, cpu::Mode mode, std::span<const u32> entry) {
  return !find_region(offset, mode, entry, [](const auto&) { return true; }).empty();
}

void CodeStore::add_region(cpu::Mode mode, const std::vector<Part>& parts, std::span<const u8> code) {
  const BlockKey key = key_of(parts.at(0).offset, mode);
  std::vector<u8> bytes;
  const auto put = [&](const void* from, usize size) {
    const u8* const at = static_cast<const u8*>(from);
    bytes.insert(bytes.end(), at, at + size);
  };
  put(&key, sizeof(key));
  for (const Part& part : parts) {
    const PartHeader h = {part.page_delta, static_cast<u16>(part.offset), static_cast<u16>(part.words.size())};
    put(&h, sizeof(h));
    put(part.words.data(), part.words.size() * 4);
  }
  const u64 hash = hash_of(key, parts[0].words);
  if (parts.size() > kMostParts || !find_exactly(hash, bytes).empty()) return;
  store_->add(hash, bytes, code);
}

std::span<const u8> CodeStore::find_calls() {
  const BlockKey key{.kind = kCallsKind};
  return find_exactly(hash_of(key, {}), {reinterpret_cast<const u8*>(&key), sizeof(key)});
}

void CodeStore::add_calls(std::span<const u8> code) {
  const BlockKey key{.kind = kCallsKind};
  if (find_calls().empty()) store_->add(hash_of(key, {}), {reinterpret_cast<const u8*>(&key), sizeof(key)}, code);
}

}  // namespace ferry::runtime::persistent
