// The profile of the persistent code cache, and its text.
#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>
#include <cstring>

#include "runtime/persistent/code_store.h"

namespace ferry::runtime::persistent {
namespace {

constexpr std::string_view kTitle = "ferry profile 1";
constexpr usize kDigits = 32;

// High half first, as the text shows it.
struct Digest {
  u64 words[2] = {0, 0};
};

Digest digest_of(u32 offset, cpu::Mode mode, std::span<const u32> words) {
  const XXH128_hash_t h = XXH3_128bits_withSeed(words.data(), words.size() * 4, u64{mode.value} << 32 | offset);
  return {{h.high64, h.low64}};
}

std::span<const u8> bytes_of(const Digest& d) { return {reinterpret_cast<const u8*>(d.words), sizeof(d.words)}; }

bool knows(Store& store, const Digest& d) {
  const auto same = [&](std::span<const u8> key) {
    return key.size() == sizeof(d.words) && std::memcmp(key.data(), d.words, sizeof(d.words)) == 0;
  };
  return !store.find(d.words[1], same).empty();
}

void put(Store& store, const Digest& d) {
  const u8 hot[] = {1, 0, 0, 0};
  store.add(d.words[1], bytes_of(d), hot);
}

bool parse(std::string_view line, Digest& d) {
  if (line.size() != kDigits) return false;
  for (usize half = 0; half < 2; ++half) {
    const char* from = line.data() + half * 16;
    const auto [end, error] = std::from_chars(from, from + 16, d.words[half], 16);
    if (error != std::errc{} || end != from + 16) return false;
  }
  return true;
}

Result<std::unique_ptr<Store>> open_profile(const std::string& folder, u64 limit) {
  std::string wrong;
  auto store = Store::open(folder, profile_fingerprint(), limit, [&](const std::string& line) { wrong = line; });
  if (store && !wrong.empty()) return Error{wrong};
  return store;
}

}  // namespace

Fingerprint profile_fingerprint() {
  Fingerprint f{};
  std::memcpy(f.data(), kTitle.data(), kTitle.size());
  return f;
}

bool CodeStore::was_hot(u32 offset, cpu::Mode mode, std::span<const u32> words) {
  return profile_ != nullptr && profile_->records() != 0 && knows(*profile_, digest_of(offset, mode, words));
}

void CodeStore::add_hot(u32 offset, cpu::Mode mode, std::span<const u32> words) {
  if (profile_ == nullptr) return;
  const Digest d = digest_of(offset, mode, words);
  if (!knows(*profile_, d)) put(*profile_, d);
}

Result<std::string> export_profile(const std::string& folder, u64 limit) {
  auto store = open_profile(folder, limit);
  if (!store) return store.error();
  std::string text = fmt::format("{}\n", kTitle);
  (*store)->for_each([&](std::span<const u8> key, std::span<const u8>) {
    Digest d;
    if (key.size() != sizeof(d.words)) return;
    std::memcpy(d.words, key.data(), sizeof(d.words));
    text += fmt::format("{:016x}{:016x}\n", d.words[0], d.words[1]);
  });
  return text;
}

Result<usize> import_profile(const std::string& folder, u64 limit, const std::string& text, const std::string& name) {
  std::vector<Digest> all;
  usize number = 0;
  for (usize at = 0; at < text.size(); ++number) {
    const usize end = std::min(text.find('\n', at), text.size());
    const std::string_view line(text.data() + at, end - at);
    at = end + 1;
    if (number == 0 && line != kTitle)
      return Error{fmt::format("{}: no profile, expected its first line to be \"{}\"", name, kTitle)};
    if (number == 0) continue;
    if (!parse(line, all.emplace_back()))
      return Error{fmt::format("{}:{}: not a digest, expected {} hexadecimal digits", name, number + 1, kDigits)};
  }
  if (number == 0) return Error{name + ": is empty, expected a profile"};
  auto store = open_profile(folder, limit);
  if (!store) return store.error();
  usize added = 0;
  for (const Digest& d : all) {
    if (knows(**store, d)) continue;
    put(**store, d);
    ++added;
  }
  return added;
}

}  // namespace ferry::runtime::persistent
