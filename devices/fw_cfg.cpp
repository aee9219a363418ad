#include "devices/fw_cfg.h"

#include <algorithm>
#include <array>

#include "core/log.h"

namespace ferry::devices {
namespace {

constexpr u16 kSignatureKey = 0x00, kIdKey = 0x01, kDirectoryKey = 0x19, kFirstFile = 0x20;
constexpr u16 kKeyMask = 0x3fff;                                           // bit 14: write, bit 15: architecture's own
constexpr u64 kDmaSignature = 0x51454d5520434647;                          // "QEMU CFG"
constexpr u32 kError = 1, kRead = 2, kSkip = 4, kSelect = 8, kWrite = 16;  // DMA control
constexpr usize kNameSize = 56;

void put_big(std::vector<u8>& out, u64 value, unsigned size) {
  for (unsigned i = size; i-- > 0;) out.push_back(static_cast<u8>(value >> 8 * i));
}

u64 get_big(const u8* from, unsigned size) {
  u64 value = 0;
  for (unsigned i = 0; i < size; ++i) value = value << 8 | from[i];
  return value;
}

// `size` bytes of a value in the other byte order.
u64 swapped(u64 value, unsigned size) {
  u64 result = 0;
  for (unsigned i = 0; i < size; ++i) result = result << 8 | ((value >> 8 * i) & 0xff);
  return result;
}

}  // namespace

FwCfg::FwCfg(const DeviceContext& context)
    : Device(context.name), memory_(context.memory), items_(context.firmware_items), worker_([this] { transfer(); }) {
  add_region(window_);
  items_[kSignatureKey] = {'Q', 'E', 'M', 'U'};
  items_[kIdKey] = {3, 0, 0, 0};  // the traditional interface, and DMA
  std::vector<u8> directory;
  put_big(directory, context.firmware_files.size(), 4);
  u16 key = kFirstFile;
  for (const auto& [name, content] : context.firmware_files) {
    put_big(directory, content.size(), 4);
    put_big(directory, key, 2);
    put_big(directory, 0, 2);
    const usize shown = std::min(name.size(), kNameSize - 1);
    directory.insert(directory.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(shown));
    directory.resize(directory.size() + kNameSize - shown);
    items_[key++] = content;
  }
  items_[kDirectoryKey] = std::move(directory);
  reset();
}

void FwCfg::on_reset() {
  key_ = 0;
  offset_ = 0;
  dma_address_ = 0;
  dma_wanted_ = false;
  work_waits_ = false;
}

void FwCfg::visit_state(Archive& archive) {
  archive.field("key", key_);
  archive.field("offset", offset_);
  archive.field("dma_address", dma_address_);
  archive.field("dma_wanted", dma_wanted_);
  if (archive.loading()) work_waits_ = dma_wanted_;
}

void FwCfg::select(u16 key) {
  key_ = key & kKeyMask;
  offset_ = 0;
}

// Beyond its end, and without an item, everything is zero.
u8 FwCfg::next_byte() {
  const auto item = items_.find(key_);
  if (item == items_.end() || offset_ >= item->second.size()) return 0;
  return item->second[offset_++];
}

u64 FwCfg::read_register(u64 offset, unsigned size) {
  if (offset < kSelector) {
    u64 value = 0;
    for (unsigned i = 0; i < size; ++i) value |= u64{next_byte()} << 8 * i;
    return value;
  }
  if (offset >= kDma && offset < kEnd && offset % size == 0 && size >= 4) {
    return swapped(size == 8        ? kDmaSignature
                   : offset == kDma ? kDmaSignature >> 32
                                    : kDmaSignature & low_mask(32),
                   size);
  }
  guest_error("{}: read of {} bytes at {:#x}", name(), size, offset);
  return 0;
}

void FwCfg::write_register(u64 offset, unsigned size, u64 value) {
  const u64 big = swapped(value, size);
  if (offset == kSelector && size == 2) return select(static_cast<u16>(big));
  if (offset == kDma && size == 4) {
    dma_address_ = (dma_address_ & low_mask(32)) | big << 32;
    return;
  }
  if (offset == kDma + 4 && size == 4) {
    dma_address_ = (dma_address_ & ~low_mask(32)) | big;
  } else if (offset == kDma && size == 8) {
    dma_address_ = big;
  } else {
    guest_error("{}: write of {:#x}, {} bytes, at {:#x}", name(), value, size, offset);
    return;
  }
  dma_wanted_ = work_waits_ = true;
}

u64 FwCfg::Window::read(u64 offset, unsigned size) {
  u64 value = 0;
  device_.locked([&] { value = device_.read_register(offset, size); });
  return value;
}

void FwCfg::Window::write(u64 offset, unsigned size, u64 value) {
  device_.locked([&] { device_.write_register(offset, size, value); });
}

void FwCfg::after_unlock() {
  if (work_waits_) worker_.request();
}

// The structure at dma_address_: be32 control, be32 length, be64 address. The control word becomes 0, or the error bit.
void FwCfg::transfer() {
  u64 at = 0;
  {
    const std::lock_guard lock(mutex());
    work_waits_ = false;
    if (!std::exchange(dma_wanted_, false)) return;
    at = std::exchange(dma_address_, 0);
  }
  std::array<u8, 16> access{};
  if (!memory_.read(at, access.data(), access.size())) {
    guest_error("{}: DMA structure at {:#x}, which is not memory", name(), at);
    return;
  }
  const bool done =
      move(static_cast<u32>(get_big(&access[0], 4)), static_cast<u32>(get_big(&access[4], 4)), get_big(&access[8], 8));
  const std::array<u8, 4> answer{0, 0, 0, static_cast<u8>(done ? 0 : kError)};
  memory_.write(at, answer.data(), answer.size());
}

bool FwCfg::move(u32 control, u32 length, u64 address) {
  {
    const std::lock_guard lock(mutex());
    if ((control & kSelect) != 0) select(static_cast<u16>(control >> 16));
    if ((control & kWrite) != 0) return false;  // nothing here can be written
    if ((control & kRead) == 0) {
      if ((control & kSkip) != 0) offset_ = static_cast<u32>(std::min<u64>(u64{offset_} + length, ~u32{0}));
      return true;
    }
  }
  std::array<u8, 4096> chunk{};
  for (u32 done = 0; done < length;) {
    const u32 part = std::min(length - done, static_cast<u32>(chunk.size()));
    {
      const std::lock_guard lock(mutex());
      for (u32 i = 0; i < part; ++i) chunk[i] = next_byte();
    }
    if (!memory_.write(address + done, chunk.data(), part)) {
      guest_error("{}: DMA to {:#x}, which is not memory", name(), address + done);
      return false;
    }
    done += part;
  }
  return true;
}

}  // namespace ferry::devices
