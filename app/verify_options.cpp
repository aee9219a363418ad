#include "app/verify_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "core/nearest.h"
#include "core/parse_number.h"

namespace ferry::app {
namespace {

struct VerifyRow {
  std::string_view name;
  std::string_view argument;  // empty: none
  std::string_view sentence;
  Status (*apply)(VerifyOptions&, std::string_view);
};

Error bad(std::string_view name, std::string_view value, std::string_view expected) {
  return Error{fmt::format("verify: {} {}: expected {}", name, value, expected)};
}

Status set_number(u64& to, std::string_view name, std::string_view value, u64 lowest, u64 highest) {
  const auto n = parse_number(value);
  if (!n || *n < lowest || *n > highest)
    return bad(name, value, fmt::format("a number from {} to {}", lowest, highest));
  to = *n;
  return {};
}
Status set_number(std::optional<u64>& to, std::string_view name, std::string_view value, u64 lowest) {
  u64 n = 0;
  if (Status status = set_number(n, name, value, lowest, ~u64{0}); !status) return status;
  to = n;
  return {};
}

template <class T>
Status choose(T& to, std::string_view option, std::string_view value,
              std::initializer_list<std::pair<std::string_view, T>> choices) {
  std::string expected;
  std::vector<std::string_view> names;
  for (const auto& [name, choice] : choices) {
    if (name == value) {
      to = choice;
      return {};
    }
    expected += fmt::format("{}{}", expected.empty() ? "" : ", ", name);
    names.push_back(name);
  }
  return bad(option, value, "one of " + expected + did_you_mean(value, names));
}

Status set_against(VerifyOptions& o, std::string_view v) {
  return choose(o.against, "--against", v,
                {{"interp", Against::Interp}, {"qemu", Against::Qemu}, {"unicorn", Against::Unicorn}});
}
const std::initializer_list<std::pair<std::string_view, Tier>> kTierNames = {
    {"interp", Tier::Interp}, {"baseline", Tier::Baseline}, {"llvm", Tier::Llvm}, {"tiered", Tier::Tiered}};
Status set_tier(VerifyOptions& o, std::string_view v) {
  Tier tier = o.tier;
  Status status = choose(tier, "--tier", v, kTierNames);
  o.lockstep_tier = tier;
  o.tier = tier;
  return status;
}
Status set_against_tier(VerifyOptions& o, std::string_view v) {
  return choose(o.against_tier, "--against-tier", v, kTierNames);
}

Status set_classes(VerifyOptions& o, std::string_view v) {
  if (v == "all") {
    o.classes.clear();
    return {};
  }
  for (usize at = 0; at <= v.size();) {
    const usize comma = std::min(v.find(',', at), v.size());
    const std::string_view one = v.substr(at, comma - at);
    const auto c = verify::find_class(one);
    if (!c) {
      std::vector<std::string_view> names;
      for (const verify::ClassInfo& info : verify::classes()) names.push_back(info.name);
      return bad("--class", one, fmt::format("all or one of {}{}", fmt::join(names, ", "), did_you_mean(one, names)));
    }
    o.classes.push_back(*c);
    at = comma + 1;
  }
  return {};
}

// clang-format off: a row a line
constexpr VerifyRow kRows[] = {
    {"--against", "WHAT", "interp (the same IR, interpreted), qemu (default) or unicorn: programs of their own, found beside ferry or on PATH",
     set_against},
    {"--tier", "TIER", "what is held against it: interp, baseline (default) or llvm; for programs also tiered", set_tier},
    {"--class", "NAME,...", "classes, default all of instructions, with --tier tiered all of programs (--list names them)", set_classes},
    {"--cases", "N", "cases of each class, a case being a sequence on a state; default 100000",
     [](VerifyOptions& o, std::string_view v) { return set_number(o.cases, "--cases", v, 1, u64{1} << 40); }},
    {"--sequences", "N", "sequences of each class, instead of --cases",
     [](VerifyOptions& o, std::string_view v) { return set_number(o.sequences, "--sequences", v, 1); }},
    {"--states", "N", "states of each sequence, default 256; of a program 8 at most",
     [](VerifyOptions& o, std::string_view v) { return set_number(o.states, "--states", v, 1, verify::kMaxCases); }},
    {"--length", "N", "instructions of a sequence at most; default 6, of the class mixed 12",
     [](VerifyOptions& o, std::string_view v) { return set_number(o.length, "--length", v, 1, verify::Generator::kMaxLength); }},
    {"--seed", "N", "what everything follows from; without it another one each time",
     [](VerifyOptions& o, std::string_view v) { return set_number(o.seed, "--seed", v, 0); }},
    {"--sequence", "N", "only the sequence of that number, as a report names it",
     [](VerifyOptions& o, std::string_view v) { return set_number(o.only, "--sequence", v, 0); }},
    {"--cpu", "MODEL", "whose instructions there are, default cortex-a57",
     [](VerifyOptions& o, std::string_view v) { o.cpu = v; return Status(); }},
    {"--oracle", "FILE", "the oracle program, instead of the one beside ferry or on PATH",
     [](VerifyOptions& o, std::string_view v) { o.oracle = v; return Status(); }},
    {"--findings", "N", "go on until so many differences were told, default 1",
     [](VerifyOptions& o, std::string_view v) { return set_number(o.findings, "--findings", v, 1, 1'000'000); }},
    {"--counts", "FILE", "write the figures of the run there, as JSON",
     [](VerifyOptions& o, std::string_view v) { o.counts = v; return Status(); }},
    {"--progress", "FILE", "keep what is done there, and go on from it: with its seed, unless --seed names another",
     [](VerifyOptions& o, std::string_view v) { o.progress = v; return Status(); }},
    {"--lockstep", "", "run a whole guest in two tiers side by side: ferry verify --lockstep [--tier T] -- OPTIONS OF ferry run",
     [](VerifyOptions& o, std::string_view) { o.lockstep = true; return Status(); }},
    {"--against-tier", "TIER", "of --lockstep: the reference, default interp", set_against_tier},
    {"--quantum", "N", "of --lockstep: instructions between two looks at all registers, default 100000",
     [](VerifyOptions& o, std::string_view v) { return set_number(o.quantum, "--quantum", v, 1); }},
    {"--list", "", "name the classes, and what is skipped and why",
     [](VerifyOptions& o, std::string_view) { o.list = true; return Status(); }},
    {"--help", "", "this text", [](VerifyOptions& o, std::string_view) { o.help = true; return Status(); }},
};
// clang-format on

bool is_program(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) && access(path.c_str(), X_OK) == 0;
}

std::string find_program(std::string_view name) {
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  if (const std::string beside = self / name; is_program(beside)) return beside;
  const char* const variable = std::getenv("PATH");
  const std::string_view path = variable == nullptr ? "" : variable;
  for (usize at = 0; at < path.size();) {
    const usize colon = std::min(path.find(':', at), path.size());
    if (const std::string there = fmt::format("{}/{}", path.substr(at, colon - at), name); is_program(there))
      return there;
    at = colon + 1;
  }
  return {};
}

Result<std::string> need_program(std::string_view name, std::string_view remedy) {
  std::string found = find_program(name);
  if (found.empty())
    return Error{fmt::format("verify: {}: not beside ferry and not on PATH, expected {}", name, remedy)};
  return found;
}

Result<std::string> oracle_program(const VerifyOptions& o, std::string_view name, std::string_view remedy) {
  if (o.oracle.empty()) return need_program(name, remedy);
  if (!is_program(o.oracle))
    return Error{fmt::format("verify: --oracle {}: no such program, expected one that runs", o.oracle)};
  return o.oracle;
}

}  // namespace

