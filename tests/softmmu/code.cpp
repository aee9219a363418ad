// Write shields of pages with code, DMA, flash windows, and the map itself.
#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;

namespace {

constexpr u64 kA = kRamBase + 0x5000, kB = kRamBase + 0x6000;

struct Mapped : Machine {
  Tables low = tables(), high = tables();
  Mapped() {
    low.map(0x1000, kA | kPage | kNormal | kNotGlobal | kUser);
    low.map(0x2000, kB | kPage | kNormal | kNotGlobal | kUser);
    low.map(0x9000, kA | kPage | kNormal | kNotGlobal | kUser);  // kA again
    enable(low, high);
  }
};

struct Flash final : RomDevice {
  std::vector<u8> bytes = std::vector<u8>(0x2000);
  bool array = true;
  std::vector<u64> writes;
  std::function<void()> changed;
  u64 read(u64, unsigned) override { return 0xf1; }
  void write(u64 offset, unsigned, u64) override { writes.push_back(offset); }
  const u8* direct_read_pointer() const override { return array ? bytes.data() : nullptr; }
  usize direct_read_size() const override { return bytes.size(); }
  void set_direct_listener(std::function<void()> f) override { changed = std::move(f); }
  void set_array(bool on) {
    array = on;
    changed();
  }
};

}  // namespace

TEST_CASE("a shielded page leaves every write table; the first store tells the observer once") {
  Mapped m;
  m.store(0x1000, 1);
  m.store(0x9008, 1);
  m.store(0x2000, 1);
  m.s.el = 0;
  m.mmu->select();
  m.store(0x1010, 1);
  CHECK(m.in_write_table(0x1000));
  REQUIRE(m.mmu->shield(kA));
  CHECK(m.space.has_code(kA));
  CHECK_FALSE(m.in_write_table(0x1000));
  CHECK(m.in_read_table(0x1000));
  m.s.el = 1;
  m.mmu->select();
  CHECK_FALSE(m.in_write_table(0x1000));
  CHECK_FALSE(m.in_write_table(0x9000));
  CHECK(m.in_write_table(0x2000));

  const u32 generation = m.space.generation(kA);
  m.store(0x1000, 5);
  CHECK(m.observer.written == std::vector<u64>{kA});
  CHECK(m.space.generation(kA) == generation + 1);
  CHECK_FALSE(m.space.has_code(kA));
  CHECK(m.word(kA) == 5);
  CHECK(m.in_write_table(0x1000));
  m.store(0x9000, 6);
  CHECK(m.observer.written.size() == 1);
  REQUIRE(m.mmu->shield(kA));
  CHECK_FALSE(m.in_write_table(0x1000));
  CHECK_FALSE(m.in_write_table(0x9000));
  m.store(0x9000, 7);
  CHECK(m.observer.written.size() == 2);
}

TEST_CASE("loads leave the shield alone; atomics, DC ZVA and crossing stores end it") {
  Mapped m;
  m.mmu->shield(kA);
  m.load(0x1000);
  CHECK(m.space.has_code(kA));
  m.mmu->atomic(0x1000, Machine::access({.aligned = true, .write = true}), 1, 1, 0);
  CHECK(m.observer.written.size() == 1);
  m.mmu->shield(kA);
  m.mmu->zero_block(0x1000, Machine::access({.write = true, .zero_block = true}));
  CHECK(m.observer.written.size() == 2);
  m.mmu->shield(kA);
  m.mmu->shield(kB);
  m.store(0x1ffc, 1);
  CHECK(m.observer.written == std::vector<u64>{kA, kA, kA, kB});
}

TEST_CASE("DMA into a page with code tells the observer after the bytes are there") {
  Mapped m;
  m.mmu->shield(kA);
  m.mmu->shield(kB);
  const std::vector<u8> bytes(0x1800, 0x5a);
  REQUIRE(m.space.write(kA + 0x400, bytes.data(), bytes.size()));
  CHECK(m.observer.written == std::vector<u64>{kA, kB});
  CHECK(*m.at(kB + 0xbff) == 0x5a);
  CHECK(*m.at(kB + 0xc00) == 0);
  REQUIRE(m.space.write(kA, bytes.data(), 8));
  CHECK(m.observer.written.size() == 2);
}

