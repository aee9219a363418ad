#include "app/commands.h"

#include <fmt/format.h>

#include <cstdio>

#include "app/options.h"
#include "control/exit_status.h"
#include "core/nearest.h"
#include "cpu/sysregs.h"

namespace ferry::app {
namespace {

constexpr const char* kVersion = "ferry 0.1";

struct Command {
  std::string_view name;
  std::string_view usage;
  std::string_view sentence;
  int (*run)(Arguments);
};

constexpr Command kCommands[] = {
    {"run", "run OPTION...", "runs a machine (ferry run --help)", run_command},
    {"explain", "explain insn WORD", "shows what becomes of one instruction", explain_command},
    {"cpu", "cpu list [--json] [MODEL]", "lists the processors' features and what of them is implemented", cpu_command},
    {"reference", "reference options|settings|sysregs", "prints a page of docs/reference", reference_command},
    {"verify", "verify [OPTION...]", "holds random instructions against an oracle (ferry verify --help)",
     verify_command},
    {"cache", "cache list|clear|export|import", "the persistent code cache (ferry cache --help)", cache_command},
};

std::string usage() {
  std::string text = "usage:\n";
  for (const Command& command : kCommands) text += fmt::format("  ferry {:<28} {}\n", command.usage, command.sentence);
  return text +
         fmt::format("  ferry {:<28} prints this list\n  ferry {:<28} prints the version\n", "--help", "--version");
}

int mistake(const std::string& sentence) {
  fmt::print(stderr, "ferry: {}\n", sentence);
  return control::kExitUsage;
}

}  // namespace

int ferry_main(Arguments arguments) {
  if (arguments.empty()) {
    fmt::print(stderr, "{}", usage());
    return control::kExitUsage;
  }
  const std::string_view name = arguments[0];
  if (name == "--version" || name == "-version" || name == "version") {
    fmt::print("{}\n", kVersion);
    return control::kExitOk;
  }
  if (name == "--help" || name == "-help" || name == "-h" || name == "help") {
    fmt::print("{}", usage());
    return control::kExitOk;
  }
  if (name == "--settings") return run_command(arguments);
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) {
    if (command.name == name) return command.run(arguments.subspan(1));
    names.push_back(command.name);
  }
  if (name.starts_with('-')) return mistake(fmt::format("{}: not a command, expected ferry run {} ...", name, name));
  return mistake(fmt::format("{}: no such command{} (ferry --help lists them)", name, did_you_mean(name, names)));
}

int reference_command(Arguments arguments) {
  if (arguments.size() != 1) return mistake("reference: expected one page, options, settings or sysregs");
  if (arguments[0] == "options") {
    fmt::print("{}", options_page());
  } else if (arguments[0] == "settings") {
    fmt::print("{}", settings_page());
  } else if (arguments[0] == "sysregs") {
    fmt::print("{}", cpu::sysregs_page());
  } else {
    return mistake(fmt::format("reference {}: no such page, expected options, settings or sysregs", arguments[0]));
  }
  return control::kExitOk;
}

}  // namespace ferry::app
