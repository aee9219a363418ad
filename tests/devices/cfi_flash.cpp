#include "tests/devices/fixture.h"

using namespace ferry;
using namespace ferry::devices::testing;

namespace {

constexpr u64 kBlock = 0x40000;

// Two banks of 1 MiB, 4 bytes wide, as drivers see them.
struct Flash : Bench {
  unsigned told = 0;
  explicit Flash(bool images = false) {
    context.reg_sizes = {1 << 20, 1 << 20};
    std::fill(disk.data.begin(), disk.data.end(), u8{0x11});
    if (!images) context.blocks = {};
    make("cfi-flash");
    device->rom_region(0)->set_direct_listener([this] { ++told; });
  }
  void command(u64 offset, u8 code) { write(offset, u64{code} | u64{code} << 16); }
  u64 status() {
    command(0, 0x70);
    return read(0);
  }
  void erase(u64 offset) {
    command(offset, 0x20);
    command(offset, 0xd0);
  }
  void program(u64 offset, u32 value) {
    command(offset, 0x40);
    write(offset, value);
  }
};

}  // namespace

TEST_CASE("cfi-flash: an empty bank reads erased") {
  Flash f;
  CHECK(f.read(0) == 0xffffffff);
  CHECK(f.read(0xffffc, 4, 1) == 0xffffffff);
  CHECK(f.read(3, 1) == 0xff);
  CHECK(f.read(0x1000, 8) == ~u64{0});
}

TEST_CASE("cfi-flash: the query table describes two interleaved chips") {
  Flash f;
  f.command(0x55 * 4, 0x98);
  CHECK(f.read(0x10 * 4) == (u32{'Q'} | u32{'Q'} << 16));
  CHECK(f.read(0x11 * 4) == (u32{'R'} | u32{'R'} << 16));
  CHECK(f.read(0x12 * 4, 2) == 'Y');
  CHECK(f.read(0x13 * 4, 1) == 1);
  CHECK(f.read(0x27 * 4, 1) == 19);  // 512 KiB a chip
  CHECK(f.read(0x2d * 4, 1) == 3);   // four blocks
  CHECK(f.read(0x30 * 4, 1) == 2);   // of 128 KiB a chip
  CHECK(f.read(0x31 * 4, 1) == 'P');
  f.command(0, 0xff);
  CHECK(f.read(0x40) == 0xffffffff);
}

TEST_CASE("cfi-flash: identifiers and lock bits") {
  Flash f;
  f.command(kBlock, 0x60);
  f.command(kBlock, 0x01);
  f.command(0, 0x90);
  CHECK(f.read(0) == 0x00890089);
  CHECK(f.read(4) == 0x00180018);
  CHECK(f.read(8) == 0);
  CHECK(f.read(kBlock + 8) == 0x00010001);
  f.program(kBlock, 0);
  CHECK(f.status() == 0x00920092);
  f.command(0, 0x50);
  f.erase(kBlock);
  CHECK(f.status() == 0x00a200a2);
  f.command(0, 0x50);
  f.command(kBlock, 0x60);
  f.command(kBlock, 0xd0);
  f.program(kBlock, 0x12345678);
  CHECK(f.status() == 0x00800080);
  f.command(0, 0xff);
  CHECK(f.read(kBlock) == 0x12345678);
}

TEST_CASE("cfi-flash: programming clears bits, erasing sets a block") {
  Flash f;
  f.program(kBlock + 16, 0x0ff00ff0);
  f.program(kBlock + 16, 0xff00ff00);
  f.program(2 * kBlock, 0);
  CHECK(f.status() == 0x00800080);
  f.command(0, 0xff);
  CHECK(f.read(kBlock + 16) == 0x0f000f00);
  f.erase(kBlock + 0x100);
  f.command(0, 0xff);
  CHECK(f.read(kBlock + 16) == 0xffffffff);
  CHECK(f.read(2 * kBlock) == 0);
}

TEST_CASE("cfi-flash: a buffered program takes what it announced and then a confirmation") {
  Flash f;
  f.command(kBlock, 0xe8);
  CHECK((f.read(kBlock) & 0x00800080) == 0x00800080);
  f.command(kBlock, 31);
  for (u32 i = 0; i < 32; ++i) f.write(kBlock + 128 + 4 * i, i);
  f.command(kBlock, 0xd0);
  CHECK(f.status() == 0x00800080);
  f.command(0, 0xff);
  for (u32 i = 0; i < 32; ++i) CHECK(f.read(kBlock + 128 + 4 * i) == i);
  CHECK(f.read(kBlock + 256) == 0xffffffff);
}

