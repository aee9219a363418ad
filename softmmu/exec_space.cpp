#include "softmmu/exec_space.h"

namespace ferry::softmmu {

namespace {

// Bits 58:55 of a descriptor are for software's use, whatever its kind.
constexpr u64 kSignificant = ~(u64{0xf} << 55);

u64 hash(u64 v) { return (v * 0x9e3779b97f4a7c15u) >> 40; }
u64 node_id(u64 va, unsigned span) { return (va & low_mask(56)) >> span << 6 | span; }
u64 load(const u64* at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }

}  // namespace

void ExecSpace::assign(u64 id, RegimeId regime, unsigned half, u32 new_key) {
  id_ = id;
  regime_ = regime;
  half_ = half;
  renew(new_key);
}

void ExecSpace::renew(u32 new_key) {
  key_ = new_key;
  has_global_ = false;
  current_asid_ = ~0u;
  verified_.fill({});
  spans_ = 0;
  if (node_count_ != 0) nodes_.assign(64, {});
  node_count_ = 0;
  for (FetchEntry& e : fetch_) e.tag = cpu::kTlbInvalid;
}

ExecSpace::Node* ExecSpace::find(u64 id) {
  for (usize i = hash(id) % nodes_.size();; i = (i + 1) % nodes_.size())
    if (nodes_[i].id == id || nodes_[i].id == 0) return &nodes_[i];
}

void ExecSpace::grow() {
  std::vector<Node> old(nodes_.size() * 2);
  old.swap(nodes_);
  for (const Node& node : old)
    if (node.id != 0) *find(node.id) = node;
}

bool ExecSpace::record(u64 va, const Translation& t, const Regime& regime, const u64* const host[]) {
  const unsigned granule = regime.range[half_].granule;
  for (unsigned i = 0; i < t.descriptors; ++i) {
    const unsigned span = granule + (granule - 3) * (3u - (t.first_level + i));
    Node* node = find(node_id(va, span));
    if (node->id != 0) {
      if (node->at != host[i] || ((node->value ^ t.descriptor_value[i]) & kSignificant) != 0) return false;
      continue;
    }
    if (node_count_ >= kMaxNodes) return false;
    *node = {node_id(va, span), host[i], t.descriptor_value[i]};
    spans_ |= u64{1} << span;
    if (++node_count_ * 2 > nodes_.size()) grow();
  }
  has_global_ |= t.global;
  return true;
}

bool ExecSpace::all_unchanged() const {
  for (const Node& node : nodes_)
    if (node.id != 0 && ((load(node.at) ^ node.value) & kSignificant) != 0) return false;
  return true;
}

bool ExecSpace::unchanged_at(u64 va, u64 pages) const {
  if (pages > 64) return all_unchanged();
  for (u64 i = 0; i < pages; ++i, va += kPageSize) {
    for (u64 spans = spans_; spans != 0; spans &= spans - 1) {
      const Node* node = find(node_id(va, static_cast<unsigned>(__builtin_ctzll(spans))));
      if (node->id != 0 && ((load(node->at) ^ node->value) & kSignificant) != 0) return false;
    }
  }
  return true;
}

bool ExecSpace::check(u16 asid, const MaintenanceLog& log) {
  Verified* mine = nullptr;
  for (Verified& v : verified_)
    if (v.asid == asid) mine = &v;
  bool ok = true;
  if (mine == nullptr) {
    ok = all_unchanged();
    mine = &verified_[next_verified_++ % kMaxVerified];
  } else if (log.concerns(mine->seen, regime_, asid, half_, has_global_)) {
    const auto apply = [&](const Maintenance& m) {
      if (!ok || m.regime != regime_) return;
      if (m.kind == Maintenance::Kind::All || (m.kind == Maintenance::Kind::Asid && m.asid == asid))
        ok = all_unchanged();
      else if (m.by_va() && m.half() == half_)
        ok = unchanged_at(m.va, m.pages);
    };
    // Several "all" operations in the log would compare as often; the log is short and they are rare among it.
    if (!log.replay(mine->seen, apply)) ok = all_unchanged();
  }
  *mine = {asid, log.head()};
  current_asid_ = asid;
  current_seen_ = log.head();
  return ok;
}

ExecSpace& ExecSpacePool::get(u64 id, RegimeId regime, unsigned half) {
  u8& hint = hint_[hash(id) % hint_.size()];
  if (hint < ids_.size() && ids_[hint] == id) {
    spaces_[hint]->last_used = ++clock_;
    return *spaces_[hint];
  }
  usize at = 0;
  while (at < ids_.size() && ids_[at] != id) ++at;
  if (at == ids_.size()) {
    at = make_room();
    ids_[at] = id;
    spaces_[at]->assign(id, regime, half, new_key());
  }
  hint = static_cast<u8>(at);
  spaces_[at]->last_used = ++clock_;
  return *spaces_[at];
}

// The index of a space to give away: a new one, or the least recently used.
usize ExecSpacePool::make_room() {
  if (ids_.size() < kSpaces) {
    ids_.push_back(0);
    spaces_.push_back(std::make_unique<ExecSpace>());
    return ids_.size() - 1;
  }
  usize oldest = 0;
  for (usize i = 1; i < spaces_.size(); ++i)
    if (spaces_[i]->last_used < spaces_[oldest]->last_used) oldest = i;
  return oldest;
}

void ExecSpacePool::renew_all() {
  for (const auto& space : spaces_) space->renew(new_key());
}

}  // namespace ferry::softmmu
