// Shootdown: one operation for everything that must be gone from every processor's tables before its caller goes on:
// pages newly marked as code or tracked, broadcast TLB maintenance, a changed physical map.
//
// A request is left in each processor's mailbox; its word (CpuState::signals, budget) is set; the caller waits until
// each processor has served its mailbox or is outside translated code. A processor outside serves it before it enters
// again. A waiting processor serves its own mailbox meanwhile, so two that shoot at each other both go on. Requests run
// on the thread of the processor they are for.
//
// The same gate says when withdrawn code may be reclaimed. Code is first made unreachable, then withdraw() counts the
// code version up; a processor enters only with the current version, which makes it forget what it knew (jump cache,
// last exit) when it has an older one. Once every processor is outside, or inside with that version, nobody can be in
// the code or get there.
#pragma once
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "cpu/environment.h"
#include "cpu/state.h"
#include "softmmu/mmu.h"

namespace ferry::softmmu {

class Shootdown {
 public:
  // Makes a running processor leave translated code at its next poll. Called with no lock of the processor held.
  using Poke = void (*)(cpu::CpuState&);
  static constexpr u32 kNoCpu = ~0u;

  explicit Shootdown(AddressSpace& space, Poke poke = default_poke) : space_(space), poke_(poke) {}

  // Adds a processor, before any runs. Its number is the order of joining; it must equal CpuState::cpu_index.
  void join(cpu::CpuState& s, Mmu& mmu);

  // Around each stretch of translated code (or interpretation), on the processor's thread. enter() serves what came
  // meanwhile.
  void enter(u32 cpu);
  void leave(u32 cpu);
  // enter() for shared translated code that was found at `version` of the code. False: something was served or code
  // withdrawn, nothing that was found before may be used; the processor is outside.
  bool try_enter(u32 cpu, u64 version);
  // At a taken poll that finds kSignalShootdown.
  void serve(u32 cpu);

  // The version of the code: how often some was withdrawn.
  u64 code_version() const { return code_version_.load(std::memory_order_seq_cst); }
  // What was unlinked before this call is withdrawn with the version that is returned.
  u64 withdraw() { return code_version_.fetch_add(1, std::memory_order_seq_cst) + 1; }
  // Whether nobody is left in code that was withdrawn with `version`, or can get there.
  bool quiescent(u64 version) const;
  // Makes it so. Not from inside.
  void wait_quiescent(u64 version);

  // Requests. self: the processor whose thread calls (it may be inside), or kNoCpu.
  // Write-shields a page of RAM before its code is read for translation; false when it is not RAM and needs none.
  bool shield(u32 self, u64 pa_page);
  // TLBI: broadcast forms reach every processor, others only self.
  void tlb_invalidate(u32 self, const cpu::TlbiOp& op);
  // The physical map changed.
  void drop_all(u32 self);

  static void default_poke(cpu::CpuState& s) { s.budget.store(-1, std::memory_order_relaxed); }

 private:
  struct Request {
    enum class Kind : u8 { Unwrite, Tlbi, DropAll };
    Kind kind = Kind::DropAll;
    u64 pa_page = 0;
    cpu::TlbiOp tlbi;
  };
  struct Member {
    cpu::CpuState* s = nullptr;
    Mmu* mmu = nullptr;
    std::atomic<bool> inside{false};
    std::atomic<bool> pending{false};
    std::atomic<u64> version{0};  // of the code that it entered with
    // Under mutex_:
    std::vector<Request> mailbox;
    u64 posted = 0, served = 0;
  };
  static void run(Mmu& mmu, const Request& request);
  void broadcast(u32 self, const Request& request);
  void serve_locked(Member& m);
  static void post(Member& m, const Request& request);

  AddressSpace& space_;
  Poke poke_;
  std::vector<std::unique_ptr<Member>> members_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<u32> waiting_{0};
  std::atomic<u64> code_version_{0};
};

}  // namespace ferry::softmmu
