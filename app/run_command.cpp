// `ferry run`: answers questions, or hands the run to the controller.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "app/commands.h"
#include "app/options.h"
#include "control/exit_status.h"
#include "control/run_controller.h"
#include "core/log.h"
#include "cpu/models.h"
#include "machines/board.h"
#include "machines/entropy.h"
#include "machines/machine.h"
#include "machines/tree_edit.h"

namespace ferry::app {
namespace {

constexpr u64 kDefaultRam = u64{1} << 30;
constexpr u64 kVirtualTimeSeed = 1;

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
    case Ask::CpuHelp:
      for (std::string_view name : cpu::model_names()) fmt::print("{}\n", name);
      break;
    case Ask::DeviceHelp: fmt::print("{}", machines::device_help()); break;
    case Ask::LogHelp: fmt::print("{}", log_help()); break;
    case Ask::Run: break;
  }
  return control::kExitOk;
}

Status start_log(const control::RunOptions& options) {
  if (!options.log_file.empty()) {
    if (Status status = set_log_file(options.log_file); !status) return status;
  }
  if (options.log_items.empty()) return {};
  auto mask = parse_log_categories(options.log_items);
  if (!mask) return mask.error();
  set_log_mask(*mask);
  return {};
}

std::string tier_text(const Settings& settings) {
  for (const SettingRow& row : setting_rows()) {
    if (row.name == "tier") return setting_text(settings, row);
  }
  UNREACHABLE("the tier is a setting");
}

// Writes the whole file or none of it: into a neighbour first, which then takes its name. What is no regular file (a
// pipe, a device) is written as it is, and never removed.
int dump_tree(const control::RunOptions& options) {
  auto blob = machines::guest_tree(options.launch);
  if (!blob) return bad(blob.error());
  const std::string& path = options.dumpdtb;
  struct stat facts{};
  const bool special = stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode);
  const std::string target = special ? path : path + ".part";
  const int fd = open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return bad(Error{fmt::format("{}: {}, expected a file that can be written", path, std::strerror(errno))});
  bool written = write(fd, blob->data(), blob->size()) == static_cast<ssize_t>(blob->size());
  int error = errno;
  close(fd);
  if (written && !special && rename(target.c_str(), path.c_str()) != 0) {
    written = false;
    error = errno;
  }
  if (written) return control::kExitOk;
  if (!special) unlink(target.c_str());
  return bad(Error{fmt::format("{}: {}, expected room for {} bytes", path, std::strerror(error), blob->size())});
}

}  // namespace

Status complete_command_line(CommandLine& line) {
  if (Status status = resolve_chardevs(line); !status) return status;
  control::RunOptions& options = line.options;
  machines::LaunchRecord& launch = options.launch;
  // Instructions are counted in virtual time.
  if ((options.limit_insns || options.stop_at_insns) && !launch.virtual_time) {
    if (line.time_given)
      return Error{fmt::format("{}: instructions are not counted with --time real, expected --time virtual",
                               options.limit_insns ? "--limit-insns" : "--stop-at")};
    launch.virtual_time = true;
  }
  if (!launch.ram_size && launch.dtb.empty()) launch.ram_size = kDefaultRam;
  if (launch.virtual_time && !launch.seed) launch.seed = kVirtualTimeSeed;
  if (!launch.seed) launch.host_seed = machines::host_random_number();
  if (!launch.firmware.empty()) launch.protocol = machines::BootProtocol::Firmware;
  for (auto& drive : launch.drives) drive.snapshot |= options.snapshot;
  return {};
}

int run_command(Arguments arguments) {
  auto line = parse_command_line(arguments);
  if (!line) return bad(line.error());
  if (line->ask != Ask::Run) return answer(*line);
  control::RunOptions& options = line->options;
  if (Status status = complete_command_line(*line); !status) return bad(status.error());
  if (Status status = start_log(options); !status) return bad(status.error());
  if (!options.dumpdtb.empty()) return dump_tree(options);
  fmt::print(stderr, "ferry: {} --tier {}\n", launch_line(options.launch), tier_text(options.settings));
  return control::run_machine(options);
}

}  // namespace ferry::app
