#include "control/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "jit/abi.h"

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
    {"blocks_kept", &Stats::blocks_kept},
    {"insns_kept", &Stats::insns_kept},
    {"kept_ns", &Stats::kept_ns},
    {"blocks_llvm", &Stats::blocks_llvm},
    {"regions_dropped", &Stats::regions_dropped},
    {"llvm_ns", &Stats::llvm_ns},
    {"llvm_bytes", &Stats::llvm_bytes},
    {"regions_kept", &Stats::regions_kept},
    {"regions_kept_bytes", &Stats::regions_kept_bytes},
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
    {"tlb_fills", &Stats::tlb_fills},
    {"tlb_conflicts", &Stats::tlb_conflicts},
    {"page_crossings", &Stats::page_crossings},
    {"firmware_calls", &Stats::firmware_calls},
    {"wfe", &Stats::wfe},
    {"exclusives", &Stats::exclusives},
    {"windows_opened", &Stats::windows_opened},
    {"windows_closed", &Stats::windows_closed},
    {"window_maps", &Stats::window_maps},
    {"window_unmaps", &Stats::window_unmaps},
};

// In the order of jit::ExitReason.
constexpr const char* kExitNames[] = {"direct branch, not linked",
                                      "indirect branch, not cached",
                                      "poll",
                                      "fault",
                                      "exception",
                                      "context change",
                                      "WFI",
                                      "WFE",
                                      "yield",
                                      "block limit",
                                      "interpreted instruction",
                                      "mode change",
                                      "hot block"};
static_assert(std::size(kExitNames) == static_cast<usize>(jit::ExitReason::kCount));

// In the order of softmmu::MissCause.
constexpr const char* kMissNames[] = {"first use",      "conflict", "after maintenance", "context had lost its bank",
                                      "page with code", "device",   "watched page",      "refused"};
static_assert(std::size(kMissNames) == softmmu::kMissCauses);

// In the order of Stats::Emulated.
constexpr const char* kEmulatedNames[] = {"system register", "device", "HVC", "SMC", "WFI", "WFE"};
static_assert(std::size(kEmulatedNames) == static_cast<usize>(Stats::Emulated::kCount));

// ESR_ELx.EC (Arm ARM, the table of exception classes).
constexpr std::pair<unsigned, const char*> kTrapNames[] = {
    {0x00, "undefined instruction"},
    {0x01, "trapped WFI or WFE"},
    {0x07, "trapped FP or SIMD"},
    {0x09, "trapped PAuth"},
    {0x0d, "branch target"},
    {0x0e, "illegal execution state"},
    {0x15, "SVC"},
    {0x16, "HVC"},
    {0x17, "SMC"},
    {0x18, "trapped MSR or MRS"},
    {0x1c, "PAuth failure"},
    {0x20, "instruction abort"},
    {0x21, "instruction abort"},
    {0x22, "PC alignment"},
    {0x24, "data abort"},
    {0x25, "data abort"},
    {0x26, "SP alignment"},
    {0x2c, "floating point"},
    {0x2f, "SError"},
    {0x30, "breakpoint"},
    {0x31, "breakpoint"},
    {0x32, "software step"},
    {0x33, "software step"},
    {0x34, "watchpoint"},
    {0x35, "watchpoint"},
    {0x3c, "BRK"},
};

std::string trap_name(unsigned ec) {
  for (const auto& [number, name] : kTrapNames)
    if (number == ec) return name;
  return fmt::format("class {:#x}", ec);
}

// Calls f(level, class, count) for what was taken.
template <class F>
void for_each_trap(const Stats& stats, F f) {
  for (unsigned level = 0; level < 4; ++level)
    for (unsigned ec = 0; ec < 64; ++ec)
      if (stats.traps[level][ec] != 0) f(level, trap_name(ec), stats.traps[level][ec]);
}

double seconds_of(u64 samples) { return static_cast<double>(samples * activity::kSampleNs) / 1e9; }

