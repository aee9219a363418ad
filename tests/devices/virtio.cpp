#include <random>

#include "tests/devices/virtio_driver.h"

using namespace ferry;
using namespace ferry::devices::testing;
using namespace ferry::devices::virtio;

namespace {

constexpr u64 kHeader = 0x40010000, kData = 0x40020000, kAnswer = 0x40011000;

struct Disk : Virtio {
  Disk() : Virtio("virtio-blk-device") {}
  void header(u32 type, u64 sector) {
    memory.put<u32>(kHeader, type);
    memory.put<u32>(kHeader + 4, 0);
    memory.put<u64>(kHeader + 8, sector);
    memory.put<u8>(kAnswer, 0xee);
  }
  u8 answer() { return memory.get<u8>(kAnswer); }
  // Read (type 0), write (1) or flush (4) in three descriptors.
  u8 request(u32 type, u64 sector, u32 size) {
    header(type, sector);
    std::vector<Part> parts{{kHeader, 16, false}};
    if (size != 0) parts.push_back({kData, size, type == 0 || type == 8});
    parts.push_back({kAnswer, 1, true});
    run(parts);
    return answer();
  }
};

}  // namespace

TEST_CASE("virtio: the transport introduces itself and negotiates") {
  Disk d;
  CHECK(d.read(kMagic) == 0x74726976);
  CHECK(d.read(kVersion) == 2);
  CHECK(d.read(kDeviceId) == 2);
  CHECK((d.offered() & kFeatureVersion1) != 0);
  d.negotiate(0);  // without VERSION_1
  CHECK((d.read(kStatus) & 8) == 0);
  d.negotiate(kFeatureVersion1 | u64{1} << 50);  // never offered
  CHECK((d.read(kStatus) & 8) == 0);
  d.negotiate(d.offered());
  CHECK((d.read(kStatus) & 8) == 8);
  d.write(kQueueSel, 0);
  CHECK(d.read(kQueueNumMax) == 256);
  d.write(kQueueSel, 1);
  CHECK(d.read(kQueueNumMax) == 0);
}

TEST_CASE("virtio: an empty slot has no device") {
  Virtio empty("");
  CHECK(empty.read(kMagic) == 0x74726976);
  CHECK(empty.read(kDeviceId) == 0);
  empty.negotiate(kFeatureVersion1);
  empty.notify();
  CHECK(empty.read(kStatus) == 0);
}

TEST_CASE("virtio: an unknown device is an error that lists the known ones") {
  Bench b;
  b.context.plugged = "virtio-toaster-device";
  const auto made = devices::find_model("virtio,mmio")->make(b.context);
  REQUIRE_FALSE(made.ok());
  CHECK(made.error().message.find("virtio-blk-device") != std::string::npos);
}

TEST_CASE("virtio-blk: the configuration tells the size, byte by byte and at once") {
  Disk d;
  CHECK(d.read(kConfig, 4) == (1 << 20) / 512);
  CHECK(d.read(kConfig, 8) == (1 << 20) / 512);
  CHECK(d.read(kConfig + 1, 1) == (1 << 20) / 512 >> 8);
  CHECK(d.read(kConfig + 20, 4) == 512);
  CHECK(d.read(kConfig + 0xfc, 4) == 0);
}

TEST_CASE("virtio-blk: what is written is read back") {
  Disk d;
  d.start();
  for (u32 i = 0; i < 4096; ++i) d.memory.put<u8>(kData + i, static_cast<u8>(i * 7));
  CHECK(d.request(1, 100, 4096) == 0);
  CHECK(d.disk.data[100 * 512 + 10] == 70);
  CHECK(d.read(kInterruptStatus) == 1);
  CHECK(d.lines[0].level);
  d.write(kInterruptAck, 1);
  CHECK_FALSE(d.lines[0].level);
  for (u32 i = 0; i < 4096; ++i) d.memory.put<u8>(kData + i, 0);
  CHECK(d.request(0, 100, 4096) == 0);
  CHECK(d.memory.get<u8>(kData + 4095) == static_cast<u8>(4095 * 7));
  CHECK(d.used() == 2);
  CHECK(d.used_length(1) == 4097);
}