TEST_CASE("cfi-flash: a driver that takes the bank for one 16-bit chip can program it too") {
  Flash f;
  f.write(kBlock, 0xe8, 2);
  f.write(kBlock, 3, 2);
  for (u64 i = 0; i < 4; ++i) f.write(kBlock + 2 * i, 0x1100 + i, 2);
  f.write(kBlock, 0xd0, 2);
  CHECK(f.read(kBlock, 2) == 0x80);
  f.write(0, 0xff, 2);
  CHECK(f.read(kBlock, 8) == 0x1103110211011100);
}

TEST_CASE("cfi-flash: broken buffered programs are sequence errors and write nothing") {
  Flash f;
  f.command(0, 0xe8);
  f.command(0, 1);
  f.write(0, 1);
  f.write(4, 2);
  f.command(0, 0xff);  // no confirmation
  CHECK(f.status() == 0x00b000b0);
  f.command(0, 0x50);
  f.command(0, 0xe8);
  f.write(0, 0xffffffff);  // too many
  CHECK(f.status() == 0x00b000b0);
  f.command(0, 0x50);
  f.command(0, 0xe8);
  f.command(0, 1);
  f.write(kBlock, 1);  // another block
  CHECK(f.status() == 0x00b000b0);
  f.command(0, 0x50);
  f.command(0, 0x20);
  f.command(0, 0xff);
  CHECK(f.status() == 0x00b000b0);
  f.command(0, 0xff);
  CHECK(f.read(0) == 0xffffffff);
  CHECK(f.read(kBlock) == 0xffffffff);
}

TEST_CASE("cfi-flash: array reads can bypass the device, and changes of that are told") {
  Flash f(true);
  const auto* rom = f.device->rom_region(0);
  REQUIRE(rom->direct_read_pointer() != nullptr);
  CHECK(rom->direct_read_size() == 1 << 20);
  CHECK(rom->direct_read_pointer()[5] == 0x11);
  f.told = 0;
  f.command(0, 0x70);
  CHECK(f.told == 1);
  CHECK(rom->direct_read_pointer() == nullptr);
  f.command(0, 0x90);
  CHECK(f.told == 1);
  f.command(0, 0xff);
  CHECK(f.told == 2);
  CHECK(rom->direct_read_pointer() != nullptr);
  Flash empty;
  CHECK(empty.device->rom_region(0)->direct_read_pointer() == nullptr);
  CHECK(empty.device->rom_region(2) == nullptr);
}

TEST_CASE("cfi-flash: changes reach the image, and only where it is") {
  Flash f(true);
  f.erase(0);
  f.program(8, 0xcafe0123);
  CHECK(f.disk.data[0] == 0xff);
  CHECK(f.disk.data[8] == 0x23);
  CHECK(f.disk.data[11] == 0xca);
  CHECK(f.disk.data[kBlock] == 0x11);
}

TEST_CASE("cfi-flash: a short image is the bank's start, a long one is refused") {
  Bench b;
  b.context.reg_sizes = {1 << 20};
  FakeBlock small(100), large((1 << 20) + 1);
  b.context.blocks = {&small};
  b.make("cfi-flash");
  CHECK(b.read(96) == 0);
  CHECK(b.read(100) == 0xffffffff);
  b.write(200, 0x00400040);
  b.write(200, 0);
  b.write(0, 0x00ff00ff);
  CHECK(b.read(200) == 0);
  b.context.blocks = {&large};
  CHECK_FALSE(devices::find_model("cfi-flash")->make(b.context).ok());
}

TEST_CASE("cfi-flash: a read-only image cannot be changed") {
  Flash f(true);
  f.disk.is_read_only = true;
  f.program(0, 0);
  CHECK(f.status() == 0x00920092);
  f.command(0, 0xff);
  CHECK(f.read(0) == 0x11111111);
}

TEST_CASE("cfi-flash: banks are independent, and a reset returns to array mode with the content kept") {
  Flash f;
  f.write(0, 0x00700070, 4, 1);
  CHECK(f.read(0) == 0xffffffff);
  CHECK(f.read(0, 4, 1) == 0x00800080);
  f.program(0, 0x12);
  f.device->reset();
  CHECK(f.read(0, 4, 1) == 0xffffffff);
  CHECK(f.read(0) == 0x12);
}