// Where the processor's time went: one line an activity, the largest first.
std::string time_text(const RunReport& report) {
  std::vector<std::pair<u64, activity::Activity>> rows;
  u64 total = 0;
  for (usize i = 0; i < activity::kActivities; ++i) {
    if (report.samples[i] != 0) rows.emplace_back(report.samples[i], static_cast<activity::Activity>(i));
    total += report.samples[i];
  }
  if (total == 0) return {};
  std::sort(rows.begin(), rows.end(), std::greater<>());
  std::string text = "processor time, sampled every millisecond of each thread's:\n";
  for (const auto& [count, what] : rows)
    text += fmt::format("  {:<30} {:>6.1f} %  {:.3f} s\n", activity::name(what),
                        100.0 * static_cast<double>(count) / static_cast<double>(total), seconds_of(count));
  return text;
}

// Instructions to set counts against: all in virtual time, else those that the baseline's blocks counted.
u64 instructions_of(const RunReport& report) {
  return report.instructions != 0 ? report.instructions : report.stats.executed_insns;
}

double rate(u64 count, u64 of) { return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of); }

std::string per_million(u64 count, const RunReport& report) {
  const u64 instructions = instructions_of(report);
  if (instructions == 0) return {};
  return fmt::format("  {:.2f} per million instructions{}", 1e6 * rate(count, instructions),
                     report.instructions == 0 ? " of the baseline" : "");
}

// What the baseline's blocks ended with, and how often the next block was not known to them.
struct Branches {
  const char* name;
  u64 executed, missed;
  double hit_rate() const { return executed == 0 ? 0 : 1 - std::min(1.0, rate(missed, executed)); }
};
std::array<Branches, 3> branches_of(const Stats& s) {
  return {{{"direct", s.executed_direct, s.link_misses},
           {"indirect", s.executed_indirect, s.indirect_misses},
           {"return", s.executed_returns, s.return_misses}}};
}

std::string branches_text(const RunReport& report) {
  if (report.stats.executed_blocks == 0) return {};
  std::string text = fmt::format("branches of the baseline's code, {} blocks of {} instructions executed:\n",
                                 report.stats.executed_blocks, report.stats.executed_insns);
  for (const Branches& b : branches_of(report.stats))
    text += fmt::format("  {:<30} {}, {} left translated code, hit rate {:.3f} %\n", b.name, b.executed, b.missed,
                        100 * b.hit_rate());
  return text;
}

std::string misses_text(const RunReport& report) {
  std::string text;
  u64 all = 0;
  for (const u64 n : report.stats.tlb_misses) all += n;
  for (usize i = 0; i < softmmu::kMissCauses; ++i)
    if (report.stats.tlb_misses[i] != 0)
      text += fmt::format("  {:<30} {}  {:.1f} %{}\n", kMissNames[i], report.stats.tlb_misses[i],
                          100 * rate(report.stats.tlb_misses[i], all), per_million(report.stats.tlb_misses[i], report));
  return text.empty() ? text : "pages that loads and stores did not find in the TLB:\n" + text;
}

std::string emulated_text(const RunReport& report) {
  std::string text;
  for (unsigned el = 0; el < 4; ++el)
    for (usize i = 0; i < std::size(kEmulatedNames); ++i)
      if (const u64 n = report.stats.emulated[el][i]; n != 0)
        text += fmt::format("  from EL{} {:<22} {}{}\n", el, kEmulatedNames[i], n, per_million(n, report));
  return text.empty() ? text : "what the guest asked the emulator for:\n" + text;
}

std::string exits_text(const RunReport& report) {
  std::string text;
  for (usize i = 0; i < std::size(kExitNames); ++i)
    if (report.stats.exits[i] != 0)
      text += fmt::format("  {:<30} {}{}\n", kExitNames[i], report.stats.exits[i],
                          per_million(report.stats.exits[i], report));
  return text.empty() ? text : "exits from translated code:\n" + text;
}

