#include "devices/virtio/blk.h"

#include <algorithm>
#include <array>

#include "core/log.h"

namespace ferry::devices::virtio {
namespace {

// 5.2.3 Feature bits
constexpr u64 kSegMax = u64{1} << 2, kReadOnly = u64{1} << 5, kBlkSize = u64{1} << 6, kFlush = u64{1} << 9,
              kDiscard = u64{1} << 13, kWriteZeroes = u64{1} << 14;
// 5.2.6 Device Operation
enum Type : u32 { kIn = 0, kOut = 1, kFlushRequest = 4, kGetId = 8, kDiscardRequest = 11, kWriteZeroesRequest = 13 };
enum Answer : u8 { kOk = 0, kIoError = 1, kUnsupported = 2 };

constexpr u64 kSector = 512;
constexpr usize kChunk = 128 * 1024;  // how much is moved at a time
constexpr u32 kSegments = 254;        // of a request, besides header and status
constexpr u32 kMaxRangeSectors = 1u << 22;
constexpr u32 kMaxRanges = 16;
constexpr usize kIdSize = 20;

u64 little(const u8* from, unsigned size) {
  u64 value = 0;
  for (unsigned i = 0; i < size; ++i) value |= u64{from[i]} << 8 * i;
  return value;
}

}  // namespace

Result<std::unique_ptr<VirtioDevice>> VirtioBlk::make(const DeviceContext& context) {
  if (context.block(0) == nullptr) return Error{"-device virtio-blk-device: no drive, expected drive=ID of a -drive"};
  const std::string* serial = context.option("serial");
  return std::unique_ptr<VirtioDevice>(
      std::make_unique<VirtioBlk>(context.name, *context.block(0), serial != nullptr ? *serial : ""));
}

VirtioBlk::VirtioBlk(std::string name, BlockBackend& disk, std::string serial)
    : name_(std::move(name)), disk_(disk), sectors_(disk.size() / kSector), serial_(std::move(serial)) {}

u64 VirtioBlk::features() const {
  return kSegMax | kBlkSize | kFlush | (disk_.read_only() ? kReadOnly : kDiscard | kWriteZeroes);
}

// 5.2.4 Device configuration layout
u8 VirtioBlk::config(u32 offset) const {
  std::array<u8, 60> space{};
  const auto put = [&](usize at, u64 value, unsigned size) {
    for (unsigned i = 0; i < size; ++i) space[at + i] = static_cast<u8>(value >> 8 * i);
  };
  put(0, sectors_, 8);
  put(12, kSegments, 4);
  put(20, kSector, 4);
  put(34, 1, 2);  // num_queues
  put(36, kMaxRangeSectors, 4);
  put(40, kMaxRanges, 4);
  put(44, 1, 4);  // discard_sector_alignment
  put(48, kMaxRangeSectors, 4);
  put(52, kMaxRanges, 4);
  put(56, 1, 1);  // write_zeroes_may_unmap
  return offset < space.size() ? space[offset] : u8{0};
}

bool VirtioBlk::inside(u64 sector, u64 bytes) const {
  return bytes % kSector == 0 && sector <= sectors_ && bytes / kSector <= sectors_ - sector;
}

// The user hears of the first few failures of the host's disk, whatever is logged; a guest may try again for ever.
u8 VirtioBlk::failed(const Status& status) {
  if (status) return kOk;
  if (failures_++ < 3) log_text(LogCategory::kMachine, name_ + ": " + status.error().message);
  return kIoError;
}

u8 VirtioBlk::read(u64 sector, Cursor& to, u64 size, u64& written) {
  if (!inside(sector, size)) {
    guest_error("{}: read of {} bytes at sector {} of {}", name_, size, sector, sectors_);
    return kIoError;
  }
  std::vector<u8> buffer(static_cast<usize>(std::min<u64>(size, kChunk)));
  for (u64 done = 0; done < size;) {
    const std::span<u8> part(buffer.data(), static_cast<usize>(std::min<u64>(size - done, buffer.size())));
    if (const Status status = disk_.read(sector * kSector + done, part); !status) return failed(status);
    if (!to.write(part.data(), part.size())) {
      guest_error("{}: read into what is not memory", name_);
      return kIoError;
    }
    done += part.size();
    written = done;
  }
  return kOk;
}

u8 VirtioBlk::write(u64 sector, Cursor& from, u64 features) {
  const u64 size = from.left();
  if (disk_.read_only() || !inside(sector, size)) {
    guest_error("{}: write of {} bytes at sector {} of {}{}", name_, size, sector, sectors_,
                disk_.read_only() ? ", read-only" : "");
    return kIoError;
  }
  std::vector<u8> buffer(static_cast<usize>(std::min<u64>(size, kChunk)));
  for (u64 done = 0; done < size;) {
    const std::span<u8> part(buffer.data(), static_cast<usize>(std::min<u64>(size - done, buffer.size())));
    if (!from.read(part.data(), part.size())) {
      guest_error("{}: write from what is not memory", name_);
      return kIoError;
    }
    if (const Status status = disk_.write(sector * kSector + done, part); !status) return failed(status);
    done += part.size();
  }
  // 5.2.6.2: a driver that does not know flushes gets write-through.
  return (features & kFlush) != 0 ? u8{kOk} : failed(disk_.flush());
}

// DISCARD and WRITE_ZEROES: an array of le64 sector, le32 count, le32 flags.
u8 VirtioBlk::ranges(u32 type, Cursor& from) {
  constexpr usize kRange = 16;
  if (disk_.read_only()) return kIoError;
  if (from.left() == 0 || from.left() % kRange != 0 || from.left() / kRange > kMaxRanges) return kUnsupported;
  while (from.left() != 0) {
    u8 raw[kRange];
    if (!from.read(raw, sizeof raw)) return kIoError;
    const u64 sector = little(raw, 8), bytes = little(raw + 8, 4) * kSector, flags = little(raw + 12, 4);
    const u64 allowed = type == kWriteZeroesRequest ? 1 : 0;  // unmap
    if ((flags & ~allowed) != 0) return kUnsupported;
    if (!inside(sector, bytes)) return kIoError;
    const Status status =
        type == kDiscardRequest ? disk_.discard(sector * kSector, bytes) : disk_.write_zeroes(sector * kSector, bytes);
    if (!status) return failed(status);
  }
  return kOk;
}

u8 VirtioBlk::execute(const Request& request, Cursor& from, Cursor& to, u64 payload, u64 features, u64& written) {
  switch (request.type) {
    case kIn: return read(request.sector, to, payload, written);
    case kOut: return write(request.sector, from, features);
    case kFlushRequest: return failed(disk_.flush());
    case kGetId: {
      std::array<u8, kIdSize> id{};
      std::copy_n(serial_.begin(), std::min(serial_.size(), kIdSize), id.begin());
      const usize size = static_cast<usize>(std::min<u64>(payload, kIdSize));
      if (!to.write(id.data(), size)) return kIoError;
      written = size;
      return kOk;
    }
    case kDiscardRequest:
    case kWriteZeroesRequest: return ranges(request.type, from);
    default: unimplemented("{}: request type {}", name_, request.type); return kUnsupported;
  }
}

u32 VirtioBlk::serve(VirtQueue& queue, unsigned, const Chain& chain, u64 features) {
  Cursor from(queue.memory(), chain.readable), to(queue.memory(), chain.writable);
  u8 header[16];
  if (to.left() == 0 || !from.read(header, sizeof header)) {
    queue.break_off("a block request without header or status");
    return 0;
  }
  const Request request{static_cast<u32>(little(header, 4)), little(header + 8, 8)};
  // The status is the last writable byte, wherever the data ended.
  const u64 payload = to.left() - 1;
  u64 written = 0;
  const u8 answer = execute(request, from, to, payload, features, written);
  const Segment* last = nullptr;
  for (const Segment& segment : chain.writable) {
    if (segment.length != 0) last = &segment;
  }
  if (last == nullptr || !queue.memory().write(last->address + last->length - 1, &answer, 1)) {
    queue.break_off("a block request whose status is not in memory");
    return 0;
  }
  return static_cast<u32>(std::min<u64>(written + 1, 0xffffffff));
}

}  // namespace ferry::devices::virtio
