// What bounds the memory of translation: code memory, the compile thread's queue, regions, the heap of LLVM. Each bound
// holds, and the guest's code goes on running.
#include <malloc.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "frontend/translate.h"
#include "tests/runtime/tiered.h"

using namespace ferry;
using namespace ferry::runtime;
using namespace ferry::runtime::testing;

namespace {

// add x0, x0, #1; cmp x0, x1; b.ne -8; ret
constexpr std::initializer_list<u32> kLoop = {0x91000400, 0xeb01001f, 0x54ffffc1, 0xd65f03c0};

struct Bench : Tiered {
  using Tiered::Tiered;

  Translator::Found find(u64 offset, jit::LinkSite* from = nullptr) {
    return translator->find(
        {.pa = kPa + offset, .va = kPa + offset, .mode = {}, .context = 1, .site = from, .version = code.version},
        stats);
  }
  // Asks for a region of the block, again and again, until one comes or `attempts` are over.
  bool get_region(u64 offset, unsigned attempts) {
    const u64 before = stats.blocks_llvm;
    for (unsigned i = 0; i < attempts && stats.blocks_llvm == before; ++i) {
      TranslatedBlock* const block = find(offset).block;
      REQUIRE(block != nullptr);
      block->requested_ns = 0;
      for (unsigned n = 0; block->requested_ns == 0 && n < 1'000'000; ++n)
        translator->hot({.pa = kPa + offset, .va = kPa + offset, .mode = {}, .context = 1}, stats);
      for (unsigned ms = 0; ms < 20 && !translator->has_regions(); ++ms)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (translator->has_regions()) translator->publish(stats);
    }
    return stats.blocks_llvm != before;
  }
};

constexpr unsigned kPatient = 2000;  // attempts of 20 ms

}  // namespace

TEST_CASE("limits: the baseline's code memory is emptied when it is full, and running goes on") {
  Settings settings;
  if (!jit::tier_available(Tier::Baseline)) return;
  Bench b([](Settings& s) {
    s.tier = Tier::Baseline;
    s.code_cache = 192 << 10;
  });
  const jit::Tier& compiler = *b.translator->compiler();
  REQUIRE(compiler.capacity() <= 192 << 10);
  for (u64 offset = 0; offset < 8192; offset += 0x10)
    b.code.put(offset, {0x91000400, 0xaa0003e1, 0xf9400062, 0xeb01001f});
  for (unsigned round = 0; round < 2; ++round)
    for (u64 offset = 0; offset < 8192; offset += 4) {
      REQUIRE(b.find(offset).code != nullptr);
      REQUIRE(compiler.used() <= compiler.capacity());
    }
  CHECK(b.stats.cache_flushes >= 2);
  CHECK(b.stats.baseline_bytes > 2 * (192 << 10));
}

TEST_CASE("limits: of the regions that wait for the compile thread the oldest go") {
  if (!jit::regions_available()) return;
  Settings settings;
  settings.code_cache = 8 << 20;
  settings.llvm_queue = 2;
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  std::vector<u64> compiled;
  const auto make_ir = [&](ir::Block& out, const RegionJob::Source& source, cpu::Mode mode) {
    std::unique_lock lock(mutex);
    compiled.push_back(source.pa);
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
    frontend::translate(out, source.words, 0, mode, 4);
  };
  {
    Tiering tiering(settings, make_ir, [] {});
    const auto request = [&](u64 pa) {
      RegionJob job;
      job.pa = pa;
      job.sources.push_back({pa, 0, kLoop});
      job.requested_ns = Tiering::now_ns();
      tiering.request(std::move(job));
    };
    request(0);
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return compiled.size() == 1; });
    for (u64 pa = 1; pa < 10; ++pa) request(pa);
    open = true;
    changed.notify_all();
    // The newest first. A machine that is busy for Tiering::kPatienceNs may drop one more.
    changed.wait_for(lock, std::chrono::seconds(60), [&] { return compiled.size() >= 3; });
    lock.unlock();
    tiering.reset();
  }
  REQUIRE(compiled.size() >= 1);
  CHECK(compiled.size() <= 3);
  for (usize i = 1; i < compiled.size(); ++i) CHECK(compiled[i] == 10 - i);
}

TEST_CASE("limits: beyond llvm.regions code stays in the baseline, until a flush") {
  if (!jit::regions_available()) return;
  Bench b([](Settings& s) { s.llvm_regions = 3; });
  for (u64 offset = 0; offset < 0x100; offset += 0x20) b.code.put(offset, kLoop);
  for (u64 offset = 0; offset < 0x60; offset += 0x20) CHECK(b.get_region(offset, kPatient));
  CHECK_FALSE(b.get_region(0x60, 20));
  CHECK(b.stats.blocks_llvm == 3);
  CHECK(b.find(0x60).code != nullptr);
  b.translator->flush();
  CHECK(b.get_region(0x60, kPatient));
}

TEST_CASE("limits: a region that would take more than llvm.heap stays in the baseline") {
  if (!jit::regions_available()) return;
  const bool enough = GENERATE(false, true);
  Bench b([&](Settings& s) { s.llvm_heap = enough ? 32 << 20 : 1 << 20; });
  b.code.put(0, kLoop);
  CHECK(b.get_region(0, enough ? kPatient : 20) == enough);
  CHECK(b.find(0).code != nullptr);
}

TEST_CASE("limits: a region has no more instructions than llvm.region_insns beside its first block's") {
  if (!jit::regions_available()) return;
  const u64 most = GENERATE(1u, 400u);
  Bench b([&](Settings& s) { s.llvm_region_insns = most; });
  // b +0x20; there: the loop
  b.code.put(0, {0x14000008});
  b.code.put(0x20, kLoop);
  TranslatedBlock* const entry = b.find(0).block;
  REQUIRE(entry != nullptr);
  REQUIRE(entry->code.links.size() == 1);
  REQUIRE(b.find(0x20, entry->code.links[0]).code != nullptr);
  REQUIRE(b.stats.links == 1);
  for (unsigned i = 0; i < 20; ++i)
    b.translator->hot({.pa = kPa + 0x20, .va = kPa + 0x20, .mode = {}, .context = 1}, b.stats);  // warm, too
  REQUIRE(b.get_region(0, kPatient));
  CHECK(b.find(0).block->promoted->covered.size() == (most == 1 ? 0 : 1));
}

// Regions come and go for as long as the guest runs: what LLVM keeps must not grow with their number.
TEST_CASE("limits: regions that are gone leave no heap behind") {
  if (!jit::regions_available()) return;
  Bench b([](Settings&) {});
  constexpr u64 kRegions = 24;
  for (u64 i = 0; i < kRegions; ++i) b.code.put(i * 0x20, kLoop);
  usize after[4] = {};
  for (usize& bytes : after) {
    for (u64 i = 0; i < kRegions; ++i) REQUIRE(b.get_region(i * 0x20, kPatient));
    const struct mallinfo2 full = mallinfo2();
    b.translator->flush();
    const struct mallinfo2 empty = mallinfo2();
    bytes = empty.uordblks + empty.hblkhd;
    INFO("bytes of heap a region: " << (full.uordblks - empty.uordblks) / kRegions);
    CHECK(full.uordblks < empty.uordblks + kRegions * (64 << 10));
  }
  // The first round warms what is kept for good.
  CHECK(after[3] < after[1] + (1 << 20));
}
