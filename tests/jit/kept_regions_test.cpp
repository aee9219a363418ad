// Code of regions as bytes: what is not what save_region gives is refused, code memory has its limit.
#include "jit/tiers.h"
#ifdef FERRY_HAS_OPTIMIZING
#include <cstring>

#include "blocks.h"
#include "jit/load_optimizing.h"
#include "kept_region.h"

namespace ferry::jit::test {
namespace {

struct Saved {
  std::vector<u8> calls, region;
};

// x0 += 1 until it is x1.
Saved make_saved() {
  Block block;
  block.insn_count = 3;
  ir::Builder b(block);
  for (u32 i = 0; i < 3; ++i) b.insn(0, i);
  b.set_x(0, b.add_imm(b.get_x(Type::I64, 0), 1));
  b.set_nzcv(b.flags(Op::SubNzcv, b.get_x(Type::I64, 0), b.get_x(Type::I64, 1)));
  b.exit_if(b.cond_holds(1, b.get_nzcv()), 0, 0x80);
  auto tier = std::move(*make_optimizing(1 << 20, 1));
  REQUIRE(tier->compile_region({{{&block, 0}}}, nullptr).ok());
  Saved s;
  REQUIRE(tier->save_region(s.region));
  CHECK_FALSE(tier->save_region(s.calls));  // once
  REQUIRE(tier->save_calls(s.calls));
  return s;
}

}  // namespace

TEST_CASE("saved regions: cut off or with impossible offsets they are refused") {
  if (!kRegionsAreKept) return;
  const Saved s = make_saved();
  for (usize size = 0; size < s.calls.size(); size += 13)
    CHECK_FALSE(KeptRegions::create(1 << 20, std::span(s.calls).first(size)).ok());
  auto tier = std::move(*KeptRegions::create(1 << 20, s.calls));
  const usize before = tier->used();
  for (usize size = 0; size < s.region.size(); ++size)
    CHECK_FALSE(tier->place_region(std::span(s.region).first(size), 0, nullptr).ok());
  // Each word of the header, and of the first exit.
  for (usize at = 0; at < 40 + sizeof(RegionExit); at += 4) {
    if (at == 4 || at == 16 || at == 36 || at == 40 || at == 48) continue;  // any power of two, counts and flags
    std::vector<u8> bad = s.region;
    std::memset(bad.data() + at, 0xfe, 4);
    INFO(at);
    CHECK_FALSE(tier->place_region(bad, 0, nullptr).ok());
  }
  CHECK(tier->used() == before);
  CHECK(tier->place_region(s.region, 0, nullptr).ok());
}

TEST_CASE("saved regions: full code memory is an error, and what is released is free again") {
  if (!kRegionsAreKept) return;
  const Saved s = make_saved();
  auto tier = std::move(*KeptRegions::create(1 << 15, s.calls));
  const usize before = tier->used();
  std::vector<CompiledCode> all;
  for (;;) {
    Result<CompiledCode> code = tier->place_region(s.region, 0, nullptr);
    if (!code) break;
    REQUIRE_FALSE(code->links.empty());
    REQUIRE(all.size() < 1000);
    all.push_back(std::move(*code));
  }
  REQUIRE(all.size() > 3);
  CHECK(tier->regions() == all.size());
  const u64 heap = tier->heap();
  CHECK(heap >= all.size() * sizeof(LinkSite));
  tier->release(all[1]);
  CHECK(tier->heap() == heap - heap / all.size());
  CHECK(tier->place_region(s.region, 0, nullptr).ok());
  tier->reset();
  CHECK(tier->used() == before);
  CHECK(tier->regions() == 0);
  CHECK(tier->heap() == 0);
}

}  // namespace ferry::jit::test
#endif
