#include "softmmu/exec_space.h"

namespace ferry::softmmu {

namespace {

u64 hash(u64 v) { return (v * 0x9e3779b97f4a7c15u) >> 40; }

}  // namespace

// --- ExecSpace ---

void ExecSpace::assign(u64 id, RegimeId regime, unsigned half, std::shared_ptr<ExecMappings> mappings) {
  id_ = id;
  regime_ = regime;
  half_ = half;
  mappings_ = std::move(mappings);
  const std::lock_guard lock(mappings_->mutex);
  adopt();
}

// Under the mappings' mutex: their key is ours, nothing is known for it yet.
void ExecSpace::adopt() {
  key_ = mappings_->key;
  current_asid_ = ~0u;
  verified_.fill({});
  for (FetchEntry& e : fetch_) e.tag = cpu::kTlbInvalid;
}

void ExecSpace::renew(ExecRegistry& registry) {
  const std::lock_guard lock(mappings_->mutex);
  if (mappings_->key == key_) mappings_->renew(registry.new_key());
  adopt();
}

bool ExecSpace::record(u64 va, const Translation& t, const Regime& regime, const u64* const host[]) {
  const std::lock_guard lock(mappings_->mutex);
  if (mappings_->key != key_) return false;
  const u64 before = mappings_->version.load(std::memory_order_relaxed);
  if (!mappings_->record(va, t, regime.range[half_].granule, host)) return false;
  // Our own additions need no second look, unless others' came between.
  if (current_version_ == before) current_version_ = mappings_->version.load(std::memory_order_relaxed);
  return true;
}

bool ExecSpace::check(u16 asid, const MaintenanceLog& log) {
  const std::lock_guard lock(mappings_->mutex);
  if (mappings_->key != key_) adopt();
  Verified* mine = nullptr;
  for (Verified& v : verified_)
    if (v.asid == asid) mine = &v;
  bool ok = true;
  if (mine == nullptr) {
    ok = mappings_->unchanged_from(0);
    mine = &verified_[next_verified_++ % kMaxVerified];
  } else {
    // What another processor has added: this one could not have cached it before.
    ok = mappings_->unchanged_from(mine->nodes);
    if (ok && log.concerns(mine->seen, regime_, asid, half_, mappings_->has_global)) {
      const auto apply = [&](const Maintenance& m) {
        if (!ok || m.regime != regime_) return;
        if (m.kind == Maintenance::Kind::All || (m.kind == Maintenance::Kind::Asid && m.asid == asid))
          ok = mappings_->unchanged_from(0);
        else if (m.by_va() && m.half() == half_)
          ok = mappings_->unchanged_at(m.va, m.pages);
      };
      // Several "all" operations in the log would compare as often; the log is short and they are rare among it.
      if (!log.replay(mine->seen, apply)) ok = mappings_->unchanged_from(0);
    }
  }
  *mine = {asid, log.head(), mappings_->in_order.size()};
  current_asid_ = asid;
  current_seen_ = log.head();
  current_version_ = mappings_->version.load(std::memory_order_relaxed);
  return ok;
}

// --- ExecSpacePool ---

ExecSpace& ExecSpacePool::get(u64 id, const ExecIdentity& identity, RegimeId regime, unsigned half) {
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
    spaces_[at]->assign(id, regime, half, registry_.get(identity));
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
  for (const auto& space : spaces_) space->renew(registry_);
}

void ExecSpacePool::clear() {
  ids_.clear();
  spaces_.clear();
}

}  // namespace ferry::softmmu
