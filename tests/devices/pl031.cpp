#include "tests/devices/fixture.h"

using namespace ferry;
using namespace ferry::devices::testing;

namespace {
enum : u64 { DR = 0, MR = 4, LR = 8, CR = 0xc, IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c };
constexpr u64 kSecond = kNanosecondsPerSecond;
struct Rtc : Bench {
  Rtc() {
    clock.set_wall_start(1'700'000'000);
    make("arm,pl031");
  }
};
}  // namespace

TEST_CASE("pl031: counts the wall clock's seconds") {
  Rtc r;
  CHECK(r.read(DR) == 1'700'000'000);
  CHECK(r.read(CR) == 1);
  r.advance(kSecond - 1);
  CHECK(r.read(DR) == 1'700'000'000);
  r.advance(1);
  CHECK(r.read(DR) == 1'700'000'001);
  r.write(CR, 0);
  CHECK(r.read(CR) == 1);
  r.advance(kSecond);
  CHECK(r.read(DR) == 1'700'000'002);
}

TEST_CASE("pl031: loading sets the counter, which goes on from there and wraps") {
  Rtc r;
  r.write(LR, 0xffffffff);
  CHECK(r.read(DR) == 0xffffffff);
  CHECK(r.read(LR) == 0xffffffff);
  r.advance(2 * kSecond);
  CHECK(r.read(DR) == 1);
}

TEST_CASE("pl031: the alarm comes at the second of the match register") {
  Rtc r;
  r.write(MR, 1'700'000'005);
  r.write(IMSC, 1);
  r.advance(5 * kSecond - 1);
  CHECK_FALSE(r.lines[0].level);
  r.advance(1);
  CHECK(r.lines[0].level);
  CHECK(r.read(MIS) == 1);
  r.write(ICR, 1);
  CHECK_FALSE(r.lines[0].level);
  CHECK(r.read(RIS) == 0);
  r.advance(10 * kSecond);
  CHECK_FALSE(r.lines[0].level);
}

TEST_CASE("pl031: a masked match waits in the raw status") {
  Rtc r;
  r.write(MR, 1'700'000'005);
  r.advance(4 * kSecond);
  CHECK(r.read(RIS) == 0);
  r.advance(4 * kSecond);
  CHECK(r.events.next_deadline() == kNever);  // nothing to wake up for
  CHECK(r.read(RIS) == 1);
  CHECK(r.read(MIS) == 0);
  r.write(IMSC, 1);
  CHECK(r.lines[0].level);
}

TEST_CASE("pl031: loading the match value, or matching the count, is a match") {
  Rtc r;
  r.write(IMSC, 1);
  r.write(MR, r.read(DR));
  CHECK(r.lines[0].level);
  r.write(ICR, 1);
  r.write(MR, 7);
  CHECK_FALSE(r.lines[0].level);
  r.write(LR, 7);
  CHECK(r.lines[0].level);
}

TEST_CASE("pl031: an alarm survives a snapshot") {
  Rtc r;
  r.write(MR, 1'700'000'005);
  r.write(IMSC, 1);
  const auto data = r.saved();
  Rtc other;
  LoadArchive load(data);
  other.device->visit(load);
  REQUIRE(load.status().ok());
  other.advance(5 * kSecond);
  CHECK(other.lines[0].level);
}
