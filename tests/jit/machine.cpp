#include "machine.h"

#include <fmt/format.h>

namespace ferry::jit::test {

std::string difference(const Machine& want, const Machine& got) {
  const cpu::CpuState &a = want.s, &b = got.s;
  for (unsigned n = 0; n < 32; ++n) {
    if (a.x[n] != b.x[n]) return fmt::format("x{}: expected {:x}, is {:x}", n, a.x[n], b.x[n]);
    if (a.v[n] != b.v[n])
      return fmt::format("v{}: expected {:x}:{:x}, is {:x}:{:x}", n, a.v[n].hi, a.v[n].lo, b.v[n].hi, b.v[n].lo);
  }
  const auto word = [](const char* name, u64 x, u64 y) {
    return x == y ? std::string() : fmt::format("{}: expected {:x}, is {:x}", name, x, y);
  };
  std::string e = word("nzcv", a.nzcv, b.nzcv);
  if (e.empty()) e = word("fpsr", a.fpsr, b.fpsr);
  if (e.empty()) e = word("fault", a.fault, b.fault);
  if (e.empty() && a.fault != 0) e = word("site", a.site, b.site);
  if (e.empty()) e = word("exception.ec", a.exception.ec, b.exception.ec);
  if (e.empty()) e = word("exception.iss", a.exception.iss, b.exception.iss);
  if (e.empty()) e = word("exception.il", a.exception.il, b.exception.il);
  if (e.empty()) e = word("exception.far", a.exception.far, b.exception.far);
  if (e.empty()) e = word("exception.return_to_next", a.exception.return_to_next, b.exception.return_to_next);
  for (usize i = 0; e.empty() && i < kMemBytes; ++i)
    if (want.memory[i] != got.memory[i])
      e = fmt::format("memory at {:x}: expected {:x}, is {:x}", i, want.memory[i], got.memory[i]);
  return e;
}

}  // namespace ferry::jit::test
