// Programs in a tier against the same programs interpreted instruction by instruction.
#pragma once
#include <optional>
#include <string>

#include "core/settings.h"
#include "verify/campaign.h"
#include "verify/program_machine.h"

namespace ferry::verify {

// A difference, made small: instructions that do not matter are NOPs.
struct ProgramFinding {
  Program program;
  std::string report;  // listing, registers, memory
};

class ProgramCampaign {
 public:
  ProgramCampaign(Tier tier, Class of_class, u64 seed, const cpu::Model& model)
      : tier_(tier), generator_(of_class, seed, model), model_(model) {}

  // Runs the program of that number on so many states (at most kProgramStates are drawn), and counts it. Programs that
  // do not come to an end in the interpreter are passed over.
  std::optional<ProgramFinding> run(u64 number, usize states);
  const Counts& counts() const { return counts_; }
  void set_counts(const Counts& counts) { counts_ = counts; }
  void set_distinct(DistinctWords* words) { distinct_ = words; }
  // What is done to the program before the tier under test runs it, for tests of this.
  void set_fault(void (*fault)(Program&)) { fault_ = fault; }
  u64 regions() const { return regions_; }  // that were made

 private:
  struct Difference {
    usize which = 0;  // of the tier's outcomes
    ProgramOutcome got, expected;
  };
  std::optional<Difference> check(const Program& p);
  bool differs(const Program& p, unsigned attempts);
  void shrink(Program& p);
  std::string report(const Program& p);

  const Tier tier_;
  ProgramGenerator generator_;
  const cpu::Model& model_;
  Counts counts_;
  DistinctWords* distinct_ = nullptr;
  void (*fault_)(Program&) = nullptr;
  u64 regions_ = 0;
};

}  // namespace ferry::verify
