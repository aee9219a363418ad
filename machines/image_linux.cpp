// Linux kernel images for arm64, plain, gzipped, or inside an EFI zboot image.
// Source: Linux, Documentation/arch/arm64/booting.rst; include/linux/pe.h and
// drivers/firmware/efi/libstub/zboot-header.S for the layout.
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "machines/files.h"
#include "machines/loader.h"

namespace ferry::machines {
namespace {

constexpr u64 kLegacyTextOffset = 0x80000;  // kernels before 3.17 leave image_size 0
constexpr u64 kHead = 64 << 10;             // bytes; holds all headers
constexpr usize kMagicOffset = 56;
constexpr const char* kUnknown = "not a kernel image";

template <class T>
T load(std::span<const u8> bytes, usize at) {
  T value{};
  if (at <= bytes.size() && bytes.size() - at >= sizeof(T)) std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

bool has(std::span<const u8> bytes, usize at, std::string_view text) {
  return at <= bytes.size() && bytes.size() - at >= text.size() &&
         std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

// The end of the PE sections' file content: what the file must hold at least. 0 without a PE header.
u64 pe_content_end(std::span<const u8> bytes) {
  if (!has(bytes, 0, "MZ")) return 0;
  const u64 pe = load<u32>(bytes, 60);
  if (!has(bytes, pe, std::string_view("PE\0\0", 4))) return 0;
  const u64 sections = load<u16>(bytes, pe + 6), optional_size = load<u16>(bytes, pe + 20);
  u64 end = 0;
  for (u64 i = 0; i < sections; ++i) {
    const u64 at = pe + 24 + optional_size + 40 * i;
    end = std::max(end, u64{load<u32>(bytes, at + 20)} + load<u32>(bytes, at + 16));
  }
  return end;
}

// What a file that is not an arm64 kernel seems to be.
std::string foreign_name(std::span<const u8> bytes) {
  if (has(bytes, 0x202, "HdrS")) return "an x86 kernel (bzImage)";
  if (load<u32>(bytes, 0x24) == 0x016f2818) return "a 32-bit Arm kernel (zImage)";
  if (load<u32>(bytes, 0) == 0x56190527) return "a U-Boot uImage";
  if (has(bytes, 0x30, "RISCV") || has(bytes, 0x38, "RSC\5")) return "a RISC-V kernel";
  if (has(bytes, 0, "MZ")) return "an EFI program of another kind or architecture";
  return kUnknown;
}

bool is_zboot(std::span<const u8> bytes) { return has(bytes, 0, "MZ") && has(bytes, 4, "zimg"); }

// The compressed kernel inside an EFI zboot image.
Result<std::vector<u8>> unpack_zboot(std::span<const u8> bytes, const std::string& path, u64 limit) {
  const u64 offset = load<u32>(bytes, 8), size = load<u32>(bytes, 12);
  if (offset > bytes.size() || bytes.size() - offset < size) {
    return Error{fmt::format("{}: truncated, expected {} bytes of compressed kernel at {:#x}", path, size, offset)};
  }
  if (!has(bytes, 24, "gzip"))
    return Error{fmt::format("{}: an EFI zboot image that is not gzipped, expected gzip", path)};
  return gunzip(bytes.subspan(offset, size), path, limit);
}

// Programs without any header say what they are by their name only.
bool is_named_raw(std::string_view path) { return path.ends_with(".flat") || path.ends_with(".bin"); }

// A raw image goes where kernels without image_size go, and is started as they are.
LoadedImage raw_image(std::vector<u8> bytes, const std::string& path) {
  LoadedImage image;
  const u64 size = bytes.size();
  image.segments.push_back({kLegacyTextOffset, size, std::move(bytes), path});
  return image;
}

}  // namespace

bool looks_like_gzip(std::span<const u8> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0x1f && bytes[1] == 0x8b && bytes[2] == 8;
}

Result<std::vector<u8>> gunzip(std::span<const u8> bytes, const std::string& path, u64 limit) {
  const auto wrong = [&](const std::string& sentence) { return Error{fmt::format("{}: {}", path, sentence)}; };
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return wrong("cannot start zlib, expected memory for it");
  std::vector<u8> out;
  std::vector<u8> chunk(1 << 20);
  // zlib counts in 32 bits; inputs are read whole and are smaller.
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(std::min<usize>(bytes.size(), ~uInt{0}));
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = chunk.data();
    stream.avail_out = static_cast<uInt>(chunk.size());
    state = inflate(&stream, Z_NO_FLUSH);
    const usize got = chunk.size() - stream.avail_out;
    if (out.size() + got > limit) {
      inflateEnd(&stream);
      return wrong(fmt::format("unpacks to more than {} bytes, expected an image that fits into memory (-m)", limit));
    }
    out.insert(out.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(got));
  }
  inflateEnd(&stream);
  if (state == Z_BUF_ERROR) return wrong("truncated gzip data, expected a whole gzip file");
  if (state != Z_STREAM_END) return wrong("damaged gzip data, expected a whole gzip file");
  return out;
}

bool looks_like_linux_image(std::span<const u8> bytes) { return has(bytes, kMagicOffset, "ARM\x64"); }

Result<LoadedImage> parse_linux_image(std::span<const u8> head, u64 file_size, const std::string& path) {
  const u64 needed = pe_content_end(head);
  if (needed > file_size)
    return Error{fmt::format("{}: truncated, expected {} bytes and found {}", path, needed, file_size)};
  u64 text_offset = load<u64>(head, 8);
  u64 image_size = load<u64>(head, 16);
  if (image_size == 0) {
    text_offset = kLegacyTextOffset;
    image_size = file_size;
  }
  if (text_offset >= u64{1} << 32 || image_size >= u64{1} << 40) {
    return Error{fmt::format("{}: text_offset {:#x} and image_size {:#x} in its header, expected a kernel's", path,
                             text_offset, image_size)};
  }
  LoadedImage image;
  image.segments.push_back({text_offset, std::max(image_size, file_size), {}, path});
  return image;
}

Result<LoadedImage> read_kernel(const std::string& path, u64 limit) {
  auto file = OpenFile::open(path, limit, "an arm64 kernel (Image, Image.gz or ELF)");
  if (!file) return file.error();
  std::vector<u8> bytes(std::min((*file)->size(), kHead));
  if (Status status = (*file)->read(bytes, 0); !status) return status.error();
  if (looks_like_linux_image(bytes)) {
    auto image = parse_linux_image(bytes, (*file)->size(), path);
    if (image) image->segments[0].file = std::move(*file);
    return image;
  }
  auto content = read_file(**file);
  if (!content) return content.error();
  bytes = std::move(*content);
  if (looks_like_gzip(bytes)) {
    auto unpacked = gunzip(bytes, path, limit);
    if (!unpacked) return unpacked.error();
    bytes = std::move(*unpacked);
  } else if (is_zboot(bytes)) {
    auto unpacked = unpack_zboot(bytes, path, limit);
    if (!unpacked) return unpacked.error();
    bytes = std::move(*unpacked);
  }
  if (looks_like_elf(bytes)) return parse_elf(bytes, path);
  if (looks_like_linux_image(bytes)) {
    auto image = parse_linux_image(bytes, bytes.size(), path);
    if (image) image->segments[0].bytes = std::move(bytes);
    return image;
  }
  const std::string foreign = foreign_name(bytes);
  if (foreign == kUnknown && is_named_raw(path) && !bytes.empty()) return raw_image(std::move(bytes), path);
  return Error{fmt::format(
      "{}: {}, expected an arm64 kernel (Image, Image.gz or ELF), or a raw image named .bin or .flat", path, foreign)};
}

}  // namespace ferry::machines
