// Where a thread's processor time goes.
#include "core/activity.h"

#include <ctime>

#include "core/sanitizer.h"
#include "tests/catch.h"

namespace ferry::activity {
namespace {

u64 thread_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<u64>(t.tv_sec) * 1'000'000'000 + static_cast<u64>(t.tv_nsec);
}

// Spends processor time, however long that takes.
void work(u64 ns) {
  const u64 end = thread_ns() + ns;
  while (thread_ns() < end) {
  }
}

u64 count(Activity a) { return samples()[static_cast<usize>(a)]; }

TEST_CASE("scopes nest and give back what was before") {
  REQUIRE(current == Activity::Other);
  {
    const Scope outer(Activity::Translate);
    {
      const Scope inner(Activity::Device);
      CHECK(current == Activity::Device);
    }
    CHECK(current == Activity::Translate);
  }
  CHECK(current == Activity::Other);
}

TEST_CASE("samples are of the activity that the time was spent in") {
  if (FERRY_THREAD_SANITIZER) return;  // it keeps signals back until the thread's next call of a library function
  start_sampling();
  REQUIRE(is_sampling());
  {
    const Attach attach;
    const u64 device = count(Activity::Device), memory = count(Activity::Memory), helpers = count(Activity::Helpers);
    {
      const Scope scope(Activity::Device);
      work(100'000'000);
    }
    CHECK(count(Activity::Device) > device);
    CHECK(count(Activity::Memory) == memory);
    {
      const Scope scope(Activity::Guest);  // our own PC is in no range of translated code
      work(100'000'000);
    }
    CHECK(count(Activity::Helpers) > helpers);
    const u64 baseline = count(Activity::Baseline);
    add_code_range(nullptr, ~usize{0}, Activity::Baseline);
    {
      const Scope scope(Activity::Guest);
      work(100'000'000);
    }
    CHECK(count(Activity::Baseline) > baseline);
  }
  const auto before = samples();
  work(30'000'000);  // not attached any more
  CHECK(samples() == before);
}

}  // namespace
}  // namespace ferry::activity
