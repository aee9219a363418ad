#include "devices/register_bank.h"

#include "tests/catch.h"

using namespace ferry;
using namespace ferry::devices;

namespace {
struct Sample {
  RegisterBank bank{"sample"};
  Register CTRL{bank,
                {.offset = 0,
                 .name = "CTRL",
                 .reset = 0x10,
                 .fields = {{"EN", 0, 1, Access::kRw},
                            {"MODE", 4, 2, Access::kRw},
                            {"ID", 8, 4, Access::kRo},
                            {"GO", 12, 1, Access::kWo}}}};
  Register STATUS{
      bank,
      {.offset = 4,
       .name = "STATUS",
       .reset = 0xff,
       .fields = {{"FLAGS", 0, 4, Access::kW1c}, {"COUNT", 4, 4, Access::kRc}, {"SETS", 8, 4, Access::kW1s}}}};
  Register WIDE{bank, {.offset = 8, .name = "WIDE", .fields = whole(Access::kRw), .size = 8}};
  Register LIST{bank, {.offset = 0x20, .name = "LIST", .fields = whole(Access::kRw), .count = 3, .stride = 8}};
};
}  // namespace

TEST_CASE("fields follow their access kinds") {
  Sample s;
  u64 gone = 0;
  s.CTRL.on_write([&](const Register::Write& w) { gone = w.written & 0x1000; });
  s.bank.write(0, 4, 0xffffffff);
  CHECK(s.bank.read(0, 4) == 0x31);
  CHECK(gone == 0x1000);
  s.bank.write(4, 4, 0x305);
  CHECK(s.STATUS.get() == 0x3fa);
  CHECK(s.bank.read(4, 4) == 0x3fa);
  CHECK(s.bank.read(4, 4) == 0x30a);
}

TEST_CASE("narrow accesses touch their lanes only, wide ones go on to the next register") {
  Sample s;
  s.bank.write(8, 8, 0x1122334455667788);
  s.bank.write(10, 2, 0xabcd);
  CHECK(s.bank.read(8, 8) == 0x11223344abcd7788);
  CHECK(s.bank.read(12, 4) == 0x11223344);
  CHECK(s.bank.read(15, 1) == 0x11);
  s.bank.write(0, 8, 0x0000000f'00000021);
  CHECK(s.CTRL.get() == 0x21);
  CHECK(s.STATUS.get() == 0xf0);
}

TEST_CASE("arrays have elements and gaps") {
  Sample s;
  s.bank.write(0x28, 4, 7);
  CHECK(s.LIST.get(1) == 7);
  s.bank.write(0x2c, 4, 9);
  CHECK(s.bank.read(0x2c, 4) == 0);
  unsigned index = 0;
  CHECK(s.bank.find(0x30, index) == &s.LIST);
  CHECK(index == 2);
  CHECK(s.bank.find(0x34, index) == nullptr);
  CHECK(s.LIST.element_name(2) == "LIST2");
}

TEST_CASE("unaligned and unknown accesses read zero and change nothing") {
  Sample s;
  s.bank.write(8, 8, ~u64{0});
  CHECK(s.bank.read(9, 2) == 0);
  s.bank.write(9, 4, 0);
  CHECK(s.WIDE.get() == ~u64{0});
  CHECK(s.bank.read(0x1000, 4) == 0);
}
