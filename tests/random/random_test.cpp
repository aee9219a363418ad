// Random sequences of every class: meaning against the oracle in its own process, lowering of every tier against the
// interpreter.
//
// Quick by default; FERRY_SIZE=full runs a hundred times as many sequences, FERRY_SEED chooses others, FERRY_COUNTS
// names a file for the counts, FERRY_SEQUENCES=N sets the number of sequences a class, FERRY_CLASS=TEXT takes only
// classes whose name holds the text.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "tests/catch.h"
#include "verify/compare.h"

using namespace ferry;
using namespace ferry::verify;
using frontend::EncodingClass;

namespace {

constexpr EncodingClass kClasses[] = {EncodingClass::DataProcessingImmediate, EncodingClass::DataProcessingRegister,
                                      EncodingClass::LoadStore, EncodingClass::BranchExceptionSystem,
                                      EncodingClass::SimdFp};

std::string environment(const char* name) {
  const char* v = std::getenv(name);
  return v == nullptr ? "" : v;
}
u64 number(const char* name, u64 otherwise) {
  const std::string v = environment(name);
  return v.empty() ? otherwise : std::stoull(v, nullptr, 0);
}
u64 size_factor() { return environment("FERRY_SIZE") == "full" ? 100 : 1; }
// Whether FERRY_CLASS leaves the class in.
bool is_chosen(EncodingClass k) { return frontend::name(k).find(environment("FERRY_CLASS")) != std::string_view::npos; }
u64 seed() { return number("FERRY_SEED", 1); }

constexpr usize kStates = 256;

// The states stand until the next call.
std::span<const OracleCase> states(Generator& generator, const Sequence& s, usize count) {
  static std::vector<OracleCase> cases;
  cases.clear();
  for (usize i = 0; i < count; ++i) cases.push_back(generator.state(s));
  return cases;
}

// Each sequence in another variant.
Variant variant_of(u64 n) { return {.optimized = n % 4 != 0, .stepped = n % 8 == 1, .warm = n % 3 != 0}; }

// The counts of all test cases so far, as one JSON object.
void tell(const std::string& what, u64 count) {
  static std::string rows;
  rows += fmt::format("{}\"{}\": {}", rows.empty() ? "" : ", ", what, count);
  const std::string path = environment("FERRY_COUNTS");
  if (path.empty()) return;
  if (std::FILE* f = std::fopen(path.c_str(), "w")) {
    fmt::print(f, "{{{}}}\n", rows);
    std::fclose(f);
  }
}

}  // namespace

TEST_CASE("random sequences mean what the oracle says") {
  auto oracle = Oracle::start({FERRY_ORACLE_EMULATOR, "-cpu", "max,pauth=off", FERRY_ORACLE});
  REQUIRE(oracle.ok());
  const auto interpreter = interpreter_runner();
  const u64 count = number("FERRY_SEQUENCES", 2000) * size_factor();
  for (const EncodingClass k : kClasses) {
    if (!is_chosen(k)) continue;
    Generator generator(k, seed() * 16 + static_cast<u64>(k));
    unsigned failures = 0;
    for (u64 n = 0; n < count && failures < 5; ++n) {
      const Sequence s = generator.sequence();
      const std::string report =
          against_oracle(s, states(generator, s, kStates), *interpreter, variant_of(n), **oracle);
      if (report.empty()) continue;
      ++failures;
      FAIL_CHECK(frontend::name(k) << ", sequence " << n << " of seed " << seed() << "\n" << report);
    }
  }
  tell("sequences a class against the oracle", count);
}

TEST_CASE("words that are in no table are undefined to the oracle") {
  auto oracle = Oracle::start({FERRY_ORACLE_EMULATOR, "-cpu", "max,pauth=off", FERRY_ORACLE});
  REQUIRE(oracle.ok());
  const auto interpreter = interpreter_runner();
  std::mt19937_64 random(seed());
  for (const EncodingClass k : kClasses) {
    if (!is_chosen(k)) continue;
    Generator generator(k, seed());
    unsigned failures = 0;
    for (u64 n = 0; n < 3000 * size_factor() && failures < 5;) {
      const Sequence s{{static_cast<u32>(random())}};
      if (frontend::encoding_class(s.words[0]) != k || !frontend::is_unallocated(s.words[0])) continue;
      ++n;
      const std::string report = against_oracle(s, states(generator, s, 1), *interpreter, {}, **oracle);
      if (report.empty()) continue;
      ++failures;
      FAIL_CHECK(frontend::name(k) << "\n" << report);
    }
  }
}

TEST_CASE("the sequences hold words of every row") {
  for (const EncodingClass k : kClasses) {
    Generator generator(k, seed());
    std::map<frontend::EmitFn, u64> drawn;
    for (u64 n = 0; n < 2000; ++n)
      for (const u32 w : generator.sequence().words) ++drawn[frontend::decode(w)];
    for (const frontend::Row& r : generator.rows()) {
      INFO(frontend::name(k) << ": " << r.title);
      CHECK(drawn[r.emit] > 0);
    }
  }
}

TEST_CASE("every tier does what the interpreter does") {
  for (const auto& runner : all_runners()) {
    if (runner->name() == "interpreter") continue;
    const u64 count = number("FERRY_SEQUENCES", runner->name() == "llvm" ? 200 : 2000) * size_factor();
    for (const EncodingClass k : kClasses) {
      if (!is_chosen(k)) continue;
      Generator generator(k, seed() * 16 + 7 + static_cast<u64>(k));
      unsigned failures = 0;
      for (u64 n = 0; n < count && failures < 5; ++n) {
        const Sequence s = generator.sequence();
        const std::string report = against_interpreter(s, states(generator, s, kStates), *runner, variant_of(n));
        if (report.empty()) continue;
        ++failures;
        FAIL_CHECK(frontend::name(k) << ", sequence " << n << " of seed " << seed() << "\n" << report);
      }
    }
    tell(fmt::format("sequences a class in {}", runner->name()), count);
  }
}
