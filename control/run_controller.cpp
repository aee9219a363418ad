#include "control/run_controller.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <chrono>
#include <optional>

#include "control/exit_status.h"
#include "control/fatal.h"
#include "control/report.h"
#include "control/run.h"
#include "control/terminal.h"
#include "core/activity.h"
#include "core/log.h"
#include "runtime/system.h"
#include "runtime/vcpu.h"

namespace ferry::control {
namespace {

using HostClock = std::chrono::steady_clock;

constexpr auto kSilence = std::chrono::seconds(10);

}  // namespace

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

namespace {

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
