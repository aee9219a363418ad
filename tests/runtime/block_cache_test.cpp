#include "runtime/block_cache.h"

#include "tests/catch.h"

using namespace ferry;
using namespace ferry::runtime;

namespace {

// Records links as the real tiers would make them.
struct FakeTier final : jit::Tier {
  Result<jit::CompiledCode> compile(const ir::Block&, void*) override { return Error{"unused"}; }
  void link(jit::LinkSite&, const void*, u64) override { ++links; }
  void unlink(jit::LinkSite&) override { ++unlinks; }
  void release(jit::CompiledCode&) override { ++releases; }
  void reset() override {}
  u32 enter(cpu::CpuState&, const void*) override { return 0; }
  usize used() const override { return 0; }
  usize capacity() const override { return 0; }
  const void* code_begin() const override { return nullptr; }
  int links = 0, unlinks = 0, releases = 0;
};

std::unique_ptr<TranslatedBlock> make_block(u64 pa, u32 mode, FakeTier& tier, jit::LinkSite* site = nullptr) {
  auto block = std::make_unique<TranslatedBlock>();
  block->pa = pa;
  block->mode.value = mode;
  block->source = {0xd503201f};
  block->tier = &tier;
  block->code.entry = reinterpret_cast<const void*>(pa + 1);
  if (site != nullptr) {
    site->owner = block.get();
    site->tier = &tier;
    block->code.links.push_back(site);
  }
  return block;
}

bool nobody_inside(u64) { return true; }

}  // namespace

TEST_CASE("blocks are found by physical address and Mode") {
  FakeTier tier;
  BlockCache cache;
  for (u64 i = 0; i < 40000; ++i) cache.insert(make_block(0x40000000 + 4 * i, i & 3, tier));
  CHECK(cache.size() == 40000);
  for (u64 i = 0; i < 40000; i += 7) {
    TranslatedBlock* b = cache.find(0x40000000 + 4 * i, cpu::Mode{static_cast<u32>(i & 3)});
    REQUIRE(b != nullptr);
    CHECK(b->pa == 0x40000000 + 4 * i);
    CHECK(cache.find(0x40000000 + 4 * i, cpu::Mode{static_cast<u32>((i & 3) + 4)}) == nullptr);
  }
  for (u64 i = 0; i < 40000; i += 2) cache.discard(*cache.find(0x40000000 + 4 * i, cpu::Mode{static_cast<u32>(i & 3)}));
  CHECK(cache.size() == 20000);
  CHECK(cache.find(0x40000000, cpu::Mode{0}) == nullptr);
  CHECK(cache.find(0x40000004, cpu::Mode{1}) != nullptr);
}

TEST_CASE("a discarded block leaves no link behind, in either direction") {
  FakeTier tier;
  BlockCache cache;
  jit::LinkSite ab, bc;
  TranslatedBlock& a = cache.insert(make_block(0x1000, 0, tier, &ab));
  TranslatedBlock& b = cache.insert(make_block(0x1010, 0, tier, &bc));
  TranslatedBlock& c = cache.insert(make_block(0x2000, 0, tier));
  cache.link(ab, b, 1, nobody_inside);
  cache.link(bc, c, 1, nobody_inside);
  CHECK(a.incoming.empty());
  CHECK(b.incoming.size() == 1);
  CHECK(c.incoming.size() == 1);
  cache.discard(b);
  CHECK_FALSE(ab.linked);
  CHECK(ab.target == nullptr);
  CHECK(c.incoming.empty());
  CHECK(tier.unlinks == 2);
  CHECK(tier.releases == 0);
  CHECK(cache.changed());
  cache.reclaim(nobody_inside);  // not withdrawn yet
  CHECK(tier.releases == 0);
  const u64 version = cache.version();
  cache.advance();
  cache.reclaim([&](u64 v) { return v != version; });
  CHECK(cache.retired() == 1);
  cache.reclaim(nobody_inside);
  CHECK(tier.releases == 1);
  CHECK(cache.retired() == 0);
}

