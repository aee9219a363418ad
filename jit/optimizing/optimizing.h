// The optimizing tier: IR blocks and regions of them to host code by LLVM. As a Tier it compiles each block alone and
// at once (`--tier llvm`); compile_region is for a background thread. Compiling never disturbs running code; any number
// of threads may run it.
#pragma once
#include <memory>

#include "jit/region.h"
#include "jit/tier.h"

namespace ferry::jit {

struct OptimizingStats {
  u64 units = 0;
  u64 guest_insns = 0;
  u64 host_bytes = 0;
  u64 lower_ns = 0;  // IR to LLVM
  u64 emit_ns = 0;   // passes and code generation
  u64 place_ns = 0;  // linking, and the session around it
};

class Optimizing final : public RegionTier {
 public:
  // capacity: bytes of code memory, 1 MiB to 2 GiB; level: 0..3, the setting llvm.opt; window: code
  // for EL0 tries the host-MMU window first (cpu::CpuState::window); heap: bytes (jit/optimizing/heap.h).
  static Result<std::unique_ptr<Optimizing>> create(usize capacity, unsigned level, bool window = false,
                                                    u64 heap = ~u64{0});
  ~Optimizing() override;

  // Fails also when what is kept has reached the limit of heap; never when nothing is kept and code memory is empty.
  Result<CompiledCode> compile(const ir::Block& block, void* owner) override;
  Result<CompiledCode> compile_region(const Region& region, void* owner) override;
  usize regions() const override;
  u64 heap() const override;
  u64 heap_peak() const override;
  void hold_heap(u64 bytes) override;
  bool save_region(std::vector<u8>& out) override;
  bool save_calls(std::vector<u8>& out) override;
  void link(LinkSite& site, const void* target, u64 context) override;
  void unlink(LinkSite& site) override;
  // Any thread, also while another compiles.
  void release(CompiledCode& code) override;
  // Waits for a compilation that is under way.
  void reset() override;
  u32 enter(cpu::CpuState& s, const void* entry) override;
  usize used() const override;
  usize capacity() const override;
  const void* code_begin() const override;

  OptimizingStats stats() const;

 private:
  struct Impl;
  explicit Optimizing(std::unique_ptr<Impl> impl);
  Result<CompiledCode> compile_within(const Region& region, void* owner, u64 room);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferry::jit
