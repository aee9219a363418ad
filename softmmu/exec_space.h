// An exec space: the executable mappings of one half of the address space, under one table base and privilege.
//
// It has a key that names "these mappings": links between pages and indirect-branch caches hold while the key does.
// Spaces are known by their table base and not by ASID, so that a kernel half that every process shares keeps its key
// across process switches (with KPTI its entries are tagged per process). Every descriptor that an executable mapping
// was made from is remembered; maintenance that may reach the space makes it compare them with memory, and only a
// difference gives it a new key. So is an ASID that comes to the table base anew: it could have been given to other
// tables without maintenance.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "softmmu/address_space.h"
#include "softmmu/bank.h"
#include "softmmu/maintenance.h"
#include "softmmu/walk.h"

namespace ferry::softmmu {

struct FetchEntry {
  u64 tag = cpu::kTlbInvalid;  // raw VA of the page
  u64 pa_page = 0;
  const u8* host = nullptr;
};

class ExecSpace {
 public:
  // Everything forgotten, a new identity. new_key: a key never used before.
  void assign(u64 id, RegimeId regime, unsigned half, u32 new_key);
  // Everything forgotten, same identity.
  void renew(u32 new_key);

  u64 id() const { return id_; }
  u32 key() const { return key_; }
  FetchEntry& entry(u64 va) { return fetch_[(va >> kPageShift) % fetch_.size()]; }

  // Whether what is remembered still holds for `asid` after all of the log. When not, renew() before further use.
  bool holds(u16 asid, const MaintenanceLog& log) {
    if (current_asid_ == asid && current_seen_ == log.head()) return true;
    return check(asid, log);
  }

  // Remembers the descriptors of an executable mapping of va; host[i] is where the i-th lies. False: one of them
  // differs from what was remembered, or there are too many; renew() and record again.
  bool record(u64 va, const Translation& t, const Regime& regime, const u64* const host[]);

  u64 last_used = 0;

 private:
  struct Node {
    u64 id = 0;  // address range that the descriptor covers: (VA<55:0> >> span) << 6 | span; 0 = empty
    const u64* at = nullptr;
    u64 value = 0;
  };
  struct Verified {
    u32 asid = ~0u;
    u64 seen = 0;
  };
  static constexpr usize kMaxNodes = 16384, kMaxVerified = 8;

  bool check(u16 asid, const MaintenanceLog& log);
  bool all_unchanged() const;
  bool unchanged_at(u64 va, u64 pages) const;
  Node* find(u64 id);
  const Node* find(u64 id) const { return const_cast<ExecSpace*>(this)->find(id); }
  void grow();

  u64 id_ = 0;
  u32 key_ = 0;
  RegimeId regime_ = RegimeId::El10;
  unsigned half_ = 0;
  bool has_global_ = false;
  u32 current_asid_ = ~0u;
  u64 current_seen_ = 0;
  std::array<Verified, kMaxVerified> verified_{};
  usize next_verified_ = 0;
  u64 spans_ = 0;  // bit n: nodes that cover 2^n bytes exist
  usize node_count_ = 0;
  std::vector<Node> nodes_ = std::vector<Node>(64);
  std::array<FetchEntry, 512> fetch_{};
};

// A bounded set of spaces by identity, least recently used out first.
class ExecSpacePool {
 public:
  static constexpr usize kSpaces = 64;
  explicit ExecSpacePool(AddressSpace& space) : space_(space) {}

  // The space with that identity (never 0); a new one has a new key.
  ExecSpace& get(u64 id, RegimeId regime, unsigned half);
  u32 new_key() { return space_.new_exec_key(); }
  // Every space gets a new key.
  void renew_all();

 private:
  usize make_room();

  std::array<u8, 64> hint_{};  // by hash of the identity: where it was last
  std::vector<u64> ids_;
  std::vector<std::unique_ptr<ExecSpace>> spaces_;
  u64 clock_ = 0;
  AddressSpace& space_;
};

}  // namespace ferry::softmmu
