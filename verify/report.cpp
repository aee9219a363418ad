#include "verify/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "verify/block_text.h"

namespace ferry::verify {
namespace {

class Shrinker {
 public:
  Shrinker(Checker& checker, Session::HostText text) : checker_(checker), text_(text) {}
  Finding found;
  std::optional<Error> error;

  bool differs(const Sequence& s, const OracleCase& c) {
    if (error) return false;
    auto result = checker_.check(s, {&c, 1}, found.variant, text_);
    if (!result) {
      error = result.error();
      return false;
    }
    if (!*result) return false;
    found.sequence = s;
    found.culprit = c;
    found.difference = std::move(**result);
    return true;
  }

  void shorten() {
    for (usize i = 0; found.sequence.words.size() > 1 && i < found.sequence.words.size();) {
      Sequence shorter = found.sequence;
      shorter.words.erase(shorter.words.begin() + static_cast<std::ptrdiff_t>(i));
      if (differs(shorter, found.culprit))
        i = 0;
      else
        ++i;
    }
  }

  // Keeps what `change` does to the case if the difference stays.
  void attempt(const std::function<void(Sequence&, OracleCase&)>& change) {
    Sequence s = found.sequence;
    OracleCase c = found.culprit;
    change(s, c);
    differs(s, c);
  }

  void simplify() {
    attempt([](Sequence& s, OracleCase& c) { s.fpcr = c.state.fpcr = 0; });
    attempt([](Sequence&, OracleCase& c) { c.state.fpsr = 0; });
    attempt([](Sequence&, OracleCase& c) { c.state.nzcv = 0; });
    for (unsigned n = 0; n < 32; ++n) {
      attempt([n](Sequence&, OracleCase& c) { c.state.x[n] = 0; });
      attempt([n](Sequence&, OracleCase& c) { c.state.v[n] = {}; });
    }
    for (usize at = 0; found.sequence.memory && at < kWindowBytes; at += 64)
      attempt([at](Sequence&, OracleCase& c) {
        std::fill_n(c.window.begin() + static_cast<std::ptrdiff_t>(at), 64, u8{0});
      });
  }

 private:
  Checker& checker_;
  Session::HostText text_;
};

std::string window_text(const OracleCase& c) {
  std::string text;
  for (usize at = 0; at < kWindowBytes; at += 16) {
    const auto line = std::span(c.window).subspan(at, 16);
    if (std::all_of(line.begin(), line.end(), [](u8 b) { return b == 0; })) continue;
    text += fmt::format("  {:x}  {:02x}\n", kMemoryVa + kWindowOffset + at, fmt::join(line, " "));
  }
  return text.empty() ? "" : "memory before, where it is not zero\n" + text;
}

}  // namespace

Result<Finding> shrink(Checker& checker, const Sequence& sequence, const OracleCase& culprit, Variant variant,
                       Session::HostText text) {
  Shrinker shrinker(checker, text);
  shrinker.found.variant = variant;
  // Alone it may agree: what a case leaves behind is then the matter, and there is nothing to shrink.
  if (!shrinker.differs(sequence, culprit)) {
    if (shrinker.error) return *shrinker.error;
    return Error{"the difference does not come again when its case runs alone"};
  }
  shrinker.shorten();
  shrinker.simplify();
  shrinker.shorten();
  if (shrinker.error) return *shrinker.error;
  return std::move(shrinker.found);
}

std::string register_table(const State& before, const State& got, const State& expected) {
  std::string text = fmt::format("  {:<5} {:<34}{:<34}{}\n", "", "before", "got", "expected");
  const auto line = [&](const std::string& name, const std::string& b, const std::string& g, const std::string& e) {
    text += fmt::format("{} {:<5} {:<34}{:<34}{}\n", g == e ? ' ' : '*', name, b, g, e);
  };
  const auto number = [&](const std::string& name, u64 b, u64 g, u64 e) {
    if ((b | g | e) != 0) line(name, fmt::format("{:016x}", b), fmt::format("{:016x}", g), fmt::format("{:016x}", e));
  };
  for (unsigned n = 0; n < 32; ++n)
    number(n == 31 ? "sp" : fmt::format("x{}", n), before.x[n], got.x[n], expected.x[n]);
  const auto vector = [](U128 v) { return fmt::format("{:016x}_{:016x}", v.hi, v.lo); };
  for (unsigned n = 0; n < 32; ++n)
    if ((before.v[n].lo | before.v[n].hi | got.v[n].lo | got.v[n].hi | expected.v[n].lo | expected.v[n].hi) != 0)
      line(fmt::format("v{}", n), vector(before.v[n]), vector(got.v[n]), vector(expected.v[n]));
  const auto flags = [](const State& s) { return cpu::nzcv_to_arch(s.nzcv); };
  number("nzcv", flags(before), flags(got), flags(expected));
  number("fpcr", before.fpcr, got.fpcr, expected.fpcr);
  number("fpsr", before.fpsr, got.fpsr, expected.fpsr);
  number("pc", before.pc, got.pc, expected.pc);
  return text;
}

std::string report(const Finding& f, const Checker& checker, cpu::FeatureSet features, const std::string& command) {
  std::string text = fmt::format("{}: a difference\n", checker.who());
  for (usize i = 0; i < f.sequence.words.size(); ++i) {
    const u32 w = f.sequence.words[i];
    const char* title = frontend::title_of(w);
    std::string line = frontend::disassemble(w, kCodeVa + 4 * i);
    if (line.empty()) line = title == nullptr ? "(in no table)" : title;
    text += fmt::format("  {:x}  {:08x}  {}\n", kCodeVa + 4 * i, w, line);
  }
  text += register_table(f.culprit.state, f.difference.got, f.difference.expected);
  text += f.difference.other + (f.sequence.memory ? window_text(f.culprit) : "");
  text += "IR as translated\n" +
          ir_text(f.sequence.words, kCodeVa, mode_of(f.sequence), features, false, f.variant.stepped);
  text += fmt::format("IR after the passes{}\n", f.variant.optimized ? "" : " (not used here)") +
          ir_text(f.sequence.words, kCodeVa, mode_of(f.sequence), features, true, f.variant.stepped);
  if (!f.difference.host_code.empty()) text += "host code\n" + f.difference.host_code;
  return text + "again: " + command + "\n";
}

}  // namespace ferry::verify
