#include "verify/compare.h"

#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <optional>

#include "cpu/exceptions.h"

namespace ferry::verify {
namespace {

constexpr u32 kSigill = 4, kSigbus = 7, kSigsegv = 11;

cpu::Mode mode_of(const Sequence& s) {
  cpu::Mode mode;
  mode.set_el(0);
  mode.set_mmu(1);
  mode.set_tbi(1);
  mode.set_fpcr(cpu::fpcr_key(s.fpcr));
  return mode;
}

void set_window(Memory& memory, const OracleCase& c) {
  std::memset(memory.bytes, 0, kMemoryBytes);
  std::memcpy(memory.bytes + kWindowOffset, c.window.data(), kWindowBytes);
}

std::string window_differences(const u8* got, const u8* expected, usize bytes, u64 va) {
  std::string text;
  if (std::memcmp(got, expected, bytes) == 0) return text;
  for (usize i = 0; i < bytes; ++i)
    if (got[i] != expected[i])
      text += fmt::format("  memory {:x} = {:02x}, expected {:02x}\n", va + i, got[i], expected[i]);
  return text;
}

// Our outcome against a reply of the oracle.
std::string differs(const Outcome& ours, const Memory& memory, const OracleReply& theirs) {
  std::string text = ours.problem.empty() ? "" : "  " + ours.problem + "\n";
  text += differences(ours.state, theirs.state);
  text +=
      window_differences(memory.bytes + kWindowOffset, theirs.window.data(), kWindowBytes, kMemoryVa + kWindowOffset);
  const bool undefined = ours.exception && ours.exception->ec == cpu::kEcUnknown;
  const bool abort = ours.exception && ours.exception->ec == cpu::kEcDataAbort;
  if (undefined != (theirs.signal == kSigill))
    text += fmt::format("  undefined = {}, expected signal {}\n", undefined, theirs.signal);
  if (abort && theirs.signal != kSigsegv && theirs.signal != kSigbus)
    text += fmt::format("  data abort, expected signal {}\n", theirs.signal);
  if (ours.exception && !undefined && !abort) text += fmt::format("  exception class {:x}\n", ours.exception->ec);
  return text;
}

std::string differs(const Outcome& ours, const Memory& memory, const Outcome& theirs, const Memory& their_memory) {
  std::string text = ours.problem.empty() ? "" : "  " + ours.problem + "\n";
  text += differences(ours.state, theirs.state) +
          window_differences(memory.bytes, their_memory.bytes, kMemoryBytes, kMemoryVa);
  const auto info = [](const Outcome& o) {
    return o.exception ? fmt::format("{:x}:{:x} far {:x}", o.exception->ec, o.exception->iss, o.exception->far)
                       : std::string("none");
  };
  if (info(ours) != info(theirs)) text += fmt::format("  exception {}, expected {}\n", info(ours), info(theirs));
  return text;
}

std::string state_text(const OracleCase& c) {
  std::string text;
  for (unsigned n = 0; n < 32; ++n)
    text += fmt::format("{}{}={:x}", n == 0 ? "  " : " ", n == 31 ? "sp" : fmt::format("x{}", n), c.state.x[n]);
  text += fmt::format("\n  nzcv={:x} fpcr={:x} fpsr={:x}\n", cpu::nzcv_to_arch(c.state.nzcv) >> 28, c.state.fpcr,
                      c.state.fpsr);
  for (unsigned n = 0; n < 32; ++n)
    text += fmt::format("{}v{}={:x}{:016x}{}", n % 4 == 0 ? "  " : " ", n, c.state.v[n].hi, c.state.v[n].lo,
                        n % 4 == 3 ? "\n" : "");
  return text;
}

struct Difference {
  usize which;  // case
  std::string text;
  std::string listing;
};
using Check = std::function<std::optional<Difference>(const Sequence&, std::span<const OracleCase>)>;

// Leaves out one instruction after the other as long as the difference stays, then tells everything.
std::string report(Sequence s, std::span<const OracleCase> cases, const Check& check, Difference found,
                   std::string_view who) {
  const OracleCase culprit = cases[found.which];
  for (usize i = 0; s.words.size() > 1 && i < s.words.size();) {
    Sequence shorter = s;
    shorter.words.erase(shorter.words.begin() + static_cast<std::ptrdiff_t>(i));
    if (auto still = check(shorter, {&culprit, 1})) {
      s = shorter;
      found = *still;
      i = 0;
    } else {
      ++i;
    }
  }
  std::string text = fmt::format("{} differs\n", who);
  for (usize i = 0; i < s.words.size(); ++i)
    text += fmt::format("  {:08x}  {}\n", s.words[i], frontend::disassemble(s.words[i], kCodeVa + 4 * i));
  return text + found.text + "before\n" + state_text(culprit) + found.listing;
}

std::optional<Difference> check_oracle(const Sequence& s, std::span<const OracleCase> cases, Runner& runner,
                                       Variant variant, Oracle& oracle) {
  auto replies = oracle.run(s.words, cases, s.memory);
  if (!replies) return Difference{0, "  " + replies.error().message + "\n", {}};
  Session session(s.words, mode_of(s), runner, variant);
  for (usize i = 0; i < cases.size(); ++i) {
    set_window(session.memory(), cases[i]);
    const Outcome ours = session.run(cases[i].state);
    if (std::string text = differs(ours, session.memory(), (*replies)[i]); !text.empty())
      return Difference{i, text, session.listing()};
  }
  return std::nullopt;
}

std::optional<Difference> check_interpreter(const Sequence& s, std::span<const OracleCase> cases, Runner& runner,
                                            Variant variant) {
  const auto interpreter = interpreter_runner();
  Session reference(s.words, mode_of(s), *interpreter, variant);
  Session session(s.words, mode_of(s), runner, variant);
  for (usize i = 0; i < cases.size(); ++i) {
    set_window(reference.memory(), cases[i]);
    set_window(session.memory(), cases[i]);
    const Outcome theirs = reference.run(cases[i].state), ours = session.run(cases[i].state);
    std::string text = differs(ours, session.memory(), theirs, reference.memory());
    if (!text.empty()) return Difference{i, text, session.listing()};
  }
  return std::nullopt;
}

}  // namespace

std::string against_oracle(const Sequence& sequence, std::span<const OracleCase> cases, Runner& runner, Variant variant,
                           Oracle& oracle) {
  const Check check = [&](const Sequence& s, std::span<const OracleCase> c) {
    return check_oracle(s, c, runner, variant, oracle);
  };
  const auto found = check(sequence, cases);
  return found ? report(sequence, cases, check, *found, std::string(runner.name()) + " against the oracle")
               : std::string();
}

std::string against_interpreter(const Sequence& sequence, std::span<const OracleCase> cases, Runner& runner,
                                Variant variant) {
  const Check check = [&](const Sequence& s, std::span<const OracleCase> c) {
    return check_interpreter(s, c, runner, variant);
  };
  const auto found = check(sequence, cases);
  return found ? report(sequence, cases, check, *found, std::string(runner.name()) + " against the interpreter")
               : std::string();
}

}  // namespace ferry::verify
