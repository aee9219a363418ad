// One guest instruction at a time: what cannot be cached, the end of a slice in virtual time, and what is looked at
// before every instruction (software step, breakpoints, illegal execution state).
#include "cpu/exceptions.h"
#include "frontend/landing.h"
#include "ir/mem.h"
#include "runtime/system.h"
#include "runtime/vcpu.h"

namespace ferry::runtime {
namespace {

constexpr u64 kPageMask = ~u64{0xfff};

}  // namespace

// A page that is not memory, or an instruction that must run alone: one instruction by the interpreter.
void Vcpu::run_uncached(const softmmu::FetchResult& fetched) {
  single_.insts.clear();
  if (!system_.translator().one_instruction(fetched.pa, s_->mode, single_)) {
    cpu::raise_with_far(*s_, cpu::kEcInsnAbort, 0x10, s_->pc);  // synchronous external abort
    return take_fetch_fault();
  }
  if (s_->btype != 0 && !may_land(fetched)) return;
  if (s_->btype != 0 && !frontend::keeps_btype(first_word(fetched))) s_->btype = 0;
  ++stats_.single_steps;
  single_word_ = ir::marker_word(single_.insts.front().imm);
  if (virtual_time_) s_->budget.fetch_sub(1, std::memory_order_relaxed);
  system_.shootdown().enter(index_);
  const jit::ExitReason reason = interpreter_.run(*s_, single_);
  system_.shootdown().leave(index_);
  s_->link_site = nullptr;
  handle_exit(reason);
}

// Virtual time: the rest of the slice is shorter than the next block.
void Vcpu::step_to_slice_end() {
  while (s_->budget.load(std::memory_order_relaxed) > 0 && !look_again_ && stash_ == 0) {
    update_context();
    s_->pc_page = s_->pc & kPageMask;
    pending_link_ = nullptr;
    if ((s_->pc & 3) != 0) return;
    const softmmu::FetchResult fetched = mmu_->fetch(s_->pc);
    if (!fetched.ok) return take_fetch_fault();
    run_uncached(fetched);
  }
}

// False: PC alignment fault or instruction abort, which is raised.
bool Vcpu::is_fetchable() {
  if ((s_->pc & 3) == 0) return mmu_->fetch(s_->pc).ok;
  cpu::raise_with_far(*s_, cpu::kEcPcAlign, 0, s_->pc);
  return false;
}

// Software step, hardware breakpoints, illegal execution state: what comes before an instruction is looked at one
// instruction at a time.
void Vcpu::step_watched() {
  look_again_ = true;
  // In the order of D1.12.2: software step, PC alignment, instruction abort, breakpoint, illegal execution state.
  cpu::ExceptionInfo e;
  const bool stepped = cpu::step_exception(*s_, e);
  if (!stepped && !is_fetchable()) return take_fault();
  if (stepped || cpu::breakpoint_exception(*s_, s_->pc, e)) {
    ++stats_.exceptions;
    take(e);
    return;
  }
  if (s_->mode.illegal() != 0) {
    cpu::raise(*s_, cpu::kEcIllegalState, 0);
    take_fault();
    return;
  }
  const bool stepping = s_->mode.single_step() != 0;
  const u64 before = stats_.exceptions;
  step_one();
  if (stepping && stats_.exceptions == before) cpu::step_done(*s_, single_word_);
}

void Vcpu::step_one() {
  update_context();
  s_->pc_page = s_->pc & kPageMask;
  const softmmu::FetchResult fetched = mmu_->fetch(s_->pc);
  if (fetched.ok) {
    run_uncached(fetched);
  } else {
    take_fetch_fault();
  }
}

}  // namespace ferry::runtime
