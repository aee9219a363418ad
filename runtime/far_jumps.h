// The indirect-branch cache behind the jump cache that translated code looks into: many more entries, and addresses of
// several contexts beside each other. A branch that finds its target here needs no fetch, no lock and no block cache.
#pragma once
#include <array>
#include <bit>
#include <cstdlib>
#include <memory>

#include "core/check.h"
#include "core/types.h"
#include "cpu/state.h"

namespace ferry::runtime {

class FarJumps {
 public:
  FarJumps() { ASSERT(entries_ != nullptr, "no memory for a table of jumps"); }

  // The entry for va in that context, or null. As true as an entry of the jump cache: purge() and clear() come in time.
  const cpu::JumpEntry* find(u64 va, u64 context) const {
    const Entry& e = entries_.get()[index(va, context)];
    return e.jump.va == va && e.jump.context == context && e.generation == generation_ ? &e.jump : nullptr;
  }
  void put(const cpu::JumpEntry& jump) {
    const usize at = index(jump.va, jump.context);
    entries_.get()[at] = {jump, generation_};
    filled_[at >> kSideBits] |= u64{1} << (at & kSideMask);
  }
  // Entries for the block at pa that lead to one of these go. Where a page stands is anybody's guess, so all that share
  // the offset in the page are looked at; they stand side by side.
  void purge(u64 pa, const void* code, const void* first) {
    u64& filled = filled_[(pa & 0xfff) >> 2];
    Entry* const side = entries_.get() + (((pa & 0xfff) >> 2) << kSideBits);
    for (u64 left = filled; left != 0; left &= left - 1) {
      Entry& e = side[std::countr_zero(left)];
      if (e.generation == generation_ && e.jump.code != code && e.jump.code != first) continue;
      e.generation = 0;
      filled &= ~(left & (0 - left));
    }
  }
  void clear() { ++generation_; }

 private:
  static constexpr unsigned kSideBits = 6;
  static constexpr usize kSideMask = (usize{1} << kSideBits) - 1;
  struct Entry {
    cpu::JumpEntry jump;
    u64 generation;  // 0: never valid
  };
  static usize index(u64 va, u64 context) {
    const u64 h = ((va >> 12) * 0x9e3779b97f4a7c15) ^ ((context >> 32) * 0xc2b2ae3d27d4eb4f);
    return ((va & 0xfff) >> 2) << kSideBits | h >> (64 - kSideBits);
  }
  struct Free {
    void operator()(Entry* p) const { std::free(p); }
  };
  // Zero pages until they are used.
  std::unique_ptr<Entry, Free> entries_{static_cast<Entry*>(std::calloc(usize{1024} << kSideBits, sizeof(Entry)))};
  std::array<u64, 1024> filled_{};  // by offset in the page: which of those side by side were filled
  u64 generation_ = 1;
};

}  // namespace ferry::runtime
