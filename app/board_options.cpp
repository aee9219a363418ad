// Options that describe the board and what boots on it.
#include <fmt/format.h>

#include "app/key_values.h"
#include "app/options.h"
#include "core/parse_number.h"
#include "cpu/models.h"

namespace ferry::app {
namespace {

using Argument = OptionRow::Argument;
using machines::LaunchRecord;

constexpr u64 kMiB = 1 << 20;
constexpr u64 kMaxCpus = 8;

Status machine(CommandLine& line, std::string_view value) {
  if (value == "help" || value == "?") {
    line.ask = Ask::MachineHelp;
    return {};
  }
  auto keys = KeyValues::parse("-M", value, "type");
  if (!keys) return keys.error();
  if (const auto board = keys->take("type")) line.options.launch.board = *board;
  if (const auto version = keys->take("gic-version"); version && *version != "3" && *version != "max") {
    return Error{fmt::format("-M gic-version={}: not modelled, expected 3", *version)};
  }
  if (const auto file = keys->take("dumpdtb")) line.options.dumpdtb = *file;
  for (const char* absent : {"virtualization", "secure"}) {
    auto on = keys->take_switch(absent, false);
    if (!on) return on.error();
    if (*on) return Error{fmt::format("-M {}=on: this exception level is not implemented, expected off", absent)};
  }
  if (const auto accel = keys->take("accel"); accel && *accel != "tcg")
    return Error{fmt::format("-M accel={}: not here, expected tcg (code is translated; --tier says how)", *accel)};
  if (auto its = keys->take_switch("its", false); !its || *its)
    return its ? Error{"-M its=on: not modelled, expected off"} : its.error();
  constexpr std::string_view kKnown[] = {"type", "gic-version", "dumpdtb", "virtualization", "secure", "accel", "its"};
  return keys->done(kKnown);
}

Status cpu(CommandLine& line, std::string_view value) {
  if (value == "help" || value == "?") {
    line.ask = Ask::CpuHelp;
    return {};
  }
  if (auto model = ferry::cpu::make_model(value); !model) return model.error();
  line.options.launch.cpu_model = value;
  return {};
}

// The topology only counts: the device tree describes processors without it.
Status smp(CommandLine& line, std::string_view value) {
  auto keys = KeyValues::parse("-smp", value, "cpus");
  if (!keys) return keys.error();
  constexpr std::string_view kKnown[] = {"cpus", "sockets", "dies", "clusters", "cores", "threads", "maxcpus"};
  std::optional<u64> count[std::size(kKnown)];
  for (usize i = 0; i < std::size(kKnown); ++i) {
    auto number = keys->take_number(kKnown[i]);
    if (!number) return number.error();
    count[i] = *number;
    if (const u64 given = count[i].value_or(1); given == 0 || given > 512)
      return Error{fmt::format("-smp {}={}: expected 1 to {}", kKnown[i], given, kMaxCpus)};
  }
  if (Status status = keys->done(kKnown); !status) return status;
  enum { Cpus, Sockets, Dies, Clusters, Cores, Threads, MaxCpus };
  u64 product = 1;
  for (usize i = Sockets; i <= Threads; ++i) product *= count[i].value_or(1);
  const u64 cpus = count[Cpus].value_or(count[MaxCpus].value_or(product));
  const bool whole = count[Cores] ? product == cpus : cpus % product == 0;  // cores not given: what is left
  if (!whole)
    return Error{
        fmt::format("-smp {}: sockets, cores and threads make {} processors, expected {}", value, product, cpus)};
  if (count[MaxCpus].value_or(cpus) != cpus)
    return Error{fmt::format("-smp {}: processors cannot be added later, expected maxcpus={}", value, cpus)};
  if (cpus > kMaxCpus) return Error{fmt::format("-smp {}: {} processors, expected 1 to {}", value, cpus, kMaxCpus)};
  line.options.launch.cpu_count = static_cast<unsigned>(cpus);
  return {};
}

Status memory(CommandLine& line, std::string_view value) {
  auto keys = KeyValues::parse("-m", value, "size");
  if (!keys) return keys.error();
  const std::string text = keys->take("size").value_or("");
  constexpr std::string_view kKnown[] = {"size"};
  if (Status status = keys->done(kKnown); !status) return status;
  auto size = parse_size(text);
  const bool bare = text.find_first_not_of("0123456789") == std::string::npos;
  if (size && bare) size = *size <= (u64{1} << 40) ? std::optional(*size * kMiB) : std::nullopt;
  if (!size || *size < kMiB || *size % kMiB != 0 || *size > (u64{1} << 40)) {
    return Error{
        fmt::format("-m {}: not a size of memory, expected whole MiB such as 1024, 512M or 2G, at most 1T", value)};
  }
  line.options.launch.ram_size = size;
  return {};
}

Status semihosting(CommandLine& line, std::string_view) {
  line.options.launch.semihosting.enabled = true;
  return {};
}

Status semihosting_config(CommandLine& line, std::string_view value) {
  auto keys = KeyValues::parse("-semihosting-config", value, "enable", "arg");
  if (!keys) return keys.error();
  machines::SemihostingSpec& spec = line.options.launch.semihosting;
  auto enable = keys->take_switch("enable", true);
  if (!enable) return enable.error();
  auto userspace = keys->take_switch("userspace", spec.userspace);
  if (!userspace) return userspace.error();
  if (const auto target = keys->take("target"); target && *target != "native" && *target != "auto")
    return Error{fmt::format("-semihosting-config target={}: nobody else answers, expected native or auto", *target)};
  if (const auto chardev = keys->take("chardev")) line.semihosting_chardev = *chardev;
  if (const auto folder = keys->take("dir")) spec.folder = *folder;
  for (std::string& argument : keys->take_all("arg")) spec.arguments.push_back(std::move(argument));
  spec.enabled = *enable;
  spec.userspace = *userspace;
  constexpr std::string_view kKnown[] = {"enable", "target", "userspace", "chardev", "dir", "arg"};
  return keys->done(kKnown);
}

template <std::string LaunchRecord::* member>
Status text(CommandLine& line, std::string_view value) {
  line.options.launch.*member = value;
  return {};
}

constexpr std::string_view kBoard = "Board and processor";
constexpr std::string_view kBoot = "What boots";

constexpr OptionRow kRows[] = {
    {"-M", "BOARD[,gic-version=3][,dumpdtb=FILE]", Argument::Required, kBoard,
     "the board (help lists them); dumpdtb writes the device tree as the guest would get it, and ends", machine},
    {"-machine", "BOARD[,...]", Argument::Required, kBoard, "the same as -M", machine},
    {"-cpu", "MODEL[,FEATURE=on|off]", Argument::Required, kBoard,
     "the processor's model (help lists them), and features of max (ferry cpu list)", cpu},
    {"-smp", "[cpus=]N[,sockets=N][,cores=N][,threads=N]", Argument::Required, kBoard,
     "processors, 1 to 8 (1); the topology must multiply to as many", smp},
    {"-m", "SIZE", Argument::Required, kBoard,
     "memory: MiB, or with a suffix K, M, G or T; without it a tree of -dtb decides, else 1G", memory},
    {"-dtb", "FILE", Argument::Required, kBoard,
     "a device tree blob that describes the board, instead of the built-in one", text<&LaunchRecord::dtb>},
    {"-kernel", "FILE", Argument::Required, kBoot,
     "a Linux kernel (Image, Image.gz), an ELF program, or a raw image named .bin or .flat",
     text<&LaunchRecord::kernel>},
    {"-initrd", "FILE", Argument::Required, kBoot, "an initial ramdisk for the kernel", text<&LaunchRecord::initrd>},
    {"-append", "LINE", Argument::Required, kBoot, "the kernel's command line", text<&LaunchRecord::command_line>},
    {"-bios", "FILE", Argument::Required, kBoot, "firmware for the start of flash, where the processor then begins",
     text<&LaunchRecord::firmware>},
    {"-semihosting", "", Argument::None, kBoot, "HLT #0xF000 at EL1 is a call to the host (Arm's semihosting)",
     semihosting},
    {"-semihosting-config",
     "[enable=on|off][,target=native|auto][,chardev=ID][,userspace=on][,dir=FOLDER][,arg=WORD]...", Argument::Required,
     kBoot,
     "semihosting in detail: chardev is the console, without it the terminal; userspace lets EL0 call too; dir is the "
     "folder whose files the guest may read and write, "
     "without it the current one, empty for none; arg gives the program's command line, else the kernel's name and "
     "-append are",
     semihosting_config},
};

}  // namespace

std::span<const OptionRow> board_option_rows() { return kRows; }

}  // namespace ferry::app