std::string_view name(Against against) {
  switch (against) {
    case Against::Interp: return "interp";
    case Against::Qemu: return "qemu";
    case Against::Unicorn: return "unicorn";
  }
  UNREACHABLE("an oracle without a name");
}

std::string_view tier_name(Tier tier) {
  return tier == Tier::Interp ? "interp" : tier == Tier::Baseline ? "baseline" : tier == Tier::Llvm ? "llvm" : "tiered";
}

Result<VerifyOptions> parse_verify_options(Arguments arguments) {
  VerifyOptions options;
  std::vector<std::string_view> names;
  for (const VerifyRow& row : kRows) names.push_back(row.name);
  for (usize i = 0; i < arguments.size(); ++i) {
    const usize equals = arguments[i].find('=');
    const std::string_view name = arguments[i].substr(0, equals);
    const VerifyRow* row = nullptr;
    for (const VerifyRow& r : kRows)
      if (r.name == name) row = &r;
    if (row == nullptr)
      return Error{fmt::format("verify: {}: no such option{} (ferry verify --help lists them)", arguments[i],
                               did_you_mean(name, names))};
    std::string_view value;
    if (equals != std::string_view::npos) value = arguments[i].substr(equals + 1);
    if (row->argument.empty() && equals != std::string_view::npos)
      return Error{fmt::format("verify: {}: takes no value", name)};
    if (!row->argument.empty() && equals == std::string_view::npos) {
      if (i + 1 == arguments.size())
        return Error{fmt::format("verify: {}: no value, expected {}", name, row->argument)};
      value = arguments[++i];
    }
    if (Status status = row->apply(options, value); !status) return status.error();
  }
  if (options.lockstep) {
    if (options.lockstep_tier.value_or(Tier::Baseline) == options.against_tier)
      return Error{fmt::format("verify: --tier {} --against-tier {}: the same thing twice, expected two tiers",
                               tier_name(options.against_tier), tier_name(options.against_tier))};
    return options;
  }
  for (const verify::Class c : options.classes) {
    if (options.tier == Tier::Tiered && !verify::is_program(c))
      return Error{
          fmt::format("verify: --tier tiered --class {}: only for programs and --lockstep, expected interp, "
                      "baseline or llvm",
                      verify::name(c))};
    if (options.against != Against::Interp && verify::is_program(c))
      return Error{fmt::format("verify: --class {}: expected --against interp", verify::name(c))};
  }
  if (options.tier == Tier::Tiered && options.against != Against::Interp)
    return Error{"verify: --tier tiered: expected --against interp, or --lockstep"};
  if (options.against == Against::Interp && options.tier == Tier::Interp)
    return Error{"verify: --tier interp --against interp: the same thing twice, expected --tier baseline or llvm"};
  return options;
}

