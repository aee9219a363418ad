// The executable mappings of a machine's processors, and the keys that name them: the part of exec spaces
// (exec_space.h) that processors with the same tables share.
#pragma once
#include <atomic>
#include <compare>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/types.h"
#include "softmmu/walk.h"

namespace ferry::softmmu {

// What makes two processors' executable mappings the same: table base, half and privilege, and the registers that
// decide what a descriptor means.
struct ExecIdentity {
  u64 place = 0, sctlr = 0, tcr = 0, mair = 0;
  auto operator<=>(const ExecIdentity&) const = default;
};

// The shared part. Everything but the version is under its mutex.
struct ExecMappings {
  struct Node {
    u64 id = 0;  // address range that the descriptor covers: (VA<55:0> >> span) << 6 | span; 0 = empty
    const u64* at = nullptr;
    u64 value = 0;
  };

  void renew(u32 new_key);
  // False: a descriptor differs from what was remembered, or there are too many.
  bool record(u64 va, const Translation& t, unsigned granule, const u64* const host[]);
  // Whether the descriptors from the n-th on, in the order they came, are what memory holds.
  bool unchanged_from(usize n) const;
  bool unchanged_at(u64 va, u64 pages) const;

  std::mutex mutex;
  std::atomic<u64> version{1};  // counts changes of anything here
  u32 key = 0;
  bool has_global = false;
  u64 spans = 0;  // bit n: nodes that cover 2^n bytes exist
  std::vector<Node> in_order;
  std::vector<Node> table = std::vector<Node>(64);  // the same, hashed

 private:
  static constexpr usize kMaxNodes = 16384;
  const Node* find(u64 id) const;
  void grow();
};

// All spaces of a machine, and the numbers that are their keys.
class ExecRegistry {
 public:
  std::shared_ptr<ExecMappings> get(const ExecIdentity& identity);
  // Never used before since the last renumber(), never 0. Any thread.
  u32 new_key() { return last_key_.fetch_add(1, std::memory_order_relaxed) + 1; }
  // The numbers come to their end: renumber() is to be called soon.
  bool is_low() const { return last_key_.load(std::memory_order_relaxed) >= kLow; }
  // Every space gets a new key, from 1 on. Only while no processor is inside translated code and nothing remembers an
  // old key.
  void renumber();
  void use_up(u32 last_key) { last_key_ = last_key; }  // for tests

 private:
  static constexpr u32 kLow = 0xffff0000;
  std::mutex mutex_;
  std::map<ExecIdentity, std::weak_ptr<ExecMappings>> spaces_;
  std::atomic<u32> last_key_{0};
};

}  // namespace ferry::softmmu
