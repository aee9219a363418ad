#include "control/run_controller.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "control/exit_status.h"
#include "control/fatal.h"
#include "control/monitor.h"
#include "control/report.h"
#include "control/semihosting_terminal.h"
#include "control/stream_backend.h"
#include "control/terminal.h"
#include "control/watched_serial.h"
#include "core/activity.h"
#include "core/log.h"
#include "debug/guest_symbols.h"
#include "debug/host_code.h"
#include "machines/machine.h"
#include "runtime/system.h"
#include "runtime/vcpu.h"

namespace ferry::control {
namespace {

using HostClock = std::chrono::steady_clock;
using machines::SerialSpec;

constexpr auto kSilence = std::chrono::seconds(10);

class Run {
 public:
  explicit Run(const RunOptions& options) : options_(options) {}
  ~Run();
  int run();

 private:
  Status prepare();
  void open_code_cache();
  Result<StreamBackend::Config> open_stream(const SerialSpec& spec);
  Status open_perf_map();
  Status make_serial(const SerialSpec& spec);
  Status make_semihosting();
  void end(EndedBy reason);
  EndedBy run_until_end();
  EndedBy ended_by(runtime::EndReason reason) const;
  void watch();
  void on_signal(int number);
  void hint();
  int finish(EndedBy reason);
  void report(EndedBy reason, int status);

  const RunOptions& options_;
  std::vector<std::unique_ptr<StreamBackend>> streams_;
  std::vector<std::unique_ptr<NullBackend>> nulls_;
  std::vector<CharBackend*> serials_;
  StreamBackend* terminal_ = nullptr;  // the one on stdio
  bool terminal_signals_ = false;
  std::unique_ptr<WatchedSerial> watched_;
  std::unique_ptr<SemihostingTerminal> semihosting_;
  std::unique_ptr<machines::Machine> machine_;
  std::unique_ptr<Monitor> monitor_;

  std::atomic<int> ended_{-1};  // EndedBy, the first reason asked for
  HostClock::time_point start_;
  int signals_ = -1, wake_ = -1;
  std::thread watcher_;
};

Run::~Run() {
  if (wake_ >= 0) {
    const u64 one = 1;
    (void)!write(wake_, &one, sizeof(one));
  }
  if (watcher_.joinable()) watcher_.join();
  for (const auto& stream : streams_) stream->stop();
  machine_.reset();
  terminal_restore();
  for (int fd : {signals_, wake_}) {
    if (fd >= 0) close(fd);
  }
}

// The first reason counts.
void Run::end(EndedBy reason) {
  int none = -1;
  if (!ended_.compare_exchange_strong(none, static_cast<int>(reason))) return;
  machine_->system().request_end(runtime::EndReason::Requested);
}

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

// --- Watching
// -----------------------------------------------------------------------------------------------------------------

void Run::hint() {
  std::string text = "ferry: nothing on the serial line for 10 s";
  if (const std::string& word = machine_->console_word(); !word.empty()) {
    text += fmt::format("; a Linux kernel needs {} in -append on this board", word);
  }
  fmt::print(stderr, "{}{}\n", text, terminal_ != nullptr ? " (Ctrl-A x ends, Ctrl-A c is the monitor)" : "");
}

void Run::on_signal(int number) {
  switch (number) {
    case SIGINT: return end(EndedBy::Interrupt);
    case SIGTERM:
    case SIGHUP: return end(EndedBy::Terminate);
    case SIGTSTP:
      terminal_restore();
      raise(SIGSTOP);  // the whole process stands here until SIGCONT
      if (terminal_ != nullptr) terminal_raw(terminal_signals_);
      return;
    default: return;
  }
}

void Run::watch() {
  bool hinted = watched_ == nullptr;
  std::optional<HostClock::time_point> timeout;
  if (options_.timeout_ns) timeout = start_ + std::chrono::nanoseconds(*options_.timeout_ns);
  for (;;) {
    std::optional<HostClock::time_point> next = timeout;
    if (!hinted && (!next || start_ + kSilence < *next)) next = start_ + kSilence;
    int wait = -1;
    if (next) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*next - HostClock::now()).count() + 1;
      wait = static_cast<int>(std::clamp<i64>(left, 0, 1'000'000));
    }
    pollfd sources[2] = {{signals_, POLLIN, 0}, {wake_, POLLIN, 0}};
    poll(sources, 2, wait);
    if (sources[1].revents != 0) return;
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info)))
      on_signal(static_cast<int>(info.ssi_signo));
    const auto now = HostClock::now();
    if (timeout && now >= *timeout) {
      end(EndedBy::Timeout);
      timeout.reset();
    }
    if (!hinted && now >= start_ + kSilence) {
      hinted = true;
      if (watched_ && watched_->silent() && !(semihosting_ && !semihosting_->watched().silent())) hint();
    }
  }
}

