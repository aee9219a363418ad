// One way to run IR, for checks that compare ways: the interpreter, or a tier's compiled code.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "core/settings.h"
#include "cpu/state.h"
#include "ir/block.h"
#include "jit/abi.h"

namespace ferry::verify {

class Runner {
 public:
  virtual ~Runner() = default;
  virtual std::string_view name() const = 0;
  // Forgets compiled code when there is much of it; what prepare() returned before is void. Called between sessions.
  virtual void rest() {}
  // Makes the block ready to run; the result goes to run() with the same block. Room for it is the runner's.
  struct Prepared {
    const void* code = nullptr;  // the interpreter has none
    u32 bytes = 0;
  };
  virtual Prepared prepare(const ir::Block& block) = 0;
  // s.pc_page is set; afterwards as jit/abi.h says for the reason returned.
  virtual jit::ExitReason run(cpu::CpuState& s, const ir::Block& block, const void* code) = 0;
};

std::unique_ptr<Runner> interpreter_runner();
// What runners compile with: little code memory, and every access tries the window first.
Settings runner_settings();

// The runner of interp, baseline or llvm; null when this build lacks the tier.
std::unique_ptr<Runner> make_runner(ferry::Tier tier, const Settings& settings = runner_settings());
// The interpreter, then a runner for each tier that this build has.
std::vector<std::unique_ptr<Runner>> all_runners(const Settings& settings = runner_settings());

}  // namespace ferry::verify
