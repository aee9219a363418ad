// The options of `ferry verify`.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"
#include "core/result.h"
#include "core/settings.h"
#include "verify/campaign.h"

namespace ferry::app {

enum class Against : u8 { Interp, Qemu, Unicorn };

struct VerifyOptions {
  Against against = Against::Qemu;
  Tier tier = Tier::Baseline;
  std::vector<verify::Class> classes;  // empty: all
  u64 cases = 100'000;                 // of each class
  std::optional<u64> sequences;        // likewise, instead
  u64 states = 256;                    // of each sequence
  u64 length = 0;                      // of a sequence, at most; 0: by class
  std::optional<u64> seed;
  std::optional<u64> only;  // the number of one sequence
  std::string cpu = "cortex-a57";
  std::string oracle;  // instead of the one beside ferry or on PATH
  u64 findings = 1;    // end after so many
  std::string counts;  // write them there
  std::string progress;
  bool lockstep = false;
  std::optional<Tier> lockstep_tier;  // --tier, which may be tiered there
  Tier against_tier = Tier::Interp;
  std::optional<u64> quantum;  // instructions between two looks
  bool help = false;
  bool list = false;

  u64 sequences_of_each() const { return sequences.value_or((cases + states - 1) / states); }
};

Result<VerifyOptions> parse_verify_options(Arguments arguments);
std::string verify_help();
std::string_view name(Against against);
std::string_view tier_name(Tier tier);

// --lockstep: run_arguments are those of `ferry run`, behind "--".
int run_lockstep(const VerifyOptions& options, Arguments run_arguments);

// The command of the oracle that the options ask for: found beside ferry or on PATH.
Result<std::vector<std::string>> oracle_command(const VerifyOptions& options, cpu::FeatureSet features);

}  // namespace ferry::app
