#include "jit/slab.h"

#include "core/check.h"

namespace ferry::jit {

usize Slab::allocate(usize size, usize align) {
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    const usize from = it->first, length = it->second;
    const usize skip = (usize{0} - from) & (align - 1);
    if (skip + size > length) continue;
    const usize taken = skip + size;
    free_.erase(it);
    if (taken < length) free_[from + taken] = length - taken;
    taken_[from + skip] = {from, taken};
    used_ += taken;
    return from + skip;
  }
  return kNone;
}

void Slab::release(usize offset) {
  const auto it = taken_.find(offset);
  ASSERT(it != taken_.end(), "a range is released that was not taken");
  Range r = it->second;
  taken_.erase(it);
  used_ -= r.size;
  auto next = free_.lower_bound(r.from);
  if (next != free_.end() && next->first == r.from + r.size) {
    r.size += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == r.from) {
      before->second += r.size;
      return;
    }
  }
  free_[r.from] = r.size;
}

}  // namespace ferry::jit
