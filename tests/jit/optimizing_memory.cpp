// The optimizing tier's code memory: ranges are given back and taken again, whatever is compiled and dropped.
#include "jit/tiers.h"
#ifdef FERRY_HAS_OPTIMIZING
#include <random>

#include "ir/builder.h"
#include "jit/load_optimizing.h"
#include "jit/slab.h"
#include "machine.h"
#include "tests/catch.h"

namespace ferry::jit::test {
namespace {

ir::Block adds(unsigned reg, u64 n, unsigned insns) {
  ir::Block block;
  block.insn_count = insns;
  ir::Builder b(block);
  for (unsigned i = 0; i < insns; ++i) {
    b.insn(0, i);
    b.set_x(reg, b.add_imm(b.mul(b.get_x(ir::Type::I64, reg), b.imm64(3 + i)), n));
  }
  b.exit_next(static_cast<i64>(4) * insns);
  return block;
}

}  // namespace

TEST_CASE("slab: ranges are aligned, do not overlap, and merge when they are free") {
  Slab slab(1 << 16);
  std::mt19937_64 random(3);
  std::map<usize, usize> taken;
  for (unsigned i = 0; i < 20000; ++i) {
    if (taken.empty() || random() % 2 == 0) {
      const usize size = 1 + random() % 3000, align = usize{1} << random() % 8;
      const usize at = slab.allocate(size, align);
      if (at == Slab::kNone) {
        REQUIRE(slab.used() + size + align > 1 << 12);
        continue;
      }
      REQUIRE(at % align == 0);
      REQUIRE(at + size <= 1 << 16);
      const auto next = taken.lower_bound(at);
      if (next != taken.end()) REQUIRE(at + size <= next->first);
      if (next != taken.begin()) REQUIRE(std::prev(next)->first + std::prev(next)->second <= at);
      taken[at] = size;
    } else {
      auto it = taken.begin();
      std::advance(it, random() % taken.size());
      slab.release(it->first);
      taken.erase(it);
    }
    REQUIRE(slab.ranges() == taken.size());
  }
  for (const auto& [at, size] : taken) slab.release(at);
  CHECK(slab.used() == 0);
  CHECK(slab.allocate(1 << 16, 1) == 0);
}

TEST_CASE("optimizing: released units make room for any number of others") {
  auto tier = std::move(*make_optimizing(1 << 16, 0));
  const usize empty = tier->used();
  Machine m;
  std::vector<CompiledCode> kept;
  // 64 KiB hold some dozens of them at a time.
  for (unsigned i = 0; i < 300; ++i) {
    auto code = tier->compile(adds(20, i, 1 + i % 7), nullptr);
    REQUIRE(code.ok());
    kept.push_back(std::move(*code));
    if (kept.size() < 8) continue;
    // Not the oldest: one in the middle, so that gaps open and close.
    const usize at = i % kept.size();
    tier->release(kept[at]);
    kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(at));
  }
  for (CompiledCode& code : kept) {
    m.s.x[20] = 0;
    CHECK(tier->enter(m.s, code.entry) == static_cast<u32>(ExitReason::Next));
    CHECK(m.s.link_site == code.links[0]);
  }
  for (CompiledCode& code : kept) tier->release(code);
  CHECK(tier->used() == empty);
}

TEST_CASE("optimizing: a release that comes after reset is harmless") {
  auto tier = std::move(*make_optimizing(1 << 17, 0));
  auto old = tier->compile(adds(3, 1, 1), nullptr);
  REQUIRE(old.ok());
  tier->reset();
  auto fresh = tier->compile(adds(3, 5, 1), nullptr);
  REQUIRE(fresh.ok());
  const usize used = tier->used();
  tier->release(*old);
  CHECK(tier->used() == used);
  Machine m;
  m.s.x[3] = 0;
  tier->enter(m.s, fresh->entry);
  CHECK(m.s.x[3] == 5);
}

}  // namespace ferry::jit::test
#endif