TEST_CASE("isolating a page unlinks what leads into it") {
  FakeTier tier;
  BlockCache cache;
  jit::LinkSite from_a;
  cache.insert(make_block(0x1000, 0, tier, &from_a));
  TranslatedBlock& b = cache.insert(make_block(0x2000, 0, tier));
  cache.link(from_a, b, 1, nobody_inside);
  CodePage* page = cache.page(0x2abc);
  REQUIRE(page != nullptr);
  CHECK(page->blocks.size() == 1);
  cache.isolate(*page);
  CHECK_FALSE(from_a.linked);
  CHECK(b.incoming.empty());
}

TEST_CASE("what leaves a page is cut: links to other pages, and regions over its edges") {
  FakeTier tier, regions;
  BlockCache cache;
  jit::LinkSite away, near, back;
  away.cross_page = back.cross_page = true;
  TranslatedBlock& a = cache.insert(make_block(0x1000, 0, tier, &away));
  a.code.links.push_back(&near);
  near.tier = &tier;
  TranslatedBlock& inside = cache.insert(make_block(0x1010, 0, tier));
  TranslatedBlock& other = cache.insert(make_block(0x2000, 0, tier, &back));
  TranslatedBlock& alone = cache.insert(make_block(0x2010, 0, tier));
  cache.link(away, other, 1, nobody_inside);
  cache.link(near, inside, 1, nobody_inside);
  cache.link(back, a, 1, nobody_inside);
  const auto region = [&](TranslatedBlock& block, u64 covered) {
    jit::CompiledCode code;
    code.entry = &regions;
    u64 context = 1;
    for (jit::LinkSite* site : {&away, &back}) site->context_slot = &context;
    cache.promote(block, std::move(code), regions, {{covered, {0xd503201f}}});
    for (jit::LinkSite* site : {&away, &back}) site->context_slot = nullptr;
  };
  region(a, 0x2000);
  region(inside, 0x1000);
  region(other, 0x1000);
  region(alone, 0x2000);
  unsigned told = 0;
  cache.cut_edges(*cache.page(0x1000), [&](const TranslatedBlock&) { ++told; });
  CHECK(told == 2);
  CHECK(a.promoted == nullptr);
  CHECK(inside.promoted != nullptr);
  CHECK(other.promoted == nullptr);
  CHECK(alone.promoted != nullptr);
  CHECK_FALSE(away.linked);
  CHECK(other.incoming.empty());
  CHECK(near.linked);
}

TEST_CASE("relinking a site moves it") {
  FakeTier tier;
  BlockCache cache;
  jit::LinkSite site;
  cache.insert(make_block(0x1000, 0, tier, &site));
  TranslatedBlock& b = cache.insert(make_block(0x2000, 0, tier));
  TranslatedBlock& c = cache.insert(make_block(0x3000, 0, tier));
  CHECK(cache.link(site, b, 1, nobody_inside));
  CHECK(cache.link(site, c, 2, nobody_inside));
  CHECK(b.incoming.empty());
  CHECK(c.incoming.size() == 1);
}

TEST_CASE("a site across pages moves only while nobody can be between its comparison and its jump") {
  FakeTier tier;
  BlockCache cache;
  jit::LinkSite site;
  site.cross_page = true;
  cache.insert(make_block(0x1000, 0, tier, &site));
  TranslatedBlock& b = cache.insert(make_block(0x2000, 0, tier));
  TranslatedBlock& c = cache.insert(make_block(0x3000, 0, tier));
  u64 outside_since = 0;  // of a vCPU that is inside
  const auto quiescent = [&](u64 version) { return outside_since >= version; };
  CHECK(cache.link(site, b, 1, quiescent));
  CHECK_FALSE(cache.link(site, c, 2, quiescent));
  CHECK(site.target == &b);
  cache.discard(b);
  CHECK_FALSE(cache.link(site, c, 2, quiescent));
  outside_since = cache.version();
  cache.advance();
  CHECK(cache.link(site, c, 2, quiescent));
  CHECK(c.incoming.size() == 1);
}