// --- Running
// ------------------------------------------------------------------------------------------------------------------

EndedBy Run::ended_by(runtime::EndReason reason) const {
  switch (reason) {
    case runtime::EndReason::PowerOff: return EndedBy::PowerOff;
    case runtime::EndReason::Reset: return EndedBy::Reset;
    case runtime::EndReason::Exit: return EndedBy::Exit;
    case runtime::EndReason::InstructionLimit:
      return options_.stop_at_insns.value_or(~u64{0}) <= options_.limit_insns.value_or(~u64{0}) ? EndedBy::StopAt
                                                                                                : EndedBy::InsnLimit;
    case runtime::EndReason::Requested:
    case runtime::EndReason::None: break;
  }
  const int asked = ended_;
  ASSERT(asked >= 0, "a run ends for a reason");
  return static_cast<EndedBy>(asked);
}

EndedBy Run::run_until_end() {
  for (;;) {
    if (const int asked = ended_; asked >= 0) return static_cast<EndedBy>(asked);
    const runtime::EndReason reason = machine_->system().run();
    // What was asked for from outside came first if the guest ended in the same moment.
    if (const int asked = ended_; asked >= 0) return static_cast<EndedBy>(asked);
    if (reason != runtime::EndReason::Reset || options_.no_reboot) return ended_by(reason);
    if (Status status = machine_->reset(); !status) {
      fmt::print(stderr, "ferry: reset: {}\n", status.error().message);
      return EndedBy::Reset;
    }
  }
}

void Run::report(EndedBy reason, int status) {
  const double host_seconds = std::chrono::duration<double>(HostClock::now() - start_).count();
  if (options_.hash) {
    fmt::print("hash ram={:016x} registers={:016x} console={:016x}\n", machine_->hash_ram(), machine_->hash_registers(),
               watched_ ? watched_->hash() : 0);
    std::fflush(stdout);
  }
  if (options_.stats == RunOptions::StatsForm::None) return;
  RunReport report;
  report.stats = machine_->system().stats();
  report.ended_by = ended_by_text(reason);
  report.exit_status = status;
  report.host_seconds = host_seconds;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  report.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  report.peak_memory = static_cast<u64>(usage.ru_maxrss) << 10;
  report.guest_seconds = static_cast<double>(machine_->clock().now()) / 1e9;
  report.instructions = machine_->system().instructions();
  report.settings = &options_.settings;
  report.samples = activity::samples();
  const bool json = options_.stats == RunOptions::StatsForm::Json;
  fmt::print(stderr, "{}{}", json ? report_json(report) : report_text(report), json ? "\n" : "");
}

int Run::finish(EndedBy reason) {
  int status = exit_status(reason, options_.expect.has_value(), machine_->guest_status());
  if (Status flushed = machine_->flush(); !flushed) {
    fmt::print(stderr, "ferry: {}\n", flushed.error().message);
    if (status == kExitOk) status = kExitUsage;
  }
  for (const auto& stream : streams_) stream->stop();
  terminal_restore();
  if (status == kExitNotSeen && options_.expect)
    fmt::print(stderr, "ferry: the guest ended without printing \"{}\"\n", *options_.expect);
  if (reason == EndedBy::Timeout) fmt::print(stderr, "ferry: --timeout: time is up\n");
  report(reason, status);
  flush_log();
  machine_->system().translator().abandon();
  return status;
}

int Run::run() {
  if (options_.stats != RunOptions::StatsForm::None) activity::start_sampling();
  if (Status status = prepare(); !status) {
    fmt::print(stderr, "ferry: {}\n", status.error().message);
    return kExitUsage;
  }
  start_ = HostClock::now();
  if (terminal_ != nullptr) terminal_raw(terminal_signals_);
  for (const auto& stream : streams_) stream->start();
  watcher_ = std::thread([this] { watch(); });
  return finish(run_until_end());
}

std::string reproduction_line(const RunOptions& options) {
  std::string line = "ferry run " + launch_line(options.launch);
  if (!options.launch.seed) line += fmt::format(" --seed {}", options.launch.host_seed);
  for (const std::string& setting : changed_settings(options.settings)) line += " --set " + setting;
  return line;
}

}  // namespace

int run_machine(const RunOptions& options) {
  install_fatal_handlers(reproduction_line(options));
  Run run(options);
  return run.run();
}

}  // namespace ferry::control