std::string traps_text(const RunReport& report) {
  std::string text;
  for_each_trap(report.stats, [&](unsigned level, const std::string& name, u64 count) {
    text += fmt::format("  from EL{} {:<22} {}{}\n", level, name, count, per_million(count, report));
  });
  return text.empty() ? text : "synchronous exceptions:\n" + text;
}

void sections_json(nlohmann::ordered_json& json, const RunReport& report) {
  if (const u64 instructions = instructions_of(report); instructions != 0) {
    json["exits_per_million"]["instructions"] = report.instructions != 0 ? "all" : "of the baseline";
    for (usize i = 0; i < std::size(kExitNames); ++i)
      json["exits_per_million"][kExitNames[i]] = 1e6 * rate(report.stats.exits[i], instructions);
  }
  for (unsigned el = 0; el < 4; ++el)
    for (usize i = 0; i < std::size(kEmulatedNames); ++i)
      if (report.stats.emulated[el][i] != 0 || el < 2)
        json["emulated"][fmt::format("EL{}", el)][kEmulatedNames[i]] = report.stats.emulated[el][i];
  for (usize i = 0; i < softmmu::kMissCauses; ++i) json["tlb_misses"][kMissNames[i]] = report.stats.tlb_misses[i];
  json["branches"]["blocks"] = report.stats.executed_blocks;
  json["branches"]["instructions"] = report.stats.executed_insns;
  for (const Branches& b : branches_of(report.stats))
    json["branches"][b.name] = {{"executed", b.executed}, {"missed", b.missed}, {"hit_rate", b.hit_rate()}};
}

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
  for (usize i = 0; i < std::size(kExitNames); ++i) json["exits"][kExitNames[i]] = report.stats.exits[i];
  json["traps"] = nlohmann::ordered_json::object();
  for_each_trap(report.stats, [&](unsigned level, const std::string& name, u64 count) {
    nlohmann::ordered_json& all = json["traps"][fmt::format("EL{}", level)];
    all[name] = (all.contains(name) ? all[name].get<u64>() : 0) + count;  // two classes may share a name
  });
  sections_json(json, report);
  for (usize i = 0; i < activity::kActivities; ++i)
    if (report.samples[i] != 0)
      json["seconds"][std::string(activity::name(static_cast<activity::Activity>(i)))] = seconds_of(report.samples[i]);
  if (report.settings != nullptr) {
    for (const SettingRow& row : setting_rows())
      json["settings"][std::string(row.name)] = setting_text(*report.settings, row);
  }
  return json.dump();
}

// How much of the code came from the persistent code cache.
static std::string kept_share(const Stats& stats) {
  const auto share = [](const char* name, u64 kept, u64 compiled) -> std::string {
    if (kept == 0) return {};
    return fmt::format("{:<20} {:.1f} %\n", name,
                       100.0 * static_cast<double>(kept) / static_cast<double>(kept + compiled));
  };
  return share("kept_share", stats.blocks_kept, stats.blocks_baseline) +
         share("kept_regions_share", stats.regions_kept, stats.blocks_llvm);
}

std::string report_text(const RunReport& report) {
  std::string text = fmt::format("{:<20} {} (status {})\n", "ended_by", report.ended_by, report.exit_status);
  text += fmt::format("{:<20} {:.3f}\n{:<20} {:.3f}\n{:<20} {:.3f}\n", "host_seconds", report.host_seconds,
                      "cpu_seconds", report.cpu_seconds, "guest_seconds", report.guest_seconds);
  if (report.instructions != 0) text += fmt::format("{:<20} {}\n", "instructions", report.instructions);
  text += fmt::format("{:<20} {:.1f} MiB\n", "peak_memory", static_cast<double>(report.peak_memory) / (1 << 20));
  return text + stats_text(report.stats) + kept_share(report.stats) + time_text(report) + exits_text(report) +
         branches_text(report) + misses_text(report) + emulated_text(report) + traps_text(report);
}

}  // namespace ferry::control
