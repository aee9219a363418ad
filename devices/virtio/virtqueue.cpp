#include "devices/virtio/virtqueue.h"

#include <fmt/format.h>

#include <atomic>
#include <bit>
#include <cstring>

#include "core/log.h"

namespace ferry::devices::virtio {
namespace {

constexpr u16 kNext = 1, kWrite = 2, kIndirect = 4;  // descriptor flags
constexpr u16 kNoInterrupt = 1;                      // available ring flags
constexpr u64 kDescriptorSize = 16;

u64 little(const u8* from, unsigned size) {
  u64 value = 0;
  for (unsigned i = 0; i < size; ++i) value |= u64{from[i]} << 8 * i;
  return value;
}

}  // namespace

void visit(Archive& archive, QueueConfig& config) {
  archive.field("size", config.size);
  archive.field("ready", config.ready);
  archive.field("descriptors", config.descriptors);
  archive.field("driver", config.driver);
  archive.field("device", config.device);
  if (config.size <= kMaxQueueSize && (config.size == 0 || std::has_single_bit(config.size)) &&
      (config.size != 0 || !config.ready))
    return;
  archive.fail("virtqueue: the saved size is not a power of two up to 1024");
  config = {};
}

Cursor::Cursor(GuestMemory& memory, const std::vector<Segment>& segments) : memory_(memory), segments_(segments) {
  for (const Segment& segment : segments) left_ += segment.length;
}

template <class Move>
bool Cursor::transfer(usize size, Move&& move) {
  if (size > left_) return false;
  left_ -= size;
  for (usize done = 0; done < size;) {
    const Segment& segment = segments_[index_];
    const usize part = std::min<usize>(size - done, segment.length - inside_);
    if (part != 0 && !move(segment.address + inside_, done, part)) return false;
    done += part;
    inside_ += static_cast<u32>(part);
    if (inside_ == segment.length) {
      ++index_;
      inside_ = 0;
    }
  }
  return true;
}

bool Cursor::read(void* to, usize size) {
  return transfer(size, [&](u64 address, usize done, usize part) {
    return memory_.read(address, static_cast<u8*>(to) + done, part);
  });
}

bool Cursor::write(const void* from, usize size) {
  return transfer(size, [&](u64 address, usize done, usize part) {
    return memory_.write(address, static_cast<const u8*>(from) + done, part);
  });
}

void VirtQueue::start(const QueueConfig& config, u64 features) {
  stop();
  config_ = config;
  features_ = features;
}

void VirtQueue::break_off(const std::string& why) {
  broken_ = true;
  guest_error("{}: {}: the queue stops until a reset", owner_, why);
}

bool VirtQueue::read16(u64 address, u16& value) {
  if (memory_.read(address, &value, 2)) {
    if constexpr (std::endian::native == std::endian::big) value = static_cast<u16>(value << 8 | value >> 8);
    return true;
  }
  break_off(fmt::format("no memory at {:#x} for a ring", address));
  return false;
}

bool VirtQueue::write16(u64 address, u16 value) {
  const u8 raw[2] = {static_cast<u8>(value), static_cast<u8>(value >> 8)};
  if (memory_.write(address, raw, 2)) return true;
  break_off(fmt::format("no memory at {:#x} for a ring", address));
  return false;
}

bool VirtQueue::read_descriptor(u64 table, u32 index, Descriptor& descriptor) {
  u8 raw[kDescriptorSize];
  if (!memory_.read(table + index * kDescriptorSize, raw, sizeof raw)) {
    break_off(fmt::format("no memory at {:#x} for a descriptor", table + index * kDescriptorSize));
    return false;
  }
  descriptor = {little(raw, 8), static_cast<u32>(little(raw + 8, 4)), static_cast<u16>(little(raw + 12, 2)),
                static_cast<u16>(little(raw + 14, 2))};
  return true;
}

// Appends the chain that begins at `first` of a table. `budget` bounds loops.
bool VirtQueue::collect(u64 table, u32 table_size, u32 first, bool indirect, u32& budget, Chain& chain) {
  for (u32 index = first;;) {
    if (index >= table_size) return break_off(fmt::format("descriptor {} of {}", index, table_size)), false;
    if (budget-- == 0) return break_off("a chain that is too long, or a loop"), false;
    Descriptor d{};
    if (!read_descriptor(table, index, d)) return false;
    if (d.flags & kIndirect) {
      if (indirect || (features_ & kFeatureIndirect) == 0)
        return break_off("an indirect descriptor that is not allowed"), false;
      if (d.length == 0 || d.length % kDescriptorSize != 0) {
        return break_off(fmt::format("an indirect table of {} bytes", d.length)), false;
      }
      if (!collect(d.address, static_cast<u32>(d.length / kDescriptorSize), 0, true, budget, chain)) return false;
    } else if (d.flags & kWrite) {
      chain.writable.push_back({d.address, d.length});
    } else if (!chain.writable.empty()) {
      return break_off("a readable descriptor after a writable one"), false;
    } else {
      chain.readable.push_back({d.address, d.length});
    }
    if ((d.flags & kNext) == 0) return true;
    if (d.flags & kIndirect) return break_off("an indirect descriptor with a next one"), false;
    index = d.next;
  }
}

std::optional<Chain> VirtQueue::pop() {
  if (!running()) return std::nullopt;
  u16 available = 0;
  if (!read16(config_.driver + 2, available)) return std::nullopt;
  const u16 waiting = static_cast<u16>(available - last_available_);
  if (waiting == 0) return std::nullopt;
  if (waiting > config_.size) {
    break_off(fmt::format("{} requests in a ring of {}", waiting, config_.size));
    return std::nullopt;
  }
  std::atomic_thread_fence(std::memory_order_acquire);  // the index before what it covers
  Chain chain;
  if (!read16(config_.driver + 4 + 2 * (last_available_ % config_.size), chain.head)) return std::nullopt;
  u32 budget = kMaxChain;
  if (!collect(config_.descriptors, config_.size, chain.head, false, budget, chain)) return std::nullopt;
  ++last_available_;
  return chain;
}

void VirtQueue::push(u16 head, u32 written) {
  if (!running()) return;
  u8 element[8] = {static_cast<u8>(head), static_cast<u8>(head >> 8), 0, 0};
  for (unsigned i = 0; i < 4; ++i) element[4 + i] = static_cast<u8>(written >> 8 * i);
  const u64 place = config_.device + 4 + 8 * (used_index_ % config_.size);
  if (!memory_.write(place, element, sizeof element))
    return break_off(fmt::format("no memory at {:#x} for a used ring", place));
  std::atomic_thread_fence(std::memory_order_release);  // the element before the index that covers it
  ++used_index_;
  write16(config_.device + 2, used_index_);
}

bool VirtQueue::ask_for_notification() {
  if (!running()) return false;
  if ((features_ & kFeatureEventIndex) != 0 && !write16(config_.device + 4 + 8 * u64{config_.size}, last_available_))
    return false;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  u16 available = 0;
  return read16(config_.driver + 2, available) && available != last_available_;
}

bool VirtQueue::take_interrupt() {
  const u16 before = std::exchange(signalled_, used_index_);
  if (before == used_index_ || !running()) return false;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  u16 word = 0;
  if ((features_ & kFeatureEventIndex) == 0) return read16(config_.driver, word) && (word & kNoInterrupt) == 0;
  if (!read16(config_.driver + 4 + 2 * u64{config_.size}, word)) return false;
  // 2.7.10: the driver's index lies among the elements used since `before`.
  return static_cast<u16>(used_index_ - word - 1) < static_cast<u16>(used_index_ - before);
}

void VirtQueue::visit(Archive& archive) {
  virtio::visit(archive, config_);
  archive.field("features", features_);
  archive.field("last_available", last_available_);
  archive.field("used_index", used_index_);
  archive.field("signalled", signalled_);
  archive.field("broken", broken_);
}

}  // namespace ferry::devices::virtio
