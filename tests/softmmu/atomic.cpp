// Exclusives and single-instruction atomics.
#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;

namespace {

constexpr u64 kA = kRamBase + 0x5000;

struct Mapped : Machine {
  Tables low = tables(), high = tables();
  Mapped() {
    low.map(0x1000, kA | kPage | kNormal);
    low.map(0x2000, kA | kPage | kNormal);  // the same page again
    low.map(0x3000, (kRamBase + 0x6000) | kPage | kNormal | kReadOnly);
    low.map(0x4000, kMmio | kPage | kDevice);
    enable(low, high);
  }
  static MemInfo exclusive(u8 size_log2, bool pair = false) {
    return {.size_log2 = size_log2, .pair = pair, .exclusive = true, .aligned = true};
  }
  u64 load_exclusive(u64 va, u8 size_log2, bool pair = false) {
    return mmu->load(va, access(exclusive(size_log2, pair)));
  }
  u64 store_exclusive(u64 va, u8 size_log2, u64 v0, u64 v1 = 0, bool pair = false) {
    MemInfo info = exclusive(size_log2, pair);
    info.write = true;
    return mmu->store(va, access(info), v0, v1);
  }
  u64 rmw(RmwKind kind, u64 va, u8 size_log2, u64 operand) {
    return mmu->atomic(va, access({.size_log2 = size_log2, .aligned = true, .write = true}), static_cast<u64>(kind),
                       operand, 0);
  }
};

}  // namespace

TEST_CASE("store exclusive succeeds once after its load") {
  Mapped m;
  for (u8 size_log2 = 0; size_log2 < 4; ++size_log2) {
    CAPTURE(size_log2);
    m.word(kA + 8) = 0x1122334455667788;
    CHECK(m.load_exclusive(0x1008, size_log2) == (0x1122334455667788 & low_mask(8u << size_log2)));
    CHECK(m.store_exclusive(0x1008, size_log2, 0x99) == 0);
    CHECK(m.word(kA + 8) == ((0x1122334455667788 & ~low_mask(8u << size_log2)) | 0x99));
    CHECK(m.store_exclusive(0x1008, size_log2, 0x77) == 1);
  }
  CHECK(m.s.fault == 0);
}

TEST_CASE("pairs are exclusive as a whole") {
  Mapped m;
  m.word(kA) = 1;
  m.word(kA + 8) = 2;
  m.load_exclusive(0x1000, 3, true);
  CHECK(m.s.vargs[0] == U128{1, 2});
  CHECK(m.store_exclusive(0x1000, 3, 3, 4, true) == 0);
  CHECK(m.word(kA) == 3);
  CHECK(m.word(kA + 8) == 4);
  m.load_exclusive(0x1000, 3, true);
  m.word(kA + 8) = 5;
  CHECK(m.store_exclusive(0x1000, 3, 6, 7, true) == 1);
  CHECK(m.word(kA) == 3);
  m.load_exclusive(0x1008, 2, true);
  CHECK(m.store_exclusive(0x1008, 2, 8, 9, true) == 0);
  CHECK(m.word(kA + 8) == (u64{9} << 32 | 8));
}

TEST_CASE("store exclusive fails after another write, on another address, size, or without a load") {
  Mapped m;
  CHECK(m.store_exclusive(0x1000, 3, 1) == 1);
  m.load_exclusive(0x1000, 3);
  m.store(0x1000, 42);
  CHECK(m.store_exclusive(0x1000, 3, 1) == 1);
  CHECK(m.word(kA) == 42);
  m.load_exclusive(0x1000, 3);
  CHECK(m.store_exclusive(0x1008, 3, 1) == 1);
  CHECK(m.store_exclusive(0x1000, 3, 1) == 1);  // the failure cleared the monitor
  m.load_exclusive(0x1000, 3);
  CHECK(m.store_exclusive(0x1000, 2, 1) == 1);
  m.load_exclusive(0x1000, 3);
  m.s.monitor_size = 0;  // CLREX
  CHECK(m.store_exclusive(0x1000, 3, 1) == 1);
  CHECK(m.word(kA) == 42);
}

TEST_CASE("the monitor knows physical addresses") {
  Mapped m;
  m.load_exclusive(0x1010, 3);
  CHECK(m.s.monitor_size == 8);
  CHECK(m.store_exclusive(0x2010, 3, 5) == 0);
  CHECK(m.word(kA + 0x10) == 5);
}

