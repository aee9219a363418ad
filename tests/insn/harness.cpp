#include "tests/insn/harness.h"

#include <fmt/format.h>

namespace ferry::insn {
namespace {

std::string memory_differences(const Memory& got, const Memory& expected) {
  std::string text;
  for (usize i = 0; i < kMemoryBytes; ++i)
    if (got.bytes[i] != expected.bytes[i])
      text += fmt::format("  memory {:x} = {:02x}, expected {:02x}\n", kMemoryVa + i, got.bytes[i], expected.bytes[i]);
  return text;
}

std::string exception_differences(const Case& c, const std::optional<cpu::ExceptionInfo>& got) {
  if (!got) return c.exception ? "  no exception\n" : "";
  if (!c.exception) return fmt::format("  exception {:x}:{:x} far {:x}\n", got->ec, got->iss, got->far);
  std::string text;
  const auto check = [&](const char* name, u64 a, u64 b) {
    if (a != b) text += fmt::format("  {} = {:x}, expected {:x}\n", name, a, b);
  };
  check("exception class", got->ec, c.exception->ec);
  if (c.exception->iss) check("iss", got->iss, *c.exception->iss);
  if (c.exception->far) check("far", got->far, *c.exception->far);
  check("return to next", got->return_to_next ? 1 : 0, c.exception->return_to_next ? 1 : 0);
  return text;
}

}  // namespace

std::string run_case(const Case& c, verify::Runner& runner, verify::Variant variant) {
  verify::Session session(c.words, c.mode, runner, variant, c.features);
  State expected = c.after;
  // An exception without a pc= is expected at the last instruction.
  if (c.exception && expected.pc == session.end()) expected.pc -= 4;
  for (const bool warm : {false, true}) {
    session.set_warm(warm);
    session.memory() = c.memory_before;
    const verify::Outcome outcome = session.run(c.before);
    std::string text = outcome.problem.empty() ? "" : "  " + outcome.problem + "\n";
    text += verify::differences(outcome.state, expected) + memory_differences(session.memory(), c.memory_after);
    text += exception_differences(c, outcome.exception);
    if (!text.empty())
      return fmt::format("{}, {}: {}\n{}{}", warm ? "warm" : "cold", c.where, c.text, text, session.listing());
  }
  return {};
}

}  // namespace ferry::insn
