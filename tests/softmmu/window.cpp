// The host-MMU window: it shows what the tables admit, no more, and what leaves the tables leaves it.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;
using Scope = cpu::TlbiOp::Scope;

namespace {

constexpr u64 kA = kRamBase + 0x5000, kB = kRamBase + 0x6000, kC = kRamBase + 0x7000, kBlock2M = kRamBase + (4 << 20);
constexpr u64 kLow = 0x40'0000, kTop = 0xffff'f7ff'0000;
constexpr u64 kData = kPage | kNormal | kNotGlobal | kUser;

// EL0 with a window that is always open.
struct Windowed : Machine {
  Tables low = tables(), other = tables(), high = tables();
  explicit Windowed(ferry::Window mode = ferry::Window::On, u64 max_runs = 1000) {
    mmu->configure_window({.mode = mode, .contexts = 2, .rate = 10, .wait = 2, .max_runs = max_runs});
    low.map(kLow, kA | kData);
    low.map(kLow + 0x1000, kB | kData | kReadOnly);
    low.map(kLow + 0x2000, kMmio | kPage | kDevice | kNotGlobal | kUser);
    low.map(kTop, kC | kData);
    low.map(kLow + (2 << 20), kBlock2M | kBlock | kNormal | kNotGlobal | kUser, 2);
    other.map(kLow, kC | kData);
    s.el = 0;
    go(1);
  }
  void go(u16 asid) { enable(asid == 2 ? other : low, high, asid); }
  void tlbi(Scope scope, u16 asid = 0, u64 va = 0) { mmu->tlb_invalidate({.scope = scope, .asid = asid, .va = va}); }
  // Where translated code would go; null: no slice holds va.
  volatile u64* at_host(u64 va) const {
    const cpu::WindowSlot& slot = s.window[cpu::window_slot(va)];
    if (slot.tag != va >> cpu::kWindowShift) return nullptr;
    return reinterpret_cast<volatile u64*>(va + slot.addend);
  }
  // Whether the host lets this address be read and written: tried in a child.
  bool tried(u64 va, bool write) const {
    volatile u64* p = at_host(va);
    if (p == nullptr) return false;
    const pid_t child = fork();
    if (child == 0) {
      for (int number : {SIGSEGV, SIGBUS}) signal(number, [](int) { _exit(1); });
      if (write)
        *p = *p;
      else
        static_cast<void>(*p);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  bool readable(u64 va) const { return tried(va, false); }
  bool writable(u64 va) const { return tried(va, true); }
};

}  // namespace

TEST_CASE("a window shows a page after it was touched, with the rights it was touched with") {
  Windowed m;
  CHECK_FALSE(m.readable(kLow));
  m.word(kA) = 77;
  CHECK(m.load(kLow) == 77);
  REQUIRE(m.readable(kLow));
  CHECK(*m.at_host(kLow) == 77);
  CHECK_FALSE(m.writable(kLow));
  m.store(kLow, 78);
  REQUIRE(m.writable(kLow));
  *m.at_host(kLow) = 79;
  CHECK(m.word(kA) == 79);
}

TEST_CASE("a window has slices at the bottom and at the top, and nothing between") {
  Windowed m;
  m.load(kLow);
  m.load(kTop);
  CHECK(m.readable(kLow));
  CHECK(m.readable(kTop));
  CHECK(m.at_host(kLow | u64{0x5a} << 56) == nullptr);  // a tagged pointer is the probe's
  CHECK(m.at_host(u64{1} << 40) == nullptr);
  CHECK_FALSE(m.readable(kLow - 0x1000));
}

TEST_CASE("read-only pages, devices and unmapped pages are never writable in a window") {
  Windowed m;
  m.load(kLow);
  m.load(kLow + 0x1000);
  CHECK(m.readable(kLow + 0x1000));
  m.store(kLow + 0x1000, 1);
  CHECK(m.s.fault != 0);
  CHECK_FALSE(m.writable(kLow + 0x1000));
  m.load(kLow + 0x2000, 2);
  CHECK(m.device.seen.size() == 1);
  CHECK_FALSE(m.readable(kLow + 0x2000));
  m.load(kLow + 0x3000);
  CHECK(m.s.fault != 0);
  CHECK_FALSE(m.readable(kLow + 0x3000));
}

TEST_CASE("TLB maintenance takes pages out of a window") {
  Windowed m;
  for (const Scope scope : {Scope::Va, Scope::VaAllAsid, Scope::Asid, Scope::All}) {
    m.store(kLow, 1);
    m.load(kLow + 0x1000);
    REQUIRE(m.writable(kLow));
    m.tlbi(scope, 1, kLow);
    CHECK_FALSE(m.readable(kLow));
    CHECK(m.readable(kLow + 0x1000) == (scope == Scope::Va || scope == Scope::VaAllAsid));
  }
  m.store(kLow, 1);
  m.tlbi(Scope::Va, 2, kLow);  // another ASID's
  CHECK(m.writable(kLow));
  m.mmu->drop_all();
  CHECK_FALSE(m.readable(kLow));
}

TEST_CASE("maintenance while another context runs is seen when the window's comes back") {
  Windowed m;
  m.word(kA) = 1;
  m.word(kC) = 2;
  m.store(kLow, 1);
  m.go(2);
  CHECK_FALSE(m.readable(kLow));
  CHECK(m.load(kLow) == 2);
  CHECK(*m.at_host(kLow) == 2);
  m.go(1);
  CHECK(*m.at_host(kLow) == 1);
  m.go(2);
  m.tlbi(Scope::Va, 1, kLow);
  CHECK(m.readable(kLow));
  m.go(1);
  CHECK_FALSE(m.readable(kLow));
}

TEST_CASE("a third context takes the window of the one that ran the longest ago") {
  Windowed m;
  m.store(kLow, 1);
  m.go(2);
  m.load(kLow);
  m.go(3);
  m.load(kLow);
  CHECK(m.readable(kLow));
  m.go(2);
  CHECK(m.readable(kLow));
  m.go(1);
  CHECK_FALSE(m.readable(kLow));
}

TEST_CASE("a page that gets code is not writable in a window, under none of its addresses") {
  Windowed m;
  m.store(kLow, 1);
  REQUIRE(m.writable(kLow));
  CHECK(m.mmu->shield(kA));
  CHECK_FALSE(m.writable(kLow));
  m.store(kLow, 2);  // ends the shield
  CHECK(m.observer.written == std::vector<u64>{kA});
  CHECK(m.writable(kLow));
  m.low.map(kLow + 0x4000, kA | kData);
  m.store(kLow + 0x4000, 3);
  CHECK(m.writable(kLow));
  CHECK(m.writable(kLow + 0x4000));
  CHECK(m.mmu->shield(kA));
  CHECK_FALSE(m.writable(kLow));
  CHECK_FALSE(m.writable(kLow + 0x4000));
  // In the window of a context that does not run.
  m.store(kTop, 1);
  m.go(2);
  CHECK(m.mmu->shield(kC));
  m.go(1);
  CHECK_FALSE(m.writable(kTop));
}

TEST_CASE("a block comes into a window as a whole, but for pages with code, and leaves as a whole") {
  Windowed m;
  const u64 va = kLow + (2 << 20);
  CHECK(m.mmu->shield(kBlock2M + 0x9000));
  m.store(va + 0x5000, 1);
  CHECK(m.writable(va));
  CHECK(m.writable(va + 0x8000));
  CHECK_FALSE(m.writable(va + 0x9000));
  m.store(va + 0x20'0000 - 8, 1);
  CHECK(m.writable(va + 0xa000));
  CHECK_FALSE(m.writable(va + 0x9000));
  CHECK_FALSE(m.readable(va + (2 << 20)));
  m.tlbi(Scope::Va, 1, va + 0x1f'0000);
  CHECK_FALSE(m.readable(va));
  CHECK_FALSE(m.readable(va + 0xa000));
}

TEST_CASE("hardware watchpoints close the window") {
  Windowed m;
  m.store(kLow, 1);
  REQUIRE(m.writable(kLow));
  m.s.reg(SysReg::DBGWVR0_EL1) = kLow;
  m.s.reg(SysReg::DBGWCR0_EL1) = 1 | 3u << 3 | 2u << 1 | 0xffu << 5;
  m.s.reg(SysReg::MDSCR_EL1) = u64{1} << 15;
  ++m.s.watch_changes;
  m.mmu->select();
  CHECK_FALSE(m.readable(kLow));
  m.load(kLow + 0x1000);
  m.load(kLow);
  CHECK_FALSE(m.readable(kLow));
}

TEST_CASE("a window with too many pieces is closed") {
  Windowed m(ferry::Window::On, 20);
  for (u64 i = 0; i < 24; ++i) m.low.map(kLow + 0x10000 + i * 0x2000, (kRamBase + 0x100000 + i * 0x1000) | kData);
  for (u64 i = 0; i < 24; ++i) m.store(kLow + 0x10000 + i * 0x2000, i);
  CHECK(m.mmu->statistics().windows_closed == 1);
  CHECK_FALSE(m.readable(kLow + 0x10000));
  m.store(kLow, 1);
  CHECK_FALSE(m.readable(kLow));
}

TEST_CASE("auto opens a window after interrupts, filled from the tables, and closes it when it changes too much") {
  Windowed m(ferry::Window::Auto);
  m.store(kLow, 1);
  m.load(kTop);
  CHECK_FALSE(m.readable(kLow));
  m.mmu->interrupted();
  CHECK_FALSE(m.readable(kLow));
  m.mmu->interrupted();
  CHECK(m.writable(kLow));
  CHECK(m.readable(kTop));
  CHECK(m.mmu->statistics().windows_opened == 1);
  for (int i = 0; i < 200; ++i) {
    m.store(kLow, 1);
    m.tlbi(Scope::Va, 1, kLow);
  }
  CHECK(m.mmu->statistics().windows_closed == 1);
  m.store(kLow, 1);
  for (int i = 0; i < 3; ++i) m.mmu->interrupted();
  CHECK_FALSE(m.readable(kLow));
  m.mmu->interrupted();
  CHECK(m.writable(kLow));
  // Emptied as a whole: filled again at the next interrupt.
  m.tlbi(Scope::Asid, 1);
  CHECK_FALSE(m.readable(kLow));
  m.store(kLow, 1);
  m.mmu->interrupted();
  CHECK(m.writable(kLow));
}

TEST_CASE("a store that crosses into a page that is not there has written nothing") {
  Windowed m;
  m.low.map(kLow + 0x7000, kA | kData);
  m.word(kA + 0xff8) = 0x1111111111111111;
  m.store(kLow + 0x7000, 1);
  const pid_t child = fork();
  if (child == 0) {
    for (int number : {SIGSEGV, SIGBUS}) signal(number, [](int) { _exit(1); });
    using Unaligned [[gnu::aligned(1)]] = u64;
    *reinterpret_cast<volatile Unaligned*>(reinterpret_cast<u64>(m.at_host(kLow + 0x7000)) + 0xffc) = ~u64{0};
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 1);
  CHECK(m.word(kA + 0xff8) == 0x1111111111111111);  // shared with the child
}
