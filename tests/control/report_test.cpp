// What --stats says about a run.
#include "control/report.h"

#include <nlohmann/json.hpp>

#include "tests/catch.h"

using namespace ferry;
using namespace ferry::control;
using Emulated = runtime::Stats::Emulated;

namespace {

RunReport a_run() {
  RunReport report;
  report.ended_by = "poweroff";
  runtime::Stats& s = report.stats;
  s.exits[0] = 50;  // not linked
  s.executed_blocks = 1'000;
  s.executed_insns = 10'000;
  s.executed_direct = 800;
  s.executed_indirect = 100;
  s.executed_returns = 0;
  s.link_misses = 8;
  s.indirect_misses = 200;  // more than were executed: by regions
  s.tlb_misses[static_cast<usize>(softmmu::MissCause::Device)] = 7;
  s.count(Emulated::Hvc, 1);
  s.count(Emulated::SystemRegister, 0);
  s.traps[0][0x15] = 3;
  s.traps[2][0x16] = 4;
  return report;
}

}  // namespace

TEST_CASE("the report as JSON has every section") {
  RunReport report = a_run();
  const auto json = nlohmann::json::parse(report_json(report));
  CHECK(json["branches"]["direct"]["hit_rate"] == Approx(0.99));
  CHECK(json["branches"]["indirect"]["hit_rate"] == 0);
  CHECK(json["branches"]["return"]["hit_rate"] == 0);
  CHECK(json["tlb_misses"]["device"] == 7);
  CHECK(json["emulated"]["EL1"]["HVC"] == 1);
  CHECK(json["emulated"]["EL0"]["system register"] == 1);
  CHECK(json["traps"]["EL0"]["SVC"] == 3);
  CHECK(json["traps"]["EL2"]["HVC"] == 4);
  CHECK(json["exits_per_million"]["instructions"] == "of the baseline");
  CHECK(json["exits_per_million"]["direct branch, not linked"] == Approx(5000));
  report.instructions = 1'000'000;
  const auto exact = nlohmann::json::parse(report_json(report));
  CHECK(exact["exits_per_million"]["instructions"] == "all");
  CHECK(exact["exits_per_million"]["direct branch, not linked"] == Approx(50));
}

TEST_CASE("the report as text leaves out what did not happen") {
  const std::string text = report_text(a_run());
  CHECK(text.find("from EL2 HVC") != std::string::npos);
  CHECK(text.find("from EL0 system register") != std::string::npos);
  CHECK(text.find("hit rate 99.000 %") != std::string::npos);
  CHECK(text.find("conflict") == std::string::npos);
  CHECK(text.find("SMC") == std::string::npos);
  CHECK(report_text(RunReport{}).find("branches") == std::string::npos);
}
