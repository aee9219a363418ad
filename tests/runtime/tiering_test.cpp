// Tiering at the translator: what becomes a region, and when a finished one is refused or gone.
#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/runtime/tiered.h"

using namespace ferry;
using namespace ferry::runtime;
using namespace ferry::runtime::testing;

namespace {

constexpr u64 kContext = 0x1234;

struct Bench : Tiered {
  explicit Bench(u64 delay_us = 0, u64 code_cache = 8 << 20)
      : Tiered([&](Settings& s) {
          s.llvm_delay = delay_us;
          s.code_cache = code_cache;
        }) {}

  Translator::Lookup at(u64 offset) const {
    return {.pa = kPa + offset, .va = kPa + offset, .mode = {}, .context = kContext};
  }
  Translator::Found find(u64 offset) { return translator->find(at(offset), stats); }
  // Runs the block's counter out until a region has been asked for.
  void heat(u64 offset) {
    TranslatedBlock* const block = find(offset).block;
    REQUIRE(block != nullptr);
    for (unsigned i = 0; block->requested_ns == 0; ++i) {
      REQUIRE(i < 1'000'000);
      translator->hot(at(offset), stats);
    }
  }
  bool wait_ready() {
    for (unsigned i = 0; i < 60'000 && !translator->has_regions(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return translator->has_regions();
  }
};

// add x0, x0, #1; cmp x0, x1; b.ne -8; ret
constexpr std::initializer_list<u32> kLoop = {0x91000400, 0xeb01001f, 0x54ffffc1, 0xd65f03c0};

}  // namespace

TEST_CASE("tiering: a block that stays hot gets a region, one that rests does not") {
  if (!jit::regions_available()) return;
  Bench b;
  b.code.put(0, kLoop);
  b.code.put(0x100, kLoop);
  const void* const first = b.find(0).code;
  TranslatedBlock* const slow = b.find(0x100).block;
  for (unsigned i = 0; i < 60; ++i) {
    b.translator->hot(b.at(0x100), b.stats);
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
  CHECK(slow->requested_ns == 0);
  b.heat(0);
  REQUIRE(b.wait_ready());
  b.translator->publish(b.stats);
  CHECK(b.stats.blocks_llvm == 1);
  CHECK(b.stats.regions_dropped == 0);
  const Translator::Found now = b.find(0);
  CHECK(now.code != first);
  CHECK(now.block->own_code().entry == first);
}

TEST_CASE("tiering: a region goes over pages by links of its own context, and goes with either page") {
  if (!jit::regions_available()) return;
  const bool same_context = GENERATE(true, false);
  Bench b;
  b.code.put(0xff8, kLoop);  // its branch is the first of the second page
  Translator::Found low = b.find(0xff8), high = b.find(0x1000);
  const auto link = [&](TranslatedBlock* from, u64 to, u64 context) {
    for (jit::LinkSite* site : from->code.links) {
      if ((from->pa & ~u64{0xfff}) + static_cast<u64>(i64{site->offset}) != kPa + to) continue;
      Translator::Lookup want = b.at(to);
      want.context = context;
      want.site = site;
      want.version = b.code.version;
      b.translator->find(want, b.stats);
      CHECK(site->target != nullptr);
    }
  };
  link(low.block, 0x1000, same_context ? kContext : kContext + 1);
  link(high.block, 0xff8, kContext);
  b.translator->hot(b.at(0x1000), b.stats);  // warm
  b.heat(0xff8);
  REQUIRE(b.wait_ready());
  b.translator->publish(b.stats);
  low = b.find(0xff8);
  REQUIRE(low.block->promoted != nullptr);
  REQUIRE(low.block->promoted->covered.size() == (same_context ? 1u : 0u));
  if (!same_context) return;
  CHECK(low.block->promoted->covered[0].pa == kPa + 0x1000);
  b.code.put(0x1000, {0x54ffffa1});  // b.ne -12
  b.translator->code_written(kPa + 0x1000);
  b.translator->isolate_written();
  CHECK(b.find(0xff8).block->promoted == nullptr);
}

TEST_CASE("tiering: when the code goes another way later, that way gets a region, with what both have in common") {
  if (!jit::regions_available()) return;
  constexpr u64 kBoth = 0, kOnce = 4, kLater = 0x10;
  Bench b;
  b.code.put(kBoth, {0xb4000082});               // cbz x2, kLater
  b.code.put(kOnce, {0x91000400, 0x17fffffe});   // add x0, x0, #1; b kBoth
  b.code.put(kLater, {0x91000800, 0x17fffffb});  // add x0, x0, #2; b kBoth
  const auto link = [&b](u64 from, u64 to) {
    for (jit::LinkSite* site : b.find(from).block->own_code().links) {
      if (static_cast<u64>(i64{site->offset}) != to) continue;
      Translator::Lookup want = b.at(to);
      want.site = site;
      want.version = b.code.version;
      b.translator->find(want, b.stats);
      CHECK(site->target != nullptr);
    }
  };
  const auto has = [&b](u64 entry, u64 part) {
    const auto& covered = b.find(entry).block->promoted->covered;
    return std::any_of(covered.begin(), covered.end(), [=](const auto& c) { return c.pa == kPa + part; });
  };
  b.find(kBoth);
  link(kBoth, kOnce);
  link(kOnce, kBoth);
  b.translator->hot(b.at(kOnce), b.stats);  // warm
  b.heat(kBoth);
  REQUIRE(b.wait_ready());
  b.translator->publish(b.stats);
  REQUIRE(b.find(kBoth).block->promoted != nullptr);
  CHECK(has(kBoth, kOnce));
  CHECK_FALSE(has(kBoth, kLater));
  b.find(kLater);
  link(kLater, kBoth);
  b.heat(kLater);
  REQUIRE(b.wait_ready());
  b.translator->publish(b.stats);
  REQUIRE(b.find(kLater).block->promoted != nullptr);
  CHECK(has(kLater, kBoth));
}

TEST_CASE("tiering: a region whose bytes changed meanwhile is refused") {
  if (!jit::regions_available()) return;
  const bool reported = GENERATE(false, true);
  Bench b;
  b.code.put(0, kLoop);
  const void* const first = b.find(0).code;
  b.heat(0);
  REQUIRE(b.wait_ready());
  b.code.put(0, {0x91000800});  // add x0, x0, #2
  if (reported) {
    b.translator->code_written(kPa);
    b.translator->isolate_written();
  }
  b.translator->publish(b.stats);
  CHECK(b.stats.blocks_llvm == 0);
  CHECK(b.stats.regions_dropped == 1);
  if (reported) {
    CHECK(b.find(0).block->source[0] == 0x91000800);
  } else {
    CHECK(b.find(0).code == first);
  }
}

TEST_CASE("tiering: a published region goes when the code under it changes") {
  if (!jit::regions_available()) return;
  Bench b;
  b.code.put(0, kLoop);
  b.heat(0);
  REQUIRE(b.wait_ready());
  b.translator->publish(b.stats);
  REQUIRE(b.stats.blocks_llvm == 1);
  b.code.put(4, {0xeb02001f});  // cmp x0, x2
  b.translator->code_written(kPa);
  b.translator->isolate_written();
  const Translator::Found found = b.find(0);
  CHECK(found.block->promoted == nullptr);
  CHECK(found.block->source[1] == 0xeb02001f);
  b.heat(0);  // it may become one again
  REQUIRE(b.wait_ready());
  b.translator->publish(b.stats);
  CHECK(b.stats.blocks_llvm == 2);
}

TEST_CASE("written code: each block of a written page is compared when it is met, the rest in a sweep") {
  if (!jit::regions_available()) return;
  Bench b;
  constexpr u32 kReturn = 0xd65f03c0;
  const auto constant = [](u32 n) { return 0x52800000 | n << 5; };  // mov w0, #n
  b.code.put(0x100, {constant(7), kReturn});
  b.code.put(0x200, {constant(8), kReturn});
  const void* const kept = b.find(0x100).code;
  b.find(0x200);
  for (u32 i = 0; i < 200; ++i) {
    b.code.put(0, {constant(i), kReturn});
    if (i == 10) b.code.put(0x200, {constant(9), kReturn});
    b.translator->code_written(kPa);
    b.translator->isolate_written();
    const Translator::Found found = b.find(0);
    REQUIRE(found.block->source[0] == constant(i));
    REQUIRE(b.find(0).block == found.block);  // nothing was written
    if (i % 3 == 0) REQUIRE(b.find(0x100).code == kept);
  }
  CHECK(b.translator->block_count() == 2);  // what stood at 0x200 is gone, though nobody asked for it
  CHECK(b.find(0x200).block->source[0] == constant(9));
}

TEST_CASE("tiering: a flush drops what is under way, whatever the compile thread does") {
  if (!jit::regions_available()) return;
  Bench b(20'000);
  b.code.put(0, kLoop);
  for (unsigned turn = 0; turn < 6; ++turn) {
    b.heat(0);
    std::this_thread::sleep_for(std::chrono::milliseconds(7 * turn));
    b.translator->flush();
    CHECK_FALSE(b.translator->has_regions());
    CHECK(b.translator->block_count() == 0);
  }
  b.heat(0);
  REQUIRE(b.wait_ready());
  b.translator->publish(b.stats);
  CHECK(b.stats.blocks_llvm == 1);
  CHECK(b.stats.regions_dropped == 0);
}

TEST_CASE("tiering: full code memory leaves blocks in the baseline until it is flushed") {
  if (!jit::regions_available()) return;
  Bench b(0, 192 << 10);
  for (u64 offset = 0; offset < 8192; offset += 0x20) b.code.put(offset, kLoop);
  unsigned published = 0;
  for (u64 offset = 0; offset < 8192; offset += 0x20) {
    b.heat(offset);
    for (unsigned i = 0; i < 30 && !b.translator->has_regions(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (b.translator->has_regions()) b.translator->publish(b.stats);
    REQUIRE(b.find(offset).code != nullptr);
  }
  published = static_cast<unsigned>(b.stats.blocks_llvm);
  CHECK(b.stats.llvm_bytes <= 192 << 10);
  b.translator->flush();
  b.heat(0);
  REQUIRE(b.wait_ready());
  b.translator->publish(b.stats);
  CHECK(b.stats.blocks_llvm > published);
}