TEST_CASE("virtio-blk: in virtual time a request ends at its deadline, not before") {
  Disk d;
  d.start();
  d.header(0, 0);
  d.chain({{kHeader, 16, false}, {kData, 512, true}, {kAnswer, 1, true}});
  d.offer(0);
  d.notify();
  d.advance(49'999);
  CHECK(d.used() == 0);
  const auto data = d.saved();  // under way
  d.advance(1);
  CHECK(d.used() == 1);
  CHECK(d.lines[0].level);

  Disk other;
  other.memory.ram = d.memory.ram;
  other.memory.put<u16>(Virtio::kUsed + 2, 0);
  LoadArchive load(data);
  other.device->visit(load);
  REQUIRE(load.status().ok());
  other.advance(100'000);
  CHECK(other.used() == 1);
  CHECK(other.lines[0].level);
}

TEST_CASE("virtio-blk: in real time a request ends at once") {
  Bench real;
  Clock clock(Clock::Kind::kReal);
  Disk d;
  devices::DeviceContext context{.name = "v", .clock = clock, .events = d.events, .memory = d.memory};
  context.irqs = {d.lines[0].wire()};
  context.blocks = {&d.disk};
  context.plugged = "virtio-blk-device";
  auto made = devices::find_model("virtio,mmio")->make(context);
  REQUIRE(made.ok());
  d.device = std::move(*made);
  d.start();
  d.header(0, 0);
  d.chain({{kHeader, 16, false}, {kData, 512, true}, {kAnswer, 1, true}});
  d.offer(0);
  d.notify();
  CHECK(d.used() == 1);
}

TEST_CASE("virtio-blk: flush reaches the back end; without the feature each write does") {
  Disk d;
  d.start(u64{1} << 9);
  CHECK(d.request(1, 0, 512) == 0);
  CHECK(d.disk.flushes == 0);
  CHECK(d.request(4, 0, 0) == 0);
  CHECK(d.disk.flushes == 1);
  d.start();
  CHECK(d.request(1, 0, 512) == 0);
  CHECK(d.disk.flushes == 2);
}

TEST_CASE("virtio-blk: identification, write-zeroes and what it does not know") {
  Disk d;
  d.context.options["serial"] = "ferry-disk";
  d.make("virtio,mmio");
  d.start();
  CHECK(d.request(8, 0, 20) == 0);
  CHECK(d.memory.get<u8>(kData) == 'f');
  CHECK(d.memory.get<u8>(kData + 10) == 0);
  CHECK(d.request(77, 0, 512) == 2);
  d.disk.data[512] = 5;
  d.memory.put<u64>(kData, 1);
  d.memory.put<u32>(kData + 8, 1);
  d.memory.put<u32>(kData + 12, 1);
  CHECK(d.request(13, 0, 16) == 0);
  CHECK(d.disk.data[512] == 0);
  d.memory.put<u32>(kData + 8, 0xffffffff);
  CHECK(d.request(13, 0, 16) == 1);
  CHECK(d.request(13, 0, 15) == 2);
}

TEST_CASE("virtio-blk: bad requests get an error, never the host's memory or disk") {
  Disk d;
  d.start();
  CHECK(d.request(0, 2048, 512) == 1);  // beyond the end
  CHECK(d.request(0, ~u64{0}, 512) == 1);
  CHECK(d.request(0, 2047, 1024) == 1);
  CHECK(d.request(0, 0, 511) == 1);
  d.header(0, 0);
  d.run({{kHeader, 16, false}, {0x10, 512, true}, {kAnswer, 1, true}});  // not RAM
  CHECK(d.answer() == 1);
  d.header(1, 0);
  d.run({{kHeader, 16, false}, {~u64{0} - 100, 512, false}, {kAnswer, 1, true}});
  CHECK(d.answer() == 1);
  d.header(0, 0);
  d.run({{kHeader, 16, false}, {kData, 0xfffffe00, true}, {kAnswer, 1, true}});
  CHECK(d.answer() == 1);
  CHECK_FALSE(d.needs_reset());
  d.disk.broken = true;
  CHECK(d.request(0, 0, 512) == 1);
  CHECK(d.request(4, 0, 0) == 1);
  d.disk.broken = false;
  d.disk.is_read_only = true;
  CHECK(d.request(1, 0, 512) == 1);
  CHECK((d.offered() & u64{1} << 5) != 0);
}

TEST_CASE("virtio: indirect tables and the event index work when negotiated") {
  Disk d;
  d.start(kFeatureIndirect | kFeatureEventIndex | u64{1} << 9);
  d.header(1, 3);
  d.memory.put<u8>(kData, 0x5a);
  d.chain({{kHeader, 16, false}, {kData, 512, false}, {kAnswer, 1, true}}, Virtio::kIndirectTable);
  d.descriptor(Virtio::kTable, 0, Virtio::kIndirectTable, 48, 4, 0);
  d.memory.put<u16>(Virtio::kAvailable + 4 + 2 * Virtio::kSize, 1);  // interrupt only for the second
  d.offer(0);
  d.notify();
  d.advance(1'000'000);
  CHECK(d.used() == 1);
  CHECK(d.answer() == 0);
  CHECK(d.disk.data[3 * 512] == 0x5a);
  CHECK_FALSE(d.lines[0].level);
  CHECK(d.memory.get<u16>(Virtio::kUsed + 4 + 8 * Virtio::kSize) == 1);  // asked to be told of the next
  d.offer(0);
  d.notify();
  d.advance(1'000'000);
  CHECK(d.lines[0].level);
}

TEST_CASE("virtio: the driver can do without interrupts") {
  Disk d;
  d.start();
  d.memory.put<u16>(Virtio::kAvailable, 1);
  CHECK(d.request(0, 0, 512) == 0);
  CHECK_FALSE(d.lines[0].level);
}

TEST_CASE("virtio: rings that break the rules stop the device until a reset, and it works again after") {
  Disk d;
  const auto broken = [&](const std::string& what, auto&& body) {
    INFO(what);
    d.start(kFeatureIndirect | u64{1} << 9);
    d.header(0, 0);
    d.chain({{kHeader, 16, false}, {kData, 512, true}, {kAnswer, 1, true}});
    body();
    d.notify();
    d.advance(1'000'000);
    CHECK(d.needs_reset());
    CHECK((d.read(kInterruptStatus) & 2) == 2);
    d.notify();  // ignored
    d.start();
    CHECK(d.request(0, 0, 512) == 0);
  };
  broken("a loop", [&] {
    d.descriptor(Virtio::kTable, 2, kAnswer, 1, 3, 1);
    d.offer(0);
  });
  broken("a head outside the table", [&] { d.offer(8); });
  broken("a next outside the table", [&] {
    d.descriptor(Virtio::kTable, 0, kHeader, 16, 1, 0x7000);
    d.offer(0);
  });
  broken("too many requests", [&] { d.memory.put<u16>(Virtio::kAvailable + 2, 9); });
  broken("readable after writable", [&] {
    d.chain({{kHeader, 16, false}, {kData, 512, true}, {kAnswer, 1, false}});
    d.offer(0);
  });
  broken("no writable part", [&] {
    d.chain({{kHeader, 16, false}});
    d.offer(0);
  });
  broken("a short header", [&] {
    d.chain({{kHeader, 15, false}, {kAnswer, 1, true}});
    d.offer(0);
  });
  broken("a status outside memory", [&] {
    d.chain({{kHeader, 16, false}, {0x10, 1, true}});
    d.offer(0);
  });
  broken("an indirect table of a strange size", [&] {
    d.descriptor(Virtio::kTable, 0, Virtio::kIndirectTable, 47, 4, 0);
    d.offer(0);
  });
  broken("an indirect table in an indirect table", [&] {
    d.descriptor(Virtio::kTable, 0, Virtio::kIndirectTable, 16, 4, 0);
    d.descriptor(Virtio::kIndirectTable, 0, Virtio::kIndirectTable, 16, 4, 0);
    d.offer(0);
  });
  broken("an indirect table outside memory", [&] {
    d.descriptor(Virtio::kTable, 0, ~u64{0} - 15, 0xfffffff0, 4, 0);
    d.offer(0);
  });
}

TEST_CASE("virtio: queues outside memory are noticed, wherever they lie") {
  for (const u64 bad : {u64{0}, u64{0x7ffffff0}, ~u64{0} - 0xf}) {
    for (int which = 0; which < 3; ++which) {
      Disk d;
      d.negotiate(kFeatureVersion1);
      d.queue(8, which == 0 ? bad : Virtio::kTable, which == 1 ? bad : Virtio::kAvailable,
              which == 2 ? bad : Virtio::kUsed);
      d.write(kStatus, 15);
      d.header(0, 0);
      d.chain({{kHeader, 16, false}, {kData, 512, true}, {kAnswer, 1, true}});
      d.offer(0);
      d.notify();
      d.advance(1'000'000);
      CHECK(d.needs_reset());
    }
  }
}

TEST_CASE("virtio: queue registers refuse what is not possible") {
  Disk d;
  d.negotiate(kFeatureVersion1);
  d.write(kQueueSel, 0);
  d.write(kQueueReady, 1);  // no size yet
  CHECK(d.read(kQueueReady) == 0);
  for (const u64 size : {u64{0}, u64{3}, u64{512}, u64{0x10008}}) {
    d.write(kQueueNum, size);
    d.write(kQueueReady, 1);
    CHECK(d.read(kQueueReady) == 0);
  }
  d.write(kQueueNum, 8);
  d.write(kQueueDesc, 8);
  d.write(kQueueReady, 1);
  CHECK(d.read(kQueueReady) == 0);
  d.write(kQueueDesc, 0);
  d.write(kQueueReady, 1);
  CHECK(d.read(kQueueReady) == 1);
  d.write(kStatus, 0);
  CHECK(d.read(kQueueReady) == 0);
  d.write(kStatus, 7);  // DRIVER_OK without features
  CHECK(d.read(kStatus) == 3);
}

TEST_CASE("virtio: a ring that the device itself keeps refilling does not hold the machine") {
  Disk d;
  d.start();
  // The data of the read lands on the available index: there is always one more request.
  for (usize s = 0; s < 8; ++s) d.disk.data[s * 512 + 0] = 0;
  d.header(0, 0);
  d.disk.data[2] = 4;  // index 4, again and again ahead of what was taken
  d.chain({{kHeader, 16, false}, {Virtio::kAvailable, 512, true}, {kAnswer, 1, true}});
  d.offer(0);
  d.notify();
  d.advance(10'000'000);
  SUCCEED("came back");
}

TEST_CASE("virtio: random rings never crash, and a reset always brings the device back") {
  std::mt19937_64 random(20240607);
  for (int round = 0; round < 1000; ++round) {
    Disk d;
    d.start(round % 2 ? kFeatureIndirect | kFeatureEventIndex : 0);
    d.header(static_cast<u32>(random() % 15), random() % 4096);
    for (u16 i = 0; i < 8; ++i) {
      const u64 places[] = {kHeader,       kData,    kAnswer,   Virtio::kTable, Virtio::kAvailable,
                            Virtio::kUsed, random(), 0x400ffff0};
      const u32 lengths[] = {0, 1, 16, 512, 4096, 0xffffffff, 48, 17};
      d.descriptor(Virtio::kTable, i, places[random() % 8], lengths[random() % 8], static_cast<u16>(random() % 8),
                   static_cast<u16>(random() % 9));
    }
    for (int i = 0; i < 3; ++i) d.offer(static_cast<u16>(random() % 8));
    d.notify();
    d.advance(1'000'000);
    d.start();
    CHECK(d.request(0, 0, 512) == 0);
  }
}

TEST_CASE("virtio-rng: fills what it is given from its source") {
  Virtio rng("virtio-rng-device");
  CHECK(rng.read(kDeviceId) == 4);
  rng.start();
  rng.run({{kData, 10, true}, {kData + 100, 6, true}});
  CHECK(rng.used() == 1);
  CHECK(rng.used_length(0) == 16);
  CHECK(rng.memory.get<u8>(kData) == 1);
  CHECK(rng.memory.get<u8>(kData + 105) == 16);
  CHECK(rng.memory.get<u8>(kData + 10) == 0);
  rng.run({{kData, 16, false}});
  CHECK(rng.needs_reset());
}
