// Guests that write garbage to every register, for a while, with time passing: nothing may crash, hang or touch what is
// not theirs.
#include <random>

#include "devices/interrupt_controller.h"
#include "devices/virtio/device.h"
#include "tests/devices/fixture.h"

using namespace ferry;
using namespace ferry::devices;
using namespace ferry::devices::testing;

namespace {

// Offsets that exist more often than not: near a register of some bank, or anywhere.
u64 offset_in(std::mt19937_64& random, Device& device, u64 size) {
  const auto banks = device.banks();
  if (!banks.empty() && random() % 4 != 0) {
    const auto registers = banks[random() % banks.size()]->registers();
    const RegisterSpec& spec = registers[random() % registers.size()]->spec();
    return spec.offset + random() % spec.count * spec.stride + (random() % 8 == 0 ? random() % 8 : 0);
  }
  return random() % 16 == 0 ? random() : random() % size;
}

u64 value_like(std::mt19937_64& random) {
  switch (random() % 6) {
    case 0: return 0;
    case 1: return ~u64{0};
    case 2: return u64{1} << random() % 64;
    case 3: return random() % 256;
    case 4: return 0x40000000 + random() % (1 << 20);  // an address in RAM
    default: return random();
  }
}

void storm(const std::string& compatible, const std::string& plugged, u64 seed, int steps) {
  std::mt19937_64 random(seed);
  Bench bench;
  bench.context.plugged = plugged;
  if (compatible == "cfi-flash") bench.context.reg_sizes = {1 << 20, 1 << 20};
  for (usize i = 0; i < bench.memory.ram.size(); i += 8) bench.memory.ram[i] = static_cast<u8>(random());
  Device& device = bench.make(compatible);
  for (int step = 0; step < steps; ++step) {
    const usize region = random() % device.regions().size();
    const u64 size = region < bench.context.reg_sizes.size() ? bench.context.reg_sizes[region] : 0x1000;
    const unsigned width = 1u << random() % 4;
    const u64 offset = offset_in(random, device, size);
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: bench.write(offset, value_like(random) & low_mask(8 * width), width, region); break;
      case 3: {
        const u64 value = bench.read(offset, width, region);
        if (width < 8) REQUIRE(value >> 8 * width == 0);
        break;
      }
      case 4: bench.advance(random() % 1'000'000); break;
      case 5: bench.serial.type("x"); break;
      case 6: device.input(static_cast<unsigned>(random() % 9)).set(random() % 2); break;
      case 7: {
        if (auto* gic = device.interrupt_controller()) {
          u64 value = 0;
          const u32 reg = sysreg_encoding(3, 0, random() % 2 ? 12 : 4, static_cast<unsigned>(6 + random() % 7),
                                          static_cast<unsigned>(random() % 8));
          const CpuAccess access{.el = static_cast<unsigned>(random() % 4)};
          if (random() % 2)
            gic->read_sysreg(static_cast<unsigned>(random() % 4), reg, access, value);
          else
            gic->write_sysreg(static_cast<unsigned>(random() % 4), reg, access, value_like(random));
          const u32 cells[] = {0, static_cast<u32>(random() % 256), 4};
          gic->line(cells, 0)->set(random() % 2);
        }
        break;
      }
    }
    if (step % 1000 == 999) {
      const auto data = bench.saved();
      LoadArchive load(data);
      device.visit(load);
      REQUIRE(load.status().ok());
      REQUIRE(bench.saved() == data);
    }
  }
}

}  // namespace

TEST_CASE("random guests harm no device") {
  for (const Model& model : models()) {
    INFO(model.compatible);
    for (u64 seed = 1; seed <= 4; ++seed) storm(model.compatible, "", seed, 3000);
  }
  for (const auto& model : virtio::virtio_models()) {
    INFO(model.name);
    for (u64 seed = 1; seed <= 8; ++seed) storm("virtio,mmio", model.name, seed, 3000);
  }
}
