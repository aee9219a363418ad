// Ramdisks are handed to the guest as they are; a file that is cut short is refused where that can be seen.
// Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst; the .xz file format, 2.1.2.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "machines/loader.h"

namespace ferry::machines {
namespace {

constexpr usize kLargestGzipChecked = 8 << 20;  // unpacking more than this would be felt at each start
constexpr u64 kLargestUnpacked = u64{1} << 32;

// The value of an 8-digit hexadecimal field of a cpio header.
std::optional<u32> cpio_field(std::span<const u8> header, usize index) {
  u32 value = 0;
  for (usize i = 0; i < 8; ++i) {
    const char c = static_cast<char>(header[6 + index * 8 + i] | 0x20);
    if (c >= '0' && c <= '9') {
      value = value << 4 | static_cast<u32>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value << 4 | static_cast<u32>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

// Walks the members of a "newc" archive up to its trailer. False: it ends before that.
bool cpio_is_whole(std::span<const u8> bytes) {
  constexpr usize kHeader = 110;
  const auto align = [](u64 n) { return (n + 3) / 4 * 4; };
  u64 at = 0;
  while (bytes.size() >= kHeader && at <= bytes.size() - kHeader) {
    const auto header = bytes.subspan(at, kHeader);
    if (std::memcmp(header.data(), "07070", 5) != 0) return false;
    const auto file_size = cpio_field(header, 6), name_size = cpio_field(header, 11);
    if (!file_size || !name_size || *name_size > bytes.size() - at - kHeader) return false;
    const auto name = bytes.subspan(at + kHeader, *name_size);
    constexpr std::string_view kTrailer = "TRAILER!!!";
    if (name.size() > kTrailer.size() && std::memcmp(name.data(), kTrailer.data(), kTrailer.size() + 1) == 0)
      return true;
    at = align(at + kHeader + *name_size) + align(*file_size);
  }
  return false;
}

}  // namespace

Status check_initrd(std::span<const u8> bytes, const std::string& path) {
  const auto starts = [&](std::string_view text) {
    return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
  };
  if (starts("07070") && !cpio_is_whole(bytes)) {
    return Error{fmt::format("{}: truncated cpio archive, expected it to end with its trailer", path)};
  }
  if (starts(std::string_view("\xfd"
                              "7zXZ\0",
                              6))) {
    usize end = bytes.size();
    while (end > 0 && bytes[end - 1] == 0) --end;  // padding is allowed
    if (end < 2 || bytes[end - 2] != 'Y' || bytes[end - 1] != 'Z') {
      return Error{fmt::format("{}: truncated xz data, expected it to end with its footer", path)};
    }
  }
  if (looks_like_gzip(bytes) && bytes.size() <= kLargestGzipChecked) {
    if (auto unpacked = gunzip(bytes, path, kLargestUnpacked); !unpacked) return unpacked.error();
  }
  return {};
}

}  // namespace ferry::machines
