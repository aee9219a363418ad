#include "app/options.h"

#include <fmt/format.h>

#include <vector>

#include "core/nearest.h"

namespace ferry::app {
namespace {

using Argument = OptionRow::Argument;

const std::vector<OptionRow>& table() {
  static const std::vector<OptionRow> rows = [] {
    std::vector<OptionRow> all;
    for (auto group : {board_option_rows(), device_option_rows(), run_option_rows()})
      all.insert(all.end(), group.begin(), group.end());
    return all;
  }();
  return rows;
}

std::string_view without_dashes(std::string_view name) {
  name.remove_prefix(name.starts_with("--") ? 2 : name.starts_with("-") ? 1 : 0);
  return name;
}

const OptionRow* find_row(std::string_view name) {
  for (const OptionRow& row : table()) {
    if (without_dashes(row.name) == without_dashes(name)) return &row;
  }
  return nullptr;
}

Error unknown_option(std::string_view argument) {
  std::vector<std::string_view> bare, spelled;
  for (const OptionRow& row : table()) {
    bare.push_back(without_dashes(row.name));
    spelled.push_back(row.name);
  }
  const std::string_view near = nearest_name(without_dashes(argument), bare);
  std::string hint;
  for (usize i = 0; i < bare.size() && hint.empty(); ++i) {
    if (!near.empty() && bare[i] == near) hint = fmt::format(", did you mean {}?", spelled[i]);
  }
  return Error{fmt::format("{}: no such option{} (ferry run --help lists them)", argument, hint)};
}

// "-name ARGUMENT" as help shows it.
std::string spelling(const OptionRow& row) {
  switch (row.form) {
    case Argument::None: return std::string(row.name);
    case Argument::Required: return fmt::format("{} {}", row.name, row.argument);
    case Argument::Optional: return fmt::format("{}[={}]", row.name, row.argument);
  }
  UNREACHABLE("an option's form without a spelling");
}

// In a table of Markdown, a bar would end the cell.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

}  // namespace

std::span<const OptionRow> option_rows() { return table(); }

Result<CommandLine> parse_command_line(std::span<const std::string_view> arguments) {
  CommandLine line;
  for (usize i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (!argument.starts_with('-') || argument == "-" || argument == "--") {
      return Error{fmt::format(
          "{}: not an option, expected one that begins with '-' (a kernel is given by -kernel FILE)", argument)};
    }
    const usize equals = argument.starts_with("--") ? argument.find('=') : std::string_view::npos;
    const std::string_view name = argument.substr(0, equals);
    const OptionRow* row = find_row(name);
    if (row == nullptr) return unknown_option(name);
    std::string_view value;
    if (equals != std::string_view::npos) {
      if (row->form == Argument::None) return Error{fmt::format("{}: takes no value", argument)};
      value = argument.substr(equals + 1);
    } else if (row->form == Argument::Required) {
      if (i + 1 == arguments.size()) return Error{fmt::format("{}: no value, expected {}", name, spelling(*row))};
      value = arguments[++i];
    }
    if (Status status = row->apply(line, value); !status) return status.error();
    if (line.ask != Ask::Run) return line;
  }
  return line;
}

std::string options_help() {
  std::string text =
      "usage: ferry run OPTION...\n"
      "Runs a 64-bit Arm system. Defaults: -M virt,gic-version=3 -cpu cortex-a57 -m 1G, serial line on the terminal "
      "(Ctrl-A h helps).\n";
  std::string_view group;
  for (const OptionRow& row : table()) {
    if (row.group != group) text += fmt::format("\n{}:\n", group = row.group);
    text += fmt::format("  {}\n      {}\n", spelling(row), row.sentence);
  }
  return text;
}

std::string options_page() {
  std::string text =
      "# Options of `ferry run`\n\n"
      "<!-- written by `build/ferry reference options`; a test compares -->\n\n"
      "Options take one dash or two. The names and forms of the machine's options are QEMU's; the defaults differ: `-M "
      "virt,gic-version=3`,\n"
      "`-cpu cortex-a57`, `-m 1G`, and the serial line with its Ctrl-A keys is on the terminal without `-nographic`. "
      "There is no display and\n"
      "no network card. One line on stderr says what a run was started with.\n";
  std::string_view group;
  for (const OptionRow& row : table()) {
    if (row.group != group) text += fmt::format("\n## {}\n\n| option | meaning |\n|---|---|\n", group = row.group);
    text += fmt::format("| `{}` | {} |\n", cell(spelling(row)), cell(row.sentence));
  }
  text +=
      "\n## Exit status\n\n| status | meaning |\n|---|---|\n"
      "| the guest's | the guest ended by semihosting (SYS_EXIT, SYS_EXIT_EXTENDED): the low 8 bits of its status, 1 "
      "if "
      "only they are 0, and 1 for any reason but an application's exit |\n"
      "| 0 | the guest powered off, Ctrl-A x, a reset under `-no-reboot`, `--expect` seen, `--stop-at` reached |\n"
      "| 2 | wrong options, or a file that is missing or bad |\n"
      "| 3 | `--expect` was given and the guest ended without it |\n"
      "| 70 | an error inside ferry; what is needed to reproduce it is on stderr |\n"
      "| 124 | `--timeout` or `--limit-insns` was reached |\n"
      "| 130, 143 | SIGINT, SIGTERM; disks are flushed |\n";
  return text;
}

std::string settings_page() {
  std::string text =
      "# Settings\n\n"
      "<!-- written by `build/ferry reference settings`; a test compares -->\n\n"
      "`--set NAME=VALUE` changes one; `ferry run --settings` lists them with their values.\n\n"
      "| name | values | default | meaning |\n|---|---|---|---|\n";
  const Settings defaults;
  for (const SettingRow& row : setting_rows()) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", row.name, setting_range(row), setting_text(defaults, row),
                        cell(row.sentence));
  }
  return text;
}

}  // namespace ferry::app
