// Ranges of one code memory: first fit, freed ranges merge with their neighbours. Not synchronised.
#pragma once
#include <map>

#include "core/types.h"

namespace ferry::jit {

class Slab {
 public:
  explicit Slab(usize capacity) { free_[0] = capacity; }
  static constexpr usize kNone = ~usize{0};
  // size in bytes; align a power of two. The offset of the range, or kNone.
  usize allocate(usize size, usize align);
  // A range that allocate() gave out.
  void release(usize offset);
  usize size_of(usize offset) const { return taken_.at(offset).size; }
  usize used() const { return used_; }
  usize ranges() const { return taken_.size(); }

 private:
  struct Range {
    usize from = 0, size = 0;  // with what alignment skipped
  };
  std::map<usize, usize> free_;   // offset to size
  std::map<usize, Range> taken_;  // by the offset given out
  usize used_ = 0;
};

}  // namespace ferry::jit
