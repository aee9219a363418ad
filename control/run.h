// The run behind run_machine(): what it owns, from the options to the exit status.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "control/exit_status.h"
#include "control/monitor.h"
#include "control/run_options.h"
#include "control/semihosting_terminal.h"
#include "control/stream_backend.h"
#include "control/watched_serial.h"
#include "machines/machine.h"

namespace ferry::control {

class Run {
 public:
  explicit Run(const RunOptions& options) : options_(options) {}
  ~Run();
  int run();

 private:
  Status prepare();
  void open_code_cache();
  Result<StreamBackend::Config> open_stream(const machines::SerialSpec& spec);
  Status open_perf_map();
  Status make_serial(const machines::SerialSpec& spec);
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
  std::chrono::steady_clock::time_point start_;
  int signals_ = -1, wake_ = -1;
  std::thread watcher_;
};

}  // namespace ferry::control
