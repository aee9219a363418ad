#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;

TEST_CASE("with translation off an access reaches RAM and devices at its own address") {
  Machine m;
  m.store(kRamBase + 0x100, 0x1234567890abcdef);
  CHECK(m.s.fault == 0);
  CHECK(m.word(kRamBase + 0x100) == 0x1234567890abcdef);
  CHECK(m.load(kRamBase + 0x104, 2) == 0x12345678);
  m.store(kMmio + 4, 0xabcd, 1);
  CHECK(m.device.seen == std::vector<FakeDevice::Access>{{true, 4, 2, 0xabcd}});
  CHECK(m.load(kMmio + 2, 0) == 0x66);
}

TEST_CASE("with translation off data is Device memory: an unaligned access faults, with RAM in the tables") {
  Machine m;
  // The second time the page is there.
  for (unsigned time = 0; time < 2; ++time) {
    m.load(kRamBase + 1, 1);
    CHECK(m.s.fault != 0);
    CHECK(m.s.exception.ec == 0x24);
    CHECK(m.s.exception.iss == 0x21);
    CHECK(m.s.exception.far == kRamBase + 1);
    m.store(kRamBase + 0xffc, 0, 3);  // over two pages
    CHECK(m.s.fault != 0);
    CHECK(m.s.exception.iss == 0x61);
    m.s.fault = 0;
    m.mmu->zero_block(kRamBase, m.access({.write = true, .zero_block = true}));
    CHECK(m.s.fault != 0);
    CHECK(m.s.exception.iss == 0x61);
    m.load(kRamBase + 8, 3);
    CHECK(m.s.fault == 0);
    m.store(kRamBase + 8, 1, 3);
    CHECK(m.s.fault == 0);
    m.store(kRamBase + 0x1008, 1, 3);
    CHECK(m.s.fault == 0);
    CHECK(m.in_read_table(kRamBase));
    CHECK(m.in_write_table(kRamBase));
  }
  m.load(kMmio + 4, 2);
  CHECK_FALSE(m.in_read_table(kMmio));
}

TEST_CASE("an address where nothing is answers with a synchronous external abort") {
  Machine m;
  m.store(0x2000'0000, 1);
  CHECK(m.s.fault != 0);
  CHECK(m.s.exception.iss == (0x10 | 1u << 6));
  m.load(0x2000'0000);
  CHECK(m.s.exception.iss == 0x10);
}

TEST_CASE("a mapped page enters the tables, and the entry leads to its bytes") {
  Machine m;
  Tables low = m.tables(), high = m.tables();
  low.map(0x1000, (kRamBase + 0x5000) | kPage | kNormal | kNotGlobal);
  high.map(0xffff'8000'0000'0000, (kRamBase + 0x6000) | kPage | kNormal);
  m.enable(low, high);
  m.word(kRamBase + 0x5008) = 42;
  CHECK(m.load(0x1008) == 42);
  REQUIRE(m.in_read_table(0x1008));
  CHECK_FALSE(m.in_write_table(0x1008));
  const auto& entry = m.s.tlb_read[tlb_index(0x1008)];
  CHECK(reinterpret_cast<u8*>(0x1008 + entry.addend) == m.at(kRamBase + 0x5008));
  m.store(0xffff'8000'0000'0010, 7);
  CHECK(m.word(kRamBase + 0x6010) == 7);
  CHECK(m.in_write_table(0xffff'8000'0000'0010));
  CHECK(m.s.tlb_write == m.s.tlb_read + cpu::kTlbEntries);
}

TEST_CASE("fetch asks for execute permission and says where the page is") {
  Machine m;
  Tables low = m.tables(), high = m.tables();
  low.map(0x1000, (kRamBase + 0x5000) | kPage | kNormal | kReadOnly);
  low.map(0x2000, (kRamBase + 0x5000) | kPage | kNormal | kPxn);
  m.enable(low, high);
  const FetchResult r = m.mmu->fetch(0x1010);
  REQUIRE(r.ok);
  CHECK(r.pa == kRamBase + 0x5010);
  CHECK(r.page == m.at(kRamBase + 0x5000));
  CHECK_FALSE(m.mmu->fetch(0x2010).ok);
  CHECK(m.s.exception.ec == 0x20);
  CHECK(m.s.exception.iss == 0x0f);
  CHECK(m.s.exception.far == 0x2010);
  CHECK_FALSE(m.mmu->fetch(0x3000).ok);
  CHECK(m.s.exception.iss == 0x07);
}

TEST_CASE("RAM says which of its pages the host holds, private or of a file") {
  for (const Backing backing : {Backing::Private, Backing::Shared}) {
    constexpr u64 kSize = u64{64} << 20;
    auto ram = Ram::create("ram", kSize, backing);
    REQUIRE(ram.ok());
    CHECK(((*ram)->fd() >= 0) == (backing == Backing::Shared));
    const auto held = [&] {
      std::vector<bool> pages(kSize >> kPageShift);
      u64 last = 0;
      (*ram)->visit_used([&](u64 offset, u64 size) {
        CHECK((offset >= last && size != 0 && offset + size <= kSize && (offset | size) % kPageSize == 0));
        last = offset + size;
        std::fill_n(pages.begin() + static_cast<std::ptrdiff_t>(offset >> kPageShift), size >> kPageShift, true);
        return true;
      });
      return pages;
    };
    CHECK(held() == std::vector<bool>(kSize >> kPageShift));
    (*ram)->host()[0] = 1;
    (*ram)->host()[kSize - 1] = 1;
    const auto pages = held();
    CHECK(pages.front());
    CHECK(pages.back());
    CHECK_FALSE(pages[pages.size() / 2]);  // a huge page at each end, at most
    unsigned visits = 0;
    (*ram)->visit_used([&](u64, u64) { return ++visits < 1; });
    CHECK(visits == 1);
  }
}
