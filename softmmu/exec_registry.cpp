#include "softmmu/exec_registry.h"

#include "softmmu/ram.h"

namespace ferry::softmmu {

namespace {

// Bits 58:55 of a descriptor are for software's use, whatever its kind.
constexpr u64 kSignificant = ~(u64{0xf} << 55);

u64 hash(u64 v) { return (v * 0x9e3779b97f4a7c15u) >> 40; }
u64 node_id(u64 va, unsigned span) { return (va & low_mask(56)) >> span << 6 | span; }
bool is_unchanged(const ExecMappings::Node& node) {
  return ((__atomic_load_n(node.at, __ATOMIC_RELAXED) ^ node.value) & kSignificant) == 0;
}

}  // namespace

// --- ExecMappings ---

void ExecMappings::renew(u32 new_key) {
  key = new_key;
  has_global = false;
  spans = 0;
  if (!in_order.empty()) table.assign(64, {});
  in_order.clear();
  version.fetch_add(1, std::memory_order_release);
}

const ExecMappings::Node* ExecMappings::find(u64 id) const {
  for (usize i = hash(id) % table.size();; i = (i + 1) % table.size())
    if (table[i].id == id || table[i].id == 0) return &table[i];
}

void ExecMappings::grow() {
  table.assign(table.size() * 2, {});
  for (const Node& node : in_order) *const_cast<Node*>(find(node.id)) = node;
}

bool ExecMappings::record(u64 va, const Translation& t, unsigned granule, const u64* const host[]) {
  for (unsigned i = 0; i < t.descriptors; ++i) {
    const unsigned span = granule + (granule - 3) * (3u - (t.first_level + i));
    const Node* found = find(node_id(va, span));
    if (found->id != 0) {
      if (found->at != host[i] || ((found->value ^ t.descriptor_value[i]) & kSignificant) != 0) return false;
      continue;
    }
    if (in_order.size() >= kMaxNodes) return false;
    in_order.push_back({node_id(va, span), host[i], t.descriptor_value[i]});
    *const_cast<Node*>(found) = in_order.back();
    spans |= u64{1} << span;
    version.fetch_add(1, std::memory_order_release);
    if (in_order.size() * 2 > table.size()) grow();
  }
  if (t.global && !has_global) {
    has_global = true;
    version.fetch_add(1, std::memory_order_release);
  }
  return true;
}

bool ExecMappings::unchanged_from(usize n) const {
  for (; n < in_order.size(); ++n)
    if (!is_unchanged(in_order[n])) return false;
  return true;
}

bool ExecMappings::unchanged_at(u64 va, u64 pages) const {
  if (pages > 64) return unchanged_from(0);
  for (u64 i = 0; i < pages; ++i, va += kPageSize) {
    for (u64 left = spans; left != 0; left &= left - 1) {
      const Node* node = find(node_id(va, static_cast<unsigned>(__builtin_ctzll(left))));
      if (node->id != 0 && !is_unchanged(*node)) return false;
    }
  }
  return true;
}

// --- ExecRegistry ---

std::shared_ptr<ExecMappings> ExecRegistry::get(const ExecIdentity& identity) {
  constexpr usize kPruneAt = 256;
  const std::lock_guard lock(mutex_);
  if (spaces_.size() >= kPruneAt) std::erase_if(spaces_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<ExecMappings>& slot = spaces_[identity];
  std::shared_ptr<ExecMappings> mappings = slot.lock();
  if (mappings == nullptr) {
    mappings = std::make_shared<ExecMappings>();
    mappings->key = new_key();
    slot = mappings;
  }
  return mappings;
}

void ExecRegistry::renumber() {
  const std::lock_guard lock(mutex_);
  last_key_ = 0;
  for (const auto& [identity, slot] : spaces_) {
    const std::shared_ptr<ExecMappings> mappings = slot.lock();
    if (mappings == nullptr) continue;
    const std::lock_guard mappings_lock(mappings->mutex);
    mappings->renew(new_key());
  }
}

}  // namespace ferry::softmmu
