// Banks and maintenance: what survives a context switch, what each TLBI takes away, and when executable mappings get a
// new key.
#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;
using Scope = cpu::TlbiOp::Scope;

namespace {

constexpr u64 kA = kRamBase + 0x5000, kB = kRamBase + 0x6000, kC = kRamBase + 0x7000;
constexpr u64 kHigh = 0xffff'8000'0000'0000;

// Two processes with their own lower tables and a kernel half of global pages.
struct Two : Machine {
  Tables one = tables(), two = tables(), high = tables();
  Two() {
    one.map(0x1000, kA | kPage | kNormal | kNotGlobal | kUser);
    two.map(0x1000, kB | kPage | kNormal | kNotGlobal | kUser);
    high.map(kHigh, kC | kPage | kNormal);
    word(kA) = 1;
    word(kB) = 2;
    word(kC) = 3;
    go(1);
  }
  void go(u16 asid) { enable(asid == 2 ? two : one, high, asid); }
  void tlbi(Scope scope, u16 asid = 0, u64 va = 0) { mmu->tlb_invalidate({.scope = scope, .asid = asid, .va = va}); }
};

}  // namespace

TEST_CASE("each ASID has its bank, and finds it again") {
  Two m;
  CHECK(m.load(0x1000) == 1);
  const auto* first = m.s.tlb_read;
  m.go(2);
  CHECK_FALSE(m.in_read_table(0x1000));
  CHECK(m.load(0x1000) == 2);
  m.go(1);
  CHECK(m.s.tlb_read == first);
  CHECK(m.in_read_table(0x1000));
  CHECK(m.load(0x1000) == 1);
}

TEST_CASE("privilege, PAN, translation control and MMU off each have banks of their own") {
  Two m;
  std::vector<const cpu::TlbEntry*> banks{m.s.tlb_read};
  const auto next = [&] {
    m.mmu->select();
    for (const auto* bank : banks) CHECK(bank != m.s.tlb_read);
    banks.push_back(m.s.tlb_read);
  };
  m.s.el = 0;
  next();
  m.s.el = 1;
  m.s.pan = 1;
  next();
  m.s.pan = 0;
  m.s.reg(SysReg::SCTLR_EL1) |= u64{1} << 19;
  next();
  m.s.reg(SysReg::SCTLR_EL1) = 0;
  next();
  m.s.reg(SysReg::SCTLR_EL1) = 1;
  m.s.reg(SysReg::MAIR_EL1) = 0xff;
  next();
  m.s.reg(SysReg::MAIR_EL1) = kMair;
  m.mmu->select();
  CHECK(m.s.tlb_read == banks[0]);
}

TEST_CASE("TTBR writes change nothing before the next selection") {
  Two m;
  m.s.reg(SysReg::TTBR0_EL1) = m.two.base() | u64{2} << 48;
  CHECK(m.load(0x1000) == 1);
  m.mmu->select();
  CHECK(m.load(0x1000) == 2);
}

TEST_CASE("TLBI by VA takes that page of that ASID, current or not") {
  Two m;
  m.one.map(0x2000, kB | kPage | kNormal | kNotGlobal);
  m.load(0x1000);
  m.load(0x2000);
  m.store(0x1000, 1);
  m.tlbi(Scope::Va, 2, 0x1000);
  CHECK(m.in_read_table(0x1000));
  m.tlbi(Scope::Va, 1, 0x1000);
  CHECK_FALSE(m.in_read_table(0x1000));
  CHECK_FALSE(m.in_write_table(0x1000));
  CHECK(m.in_read_table(0x2000));
  m.load(0x1000);
  m.go(2);
  m.load(0x1000);
  m.tlbi(Scope::Va, 1, 0x1000);
  CHECK(m.in_read_table(0x1000));
  m.go(1);
  CHECK_FALSE(m.in_read_table(0x1000));
  CHECK(m.in_read_table(0x2000));
}

TEST_CASE("TLBI by ASID empties its bank and no other") {
  Two m;
  m.load(0x1000);
  m.go(2);
  m.load(0x1000);
  m.tlbi(Scope::Asid, 1);
  CHECK(m.in_read_table(0x1000));
  m.go(1);
  CHECK_FALSE(m.in_read_table(0x1000));
}

TEST_CASE("VMALLE1, VAAE1, and VAE1 of a global page reach every bank") {
  for (const int form : {0, 1, 2}) {
    CAPTURE(form);
    Two m;
    m.load(kHigh);
    m.go(2);
    m.load(kHigh);
    if (form == 0) m.tlbi(Scope::All);
    if (form == 1) m.tlbi(Scope::VaAllAsid, 0, kHigh);
    if (form == 2) m.tlbi(Scope::Va, 2, kHigh);
    CHECK_FALSE(m.in_read_table(kHigh));
    m.go(1);
    CHECK_FALSE(m.in_read_table(kHigh));
  }
}

