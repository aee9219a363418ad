// Random sequences of every class, the quick size: meaning against the oracle in its own process, lowering of every
// tier against the interpreter. The full size is `ferry verify` (tools/full/verify_*.sh).
//
// FERRY_SEED chooses other sequences, FERRY_SEQUENCES=N sets the number of sequences a class, FERRY_CLASS=NAME takes
// one class only.
#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <string>

#include "cpu/models.h"
#include "tests/catch.h"
#include "tests/settings_from_environment.h"
#include "verify/campaign.h"

using namespace ferry;
using namespace ferry::verify;

namespace {

std::string environment(const char* name) {
  const char* v = std::getenv(name);
  return v == nullptr ? "" : v;
}
u64 number(const char* name, u64 otherwise) {
  const std::string v = environment(name);
  return v.empty() ? otherwise : std::stoull(v, nullptr, 0);
}
u64 seed() { return number("FERRY_SEED", 1); }
bool is_chosen(Class c) { return environment("FERRY_CLASS").empty() || environment("FERRY_CLASS") == name(c); }

const cpu::Model& model(std::string_view name) { return **cpu::find_model(name); }

std::unique_ptr<Oracle> start_oracle(const std::string& cpu) {
  auto oracle = Oracle::start({FERRY_ORACLE_EMULATOR, "-cpu", cpu, FERRY_ORACLE});
  REQUIRE(oracle.ok());
  return std::move(*oracle);
}

void run_classes(Checker& checker, const cpu::Model& m, u64 sequences, usize states) {
  for (const ClassInfo& c : classes()) {
    if (!is_chosen(c.which) || is_program(c.which)) continue;
    Campaign campaign(checker, c.which, seed(), m, nullptr);
    unsigned failures = 0;
    for (u64 n = 0; n < sequences && failures < 3; ++n) {
      auto finding = campaign.run(n, states);
      REQUIRE(finding.ok());
      if (!*finding) continue;
      ++failures;
      const std::string where = fmt::format("class {} on {}, sequence {} of seed {}", c.name, m.name, n, seed());
      FAIL_CHECK(report(**finding, checker, m.features, where));
    }
  }
}

}  // namespace

TEST_CASE("random sequences mean what the oracle says") {
  const auto interpreter = interpreter_runner();
  const u64 count = number("FERRY_SEQUENCES", 400);
  SECTION("cortex-a57") {
    const auto oracle = start_oracle("cortex-a57");
    const cpu::Model& m = model("cortex-a57");
    run_classes(*against_oracle(*interpreter, *oracle, m), m, count, 256);
  }
  SECTION("max") {
    const cpu::Model& m = model("max");
    const bool signs = m.features.has(cpu::Feature::PACIMP) || m.features.has(cpu::Feature::PACQARMA5);
    const auto oracle = start_oracle(signs ? "max,sve=off" : "max,sve=off,pauth=off");
    run_classes(*against_oracle(*interpreter, *oracle, m), m, count, 256);
  }
}

TEST_CASE("words that are in no table are undefined to the oracle") {
  const auto oracle = start_oracle("cortex-a57");
  const cpu::Model& m = model("cortex-a57");
  const auto interpreter = interpreter_runner();
  const auto checker = against_oracle(*interpreter, *oracle, m);
  Random random(seed());
  std::map<frontend::EncodingClass, u64> seen;
  unsigned failures = 0;
  for (u64 n = 0; n < 60'000 && failures < 5; ++n) {
    const u32 w = static_cast<u32>(random.next());
    if (frontend::encoding_class(w) == frontend::EncodingClass::Unallocated || !frontend::is_unallocated(w)) continue;
    ++seen[frontend::encoding_class(w)];
    Sequence s;
    s.words = {w};
    OracleCase c;
    auto different = checker->check(s, {&c, 1}, {});
    REQUIRE(different.ok());
    if (!*different) continue;
    ++failures;
    FAIL_CHECK(fmt::format("{:08x}: {}", w, (*different)->other));
  }
  for (const auto& [c, count] : seen) CHECK(count > 100);
  CHECK(seen.size() == 5);
}

