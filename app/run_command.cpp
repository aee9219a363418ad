// `ferry run`: answers questions, or builds the machine the options describe and hands it to the run controller.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>

#include "app/commands.h"
#include "app/options.h"
#include "control/exit_status.h"
#include "core/log.h"
#include "machines/loader.h"
#include "machines/tree_edit.h"

namespace ferry::app {
namespace {

int bad(const Error& error) {
  fmt::print(stderr, "ferry: {}\n", error.message);
  return control::kExitUsage;
}

int answer(const CommandLine& line) {
  switch (line.ask) {
    case Ask::Help: fmt::print("{}", options_help()); break;
    case Ask::Version: {
      const std::string_view version[] = {"--version"};
      return ferry_main(version);
    }
    case Ask::Settings: fmt::print("{}", describe_settings(line.options.settings)); break;
    case Ask::MachineHelp:
      for (const auto& board : machines::board_names()) fmt::print("{:<12} {}\n", board.name, board.sentence);
      break;
    case Ask::LogHelp: fmt::print("{}", log_help()); break;
    case Ask::CpuHelp:
    case Ask::DeviceHelp:
    case Ask::Run: break;
  }
  return control::kExitOk;
}

}  // namespace

int run_command(Arguments arguments) {
  auto line = parse_command_line(arguments);
  if (!line) return bad(line.error());
  if (line->ask != Ask::Run) return answer(*line);
  control::RunOptions& options = line->options;
  if (!options.launch.ram_size && options.launch.dtb.empty()) options.launch.ram_size = u64{1} << 30;
  fmt::print(stderr, "ferry: internal error: no processor\n");
  return kExitInternal;
}

}  // namespace ferry::app
