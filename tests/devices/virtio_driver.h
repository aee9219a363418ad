// A small virtio driver over MMIO for tests: it sets a queue up as a guest would and can break every rule.
#pragma once
#include "devices/virtio/virtqueue.h"
#include "tests/devices/fixture.h"

namespace ferry::devices::testing {

enum VirtioRegister : u64 {
  kMagic = 0x000,
  kVersion = 0x004,
  kDeviceId = 0x008,
  kDeviceFeatures = 0x010,
  kDeviceFeaturesSel = 0x014,
  kDriverFeatures = 0x020,
  kDriverFeaturesSel = 0x024,
  kQueueSel = 0x030,
  kQueueNumMax = 0x034,
  kQueueNum = 0x038,
  kQueueReady = 0x044,
  kQueueNotify = 0x050,
  kInterruptStatus = 0x060,
  kInterruptAck = 0x064,
  kStatus = 0x070,
  kQueueDesc = 0x080,
  kQueueDriver = 0x090,
  kQueueDevice = 0x0a0,
  kConfig = 0x100
};

struct Part {
  u64 address;
  u32 length;
  bool writable;
};

struct Virtio : Bench {
  static constexpr u16 kSize = 8;
  static constexpr u64 kTable = 0x40000000, kAvailable = 0x40001000, kUsed = 0x40002000, kIndirectTable = 0x40003000;
  u16 available = 0;

  explicit Virtio(const std::string& plugged) {
    context.plugged = plugged;
    make("virtio,mmio");
  }
  u64 offered() {
    write(kDeviceFeaturesSel, 0);
    const u64 low = read(kDeviceFeatures);
    write(kDeviceFeaturesSel, 1);
    return low | read(kDeviceFeatures) << 32;
  }
  void negotiate(u64 features) {
    write(kStatus, 0);
    write(kStatus, 3);
    write(kDriverFeaturesSel, 0);
    write(kDriverFeatures, features & 0xffffffff);
    write(kDriverFeaturesSel, 1);
    write(kDriverFeatures, features >> 32);
    write(kStatus, 11);
  }
  void start(u64 features = virtio::kFeatureVersion1) {
    available = 0;
    negotiate(features | virtio::kFeatureVersion1);
    REQUIRE(read(kStatus) == 11);
    queue(kSize, kTable, kAvailable, kUsed);
    write(kStatus, 15);
    REQUIRE(read(kStatus) == 15);
  }
  void queue(u16 size, u64 table, u64 avail, u64 used) {
    write(kQueueSel, 0);
    write(kQueueNum, size);
    for (const auto& [reg, value] : {std::pair{kQueueDesc, table}, {kQueueDriver, avail}, {kQueueDevice, used}}) {
      write(reg, value & 0xffffffff);
      write(reg + 4, value >> 32);
    }
    write(kQueueReady, 1);
  }
  void descriptor(u64 table, u16 index, u64 address, u32 length, u16 flags, u16 next) {
    memory.put<u64>(table + 16 * index, address);
    memory.put<u32>(table + 16 * index + 8, length);
    memory.put<u16>(table + 16 * index + 12, flags);
    memory.put<u16>(table + 16 * index + 14, next);
  }
  void chain(const std::vector<Part>& parts, u64 table = kTable, u16 first = 0) {
    for (usize i = 0; i < parts.size(); ++i) {
      const bool last = i + 1 == parts.size();
      descriptor(table, static_cast<u16>(first + i), parts[i].address, parts[i].length,
                 static_cast<u16>((last ? 0 : 1) | (parts[i].writable ? 2 : 0)),
                 static_cast<u16>(last ? 0 : first + i + 1));
    }
  }
  void offer(u16 head) {
    memory.put<u16>(kAvailable + 4 + 2 * (available % kSize), head);
    memory.put<u16>(kAvailable + 2, ++available);
  }
  void notify() { write(kQueueNotify, 0); }
  u16 used() { return memory.get<u16>(kUsed + 2); }
  u32 used_length(u16 index) { return memory.get<u32>(kUsed + 4 + 8 * (index % kSize) + 4); }
  u32 used_head(u16 index) { return memory.get<u32>(kUsed + 4 + 8 * (index % kSize)); }
  // One request from start to end.
  void run(const std::vector<Part>& parts) {
    chain(parts);
    offer(0);
    notify();
    advance(1'000'000);
  }
  bool needs_reset() { return (read(kStatus) & 0x40) != 0; }
};

}  // namespace ferry::devices::testing
