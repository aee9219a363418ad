// The generic walk: what must hold for every registered model, asked of each unasked.
#include "devices/virtio/device.h"
#include "tests/devices/fixture.h"

using namespace ferry;
using namespace ferry::devices;
using namespace ferry::devices::testing;

namespace {

// A registered model, with what is plugged into it.
struct Case {
  std::string compatible;
  std::string plugged;
};

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const Model& model : models()) list.push_back({model.compatible, ""});
  for (const auto& model : virtio::virtio_models()) list.push_back({"virtio,mmio", model.name});
  return list;
}

Device& make(Bench& bench, const Case& one) {
  if (one.compatible == "cfi-flash") bench.context.reg_sizes = {1 << 20, 1 << 20};
  bench.context.plugged = one.plugged;
  return bench.make(one.compatible);
}

// Writes that leave state behind in as many registers as possible, at every size and some odd offsets.
void scribble(Bench& bench, u64 value) {
  for (usize r = 0; r < bench.device->regions().size(); ++r) {
    const u64 end = std::min<u64>(r < bench.context.reg_sizes.size() ? bench.context.reg_sizes[r] : 0x1000, 0x20000);
    for (u64 offset = 0; offset < end; offset += offset < 0x1000 ? 4 : 52) {
      for (const unsigned size : {1u, 2u, 4u, 8u}) {
        bench.write(offset, value & low_mask(8 * size), size, r);
        bench.read(offset, size, r);
      }
      if (offset % 64 == 0) {
        bench.write(offset + 1, value & 0xffff, 2, r);
        bench.read(offset + 3, 4, r);
        bench.read(offset + 5, 8, r);
      }
    }
    for (const u64 far : {~u64{0}, ~u64{0} - 7, u64{1} << 63, u64{1} << 32, end}) {
      for (const unsigned size : {1u, 2u, 4u, 8u}) {
        bench.write(far, value, size, r);
        bench.read(far, size, r);
      }
    }
  }
}

std::string comparison(Device& device, const std::vector<u8>& saved) {
  CompareArchive compare(saved);
  device.visit(compare);
  std::string text;
  for (const auto& line : compare.differences()) {
    // What a device keeps without power is named so, and a reset leaves it.
    if (line.find("nonvolatile") == std::string::npos) text += line + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("walk: registers have their reset values, and reset restores all state") {
  for (const Case& one : cases()) {
    INFO(one.compatible + " " + one.plugged);
    Bench bench;
    Device& device = make(bench, one);
    for (const RegisterBank* bank : device.banks()) {
      for (const Register* reg : bank->registers()) {
        INFO(reg->spec().name);
        for (unsigned i = 0; i < reg->spec().count; ++i) CHECK(reg->get(i) == reg->spec().reset);
      }
    }
    const auto fresh = bench.saved();
    for (const u64 value : {~u64{0}, u64{0}, u64{0x5555555555555555}, u64{0xfedcba9876543210}}) {
      scribble(bench, value);
      device.reset();
      CHECK(comparison(device, fresh) == "");
    }
  }
}

TEST_CASE("walk: read-only bits stay, whatever is written") {
  for (const Case& one : cases()) {
    INFO(one.compatible + " " + one.plugged);
    for (const u64 value : {~u64{0}, u64{0}}) {
      Bench bench;
      Device& device = make(bench, one);
      for (RegisterBank* bank : device.banks()) {
        for (const Register* reg : bank->registers()) {
          if (!reg->read_only()) continue;
          INFO(reg->spec().name);
          for (unsigned i = 0; i < reg->spec().count; ++i) {
            const u64 offset = reg->spec().offset + u64{i} * reg->spec().stride;
            const u64 before = reg->get(i);
            bank->write(offset, reg->spec().size, value);
            CHECK(reg->get(i) == before);
          }
        }
      }
    }
  }
}

TEST_CASE("walk: plain writable bits of registers without hooks read back") {
  for (const Case& one : cases()) {
    INFO(one.compatible + " " + one.plugged);
    Bench bench;
    Device& device = make(bench, one);
    for (RegisterBank* bank : device.banks()) {
      for (Register* reg : bank->registers()) {
        if (reg->has_hooks()) continue;
        INFO(reg->spec().name);
        const u64 plain = reg->writable() & reg->readable();
        for (unsigned i = 0; i < reg->spec().count; ++i) {
          const u64 offset = reg->spec().offset + u64{i} * reg->spec().stride;
          for (const u64 value : {~u64{0}, u64{0xaaaaaaaaaaaaaaaa}, u64{0}}) {
            bank->write(offset, reg->spec().size, value & low_mask(8 * reg->spec().size));
            CHECK((bank->read(offset, reg->spec().size) & plain) == (value & plain));
          }
        }
      }
    }
  }
}

TEST_CASE("walk: what is saved is loaded into a fresh device, and nothing else differs") {
  for (const Case& one : cases()) {
    INFO(one.compatible + " " + one.plugged);
    for (const u64 value : {~u64{0}, u64{0x3333333333333333}}) {
      Bench bench;
      make(bench, one);
      scribble(bench, value);
      const auto data = bench.saved();
      Bench other;
      Device& fresh = make(other, one);
      LoadArchive load(data);
      fresh.visit(load);
      CHECK(load.status().ok());
      CHECK(load.at_end());
      CHECK(comparison(fresh, data) == "");
    }
  }
}

TEST_CASE("walk: a damaged snapshot is an error or another state, never a crash") {
  for (const Case& one : cases()) {
    INFO(one.compatible + " " + one.plugged);
    Bench bench;
    make(bench, one);
    const auto data = bench.saved();
    const usize step = std::max<usize>(1, data.size() / 20);
    for (usize i = 0; i < data.size(); i += step) {
      auto damaged = data;
      damaged[i] = static_cast<u8>(~damaged[i]);
      Bench other;
      Device& device = make(other, one);
      LoadArchive load(damaged);
      device.visit(load);
      scribble(other, i * 0x0101010101010101);
    }
  }
}

TEST_CASE("walk: dumps name every register") {
  for (const Case& one : cases()) {
    INFO(one.compatible + " " + one.plugged);
    Bench bench;
    Device& device = make(bench, one);
    const std::string text = device.dump();
    for (const RegisterBank* bank : device.banks())
      for (const Register* reg : bank->registers()) CHECK(text.find(reg->spec().name) != std::string::npos);
  }
}
