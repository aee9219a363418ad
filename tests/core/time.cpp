#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "core/event_queue.h"
#include "tests/catch.h"

using namespace ferry;

TEST_CASE("events run by deadline, equal ones in the order they were added") {
  EventQueue queue;
  std::vector<int> ran;
  queue.add(20, [&] { ran.push_back(3); });
  queue.add(10, [&] { ran.push_back(1); });
  queue.add(10, [&] { ran.push_back(2); });
  queue.add(30, [&] { ran.push_back(4); });
  CHECK(queue.next_deadline() == 10);
  queue.run_due(20);
  CHECK(ran == std::vector<int>{1, 2, 3});
  CHECK(queue.next_deadline() == 30);
}

TEST_CASE("a callback may add an event that is already due") {
  EventQueue queue;
  int ran = 0;
  queue.add(5, [&] {
    ++ran;
    queue.add(6, [&] { ++ran; });
  });
  queue.run_due(10);
  CHECK(ran == 2);
  CHECK(queue.next_deadline() == kNever);
}

TEST_CASE("a cancelled event does not run; cancelling twice says so") {
  EventQueue queue;
  int ran = 0;
  const auto id = queue.add(5, [&] { ++ran; });
  CHECK(queue.cancel(id));
  CHECK_FALSE(queue.cancel(id));
  queue.run_due(10);
  CHECK(ran == 0);
}

TEST_CASE("the hook tells of an earlier deadline, and only of an earlier one") {
  EventQueue queue;
  std::vector<u64> told;
  queue.set_earlier_hook([&](u64 deadline) { told.push_back(deadline); });
  queue.add(100, [] {});
  queue.add(200, [] {});
  queue.add(50, [] {});
  CHECK(told == std::vector<u64>{100, 50});
}

TEST_CASE("a timer can be armed anew, disarmed, and its deadline is state") {
  EventQueue queue;
  int ran = 0;
  Timer timer(queue, [&] { ++ran; });
  timer.arm(10);
  timer.arm(20);
  queue.run_due(15);
  CHECK(ran == 0);
  SaveArchive saved;
  timer.visit(saved, "timer");
  queue.run_due(20);
  CHECK(ran == 1);
  CHECK(timer.deadline() == kNever);
  LoadArchive load(saved.data());
  timer.visit(load, "timer");
  CHECK(timer.deadline() == 20);
  timer.disarm();
  queue.run_due(1000);
  CHECK(ran == 1);
}

TEST_CASE("adding from other threads while one runs loses nothing") {
  EventQueue queue;
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (u64 i = 0; i < 1000; ++i) queue.add(i, [&] { ++ran; });
    });
  for (int i = 0; i < 100; ++i) queue.run_due(1000);
  for (auto& thread : threads) thread.join();
  queue.run_due(1000);
  CHECK(ran == 4000);
}

TEST_CASE("a virtual clock moves only when told; the wall follows it") {
  Clock clock(Clock::Kind::kVirtual);
  clock.set_wall_start(1000);
  CHECK(clock.now() == 0);
  clock.advance_to(3 * kNanosecondsPerSecond);
  CHECK(clock.now() == 3 * kNanosecondsPerSecond);
  CHECK(clock.wall() == 1003 * kNanosecondsPerSecond);
}

namespace {

const auto kSources = {Clock::Source::kBest, Clock::Source::kHostClock};

u64 host_ns() {
  return static_cast<u64>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

}  // namespace

TEST_CASE("a real clock goes forward and stands still while paused") {
  for (const Clock::Source source : kSources) {
    Clock clock(Clock::Kind::kReal, source);
    for (int round = 0; round < 3; ++round) {  // before and after the counter's rate is known
      const u64 first = clock.now();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      CHECK(clock.now() > first + 10'000'000);
      clock.pause();
      const u64 paused = clock.now(), host = host_ns();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      CHECK(clock.now() == paused);
      CHECK(clock.scale().span == 0);
      clock.resume();
      const u64 resumed = clock.now();
      CHECK(resumed >= paused);
      CHECK(resumed - paused < host_ns() - host - 10'000'000);  // the pause itself is not in it
    }
  }
}

TEST_CASE("a real clock follows the host's through corrections of its scale") {
  for (const Clock::Source source : kSources) {
    Clock clock(Clock::Kind::kReal, source);
    const u64 earliest = host_ns(), first = clock.now(), latest = host_ns();
    for (int i = 0; i < 8; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      // The host's clock before and after bound what is between, up to the error of a first measured rate.
      const u64 before = host_ns() - latest, now = clock.now() - first, after = host_ns() - earliest;
      CHECK(now + 2'000'000 > before);
      CHECK(now < after + 2'000'000);
    }
  }
}

TEST_CASE("a real clock never goes back, whoever reads it and by whatever way") {
  const Clock clock(Clock::Kind::kReal);
  const TimeScale& scale = clock.scale();
  std::atomic<u64> latest{0};
  std::atomic<bool> stop{false};
  std::atomic<u64> back{0};
  // As translated code reads it.
  const auto by_scale = [&] {
    const u64 sequence = scale.sequence.load(), from = scale.ticks.load(), ns = scale.ns.load();
    const u64 rate = scale.rate.load(), span = scale.span.load(), passed = host_ticks() - from;
    if (passed >= span || (sequence & 1) != 0 || scale.sequence.load() != sequence) return clock.now();
    return ns + (passed * rate >> TimeScale::kRateShift);
  };
  const auto reader = [&](bool direct) {
    while (!stop) {
      const u64 known = latest.load();
      const u64 now = direct ? by_scale() : clock.now();
      if (now < known) ++back;
      u64 old = latest.load();
      while (old < now && !latest.compare_exchange_weak(old, now)) {
      }
    }
  };
  std::thread a(reader, true), b(reader, false);
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  stop = true;
  a.join();
  b.join();
  CHECK(back == 0);
  CHECK(latest > 0);
}
