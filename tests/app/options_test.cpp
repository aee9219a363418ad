#include "app/options.h"

#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "cpu/sysregs.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::app;
using machines::LaunchRecord;
using machines::SerialSpec;

namespace {

Result<CommandLine> parse(std::vector<std::string_view> arguments) { return parse_command_line(arguments); }

std::string message(std::vector<std::string_view> arguments) {
  auto line = parse(std::move(arguments));
  REQUIRE_FALSE(line);
  CHECK(line.error().message.find('\n') == std::string::npos);
  return line.error().message;
}

bool contains(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a line in QEMU's spelling becomes a launch record") {
  auto line = parse({"-M",         "virt,gic-version=3",
                     "-cpu",       "cortex-a72",
                     "-smp",       "1",
                     "-m",         "512",
                     "-kernel",    "Image",
                     "-initrd",    "i.gz",
                     "-append",    "console=ttyAMA0 a,b",
                     "-drive",     "if=none,file=a,,b.img,format=raw,id=d0,snapshot=on,readonly=off",
                     "-device",    "virtio-blk-device,drive=d0,serial=x",
                     "-nographic", "-serial",
                     "file:log",   "-no-reboot",
                     "-nic",       "none",
                     "-display",   "none"});
  REQUIRE(line);
  const auto& launch = line->options.launch;
  CHECK(launch.board == "virt");
  CHECK(launch.cpu_model == "cortex-a72");
  CHECK(launch.ram_size == 512u << 20);
  CHECK(launch.command_line == "console=ttyAMA0 a,b");
  REQUIRE(launch.drives.size() == 1);
  CHECK(launch.drives[0].path == "a,b.img");
  CHECK(launch.drives[0].snapshot);
  CHECK_FALSE(launch.drives[0].read_only);
  REQUIRE(launch.devices.size() == 1);
  CHECK(launch.devices[0].model == "virtio-blk-device");
  CHECK(launch.devices[0].properties ==
        std::vector<std::pair<std::string, std::string>>{{"drive", "d0"}, {"serial", "x"}});
  REQUIRE(launch.serials.size() == 1);
  CHECK(launch.serials[0].path == "log");
  CHECK(line->options.no_reboot);
}

TEST_CASE("a disk that nothing names is a virtio disk, as QEMU has it") {
  auto line = parse({"-drive", "file=a,format=raw", "-drive", "if=virtio,file=b,id=root", "-drive", "file=c,id=d2",
                     "-M", "virt,accel=tcg,its=off,gic-version=max", "-accel", "tcg,thread=multi", "-vga", "none",
                     "-parallel", "none", "-no-user-config", "-nodefaults"});
  REQUIRE(line);
  const auto& launch = line->options.launch;
  REQUIRE(launch.drives.size() == 3);
  CHECK(launch.drives[2].id == "d2");  // for a -device
  REQUIRE(launch.devices.size() == 2);
  for (usize i = 0; i < 2; ++i) {
    CHECK(launch.devices[i].model == "virtio-blk-device");
    CHECK(launch.devices[i].properties ==
          std::vector<std::pair<std::string, std::string>>{{"drive", launch.drives[i].id}});
  }
  CHECK(launch.drives[1].id == "root");
  CHECK(contains(message({"-accel", "kvm"}), "expected tcg"));
  CHECK(contains(message({"-M", "virt,accel=kvm"}), "expected tcg"));
  CHECK(contains(message({"-M", "virt,its=on"}), "expected off"));
  CHECK(contains(message({"-drive", "if=ide,file=x"}), "expected virtio"));
}

TEST_CASE("back ends by name, before or after their use") {
  auto line =
      parse({"-serial", "chardev:s", "-chardev", "stdio,id=s,mux=on", "-mon", "chardev=s,mode=readline", "-chardev",
             "file,id=out,path=a,,b", "-semihosting-config", "enable=on,target=native,chardev=out"});
  REQUIRE(line.ok());
  REQUIRE(complete_command_line(*line));
  const LaunchRecord& launch = line->options.launch;
  REQUIRE(launch.serials.size() == 1);
  CHECK(launch.serials[0].kind == SerialSpec::Kind::MonitorStdio);
  REQUIRE(launch.semihosting.console);
  CHECK(launch.semihosting.console->kind == SerialSpec::Kind::File);
  CHECK(launch.semihosting.console->path == "a,b");
  const auto refused = [](std::vector<std::string_view> words) {
    auto given = parse(words);
    if (!given) return given.error().message;
    const Status status = complete_command_line(*given);
    return status ? std::string() : status.error().message;
  };
  CHECK(contains(refused({"-serial", "chardev:x"}), "no back end has this name"));
  CHECK(contains(refused({"-chardev", "stdio,id=a", "-serial", "chardev:a", "-serial", "chardev:a"}), "a second line"));
  CHECK(contains(refused({"-chardev", "stdio,id=a", "-mon", "chardev=a"}), "mux=on"));
  CHECK(
      contains(refused({"-chardev", "pty,id=a", "-semihosting-config", "chardev=a"}), "expected stdio, file or null"));
  CHECK(contains(refused({"-chardev", "file,id=a"}), "expected path=FILE"));
  CHECK(contains(refused({"-chardev", "stdio"}), "expected id=ID"));
  CHECK(contains(refused({"-chardev", "socket,id=a"}), "expected stdio, file, pty or null"));
  CHECK(contains(refused({"-chardev", "null,id=a", "-chardev", "null,id=a"}), "a second a"));
}

TEST_CASE("a launch record's line parses to the same record") {
  auto line =
      parse({"-m", "2G", "-kernel", "Image", "-append", "x", "-drive", "if=pflash,file=f,unit=1,readonly=on", "-device",
             "loader,file=a,addr=0x1000,cpu-num=0", "-device", "loader,data=0x12,data-len=4,addr=64M,data-be=on",
             "-device", "virtio-rng-device", "--time", "virtual", "--seed", "9"});
  REQUIRE(line);
  const std::string text = launch_line(line->options.launch);
  std::vector<std::string> words;
  std::stringstream stream(text);
  for (std::string word; stream >> word;) words.push_back(word);
  std::vector<std::string_view> views(words.begin(), words.end());
  auto again = parse_command_line(views);
  REQUIRE(again);
  CHECK(launch_line(again->options.launch) == text);
  CHECK(again->options.launch.loaders[1].big_endian);
  CHECK(again->options.launch.drives[0].unit == 1u);
}

TEST_CASE("our own options") {
  auto line = parse({"--tier",
                     "interp",
                     "--set",
                     "chain.direct=off",
                     "--set=llvm.opt=2",
                     "--time=virtual",
                     "--seed",
                     "0x10",
                     "--expect",
                     "login:",
                     "--timeout",
                     "90s",
                     "--stop-at",
                     "insns=1000",
                     "--hash",
                     "--stats=json",
                     "-d",
                     "int,guest_errors",
                     "-D",
                     "log"});
  REQUIRE(line);
  const auto& options = line->options;
  CHECK(options.settings.tier == Tier::Interp);
  CHECK_FALSE(options.settings.chain_direct);
  CHECK(options.settings.llvm_opt == 2);
  CHECK(options.launch.virtual_time);
  CHECK(options.launch.seed == 16u);
  CHECK(options.expect == "login:");
  CHECK(options.timeout_ns == 90'000'000'000u);
  CHECK(options.stop_at_insns == 1000u);
  CHECK(options.hash);
  CHECK(options.stats == control::RunOptions::StatsForm::Json);
  auto two_dashes = parse({"--kernel", "Image", "-tier", "llvm"});
  REQUIRE(two_dashes);
  CHECK(two_dashes->options.launch.kernel == "Image");
  CHECK(two_dashes->options.settings.tier == Tier::Llvm);
}

TEST_CASE("questions are answered instead of a run") {
  CHECK(parse({"-M", "help"})->ask == Ask::MachineHelp);
  CHECK(parse({"-cpu", "help"})->ask == Ask::CpuHelp);
  CHECK(parse({"-device", "help"})->ask == Ask::DeviceHelp);
  CHECK(parse({"-d", "help"})->ask == Ask::LogHelp);
  CHECK(parse({"--version"})->ask == Ask::Version);
  CHECK(parse({"--help", "-nonsense"})->ask == Ask::Help);
  CHECK(parse({"--settings"})->ask == Ask::Settings);
}

TEST_CASE("processors are counted as QEMU counts them") {
  const auto cpus = [](const char* text) {
    auto line = parse({"-smp", text});
    return line ? line->options.launch.cpu_count : 0u;
  };
  CHECK(parse({})->options.launch.cpu_count == 1);
  CHECK(cpus("2") == 2);
  CHECK(cpus("cpus=8") == 8);
  CHECK(cpus("4,sockets=2,cores=2,threads=1") == 4);
  CHECK(cpus("sockets=2,cores=2,threads=2") == 8);
  CHECK(cpus("4,sockets=2") == 4);
  CHECK(cpus("4,maxcpus=4") == 4);
  CHECK(cpus("4,sockets=3") == 0);
}

TEST_CASE("mistakes are one line that says what was expected") {
  CHECK(contains(message({"-kernal", "x"}), "did you mean -kernel?"));
  CHECK(contains(message({"--timout", "1"}), "did you mean --timeout?"));
  CHECK_FALSE(contains(message({"-qqqqqq"}), "did you mean"));
  CHECK(contains(message({"-kernel"}), "no value"));
  CHECK(contains(message({"Image"}), "-kernel FILE"));
  CHECK(contains(message({"-smp", "9"}), "expected 1 to 8"));
  CHECK(contains(message({"-smp", "0"}), "expected 1 to 8"));
  CHECK(contains(message({"-smp", "4,cores=3"}), "make 3 processors, expected 4"));
  CHECK(contains(message({"-smp", "2,maxcpus=4"}), "cannot be added"));
  CHECK(contains(message({"-smp", "x"}), "not a number"));
  CHECK(contains(message({"-m", "0"}), "not a size"));
  CHECK(contains(message({"-m", "lots"}), "not a size"));
  CHECK(contains(message({"-M", "virt,gic-version=2"}), "expected 3"));
  CHECK(contains(message({"-M", "virt,virtualization=on"}), "not implemented"));
  CHECK(contains(message({"-M", "virt,gic-verison=3"}), "did you mean gic-version?"));
  CHECK(contains(message({"-drive", "if=none,file=x,format=qcow2"}), "expected raw"));
  CHECK(contains(message({"-drive", "if=none,fiel=x"}), "did you mean file?"));
  CHECK(contains(message({"-drive", "if=none"}), "no file"));
  CHECK(contains(message({"-drive", "if=none,file=x,snapshot=maybe"}), "on or off"));
  CHECK(contains(message({"-drive", "file=a,file=b"}), "twice"));
  CHECK(contains(message({"-device", "loader"}), "nothing to load"));
  CHECK(contains(message({"-device", "loader,data=1,addr=0"}), "data-len"));
  CHECK(contains(message({"-serial", "tcp:1"}), "expected stdio"));
  CHECK(contains(message({"-serial", "stdio", "-serial", "mon:stdio"}), "second line"));
  CHECK(contains(message({"-nic", "user"}), "expected none"));
  CHECK(contains(message({"--tier", "fast"}), "interp, baseline"));
  CHECK(contains(message({"--hash=1"}), "takes no value"));
  CHECK(contains(message({"--timeout", "soon"}), "60s"));
  CHECK(contains(message({"-d", "evrything"}), "evrything"));
  CHECK(contains(message({"-cpu", "cortex-a57,dit=off"}), "features are fixed"));
}

TEST_CASE("options are unique, explained and grouped, and the pages are current") {
  std::set<std::string_view> names, groups;
  std::string_view group;
  for (const OptionRow& row : option_rows()) {
    INFO(row.name);
    CHECK(names.insert(row.name).second);
    CHECK_FALSE(row.sentence.empty());
    if (row.group != group) CHECK(groups.insert(group = row.group).second);
  }
  // Written by: build/ferry reference options > docs/reference/options.md (and settings, sysregs)
  CHECK(content(std::string(FERRY_SOURCE) + "/docs/reference/options.md") == options_page());
  CHECK(content(std::string(FERRY_SOURCE) + "/docs/reference/settings.md") == settings_page());
  CHECK(content(std::string(FERRY_SOURCE) + "/docs/reference/sysregs.md") == cpu::sysregs_page());
}

TEST_CASE("durations") {
  CHECK(parse_duration("60") == 60'000'000'000u);
  CHECK(parse_duration("60s") == 60'000'000'000u);
  CHECK(parse_duration("500ms") == 500'000'000u);
  CHECK(parse_duration("2m") == 120'000'000'000u);
  CHECK_FALSE(parse_duration(""));
  CHECK_FALSE(parse_duration("s"));
  CHECK_FALSE(parse_duration("99999999999999h"));
}
