// Guest words in any Mode: translated into IR that the verifier takes, before and after the passes.
#include <cstring>

#include "core/check.h"
#include "frontend/translate.h"
#include "ir/passes.h"
#include "ir/verify.h"
#include "jit/helper_effects.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace ferry;
  if (size < 12) return 0;
  u32 head[2];
  std::memcpy(head, data, sizeof head);
  std::vector<u32> words(std::min<usize>((size - 8) / 4, 64));
  std::memcpy(words.data(), data + 8, 4 * words.size());
  cpu::Mode mode;
  mode.value = head[0];
  mode.set_el(head[0] & 1);  // EL0 or EL1: no processor here has more
  const u32 limit = static_cast<u32>(words.size());
  const u32 offset = (head[1] & 0xfff) % (4096 - 4 * limit) & ~3u;
  const cpu::FeatureSet features = head[1] >> 31 != 0 ? cpu::implemented_features() : cpu::FeatureSet{};
  ir::Block block;
  frontend::translate(block, words, offset, mode, limit, features);
  ASSERT(ir::verify(block).empty(), "the frontend makes valid IR of any words");
  ASSERT(ir::optimize(block, jit::helper_effects, true).empty(), "the passes keep IR valid");
  return 0;
}
