// What a run needs before the guest starts: serial lines, the machine, the code cache, names for perf.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/run.h"
#include "debug/guest_symbols.h"
#include "debug/host_code.h"
#include "runtime/system.h"

namespace ferry::control {

using machines::SerialSpec;

Result<StreamBackend::Config> Run::open_stream(const SerialSpec& spec) {
  StreamBackend::Config config;
  switch (spec.kind) {
    case SerialSpec::Kind::Null: return open_stream({SerialSpec::Kind::File, "/dev/null"});
    case SerialSpec::Kind::Stdio:
    case SerialSpec::Kind::MonitorStdio:
      config = {.input = STDIN_FILENO,
                .output = STDOUT_FILENO,
                .escapes = spec.kind == SerialSpec::Kind::MonitorStdio,
                .name = "stdout"};
      terminal_signals_ = spec.kind == SerialSpec::Kind::Stdio;
      break;
    case SerialSpec::Kind::File:
      config = {.output = open(spec.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666),
                .close_on_end = true,
                .name = spec.path};
      if (config.output < 0)
        return Error{fmt::format("{}: {}, expected a file that can be written", spec.path, std::strerror(errno))};
      break;
    case SerialSpec::Kind::Pty: {
      const int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
      char name[128];
      if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0 || ptsname_r(fd, name, sizeof(name)) != 0) {
        return Error{fmt::format("-serial pty: {}, expected a free pseudo-terminal", std::strerror(errno))};
      }
      fmt::print(stderr, "ferry: serial line on {}\n", name);
      config = {.input = fd, .output = fd, .close_on_end = true, .name = name};
      break;
    }
  }
  return config;
}

Status Run::make_serial(const SerialSpec& spec) {
  if (spec.kind == SerialSpec::Kind::Null) {
    nulls_.push_back(std::make_unique<NullBackend>());
    serials_.push_back(nulls_.back().get());
    return {};
  }
  auto config = open_stream(spec);
  if (!config) return config.error();
  streams_.push_back(std::make_unique<StreamBackend>(*config));
  serials_.push_back(streams_.back().get());
  if (config->input == STDIN_FILENO) terminal_ = streams_.back().get();
  return {};
}

// The console of semihosting is standard input and output: the terminal's stream when a serial line has it, so that
// both print in order, else one of its own; or what the command line says.
Status Run::make_semihosting() {
  const auto& console = options_.launch.semihosting.console;
  const bool elsewhere =
      console && (console->kind == SerialSpec::Kind::File || console->kind == SerialSpec::Kind::Null);
  StreamBackend* stream = elsewhere ? nullptr : terminal_;
  if (elsewhere) {
    auto config = open_stream(*console);
    if (!config) return config.error();
    streams_.push_back(std::make_unique<StreamBackend>(*config));
    stream = streams_.back().get();
  } else if (stream == nullptr) {
    streams_.push_back(std::make_unique<StreamBackend>(
        StreamBackend::Config{.input = STDIN_FILENO, .output = STDOUT_FILENO, .name = "stdout"}));
    stream = streams_.back().get();
  }
  semihosting_ = std::make_unique<SemihostingTerminal>(*stream, !elsewhere);
  if (options_.expect) semihosting_->watched().expect(*options_.expect, [this] { end(EndedBy::Expect); });
  return {};
}

Status Run::prepare() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGTSTP}) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);  // before any thread exists, so that all inherit it
  signal(SIGPIPE, SIG_IGN);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signals_ < 0 || wake_ < 0) return Error{fmt::format("signalfd: {}", std::strerror(errno))};

  for (const SerialSpec& spec : options_.launch.serials) {
    if (Status status = make_serial(spec); !status) return status;
  }
  machines::Machine::Config config{.settings = &options_.settings};
  if (!serials_.empty()) {
    watched_ = std::make_unique<WatchedSerial>(*serials_[0]);
    if (options_.expect) watched_->expect(*options_.expect, [this] { end(EndedBy::Expect); });
    config.serials = serials_;
    config.serials[0] = watched_.get();
  }
  if (options_.launch.semihosting.enabled) {
    if (Status status = make_semihosting(); !status) return status;
    config.semihosting_console = semihosting_.get();
  }
  const u64 limit = options_.limit_insns.value_or(~u64{0}), stop = options_.stop_at_insns.value_or(~u64{0});
  if (std::min(limit, stop) != ~u64{0}) config.limit_instructions = std::min(limit, stop);
  auto machine = machines::Machine::create(options_.launch, config);
  if (!machine) return machine.error();
  machine_ = std::move(*machine);
  machine_->system().translator().set_host_text(debug::disassemble_host);
  open_code_cache();
  if (Status status = open_perf_map(); !status) return status;

  monitor_ = std::make_unique<Monitor>(*machine_, [this] { end(EndedBy::Quit); });
  for (const auto& stream : streams_) {
    if (options_.launch.virtual_time) {
      // The moment input is seen must be one of the machine's clock, between two instructions.
      stream->set_poster(
          [this](std::function<void()> call) { machine_->events().add(machine_->clock().now(), std::move(call)); });
    }
    stream->set_quit([this] { end(EndedBy::Quit); });
    stream->set_monitor([this](std::string_view line) { return monitor_->execute(line); });
  }
  return {};
}

// Without a folder that can be used the run goes on without kept code.
void Run::open_code_cache() {
  const Settings& settings = options_.settings;
  if (!settings.cache_persistent || settings.tier == Tier::Interp || settings.tier == Tier::Llvm) return;
  if (runtime::persistent::folder_of(settings).empty()) return;
  runtime::System& system = machine_->system();
  const auto complain = [](const std::string& line) { fmt::print(stderr, "ferry: code cache: {}\n", line); };
  auto store = runtime::persistent::CodeStore::open(settings, system.config().model->features, complain);
  if (store)
    system.translator().set_code_store(std::move(*store));
  else
    complain(store.error().message + "; this run goes without it");
}

// perf.map, perf.jitdump: host code under the guest's names.
Status Run::open_perf_map() {
  const Settings& settings = options_.settings;
  if (!settings.perf_map && !settings.perf_jitdump) return {};
  std::shared_ptr<debug::GuestSymbols> symbols;
  const std::string& path = settings.perf_symbols.empty() ? options_.launch.kernel : settings.perf_symbols;
  if (!path.empty()) {
    auto loaded = debug::GuestSymbols::load(path);
    if (loaded)
      symbols = std::make_shared<debug::GuestSymbols>(std::move(*loaded));
    else if (!settings.perf_symbols.empty())
      return loaded.error();
  }
  auto map =
      runtime::PerfMap::open(settings, [symbols](u64 va) { return symbols ? symbols->name_of(va) : std::string{}; });
  if (!map) return map.error();
  machine_->system().translator().set_perf_map(std::move(*map));
  return {};
}

}  // namespace ferry::control
