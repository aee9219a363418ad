#include "softmmu/shootdown.h"

#include "core/check.h"

namespace ferry::softmmu {

void Shootdown::join(cpu::CpuState& s, Mmu& mmu) {
  ASSERT(s.cpu_index == members_.size(), "processors join a shootdown in the order of their numbers");
  members_.push_back(std::make_unique<Member>());
  members_.back()->s = &s;
  members_.back()->mmu = &mmu;
}

void Shootdown::run(Mmu& mmu, const Request& request) {
  switch (request.kind) {
    case Request::Kind::Unwrite: return mmu.unwrite(request.pa_page);
    case Request::Kind::Tlbi: return mmu.tlb_invalidate(request.tlbi);
    case Request::Kind::DropAll: return mmu.drop_all();
  }
}

void Shootdown::serve_locked(Member& m) {
  for (const Request& request : m.mailbox) run(*m.mmu, request);
  m.mailbox.clear();
  m.served = m.posted;
  m.pending.store(false, std::memory_order_relaxed);
  m.s->signals.fetch_and(~cpu::kSignalShootdown);
  changed_.notify_all();
}

void Shootdown::serve(u32 cpu) {
  const std::lock_guard lock(mutex_);
  serve_locked(*members_[cpu]);
}

void Shootdown::enter(u32 cpu) {
  Member& m = *members_[cpu];
  // Either this store is seen by whoever posts, or the post is seen here: both are sequentially consistent.
  m.inside.store(true, std::memory_order_seq_cst);
  if (m.pending.load(std::memory_order_seq_cst)) serve(cpu);
}

bool Shootdown::try_enter(u32 cpu, u64 version) {
  Member& m = *members_[cpu];
  m.version.store(version, std::memory_order_relaxed);
  m.inside.store(true, std::memory_order_seq_cst);
  const bool pending = m.pending.load(std::memory_order_seq_cst);
  if (!pending && code_version() == version) return true;
  leave(cpu);
  if (pending) serve(cpu);
  return false;
}

bool Shootdown::quiescent(u64 version) const {
  for (const auto& m : members_)
    if (m->inside.load(std::memory_order_seq_cst) && m->version.load(std::memory_order_relaxed) < version) return false;
  return true;
}

void Shootdown::wait_quiescent(u64 version) {
  if (quiescent(version)) return;
  std::unique_lock lock(mutex_);
  waiting_.fetch_add(1);
  for (const auto& m : members_)
    if (m->inside.load(std::memory_order_seq_cst)) poke_(*m->s);
  changed_.wait(lock, [&] { return quiescent(version); });
  waiting_.fetch_sub(1);
}

void Shootdown::leave(u32 cpu) {
  members_[cpu]->inside.store(false, std::memory_order_seq_cst);
  if (waiting_.load(std::memory_order_seq_cst) == 0) return;
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

// A processor that sleeps takes nothing out: past some point it drops everything instead.
void Shootdown::post(Member& m, const Request& request) {
  constexpr usize kMaxMail = 256;
  if (m.mailbox.size() >= kMaxMail) m.mailbox.assign(1, Request{});
  m.mailbox.push_back(request);
}

void Shootdown::broadcast(u32 self, const Request& request) {
  if (self != kNoCpu) run(*members_[self]->mmu, request);
  if (members_.size() == 1 && self == 0) return;
  std::unique_lock lock(mutex_);
  waiting_.fetch_add(1);
  std::vector<u64> tickets(members_.size());
  for (usize i = 0; i < members_.size(); ++i) {
    if (i == self) continue;
    Member& m = *members_[i];
    post(m, request);
    tickets[i] = ++m.posted;
    m.pending.store(true, std::memory_order_seq_cst);
    m.s->signals.fetch_or(cpu::kSignalShootdown);
    if (m.inside.load(std::memory_order_seq_cst)) poke_(*m.s);
  }
  for (usize i = 0; i < members_.size(); ++i) {
    if (i == self) continue;
    Member& m = *members_[i];
    while (m.served < tickets[i] && m.inside.load(std::memory_order_seq_cst)) {
      if (self != kNoCpu && !members_[self]->mailbox.empty()) serve_locked(*members_[self]);
      changed_.wait(lock, [&] {
        return m.served >= tickets[i] || !m.inside.load(std::memory_order_seq_cst) ||
               (self != kNoCpu && !members_[self]->mailbox.empty());
      });
    }
  }
  waiting_.fetch_sub(1);
}

bool Shootdown::shield(u32 self, u64 pa_page) {
  // Marked first: whoever fills a write entry after it is told has seen the flag.
  if (!space_.mark_code(pa_page)) return false;
  broadcast(self, {.kind = Request::Kind::Unwrite, .pa_page = pa_page, .tlbi = {}});
  return true;
}

void Shootdown::tlb_invalidate(u32 self, const cpu::TlbiOp& op) {
  if (!op.broadcast) return members_[self]->mmu->tlb_invalidate(op);
  broadcast(self, {.kind = Request::Kind::Tlbi, .pa_page = 0, .tlbi = op});
}

void Shootdown::drop_all(u32 self) { broadcast(self, {}); }

}  // namespace ferry::softmmu
