// Atomic accesses: store exclusive against the local monitor, and the single-instruction atomics of FEAT_LSE.
#include <cstring>

#include "softmmu/host_atomic.h"
#include "softmmu/mmu.h"

namespace ferry::softmmu {

// Resolves an aligned access that must be to memory: null when it faulted. IMPDEF: a store exclusive faults as a store
// does, whether or not the monitor would have let it store.
Mmu::Page* Mmu::atomic_page(const MemInfo& info, u64 va, Kind kind, Page& page) {
  const bool write = kind == Kind::Write;
  if ((va & (info.bytes() - 1)) != 0) {
    data_fault(va, {.kind = FaultKind::Alignment}, write);
    return nullptr;
  }
  if (!resolve(bank_of(info), va, kind, page)) return nullptr;
  if (kind == Kind::ReadWrite && !check_watch(va, info.bytes(), false, info.unprivileged)) return nullptr;
  if (!check_watch(va, info.bytes(), true, info.unprivileged)) return nullptr;
  if (page.host != nullptr) return &page;
  data_fault(va, {.kind = FaultKind::UnsupportedAtomic}, write);
  return nullptr;
}

namespace {

template <class T>
bool exchange_if(u8* at, u64 expected, u64 desired, u64* found = nullptr) {
  T old = static_cast<T>(expected);
  const bool stored = compare_exchange<T>(at, old, static_cast<T>(desired));
  if (found != nullptr) *found = old;
  return stored;
}

bool exchange_if_sized(u8* at, unsigned size, u64 expected, u64 desired, u64* found = nullptr) {
  switch (size) {
    case 1: return exchange_if<u8>(at, expected, desired, found);
    case 2: return exchange_if<u16>(at, expected, desired, found);
    case 4: return exchange_if<u32>(at, expected, desired, found);
    default: return exchange_if<u64>(at, expected, desired, found);
  }
}

}  // namespace

// DEVIATION: the monitor compares values, so a foreign write of the same value goes unseen.
u64 Mmu::store_exclusive(const MemInfo& info, u64 va, U128 value) {
  Page page;
  if (atomic_page(info, va, Kind::Write, page) == nullptr) return 1;
  const unsigned size = info.bytes();
  const bool open = s_.monitor_size != size || s_.monitor_pa != physical(page);
  s_.monitor_size = 0;
  if (open) return 1;
  if (size == 16) {
    U128 expected = s_.monitor_value;
    return compare_exchange_128(page.host, expected, value) ? 0 : 1;
  }
  return exchange_if_sized(page.host, size, s_.monitor_value.lo, value.lo) ? 0 : 1;
}

u64 Mmu::atomic(u64 va, u32 access, u64 kind, u64 v0, u64 v1) {
  s_.site = access_site(access);
  ++statistics_.slow_stores;
  const MemInfo info = MemInfo::decode(access);
  Page page;
  if (atomic_page(info, va, Kind::ReadWrite, page) == nullptr) return 0;
  const unsigned element = 1u << info.size_log2;
  if (info.pair) {  // CASP
    const U128 expected = s_.vargs[0], desired = s_.vargs[1];
    if (element == 8) {
      U128 found = expected;
      compare_exchange_128(page.host, found, desired);
      s_.vargs[0] = found;
    } else {
      u64 found = 0;
      exchange_if<u64>(page.host, (expected.lo & low_mask(32)) | expected.hi << 32,
                       (desired.lo & low_mask(32)) | desired.hi << 32, &found);
      s_.vargs[0] = {found & low_mask(32), found >> 32};
    }
    return s_.vargs[0].lo;
  }
  if (kind == kRmwCas) {
    u64 found = 0;
    exchange_if_sized(page.host, element, v0, v1, &found);
    return found;
  }
  const RmwKind rmw = static_cast<RmwKind>(kind);
  switch (element) {
    case 1: return read_modify_write<u8>(page.host, rmw, static_cast<u8>(v0));
    case 2: return read_modify_write<u16>(page.host, rmw, static_cast<u16>(v0));
    case 4: return read_modify_write<u32>(page.host, rmw, static_cast<u32>(v0));
    default: return read_modify_write<u64>(page.host, rmw, v0);
  }
}

}  // namespace ferry::softmmu
