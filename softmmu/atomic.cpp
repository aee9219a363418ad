// Atomic accesses: store exclusive against the local monitor, and the single-instruction atomics of FEAT_LSE.
#include <cstring>

#include "softmmu/host_atomic.h"
#include "softmmu/mmu.h"

namespace ferry::softmmu {

// Resolves an access that must be to memory, aligned or (FEAT_LSE2) in 16 aligned bytes: null when it faulted. IMPDEF:
// a store exclusive faults as a store does, whether or not the monitor would have let it store.
Mmu::Page* Mmu::atomic_page(const MemInfo& info, u64 va, Kind kind, Page& page) {
  const bool write = kind == Kind::Write;
  ++statistics_.exclusives;
  if ((va & (info.bytes() - 1)) != 0 && !check_relaxed(va, info, true)) {
    data_fault(va, {.kind = FaultKind::Alignment}, write);
    return nullptr;
  }
  if (!resolve(bank_of(info), va, kind, page)) {
    refused(va, info.bytes(), write);
    return nullptr;
  }
  if (page.device && (va & (info.bytes() - 1)) != 0) {
    data_fault(va, {.kind = FaultKind::Alignment}, write);
    return nullptr;
  }
  if (kind == Kind::ReadWrite && !check_watch(va, info.bytes(), false, info.unprivileged)) return nullptr;
  if (!check_watch(va, info.bytes(), true, info.unprivileged)) return nullptr;
  if (page.host != nullptr) return &page;
  data_fault(va, {.kind = FaultKind::UnsupportedAtomic}, write);
  return nullptr;
}

// DEVIATION: the monitor compares values, so a foreign write of the same value goes unseen.
u64 Mmu::store_exclusive(const MemInfo& info, u64 va, U128 value) {
  Page page;
  if (atomic_page(info, va, Kind::Write, page) == nullptr) return 1;
  const unsigned size = info.bytes();
  const bool open = s_.monitor_size != size || s_.monitor_host != reinterpret_cast<u64>(page.host);
  s_.monitor_size = 0;
  if (open) return 1;
  U128 expected = s_.monitor_value;
  return compare_exchange_sized(page.host, size, expected, value) ? 0 : 1;
}

// The two words of a CASP of words are one value in memory; each comes in the low half of a register.
namespace {

U128 joined(U128 words) { return {(words.lo & low_mask(32)) | words.hi << 32, 0}; }

}  // namespace

u64 Mmu::atomic(u64 va, u32 access, u64 kind, u64 v0, u64 v1) {
  s_.site = access_site(access);
  ++statistics_.slow_stores;
  const MemInfo info = MemInfo::decode(access);
  Page page;
  if (atomic_page(info, va, Kind::ReadWrite, page) == nullptr) return 0;
  const unsigned size = info.bytes();
  if (info.pair) {  // CASP
    U128 expected = s_.vargs[0], desired = s_.vargs[1];
    if (size == 8) {
      expected = joined(expected);
      desired = joined(desired);
    }
    compare_exchange_sized(page.host, size, expected, desired);
    s_.vargs[0] = size == 8 ? U128{expected.lo & low_mask(32), expected.lo >> 32} : expected;
    return s_.vargs[0].lo;
  }
  if (kind != kRmwCas) return read_modify_write(page.host, size, kind, v0);
  U128 found{v0 & low_mask(8 * size), 0};
  compare_exchange_sized(page.host, size, found, {v1, 0});
  return found.lo;
}

}  // namespace ferry::softmmu
