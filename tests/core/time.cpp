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

TEST_CASE("a real clock goes forward and stands still while paused") {
  Clock clock(Clock::Kind::kReal);
  const u64 first = clock.now();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  CHECK(clock.now() >= first + 2'000'000);
  clock.pause();
  const u64 paused = clock.now();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  CHECK(clock.now() == paused);
  clock.resume();
  CHECK(clock.now() >= paused);
  CHECK(clock.now() < paused + 2'000'000);
}
