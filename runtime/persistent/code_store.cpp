#include "runtime/persistent/code_store.h"

#include <algorithm>
#include <cstring>

#include "runtime/persistent/block_key.h"
#include "runtime/persistent/engine.h"

namespace ferry::runtime::persistent {

std::string folder_of(const Settings& settings) {
  return settings.cache_folder.empty() ? default_folder() : settings.cache_folder;
}

Result<std::unique_ptr<CodeStore>> CodeStore::open(const Settings& settings, cpu::FeatureSet features,
                                                   Complain complain) {
  const std::string folder = folder_of(settings);
  auto store = Store::open(folder, engine_fingerprint(settings, features), settings.cache_size, complain);
  if (!store) return store.error();
  auto profile = Store::open(folder, profile_fingerprint(), settings.cache_size, std::move(complain));
  return std::unique_ptr<CodeStore>(
      new CodeStore(std::move(*store), profile ? std::move(*profile) : nullptr, settings.cache_verify));
}

void CodeStore::flush() {
  store_->flush();
  if (profile_ != nullptr) profile_->flush();
}

CodeStore::Block CodeStore::find_block(u32 offset, cpu::Mode mode, std::span<const u32> words) {
  const BlockKey key{.offset = static_cast<u16>(offset), .mode = mode.value};
  const usize most = std::min(kHashed, words.size());
  u64 hashes[kHashed];
  KeyHash hash(key);
  for (usize n = 0; n < most; ++n) {
    hash.add(words[n]);
    hashes[n] = hash.value();
  }
  for (usize n = most; n > 0; --n) {
    u32 insns = 0;
    const auto matches = [&](std::span<const u8> kept) {
      const usize count = (kept.size() - sizeof(key)) / 4;
      if (kept.size() < sizeof(key) + 4 || kept.size() % 4 != 0 || count > words.size()) return false;
      if (std::memcmp(kept.data(), &key, sizeof(key)) != 0) return false;
      insns = static_cast<u32>(count);
      return std::memcmp(kept.data() + sizeof(key), words.data(), count * 4) == 0;
    };
    const std::span<const u8> code = store_->find(hashes[n - 1], matches);
    if (!code.empty()) return {insns, code};
  }
  return {};
}

void CodeStore::add_block(u32 offset, cpu::Mode mode, std::span<const u32> words, std::span<const u8> code) {
  const BlockKey key{.offset = static_cast<u16>(offset), .mode = mode.value};
  u8 bytes[sizeof(key) + 4 * 512];
  if (words.size() > 512 || words.empty()) return;
  std::memcpy(bytes, &key, sizeof(key));
  std::memcpy(bytes + sizeof(key), words.data(), words.size() * 4);
  store_->add(hash_of(key, words), {bytes, sizeof(key) + words.size() * 4}, code);
}

}  // namespace ferry::runtime::persistent
