#include <thread>

#include "softmmu/shootdown.h"
#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;

namespace {

constexpr u64 kA = kRamBase + 0x5000;

// A second processor over the same memory and tables.
struct Pair : Machine {
  std::unique_ptr<cpu::CpuState> other = std::make_unique<cpu::CpuState>();
  std::unique_ptr<Mmu> other_mmu = std::make_unique<Mmu>(*other, space);
  Shootdown shootdown{space};
  Tables low = tables(), high = tables();
  Pair() {
    low.map(0x1000, kA | kPage | kNormal | kNotGlobal);
    enable(low, high);
    for (const SysReg r : {SysReg::TTBR0_EL1, SysReg::TTBR1_EL1, SysReg::TCR_EL1, SysReg::SCTLR_EL1, SysReg::MAIR_EL1,
                           SysReg::ID_AA64MMFR0_EL1})
      other->reg(r) = s.reg(r);
    other->el = 1;
    other->cpu_index = 1;
    other_mmu->select();
    shootdown.join(s, *mmu);
    shootdown.join(*other, *other_mmu);
  }
  bool other_writes() const { return other->tlb_write[tlb_index(0x1000)].tag == 0x1000; }
};

}  // namespace

TEST_CASE("one processor's shootdown is a plain call") {
  Machine m;
  Shootdown shootdown(m.space);
  shootdown.join(m.s, *m.mmu);
  Tables low = m.tables(), high = m.tables();
  low.map(0x1000, kA | kPage | kNormal | kNotGlobal);
  m.enable(low, high);
  m.store(0x1000, 1);
  shootdown.enter(0);
  CHECK(shootdown.shield(0, kA));
  CHECK_FALSE(m.in_write_table(0x1000));
  CHECK_FALSE(shootdown.shield(0, kMmio));
  m.load(0x1000);
  shootdown.tlb_invalidate(0, {.scope = cpu::TlbiOp::Scope::All, .broadcast = true});
  CHECK_FALSE(m.in_read_table(0x1000));
}

TEST_CASE("a processor outside translated code is not waited for, and serves before it enters") {
  Pair m;
  m.other_mmu->store(0x1000, Machine::access({.write = true}), 1, 0);
  REQUIRE(m.other_writes());
  m.shootdown.shield(0, kA);
  CHECK(m.other_writes());
  CHECK((m.other->signals.load() & cpu::kSignalShootdown) != 0);
  m.shootdown.enter(1);
  CHECK_FALSE(m.other_writes());
  CHECK((m.other->signals.load() & cpu::kSignalShootdown) == 0);
}

TEST_CASE("TLBI that is not broadcast stays at home") {
  Pair m;
  m.load(0x1000);
  m.other_mmu->load(0x1000, Machine::access({}));
  m.shootdown.tlb_invalidate(0, {.scope = cpu::TlbiOp::Scope::All});
  m.shootdown.enter(1);
  CHECK_FALSE(m.in_read_table(0x1000));
  CHECK(m.other->tlb_read[tlb_index(0x1000)].tag == 0x1000);
  m.shootdown.leave(1);
  m.shootdown.tlb_invalidate(0, {.scope = cpu::TlbiOp::Scope::All, .broadcast = true});
  m.shootdown.enter(1);
  CHECK_FALSE(is_present(m.other->tlb_read[tlb_index(0x1000)].tag));
}

TEST_CASE("processors that run are waited for, also when both shoot at once") {
  Pair m;
  constexpr int kRounds = 2000;
  const auto work = [&](u32 self, cpu::CpuState& s, Mmu& mmu) {
    for (int i = 0; i < kRounds; ++i) {
      m.shootdown.enter(self);
      mmu.store(0x1000, Machine::access({.write = true}), static_cast<u64>(i), 0);
      if ((s.signals.load() & cpu::kSignalShootdown) != 0) m.shootdown.serve(self);
      if (i % 3 == 0) m.shootdown.shield(self, kA);
      if (i % 7 == 0)
        m.shootdown.tlb_invalidate(self, {.scope = cpu::TlbiOp::Scope::Asid, .broadcast = true, .asid = 1});
      m.shootdown.leave(self);
    }
  };
  std::thread second([&] { work(1, *m.other, *m.other_mmu); });
  work(0, m.s, *m.mmu);
  second.join();
  // After a shield and both mailboxes served, nobody writes unseen.
  m.shootdown.shield(Shootdown::kNoCpu, kA);
  m.shootdown.enter(0);
  m.shootdown.enter(1);
  CHECK_FALSE(m.in_write_table(0x1000));
  CHECK_FALSE(m.other_writes());
}

TEST_CASE("processors with the same tables share the key of executable mappings") {
  Pair m;
  const u64 b_page = kA + 0x1000;
  CHECK(m.mmu->exec_key(0x1000) == m.other_mmu->exec_key(0x1000));
  const u32 key = m.mmu->exec_key(0x1000);
  REQUIRE(m.mmu->fetch(0x1000).pa == kA);
  REQUIRE(m.other_mmu->fetch(0x1000).pa == kA);
  CHECK(m.mmu->exec_key(0x1000) == key);
  CHECK(m.other_mmu->exec_key(0x1000) == key);
  // Maintenance on one alone: its key goes, and with it the other's.
  m.low.map(0x1000, b_page | kPage | kNormal | kNotGlobal);
  m.shootdown.tlb_invalidate(1, {.scope = cpu::TlbiOp::Scope::All});
  CHECK(m.other_mmu->exec_key(0x1000) != key);
  CHECK(m.other_mmu->fetch(0x1000).pa == b_page);
  CHECK(m.mmu->exec_key(0x1000) == m.other_mmu->exec_key(0x1000));
  CHECK(m.mmu->fetch(0x1000).pa == b_page);
}

TEST_CASE("a processor that had not seen a mapping does not take another's old one") {
  Pair m;
  const u64 b_page = kA + 0x1000;
  // The second processor's own table is another; it comes to the first's later.
  Tables others = m.tables();
  const u64 low = m.s.reg(SysReg::TTBR0_EL1);
  CHECK(m.other_mmu->exec_key(0x1000) == m.mmu->exec_key(0x1000));
  m.other->reg(SysReg::TTBR0_EL1) = others.base();
  m.other_mmu->select();
  CHECK(m.other_mmu->exec_key(0x1000) != m.mmu->exec_key(0x1000));
  REQUIRE(m.mmu->fetch(0x1000).pa == kA);
  const u32 key = m.mmu->exec_key(0x1000);
  m.low.map(0x1000, b_page | kPage | kNormal | kNotGlobal);  // the first need not see it yet
  m.other->reg(SysReg::TTBR0_EL1) = low;
  m.other_mmu->select();
  CHECK(m.other_mmu->exec_key(0x1000) != key);
  CHECK(m.other_mmu->fetch(0x1000).pa == b_page);
}

TEST_CASE("keys begin again") {
  Pair m;
  REQUIRE(m.mmu->fetch(0x1000).ok);
  ExecRegistry& keys = m.space.exec_registry();
  CHECK_FALSE(keys.is_low());
  keys.use_up(0xffff0000);
  CHECK(keys.is_low());
  const u32 old = m.mmu->exec_key(0x1000);
  keys.renumber();
  CHECK_FALSE(keys.is_low());
  CHECK(m.mmu->exec_key(0x1000) != old + 0xffff0000);
  CHECK(m.mmu->exec_key(0x1000) == m.other_mmu->exec_key(0x1000));
  CHECK(m.mmu->fetch(0x1000).pa == kA);
}