TEST_CASE("the sequences hold words of every row") {
  for (const ClassInfo& c : classes()) {
    if (c.which >= Class::Mixed) continue;
    Generator generator(c.which, seed(), model("max"));
    std::map<frontend::EmitFn, u64> drawn;
    for (u64 n = 0; n < 3000; ++n)
      for (const u32 w : generator.sequence(n).words) ++drawn[frontend::decode(w)];
    for (const frontend::Row& r : generator.rows()) {
      INFO(c.name << ": " << r.title);
      CHECK(drawn[r.emit] > 0);
    }
  }
}

TEST_CASE("every row is of a class, or skipped for a reason") {
  u64 rows = 0, of_a_class = 0;
  for (const auto table : frontend::row_tables())
    for (const frontend::Row& r : table) {
      ++rows;
      if (class_of(r.value))
        ++of_a_class;
      else  // exception generation, ERET and DRPS: no case holds them
        CHECK((r.value >> 24 == 0xd4 || r.value >> 24 == 0xd6));
    }
  CHECK(rows - of_a_class <= 12);
}

TEST_CASE("no sequence holds exclusives of two sizes") {
  for (const Class c : {Class::Exclusive, Class::Mixed}) {
    Generator generator(c, seed(), model("cortex-a57"));
    u64 exclusives = 0;
    for (u64 n = 0; n < 3000; ++n) {
      std::optional<u32> size;
      for (const u32 w : generator.sequence(n).words) {
        if (!is_exclusive_or_ordered(w) || bit(w, 26) || bit(w, 23) || is_compare_and_swap_pair(w)) continue;
        ++exclusives;
        if (size) CHECK(*size == (w & 0xc0200000));
        size = w & 0xc0200000;
      }
    }
    CHECK(exclusives > 100);
  }
}

TEST_CASE("no branch leaves out the mask of what is written to FPCR and FPSR") {
  Generator generator(Class::Mixed, seed(), model("cortex-a57"));
  u64 branches = 0;
  for (u64 n = 0; n < 20'000; ++n) {
    const std::vector<u32> words = generator.sequence(n).words;
    for (usize i = 0; i < words.size(); ++i) {
      if (bits(words[i], 31, 26) != 0b000101) continue;  // B
      const usize target = i + bits(words[i], 25, 0);
      if (target >= words.size() || (words[target] & ~0x3fu) != 0xd51b4400 || bits(words[target], 4, 0) == 31) continue;
      FAIL_CHECK(fmt::format("sequence {}", n));
    }
    for (const u32 w : words) branches += bits(w, 31, 26) == 0b000101 ? 1 : 0;
  }
  CHECK(branches > 100);
}

TEST_CASE("a numbered sequence comes again with its states") {
  for (const ClassInfo& c : classes()) {
    if (is_program(c.which)) continue;
    Generator one(c.which, 7, model("max")), other(c.which, 7, model("max"));
    for (u64 n = 0; n < 20; ++n) other.sequence(n);
    const Sequence a = one.sequence(13), b = other.sequence(13);
    CHECK(a.words == b.words);
    OracleCase ca, cb;
    one.state(a, ca);
    other.state(b, cb);
    CHECK(differences(ca.state, cb.state).empty());
    CHECK(ca.window == cb.window);
  }
}

TEST_CASE("every tier does what the interpreter does") {
  const auto interpreter = interpreter_runner();
  for (const auto& runner : all_runners(test::settings_from_environment(runner_settings()))) {
    if (runner->name() == "interpreter") continue;
    const u64 count = number("FERRY_SEQUENCES", runner->name() == "llvm" ? 100 : 1000);
    const cpu::Model& m = model("max");
    run_classes(*against_runner(*runner, *interpreter, m.features), m, count, 256);
  }
}
