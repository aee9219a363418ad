// A guest that edits its tables at random and issues, each time, some maintenance that suffices: afterwards every
// access, in every address space, must go where the tables say, and an exec key must never stand for two different
// mappings.
#include <map>
#include <random>

#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;
using Scope = cpu::TlbiOp::Scope;

namespace {

constexpr u64 kHigh = 0xffff'8000'0000'0000;
constexpr unsigned kSpaces = 20;  // more than there are banks for
constexpr u64 kBlocks = kRamBase + (4 << 20);

struct Guest : Machine {
  std::mt19937_64 random;
  std::vector<std::unique_ptr<Tables>> lows;
  std::unique_ptr<Tables> high;
  unsigned current = 0;
  std::map<std::pair<u32, u64>, u64> executed;  // (key, VA) -> PA

  explicit Guest(u64 seed) : random(seed) {
    for (unsigned i = 0; i < kSpaces; ++i) lows.push_back(std::make_unique<Tables>(tables()));
    high = std::make_unique<Tables>(tables());
    for (u64 i = 0; i < 64; ++i) word(page(i)) = i;  // each page knows its number
    for (u64 i = 0; i < 1024; ++i) word(kBlocks + (i << 12)) = 1000 + i;
    go(0);
  }
  u64 below(u64 n) { return random() % n; }
  static u64 page(u64 i) { return kRamBase + (1 << 20) + (i << 12); }
  static u16 asid_of(unsigned space) { return static_cast<u16>(space + 1); }
  // As Linux with KPTI and PAN: any level of privilege.
  void go(unsigned space) {
    current = space;
    const u64 kind = below(3);
    s.el = kind == 0 ? 0 : 1;
    s.pan = kind == 2 ? 1 : 0;
    enable(*lows[space], *high, asid_of(space));
  }
  // Eight pages, some of which collide in the tables; two blocks. Half of them in the upper half.
  u64 random_va() {
    const u64 pages[] = {0x1000,
                         0x2000,
                         0x1000 + (u64{1} << 24),
                         0x2000 + (u64{1} << 24),
                         0x40'0000 + (below(512) << 12),
                         0x60'0000 + (below(512) << 12)};
    return pages[below(6)] + (below(2) != 0 ? kHigh : 0);
  }
  static bool in_block(u64 va) {
    return (va & 0xff'ffff) >= 0x40'0000 && (va & 0xff'ffff) < 0x80'0000 && (va >> 24 & 0xff) == 0;
  }
  static bool is_high(u64 va) { return bit(va, 55); }
  Tables& tables_of(u64 va, unsigned space) { return is_high(va) ? *high : *lows[space]; }

  void edit() {
    const u64 va = random_va();
    const unsigned space = static_cast<unsigned>(below(kSpaces));
    Tables& t = tables_of(va, space);
    const u64 attributes =
        kNormal | (below(2) != 0 ? kUser : 0) | (below(2) != 0 ? kReadOnly : 0) | (below(4) == 0 ? kPxn : 0);
    const bool global = is_high(va) && below(2) != 0;
    const unsigned level = in_block(va) ? 2 : 3;
    const u64 slot = t.slot(va, level);
    const u64 old = t.get(slot);
    u64 descriptor = attributes | (global ? 0 : kNotGlobal);
    if (level == 2)
      descriptor |= (kBlocks + (below(2) << 21)) | kBlock;
    else
      descriptor |= page(below(64)) | kPage;
    if (below(5) == 0) descriptor = 0;
    t.put(slot, descriptor);
    if ((old & 1) == 0) return;  // nothing could be cached
    const bool shared = is_high(va);
    const bool was_global = (old & kNotGlobal) == 0;
    // What suffices: everything; the address for all ASIDs; for one space's or a global page, the address with an ASID;
    // the ASID.
    const u64 form = below(4);
    // Any address of a block will do.
    const u64 target = (level == 2 ? (va & ~low_mask(21)) + (below(512) << 12) : va) & ~kPageOffset;
    if (form == 0) return tlbi(Scope::All, 0, 0);
    if (form == 1 || (shared && !was_global)) return tlbi(Scope::VaAllAsid, 0, target);
    if (form == 2 || was_global)
      return tlbi(Scope::Va, was_global ? asid_of(static_cast<unsigned>(below(kSpaces))) : asid_of(space), target);
    tlbi(Scope::Asid, asid_of(space), 0);
  }
  void tlbi(Scope scope, u16 asid, u64 va) {
    mmu->tlb_invalidate({.scope = scope, .asid = asid, .va = va});
    mmu->select();  // the ISB
  }

  struct Expected {
    bool present = false;
    u64 pa = 0, descriptor = 0;
  };
  Expected expected(u64 va) {
    Tables& t = tables_of(va, current);
    const unsigned level = in_block(va) ? 2 : 3;
    const u64 d = t.get(t.slot(va, level));
    return {(d & 1) != 0, (d & low_mask(48) & ~low_mask(level == 2 ? 21 : 12)) | (va & low_mask(level == 2 ? 21 : 12)),
            d};
  }
  void check() {
    const u64 va = random_va();
    const Expected e = expected(va);
    const bool user = (e.descriptor & kUser) != 0, read_only = (e.descriptor & kReadOnly) != 0;
    const bool may_read = e.present && (s.el == 0 ? user : !(s.pan != 0 && user));
    const u64 value = load(va);
    REQUIRE((s.fault == 0) == may_read);
    if (may_read) REQUIRE(value == word(e.pa));
    const bool may_write = may_read && !read_only;
    store(va + 8, va);
    REQUIRE((s.fault == 0) == may_write);
    if (may_write) REQUIRE(word(e.pa + 8) == va);
    s.fault = 0;
    const bool may_execute = e.present && (s.el == 0 || ((e.descriptor & kPxn) == 0 && !(user && !read_only)));
    const FetchResult fetched = mmu->fetch(va);
    REQUIRE(fetched.ok == may_execute);
    if (!fetched.ok) return;
    REQUIRE(fetched.pa == e.pa);
    const auto [at, fresh] = executed.insert({{mmu->exec_key(va), va}, e.pa});
    if (!fresh) REQUIRE(at->second == e.pa);
    if (below(16) == 0) mmu->shield(e.pa & ~kPageOffset);
  }
};

}  // namespace

TEST_CASE("random tables, random maintenance: every access goes where the tables say") {
  const u64 seed = GENERATE(1u, 2u, 3u, 4u);
  CAPTURE(seed);
  Guest g(seed);
  for (int i = 0; i < 60'000; ++i) {
    CAPTURE(i);
    const u64 choice = g.below(10);
    if (choice < 2)
      g.edit();
    else if (choice < 4)
      g.go(static_cast<unsigned>(g.below(g.below(2) != 0 ? 3 : kSpaces)));
    else
      g.check();
  }
  const Mmu::Statistics st = g.mmu->statistics();
  CHECK(st.banks_recycled > 100);
  // Keys do last: far fewer renewals than operations.
  CHECK(st.exec_renewals < st.tlb_operations);
}