TEST_CASE("exclusives fault like stores, and a fault leaves the monitor alone") {
  Mapped m;
  m.load_exclusive(0x3000, 3);
  CHECK(m.s.fault == 0);
  m.store_exclusive(0x3000, 3, 1);
  CHECK(m.s.fault != 0);
  CHECK(m.s.exception.iss == (0x0f | 1u << 6));
  CHECK(m.s.monitor_size == 8);
  m.store_exclusive(0x1004, 3, 1);
  CHECK(m.s.exception.iss == (0x21 | 1u << 6));
}

TEST_CASE("read-modify-write in every size and kind") {
  Mapped m;
  struct Row {
    RmwKind kind;
    u64 old, operand, expected;
  };
  const Row rows[] = {
      {RmwKind::Swap, 5, 9, 9},         {RmwKind::Add, 0xff, 2, 1},       {RmwKind::Clr, 0xf0, 0x90, 0x60},
      {RmwKind::Eor, 0xf0, 0x90, 0x60}, {RmwKind::Set, 0x81, 0x42, 0xc3}, {RmwKind::SMax, 0x80, 1, 1},
      {RmwKind::SMin, 0x80, 1, 0x80},   {RmwKind::UMax, 0x80, 1, 0x80},   {RmwKind::UMin, 0x80, 1, 1}};
  for (const Row& row : rows) {
    for (u8 size_log2 = 0; size_log2 < 4; ++size_log2) {
      CAPTURE(static_cast<int>(row.kind), size_log2);
      // The byte case stands at the top of every size, so that carry and sign leave it alike.
      const unsigned shift = (8u << size_log2) - 8, size_bits = 8u << size_log2;
      m.word(kA + 8) = 0;
      m.store(0x1008, row.old << shift, size_log2);
      CHECK(m.rmw(row.kind, 0x1008, size_log2, row.operand << shift) == row.old << shift);
      CHECK(m.word(kA + 8) == ((row.expected << shift) & low_mask(size_bits)));
    }
  }
}

TEST_CASE("compare and swap returns what it found") {
  Mapped m;
  const u32 access = Machine::access({.size_log2 = 2, .aligned = true, .write = true});
  m.word(kA) = 0xffff'ffff'0000'0005;
  CHECK(m.mmu->atomic(0x1000, access, kRmwCas, 4, 9) == 5);
  CHECK(m.word(kA) == 0xffff'ffff'0000'0005);
  CHECK(m.mmu->atomic(0x1000, access, kRmwCas, 5, 9) == 5);
  CHECK(m.word(kA) == 0xffff'ffff'0000'0009);
  const u32 pair = Machine::access({.size_log2 = 3, .pair = true, .aligned = true, .write = true});
  m.word(kA + 8) = 7;
  m.s.vargs[0] = {0xffff'ffff'0000'0009, 7};
  m.s.vargs[1] = {1, 2};
  m.mmu->atomic(0x1000, pair, kRmwCas, 0, 0);
  CHECK(m.s.vargs[0] == U128{0xffff'ffff'0000'0009, 7});
  CHECK(m.word(kA) == 1);
  CHECK(m.word(kA + 8) == 2);
  const u32 words = Machine::access({.size_log2 = 2, .pair = true, .aligned = true, .write = true});
  m.word(kA) = u64{4} << 32 | 3;
  m.s.vargs[0] = {3, 4};
  m.s.vargs[1] = {5, 6};
  m.mmu->atomic(0x1000, words, kRmwCas, 0, 0);
  CHECK(m.word(kA) == (u64{6} << 32 | 5));
  CHECK(m.s.vargs[0] == U128{3, 4});
}

TEST_CASE("atomics on read-only pages are write faults, on absent ones read faults, on devices unsupported") {
  Mapped m;
  m.rmw(RmwKind::Add, 0x3000, 3, 1);
  CHECK(m.s.exception.iss == (0x0f | 1u << 6));
  m.rmw(RmwKind::Add, 0x9000, 3, 1);
  CHECK(m.s.exception.iss == 0x07);
  m.rmw(RmwKind::Add, 0x4000, 3, 1);
  CHECK(m.s.exception.iss == 0x35);
  m.rmw(RmwKind::Add, 0x1004, 3, 1);
  CHECK(m.s.exception.iss == 0x21);
}
