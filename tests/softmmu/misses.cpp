// Why a page was not in the TLB, as the statistics tell it.
#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;
using Scope = cpu::TlbiOp::Scope;

namespace {

constexpr u64 kA = kRamBase + 0x5000, kB = kRamBase + 0x6000;
constexpr u64 kVa = 0x1000, kSecond = kVa + (u64{cpu::kTlbEntries} << 12), kDeviceVa = 0x3000;

struct Counted : Machine {
  Tables low = tables(), high = tables();
  Counted() {
    low.map(kVa, kA | kPage | kNormal | kNotGlobal);
    low.map(kSecond, kB | kPage | kNormal | kNotGlobal);
    low.map(kDeviceVa, kMmio | kPage | kDevice | kNotGlobal);
    go(1);
  }
  void go(u16 asid) { enable(low, high, asid); }
  // How many of each cause an action adds.
  template <class Action>
  std::array<u64, kMissCauses> during(Action action) {
    const auto before = mmu->statistics().misses;
    action();
    auto after = mmu->statistics().misses;
    for (usize i = 0; i < kMissCauses; ++i) after[i] -= before[i];
    return after;
  }
  template <class Action>
  void expect(MissCause cause, u64 times, Action action) {
    std::array<u64, kMissCauses> wanted{};
    wanted[static_cast<usize>(cause)] = times;
    CHECK(during(action) == wanted);
  }
};

}  // namespace

TEST_CASE("misses are counted by what stood in the page's place") {
  Counted m;
  m.expect(MissCause::First, 1, [&] { m.load(kVa); });
  m.expect(MissCause::First, 0, [&] { m.load(kVa); });      // found
  m.expect(MissCause::First, 1, [&] { m.store(kVa, 1); });  // the write table
  m.expect(MissCause::Conflict, 3, [&] {
    m.load(kSecond);
    m.load(kVa);
    m.load(kSecond);
  });
  m.expect(MissCause::Refused, 1, [&] { m.load(0x5000); });
}

TEST_CASE("what a TLBI took out is counted as such") {
  const Scope scope = GENERATE(Scope::All, Scope::Asid, Scope::Va, Scope::VaAllAsid);
  const bool many = GENERATE(false, true);  // a bank with many entries is emptied in another way
  Counted m;
  if (many) {
    for (u64 i = 16; i < 2000; ++i) m.low.map(i << 12, kB | kPage | kNormal | kNotGlobal);
    for (u64 i = 16; i < 2000; ++i) m.load(i << 12);
  }
  m.load(kVa);
  m.mmu->tlb_invalidate({.scope = scope, .asid = 1, .va = kVa});
  m.expect(MissCause::Maintenance, 1, [&] { m.load(kVa); });
  m.expect(MissCause::First, 0, [&] { m.load(kVa); });
}

TEST_CASE("a store to a page with code is counted as such, once") {
  Counted m;
  m.store(kVa, 1);
  REQUIRE(m.mmu->shield(kA));
  m.expect(MissCause::CodePage, 1, [&] { m.store(kVa, 2); });
  m.expect(MissCause::First, 0, [&] { m.store(kVa, 3); });
}

TEST_CASE("device accesses are counted, also by exception level") {
  Counted m;
  m.expect(MissCause::Device, 3, [&] {
    for (int i = 0; i < 3; ++i) m.load(kDeviceVa, 2);
  });
  CHECK(m.mmu->statistics().device_by_el == std::array<u64, 4>{0, 3, 0, 0});
}

TEST_CASE("a context whose bank was given away is counted apart from a new one") {
  Counted m;
  m.load(kVa);
  for (u16 asid = 2; asid < 2 + BankPool::kBanks; ++asid) {
    m.go(asid);
    m.expect(MissCause::First, 1, [&] { m.load(kVa); });
  }
  m.go(1);
  m.expect(MissCause::Context, 1, [&] { m.load(kVa); });
}
