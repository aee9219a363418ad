// A difference, made as small as it goes and told in full.
#pragma once
#include <string>

#include "verify/compare.h"

namespace ferry::verify {

struct Finding {
  Sequence sequence;
  OracleCase culprit;
  Variant variant;
  Difference difference;
};

// Leaves out one instruction after the other, then sets registers and memory to zero, as long as a difference stays.
// An error when the oracle fails.
Result<Finding> shrink(Checker& checker, const Sequence& sequence, const OracleCase& culprit, Variant variant,
                       Session::HostText text);

// Registers of two states, beside those before, starred where they differ; registers that are zero everywhere are left
// out.
std::string register_table(const State& before, const State& got, const State& expected);

// Listing, registers, memory, IR before and after the passes, host code, and the command that finds it again.
std::string report(const Finding& finding, const Checker& checker, cpu::FeatureSet features,
                   const std::string& command);

}  // namespace ferry::verify
