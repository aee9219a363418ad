// A bank's second level: translations that did not fit beside others in the tables that translated code probes. A guest
// that works on more pages than those hold finds its pages here instead of walking. What stands here is what a walk
// found; whether the page may stand in a write table is asked anew each time.
#pragma once
#include <memory>

#include "core/types.h"
#include "softmmu/ram.h"

namespace ferry::softmmu {

class SecondTable {
 public:
  static constexpr unsigned kBits = 15;
  static constexpr usize kEntries = usize{1} << kBits;  // 128 MiB of pages, 512 KiB; allocated with the first of them

  // Of memory that the bank's owner may read.
  struct Entry {
    u64 tag = 0;    // VA of the page with its top byte; bits 11:0 the generation, which is never 0
    u64 value = 0;  // physical address of the page; bit 0: may be written
    u64 pa_page() const { return value & ~kPageOffset; }
    bool writable() const { return (value & 1) != 0; }
  };

  // Null: not here.
  const Entry* find(u64 va) const {
    if (entries_ == nullptr) return nullptr;
    const Entry& e = entries_.get()[index(va)];
    return e.tag == ((va & ~kPageOffset) | generation_) ? &e : nullptr;
  }
  void add(u64 va, u64 pa_page, bool writable);
  // The 2^size_log2 bytes at base, whatever their top byte.
  void drop(u64 base, unsigned size_log2);
  // All of it.
  void clear();

 private:
  struct Free {
    void operator()(Entry* p) const;
  };
  static usize index(u64 va) { return (va >> kPageShift) & (kEntries - 1); }

  std::unique_ptr<Entry[], Free> entries_;
  u64 generation_ = 1;
};

}  // namespace ferry::softmmu
