#include "tests/frontend/map/classifier.h"

#include "frontend/decoder.h"

namespace ferry::map {

using frontend::Row;

void Classifier::begin_group(u32 high) {
  rows_.clear();
  const u32 top = high << 16;
  for (const auto table : frontend::row_tables())
    for (const Row& r : table)
      if (((top ^ r.value) & r.mask & 0xffff0000) == 0) rows_.push_back(&r);
}

// A function whose only effect is the UNDEFINED exception has found a reserved value.
bool Classifier::emits(frontend::EmitFn fn, u32 word) {
  block_.insts.clear();
  ir::Builder b(block_);
  frontend::Context c{.b = b, .mode = mode_, .features = features_};
  fn(c, word);
  if (!c.ended || block_.insts.empty()) return true;
  const ir::Inst& exit = block_.insts.back();
  return exit.op != ir::Op::ExitException || static_cast<u32>(exit.imm) >> 26 != 0;
}

Verdict Classifier::classify(u32 word) {
  const Row* first = nullptr;
  for (const Row* r : rows_) {
    if ((word & r->mask) != r->value) continue;
    if (first != nullptr) return {first, decoded(word), true};
    first = r;
  }
  return {first, first != nullptr && emits(first->emit, word), false};
}

bool Classifier::decoded(u32 word) { return emits(frontend::decode(word), word); }

}  // namespace ferry::map
