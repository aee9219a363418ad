// Several vCPUs on host threads: what they share in the runtime (block cache, links, gate, pauses, power), under load.
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>

#include "jit/tiers.h"
#include "runtime/system.h"
#include "runtime/vcpu.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::runtime;

namespace {

constexpr u64 kRam = 0x40000000, kRamSize = 16 << 20;
constexpr u64 kProgram = kRam + 0x1000, kFunction = kRam + 0x5000, kArea = kRam + 0x100000;

// Adds 1 to [x0] x1 times by LDAXR and STLXR, then to [x0 + 64], then waits.
constexpr u32 kCount[] = {0xc85ffc02, 0x91000442, 0xc803fc02, 0x35ffffa3, 0xf1000421, 0x54ffff61, 0x91010004,
                          0xc85ffc82, 0x91000442, 0xc803fc82, 0x35ffffa3, 0xd503207f, 0x17ffffff};
// Writes "movz w0, #n" to [x1] for n = 1 .. x2, with cache maintenance, and then n to [x0]. Others run it from word 23
// on: they read [x0], ISB, call x1, and count what is older at [x0 + 128]. Each adds 1 to [x0 + 64] at the end.
constexpr u32 kRewrite[] = {0xd2aa500a, 0xd2800003, 0x91000463, 0xaa031544, 0xb9000024, 0xd50b7b21, 0xd5033b9f,
                            0xd50b7521, 0xd5033b9f, 0xd5033fdf, 0xc89ffc03, 0xd2803205, 0xf10004a5, 0x54ffffe1,
                            0xeb02007f, 0x54fffe61, 0x91010006, 0xc85ffcc4, 0x91000484, 0xc805fcc4, 0x35ffffa5,
                            0xd503207f, 0x17ffffff, 0xc8dffc03, 0xd5033fdf, 0xaa0003e9, 0xd63f0020, 0xaa0003e4,
                            0xaa0903e0, 0xeb03009f, 0x540000c2, 0x91020126, 0xc85ffcc4, 0x91000484, 0xc805fcc4,
                            0x35ffffa5, 0xeb02007f, 0x54fffe41, 0x17ffffea};
// LDXR [x0]; STLR 1 to [x0 + 0x440]; waits until [x0 + 0x480] is not zero; STXR of what it read, plus 1, to [x0]; STLR
// of the status, plus 10, to [x0 + 0x4c0]; waits.
constexpr u32 kExclusive[] = {0xc85f7c02, 0xd2800024, 0x91110005, 0xc89ffca4, 0x91120006, 0xc8dffcc4, 0xb4ffffe4,
                              0x91000447, 0xc8037c07, 0x91002863, 0x91130005, 0xc89ffca3, 0xd503207f, 0x17ffffff};
constexpr u64 kReader = kProgram + 4 * 23;
constexpr u32 kFunctionBody[] = {0x52800000, 0xd65f03c0};  // movz w0, #0; ret
constexpr u32 kNothing = 0xd503201f;

struct Machine {
  Settings settings;
  softmmu::AddressSpace memory;
  Clock clock{Clock::Kind::kReal};
  EventQueue events;
  std::unique_ptr<System> system;
  std::thread runner;

  Machine(unsigned cpus, Tier tier, const std::function<void(Settings&)>& tune = {}) {
    settings.tier = tier;
    settings.code_cache = 4 << 20;
    if (tune) tune(settings);
    auto compiler = jit::make_compiler(settings);
    REQUIRE(compiler);
    REQUIRE(memory.add_ram("ram", kRam, kRamSize));
    system = std::make_unique<System>(
        SystemConfig{.settings = &settings, .model = *cpu::find_model("cortex-a57"), .cpus = cpus},
        std::move(*compiler), memory, clock, events);
  }
  ~Machine() { end(); }

