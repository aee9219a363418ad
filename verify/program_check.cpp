#include "verify/program_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/decoder.h"
#include "verify/a64.h"
#include "verify/report.h"

namespace ferry::verify {
namespace {

constexpr unsigned kRounds = 3;    // of the tier "tiered": regions are there from the second on
constexpr unsigned kAttempts = 3;  // regions come when they come: a difference may need more than one
constexpr usize kMaxLines = 24;    // of memory

bool same(const ProgramOutcome& a, const ProgramOutcome& b, bool virtual_time) {
  return differences(a.state, b.state).empty() && a.state.fpcr == b.state.fpcr && a.spsr == b.spsr &&
         a.syndrome == b.syndrome && a.fault_address == b.fault_address &&
         (!virtual_time || a.instructions == b.instructions) && a.memory == b.memory;
}

std::string memory_text(const Program& p, const ProgramOutcome& got, const ProgramOutcome& expected) {
  std::string text;
  usize lines = 0;
  for (usize at = 0; at < got.memory.size(); at += 8) {
    if (std::equal(got.memory.begin() + static_cast<std::ptrdiff_t>(at),
                   got.memory.begin() + static_cast<std::ptrdiff_t>(at + 8),
                   expected.memory.begin() + static_cast<std::ptrdiff_t>(at)))
      continue;
    if (++lines > kMaxLines) return text + "  ...\n";
    u64 va = 0;
    for (usize i = 0; i < kProgramDataPages; ++i)
      if (p.data_frames[i] == at / 4096) va = kProgramDataVa + 4096 * i + at % 4096;
    if (p.twin_frame == at / 4096) va = kProgramVa + 4096 * (kProgramCodePages + 1) + at % 4096;
    for (usize i = 0; i < kProgramCodePages; ++i)
      if (p.code_frames[i] == at / 4096) va = kProgramVa + 4096 * i + at % 4096;
    text += fmt::format("* memory {:x} = {:02x}, expected {:02x}\n", va,
                        fmt::join(std::span(got.memory).subspan(at, 8), " "),
                        fmt::join(std::span(expected.memory).subspan(at, 8), " "));
  }
  return text;
}

}  // namespace

std::optional<ProgramCampaign::Difference> ProgramCampaign::check(const Program& p) {
  const ProgramRun reference = run_program(p, {.reference = true}, model_);
  if (!reference.ended) return std::nullopt;
  const unsigned rounds = tier_ == Tier::Tiered ? kRounds : 1;
  Program tested = p;
  if (fault_ != nullptr) fault_(tested);
  ProgramRun run = run_program(tested, {.tier = tier_, .rounds = rounds}, model_);
  std::vector<u8> code_frames(p.code_frames.begin(), p.code_frames.end());
  code_frames.push_back(p.twin_frame);
  for (usize i = 0; fault_ != nullptr && i < run.outcomes.size(); ++i)  // not the instructions themselves
    for (const u8 f : code_frames)
      std::copy_n(reference.outcomes[i % p.states.size()].memory.data() + usize{4096} * f, 4096,
                  run.outcomes[i].memory.data() + usize{4096} * f);
  regions_ += run.regions;
  for (usize i = 0; i < run.outcomes.size(); ++i) {
    const ProgramOutcome& expected = reference.outcomes[i % p.states.size()];
    if (!same(run.outcomes[i], expected, p.virtual_time)) return Difference{i, run.outcomes[i], expected};
  }
  if (run.ended) return std::nullopt;
  return Difference{run.outcomes.size(), {}, reference.outcomes[run.outcomes.size() % p.states.size()]};
}

bool ProgramCampaign::differs(const Program& p, unsigned attempts) {
  while (attempts-- != 0)
    if (check(p)) return true;
  return false;
}

void ProgramCampaign::shrink(Program& p) {
  const auto attempt = [&](auto change) {
    Program smaller = p;
    change(smaller);
    if (!differs(smaller, kAttempts)) return false;
    p = std::move(smaller);
    return true;
  };
  for (usize i = 0; i < p.states.size() && p.states.size() > 1; ++i)
    if (attempt([&](Program& s) { s.states = {p.states[i]}; })) break;
  attempt([](Program& s) { s.virtual_time = false; });
  attempt([](Program& s) { s.window = false; });
  for (usize piece = 64; piece != 0; piece /= 2)
    for (usize at = 0; at < kProgramWords; at += piece) {
      const auto matters = [&](usize i) { return p.is_code[i] && p.words[i] != a64::kNop && p.words[i] != a64::kSvc; };
      bool any = false;
      for (usize i = at; i < std::min(at + piece, kProgramWords); ++i) any = any || matters(i);
      if (!any) continue;
      attempt([&](Program& s) {
        for (usize i = at; i < std::min(at + piece, kProgramWords); ++i)
          if (matters(i)) s.words[i] = a64::kNop;
      });
    }
}

std::string ProgramCampaign::report(const Program& p) {
  std::string text =
      fmt::format("{} against the interpreter: a difference in a program (EL{}, {} time{}, threshold {})\n",
                  tier_ == Tier::Tiered ? "tiered"
                  : tier_ == Tier::Llvm ? "llvm"
                                        : "baseline",
                  p.el0 ? 0 : 1, p.virtual_time ? "virtual" : "real", p.window ? ", with a window" : "", p.threshold);
  bool nops = false;
  for (usize i = 0; i < kProgramWords; ++i) {
    if (!p.is_code[i]) continue;
    const bool nop = p.words[i] == a64::kNop;
    if (!nop || !nops)
      text += nop ? "  ...\n"
                  : fmt::format("{} {:x}  {:08x}  {}\n", i == p.entry ? '>' : ' ', kProgramVa + 4 * i, p.words[i],
                                frontend::disassemble(p.words[i], kProgramVa + 4 * i));
    nops = nop;
  }
  std::optional<Difference> d;
  for (unsigned i = 0; i < 4 * kAttempts && !d; ++i) d = check(p);
  if (!d) return text + "it does not come again now\n";
  const State& before = p.states[d->which % p.states.size()];
  text += fmt::format("on state {}, round {}\n", d->which % p.states.size(), d->which / p.states.size());
  if (d->got.memory.empty()) return text + "* it does not come to an end\n";
  text += register_table(before, d->got.state, d->expected.state);
  const auto line = [&](const char* name, u64 got, u64 expected) {
    if (got != expected) text += fmt::format("* {} = {:x}, expected {:x}\n", name, got, expected);
  };
  line("esr", d->got.syndrome, d->expected.syndrome);
  line("far", d->got.fault_address, d->expected.fault_address);
  line("spsr", d->got.spsr, d->expected.spsr);
  if (p.virtual_time) line("instructions", d->got.instructions, d->expected.instructions);
  return text + memory_text(p, d->got, d->expected);
}

std::optional<ProgramFinding> ProgramCampaign::run(u64 number, usize states) {
  const Program program = generator_.program(number, std::min(states, kProgramStates));
  ++counts_.sequences;
  counts_.cases += program.states.size();
  for (usize i = 0; i < kProgramWords; ++i) {
    if (!program.is_code[i]) continue;
    ++counts_.instructions;
    if (distinct_ != nullptr) distinct_->add(program.words[i]);
  }
  if (!check(program)) return std::nullopt;
  ProgramFinding finding{program, {}};
  shrink(finding.program);
  finding.report = report(finding.program);
  return finding;
}

}  // namespace ferry::verify
