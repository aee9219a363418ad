// Devices used from several threads at once, as vCPUs, timers and back ends do: nothing lost, nothing torn. Run under
// TSan too.
#include <thread>

#include "tests/devices/virtio_driver.h"

using namespace ferry;
using namespace ferry::devices;
using namespace ferry::devices::testing;

namespace {

// The bench's device on the host's clock.
void make_real(Bench& bench, Clock& clock, const std::string& compatible, const std::string& plugged = "") {
  DeviceContext context{.name = "device@real", .clock = clock, .events = bench.events, .memory = bench.memory};
  context.reg_sizes = bench.context.reg_sizes;
  context.irqs = bench.context.irqs;
  context.chardev = &bench.serial;
  context.blocks = {&bench.disk};
  context.entropy = &bench.entropy;
  context.plugged = plugged;
  auto made = find_model(compatible)->make(context);
  REQUIRE(made.ok());
  bench.device = std::move(*made);
}

}  // namespace

TEST_CASE("threads: a UART takes input and output at once and loses neither") {
  Clock clock(Clock::Kind::kReal);
  Bench bench;
  make_real(bench, clock, "arm,pl011");
  bench.write(0x2c, 0x70);
  bench.write(0x30, 0x301);
  constexpr int kCount = 3000;
  std::string got;
  std::thread typist([&] {
    for (int i = 0; i < kCount; ++i) bench.serial.type(std::string(1, static_cast<char>('a' + i % 26)));
  });
  std::thread events([&] {
    for (int i = 0; i < 200; ++i) {
      bench.events.run_due(clock.now());
      std::this_thread::yield();
    }
  });
  std::thread writer([&] {
    for (int i = 0; i < kCount; ++i) {
      while (bench.read(0x18) & 0x20) std::this_thread::yield();
      bench.write(0, static_cast<u64>('A' + i % 26), 1);
    }
  });
  while (got.size() < kCount) {
    if (bench.read(0x18) & 0x10)
      std::this_thread::yield();
    else
      got.push_back(static_cast<char>(bench.read(0)));
  }
  typist.join();
  events.join();
  writer.join();
  REQUIRE(bench.serial.output.size() == kCount);
  for (int i = 0; i < kCount; ++i) {
    REQUIRE(got[static_cast<usize>(i)] == static_cast<char>('a' + i % 26));
    REQUIRE(bench.serial.output[static_cast<usize>(i)] == static_cast<char>('A' + i % 26));
  }
}

TEST_CASE("threads: notifications and resets of a disk from several vCPUs leave it working") {
  Clock clock(Clock::Kind::kReal);
  Virtio disk("virtio-blk-device");
  make_real(disk, clock, "virtio,mmio", "virtio-blk-device");
  constexpr u64 kHeader = 0x40010000, kData = 0x40020000, kAnswer = 0x40011000;
  disk.memory.put<u64>(kHeader, 0);
  disk.memory.put<u64>(kHeader + 8, 0);
  disk.chain({{kHeader, 16, false}, {kData, 512, true}, {kAnswer, 1, true}});
  for (int round = 0; round < 50; ++round) {
    disk.memory.put<u16>(Virtio::kAvailable + 2, 0);
    disk.start();
    disk.offer(0);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i) {
          disk.notify();
          disk.read(kStatus);
          disk.write(kInterruptAck, 1);
          if (t == 0 && i == 10) disk.write(kStatus, 0);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(disk.read(kStatus) == 0);
  }
  disk.memory.put<u16>(Virtio::kAvailable + 2, 0);
  disk.start();
  disk.memory.put<u16>(Virtio::kUsed + 2, 0);
  disk.offer(0);
  disk.notify();
  CHECK(disk.used() == 1);
  CHECK(disk.memory.get<u8>(kAnswer) == 0);
}

TEST_CASE("threads: timers may be armed and disarmed while they run, and end with their owner") {
  EventQueue queue;
  std::atomic<bool> stop{false};
  std::atomic<u64> ran{0};
  std::thread runner([&] {
    for (u64 now = 0; !stop; now += 10) queue.run_due(now);
  });
  for (int round = 0; round < 200; ++round) {
    Timer timer(queue, [&] { ++ran; });
    for (u64 i = 0; i < 20; ++i) {
      timer.arm(i * 5);
      if (i % 3 == 0) timer.disarm();
    }
    timer.arm(0);
  }
  Timer last(queue, [&] { ++ran; });
  const u64 before = ran;
  last.arm(1);
  while (ran == before) std::this_thread::yield();
  stop = true;
  runner.join();
}

TEST_CASE("threads: a timer armed anew while it runs still waits for the run it was too late for") {
  EventQueue queue;
  std::atomic<bool> running{false}, release{false}, gone{false};
  auto timer = std::make_unique<Timer>(queue, [&] {
    running = true;
    while (!release) std::this_thread::yield();
    CHECK_FALSE(gone);
  });
  timer->arm(1);
  std::thread runner([&] { queue.run_due(1); });
  while (!running) std::this_thread::yield();
  timer->arm(1000);
  std::thread owner([&] {
    timer.reset();
    gone = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_FALSE(gone);
  release = true;
  runner.join();
  owner.join();
  CHECK(queue.next_deadline() == kNever);
}
