// Random sequences through a runner, against the oracle or against the interpreter; a difference is shrunk and told in
// full.
#pragma once
#include <string>

#include "verify/generator.h"
#include "verify/session.h"

namespace ferry::verify {

struct Totals {
  u64 sequences = 0;
  u64 runs = 0;
};

// What differs between the runner and the oracle on these cases: a report for a person, empty when nothing does.
std::string against_oracle(const Sequence& sequence, std::span<const OracleCase> cases, Runner& runner, Variant variant,
                           Oracle& oracle);
// Likewise between a runner and the interpreter on the same IR.
std::string against_interpreter(const Sequence& sequence, std::span<const OracleCase> cases, Runner& runner,
                                Variant variant);

}  // namespace ferry::verify
