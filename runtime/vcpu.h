// One virtual PE: its state, its memory unit, its loop, and the Environment that instruction semantics call.
#pragma once
#include <condition_variable>
#include <mutex>

#include "core/clock.h"
#include "core/event_queue.h"
#include "core/ports.h"
#include "core/settings.h"
#include "cpu/environment.h"
#include "cpu/state.h"
#include "jit/interpreter/interpreter.h"
#include "runtime/far_jumps.h"
#include "runtime/stats.h"
#include "runtime/translator.h"
#include "softmmu/mmu.h"

namespace ferry::runtime {

class System;
enum class SemihostingResult : u8;

class Vcpu final : public cpu::Environment {
 public:
  Vcpu(System& system, u32 index);
  ~Vcpu() override;
  Vcpu(const Vcpu&) = delete;
  Vcpu& operator=(const Vcpu&) = delete;

  cpu::CpuState& state() { return *s_; }
  softmmu::Mmu& mmu() { return *mmu_; }
  CpuSignals& signals() { return signals_; }
  const Stats& stats() const { return stats_; }
  u32 index() const { return index_; }

  // Runs guest code on the calling thread until the system stops (System::stopping()) or, in virtual time, `quantum`
  // instructions are done or the vCPU waits for an event (idle() says so).
  void run(u64 quantum);
  // Virtual time: whether there is something to run at that moment of the clock.
  bool wants_turn(u64 now_ns) const;
  // Virtual time: the latest moment of the clock at which the vCPU goes on by itself (WFE), else kNever.
  u64 idle_until() const { return idle_ ? idle_until_ns_ : kNever; }
  // Virtual time: an event is due at deadline_ns, perhaps before the slice ends.
  void shorten_slice(u64 deadline_ns);

  // The power state as PSCI tells it. Any thread.
  enum class Power : u8 { Off, Starting, On };
  Power power() const { return power_.load(std::memory_order_acquire); }
  // Starts the vCPU, reset, at pc with x0. False: it is not off.
  bool start(u64 pc, u64 x0);
  // By its own firmware call: the vCPU stops (or waits for an interrupt) when the call returns.
  void stop();
  void suspend() { suspend_ = true; }

  // After cpu::reset() of the state, nothing running: forgets what was derived from it; the vCPU is off.
  void reset_runtime();
  // Any thread: makes the vCPU leave translated code soon and look at its signals.
  void kick();
  // Guest instructions retired (virtual time; exact at the calling instruction on the vCPU's thread). Real time: 0.
  u64 instructions() const;

  // cpu::Environment
  void translation_changed(cpu::CpuState& s) override;
  void tlb_invalidate(cpu::CpuState& s, const cpu::TlbiOp& op) override;
  u64 address_translate(cpu::CpuState& s, cpu::AtOp op, u64 va) override;
  void instruction_cache_invalidate(cpu::CpuState& s, bool all, u64 va) override;
  void data_cache_op(cpu::CpuState& s, u64 va, bool needs_write) override;
  u64 counter(cpu::CpuState& s) override;
  u64 cycles(cpu::CpuState& s) override;
  void timers_changed(cpu::CpuState& s) override;
  bool gic_read(cpu::CpuState& s, u32 key, u64& value) override;
  bool gic_write(cpu::CpuState& s, u32 key, u64 value) override;
  bool firmware_call(cpu::CpuState& s, bool is_smc) override;
  void send_event(cpu::CpuState& s) override;
  u32 pending_interrupts(cpu::CpuState& s) override;
  bool random_number(cpu::CpuState& s, u64& value) override;
  bool semihosting(cpu::CpuState& s) override;
  void synchronise_time(cpu::CpuState& s) override;

 private:
  void begin_slice(u64 quantum);
  void end_slice();
  bool step();  // one pass of the dispatcher; false: the slice is over
  bool something_waits() const;
  bool look_at_signals();  // time, interrupts, written code, stop; false: the slice is over
  // No block: a fault was taken, or there is no code memory at pc (handled).
  Translator::Found lookup(u64 pc);
  void remember(u64 pc, const softmmu::FetchResult& fetched, const Translator::Found& found);
  jit::ExitReason interpret(TranslatedBlock& block);
  bool run_cached(const Translator::Found& found);
  bool run_entry(const cpu::JumpEntry& entry);
  cpu::JumpEntry& jump_entry(u64 pc) { return jump_cache_[(pc >> 2) & (cpu::kJumpEntries - 1)]; }
  template <class Run>
  bool gated(Run run);
  void forget_withdrawn();
  void know_version(u64 version);
  void run_uncached(const softmmu::FetchResult& fetched);
  void step_to_slice_end();
  void step_one();
  bool is_fetchable();
  bool is_wait_trapped(u32 trap, u32 which);
  void step_watched();
  static u32 first_word(const softmmu::FetchResult& fetched);
  bool may_land(const softmmu::FetchResult& fetched);
  void settle_btype();
  void refund_unexecuted();
  bool handle_exit(jit::ExitReason reason);
  void take(const cpu::ExceptionInfo& e);
  void take_fault();
  void take_fetch_fault();
  void repeat_instruction();
  void log_exception(const cpu::ExceptionInfo& e);
  void update_context();
  void follow_clock();
  bool wants_attention() const;
  bool debug_is_armed() const;
  void clear_jump_cache();
  void purge(const Purge& purge);
  void publish_regions();
  void block_is_hot();
  bool is_running();  // false: off, the turn is over
  bool give_way();    // likewise (virtual time)
  void begin();
  bool wait_for_interrupt();  // false: the turn is over (virtual time)
  bool wait_for_event();
  void update_timers();
  i64 executed_in_slice() const;

  System& system_;
  const u32 index_;
  const bool virtual_time_;
  std::unique_ptr<cpu::CpuState> s_;
  std::unique_ptr<softmmu::Mmu> mmu_;
  jit::Interpreter interpreter_;
  u32 single_word_ = 0;  // the instruction in single_
  ir::Block single_;     // reused by run_uncached
  std::unique_ptr<cpu::JumpEntry[]> jump_cache_;
  FarJumps far_jumps_;  // knows what the jump cache knew
  CpuSignals signals_;
  Stats stats_;

  jit::LinkSite* pending_link_ = nullptr;  // the direct exit that was just left by
  u8 landed_btype_ = 0;                    // PSTATE.BTYPE as the found block begins
  u64 code_version_ = 0;                   // of what the jump cache and pending_link_ know
  u64 purges_seen_ = 0;
  bool context_dirty_ = true;  // the bank must be selected again
  bool look_again_ = true;     // look_at_signals() before the next block
  bool idle_ = false;
  u64 idle_until_ns_ = kNever;
  SemihostingResult repeat_{};  // Again or Wait: the pending fault is not one

  // Virtual time: instructions retired before this slice, granted to it, and taken back from the budget word by a kick.
  u64 retired_ = 0;
  i64 slice_ = 0;
  i64 stash_ = 0;
  u64 slice_start_ns_ = 0;

  std::atomic<Power> power_{Power::Off};
  u64 start_pc_ = 0, start_x0_ = 0;  // while Starting
  bool suspend_ = false;
  u32 yields_ = 0;

  std::atomic<bool> timer_due_{true};
  std::unique_ptr<Timer> timer_;

  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
};

}  // namespace ferry::runtime
