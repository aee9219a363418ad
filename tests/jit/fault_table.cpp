// The table of instructions that may fault.
#include "jit/fault_table.h"

#include <thread>

#include "tests/catch.h"

using namespace ferry;
using namespace ferry::jit;

TEST_CASE("the fault table finds what was added and not removed, while it grows") {
  constexpr u64 kBase = 0x1234'0000'0000;
  std::vector<FaultEntry> all, odd;
  for (u64 i = 0; i < 20000; ++i) {
    all.push_back({kBase + 3 * i, i + 1});
    if (i % 2 == 1) odd.push_back(all.back());
  }
  std::atomic<bool> stop{false};
  std::atomic<u64> wrong{0};
  add_faults({all.data(), 1});
  std::thread reader([&] {
    while (!stop)
      if (find_fault(kBase) != 1) ++wrong;
  });
  for (usize i = 1; i < all.size(); i += 7) add_faults({all.data() + i, std::min<usize>(7, all.size() - i)});
  remove_faults(odd);
  for (u64 i = 0; i < 20000; ++i) {
    CHECK(find_fault(kBase + 3 * i) == (i % 2 == 1 ? 0 : i + 1));
    CHECK(find_fault(kBase + 3 * i + 1) == 0);
  }
  for (int round = 0; round < 50; ++round) {
    add_faults(odd);
    remove_faults(odd);
  }
  stop = true;
  reader.join();
  CHECK(wrong == 0);
  for (const FaultEntry& e : all)
    if (e.label % 2 == 1) remove_faults({&e, 1});
  CHECK(find_fault(kBase) == 0);
}
