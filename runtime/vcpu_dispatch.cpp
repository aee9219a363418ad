// The dispatcher: the block at the next instruction is found, in the jump cache or by the translator, and entered.
#include <algorithm>

#include "core/activity.h"
#include "core/log.h"
#include "cpu/exceptions.h"
#include "frontend/landing.h"
#include "runtime/guest_words.h"
#include "runtime/system.h"
#include "runtime/vcpu.h"

namespace ferry::runtime {

namespace {

using jit::ExitReason;

constexpr u64 kPageMask = ~u64{0xfff};

}  // namespace

void Vcpu::update_context() {
  if (context_dirty_) {
    mmu_->select();
    context_dirty_ = false;
  }
  s_->context = u64{mmu_->exec_key(s_->pc)} << 32 | s_->mode.value;
  s_->attention = wants_attention() ? -1 : 0;
}

bool Vcpu::step() {
  const bool poked =
      virtual_time_ ? s_->budget.load(std::memory_order_relaxed) <= 0 : s_->budget.load(std::memory_order_acquire) < 0;
  if (poked || look_again_) {
    look_again_ = false;
    if (!look_at_signals()) return false;
  }
  update_context();
  const u64 pc = s_->pc;
  s_->pc_page = pc & kPageMask;
  if (s_->mode.single_step() != 0 || s_->mode.breakpoints() != 0 || s_->mode.illegal() != 0) {
    step_watched();
    return true;
  }
  if (pending_link_ == nullptr && s_->btype == 0) {
    cpu::JumpEntry& entry = jump_entry(pc);
    if (entry.va == pc && entry.context == s_->context) return run_entry(entry);
    if (const cpu::JumpEntry* far = far_jumps_.find(pc, s_->context)) {
      entry = *far;
      return run_entry(entry);
    }
  }
  const Translator::Found found = lookup(pc);
  return found.block == nullptr || run_cached(found);
}

bool Vcpu::run_entry(const cpu::JumpEntry& entry) {
  if (system_.translator().compiler() != nullptr) return run_cached({nullptr, entry.code});
  return run_cached({static_cast<TranslatedBlock*>(const_cast<void*>(entry.code)), nullptr});
}

// Runs shared code inside the gate. False: what was found may be gone, and nothing ran.
template <class Run>
bool Vcpu::gated(Run run) {
  softmmu::Shootdown& gate = system_.shootdown();
  if (!gate.try_enter(index_, code_version_)) {
    forget_withdrawn();
    return false;
  }
  run();
  gate.leave(index_);
  return true;
}

bool Vcpu::run_cached(const Translator::Found& found) {
  ExitReason reason = ExitReason::kCount;
  const bool ran = gated([&] {
    if (s_->btype != 0) s_->btype = landed_btype_;
    if (found.code != nullptr) {
      ++stats_.runs_baseline;
      const activity::Scope scope(activity::Activity::Guest);
      reason = static_cast<ExitReason>(system_.translator().compiler()->enter(*s_, found.code));
    } else {
      reason = interpret(*found.block);
    }
  });
  return !ran || handle_exit(reason);
}

// Code was withdrawn, or a shootdown served: the next lookup starts from nothing that was known before.
void Vcpu::forget_withdrawn() {
  pending_link_ = nullptr;
  const u64 now = system_.shootdown().code_version();
  if (now != code_version_) know_version(now);
}

// The purges that came with that version are in the log by now, perhaps more.
void Vcpu::know_version(u64 version) {
  code_version_ = version;
  if (!system_.translator().purges().replay(purges_seen_, [this](const Purge& p) { purge(p); })) clear_jump_cache();
}

// Finds or makes the block at pc. No block: something else was done instead (a fault taken, one instruction
// interpreted).
Translator::Found Vcpu::lookup(u64 pc) {
  jit::LinkSite* const site = std::exchange(pending_link_, nullptr);
  if ((pc & 3) != 0) {
    cpu::raise_with_far(*s_, cpu::kEcPcAlign, 0, pc);
    take_fetch_fault();
    return {};
  }
  const softmmu::FetchResult fetched = mmu_->fetch(pc);
  if (!fetched.ok) {
    take_fetch_fault();
    return {};
  }
  s_->context = u64{mmu_->exec_key(pc)} << 32 | s_->mode.value;  // a fetch may renew the key
  if (s_->btype != 0 && !may_land(fetched)) return {};
  const Translator::Found found = system_.translator().find(
      {.pa = fetched.pa, .va = pc, .mode = s_->mode, .context = s_->context, .site = site, .version = code_version_},
      stats_);
  if (found.block != nullptr) remember(pc, fetched, found);
  // Behind it: the log may tell already that what was found is gone again, and tells it once.
  if (found.version != code_version_) know_version(found.version);
  if (found.block == nullptr) {
    run_uncached(fetched);
    return {};
  }
  return found;
}

// The next branch to pc finds the code without asking.
void Vcpu::remember(u64 pc, const softmmu::FetchResult& fetched, const Translator::Found& found) {
  // Without BTI there is no need to look at the guest's word, which may be in nobody's cache.
  const bool bti = s_->features.has(cpu::Feature::BTI);
  const u32 word = bti ? first_word(fetched) : 0;
  landed_btype_ = bti && frontend::keeps_btype(word) ? s_->btype : u8{0};
  const bool compiles = system_.translator().compiler() != nullptr;
  if (compiles && found.code == nullptr) return;
  if (log_enabled(LogCategory::kExec)) {
    // Without links and jump cache, so that every block passes here.
    log(LogCategory::kExec, "cpu{} block at pc {:#x} el{} insn {}", index_, pc, s_->el, instructions());
    return;
  }
  if (system_.settings().chain_indirect) {
    const u64 landing = bti ? frontend::landing_mask(word, fetched.guarded, s_->features) : 0;
    jump_entry(pc) = {pc, s_->context, compiles ? found.code : found.block, landing};
    far_jumps_.put(jump_entry(pc));
  }
}

u32 Vcpu::first_word(const softmmu::FetchResult& fetched) { return guest_word(fetched.page + (fetched.pa & 0xfff)); }

// FEAT_BTI: the instruction at pc after a branch that left PSTATE.BTYPE. False: the exception was taken.
bool Vcpu::may_land(const softmmu::FetchResult& fetched) {
  if (!fetched.guarded || fetched.page == nullptr) return true;
  const bool bt = bit(s_->reg(cpu::SysReg::SCTLR_EL1), s_->el == 0 ? 35 : 36);
  if ((frontend::landing_in_guarded_page(first_word(fetched), bt, s_->features) >> s_->btype & 1) != 0) return true;
  cpu::raise(*s_, cpu::kEcBti, s_->btype);
  take_fault();
  look_again_ = true;
  return false;
}

ExitReason Vcpu::interpret(TranslatedBlock& block) {
  ++stats_.runs_interpreter;
  if (virtual_time_) {
    const i32 n = static_cast<i32>(block.insn_count());
    if (s_->budget.load(std::memory_order_relaxed) < n) return ExitReason::Poll;
    s_->budget.fetch_sub(n, std::memory_order_relaxed);
  }
  const activity::Scope scope(activity::Activity::Interpreter);
  const ExitReason reason = interpreter_.run(*s_, *block.ir);
  s_->link_site = nullptr;
  return reason;
}

void Vcpu::clear_jump_cache() {
  std::fill_n(jump_cache_.get(), cpu::kJumpEntries, cpu::JumpEntry{~u64{0}, 0, nullptr, 0});
  far_jumps_.clear();
}

// An entry's index holds VA<kJumpBits + 1:2>; VA<11:2> is the physical address's, the bits above are any.
void Vcpu::purge(const Purge& purge) {
  const void* const first = purge.first != nullptr ? purge.first : purge.code;
  for (u64 high = 0; high < cpu::kJumpEntries >> 10; ++high) {
    cpu::JumpEntry& e = jump_cache_[((purge.pa & 0xfff) >> 2) | high << 10];
    if (e.code == purge.code || e.code == first) e = {~u64{0}, 0, nullptr, 0};
  }
  far_jumps_.purge(purge.pa, purge.code, first);
}

}  // namespace ferry::runtime
