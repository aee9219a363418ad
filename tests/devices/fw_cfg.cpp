#include "tests/devices/fixture.h"

using namespace ferry;
using namespace ferry::devices::testing;

namespace {

constexpr u64 kStructure = 0x40000100, kBuffer = 0x40001000;

struct FwCfgBench : Bench {
  FwCfgBench() {
    context.reg_sizes = {24};
    context.firmware_files["opt/greeting"] = {'h', 'e', 'l', 'l', 'o'};
    context.firmware_files["etc/answer"] = {42};
    context.firmware_items[0x08] = {1, 2, 3, 4};
    make("qemu,fw-cfg-mmio");
  }
  static u64 big(u64 value, unsigned size) {
    u64 result = 0;
    for (unsigned i = 0; i < size; ++i) result = result << 8 | ((value >> 8 * i) & 0xff);
    return result;
  }
  void select(u16 key) { write(8, big(key, 2), 2); }
  // Runs one DMA structure and returns the control word afterwards.
  u32 dma(u32 control, u32 length, u64 address) {
    memory.put<u32>(kStructure, static_cast<u32>(big(control, 4)));
    memory.put<u32>(kStructure + 4, static_cast<u32>(big(length, 4)));
    memory.put<u64>(kStructure + 8, big(address, 8));
    write(16, big(kStructure, 8), 8);
    return static_cast<u32>(big(memory.get<u32>(kStructure), 4));
  }
};

}  // namespace

TEST_CASE("fw_cfg: signature, features and DMA announce themselves") {
  FwCfgBench f;
  CHECK(f.read(0, 4) == 0x554d4551);  // "QEMU" in memory order
  f.select(1);
  CHECK(f.read(0, 4) == 3);
  CHECK(FwCfgBench::big(f.read(16, 8), 8) == 0x51454d5520434647);
  CHECK(FwCfgBench::big(f.read(20, 4), 4) == 0x20434647);
}

TEST_CASE("fw_cfg: files are found through the directory") {
  FwCfgBench f;
  f.select(0x19);
  CHECK(FwCfgBench::big(f.read(0, 4), 4) == 2);
  CHECK(FwCfgBench::big(f.read(0, 4), 4) == 1);
  const u16 answer = static_cast<u16>(FwCfgBench::big(f.read(0, 2), 2));
  f.read(0, 2);
  std::string name;
  for (int i = 0; i < 56; ++i) name.push_back(static_cast<char>(f.read(0, 1)));
  CHECK(std::string(name.c_str()) == "etc/answer");
  f.select(answer);
  CHECK(f.read(0, 1) == 42);
  CHECK(f.read(0, 1) == 0);
  f.select(static_cast<u16>(answer + 1));
  CHECK(f.read(0, 1) == 'h');
  CHECK(f.read(0, 4) == 0x6f6c6c65);
  f.select(0x3333);
  CHECK(f.read(0, 8) == 0);
}

TEST_CASE("fw_cfg: DMA selects, skips, reads, and pads with zeroes") {
  FwCfgBench f;
  f.memory.put<u32>(kBuffer + 2, 0xffffffff);
  CHECK(f.dma(0x08 << 16 | 8, 0, 0) == 0);
  CHECK(f.dma(4, 2, 0) == 0);
  CHECK(f.dma(2, 4, kBuffer) == 0);
  CHECK(f.memory.get<u32>(kBuffer) == 0x00000403);
  f.memory.put<u32>(kStructure, static_cast<u32>(FwCfgBench::big(0x08 << 16 | 8 | 2, 4)));
  f.memory.put<u32>(kStructure + 4, static_cast<u32>(FwCfgBench::big(1, 4)));
  f.write(16, FwCfgBench::big(kStructure >> 32, 4), 4);
  f.write(20, FwCfgBench::big(kStructure & 0xffffffff, 4), 4);
  CHECK(f.memory.get<u8>(kBuffer) == 1);
}

TEST_CASE("fw_cfg: bad DMA is an error in the control word") {
  FwCfgBench f;
  CHECK(f.dma(0x08 << 16 | 8 | 2, 4, 0x10) == 1);
  CHECK(f.dma(2, 0xffffffff, kBuffer) == 1);  // runs off the end of RAM
  CHECK(f.dma(0x08 << 16 | 8 | 16, 4, kBuffer) == 1);
  f.write(16, FwCfgBench::big(0x10, 8), 8);  // no structure there
  f.write(16, ~u64{0}, 8);
  CHECK(f.dma(0x08 << 16 | 8 | 2, 4, kBuffer) == 0);
}