std::string verify_help() {
  std::string text =
      "usage: ferry verify [OPTION...]\n"
      "       ferry verify --lockstep [OPTION...] -- OPTION OF ferry run...\n"
      "Holds random instruction sequences on random states against another's opinion of them. A difference is shrunk "
      "and\n"
      "told in full; the exit status is then 1.\n\n";
  for (const VerifyRow& row : kRows)
    text += fmt::format("  {}{}{}\n      {}\n", row.name, row.argument.empty() ? "" : " ", row.argument, row.sentence);
  return text;
}

Result<std::vector<std::string>> oracle_command(const VerifyOptions& o, cpu::FeatureSet features) {
  if (o.against == Against::Unicorn) {
    auto program = oracle_program(o, "ferry-oracle-unicorn", "libunicorn-dev when ferry is built");
    if (!program) return program.error();
    return std::vector<std::string>{*program, o.cpu};
  }
  auto emulator = need_program("qemu-aarch64", "the package qemu-user");
  if (!emulator) return emulator.error();
  auto program = oracle_program(o, "ferry-oracle-aarch64", "aarch64-linux-gnu-gcc when ferry is built");
  if (!program) return program.error();
  std::string model = o.cpu;
  if (model == "max") {
    model += ",sve=off";
    const bool signs = features.has(cpu::Feature::PACIMP) || features.has(cpu::Feature::PACQARMA5);
    if (!signs) model += ",pauth=off";
  }
  return std::vector<std::string>{*emulator, "-cpu", model, *program};
}

}  // namespace ferry::app
