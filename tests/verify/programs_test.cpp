// Programs with control flow in every tier, the quick size (the full size is `ferry verify --class
// loops,flow,programs`), and that what finds differences does find them.
#include "jit/tiers.h"
#include "tests/catch.h"
#include "verify/a64.h"
#include "verify/program_check.h"

using namespace ferry;
using namespace ferry::verify;

namespace {

constexpr u64 kSeed = 7;
constexpr Class kClasses[] = {Class::Loops, Class::Flow, Class::Programs};
const cpu::Model& model(const char* name) { return **cpu::find_model(name); }

// Another rotation in what keeps the results of loads.
void wrong_rotation(Program& p) {
  for (usize i = 0; i < kProgramWords; ++i)
    if (p.is_code[i] && (p.words[i] & 0xffe00000) == 0xcac00000) p.words[i] += 1 << 10;
}

}  // namespace

TEST_CASE("programs do in every tier what they do interpreted") {
  for (const Tier tier : {Tier::Baseline, Tier::Llvm, Tier::Tiered}) {
    if (!jit::tier_available(tier)) continue;
    for (const Class c : kClasses) {
      ProgramCampaign programs(tier, c, kSeed, model("max"));
      const u64 count = tier == Tier::Llvm ? 2 : 6;
      for (u64 n = 0; n < count; ++n) {
        INFO(name(c) << " " << n);
        if (const auto finding = programs.run(n, 4)) FAIL_CHECK(finding->report);
      }
      CHECK(programs.counts().sequences == count);
      CHECK(programs.counts().instructions > 20 * count);
    }
  }
}

TEST_CASE("a numbered program comes again") {
  for (const Class c : kClasses) {
    ProgramGenerator one(c, kSeed, model("cortex-a57")), other(c, kSeed, model("cortex-a57"));
    other.program(3, 2);
    const Program a = one.program(13, 2), b = other.program(13, 2);
    CHECK(a.words == b.words);
    CHECK(a.data_frames == b.data_frames);
    CHECK(differences(a.states[1], b.states[1]).empty());
  }
}

TEST_CASE("most programs come to their own end, and what they do differs with the state") {
  unsigned ends = 0, states = 0;
  for (const Class c : kClasses) {
    ProgramGenerator generator(c, kSeed, model("cortex-a57"));
    for (u64 n = 0; n < 20; ++n) {
      const Program p = generator.program(n, 2);
      const ProgramRun run = run_program(p, {.reference = true}, model("cortex-a57"));
      if (!run.ended) continue;
      REQUIRE(run.outcomes.size() == 2);
      ends += run.outcomes[1].syndrome >> 26 == 0x15 ? 1 : 0;  // SVC
      states += differences(run.outcomes[0].state, run.outcomes[1].state).empty() ? 0 : 1;
    }
  }
  CHECK(ends > 25);
  CHECK(states > 50);
}

TEST_CASE("a wrong instruction in a loop is found, and the rest of the program is left out") {
  ProgramCampaign programs(Tier::Baseline, Class::Loops, kSeed, model("cortex-a57"));
  programs.set_fault(wrong_rotation);
  std::optional<ProgramFinding> finding;
  for (u64 n = 0; n < 40 && !finding; ++n) finding = programs.run(n, 4);
  REQUIRE(finding);
  unsigned left = 0;
  for (usize i = 0; i < kProgramWords; ++i)
    left += finding->program.is_code[i] && finding->program.words[i] != a64::kNop ? 1 : 0;
  INFO(finding->report);
  CHECK(left < 12);
  for (const char* part : {"a difference in a program", "ror", "* x1", "before"})
    CHECK(finding->report.find(part) != std::string::npos);
}

// Guards against links between pages, and regions over them, that hold wherever the page stands.
TEST_CASE("a page that stands in two places goes on into the page behind it in each") {
  using namespace a64;
  for (const bool first_twin : {false, true}) {
    Program p = ProgramGenerator(Class::Flow, kSeed, model("cortex-a57")).program(0, 1);
    p.is_code.assign(kProgramWords, false);
    const auto put = [&](usize at, std::initializer_list<u32> words) {
      for (const u32 w : words) {
        p.is_code[at] = true;
        p.words[at++] = w;
      }
    };
    p.entry = 100;
    p.el0 = p.virtual_time = p.window = false;
    p.data_attributes.fill(0x703);
    p.states[0].pc = kProgramVa + 4 * p.entry;
    const i64 there = 3070 - 101, twin = there + 1024 * static_cast<i64>(kProgramTwins);
    put(100, {movz(27, 500), bl(first_twin ? twin : there), bl((first_twin ? there : twin) - 1), add_imm(27, 27, -1),
              cbz(true, true, 27, -3), kSvc});
    put(3070, {kNop, kNop, eor_ror(1, 0, 1, 7), kRet});
    const ProgramRun want = run_program(p, {.reference = true}, model("cortex-a57"));
    REQUIRE(want.ended);
    CHECK(want.outcomes[0].state.pc == kProgramVa + 4 * 106);
    for (const Tier tier : {Tier::Baseline, Tier::Llvm, Tier::Tiered}) {
      if (!jit::tier_available(tier)) continue;
      const ProgramRun got = run_program(p, {.tier = tier, .rounds = 3}, model("cortex-a57"));
      REQUIRE(got.outcomes.size() == 3);
      for (const ProgramOutcome& o : got.outcomes) CHECK(differences(o.state, want.outcomes[0].state) == "");
    }
  }
}
