// cpu/fp, cpu/crypto and cpu/simd against real instructions: an AArch64 program (oracle/guest.cpp) runs under an
// emulator in its own process over the same operand streams, and every result, FPSR and NZCV must agree.
// FERRY_SIZE=full runs 100 times the cases; FERRY_ORACLE_COUNT (cases a row) and FERRY_SEED choose exactly, and
// FERRY_ORACLE_ROW reports only rows whose name starts so. FERRY_COUNTS names a file for what was reached.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "cpu/crypto.h"
#include "cpu/fp/fp.h"
#include "cpu/simd.h"
#include "tests/catch.h"
#include "tests/cpu/oracle/cases.h"

using namespace ferry;
using namespace ferry::oracle;
namespace fp = ferry::cpu::fp;
namespace simd = ferry::cpu::simd;
namespace crypto = ferry::cpu::crypto;

namespace {

constexpr auto kZ = fp::Rounding::Zero;
constexpr auto kS = simd::Sign::Signed;
constexpr auto kU = simd::Sign::Unsigned;

template <class F>
typename F::Bits same(typename F::Bits a) {
  return a;
}

#define KEEP_V0 static_cast<void>(0)

// One case. The rows are its member functions, and the rest are the short names that they use.
struct Case {
  using H = fp::Half;
  using S = fp::Single;
  using D = fp::Double;
  In in{};
  Out out{};
  fp::FpContext ctx{};
  bool qc = false;

  u16 h(unsigned i) const { return static_cast<u16>(in.v[i].lo); }
  u32 s(unsigned i) const { return static_cast<u32>(in.v[i].lo); }
  u64 d(unsigned i) const { return in.v[i].lo; }
  void R(u64 result) { out.v = {result, 0}; }
  void V(U128 result) { out.v = result; }

#define ROW(id, fill, fpcr_mask, text, ...) \
  void row_##id() { __VA_ARGS__; }
#include "tests/cpu/oracle/rows.def"
#undef ROW

  void run(void (Case::*row)()) {
    out = {in.v[0], in.x[0], 0, 0};
    ctx = {static_cast<u32>(in.fpcr), 0};
    qc = false;
    (this->*row)();
    out.fpsr = ctx.fpsr | (qc ? fp::kFpsrQC : 0);
  }
};

struct Row {
  const char* name;
  const char* text;
  Fill fill;
  u32 fpcr_mask;
  void (Case::*run)();
};
constexpr Row kRows[] = {
#define ROW(id, fill, fpcr_mask, text, ...) {#id, text, Fill::fill, fpcr_mask, &Case::row_##id},
#include "tests/cpu/oracle/rows.def"
#undef ROW
};

#ifdef FERRY_ORACLE_COMMAND
std::string hex(U128 v) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%016llx_%016llx", static_cast<unsigned long long>(v.hi),
                static_cast<unsigned long long>(v.lo));
  return text.data();
}
std::string describe(const Out& out) {
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "  x9 %016llx  fpsr %08x  nzcv %x", static_cast<unsigned long long>(out.x),
                out.fpsr, out.nzcv);
  return "v0 " + hex(out.v) + text.data();
}
std::string report(const Row& row, const Case& c, const Out& theirs) {
  std::array<char, 120> text{};
  std::snprintf(text.data(), text.size(), "  x9 %016llx  x10 %016llx  fpcr %08llx\n",
                static_cast<unsigned long long>(c.in.x[0]), static_cast<unsigned long long>(c.in.x[1]),
                static_cast<unsigned long long>(c.in.fpcr));
  std::string lines = std::string(row.name) + ": " + row.text + "\n";
  for (unsigned i = 0; i < 4; ++i) lines += "  v" + std::to_string(i) + " " + hex(c.in.v[i]) + "\n";
  return lines + text.data() + "  ours   " + describe(c.out) + "\n  oracle " + describe(theirs) + "\n";
}

bool same_out(const Out& a, const Out& b) { return a.v == b.v && a.x == b.x && a.fpsr == b.fpsr && a.nzcv == b.nzcv; }
#endif

}  // namespace

#ifdef FERRY_ORACLE_COMMAND
TEST_CASE("FP, SIMD and crypto agree with real instructions", "[oracle]") {
  const u64 count = case_count(), seed = oracle::seed();
  INFO("seed " << seed);
  const char* only = std::getenv("FERRY_ORACLE_ROW");
  const std::string command = FERRY_ORACLE_COMMAND " " + std::to_string(count) + " " + std::to_string(seed);
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  REQUIRE(pipe != nullptr);
  u64 index = 0;
  for (const Row& row : kRows) {
    Stream stream(seed, index++);
    Case c;
    u64 different = 0;
    std::string first;
    for (u64 i = 0; i < count; ++i) {
      stream.next(row.fill, row.fpcr_mask, c.in);
      Out theirs{};
      if (std::fread(&theirs, sizeof theirs, 1, pipe.get()) != 1) FAIL("the oracle ended early, at " << row.name);
      c.run(row.run);
      if (!same_out(c.out, theirs) && different++ == 0) first = report(row, c, theirs);
    }
    if (only != nullptr && !std::string_view(row.name).starts_with(only)) continue;
    if (different != 0) FAIL_CHECK(different << " of " << count << " differ, first " << first);
  }
  if (const char* path = std::getenv("FERRY_COUNTS")) {
    std::ofstream(path) << "{\"instructions\": " << std::size(kRows) << ", \"cases\": " << std::size(kRows) * count
                        << "}\n";
  }
}
#endif
