// A baseline whose code comes from another one as saved bytes: what runs has been placed, never compiled here.
#pragma once
#include "core/check.h"
#include "ir/builder.h"
#include "jit/baseline/baseline.h"

namespace ferry::jit::test {

class Kept final : public Tier {
 public:
  explicit Kept(usize capacity, i32 count = 0) {
    maker_ = std::move(*Baseline::create(capacity, count));
    runner_ = std::move(*Baseline::create(capacity, count));
    // So that no block lies in both at the same distance from the stubs.
    ir::Block block;
    block.insn_count = 1;
    ir::Builder b(block);
    b.insn(0, 0);
    b.exit_next(4);
    ASSERT(maker_->compile(block, nullptr).ok(), "a block fits into empty code memory");
  }
  Result<CompiledCode> compile(const ir::Block& block, void* owner) override {
    Result<CompiledCode> made = maker_->compile(block, owner);
    if (!made) maker_->reset();
    if (!made) made = maker_->compile(block, owner);
    ASSERT(made.ok(), "a block fits into empty code memory");
    const bool kept = maker_->save(bytes_);
    maker_->release(*made);
    return kept ? runner_->place(bytes_, owner) : runner_->compile(block, owner);
  }
  void link(LinkSite& site, const void* target, u64 context) override { runner_->link(site, target, context); }
  void unlink(LinkSite& site) override { runner_->unlink(site); }
  void release(CompiledCode& code) override { runner_->release(code); }
  void reset() override { runner_->reset(); }
  u32 enter(cpu::CpuState& s, const void* entry) override { return runner_->enter(s, entry); }
  usize used() const override { return runner_->used(); }
  usize capacity() const override { return runner_->capacity(); }
  const void* code_begin() const override { return runner_->code_begin(); }

 private:
  std::unique_ptr<Baseline> maker_, runner_;
  std::vector<u8> bytes_;
};

}  // namespace ferry::jit::test
