// `ferry verify --lockstep`: a whole guest in two tiers side by side.
#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <fstream>

#include "app/options.h"
#include "app/verify_options.h"
#include "control/exit_status.h"
#include "control/watched_serial.h"
#include "cpu/models.h"
#include "debug/host_code.h"
#include "machines/machine.h"
#include "verify/lockstep.h"

namespace ferry::app {
namespace {

constexpr u64 kDefaultQuantum = 100'000;

// A console that nobody types at. What the machine under test prints goes to stdout, if asked for.
class Console final : public CharBackend {
 public:
  Console(bool prints, const std::string& expected) : prints_(prints), expected_(expected) {}
  usize write(std::span<const u8> bytes) override {
    if (prints_) {
      std::fwrite(bytes.data(), 1, bytes.size(), stdout);
      std::fflush(stdout);
    }
    if (expected_.empty() || seen_) return bytes.size();
    text_.append(bytes.begin(), bytes.end());
    seen_ = text_.find(expected_) != std::string::npos;
    if (text_.size() > 2 * expected_.size() + 4096) text_.erase(0, text_.size() - expected_.size());
    return bytes.size();
  }
  usize read(std::span<u8>) override { return 0; }
  void set_listener(std::function<void()>, std::function<void()>) override {}
  bool seen() const { return seen_; }

 private:
  bool prints_;
  std::string expected_, text_;
  std::atomic<bool> seen_{false};
};

class Side final : public verify::LockstepSide {
 public:
  Side(const CommandLine& line, Tier tier, bool short_blocks, bool prints)
      : settings_(line.options.settings), console_(prints, line.options.expect.value_or("")) {
    settings_.tier = tier;
    if (short_blocks) settings_.block_limit = 1;
  }
  Status make(const machines::LaunchRecord& launch) {
    machines::Machine::Config config{.settings = &settings_};
    config.serials.assign(launch.serials.size(), &others_);
    if (!config.serials.empty()) config.serials[0] = &console_;
    auto machine = machines::Machine::create(launch, config);
    if (!machine) return machine.error();
    machine_ = std::move(*machine);
    return {};
  }
  runtime::System& system() override { return machine_->system(); }
  bool satisfied() const override { return console_.seen(); }

 private:
  Settings settings_;
  Console console_;
  control::NullBackend others_;
  std::unique_ptr<machines::Machine> machine_;
};

int bad(const Error& error) {
  fmt::print(stderr, "ferry: {}\n", error.message);
  return control::kExitUsage;
}

std::string words_of(Arguments arguments) {
  std::string text;
  for (const std::string_view a : arguments) {
    const bool plain = a.find_first_of(" '\"\\$;&|<>()*?") == std::string_view::npos && !a.empty();
    text += plain ? fmt::format(" {}", a) : fmt::format(" '{}'", a);
  }
  return text;
}

}  // namespace

int run_lockstep(const VerifyOptions& options, Arguments run_arguments) {
  auto line = parse_command_line(run_arguments);
  if (!line) return bad(line.error());
  if (line->ask != Ask::Run) return bad(Error{"verify: --lockstep: expected options of a run behind --"});
  if (line->time_given && !line->options.launch.virtual_time)
    return bad(Error{"verify: --lockstep: two machines agree only with --time virtual"});
  line->options.launch.virtual_time = true;
  line->options.snapshot = true;  // two machines, one disk
  if (Status status = complete_command_line(*line); !status) return bad(status.error());
  auto model = cpu::find_model(line->options.launch.cpu_model);
  if (!model) return bad(model.error());

  verify::LockstepOptions plan;
  plan.quantum = options.quantum.value_or(kDefaultQuantum);
  plan.limit = line->options.limit_insns.value_or(line->options.stop_at_insns.value_or(plan.limit));
  plan.tier = options.lockstep_tier.value_or(Tier::Baseline);
  plan.features = (*model)->features;
  bool printed = false;  // only the first pass is for reading
  verify::Lockstep lockstep(
      [&](bool reference, bool short_blocks) -> Result<std::unique_ptr<verify::LockstepSide>> {
        const Tier tier = reference ? options.against_tier : plan.tier;
        auto side = std::make_unique<Side>(*line, tier, short_blocks, reference && !printed);
        printed |= reference;
        if (Status status = side->make(line->options.launch); !status) return status.error();
        return std::unique_ptr<verify::LockstepSide>(std::move(side));
      },
      plan, debug::disassemble_host);
  lockstep.set_news([](const std::string& news) { fmt::print(stderr, "verify: {}\n", news); });
  const std::string who = fmt::format("{} against {}", tier_name(plan.tier), tier_name(options.against_tier));
  fmt::print(stderr, "verify: {}, compared every {} instructions\n", who, plan.quantum);
  auto result = lockstep.run();
  if (!result) return bad(result.error());
  if (result->end == verify::LockstepResult::End::Difference) {
    fmt::print("{}: {}again: ferry verify --lockstep --tier {} --against-tier {} --quantum {} --{}\n", who,
               result->report, tier_name(plan.tier), tier_name(options.against_tier), plan.quantum,
               words_of(run_arguments));
    return 1;
  }
  if (!options.counts.empty()) {
    std::ofstream(options.counts) << fmt::format(
        "{{\"instructions\": {}, \"looks_at_registers\": {}, \"looks_at_memory\": {}}}\n", result->instructions,
        result->looks, result->memory_looks);
  }
  fmt::print("\n{}: no difference in {} instructions, {} looks at registers, {} at memory; ended by: {}\n", who,
             result->instructions, result->looks, result->memory_looks, result->why);
  return control::kExitOk;
}

}  // namespace ferry::app
