#include "verify/state.h"

#include <fmt/format.h>

namespace ferry::verify {

std::string differences(const State& got, const State& expected) {
  std::string text;
  const auto check = [&](const char* name, u64 a, u64 b) {
    if (a != b) text += fmt::format("  {} = {:x}, expected {:x}\n", name, a, b);
  };
  for (unsigned n = 0; n < 31; ++n)
    if (got.x[n] != expected.x[n]) check(fmt::format("x{}", n).c_str(), got.x[n], expected.x[n]);
  check("sp", got.x[31], expected.x[31]);
  for (unsigned n = 0; n < 32; ++n)
    if (got.v[n] != expected.v[n])
      text += fmt::format("  v{} = {:016x}_{:016x}, expected {:016x}_{:016x}\n", n, got.v[n].hi, got.v[n].lo,
                          expected.v[n].hi, expected.v[n].lo);
  check("nzcv", cpu::nzcv_to_arch(got.nzcv), cpu::nzcv_to_arch(expected.nzcv));
  check("fpsr", got.fpsr, expected.fpsr);
  check("pc", got.pc, expected.pc);
  return text;
}

}  // namespace ferry::verify
