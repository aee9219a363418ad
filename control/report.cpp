#include "control/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace ferry::control {
namespace {

using runtime::Stats;

struct Counter {
  const char* name;
  u64 Stats::* member;
};
constexpr Counter kCounters[] = {
    {"blocks_translated", &Stats::blocks_translated},
    {"insns_translated", &Stats::insns_translated},
    {"translate_ns", &Stats::translate_ns},
    {"blocks_baseline", &Stats::blocks_baseline},
    {"baseline_ns", &Stats::baseline_ns},
    {"baseline_bytes", &Stats::baseline_bytes},
    {"blocks_llvm", &Stats::blocks_llvm},
    {"regions_dropped", &Stats::regions_dropped},
    {"llvm_ns", &Stats::llvm_ns},
    {"llvm_bytes", &Stats::llvm_bytes},
    {"blocks_retranslated", &Stats::blocks_retranslated},
    {"cache_flushes", &Stats::cache_flushes},
    {"runs_interpreter", &Stats::runs_interpreter},
    {"runs_baseline", &Stats::runs_baseline},
    {"runs_llvm", &Stats::runs_llvm},
    {"exceptions", &Stats::exceptions},
    {"interrupts", &Stats::interrupts},
    {"links", &Stats::links},
    {"single_steps", &Stats::single_steps},
    {"wfi", &Stats::wfi},
    {"code_writes", &Stats::code_writes},
    {"walks", &Stats::walks},
    {"fetch_walks", &Stats::fetch_walks},
    {"slow_loads", &Stats::slow_loads},
    {"slow_stores", &Stats::slow_stores},
    {"device_accesses", &Stats::device_accesses},
    {"tlb_operations", &Stats::tlb_operations},
    {"bank_switches", &Stats::bank_switches},
    {"banks_recycled", &Stats::banks_recycled},
    {"exec_renewals", &Stats::exec_renewals},
    {"shields", &Stats::shields},
};

}  // namespace

std::string stats_text(const Stats& stats) {
  std::string text;
  for (const Counter& counter : kCounters) {
    if (stats.*counter.member != 0) text += fmt::format("{:<20} {}\n", counter.name, stats.*counter.member);
  }
  return text;
}

std::string report_json(const RunReport& report) {
  nlohmann::ordered_json json;
  json["ended_by"] = report.ended_by;
  json["exit_status"] = report.exit_status;
  json["host_seconds"] = report.host_seconds;
  json["cpu_seconds"] = report.cpu_seconds;
  json["guest_seconds"] = report.guest_seconds;
  json["instructions"] = report.instructions;
  json["peak_memory_bytes"] = report.peak_memory;
  for (const Counter& counter : kCounters) json[counter.name] = report.stats.*counter.member;
  nlohmann::ordered_json exits = nlohmann::ordered_json::array();
  for (u64 count : report.stats.exits) exits.push_back(count);
  json["exits"] = exits;
  if (report.settings != nullptr) {
    for (const SettingRow& row : setting_rows())
      json["settings"][std::string(row.name)] = setting_text(*report.settings, row);
  }
  return json.dump();
}

std::string report_text(const RunReport& report) {
  std::string text = fmt::format("{:<20} {} (status {})\n", "ended_by", report.ended_by, report.exit_status);
  text += fmt::format("{:<20} {:.3f}\n{:<20} {:.3f}\n{:<20} {:.3f}\n", "host_seconds", report.host_seconds,
                      "cpu_seconds", report.cpu_seconds, "guest_seconds", report.guest_seconds);
  if (report.instructions != 0) text += fmt::format("{:<20} {}\n", "instructions", report.instructions);
  text += fmt::format("{:<20} {:.1f} MiB\n", "peak_memory", static_cast<double>(report.peak_memory) / (1 << 20));
  return text + stats_text(report.stats);
}

}  // namespace ferry::control
