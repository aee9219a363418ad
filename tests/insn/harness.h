// Runs instruction cases through a tier and compares.
#pragma once
#include <memory>
#include <string>

#include "ir/block.h"
#include "jit/abi.h"
#include "tests/insn/case.h"

namespace ferry::insn {

// One way to run IR. `s.pc_page` is set; afterwards as jit/abi.h says for the reason returned.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual jit::ExitReason run(const ir::Block& block, cpu::CpuState& s) = 0;
};
std::unique_ptr<Runner> interpreter_runner();

struct Variant {
  bool optimized = false;  // after the IR passes
  bool stepped = false;    // one guest instruction a block
  bool warm = false;       // the shadow TLB holds the memory
};

// Runs the case; what came out differently, with the IR, or an empty text.
std::string run_case(const Case& c, Runner& runner, Variant variant);

}  // namespace ferry::insn
