// A machine that runs one program on many states: RAM, page tables, a piece of code that loads the state, vectors that
// end the case.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/settings.h"
#include "cpu/models.h"
#include "verify/program.h"

namespace ferry::verify {

// What a case leaves behind.
struct ProgramOutcome {
  State state;
  u64 syndrome = 0, fault_address = 0, spsr = 0;  // of the exception that ended it
  std::vector<u8> memory;                         // the frames
  u64 instructions = 0;                           // virtual time only
};

struct ProgramRun {
  std::vector<ProgramOutcome> outcomes;  // rounds times the states
  bool ended = false;                    // false: it ran into the limit
  u64 regions = 0;                       // that the LLVM tier made
};

struct ProgramRunOptions {
  Tier tier = Tier::Interp;
  bool reference = false;  // one instruction a block, without passes, in virtual time
  unsigned rounds = 1;     // between them the compile thread finishes what it was asked for
};

// limit: of a case, in instructions (virtual time) or a long time of the host's.
ProgramRun run_program(const Program& program, const ProgramRunOptions& options, const cpu::Model& model);

}  // namespace ferry::verify
