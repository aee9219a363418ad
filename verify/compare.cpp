#include "verify/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "cpu/exceptions.h"

namespace ferry::verify {
namespace {

void set_window(Memory& memory, const OracleCase& c) {
  std::memset(memory.bytes, 0, kMemoryBytes);
  std::memcpy(memory.bytes + kWindowOffset, c.window.data(), kWindowBytes);
}

std::string memory_differences(const u8* got, const u8* expected, usize bytes, u64 va) {
  std::string text;
  if (std::memcmp(got, expected, bytes) == 0) return text;
  for (usize i = 0; i < bytes; ++i)
    if (got[i] != expected[i])
      text += fmt::format("* memory {:x} = {:02x}, expected {:02x}\n", va + i, got[i], expected[i]);
  return text;
}

std::string problem_text(const Outcome& o) { return o.problem.empty() ? "" : "* " + o.problem + "\n"; }

bool same(const State& a, const State& b) {
  return std::memcmp(a.x, b.x, sizeof a.x) == 0 && std::memcmp(a.v, b.v, sizeof a.v) == 0 && a.nzcv == b.nzcv &&
         a.fpcr == b.fpcr && a.fpsr == b.fpsr && a.pc == b.pc;
}

// What registers do not show, of an outcome against a reply of the oracle.
std::string other_differences(const Outcome& ours, const Memory& memory, const OracleReply& theirs) {
  std::string text = problem_text(ours);
  if (theirs.window != nullptr)
    text += memory_differences(memory.bytes + kWindowOffset, theirs.window, kWindowBytes, kMemoryVa + kWindowOffset);
  const bool undefined = ours.exception && ours.exception->ec == cpu::kEcUnknown;
  const bool abort = ours.exception && ours.exception->ec == cpu::kEcDataAbort;
  if (undefined != (theirs.signal == kOracleSigill))
    text += fmt::format("* undefined = {}, expected signal {}\n", undefined, theirs.signal);
  if (abort != (theirs.signal == kOracleSigsegv || theirs.signal == kOracleSigbus))
    text += fmt::format("* data abort = {}, expected signal {}\n", abort, theirs.signal);
  if (ours.exception && !undefined && !abort) text += fmt::format("* exception class {:x}\n", ours.exception->ec);
  if (theirs.signal == kOracleSigalrm) text += "* the oracle does not come to an end\n";
  return text;
}

std::string exception_text(const Outcome& o) {
  if (!o.exception) return "none";
  return fmt::format("{:x}:{:x} far {:x}", o.exception->ec, o.exception->iss, o.exception->far);
}

// While a model lacks instructions that its namesake at the oracle has, those may be UNDEFINED here alone.
bool oracle_has_more(const cpu::Model& m) {
  using enum cpu::Feature;
  constexpr cpu::Feature kOfInstructions[] = {LSE,       RDM,    SHA512, SHA3,  SM3,    SM4,    DotProd, FHM,
                                              FlagM,     FCMA,   FP16,   LRCPC, LRCPC2, BF16,   SB,      I8MM,
                                              AdvSIMDHP, FlagM2, DIT,    JSCVT, SSBS,   FRINTTS};
  return m.name == "max" && !std::all_of(std::begin(kOfInstructions), std::end(kOfInstructions),
                                         [&](cpu::Feature f) { return m.features.has(f); });
}

// 0 for a PC that is behind the sequence.
u32 word_at(const Sequence& s, u64 pc) {
  const u64 index = (pc - kCodeVa) / 4;
  return index < s.words.size() ? s.words[index] : 0;
}

class OracleChecker final : public Checker {
 public:
  OracleChecker(Runner& runner, Oracle& oracle, const cpu::Model& model)
      : runner_(runner), oracle_(oracle), features_(model.features), lenient_(oracle_has_more(model)) {}
  std::string who() const override { return fmt::format("{} against {}", runner_.name(), oracle_.program()); }

