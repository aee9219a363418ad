#include "runtime/far_jumps.h"

#include "tests/catch.h"

namespace ferry::runtime {
namespace {

constexpr u64 kContext = u64{5} << 32 | 0x49, kOther = u64{6} << 32 | 0x49;
const int blocks[3] = {};

cpu::JumpEntry jump(u64 va, u64 context, const void* code) { return {va, context, code, 0xe}; }

}  // namespace

TEST_CASE("far jumps: an entry answers for its address and context, and for no other") {
  FarJumps far;
  CHECK(far.find(0, 0) == nullptr);
  CHECK(far.find(0x401234, kContext) == nullptr);
  far.put(jump(0x401234, kContext, &blocks[0]));
  far.put(jump(0xffff800008001238, kOther, &blocks[1]));
  REQUIRE(far.find(0x401234, kContext) != nullptr);
  CHECK(far.find(0x401234, kContext)->code == &blocks[0]);
  CHECK(far.find(0x401234, kContext)->landing == 0xe);
  CHECK(far.find(0x401234, kOther) == nullptr);
  CHECK(far.find(0x401234, kContext ^ 1) == nullptr);  // another Mode
  CHECK(far.find(0x402234, kContext) == nullptr);
  far.put(jump(0x401234, kContext, &blocks[2]));
  CHECK(far.find(0x401234, kContext)->code == &blocks[2]);
}

TEST_CASE("far jumps: a purge finds every address of a page, a clear everything") {
  FarJumps far;
  unsigned before = 0, after = 0, others = 0;
  const auto each = [](auto f) {
    for (u64 page = 0; page < 40; ++page) f(page << 12 | 0x238, u64{page % 7 + 1} << 32);
  };
  each([&](u64 va, u64 context) { far.put(jump(va, context, &blocks[va >> 12 & 1])); });
  each([&](u64 va, u64 context) { far.put(jump(va + 4, context, &blocks[0])); });
  each([&](u64 va, u64 context) { before += far.find(va, context) != nullptr; });
  far.purge(0x7777238, &blocks[0], &blocks[1]);
  each([&](u64 va, u64 context) { after += far.find(va, context) != nullptr; });
  each([&](u64 va, u64 context) { others += far.find(va + 4, context) != nullptr; });
  CHECK(before > 20);  // some share a place
  CHECK(after == 0);
  CHECK(others > 20);
  far.clear();
  each([&](u64 va, u64 context) { CHECK(far.find(va + 4, context) == nullptr); });
}

}  // namespace ferry::runtime