  void put(u64 at, std::span<const u32> words) { REQUIRE(memory.write(at, words.data(), words.size_bytes())); }
  u64 get(u64 at) {
    u64 value = 0;
    REQUIRE(memory.read(at, &value, 8));
    return value;
  }
  // A vCPU that starts at `pc` with x0 to x2, by a piece of code of its own.
  void start(unsigned cpu, u64 pc, u64 x1, u64 x2 = 0) {
    const u64 at = kRam + 0x8000 + 0x1000 * cpu;
    const auto load = [](unsigned reg, u64 literal_words) {  // ldr x<reg>, literal
      return 0x58000000 | static_cast<u32>(literal_words << 5) | reg;
    };
    const u32 code[] = {load(1, 6),
                        load(2, 7),
                        load(3, 8),
                        0xd61f0060,
                        kNothing,
                        kNothing,  // br x3
                        static_cast<u32>(x1),
                        static_cast<u32>(x1 >> 32),
                        static_cast<u32>(x2),
                        static_cast<u32>(x2 >> 32),
                        static_cast<u32>(pc),
                        static_cast<u32>(pc >> 32)};
    put(at, code);
    CHECK(system->vcpu(cpu).start(at, kArea));
  }
  void run() {
    runner = std::thread([this] { system->run(); });
  }
  void end() {
    if (!runner.joinable()) return;
    system->request_end(EndReason::Requested);
    runner.join();
  }
  bool wait_for(u64 at, u64 value) {
    for (int i = 0; i < 60'000; ++i) {
      if (get(at) == value) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }
};

std::vector<Tier> tiers() {
  std::vector<Tier> all;
  for (const Tier tier : {Tier::Interp, Tier::Baseline, Tier::Tiered})
    if (jit::tier_available(tier)) all.push_back(tier);
  return all;
}

}  // namespace

TEST_CASE("exclusives of several vCPUs lose nothing") {
  for (const Tier tier : tiers()) {
    Machine m(3, tier);
    m.put(kProgram, kCount);
    m.system->reset();
    for (unsigned cpu = 0; cpu < 3; ++cpu) m.start(cpu, kProgram, 5000);
    m.run();
    CHECK(m.wait_for(kArea + 64, 3));
    CHECK(m.get(kArea) == 15000);
  }
}

// A device is an observer as a vCPU is: what it writes between LDXR and STXR makes the latter fail, and stays. Guards
// against a monitor that only other vCPUs clear.
TEST_CASE("a device's write between load and store exclusive is not lost") {
  for (const Tier tier : tiers()) {
    for (const u64 offset : {u64{0}, u64{512}}) {  // a sector over the marked bytes, and one behind them
      CAPTURE(static_cast<int>(tier), offset);
      Machine m(2, tier);
      m.put(kProgram, kExclusive);
      m.system->reset();
      m.start(0, kProgram, 0);
      m.run();
      REQUIRE(m.wait_for(kArea + 0x440, 1));
      std::vector<u8> sector(512, 0x5a);
      REQUIRE(m.memory.write(kArea + offset, sector.data(), sector.size()));
      const u64 go = 1;
      REQUIRE(m.memory.write(kArea + 0x480, &go, 8));
      CHECK(m.wait_for(kArea + 0x4c0, offset == 0 ? 11 : 10));
      CHECK(m.get(kArea) == (offset == 0 ? 0x5a5a5a5a5a5a5a5a : 1));
    }
  }
}

TEST_CASE("code that one vCPU rewrites is new to the others after their ISB") {
  for (const Tier tier : tiers()) {
    Machine m(3, tier);
    m.put(kProgram, kRewrite);
    m.put(kFunction, kFunctionBody);
    m.system->reset();
    m.start(0, kProgram, kFunction, 200);
    m.start(1, kReader, kFunction, 200);
    m.start(2, kReader, kFunction, 200);
    m.run();
    CHECK(m.wait_for(kArea + 64, 3));
    CHECK(m.get(kArea) == 200);
    CHECK(m.get(kArea + 128) == 0);
  }
}

TEST_CASE("the cache is flushed, and the machine stopped, while vCPUs run") {
  for (const Tier tier : tiers()) {
    Machine m(3, tier, [](Settings& s) { s.llvm_threshold = 20; });
    m.put(kProgram, kCount);
    m.system->reset();
    for (unsigned cpu = 0; cpu < 3; ++cpu) m.start(cpu, kProgram, 200'000);
    m.run();
    for (int i = 0; i < 60; ++i) {
      m.system->translator().flush();
      m.memory.write(kProgram + 4 * 100, &kNothing, 4);  // DMA into the page of the loop
      m.system->stop_all();
      const u64 before = m.get(kArea);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      CHECK(m.get(kArea) == before);
      m.system->resume();
    }
    CHECK(m.wait_for(kArea + 64, 3));
    CHECK(m.get(kArea) == 600'000);
  }
}

TEST_CASE("keys of executable mappings begin again while vCPUs run") {
  for (const Tier tier : tiers()) {
    Machine m(2, tier);
    m.put(kProgram, kRewrite);
    m.put(kFunction, kFunctionBody);
    m.system->reset();
    m.start(0, kProgram, kFunction, 100);
    m.start(1, kReader, kFunction, 100);
    m.memory.exec_registry().use_up(0xffff0000);
    m.run();
    CHECK(m.wait_for(kArea + 64, 2));
    CHECK(m.get(kArea + 128) == 0);
    CHECK_FALSE(m.memory.exec_registry().is_low());
  }
}

TEST_CASE("a vCPU is started once, and from another thread") {
  Machine m(2, Tier::Interp);
  m.put(kProgram, kCount);
  m.system->reset();
  CHECK(m.system->vcpu(1).power() == Vcpu::Power::Off);
  m.start(0, kProgram, 10);
  CHECK(m.system->vcpu(0).power() == Vcpu::Power::Starting);
  CHECK_FALSE(m.system->vcpu(0).start(kProgram, 0));
  m.run();
  CHECK(m.wait_for(kArea + 64, 1));
  CHECK(m.system->vcpu(0).power() == Vcpu::Power::On);
  m.start(1, kProgram, 10);
  CHECK(m.wait_for(kArea + 64, 2));
  CHECK(m.get(kArea) == 20);
}

TEST_CASE("in virtual time vCPUs take turns, and a run repeats itself") {
  u64 first = 0;
  for (const Tier tier : tiers()) {
    Settings settings;
    settings.tier = tier;
    settings.sched_quantum = 1000;
    auto compiler = jit::make_compiler(settings);
    REQUIRE(compiler);
    softmmu::AddressSpace memory;
    REQUIRE(memory.add_ram("ram", kRam, kRamSize));
    Clock clock{Clock::Kind::kVirtual};
    EventQueue events;
    System system(
        SystemConfig{
            .settings = &settings, .model = *cpu::find_model("cortex-a57"), .cpus = 2, .limit_instructions = 123'457},
        std::move(*compiler), memory, clock, events);
    REQUIRE(memory.write(kProgram, kCount, sizeof kCount));
    system.reset();
    system.vcpu(0).start(kProgram, kArea);
    system.vcpu(1).start(kProgram, kArea);
    CHECK(system.run() == EndReason::InstructionLimit);
    CHECK(system.instructions() == 123'457);
    u64 sum = 0;
    REQUIRE(memory.read(kArea, &sum, 8));
    // x1 counts down from 0, so neither ends: six instructions an addition, in turns of a thousand.
    CHECK(sum > 123'457 / 6 - 400);
    for (unsigned cpu = 0; cpu < 2; ++cpu) {
      CHECK(system.vcpu(cpu).instructions() > 60'000);
      for (const u64 x : system.vcpu(cpu).state().x) sum = sum * 31 + x;
      sum = sum * 31 + system.vcpu(cpu).state().pc;
    }
    if (first == 0) first = sum;
    CHECK(sum == first);
  }
}
