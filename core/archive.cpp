#include "core/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ferry {
namespace {

// FNV-1a, folded to 32 bits by its own size: only there to notice a stream of another shape.
u32 name_hash(std::string_view name) {
  u32 hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<u8>(c)) * 16777619u;
  return hash;
}

constexpr usize kHeader = 12;  // u32 name hash, u64 size
constexpr u64 kSectionSize = ~u64{0};

void put(std::vector<u8>& out, u64 value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) out.push_back(static_cast<u8>(value >> (8 * i)));
}

u64 get(const u8* from, usize size) {
  u64 value = 0;
  for (usize i = 0; i < size; ++i) value |= u64{from[i]} << (8 * i);
  return value;
}

void put_header(std::vector<u8>& out, std::string_view name, u64 size) {
  put(out, name_hash(name), 4);
  put(out, size, 8);
}

std::string join(const std::vector<std::string>& path, std::string_view name) {
  std::string text;
  for (const auto& part : path) text += part + ".";
  return text.append(name);
}

std::string short_bytes(std::span<const u8> data) {
  std::string text = fmt::format("{} bytes", data.size());
  if (data.size() <= 16) {
    text += ":";
    for (const u8 byte : data) text += fmt::format(" {:02x}", byte);
  }
  return text;
}

}  // namespace

void Archive::fail(std::string sentence) {
  if (error_.empty()) error_ = std::move(sentence);
}

Status Archive::status() const {
  if (ok()) return {};
  return Error{error_};
}

// --- save ---

void SaveArchive::begin(std::string_view name) { put_header(data_, name, kSectionSize); }
void SaveArchive::end() {}
void SaveArchive::integer(std::string_view name, u64& value, unsigned size) {
  put_header(data_, name, size);
  put(data_, value, size);
}
void SaveArchive::bytes(std::string_view name, std::span<u8> data) {
  put_header(data_, name, data.size());
  data_.insert(data_.end(), data.begin(), data.end());
}
void SaveArchive::blob(std::string_view name, std::vector<u8>& data, usize) { bytes(name, data); }

// --- load ---

std::string LoadArchive::path_to(std::string_view name) const { return join(path_, name); }

const u8* LoadArchive::take_item(std::string_view name, usize size, bool any_size, usize& got) {
  if (!ok()) return nullptr;
  if (data_.size() - position_ < kHeader) {
    fail(fmt::format("{}: the saved state ends here, expected more", path_to(name)));
    return nullptr;
  }
  const u8* header = data_.data() + position_;
  const u64 stored = get(header + 4, 8);
  if (get(header, 4) != name_hash(name)) {
    fail(fmt::format("{}: the saved state has another item here", path_to(name)));
    return nullptr;
  }
  if (any_size ? stored > size : stored != size) {
    fail(fmt::format("{}: saved size is {}, expected {}{}", path_to(name), stored, any_size ? "at most " : "", size));
    return nullptr;
  }
  if (stored > data_.size() - position_ - kHeader) {
    fail(fmt::format("{}: the saved state ends here, expected {} bytes", path_to(name), stored));
    return nullptr;
  }
  got = static_cast<usize>(stored);
  position_ += kHeader + got;
  return header + kHeader;
}

void LoadArchive::begin(std::string_view name) {
  if (ok()) {
    if (data_.size() - position_ < kHeader || get(data_.data() + position_, 4) != name_hash(name) ||
        get(data_.data() + position_ + 4, 8) != kSectionSize) {
      fail(fmt::format("{}: the saved state has no such section here", path_to(name)));
    } else {
      position_ += kHeader;
    }
  }
  path_.emplace_back(name);
}
void LoadArchive::end() { path_.pop_back(); }
void LoadArchive::integer(std::string_view name, u64& value, unsigned size) {
  usize got = 0;
  if (const u8* from = take_item(name, size, false, got)) value = get(from, size);
}
void LoadArchive::bytes(std::string_view name, std::span<u8> data) {
  usize got = 0;
  const u8* from = take_item(name, data.size(), false, got);
  if (from != nullptr && got != 0) std::memcpy(data.data(), from, got);
}
void LoadArchive::blob(std::string_view name, std::vector<u8>& data, usize max_size) {
  usize got = 0;
  if (const u8* from = take_item(name, max_size, true, got)) data.assign(from, from + got);
}

// --- print ---

void PrintArchive::begin(std::string_view name) { text_ += fmt::format("{:{}}{}\n", "", 2 * depth_++, name); }
void PrintArchive::end() { --depth_; }
void PrintArchive::integer(std::string_view name, u64& value, unsigned size) {
  text_ += fmt::format("{:{}}{:<16} 0x{:0{}x}\n", "", 2 * depth_, name, value, 2 * size);
}
void PrintArchive::bytes(std::string_view name, std::span<u8> data) {
  text_ += fmt::format("{:{}}{:<16} {}\n", "", 2 * depth_, name, short_bytes(data));
}
void PrintArchive::blob(std::string_view name, std::vector<u8>& data, usize) { bytes(name, data); }

// --- compare ---

void CompareArchive::differ(std::string_view name, const std::string& what) {
  differences_.push_back(join(path_, name) + ": " + what);
}

const u8* CompareArchive::take_item(std::string_view name, usize& size) {
  if (!ok()) return nullptr;
  const bool fits = data_.size() - position_ >= kHeader;
  const u8* header = data_.data() + position_;
  const u64 stored = fits ? get(header + 4, 8) : 0;
  if (!fits || get(header, 4) != name_hash(name) || stored > data_.size() - position_ - kHeader) {
    differ(name, "not in the saved state");
    fail(join(path_, name) + ": not in the saved state");
    return nullptr;
  }
  size = static_cast<usize>(stored);
  position_ += kHeader + size;
  return header + kHeader;
}

void CompareArchive::begin(std::string_view name) {
  if (ok()) {
    if (data_.size() - position_ < kHeader || get(data_.data() + position_, 4) != name_hash(name)) {
      differ(name, "not in the saved state");
      fail(join(path_, name) + ": not in the saved state");
    } else {
      position_ += kHeader;
    }
  }
  path_.emplace_back(name);
}
void CompareArchive::end() { path_.pop_back(); }
void CompareArchive::integer(std::string_view name, u64& value, unsigned) {
  usize size = 0;
  const u8* from = take_item(name, size);
  if (from == nullptr) return;
  const u64 saved = get(from, std::min<usize>(size, 8));
  if (saved != value) differ(name, fmt::format("saved 0x{:x}, now 0x{:x}", saved, value));
}
void CompareArchive::compare_block(std::string_view name, std::span<const u8> now) {
  usize size = 0;
  const u8* from = take_item(name, size);
  if (from == nullptr) return;
  if (size != now.size()) return differ(name, fmt::format("saved {} bytes, now {} bytes", size, now.size()));
  for (usize i = 0; i < size; ++i) {
    if (from[i] != now[i])
      return differ(name, fmt::format("byte {}: saved 0x{:02x}, now 0x{:02x}", i, from[i], now[i]));
  }
}
void CompareArchive::bytes(std::string_view name, std::span<u8> data) { compare_block(name, data); }
void CompareArchive::blob(std::string_view name, std::vector<u8>& data, usize) { compare_block(name, data); }

}  // namespace ferry
