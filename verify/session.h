// A few instructions, translated once and run on many states by one runner.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cpu/features.h"
#include "verify/flat_memory.h"
#include "verify/runner.h"
#include "verify/state.h"

namespace ferry::verify {

struct Variant {
  bool optimized = false;  // after the IR passes
  bool stepped = false;    // one guest instruction a block
  bool warm = false;       // the shadow TLB holds the memory
};

class Session {
 public:
  // mode carries the FPCR that all its states have; features are the model's.
  Session(std::span<const u32> words, cpu::Mode mode, Runner& runner, Variant variant,
          cpu::FeatureSet features = cpu::implemented_features());
  // The memory before; after run() the memory after.
  Memory& memory() { return memory_.contents(); }
  // Fills or empties the shadow TLB; the code stays.
  void set_warm(bool warm) { memory_.attach(*s_, warm); }
  // Runs until the PC leaves the instructions, an exception, or `max_blocks` blocks.
  Outcome run(const State& before, unsigned max_blocks = 100);
  void run(const State& before, Outcome& out, unsigned max_blocks = 100);
  // The IR of the blocks translated so far.
  std::string listing() const;
  // Their host code through `text`; empty where the runner has none.
  using HostText = std::string (*)(const void* code, usize size);
  std::string host_code(HostText text) const;
  u64 end() const { return kCodeVa + 4 * words_.size(); }

 private:
  void set_pauth();
  struct Prepared {
    ir::Block block;
    Runner::Prepared code;
    bool ready = false;
  };
  void load(const State& before);
  void step(Outcome& out);
  Prepared* prepare(usize index, Outcome& out);

  std::vector<u32> words_;
  cpu::Mode mode_;
  cpu::FeatureSet features_;
  Runner& runner_;
  Variant variant_;
  FlatMemory memory_;
  std::unique_ptr<cpu::CpuState> s_;
  std::unique_ptr<cpu::JumpEntry[]> jumps_;
  std::vector<Prepared> blocks_;                                // by index of their first instruction
  std::map<std::pair<usize, u32>, Prepared> blocks_of_others_;  // after an MSR FPCR: by index and Mode
};

}  // namespace ferry::verify
