// Corner values of cpu/simd worked out by hand.
#include "cpu/simd.h"
#include "tests/catch.h"

namespace simd = ferry::cpu::simd;
using namespace ferry;
using simd::Lanes;
using simd::Narrow;
using simd::Sign;

namespace {
constexpr U128 kEach8{0x7f80ff0100017f80, 0};
}

TEST_CASE("saturation sets QC, and only for lanes of the operation") {
  bool qc = false;
  CHECK(simd::sat_add({0x7f, 0x7f}, {1, 1}, Lanes{16, 128}, Sign::Signed, qc) == U128{0x80, 0x80});
  CHECK_FALSE(qc);
  // The saturating lane is above a 64-bit vector.
  CHECK(simd::sat_add({1, 0x7f}, {1, 1}, simd::lanes(0, false), Sign::Signed, qc) == U128{2, 0});
  CHECK_FALSE(qc);
  CHECK(simd::sat_add({0x7f, 0}, {1, 0}, simd::lanes(0, true), Sign::Signed, qc) == U128{0x7f, 0});
  CHECK(qc);
  qc = false;
  CHECK(simd::sat_sub({1, 0}, {2, 0}, simd::scalar_lane(3), Sign::Unsigned, qc) == U128{0, 0});
  CHECK(qc);
  qc = false;
  CHECK(simd::sat_abs(kEach8, simd::lanes(0, false), qc) == U128{0x7f7f010100017f7f, 0});
  CHECK(qc);
  qc = false;
  CHECK(simd::sat_neg({u64{1} << 63, 5}, simd::lanes(3, true), qc) == U128{~u64{0} >> 1, ~u64{4}});
  CHECK(qc);
}

TEST_CASE("signed and unsigned accumulate together") {
  bool qc = false;
  CHECK(simd::sat_add_mixed({0x80, 0}, {0xff, 0}, Lanes{8, 64}, Sign::Signed, qc) == U128{0x7f, 0});
  CHECK_FALSE(qc);  // -128 + 255
  CHECK(simd::sat_add_mixed({0x05, 0}, {0xfa, 0}, Lanes{8, 64}, Sign::Unsigned, qc) == U128{0, 0});
  CHECK(qc);  // 5 - 6
}

TEST_CASE("register shifts take a signed byte, far beyond the element") {
  bool qc = false;
  const Lanes d = simd::scalar_lane(3);
  CHECK(simd::shift_by_register({3, 0}, {0xff, 0}, d, Sign::Unsigned, true, false, qc) == U128{2, 0});
  CHECK(simd::shift_by_register({u64{1} << 63, 0}, {0xc0, 0}, d, Sign::Unsigned, true, false, qc) == U128{1, 0});
  CHECK(simd::shift_by_register({u64{1} << 63, 0}, {0x80, 0}, d, Sign::Signed, false, false, qc) == U128{~u64{0}, 0});
  CHECK(simd::shift_by_register({~u64{0}, 0}, {0x80, 0}, d, Sign::Signed, true, false, qc) == U128{0, 0});
  CHECK(simd::shift_by_register({1, 0}, {0x7f, 0}, d, Sign::Signed, false, false, qc) == U128{0, 0});
  CHECK(simd::shift_by_register({0, 0}, {0x7f, 0}, d, Sign::Signed, false, true, qc) == U128{0, 0});
  CHECK_FALSE(qc);
  CHECK(simd::shift_by_register({~u64{0}, 0}, {0x7f, 0}, d, Sign::Signed, false, true, qc) == U128{u64{1} << 63, 0});
  CHECK(qc);
}

TEST_CASE("narrowing") {
  bool qc = false;
  CHECK(simd::narrow({0x7fff00ff0001ff80, 0}, 8, 0, false, Narrow::Truncate, false, qc) == 0xffff0180);
  CHECK_FALSE(qc);
  CHECK(simd::narrow({0x7fff00ff0001ff80, 0}, 8, 0, false, Narrow::SignedSat, false, qc) == 0x7f7f0180);
  CHECK(qc);
  CHECK(simd::narrow({0x7fff00ff0001ff80, 0}, 8, 0, false, Narrow::SignedToUnsignedSat, false, qc) == 0xffff0100);
  CHECK(simd::narrow({~u64{0}, 0}, 32, 32, true, Narrow::UnsignedSat, true, qc) == 0xffffffff);
  CHECK(simd::add_high_narrow({0x0080, 0}, {0x0000, 0}, 8, false, true) == 1);
}

TEST_CASE("doubling multiplies") {
  bool qc = false;
  CHECK(simd::sqdmulh({0x4000, 0}, {0x4000, 0}, Lanes{16, 16}, false, qc) == U128{0x2000, 0});
  CHECK_FALSE(qc);
  CHECK(simd::sqdmulh({0x8000, 0}, {0x8000, 0}, Lanes{16, 16}, false, qc) == U128{0x7fff, 0});
  CHECK(qc);
  qc = false;
  CHECK(simd::sqdmull(0x80000000, 0x80000000, 32, true, qc) == U128{~u64{0} >> 1, 0});
  CHECK(qc);
}

TEST_CASE("table lookup") {
  const U128 table[2] = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}, {0x1716151413121110, 0x1f1e1d1c1b1a1918}};
  CHECK(simd::tbl(table, 2, {0xff201f100f000102, 0}, 64) == U128{0x00001f100f000102, 0});
  CHECK(simd::tbx({0xaaaaaaaaaaaaaaaa, 1}, table, 1, {0xff201f100f000102, 0}, 64) == U128{0xaaaaaaaa0f000102, 0});
}

TEST_CASE("across the lanes") {
  CHECK(simd::add_across(kEach8, Lanes{8, 64}) == 0xff);  // 0x2ff, its low byte
  CHECK(simd::add_long_across(kEach8, Lanes{8, 64}, Sign::Signed) == 0xffff);
  CHECK(simd::max_across(kEach8, Lanes{8, 64}, Sign::Unsigned) == 0xff);
  CHECK(simd::max_across(kEach8, Lanes{8, 64}, Sign::Signed) == 0x7f);
  CHECK(simd::min_across(kEach8, Lanes{8, 64}, Sign::Signed) == 0x80);
}
