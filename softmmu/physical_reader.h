// Descriptors straight from physical memory; remembers where they lie on the host.
#pragma once
#include "softmmu/address_space.h"
#include "softmmu/walk.h"

namespace ferry::softmmu {

class PhysicalReader final : public TableReader {
 public:
  explicit PhysicalReader(const AddressSpace& space) : space_(space) {}

  Fault read(u64 pa, u64& value) override {
    const u8* at = space_.memory_at(pa, 8);
    if (at == nullptr) {
      const Region* region = space_.find(pa);
      const u8* page = region != nullptr ? region->readable_page(pa & ~kPageOffset) : nullptr;
      if (page == nullptr) return {.kind = FaultKind::ExternalOnWalk};
      at = page + (pa & kPageOffset);
    }
    const u64* descriptor = reinterpret_cast<const u64*>(at);
    if (count_ < 4) hosts_[count_++] = descriptor;
    value = __atomic_load_n(descriptor, __ATOMIC_RELAXED);
    return {};
  }

  // Another walk begins.
  void restart() { count_ = 0; }
  // Of the descriptors read so far, in order.
  const u64* const* hosts() const { return hosts_; }

 private:
  const AddressSpace& space_;
  const u64* hosts_[4] = {};
  unsigned count_ = 0;
};

}  // namespace ferry::softmmu
