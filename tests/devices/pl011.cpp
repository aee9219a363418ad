#include "tests/devices/fixture.h"

using namespace ferry;
using namespace ferry::devices::testing;

namespace {
enum : u64 {
  DR = 0,
  RSR = 4,
  FR = 0x18,
  IBRD = 0x24,
  FBRD = 0x28,
  LCR_H = 0x2c,
  CR = 0x30,
  IFLS = 0x34,
  IMSC = 0x38,
  RIS = 0x3c,
  MIS = 0x40,
  ICR = 0x44
};
enum : u64 { RXFE = 0x10, TXFF = 0x20, RXFF = 0x40, TXFE = 0x80, BUSY = 8 };
enum : u64 { RX = 0x10, TX = 0x20, RT = 0x40, OE = 0x400, BE = 0x200 };

struct Uart : Bench {
  Uart() {
    make("arm,pl011");
    write(IBRD, 13);  // 115200 baud at 24 MHz
    write(FBRD, 1);
    write(LCR_H, 0x70);
    write(CR, 0x301);
  }
};
}  // namespace

TEST_CASE("pl011: what is written comes out, in order") {
  Uart u;
  for (const char c : std::string("hello")) u.write(DR, static_cast<u8>(c), 1);
  CHECK(u.serial.output == "hello");
  CHECK((u.read(FR) & (TXFE | BUSY | TXFF)) == TXFE);
}

TEST_CASE("pl011: the transmit interrupt comes after writing and obeys its mask") {
  Uart u;
  CHECK(u.read(RIS) == 0);
  u.write(DR, 'x');
  CHECK(u.read(RIS) == TX);
  CHECK_FALSE(u.lines[0].level);
  u.write(IMSC, TX);
  CHECK(u.read(MIS) == TX);
  CHECK(u.lines[0].level);
  CHECK(u.lines[2].level);
  u.write(ICR, TX);
  CHECK_FALSE(u.lines[0].level);
}

TEST_CASE("pl011: a back end that is full fills the FIFO, and empties it later") {
  Uart u;
  u.serial.room = 2;
  u.write(IMSC, TX);
  for (int i = 0; i < 18; ++i) u.write(DR, static_cast<u64>('a' + i));
  CHECK(u.serial.output == "ab");
  CHECK((u.read(FR) & (TXFF | BUSY | TXFE)) == (TXFF | BUSY));
  CHECK_FALSE(u.lines[0].level);  // 16 is above the trigger
  u.write(DR, '!');               // lost, as the datasheet says
  u.serial.room = 5;
  u.serial.writable();
  CHECK(u.serial.output == "abcdefg");
  CHECK_FALSE(u.lines[0].level);
  u.serial.room = 100;
  u.serial.writable();
  CHECK(u.serial.output == "abcdefghijklmnopqr");
  CHECK(u.lines[0].level);
}

TEST_CASE("pl011: the receive interrupt comes at the trigger level and goes below it") {
  Uart u;
  u.write(IMSC, RX);
  u.serial.type("1234567");
  CHECK_FALSE(u.lines[0].level);  // half full is 8
  u.serial.type("8");
  CHECK(u.lines[0].level);
  CHECK(u.read(DR) == '1');
  CHECK_FALSE(u.lines[0].level);
  CHECK((u.read(FR) & RXFE) == 0);
}

TEST_CASE("pl011: fewer characters than the trigger time out after 32 bit periods") {
  Uart u;
  u.write(IMSC, RX | RT);
  u.serial.type("a");
  u.advance(200'000);
  CHECK_FALSE(u.lines[0].level);
  u.serial.type("b");  // starts the period anew
  u.advance(200'000);
  CHECK_FALSE(u.lines[0].level);
  u.advance(100'000);
  CHECK(u.lines[0].level);
  CHECK(u.read(MIS) == RT);
  CHECK(u.read(DR) == 'a');
  CHECK(u.lines[0].level);
  CHECK(u.read(DR) == 'b');
  CHECK_FALSE(u.lines[0].level);
  CHECK((u.read(FR) & RXFE) == RXFE);
}

TEST_CASE("pl011: no input is lost, however much is typed and however slowly it is read") {
  Uart u;
  std::string text;
  for (int i = 0; i < 1000; ++i) text.push_back(static_cast<char>('a' + i % 26));
  u.serial.type(text);
  CHECK((u.read(FR) & RXFF) == RXFF);
  std::string got;
  while ((u.read(FR) & RXFE) == 0) got.push_back(static_cast<char>(u.read(DR)));
  CHECK(got == text);
  CHECK((u.read(RIS) & OE) == 0);
}

TEST_CASE("pl011: input waits in the back end until the receiver is on") {
  Uart u;
  u.write(CR, 0x101);
  u.serial.type("early");
  CHECK((u.read(FR) & RXFE) == RXFE);
  u.write(CR, 0x301);
  CHECK((u.read(FR) & RXFE) == 0);
  CHECK(u.read(DR) == 'e');
}

TEST_CASE("pl011: without FIFOs one character is the whole depth") {
  Uart u;
  u.write(LCR_H, 0x60);
  u.write(IMSC, RX);
  u.serial.type("xy");
  CHECK(u.lines[0].level);
  CHECK((u.read(FR) & RXFF) == RXFF);
  CHECK(u.read(DR) == 'x');
  CHECK(u.read(DR) == 'y');
  CHECK_FALSE(u.lines[0].level);
}

TEST_CASE("pl011: loopback returns data, modem lines and overruns") {
  Uart u;
  u.write(CR, 0x381);
  CHECK((u.read(FR) & 0x107) == 0);
  u.write(CR, 0x381 | 0x3c00);
  CHECK((u.read(FR) & 0x107) == 0x107);
  CHECK((u.read(RIS) & 0xf) == 0xf);
  for (u64 i = 0; i < 17; ++i) u.write(DR, i);
  CHECK(u.serial.output.empty());
  CHECK((u.read(RIS) & OE) == OE);
  for (u64 i = 0; i < 16; ++i) CHECK(u.read(DR) == i);
  u.write(DR, 0x55);
  CHECK(u.read(DR) == (0x55 | 0x800));  // the one after the lost one carries the mark
  CHECK(u.read(RSR) == 8);
  u.write(RSR, 0xffffffff);
  CHECK(u.read(RSR) == 0);
  u.write(LCR_H, 0x71);
  CHECK((u.read(RIS) & BE) == BE);
  CHECK(u.read(DR) == BE << 1);
}

TEST_CASE("pl011: the identification registers are those of r1p1") {
  Uart u;
  const u8 expected[] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
  for (u64 i = 0; i < 8; ++i) CHECK(u.read(0xfe0 + 4 * i) == expected[i]);
}

TEST_CASE("pl011: a snapshot keeps the characters, and loading it raises the line") {
  Uart u;
  u.write(IMSC, RX);
  u.serial.type("12345678");
  const auto data = u.saved();
  Uart other;
  CHECK_FALSE(other.lines[0].level);
  LoadArchive load(data);
  other.device->visit(load);
  REQUIRE(load.status().ok());
  CHECK(other.lines[0].level);
  CHECK(other.read(DR) == '1');
}
