// Boot images: what goes where in memory, and how each processor starts. Nothing here touches guest memory: the plan is
// complete and checked before the first byte is written.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "machines/fdt.h"
#include "machines/launch.h"
#include "machines/segment.h"

namespace ferry::machines {

// How one processor leaves reset.
struct CpuStart {
  bool powered_on = false;
  u64 pc = 0;
  u64 x0 = 0;  // x1 to x3 are 0
};

struct BootPlan {
  std::vector<Segment> segments;  // all inside RAM, none overlapping another
  std::vector<u8> firmware;       // the content of flash bank 0, from -bios or images linked there; empty without
  std::map<u16, std::vector<u8>>
      firmware_items;                // kernel, initrd and command line for firmware that asks fw_cfg, by key
  std::vector<CpuStart> processors;  // one for each
  u64 dtb_address = 0;
  std::vector<u8> dtb;  // also among the segments; what dumpdtb writes
};

// Where images may go.
struct BoardMemory {
  std::vector<TreeRange> ram;  // the first one is where kernels go
  u64 flash_size = 0;          // of bank 0, bytes; 0: the board has none
  bool flash_given = false;    // a pflash drive fills bank 0
  bool has_fw_cfg = false;     // firmware can be handed a kernel
  u64 flash_base = 0;          // of bank 0
};

// Reads every image of the record and decides its place; completes /chosen, strips what only ferry reads and places the
// tree.
Result<BootPlan> plan_boot(const LaunchRecord& record, DeviceTree& tree, const BoardMemory& memory);

// --- Formats
// ------------------------------------------------------------------------------------------------------------------

// A file as memory wants it, from Image, Image.gz, an EFI zboot image or ELF.
struct LoadedImage {
  enum class Kind : u8 { LinuxImage, Elf };
  Kind kind = Kind::LinuxImage;
  std::vector<Segment> segments;  // LinuxImage: one, its address being the offset from a 2 MiB boundary
  u64 entry = 0;                  // Elf: physical; LinuxImage: the segment's start
};

// An arm64 kernel in any of the formats above. `limit`: the largest size in memory that can fit, bytes.
Result<LoadedImage> read_kernel(const std::string& path, u64 limit);

// AArch64 little-endian ELF64 with program headers; every offset is checked. System V ABI, chapters 4 and 5.
bool looks_like_elf(std::span<const u8> bytes);
Result<LoadedImage> parse_elf(std::span<const u8> bytes, const std::string& path);

// Linux, Documentation/arm64/booting, "Decompress the kernel image" and on.
bool looks_like_linux_image(std::span<const u8> bytes);
// `head`: at least its first 64 KiB, or all; `file_size`: bytes of all. Its segment has no content yet.
Result<LoadedImage> parse_linux_image(std::span<const u8> head, u64 file_size, const std::string& path);

// RFC 1952, first member. An Error on damage, truncation or more than `limit` bytes of output.
bool looks_like_gzip(std::span<const u8> bytes);
Result<std::vector<u8>> gunzip(std::span<const u8> bytes, const std::string& path, u64 limit);

// An initramfs or ramdisk that is cut short, where its format lets us see that at a reasonable cost (cpio, gzip to 8
// MiB, xz).
Status check_initrd(std::span<const u8> bytes, const std::string& path);

}  // namespace ferry::machines