  Result<std::optional<Difference>> check(const Sequence& s, std::span<const OracleCase> cases, Variant variant,
                                          Session::HostText text) override {
    if (Status status = oracle_.run(s.words, cases, s.memory); !status) return status.error();
    Session session(s.words, mode_of(s), runner_, variant, features_);
    for (usize i = 0; i < cases.size(); ++i) {
      if (s.memory) set_window(session.memory(), cases[i]);
      session.run(cases[i].state, ours_);
      if (agrees(s, i, session)) continue;
      OracleReply reply = oracle_.reply(i);
      const bool faulted = reply.signal == kOracleSigsegv || reply.signal == kOracleSigbus;
      if (faulted &&
          (!oracle_.exact_faults() || is_zero_block(word_at(s, ours_.state.pc))))  // QEMU's helper for DC ZVA loses it
        reply.state.pc = ours_.state.pc;
      if (lenient_ && ours_.exception && ours_.exception->ec == cpu::kEcUnknown &&
          (reply.signal != kOracleSigill || reply.state.pc != ours_.state.pc))
        continue;
      std::string other = other_differences(ours_, session.memory(), reply);
      if (other.empty() && same(ours_.state, reply.state)) continue;
      return std::optional(Difference{i, ours_.state, reply.state, std::move(other),
                                      text == nullptr ? std::string() : session.host_code(text)});
    }
    return std::optional<Difference>();
  }

 private:
  // The quick way.
  bool agrees(const Sequence& s, usize i, Session& session) const {
    if (ours_.exception || !ours_.problem.empty() || !oracle_.agrees(i, ours_.state, session.end())) return false;
    return !s.memory || std::memcmp(session.memory().bytes + kWindowOffset, oracle_.window(i), kWindowBytes) == 0;
  }

  Runner& runner_;
  Oracle& oracle_;
  cpu::FeatureSet features_;
  bool lenient_;
  Outcome ours_;
};

class RunnerChecker final : public Checker {
 public:
  RunnerChecker(Runner& runner, Runner& reference, cpu::FeatureSet features)
      : runner_(runner), reference_(reference), features_(features) {}
  std::string who() const override { return fmt::format("{} against {}", runner_.name(), reference_.name()); }

  Result<std::optional<Difference>> check(const Sequence& s, std::span<const OracleCase> cases, Variant variant,
                                          Session::HostText text) override {
    Session reference(s.words, mode_of(s), reference_, variant, features_);
    Session session(s.words, mode_of(s), runner_, variant, features_);
    for (usize i = 0; i < cases.size(); ++i) {
      if (s.memory) {
        set_window(reference.memory(), cases[i]);
        set_window(session.memory(), cases[i]);
      }
      reference.run(cases[i].state, theirs_);
      session.run(cases[i].state, ours_);
      const bool plain = !ours_.exception && !theirs_.exception && ours_.problem.empty();
      if (plain && same(ours_.state, theirs_.state) && (!s.memory || same_memory(session, reference))) continue;
      std::string other = problem_text(ours_) +
                          memory_differences(session.memory().bytes, reference.memory().bytes, kMemoryBytes, kMemoryVa);
      if (exception_text(ours_) != exception_text(theirs_))
        other += fmt::format("* exception {}, expected {}\n", exception_text(ours_), exception_text(theirs_));
      if (other.empty() && same(ours_.state, theirs_.state)) continue;
      return std::optional(Difference{i, ours_.state, theirs_.state, std::move(other),
                                      text == nullptr ? std::string() : session.host_code(text)});
    }
    return std::optional<Difference>();
  }

 private:
  static bool same_memory(Session& a, Session& b) {
    return std::memcmp(a.memory().bytes, b.memory().bytes, kMemoryBytes) == 0;
  }

  Runner& runner_;
  Runner& reference_;
  cpu::FeatureSet features_;
  Outcome ours_, theirs_;
};

}  // namespace

cpu::Mode mode_of(const Sequence& s) {
  cpu::Mode mode;
  mode.set_el(0);
  mode.set_mmu(1);
  mode.set_tbi(1);
  mode.set_fpcr(cpu::fpcr_key(s.fpcr));
  return mode;
}

Variant variant_of(u64 n) { return {.optimized = n % 4 != 0, .stepped = n % 32 == 1, .warm = n % 3 != 0}; }

std::unique_ptr<Checker> against_oracle(Runner& runner, Oracle& oracle, const cpu::Model& model) {
  return std::make_unique<OracleChecker>(runner, oracle, model);
}

std::unique_ptr<Checker> against_runner(Runner& runner, Runner& reference, cpu::FeatureSet features) {
  return std::make_unique<RunnerChecker>(runner, reference, features);
}

}  // namespace ferry::verify
