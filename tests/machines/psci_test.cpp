#include "machines/psci.h"

#include "machines/entropy.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::machines;

namespace {

class Host : public PsciHost {
 public:
  unsigned processors() const override { return 2; }
  Power power(unsigned processor) const override { return processor == 0 ? Power::On : second; }
  bool is_memory(u64 address) const override { return address < 0x200000000; }
  bool power_on(unsigned processor, u64 entry, u64 context) override {
    if (power(processor) != Power::Off) return false;
    second = Power::OnPending;
    at = entry;
    with = context;
    return true;
  }
  void power_off_self() override { ++offs; }
  void suspend_self() override { ++suspends; }
  void system_off() override { ++system_offs; }
  void system_reset() override { ++resets; }
  Power second = Power::Off;
  u64 at = 0, with = 0;
  int offs = 0, suspends = 0, system_offs = 0, resets = 0;
};

i64 call(Host& host, u64 function, u64 a = 0, u64 b = 0, u64 c = 0) {
  return static_cast<i64>(firmware_call(host, {function, a, b, c}));
}

}  // namespace

TEST_CASE("PSCI answers as its specification says") {
  Host host;
  CHECK(call(host, 0x84000000) == 0x10001);
  CHECK(call(host, 0x80000000) == 0x10001);
  CHECK(call(host, 0x84000006) == 2);
  CHECK(call(host, 0x8400000a, 0xc4000003) == 0);
  CHECK(call(host, 0x8400000a, 0x80000000) == 0);
  CHECK(call(host, 0x8400000a, 0x8400000f) == -1);
  CHECK(call(host, 0x80000001, 0x80008000) == -1);
  CHECK(call(host, 0x80000001, 0x80000000) == 0);
  CHECK(call(host, 0x80000001, 0x80000001) == 0);
  CHECK(call(host, 0x80000001, 0x84000000) == -1);
  CHECK(call(host, 0x12345678) == -1);
  CHECK(call(host, 0xc4000003, 7, 0x1000, 1) == -2);
  CHECK(call(host, 0xc4000003, 0, 0x1000, 1) == -4);
  CHECK(call(host, 0xc4000004, 1, 0) == 1);
  CHECK(call(host, 0xc4000003, 1, 0x100001000, 5) == 0);
  CHECK(host.at == 0x100001000);
  CHECK(host.with == 5);
  CHECK(call(host, 0xc4000004, 1, 0) == 2);
  CHECK(call(host, 0xc4000003, 1, 0x100001000, 5) == -5);
  host.second = PsciHost::Power::On;
  CHECK(call(host, 0xc4000004, 1, 0) == 0);
  CHECK(call(host, 0xc4000003, 1, 0x100001000, 5) == -4);
  CHECK(call(host, 0xc4000004, 1, 1) == -2);
  CHECK(call(host, 0xc4000004, 2, 0) == -2);
  host.second = PsciHost::Power::Off;
  CHECK(call(host, 0xc4000003, 1, 0x100001002, 5) == -9);
  CHECK(call(host, 0xc4000003, 1, 0x300000000, 5) == -9);
  CHECK(call(host, 0xc4000001, 0) == 0);
  CHECK(call(host, 0xc4000001, 0x10000, 0x1000, 1) == 0);
  CHECK(call(host, 0xc4000001, 0x80000000) == -2);
  CHECK(host.suspends == 2);
  call(host, 0x84000002);
  CHECK(host.offs == 1);
  call(host, 0x84000008);
  call(host, 0x84000009);
  CHECK(host.system_offs == 1);
  CHECK(host.resets == 1);
}

TEST_CASE("32-bit calls take the low halves of registers") {
  Host host;
  CHECK(call(host, 0x84000003, 0xdead00000001, 0xdead00001000, 5) == 0);
  CHECK(host.at == 0x1000);
}

TEST_CASE("a seed decides the entropy") {
  LaunchRecord record;
  record.seed = 3;
  u8 a[20], b[20];
  SeededEntropy(record).fill(a);
  SeededEntropy(record).fill(b);
  CHECK(std::equal(a, a + 20, b));
  record.seed = 4;
  SeededEntropy(record).fill(b);
  CHECK_FALSE(std::equal(a, a + 20, b));
}