TEST_CASE("DMA is all or nothing") {
  AddressSpace space;
  REQUIRE(space.add_ram("low", 0x1000, 0x1000).ok());
  REQUIRE(space.add_ram("high", 0x2000, 0x1000).ok());
  const u64 value = 0x1122334455667788;
  REQUIRE(space.write(0x1ffc, &value, 8));  // across two regions
  u64 back = 0;
  REQUIRE(space.read(0x1ffc, &back, 8));
  CHECK(back == value);
  CHECK_FALSE(space.write(0x2ffc, &value, 8));
  REQUIRE(space.read(0x2ff8, &back, 8));
  CHECK(back == 0);
  CHECK_FALSE(space.read(0xffc, &back, 8));
  CHECK_FALSE(space.read(~u64{0} - 3, &back, 8));
  CHECK(space.read(0x5000, &back, 0));
}

TEST_CASE("flash reads as memory in array mode only, and always sees writes") {
  Machine m;
  Flash flash;
  flash.bytes[0x1008] = 0x77;
  REQUIRE(m.space.add_rom_device("flash", 0, 0x2000, flash).ok());
  Tables low = m.tables(), high = m.tables();
  low.map(0x7000, 0x1000 | kPage | kNormal | kReadOnly);
  low.map(0x8000, 0x1000 | kPage | kNormal);
  m.enable(low, high);
  CHECK(m.load(0x7008, 0) == 0x77);
  CHECK(m.in_read_table(0x7000));
  REQUIRE(m.mmu->fetch(0x7000).ok);
  CHECK(m.mmu->fetch(0x7000).page == flash.bytes.data() + 0x1000);
  m.store(0x8010, 1, 1);
  CHECK(flash.writes == std::vector<u64>{0x1010});
  const u32 key = m.mmu->exec_key(0x7000);
  flash.set_array(false);
  CHECK(m.observer.ranges == std::vector<u64>{0});
  CHECK_FALSE(m.in_read_table(0x7000));
  CHECK(m.mmu->exec_key(0x7000) != key);
  CHECK(m.load(0x7008, 0) == 0xf1);
  CHECK_FALSE(m.mmu->fetch(0x7000).ok);
  CHECK(m.s.exception.iss == 0x10);
  flash.set_array(true);
  CHECK(m.load(0x7008, 0) == 0x77);
}

TEST_CASE("regions may not overlap, and the error names both") {
  AddressSpace space;
  FakeDevice device;
  REQUIRE(space.add_ram("ram", 0x4000'0000, 0x10000).ok());
  REQUIRE(space.add_mmio("uart", 0x900'0000, 0x1000, device).ok());
  const auto clash = space.add_mmio("gpio", 0x900'0ff0, 0x100, device);
  REQUIRE_FALSE(clash.ok());
  CHECK(clash.error().message.find("gpio") != std::string::npos);
  CHECK(clash.error().message.find("uart") != std::string::npos);
  CHECK_FALSE(space.add_mmio("below", 0x8ff'ffff, 2, device).ok());
  CHECK_FALSE(space.add_mmio("around", 0x800'0000, 0x200'0000, device).ok());
  CHECK_FALSE(space.add_mmio("empty", 0, 0, device).ok());
  CHECK_FALSE(space.add_mmio("wraps", ~u64{0} - 1, 3, device).ok());
  CHECK_FALSE(space.add_ram("odd", 0x800, 0x1000).ok());
  CHECK_FALSE(space.add_ram("ram again", 0x4000'f000, 0x1000).ok());
  CHECK(space.add_mmio("beside", 0x900'1000, 0x10, device).ok());
  CHECK(space.find(0x900'0fff)->name == "uart");
  CHECK(space.find(0x900'1000)->name == "beside");
  CHECK(space.find(0x900'1010) == nullptr);
  CHECK(space.find(0x4000'ffff)->name == "ram");
  CHECK(space.find(0x4001'0000) == nullptr);
}

TEST_CASE("a device window smaller than a page ends where it ends") {
  Machine m;
  FakeDevice small;
  REQUIRE(m.space.add_mmio("small", 0xa00'0000, 0x200, small).ok());
  m.load(0xa00'01f8);
  CHECK(m.s.fault == 0);
  m.load(0xa00'0200);
  CHECK(m.s.exception.iss == 0x10);
  REQUIRE(m.space.add_mmio("next", 0xa00'0200, 0x200, m.device).ok());
  m.load(0xa00'0208, 2);
  CHECK(m.s.fault == 0);
  CHECK(m.device.seen == std::vector<FakeDevice::Access>{{false, 8, 4, 0}});
}
