// The boot plan: places of kernel, initrd, device tree and loader images. Kernel at RAM + 2 MiB + text_offset, initrd
// at 128 MiB or half of RAM, the tree behind it: the places that firmware authors and users of other emulators know, so
// that traces compare.
#include "machines/loader.h"

#include <fmt/format.h>

#include <algorithm>

#include "machines/files.h"
#include "machines/tree_edit.h"

namespace ferry::machines {
namespace {

constexpr u64 kMiB = 1 << 20;
constexpr u64 kTwoMiB = 2 * kMiB;
constexpr u64 kPage = 4096;
constexpr u64 kInitrdOffset = 128 * kMiB;
constexpr u8 kErased = 0xff;
constexpr u64 kHighHalf = u64{1} << 63;
constexpr usize kTreePaddingLinux = 4 << 10;
constexpr usize kTreePaddingFirmware = 64 << 10;  // U-Boot edits the tree in place

u64 align_up(u64 value, u64 to) { return (value + to - 1) / to * to; }

class Planner {
 public:
  Planner(const LaunchRecord& record, DeviceTree& tree, const BoardMemory& memory)
      : record_(record), tree_(tree), memory_(memory), ram_(memory.ram.front()) {}

  Result<BootPlan> plan() {
    plan_.processors.resize(record_.cpu_count);
    plan_.processors[0].powered_on = true;
    if (Status status = place_main_image(); !status) return status.error();
    for (const LoaderSpec& loader : record_.loaders) {
      if (Status status = place_loader(loader); !status) return status.error();
    }
    if (Status status = place_initrd(); !status) return status.error();
    if (Status status = place_tree(); !status) return status.error();
    if (Status status = check_overlaps(plan_.segments); !status) return status.error();
    if (Status status = check_overlaps(flash_); !status) return status.error();
    if (Status status = fill_flash(); !status) return status.error();
    return std::move(plan_);
  }

 private:
  u64 ram_end() const { return ram_.base + (ram_.size - 1); }  // the last byte

  static bool inside(const TreeRange& range, u64 address, u64 size) {
    return address >= range.base && address - range.base < range.size && size <= range.size - (address - range.base);
  }
  bool in_flash(u64 address, u64 size) const {
    return inside(TreeRange{memory_.flash_base, memory_.flash_size}, address, size);
  }

  bool in_ram(u64 address, u64 size) const {
    return std::any_of(memory_.ram.begin(), memory_.ram.end(),
                       [&](const TreeRange& range) { return inside(range, address, size); });
  }

  Error does_not_fit(const std::string& what, u64 address, u64 size) const {
    return Error{fmt::format(
        "{}: {} bytes at {:#x} do not fit into RAM ({} MiB at {:#x}), expected a smaller file or more memory (-m)",
        what, size, address, ram_.size >> 20, ram_.base)};
  }

  Status add(Segment segment) {
    if (in_flash(segment.address, segment.size)) {
      if (memory_.flash_given)
        return Error{
            fmt::format("{}: {} bytes at {:#x} are in flash bank 0, which -drive if=pflash fills, expected one of them",
                        segment.what, segment.size, segment.address)};
      flash_.push_back(std::move(segment));
      return {};
    }
    if (!in_ram(segment.address, segment.size)) return does_not_fit(segment.what, segment.address, segment.size);
    plan_.segments.push_back(std::move(segment));
    return {};
  }

  Status place_main_image() {
    if (starts_firmware() && !record_.kernel.empty()) {
      if (!memory_.has_fw_cfg)
        return Error{
            "-kernel with firmware: it would fetch the kernel through fw_cfg, which this board does not have, expected "
            "one of them"};
      if (Status status = offer_kernel(); !status) return status;
    }
    if (!record_.firmware.empty()) {
      if (memory_.flash_size == 0)
        return Error{fmt::format("-bios {}: the board has no flash, expected a cfi-flash node", record_.firmware)};
      if (memory_.flash_given)
        return Error{fmt::format("-bios {}: flash bank 0 is also given by -drive if=pflash, expected one of them",
                                 record_.firmware)};
      auto bytes = read_file(record_.firmware, memory_.flash_size,
                             fmt::format("a firmware image of at most {} bytes", memory_.flash_size));
      if (!bytes) return bytes.error();
      const u64 size = bytes->size();
      return add({memory_.flash_base, size, std::move(*bytes), record_.firmware});
    }
    if (!record_.kernel.empty() && !starts_firmware()) return place_kernel();
    const bool loader_starts = std::any_of(record_.loaders.begin(), record_.loaders.end(), [this](const auto& l) {
      return l.cpu_num.has_value() || (l.address && in_flash(*l.address, 1));
    });
    if (memory_.flash_given || loader_starts) return {};
    return Error{
        "nothing to run, expected -kernel FILE, -bios FILE, -drive if=pflash,file=FILE or -device "
        "loader,file=FILE,cpu-num=0"};
  }

