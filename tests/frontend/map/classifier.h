// Whether a word is allocated here, without asking Capstone for each: the tables of rows, and the reserved field values
// that the rows' functions find.
#pragma once
#include <vector>

#include "frontend/pattern.h"
#include "ir/builder.h"

namespace ferry::map {

struct Verdict {
  const frontend::Row* row = nullptr;  // nullptr: no row has the word
  bool allocated = false;
  bool ambiguous = false;  // several rows match: Capstone decides
};

// Not thread-safe: one a thread.
class Classifier {
 public:
  Classifier(cpu::Mode mode, cpu::FeatureSet features) : mode_(mode), features_(features) {}
  // Words of one group share their high 16 bits.
  void begin_group(u32 high);
  Verdict classify(u32 word);
  // What the decoder itself says of the word, Capstone included.
  bool decoded(u32 word);

 private:
  bool emits(frontend::EmitFn fn, u32 word);

  cpu::Mode mode_;
  cpu::FeatureSet features_;
  std::vector<const frontend::Row*> rows_;
  ir::Block block_;
};

}  // namespace ferry::map
