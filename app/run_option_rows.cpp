// Options that say how to run and when to stop.
#include <fmt/format.h>

#include "app/options.h"
#include "core/log.h"
#include "core/parse_number.h"

namespace ferry::app {
namespace {

using Argument = OptionRow::Argument;

Status tier(CommandLine& line, std::string_view value) {
  if (Status status = set_setting(line.options.settings, "tier=" + std::string(value)); !status) {
    return Error{fmt::format("--tier {}: no such tier, expected interp, baseline, llvm or tiered", value)};
  }
  return {};
}

Status time(CommandLine& line, std::string_view value) {
  if (value != "real" && value != "virtual")
    return Error{fmt::format("--time {}: no such clock, expected real or virtual", value)};
  line.time_given = true;
  line.options.launch.virtual_time = value == "virtual";
  return {};
}

Status seed(CommandLine& line, std::string_view value) {
  const auto number = parse_number(value);
  if (!number) return Error{fmt::format("--seed {}: not a number, expected one below 2^64", value)};
  line.options.launch.seed = number;
  return {};
}

Status timeout(CommandLine& line, std::string_view value) {
  const auto duration = parse_duration(value);
  if (!duration || *duration == 0)
    return Error{fmt::format("--timeout {}: not a duration, expected one such as 60s, 500ms or 2m", value)};
  line.options.timeout_ns = duration;
  return {};
}

Status limit(CommandLine& line, std::string_view value) {
  const auto number = parse_number(value);
  if (!number || *number == 0) return Error{fmt::format("--limit-insns {}: not a count of instructions", value)};
  line.options.limit_insns = number;
  return {};
}

Status stop_at(CommandLine& line, std::string_view value) {
  constexpr std::string_view kPrefix = "insns=";
  const auto number = value.starts_with(kPrefix) ? parse_number(value.substr(kPrefix.size())) : std::nullopt;
  if (!number || *number == 0) return Error{fmt::format("--stop-at {}: not a moment, expected insns=N", value)};
  line.options.stop_at_insns = number;
  return {};
}

Status expect(CommandLine& line, std::string_view value) {
  if (value.empty()) return Error{"--expect: an empty string is always there, expected one to wait for"};
  line.options.expect = value;
  return {};
}

Status stats(CommandLine& line, std::string_view value) {
  if (!value.empty() && value != "json" && value != "text")
    return Error{fmt::format("--stats={}: no such form, expected json or text", value)};
  line.options.stats = value == "json" ? control::RunOptions::StatsForm::Json : control::RunOptions::StatsForm::Text;
  return {};
}

Status log_items(CommandLine& line, std::string_view value) {
  if (value == "help" || value == "?") {
    line.ask = Ask::LogHelp;
    return {};
  }
  if (auto mask = parse_log_categories(value); !mask) return mask.error();
  line.options.log_items = value;
  return {};
}

template <Ask ask>
Status ask_for(CommandLine& line, std::string_view) {
  line.ask = ask;
  return {};
}

constexpr std::string_view kRun = "How it runs";
constexpr std::string_view kEnd = "When it ends, and what is said then";
constexpr std::string_view kHelp = "Help";

constexpr OptionRow kRows[] = {
    {"--tier", "interp|baseline|llvm|tiered", Argument::Required, kRun,
     "how guest code runs; short for --set tier=", tier},
    {"--set", "NAME=VALUE", Argument::Required, kRun, "changes a setting (--settings lists them)",
     [](CommandLine& line, std::string_view value) { return set_setting(line.options.settings, value); }},
    {"--time", "real|virtual", Argument::Required, kRun,
     "real follows the host's clock; virtual counts instructions and jumps over idle, so that runs repeat exactly",
     time},
    {"--seed", "N", Argument::Required, kRun,
     "decides all randomness that ferry gives the guest; without it the host's, or in virtual time that of --seed 1",
     seed},
    {"-no-reboot", "", Argument::None, kEnd, "a reset by the guest ends the run",
     [](CommandLine& line, std::string_view) -> Status {
       line.options.no_reboot = true;
       return {};
     }},
    {"--expect", "STRING", Argument::Required, kEnd,
     "ends the run as soon as the serial line has shown this; status 3 if it never does", expect},
    {"--timeout", "DURATION", Argument::Required, kEnd,
     "ends the run after this much host time (60s, 500ms, 2m) with status 124", timeout},
    {"--limit-insns", "N", Argument::Required, kEnd,
     "ends the run after N guest instructions with status 124; implies --time virtual", limit},
    {"--stop-at", "insns=N", Argument::Required, kEnd,
     "ends the run exactly after N guest instructions with status 0; implies --time virtual", stop_at},
    {"--hash", "", Argument::None, kEnd, "at the end prints a hash each of RAM, registers and serial output",
     [](CommandLine& line, std::string_view) -> Status {
       line.options.hash = true;
       return {};
     }},
    {"--stats", "json|text", Argument::Optional, kEnd, "at the end prints what running cost, tier by tier, on stderr",
     stats},
    {"-perfmap", "", Argument::None, kEnd,
     "writes /tmp/perf-PID.map, from which perf report names translated code; short for --set perf.map",
     [](CommandLine& line, std::string_view) -> Status {
       line.options.settings.perf_map = true;
       return {};
     }},
    {"-jitdump", "", Argument::None, kEnd, "writes jit-PID.dump for perf inject --jit; short for --set perf.jitdump",
     [](CommandLine& line, std::string_view) -> Status {
       line.options.settings.perf_jitdump = true;
       return {};
     }},
    {"-d", "ITEM[,ITEM]...", Argument::Required, kEnd, "logs these on stderr (help lists them)", log_items},
    {"-D", "FILE", Argument::Required, kEnd, "writes the log of -d to this file",
     [](CommandLine& line, std::string_view value) -> Status {
       line.options.log_file = value;
       return {};
     }},
    {"--settings", "", Argument::None, kHelp, "lists every setting with its value, range and meaning",
     ask_for<Ask::Settings>},
    {"--help", "", Argument::None, kHelp, "prints this list", ask_for<Ask::Help>},
    {"-h", "", Argument::None, kHelp, "the same", ask_for<Ask::Help>},
    {"--version", "", Argument::None, kHelp, "prints ferry's version", ask_for<Ask::Version>},
};

}  // namespace

std::span<const OptionRow> run_option_rows() { return kRows; }

std::optional<u64> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    u64 ns;
  };
  constexpr Unit kUnits[] = {
      {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}, {"", 1'000'000'000}};
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto number = parse_number(text.substr(0, text.size() - unit.suffix.size()));
    if (!number || *number > ~u64{0} / unit.ns) return std::nullopt;
    return *number * unit.ns;
  }
  return std::nullopt;
}

}  // namespace ferry::app