  bool starts_firmware() const { return !record_.firmware.empty() || memory_.flash_given; }

  // Firmware boots the kernel itself: it is handed the files as they are. Keys of the fw_cfg interface: size and data
  // of each.
  Status offer_kernel() {
    const auto offer = [this](u16 size_key, u16 data_key, std::vector<u8> data) {
      std::vector<u8> size;
      for (unsigned i = 0; i < 4; ++i) size.push_back(static_cast<u8>(data.size() >> (8 * i)));
      plan_.firmware_items[size_key] = std::move(size);
      plan_.firmware_items[data_key] = std::move(data);
    };
    auto kernel = read_file(record_.kernel, ram_.size, "a kernel that fits into memory (-m)");
    if (!kernel) return kernel.error();
    offer(0x08, 0x11, std::move(*kernel));
    if (!record_.initrd.empty()) {
      auto initrd = read_file(record_.initrd, ram_.size, "an initial ramdisk that fits into memory (-m)");
      if (!initrd) return initrd.error();
      offer(0x0b, 0x12, std::move(*initrd));
    }
    if (record_.command_line.empty()) return {};
    std::vector<u8> line(record_.command_line.begin(), record_.command_line.end());
    line.push_back(0);
    offer(0x14, 0x15, std::move(line));
    return {};
  }

  Status place_kernel() {
    auto image = read_kernel(record_.kernel, ram_.size);
    if (!image) return image.error();
    u64& entry = plan_.processors[0].pc;
    entry = image->entry;
    if (image->kind == LoadedImage::Kind::LinuxImage) {
      is_linux_ = true;
      Segment& kernel = image->segments[0];
      // The first page stays free where the offset would take it: monitors and old boot stubs live there.
      kernel.address += ram_.base + (kernel.address < kPage ? kTwoMiB : 0);
      entry = kernel.address;
    } else if (image->entry >= kHighHalf) {
      move_virtual_kernel(*image);
      entry = image->entry;
    }
    image_low_ = ~u64{0};
    for (Segment& segment : image->segments) {
      if (in_flash(segment.address, segment.size)) {
        if (Status status = add(std::move(segment)); !status) return status;
        continue;
      }
      image_low_ = std::min(image_low_, segment.address);
      image_end_ = std::max(image_end_, segment.address + segment.size);
      if (Status status = add(std::move(segment)); !status) return status;
    }
    return {};
  }

  // vmlinux is linked at its virtual address in both columns; it runs from any 2 MiB boundary.
  void move_virtual_kernel(LoadedImage& image) {
    is_linux_ = true;
    u64 low = ~u64{0};
    for (const Segment& segment : image.segments) low = std::min(low, segment.address);
    const u64 delta = ram_.base + kTwoMiB + low % kTwoMiB - low;
    for (Segment& segment : image.segments) segment.address += delta;
    image.entry += delta;
  }

  Status place_initrd() {
    if (record_.initrd.empty() || (starts_firmware() && !record_.kernel.empty())) return {};
    if (record_.kernel.empty())
      return Error{fmt::format("-initrd {}: without -kernel nothing would find it, expected both", record_.initrd)};
    auto bytes = read_file(record_.initrd, ram_.size, "an initial ramdisk that fits into memory (-m)");
    if (!bytes) return bytes.error();
    if (Status status = check_initrd(*bytes, record_.initrd); !status) return status;
    const u64 size = bytes->size();
    u64 address = ram_.base + std::min(kInitrdOffset, ram_.size / 2);
    if (image_low_ < address + size) address = std::max(address, image_end_);
    address = align_up(address, kPage);
    initrd_ = TreeRange{address, size};
    return add({address, size, std::move(*bytes), record_.initrd});
  }

  // Whether [address, address + size) is RAM that no image uses.
  bool is_free(u64 address, u64 size) const {
    return in_ram(address, size) &&
           std::none_of(plan_.segments.begin(), plan_.segments.end(), [&](const Segment& segment) {
             return address < segment.address + segment.size && segment.address < address + size;
           });
  }

