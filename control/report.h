// What a run has cost, as text and as JSON.
#pragma once
#include <string>

#include "core/activity.h"
#include "core/settings.h"
#include "runtime/stats.h"

namespace ferry::control {

// One counter a line, those that are zero left out.
std::string stats_text(const runtime::Stats& stats);

struct RunReport {
  runtime::Stats stats;
  const char* ended_by = "";
  int exit_status = 0;
  double host_seconds = 0;                           // from the first instruction to the end
  double cpu_seconds = 0;                            // host CPU time of the whole process
  double guest_seconds = 0;                          // the machine's clock
  u64 instructions = 0;                              // virtual time only, else 0
  u64 peak_memory = 0;                               // bytes of host memory, the highest
  std::array<u64, activity::kActivities> samples{};  // activity::samples()
  const Settings* settings = nullptr;
};

// One object on one line.
std::string report_json(const RunReport& report);
std::string report_text(const RunReport& report);

}  // namespace ferry::control
