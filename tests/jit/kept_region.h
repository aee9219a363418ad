// An optimizing tier whose regions run as code of an earlier run: compiled by one tier, placed without it.
#pragma once
#include "core/check.h"
#include "jit/kept_regions.h"

namespace ferry::jit::test {

class KeptRegion final : public RegionTier {
 public:
  KeptRegion(std::unique_ptr<RegionTier> maker, usize capacity) : maker_(std::move(maker)) {
    std::vector<u8> calls;
    ASSERT(maker_->save_calls(calls), "what regions call can be moved");
    auto runner = KeptRegions::create(capacity, calls);
    ASSERT(runner.ok(), "what regions call fits into code memory");
    runner_ = std::move(*runner);
  }
  Result<CompiledCode> compile(const ir::Block& block, void* owner) override {
    return compile_region({{{&block, 0}}}, owner);
  }
  Result<CompiledCode> compile_region(const Region& region, void* owner) override {
    Region elsewhere = region;
    elsewhere.context = ~region.context;
    Result<CompiledCode> made = maker_->compile_region(elsewhere, nullptr);
    if (!made) return made;
    ASSERT(maker_->save_region(bytes_), "a region can be moved");
    maker_->release(*made);
    return runner_->place_region(bytes_, region.context, owner);
  }
  usize regions() const override { return runner_->regions(); }
  u64 heap() const override { return runner_->heap(); }
  u64 heap_peak() const override { return runner_->heap(); }
  void hold_heap(u64) override {}
  bool save_region(std::vector<u8>&) override { return false; }
  bool save_calls(std::vector<u8>&) override { return false; }
  void link(LinkSite& site, const void* target, u64 context) override { runner_->link(site, target, context); }
  void unlink(LinkSite& site) override { runner_->unlink(site); }
  void release(CompiledCode& code) override { runner_->release(code); }
  void reset() override { runner_->reset(); }
  u32 enter(cpu::CpuState& s, const void* entry) override { return maker_->enter(s, entry); }
  usize used() const override { return runner_->used(); }
  usize capacity() const override { return runner_->capacity(); }
  const void* code_begin() const override { return runner_->code_begin(); }

 private:
  std::unique_ptr<RegionTier> maker_;
  std::unique_ptr<KeptRegions> runner_;
  std::vector<u8> bytes_;
};

// Where regions have a form that can be kept.
#if defined(__x86_64__)
constexpr bool kRegionsAreKept = true;
#else
constexpr bool kRegionsAreKept = false;
#endif

}  // namespace ferry::jit::test
