#include "frontend/translate.h"

#include <algorithm>

#include "core/check.h"
#include "frontend/insn.h"

namespace ferry::frontend {
namespace {

constexpr u32 kPageBytes = 4096;
constexpr u32 kLookAhead = 5;  // instructions: most blocks are no longer

// Instructions this block may hold at most.
u32 limit_of(std::span<const u32> words, u32 page_offset, cpu::Mode mode, unsigned max_insns) {
  if (mode.single_step() != 0 || mode.breakpoints() != 0) return 1;
  const usize limit = std::min<usize>({max_insns, ir::kMaxBlockInsns, (kPageBytes - page_offset) / 4, words.size()});
  return static_cast<u32>(limit);
}

}  // namespace

void translate(ir::Block& out, std::span<const u32> words, u32 page_offset, cpu::Mode mode, unsigned max_insns,
               cpu::FeatureSet features) {
  ASSERT(page_offset % 4 == 0 && page_offset < kPageBytes, "a block starts at an instruction of its page");
  ASSERT(!words.empty() && max_insns > 0, "a block has at least one instruction");
  out.insts.clear();
  out.page_offset = page_offset;
  out.insn_count = 0;
  out.mode = mode.value;
  ir::Builder b(out);
  Context c{.b = b, .mode = mode, .features = features};
  const u32 limit = limit_of(words, page_offset, mode, max_insns);
  for (u32 i = 1; i < std::min(limit, kLookAhead); ++i) decode_soon(words[i]);
  for (u32 i = 0; i < limit; ++i) {
    const u32 word = words[i];
    if (i + kLookAhead < limit) decode_soon(words[i + kLookAhead]);
    c.offset = page_offset + 4 * i;
    b.insn(word, c.offset / 4);
    ++out.insn_count;
    if (mode.illegal() != 0)
      c.exception(0x0e, 0);  // PSTATE.IL: Illegal Execution state
    else
      decode(word)(c, word);
    if (c.ended) return;
  }
  b.exit_next(page_offset + 4 * limit);
}

}  // namespace ferry::frontend
