// Every line of tests/insn/*.txt through every tier.
#include <cstdlib>
#include <set>
#include <string_view>

#include "frontend/pattern.h"
#include "tests/catch.h"
#include "tests/insn/harness.h"
#include "tests/settings_from_environment.h"

using namespace ferry;
using namespace ferry::insn;

namespace {

// NAME:NAME:... of the case files, and the folders they and their code are in; from CMake.
std::vector<Case> all_cases() {
  std::vector<Case> all;
  std::string names = FERRY_INSN_NAMES;
  for (usize at = 0; at < names.size();) {
    const usize end = std::min(names.find(':', at), names.size());
    const std::string name = names.substr(at, end - at);
    auto cases = read_cases(std::string(FERRY_INSN_TEXT) + "/" + name + ".txt",
                            std::string(FERRY_INSN_CODE) + "/" + name + ".bin");
    INFO((cases ? "" : cases.error().message));
    REQUIRE(cases.ok());
    for (Case& c : *cases) all.push_back(std::move(c));
    at = end + 1;
  }
  return all;
}
const std::vector<Case>& cases() {
  static const std::vector<Case> all = all_cases();
  return all;
}

// As translated, after the passes, and one instruction a block. LLVM, which takes milliseconds for a block, gets the
// second only.
void run_all(verify::Runner& runner) {
  using verify::Variant;
  std::vector<Variant> variants = {Variant{.optimized = true}};
  if (runner.name() != "llvm") variants = {Variant{}, Variant{.optimized = true}, Variant{.stepped = true}};
  for (const Case& c : cases())
    for (const Variant v : variants) {
      const std::string report = run_case(c, runner, v);
      if (report.empty()) continue;
      FAIL_CHECK(runner.name() << (v.optimized ? ", optimized, " : v.stepped ? ", stepped, " : ", ") << report);
      break;
    }
}

}  // namespace

TEST_CASE("the case files hold what they should") { CHECK(cases().size() >= 2300); }

// Extensions have rows too; their lines come with them.
TEST_CASE("every row of ARMv8.0 has a line") {
  std::set<const frontend::Row*> named;
  for (const Case& c : cases())
    for (const u32 word : c.words)
      for (const auto table : frontend::row_tables())
        for (const frontend::Row& r : table)
          if ((word & r.mask) == r.value && frontend::decode(word) == r.emit) named.insert(&r);
  for (const auto table : frontend::row_tables())
    for (const frontend::Row& r : table) {
      const std::string_view title = r.title;
      // These ask the machine, which is not here: tests/guest has them.
      if (title == "WFE" || title == "WFI" || title == "SEV") continue;
      if (r.feature != cpu::Feature::Base || named.contains(&r)) continue;
      FAIL_CHECK("no line for " << r.title << ", " << std::hex << r.value << " under " << r.mask);
    }
}

TEST_CASE("instructions in every tier") {
  for (const auto& runner : verify::all_runners(test::settings_from_environment(verify::runner_settings()))) {
    INFO(runner->name());
    run_all(*runner);
    SUCCEED();
  }
}
