// An exec space: the executable mappings of one half of the address space, under one table base and privilege.
//
// It has a key that names "these mappings": links between pages and indirect-branch caches hold while the key does.
// Spaces are known by their table base and not by ASID, so that a kernel half that every process shares keeps its key
// across process switches (with KPTI its entries are tagged per process). Every descriptor that an executable mapping
// was made from is remembered; maintenance that may reach the space makes it compare them with memory, and only a
// difference gives it a new key. So is an ASID that comes to the table base anew: it could have been given to other
// tables without maintenance.
//
// Processors with the same tables share key and descriptors (ExecMappings), so that links which one of them made hold
// for all. What a processor has verified, and for which maintenance, is its own (ExecSpace), as is its fetch table.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "softmmu/bank.h"
#include "softmmu/exec_registry.h"
#include "softmmu/maintenance.h"
#include "softmmu/walk.h"

namespace ferry::softmmu {

struct FetchEntry {
  u64 tag = cpu::kTlbInvalid;  // raw VA of the page
  u64 pa_page = 0;
  const u8* host = nullptr;
  bool guarded = false;
};

class ExecSpace {
 public:
  // Everything forgotten, another identity.
  void assign(u64 id, RegimeId regime, unsigned half, std::shared_ptr<ExecMappings> mappings);
  // A new key for these mappings, here and for the others that share them, unless another gave them one meanwhile.
  void renew(ExecRegistry& registry);

  u64 id() const { return id_; }
  u32 key() const { return key_; }
  FetchEntry& entry(u64 va) { return fetch_[(va >> kPageShift) % fetch_.size()]; }

  // Whether what is remembered still holds for `asid` after all of the log. When not, renew() before further use. The
  // key may be another afterwards.
  bool holds(u16 asid, const MaintenanceLog& log) {
    if (current_asid_ == asid && current_seen_ == log.head() &&
        current_version_ == mappings_->version.load(std::memory_order_acquire))
      return true;
    return check(asid, log);
  }

  // Remembers the descriptors of an executable mapping of va; host[i] is where the i-th lies. False: one of them
  // differs from what was remembered, or there are too many, or the key is no longer this one; renew() and record
  // again.
  bool record(u64 va, const Translation& t, const Regime& regime, const u64* const host[]);

  u64 last_used = 0;

 private:
  struct Verified {
    u32 asid = ~0u;
    u64 seen = 0;
    usize nodes = 0;
  };
  static constexpr usize kMaxVerified = 8;

  bool check(u16 asid, const MaintenanceLog& log);
  void adopt();

  u64 id_ = 0;
  u32 key_ = 0;
  RegimeId regime_ = RegimeId::El10;
  unsigned half_ = 0;
  std::shared_ptr<ExecMappings> mappings_;
  u32 current_asid_ = ~0u;
  u64 current_seen_ = 0, current_version_ = 0;
  std::array<Verified, kMaxVerified> verified_{};
  usize next_verified_ = 0;
  std::array<FetchEntry, 512> fetch_{};
};

// A processor's bounded set of spaces by identity, least recently used out first.
class ExecSpacePool {
 public:
  static constexpr usize kSpaces = 64;
  explicit ExecSpacePool(ExecRegistry& registry) : registry_(registry) {}

  // The space with that number (never 0), which stands for the identity.
  ExecSpace& get(u64 id, const ExecIdentity& identity, RegimeId regime, unsigned half);
  ExecRegistry& registry() { return registry_; }
  // Every space gets a new key.
  void renew_all();
  // Numbers will stand for other identities.
  void clear();

 private:
  usize make_room();

  std::array<u8, 64> hint_{};  // by hash of the number: where it was last
  std::vector<u64> ids_;
  std::vector<std::unique_ptr<ExecSpace>> spaces_;
  u64 clock_ = 0;
  ExecRegistry& registry_;
};

}  // namespace ferry::softmmu
