// Fakes for device tests: lines that remember, RAM, back ends in memory, a clock that the test moves.
#pragma once
#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "devices/registry.h"
#include "tests/catch.h"

namespace ferry::devices::testing {

struct FakeLine {
  bool level = false;
  unsigned rises = 0;
  IrqLine wire() {
    return IrqLine(
        [](void* sink, u32, bool level) {
          auto& self = *static_cast<FakeLine*>(sink);
          if (level && !self.level) ++self.rises;
          self.level = level;
        },
        this, 0);
  }
};

struct FakeMemory : GuestMemory {
  u64 base = 0x40000000;
  std::vector<u8> ram = std::vector<u8>(1 << 20);
  bool covers(u64 address, usize size) const {
    return address >= base && address - base <= ram.size() && size <= ram.size() - (address - base);
  }
  bool read(u64 address, void* to, usize size) override {
    if (!covers(address, size)) return false;
    if (size != 0) std::memcpy(to, &ram[address - base], size);
    return true;
  }
  bool write(u64 address, const void* from, usize size) override {
    if (!covers(address, size)) return false;
    if (size != 0) std::memcpy(&ram[address - base], from, size);
    return true;
  }
  template <class T>
  void put(u64 address, T value) {
    REQUIRE(write(address, &value, sizeof value));
  }
  template <class T>
  T get(u64 address) {
    T value{};
    REQUIRE(read(address, &value, sizeof value));
    return value;
  }
};

struct FakeChar : CharBackend {
  std::string output;
  std::deque<u8> waiting;
  usize room = ~usize{0};
  std::function<void()> input, writable;
  std::mutex mutex;  // of the queues: some tests type from a thread of their own
  usize write(std::span<const u8> bytes) override {
    const std::lock_guard lock(mutex);
    const usize n = std::min(bytes.size(), room);
    output.append(reinterpret_cast<const char*>(bytes.data()), n);
    room -= n;
    return n;
  }
  usize read(std::span<u8> buffer) override {
    const std::lock_guard lock(mutex);
    usize n = 0;
    for (; n < buffer.size() && !waiting.empty(); ++n) {
      buffer[n] = waiting.front();
      waiting.pop_front();
    }
    return n;
  }
  void set_listener(std::function<void()> in, std::function<void()> out) override {
    input = std::move(in);
    writable = std::move(out);
  }
  void type(const std::string& text) {
    {
      const std::lock_guard lock(mutex);
      waiting.insert(waiting.end(), text.begin(), text.end());
    }
    if (input) input();
  }
};

struct FakeBlock : BlockBackend {
  std::vector<u8> data;
  bool is_read_only = false;
  bool broken = false;
  unsigned flushes = 0;
  explicit FakeBlock(usize size) : data(size) {}
  u64 size() const override { return data.size(); }
  bool read_only() const override { return is_read_only; }
  Status check(u64 offset, u64 size) const {
    if (broken || offset > data.size() || size > data.size() - offset) return Error{"disk: no"};
    return {};
  }
  Status read(u64 offset, std::span<u8> to) override {
    if (auto s = check(offset, to.size()); !s) return s;
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
    return {};
  }
  Status write(u64 offset, std::span<const u8> from) override {
    if (auto s = check(offset, from.size()); !s) return s;
    std::copy(from.begin(), from.end(), data.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Status flush() override {
    ++flushes;
    return broken ? Status(Error{"disk: no"}) : Status();
  }
  Status write_zeroes(u64 offset, u64 size) override {
    if (auto s = check(offset, size); !s) return s;
    std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(offset), size, u8{0});
    return {};
  }
  Status discard(u64 offset, u64 size) override { return check(offset, size); }
};

struct FakeEntropy : EntropySource {
  u8 next = 1;
  void fill(std::span<u8> to) override {
    for (u8& byte : to) byte = next++;
  }
};

// A board with one device on it.
struct Bench {
  Clock clock{Clock::Kind::kVirtual};
  EventQueue events;
  FakeMemory memory;
  FakeChar serial;
  FakeBlock disk{1 << 20};
  FakeBlock disk2{1 << 20};
  FakeEntropy entropy;
  std::array<FakeLine, 8> lines;
  std::array<CpuSignals, 4> cpus;
  DeviceContext context{.name = "device@1000", .clock = clock, .events = events, .memory = memory};
  std::unique_ptr<Device> device;

  Bench() {
    context.reg_sizes = {0x10000, 0x80000};
    for (auto& line : lines) context.irqs.push_back(line.wire());
    context.clocks_hz = {24'000'000};
    context.chardev = &serial;
    context.blocks = {&disk, &disk2};
    context.entropy = &entropy;
    for (auto& cpu : cpus) context.cpus.push_back(&cpu);
  }
  Device& make(const std::string& compatible) {
    const Model* model = find_model(compatible);
    REQUIRE(model != nullptr);
    auto made = model->make(context);
    REQUIRE(made.ok());
    device = std::move(*made);
    return *device;
  }
  u64 read(u64 offset, unsigned size = 4, usize region = 0) { return device->regions()[region]->read(offset, size); }
  void write(u64 offset, u64 value, unsigned size = 4, usize region = 0) {
    device->regions()[region]->write(offset, size, value);
  }
  // Moves the clock and runs what became due, event by event.
  void advance(u64 ns) {
    const u64 end = clock.now() + ns;
    while (events.next_deadline() <= end) {
      clock.advance_to(std::max(clock.now(), events.next_deadline()));
      events.run_due(clock.now());
    }
    clock.advance_to(end);
  }
  std::vector<u8> saved() {
    SaveArchive archive;
    device->visit(archive);
    return archive.take();
  }
};

}  // namespace ferry::devices::testing
