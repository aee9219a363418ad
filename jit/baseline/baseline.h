// The baseline tier: every block at its first execution, compiled in a few microseconds to x86-64 code. One thread at a
// time may compile, link and release; any number run the code.
#pragma once
#include <deque>
#include <memory>

#include "jit/tier.h"

namespace ferry::jit {

struct BaselineStats {
  u64 blocks = 0;
  u64 guest_insns = 0;
  u64 host_bytes = 0;
  std::vector<std::pair<std::string_view, u64>>
      fallbacks;  // op, times compiled as a call of its meaning; most frequent first
};

class Baseline final : public Tier {
 public:
  // capacity: bytes of code memory, 64 KiB to 2 GiB. count: entries after which a block leaves with ExitReason::Hot; 0:
  // nothing is counted.
  static Result<std::unique_ptr<Baseline>> create(usize capacity, i32 count = 0);
  ~Baseline() override;

  Result<CompiledCode> compile(const ir::Block& block, void* owner) override;
  bool save(std::vector<u8>& out) const override;
  Result<CompiledCode> place(std::span<const u8> saved, void* owner) override;
  void link(LinkSite& site, const void* target, u64 context) override;
  void unlink(LinkSite& site) override;
  // Gives the link sites back; the host code itself returns with reset().
  void release(CompiledCode& code) override;
  void reset() override;
  u32 enter(cpu::CpuState& s, const void* entry) override;
  usize used() const override;
  usize capacity() const override;
  const void* code_begin() const override;

  BaselineStats stats() const;

 private:
  struct Impl;
  explicit Baseline(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferry::jit
