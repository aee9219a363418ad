// TLB maintenance as a log. What is current is dealt with at once; banks and exec spaces that are not current catch up
// when they are selected, by reading what was appended since they last looked.
#pragma once
#include <algorithm>
#include <array>

#include "core/types.h"

namespace ferry::softmmu {

// Translation regimes with TLB entries of their own.
enum class RegimeId : u8 { El10, El2, El3 };

struct Maintenance {
  enum class Kind : u8 { All, Asid, Va, VaAllAsids };
  Kind kind = Kind::All;
  RegimeId regime = RegimeId::El10;
  u16 asid = 0;
  u64 va = 0;     // Va, VaAllAsids: page aligned, any top byte
  u64 pages = 1;  // of 4 KiB

  bool by_va() const { return kind == Kind::Va || kind == Kind::VaAllAsids; }
  unsigned half() const { return bit(va, 55) ? 1 : 0; }
};

class MaintenanceLog {
 public:
  // The number of operations so far: what a reader remembers as "seen".
  u64 head() const { return head_; }

  void append(const Maintenance& m) {
    ring_[head_++ % kSize] = m;
    Epochs& e = epochs_[static_cast<unsigned>(m.regime)];
    switch (m.kind) {
      case Maintenance::Kind::All: e.all = head_; break;
      case Maintenance::Kind::VaAllAsids: e.va_all_asids[m.half()] = head_; break;
      case Maintenance::Kind::Asid: e.asid[m.asid % kAsidClasses] = head_; break;
      case Maintenance::Kind::Va:
        e.asid[m.asid % kAsidClasses] = head_;
        e.va[m.half()] = head_;
        break;
    }
  }

  // Whether an operation after `seen` may reach entries of this regime and ASID in a half, or its global entries.
  // Quick; may say yes in vain.
  bool concerns(u64 seen, RegimeId regime, u16 asid, unsigned half, bool has_global) const {
    const Epochs& e = epochs_[static_cast<unsigned>(regime)];
    return std::max({e.all, e.va_all_asids[half], e.asid[asid % kAsidClasses], has_global ? e.va[half] : 0}) > seen;
  }

  // Calls apply(operation) for each one after `seen`, oldest first. False: they are no longer all here, assume the
  // worst.
  template <class Apply>
  bool replay(u64 seen, Apply&& apply) const {
    if (head_ - seen > kSize) return false;
    for (u64 i = seen; i != head_; ++i) apply(ring_[i % kSize]);
    return true;
  }

 private:
  static constexpr usize kSize = 512, kAsidClasses = 1024;
  struct Epochs {
    u64 all = 0;
    u64 va_all_asids[2] = {};
    u64 va[2] = {};
    std::array<u64, kAsidClasses> asid{};
  };
  u64 head_ = 0;
  std::array<Maintenance, kSize> ring_{};
  std::array<Epochs, 3> epochs_{};
};

}  // namespace ferry::softmmu
