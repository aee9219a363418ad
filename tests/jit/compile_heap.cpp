// The heap of the optimizing tier: what it counts is not less than what the allocator gave, and its limit holds.
#ifdef FERRY_HAS_OPTIMIZING
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "regions.h"

namespace ferry::jit::test {
namespace {

u64 allocated() {
  const struct mallinfo2 m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

// The most that was allocated at one time while f ran, above what was before, as another thread sees it: no more than
// the truth.
template <class F>
u64 peak_of(F f) {
  const u64 before = allocated();
  u64 most = before;
  std::atomic<bool> done{false};
  std::thread watcher([&] {
    while (!done.load()) {
      most = std::max(most, allocated());
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  });
  f();
  done.store(true);
  watcher.join();
  return most - before;
}

// Blocks that jump to each other, of ops drawn from `shapes`.
void fill(Blocks& blocks, Random& r, const std::vector<Inst>& shapes, u64 count, unsigned ops) {
  blocks.mode.set_virtual_time(1);
  Generator generator(r, shapes);
  for (u64 i = 0; i < count; ++i) {
    Block& block = blocks.blocks.emplace_back(generator.make(static_cast<u32>(0x40 * i), ops, [&](Builder& b) {
      const Value c = generator.condition(b);
      const i32 first = static_cast<i32>(0x40 * r.below(count));
      b.exit_if(c, first, static_cast<i32>(0x40 * r.below(count)));
    }));
    block.mode = blocks.mode.value;
    REQUIRE(ir::optimize(block, no_calls, false) == "");
    blocks.region.blocks.push_back({&block, 0});
  }
}

constexpr u64 kUnits = 16;

bool is_fp(const Inst& inst) { return ir::info(inst.op).effect == ir::Effect::Fp; }
bool is_integer(const Inst& inst) { return !is_fp(inst) && ir::is_int(inst.type); }

}  // namespace

TEST_CASE("compile heap: the count is no less than what the allocator gave") {
  const unsigned level = GENERATE(0u, 1u, 2u);
  Random r(from_environment("FERRY_SEED", 11) + level);
  const std::vector<Inst> all = all_shapes();
  for (const unsigned kind : {0u, 1u, 2u}) {
    std::vector<Inst> shapes;
    for (const Inst& inst : all)
      if (kind == 2 || (kind == 1 ? is_fp(inst) : is_integer(inst))) shapes.push_back(inst);
    for (const u64 count : {u64{1}, u64{4}, u64{24}}) {
      Blocks blocks;
      fill(blocks, r, shapes, count, 8);
      auto tier = std::move(*make_optimizing(16 << 20, level));
      // What is allocated once, with the first compilation of such a region, is not meant.
      CompiledCode first = compile(*tier, blocks);
      tier->release(first);
      REQUIRE(tier->heap() == 0);
      const u64 before = allocated();
      const u64 peak = peak_of([&] { compile(*tier, blocks); });
      for (u64 i = 1; i < kUnits; ++i) compile(*tier, blocks);
      const u64 after = allocated();
      CAPTURE(level, kind, count, peak, tier->heap_peak(), (after - before) / kUnits, tier->heap() / kUnits);
      CHECK(peak <= tier->heap_peak());
      CHECK(after <= before + tier->heap());
    }
  }
}

TEST_CASE("compile heap: a region that needs more than is left is not made") {
  Random r(3);
  Blocks large;
  fill(large, r, all_shapes(), 24, 8);
  const unsigned level = GENERATE(0u, 1u, 2u);
  const auto free_tier = std::move(*make_optimizing(16 << 20, level));
  REQUIRE(free_tier->compile_region(large.region, nullptr)->entry != nullptr);
  const u64 limit = free_tier->heap_peak() - 1;
  const auto tier = std::move(*make_optimizing(16 << 20, level, false, limit));
  const u64 peak = peak_of([&] {
    auto code = tier->compile_region(large.region, nullptr);
    REQUIRE(code.ok());
    CHECK(code->entry == nullptr);
  });
  CHECK(peak < limit);
  CHECK(tier->regions() == 0);
  CHECK(tier->heap() == 0);
}

TEST_CASE("compile heap: what units keep counts until they are released") {
  Random r(4);
  Blocks small;
  fill(small, r, all_shapes(), 1, 8);
  const auto free_tier = std::move(*make_optimizing(1 << 20, 1));
  REQUIRE(free_tier->compile_region(small.region, nullptr)->entry != nullptr);
  // Room for a compilation beside six units.
  const u64 limit = free_tier->heap_peak() + 6 * free_tier->heap();
  const auto tier = std::move(*make_optimizing(1 << 20, 1, false, limit));
  std::vector<CompiledCode> kept;
  for (unsigned i = 0; i < 7; ++i) kept.push_back(compile(*tier, small));
  CHECK(tier->heap_peak() <= limit);
  CHECK(tier->compile_region(small.region, nullptr)->entry == nullptr);
  tier->release(kept.back());
  tier->hold_heap(1);
  CHECK(tier->compile_region(small.region, nullptr)->entry == nullptr);
  tier->hold_heap(0);
  CHECK(tier->compile_region(small.region, nullptr)->entry != nullptr);
  tier->reset();
  CHECK(tier->heap() == 0);
}

}  // namespace ferry::jit::test
#endif