TEST_CASE("TLBI finds an entry whose tag has another top byte") {
  Two m;
  m.s.reg(SysReg::TCR_EL1) |= u64{1} << 37;  // TBI0
  m.mmu->select();
  m.load(0x5a00'0000'0000'1000);
  CHECK(m.s.fault == 0);
  CHECK(m.in_read_table(0x5a00'0000'0000'1000));
  m.tlbi(Scope::Va, 1, 0x1000);
  CHECK_FALSE(m.in_read_table(0x5a00'0000'0000'1000));
}

TEST_CASE("TLBI of one address in a block takes all that was filled from the block") {
  Two m;
  const u64 block = 0x4000'0000;
  m.one.map(block, (kRamBase + (2 << 20)) | kBlock | kNormal | kNotGlobal, 2);
  m.one.map(0x80'0000, kA | kPage | kNormal | kNotGlobal);
  m.load(block);
  m.load(block + 0x5000);
  m.store(block + 0x1f'f000, 1);
  m.load(0x80'0000);
  m.tlbi(Scope::Va, 1, block + 0x3000);
  CHECK_FALSE(m.in_read_table(block));
  CHECK_FALSE(m.in_read_table(block + 0x5000));
  CHECK_FALSE(m.in_write_table(block + 0x1f'f000));
  CHECK(m.in_read_table(0x80'0000));
  // And once more, from a fresh record.
  m.load(block + 0x7000);
  m.tlbi(Scope::Va, 1, block);
  CHECK_FALSE(m.in_read_table(block + 0x7000));
}

TEST_CASE("more large blocks than are remembered: a TLBI then takes everything") {
  Two m;
  for (u64 i = 0; i < 300; ++i) {
    m.one.map(i << 21, (kRamBase + (2 << 20)) | kBlock | kNormal | kNotGlobal, 2);
    m.load((i << 21) + (i << 12));
  }
  CHECK(m.in_read_table((u64{299} << 21) + (299 << 12)));
  m.tlbi(Scope::Va, 1, u64{150} << 21);
  CHECK_FALSE(m.in_read_table((u64{299} << 21) + (299 << 12)));
  CHECK_FALSE(m.in_read_table((u64{150} << 21) + (150 << 12)));
}

TEST_CASE("a bank that fell far behind the log is emptied") {
  Two m;
  m.load(0x1000);
  m.go(2);
  for (u64 i = 0; i < 2000; ++i) m.tlbi(Scope::VaAllAsid, 0, 0x10'0000 + (i << 12));
  m.one.map(0x1000, kC | kPage | kNormal | kNotGlobal);
  m.go(1);
  CHECK(m.load(0x1000) == 3);
}

TEST_CASE("device windows leave the slow entries with a TLBI too") {
  Two m;
  m.one.map(0x9000, kMmio | kPage | kDevice | kNotGlobal);
  m.load(0x9000);
  CHECK(m.device.seen.size() == 1);
  m.one.map(0x9000, kA | kPage | kNormal | kNotGlobal);
  m.tlbi(Scope::Va, 1, 0x9000);
  CHECK(m.load(0x9000) == 1);
  CHECK(m.device.seen.size() == 1);
}

TEST_CASE("faults are not remembered") {
  Two m;
  m.load(0x3000);
  CHECK(m.s.fault != 0);
  m.one.map(0x3000, kB | kPage | attr(0) | kNotGlobal);  // AF clear
  m.load(0x3000);
  CHECK(m.s.exception.iss == 0x0b);
  m.one.map(0x3000, kB | kPage | kNormal | kNotGlobal);
  CHECK(m.load(0x3000) == 2);
  CHECK(m.s.fault == 0);
}

TEST_CASE("many address spaces share a bounded pool and stay right") {
  Two m;
  for (u64 round = 0; round < 3; ++round) {
    for (u16 asid = 1; asid <= 40; ++asid) {
      m.enable(asid % 2 == 0 ? m.two : m.one, m.high, asid);
      CHECK(m.load(0x1000) == (asid % 2 == 0 ? 2 : 1));
      CHECK(m.load(kHigh) == 3);
    }
  }
  CHECK(m.mmu->statistics().banks_recycled > 40);
}

TEST_CASE("a full bank is emptied as well as a nearly empty one") {
  Two m;
  for (u64 i = 0; i < 3000; ++i) m.one.map(0x100'0000 + (i << 12), kA | kPage | kNormal | kNotGlobal);
  for (u64 i = 0; i < 3000; ++i) m.load(0x100'0000 + (i << 12));
  CHECK(m.in_read_table(0x100'0000 + (2999 << 12)));
  m.tlbi(Scope::Asid, 1);
  for (usize i = 0; i < 2 * cpu::kTlbEntries; ++i) REQUIRE_FALSE(is_present(m.s.tlb_read[i].tag));
}

// --- The second level ---

namespace {

// Pages that share an entry of the tables.
constexpr u64 kStride = u64{cpu::kTlbEntries} << 12;
constexpr u64 kFirst = 0x1000, kOther = kFirst + kStride, kThird = kFirst + 2 * kStride;

struct Crowded : Two {
  Crowded() {
    one.map(kOther, kB | kPage | kNormal | kNotGlobal | kUser);
    one.map(kThird, kC | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
    for (int i = 0; i < 3; ++i) loads();
  }
  void loads() {
    CHECK(load(kFirst) == 1);
    CHECK(load(kOther) == 2);
    CHECK(load(kThird) == 3);
  }
  u64 walks() const { return mmu->statistics().walks; }
};

}  // namespace

TEST_CASE("pages that share an entry are found without another walk") {
  Crowded m;
  const u64 before = m.walks();
  for (int i = 0; i < 5; ++i) m.loads();
  CHECK(m.walks() == before);
  // Stores too, where the walk found that they may; a page with code stays behind its shield.
  m.store(kFirst, 11);
  m.store(kOther, 12);
  CHECK(m.walks() <= before + 2);
  CHECK(m.load(kFirst) == 11);
  REQUIRE(m.mmu->shield(kB));
  m.store(kFirst, 1);
  m.store(kOther, 2);
  CHECK(m.observer.written == std::vector<u64>{kB});
  m.store(kThird, 4);
  CHECK(m.s.fault != 0);
  m.loads();
}

TEST_CASE("each TLBI reaches the second level") {
  const auto [scope, asid, va] = GENERATE(table<Scope, u16, u64>({{Scope::All, u16{0}, 0},
                                                                  {Scope::Asid, u16{1}, 0},
                                                                  {Scope::Va, u16{1}, kFirst},
                                                                  {Scope::VaAllAsid, u16{0}, kFirst},
                                                                  {Scope::Va, u16{1}, kFirst | u64{0x5a} << 56}}));
  Crowded m;
  REQUIRE_FALSE(m.in_read_table(kFirst));
  m.one.map(kFirst, kC | kPage | kNormal | kNotGlobal | kUser);
  m.tlbi(scope, asid, va);
  CHECK(m.load(kOther) == 2);
  CHECK(m.load(kFirst) == 3);
}

TEST_CASE("TLBI of one address in a block reaches what the second level has of it") {
  Crowded m;
  const u64 block = 0x60'0000, same = block + kStride + 0x3000;
  m.one.map(block, kRamBase | kBlock | kNormal | kNotGlobal, 2);
  m.one.map(same, kA | kPage | kNormal | kNotGlobal);
  m.word(kRamBase + 0x3000) = 7;
  for (int i = 0; i < 3; ++i) {
    CHECK(m.load(block + 0x3000) == 7);
    CHECK(m.load(same) == 1);
  }
  m.one.map(block, 0, 2);
  m.tlbi(Scope::Va, 1, block + 0x9000);
  m.load(block + 0x3000);
  CHECK(m.s.fault != 0);
}

TEST_CASE("the second level is emptied more often than it counts") {
  Crowded m;
  for (int i = 0; i < 5000; ++i) m.tlbi(Scope::All);
  m.one.map(kFirst, kC | kPage | kNormal | kNotGlobal | kUser);
  CHECK(m.load(kOther) == 2);
  CHECK(m.load(kFirst) == 3);
}

// --- Executable mappings ---

TEST_CASE("the exec key names the mappings of a half: it returns with its process") {
  Two m;
  m.mmu->fetch(0x1000);
  const u32 first = m.mmu->exec_key(0x1000);
  CHECK(first != 0);
  CHECK(m.mmu->exec_key(kHigh) != first);
  m.go(2);
  CHECK(m.mmu->exec_key(0x1000) != first);
  m.go(1);
  CHECK(m.mmu->exec_key(0x1000) == first);
}

TEST_CASE("maintenance changes the exec key only when an executable mapping changed") {
  Two m;
  m.one.map(0x1000, kA | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
  m.one.map(0x2000, kB | kPage | kNormal | kNotGlobal | kUser);
  REQUIRE(m.mmu->fetch(0x1000).ok);
  const u32 key = m.mmu->exec_key(0x1000);
  m.one.map(0x2000, 0);
  m.tlbi(Scope::Va, 1, 0x2000);
  m.mmu->select();
  CHECK(m.mmu->exec_key(0x1000) == key);
  m.tlbi(Scope::All);
  m.mmu->select();
  CHECK(m.mmu->exec_key(0x1000) == key);
  m.tlbi(Scope::Asid, 1);
  m.mmu->select();
  CHECK(m.mmu->exec_key(0x1000) == key);
  // Software's bits do not matter.
  m.one.map(0x1000, kA | kPage | kNormal | kNotGlobal | kUser | kReadOnly | u64{1} << 56);
  m.tlbi(Scope::Va, 1, 0x1000);
  CHECK(m.mmu->exec_key(0x1000) == key);

  SECTION("by VA") {
    m.one.map(0x1000, kB | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
    m.tlbi(Scope::Va, 1, 0x1000);
  }
  SECTION("by ASID") {
    m.one.map(0x1000, kB | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
    m.tlbi(Scope::Asid, 1);
  }
  SECTION("from another address space") {
    m.go(2);
    m.one.map(0x1000, kB | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
    m.tlbi(Scope::Va, 1, 0x1000);
    m.go(1);
  }
  SECTION("through a table above") {
    const u64 slot = m.one.slot(0x1000, 2);
    m.one.put(slot, 0);
    m.one.map(0x1000, kB | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
    m.tlbi(Scope::Va, 1, 0x1000);
  }
  SECTION("after a flood") {
    m.go(2);
    m.one.map(0x1000, kB | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
    m.tlbi(Scope::Va, 1, 0x1000);
    for (u64 i = 0; i < 2000; ++i) m.tlbi(Scope::VaAllAsid, 0, 0x10'0000 + (i << 12));
    m.go(1);
  }
  m.mmu->select();
  CHECK(m.mmu->exec_key(0x1000) != key);
  const FetchResult now = m.mmu->fetch(0x1000);
  REQUIRE(now.ok);
  CHECK(now.pa == kB);
}

TEST_CASE("no execute permission any more is a change") {
  Two m;
  m.one.map(0x1000, kA | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
  REQUIRE(m.mmu->fetch(0x1000).ok);
  const u32 key = m.mmu->exec_key(0x1000);
  m.one.map(0x1000, kA | kPage | kNormal | kNotGlobal | kUser | kReadOnly | kPxn);
  m.tlbi(Scope::Va, 1, 0x1000);
  m.mmu->select();
  CHECK(m.mmu->exec_key(0x1000) != key);
  CHECK_FALSE(m.mmu->fetch(0x1000).ok);
}

TEST_CASE("a kernel half with per-process ASIDs keeps its key across processes") {
  Two m;
  m.high.map(kHigh, kC | kPage | kNormal | kNotGlobal | kReadOnly);
  REQUIRE(m.mmu->fetch(kHigh).ok);
  const u32 key = m.mmu->exec_key(kHigh);
  m.go(2);
  CHECK(m.mmu->exec_key(kHigh) == key);
  REQUIRE(m.mmu->fetch(kHigh).ok);
  m.go(1);
  CHECK(m.mmu->exec_key(kHigh) == key);
  // The other process's view changes with its own maintenance only, and with it the key, for both.
  m.high.map(kHigh, kA | kPage | kNormal | kNotGlobal | kReadOnly);
  m.tlbi(Scope::Va, 2, kHigh);
  m.go(2);
  CHECK(m.mmu->exec_key(kHigh) != key);
  CHECK(m.mmu->fetch(kHigh).pa == kA);
}

TEST_CASE("a table base that is used again under a fresh ASID is compared, maintenance or not") {
  Two m;
  m.one.map(0x1000, kA | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
  REQUIRE(m.mmu->fetch(0x1000).ok);
  const u32 key = m.mmu->exec_key(0x1000);
  m.one.map(0x1000, kB | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
  m.go(9);  // the same base
  CHECK(m.mmu->exec_key(0x1000) != key);
  CHECK(m.mmu->fetch(0x1000).pa == kB);
}

TEST_CASE("a mapping found changed before its maintenance renews the key at once") {
  Two m;
  m.one.map(0x1000, kA | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
  REQUIRE(m.mmu->fetch(0x1000).ok);
  const u32 key = m.mmu->exec_key(0x1000);
  m.one.map(0x1000, kB | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
  for (u64 i = 1; i < 3; ++i) {  // push the entry out of the fetch table
    m.one.map(0x1000 + (i << 21), kC | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
    REQUIRE(m.mmu->fetch(0x1000 + (i << 21)).ok);
  }
  CHECK(m.mmu->fetch(0x1000).pa == kB);
  CHECK(m.mmu->exec_key(0x1000) != key);
}

TEST_CASE("more executable pages than are remembered still work") {
  Two m;
  const u64 base = 0x4000'0000;
  for (u64 i = 0; i < 20000; ++i) {
    m.one.map(base + (i << 12), (i % 2 == 0 ? kA : kB) | kPage | kNormal | kNotGlobal | kUser | kReadOnly);
    REQUIRE(m.mmu->fetch(base + (i << 12)).pa == (i % 2 == 0 ? kA : kB));
  }
  CHECK(m.mmu->statistics().exec_renewals >= 1);
}
