// The options of `ferry run`: one table, which parses the command line, prints --help and writes
// docs/reference/options.md.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "control/run_options.h"
#include "core/result.h"

namespace ferry::app {

// What the command line asks for when it is not a run: a text to print on stdout.
enum class Ask : u8 { Run, Help, Version, Settings, MachineHelp, CpuHelp, DeviceHelp, LogHelp };

struct CommandLine {
  Ask ask = Ask::Run;
  control::RunOptions options;
  bool time_given = false;
  bool serial_given = false;  // the first -serial replaces the default, later ones add
  // -chardev gives back ends names, before or after they are used.
  struct Chardev {
    std::string id;
    machines::SerialSpec spec;
  };
  std::vector<Chardev> chardevs;
  std::vector<std::pair<usize, std::string>> serial_chardevs;  // of -serial chardev:ID: which line
  std::optional<std::string> semihosting_chardev, monitor_chardev;
};

// Puts the back ends in the place of their names.
Status resolve_chardevs(CommandLine& line);

struct OptionRow {
  enum class Argument : u8 { None, Required, Optional };  // Optional: only as --name=value
  std::string_view name;                                  // as spelled, with its dashes: "-kernel", "--tier"
  std::string_view argument;                              // what --help calls it: "FILE"
  Argument form;
  std::string_view group;  // a heading of --help; rows of a group stand together
  std::string_view sentence;
  Status (*apply)(CommandLine& line, std::string_view value);
};

// What the options leave unsaid, and what they say together.
Status complete_command_line(CommandLine& line);

// All options, the groups one after another.
std::span<const OptionRow> option_rows();

// The arguments after `ferry run`. One dash or two are accepted for every option, and "--name=value". Errors are one
// line and name the nearest option.
Result<CommandLine> parse_command_line(std::span<const std::string_view> arguments);

// The text of `ferry run --help`, and the page of docs/reference.
std::string options_help();
std::string options_page();
std::string settings_page();

// Groups of the table.
std::span<const OptionRow> board_option_rows();
std::span<const OptionRow> device_option_rows();
std::span<const OptionRow> run_option_rows();

// "60", "60s", "500ms", "2m", "1h" in nanoseconds.
std::optional<u64> parse_duration(std::string_view text);

}  // namespace ferry::app
