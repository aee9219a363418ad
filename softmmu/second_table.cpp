#include "softmmu/second_table.h"

#include <cstdlib>
#include <cstring>

#include "core/check.h"

namespace ferry::softmmu {

void SecondTable::Free::operator()(Entry* p) const { std::free(p); }

void SecondTable::add(u64 va, u64 pa_page, bool writable) {
  if (entries_ == nullptr) {
    // Zeroed lazily by the host: what is not used costs no memory.
    entries_.reset(static_cast<Entry*>(std::calloc(kEntries, sizeof(Entry))));
    ASSERT(entries_ != nullptr, "the host has no memory for a TLB bank");
  }
  entries_.get()[index(va)] = {(va & ~kPageOffset) | generation_, pa_page | (writable ? 1u : 0u)};
}

void SecondTable::drop(u64 base, unsigned size_log2) {
  constexpr unsigned kOneByOne = 21;
  if (entries_ == nullptr) return;
  if (size_log2 > kOneByOne) return clear();
  const u64 first = base & ~low_mask(size_log2);
  for (u64 va = first; va != first + (u64{1} << size_log2); va += kPageSize) {
    Entry& e = entries_.get()[index(va)];
    if (((e.tag ^ va) & low_mask(56) & ~kPageOffset) == 0) e.tag = 0;
  }
}

void SecondTable::clear() {
  if (entries_ == nullptr) return;
  if (++generation_ <= kPageOffset) return;
  generation_ = 1;
  std::memset(static_cast<void*>(entries_.get()), 0, kEntries * sizeof(Entry));
}

}  // namespace ferry::softmmu
