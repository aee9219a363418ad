// Runs every row's instruction over its operand stream and writes the results to stdout. Built for AArch64.
// usage: guest COUNT SEED
#include <cstdio>
#include <cstdlib>

#include "tests/cpu/oracle/cases.h"

using ferry::u32;
using ferry::u64;
using ferry::oracle::Fill;
using ferry::oracle::In;
using ferry::oracle::Out;
using namespace ferry::oracle;

namespace {

struct Row {
  Fill fill;
  u32 fpcr_mask;
  void (*run)(const In&, Out&);
};

#define ROW(id, fill, fpcr_mask, text, ...)                                                     \
  void run_##id(const In& in, Out& out) {                                                       \
    const u64* p = &in.v[0].lo;                                                                 \
    u64 nzcv, fpsr;                                                                             \
    asm volatile(                                                                               \
        ".arch armv8.5-a+fp16+fp16fml+crypto+sha3\n"                                            \
        "ldp q0, q1, [%2]\nldp q2, q3, [%2, #32]\nldp x9, x10, [%2, #64]\nldr x11, [%2, #80]\n" \
        "msr fpcr, x11\nmsr fpsr, xzr\nmsr nzcv, xzr\n" text                                    \
        "\nmrs %0, nzcv\nmrs %1, fpsr\nmsr fpcr, xzr\n"                                         \
        "str q0, [%3]\nstr x9, [%3, #16]\n"                                                     \
        : "=&r"(nzcv), "=&r"(fpsr)                                                              \
        : "r"(p), "r"(&out)                                                                     \
        : "memory", "cc", "x9", "x10", "x11", "v0", "v1", "v2", "v3");                          \
    out.fpsr = static_cast<u32>(fpsr);                                                          \
    out.nzcv = static_cast<u32>(nzcv >> 28);                                                    \
  }
#include "tests/cpu/oracle/rows.def"
#undef ROW

constexpr Row kRows[] = {
#define ROW(id, fill, fpcr_mask, text, ...) {Fill::fill, fpcr_mask, run_##id},
#include "tests/cpu/oracle/rows.def"
#undef ROW
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const u64 count = std::strtoull(argv[1], nullptr, 10), seed = std::strtoull(argv[2], nullptr, 10);
  static char buffer[1 << 16];
  std::setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  u64 index = 0;
  for (const Row& row : kRows) {
    Stream stream(seed, index++);
    In in{};
    Out out{};
    for (u64 i = 0; i < count; ++i) {
      stream.next(row.fill, row.fpcr_mask, in);
      row.run(in, out);
      std::fwrite(&out, sizeof out, 1, stdout);
    }
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}