  Status place_tree() {
    edit_chosen(tree_, record_, initrd_);
    strip_own_properties(tree_);
    auto blob = tree_.blob(is_linux_ ? kTreePaddingLinux : kTreePaddingFirmware);
    if (!blob) return blob.error();
    const u64 size = blob->size();
    std::vector<u64> places;
    if (!is_linux_) places.push_back(ram_.base);
    if (initrd_) places.push_back(align_up(initrd_->base + initrd_->size, kTwoMiB));
    if (image_end_ != 0)
      places.push_back(align_up(std::max(image_end_, ram_.base + std::min(kInitrdOffset, ram_.size / 2)), kTwoMiB));
    if (image_end_ != 0) places.push_back(align_up(image_end_, kTwoMiB));
    if (ram_.size > size) places.push_back((ram_end() + 1 - size) / kTwoMiB * kTwoMiB);
    places.push_back(ram_.base);
    const auto place = std::find_if(places.begin(), places.end(), [&](u64 address) { return is_free(address, size); });
    if (place == places.end()) return does_not_fit("device tree", places.front(), size);
    plan_.dtb = *blob;
    plan_.dtb_address = *place;
    plan_.processors[0].x0 = *place;
    return add({*place, size, std::move(*blob), "device tree"});
  }

  Status place_loader(const LoaderSpec& loader) {
    u64 start = loader.address.value_or(0);
    if (!loader.path.empty()) {
      auto bytes = read_file(loader.path, ram_.size, "a file that fits into memory (-m)");
      if (!bytes) return bytes.error();
      if (!loader.raw && looks_like_elf(*bytes)) {
        auto image = parse_elf(*bytes, loader.path);
        if (!image) return image.error();
        start = image->entry;
        for (Segment& segment : image->segments) {
          if (Status status = add(std::move(segment)); !status) return status;
        }
      } else if (!loader.address) {
        return Error{
            fmt::format("-device loader,file={}: not an ELF file, expected addr= to say where it goes", loader.path)};
      } else {
        const u64 size = bytes->size();
        if (Status status = add({*loader.address, size, std::move(*bytes), loader.path}); !status) return status;
      }
    } else if (loader.data) {
      std::vector<u8> bytes;
      for (unsigned i = 0; i < loader.data_length; ++i) {
        const unsigned shift = 8 * (loader.big_endian ? loader.data_length - 1 - i : i);
        bytes.push_back(static_cast<u8>(*loader.data >> shift));
      }
      if (Status status = add({start, bytes.size(), bytes, "-device loader,data="}); !status) return status;
    }
    if (!loader.cpu_num) return {};
    if (*loader.cpu_num >= plan_.processors.size()) {
      return Error{fmt::format("-device loader,cpu-num={}: no such processor, expected less than {}", *loader.cpu_num,
                               plan_.processors.size())};
    }
    plan_.processors[*loader.cpu_num].powered_on = true;
    plan_.processors[*loader.cpu_num].pc = start;
    return {};
  }

  // What is between the images stays erased.
  Status fill_flash() {
    for (const Segment& segment : flash_) {
      const auto offset = static_cast<usize>(segment.address - memory_.flash_base);
      plan_.firmware.resize(std::max<usize>(plan_.firmware.size(), offset + static_cast<usize>(segment.size)), kErased);
      u8* const to = plan_.firmware.data() + offset;
      if (Status status = segment.copy_content(to); !status) return status;
      std::fill(to + segment.content_size(), to + segment.size, u8{0});
    }
    return {};
  }

  static Status check_overlaps(const std::vector<Segment>& segments) {
    std::vector<const Segment*> sorted;
    for (const Segment& segment : segments) sorted.push_back(&segment);
    std::sort(sorted.begin(), sorted.end(), [](const Segment* a, const Segment* b) { return a->address < b->address; });
    for (usize i = 1; i < sorted.size(); ++i) {
      const Segment &below = *sorted[i - 1], &above = *sorted[i];
      if (above.address - below.address >= below.size) continue;
      return Error{fmt::format("{}: at {:#x} it overlaps {} ({} bytes at {:#x}), expected room of its own (-m, addr=)",
                               above.what, above.address, below.what, below.size, below.address)};
    }
    return {};
  }

  const LaunchRecord& record_;
  DeviceTree& tree_;
  const BoardMemory& memory_;
  const TreeRange ram_;
  BootPlan plan_;
  std::vector<Segment> flash_;  // images in flash bank 0
  bool is_linux_ = false;
  u64 image_low_ = ~u64{0};
  u64 image_end_ = 0;
  std::optional<TreeRange> initrd_;
};

}  // namespace

Result<BootPlan> plan_boot(const LaunchRecord& record, DeviceTree& tree, const BoardMemory& memory) {
  ASSERT(!memory.ram.empty() && record.cpu_count > 0, "a board has memory and a processor");
  return Planner(record, tree, memory).plan();
}

}  // namespace ferry::machines
