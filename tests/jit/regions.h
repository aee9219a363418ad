// What tests of regions share: regions of blocks built by hand, compiled at each level, run, and held against the
// interpreter running their blocks one by one.
#pragma once
#include <deque>

#include "blocks.h"
#include "jit/load_optimizing.h"
#include "kept_region.h"

namespace ferry::jit::test {

using ir::Builder;

// Blocks of a region, the first its entry.
struct Blocks {
  std::deque<Block> blocks;
  Region region;
  cpu::Mode mode;

  // insns instructions at an offset of the page `delta` away from the entry's; emit fills the block and leaves.
  template <class Emit>
  void add(u32 offset, u32 insns, Emit emit, i32 delta = 0) {
    Block& block = blocks.emplace_back();
    block.page_offset = offset;
    block.insn_count = insns;
    block.mode = mode.value;
    Builder b(block);
    for (u32 i = 0; i + 1 < insns; ++i) b.insn(0, offset / 4 + i);
    b.insn(0, offset / 4 + insns - 1);
    emit(b);
    REQUIRE(ir::verify(block) == "");
    region.blocks.push_back({&block, delta});
  }
};

inline void bump(Builder& b, unsigned reg, u64 n) { b.set_x(reg, b.add_imm(b.get_x(Type::I64, reg), n)); }

inline std::unique_ptr<RegionTier> make() {
  const unsigned level = GENERATE(0u, 1u, 2u);
  const bool kept = GENERATE(false, true) && kRegionsAreKept;
  auto tier = make_optimizing(1 << 20, level);
  REQUIRE(tier.ok());
  if (kept) return std::make_unique<KeptRegion>(std::move(*tier), 1 << 20);
  return std::move(*tier);
}

inline CompiledCode compile(RegionTier& tier, const Blocks& b) {
  auto code = tier.compile_region(b.region, nullptr);
  REQUIRE(code.ok());
  return std::move(*code);
}

inline ExitReason enter(jit::Tier& tier, Machine& m, const CompiledCode& code) {
  return static_cast<ExitReason>(tier.enter(m.s, code.entry));
}

// Runs the region's blocks in the interpreter until the budget does not hold the next one, or something else happens.
inline ExitReason interpret(Interpreter& interpreter, Machine& m, const Blocks& r) {
  for (usize at = 0;;) {
    const Block& block = *r.region.blocks[at].ir;
    if (m.s.budget < static_cast<i32>(block.insn_count)) {
      m.s.pc = m.s.pc_page + block.page_offset;
      return ExitReason::Poll;
    }
    m.s.budget -= static_cast<i32>(block.insn_count);
    const ExitReason reason = interpreter.run(m.s, block);
    if (reason != ExitReason::Next) return reason;
    at = 0;
    while (at < r.region.blocks.size() && m.s.pc != m.s.pc_page + r.region.blocks[at].ir->page_offset) ++at;
    if (at == r.region.blocks.size()) return reason;
  }
}

}  // namespace ferry::jit::test
