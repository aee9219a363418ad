// Regions that an earlier run compiled, in code memory of their own: placed and bound without a compiler. Like the
// regions of the optimizing tier they are entered by Baseline::enter or by links.
#pragma once
#include <memory>
#include <span>

#include "jit/region_code.h"
#include "jit/tier.h"

namespace ferry::jit {

class KeptRegions final : public Tier {
 public:
  // capacity: bytes of code memory. calls: what RegionTier::save_calls gave in that run; an error when it is something
  // else.
  static Result<std::unique_ptr<KeptRegions>> create(usize capacity, std::span<const u8> calls);
  ~KeptRegions() override;

  // saved: what RegionTier::save_region gave. context: Region::context, of this run.
  Result<CompiledCode> place_region(std::span<const u8> saved, u64 context, void* owner);
  // How many there are that were not released, and the bytes of heap that these keep beside their code. Any thread.
  usize regions() const;
  u64 heap() const;

  Result<CompiledCode> compile(const ir::Block& block, void* owner) override;
  void link(LinkSite& site, const void* target, u64 context) override;
  void unlink(LinkSite& site) override;
  void release(CompiledCode& code) override;
  void reset() override;
  u32 enter(cpu::CpuState& s, const void* entry) override;
  usize used() const override;
  usize capacity() const override;
  const void* code_begin() const override;

 private:
  struct Impl;
  explicit KeptRegions(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferry::jit
