#include "tests/devices/fixture.h"

using namespace ferry;
using namespace ferry::devices::testing;

namespace {
enum : u64 {
  DATA = 0x3fc,
  DIR = 0x400,
  IS = 0x404,
  IBE = 0x408,
  IEV = 0x40c,
  IE = 0x410,
  RIS = 0x414,
  MIS = 0x418,
  IC = 0x41c
};
struct Gpio : Bench {
  Gpio() { make("arm,pl061"); }
  void pin(unsigned n, bool level) { device->input(n).set(level); }
};
}  // namespace

TEST_CASE("pl061: the address masks the data, and only outputs take writes") {
  Gpio g;
  g.write(DIR, 0x0f);
  g.write(DATA, 0xff);
  CHECK(g.read(DATA) == 0x0f);
  g.write(0x02 << 2, 0);
  CHECK(g.read(DATA) == 0x0d);
  CHECK(g.read(0x0c << 2) == 0x0c);
  CHECK(g.read(0) == 0);
  g.pin(6, true);
  CHECK(g.read(DATA) == 0x4d);
  g.pin(1, true);  // an output: the wire is not read
  CHECK(g.read(DATA) == 0x4d);
}

TEST_CASE("pl061: edges are latched by their polarity and cleared by hand") {
  Gpio g;
  g.write(IE, 0x08);
  g.write(IEV, 0x08);
  g.pin(3, true);
  CHECK(g.lines[0].level);
  g.pin(3, false);
  CHECK(g.read(MIS) == 0x08);
  g.write(IC, 0x08);
  CHECK_FALSE(g.lines[0].level);
  g.pin(3, false);
  CHECK_FALSE(g.lines[0].level);
  g.write(IEV, 0);
  g.pin(3, true);
  CHECK_FALSE(g.lines[0].level);
  g.pin(3, false);
  CHECK(g.lines[0].level);
  g.write(IC, 0x08);
  g.write(IBE, 0x08);
  g.pin(3, true);
  CHECK(g.lines[0].level);
}

TEST_CASE("pl061: levels follow the pin and cannot be cleared") {
  Gpio g;
  g.write(IS, 0x01);
  g.write(IEV, 0x01);
  g.write(IE, 0x01);
  g.pin(0, true);
  CHECK(g.lines[0].level);
  g.write(IC, 0xff);
  CHECK(g.lines[0].level);
  g.pin(0, false);
  CHECK_FALSE(g.lines[0].level);
  CHECK(g.read(RIS) == 0);
}

TEST_CASE("pl061: a pin that does not exist is not connected") {
  Gpio g;
  CHECK_FALSE(g.device->input(8).connected());
  g.pin(8, true);
  CHECK(g.read(DATA) == 0);
}
