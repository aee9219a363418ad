// The interpreter: runs IR blocks as they stand. The reference for the other tiers, and what runs single steps, exact
// event delivery and code that changes too often to be worth compiling.
#pragma once
#include <vector>

#include "cpu/state.h"
#include "ir/block.h"
#include "jit/abi.h"

namespace ferry::jit {

class Interpreter {
 public:
  // Runs the block once. s.pc_page must be set. Afterwards s.pc is the next guest address (ExitReason Next for every
  // direct or indirect exit, without a link site), or as abi.h says for the other reasons. Polls and the budget are the
  // caller's.
  ExitReason run(cpu::CpuState& s, const ir::Block& block);

 private:
  std::vector<U128> values_;
};

// Evaluates one op that is not a state, memory, call or exit op: Pure and Fp.
U128 eval_inst(cpu::CpuState& s, const ir::Inst& inst, const U128& a, const U128& b, const U128& c);

}  // namespace ferry::jit
