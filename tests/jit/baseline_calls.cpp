// Calls of helpers from compiled blocks: what they see, what they may change, how they fault; and FPSR between the
// host's flags and memory.
#include "ir/builder.h"
#include "jit/baseline/baseline.h"
#include "machine.h"
#include "tests/catch.h"

namespace ferry::jit::test {
namespace {

using cpu::CpuState;
using cpu::Helper;
using ir::Block;
using ir::Builder;
using ir::Op;
using ir::Type;
using ir::Value;

struct Seen {
  u64 x0, x20, a, b, c;
  u32 nzcv, site;
  u64 v3_lo;
  u32 fpsr;
} seen;

// Stands in for a helper with effect State: notes what it sees, changes a pinned and an unpinned register, flags and a
// vector.
u64 meddle(CpuState& s, u64 a, u64 b, u64 c, u64) {
  seen = {s.x[0], s.x[20], a, b, c, s.nzcv, s.site, s.v[3].lo, s.fpsr};
  s.x[0] = 100;
  s.x[20] = 200;
  s.nzcv = cpu::make_nzcv(true, false, false, true);
  s.v[3].lo = 300;
  volatile double third = 1.0;
  third = third / 3.0;  // raises the host's inexact flag: not the guest's business
  return 0xabcd'0000'1234;
}

u64 fault(CpuState& s, u64, u64, u64, u64) {
  s.x[20] = 77;
  s.fault = 1;
  return 0;
}

struct Fixture {
  std::unique_ptr<Baseline> tier = std::move(*Baseline::create(1 << 20));
  Machine m;
  Block block;
  Builder b{block};

  Fixture() { b.insn(0, 3), block.insn_count = 1; }
  ExitReason run() {
    b.exit_next(16);
    auto code = tier->compile(block, nullptr);
    REQUIRE(code.ok());
    return static_cast<ExitReason>(tier->enter(m.s, code->entry));
  }
};

}  // namespace

TEST_CASE("baseline: a helper with state sees and changes all of it") {
  Fixture f;
  f.m.helpers[static_cast<usize>(Helper::mrs)] = &meddle;
  Builder& b = f.b;
  const Value kept = b.get_x(Type::I64, 0);  // the old value lives on behind the call
  const Value kept20 = b.get_x(Type::I64, 20);
  const Value kept_vector = b.get_v(3);
  b.set_x(0, b.add_imm(kept, 1));
  b.set_x(20, b.add_imm(kept20, 2));
  b.set_nzcv(b.flags(Op::SubNzcv, kept, kept));
  b.set_v(3, b.vec(Op::VAdd, 3, kept_vector, kept_vector));
  const Value r = b.call(static_cast<u32>(Helper::mrs), Type::I64, b.imm64(42), kept20, b.get_x(Type::I64, 1));
  b.set_x(5, r);
  b.set_x(6, kept);
  b.set_x(7, b.get_x(Type::I64, 0));
  b.set_x(8, b.get_x(Type::I64, 20));
  b.set_x(9, kept20);
  b.set_v(4, kept_vector);
  f.m.s.x[0] = 10;
  f.m.s.x[1] = 11;
  f.m.s.x[20] = 20;
  f.m.s.v[3] = {5, 0};
  CHECK(f.run() == ExitReason::Next);
  CHECK(seen.x0 == 11);
  CHECK(seen.x20 == 22);
  CHECK(seen.a == 42);
  CHECK(seen.b == 20);
  CHECK(seen.c == 11);
  CHECK(seen.nzcv == cpu::make_nzcv(false, true, true, false));
  CHECK(cpu::site_index(seen.site) == 3);
  CHECK(seen.v3_lo == 10);
  CpuState& s = f.m.s;
  CHECK(s.x[5] == 0xabcd'0000'1234);
  CHECK(s.x[6] == 10);
  CHECK(s.x[7] == 100);
  CHECK(s.x[8] == 200);
  CHECK(s.x[9] == 20);
  CHECK(s.x[0] == 100);
  CHECK(s.x[20] == 200);
  CHECK(s.nzcv == cpu::make_nzcv(true, false, false, true));
  CHECK(s.v[3].lo == 300);
  CHECK(s.v[4].lo == 5);
  CHECK(s.fpsr == 0);
}

TEST_CASE("baseline: a helper with state that faults leaves what it wrote") {
  Fixture f;
  f.m.helpers[static_cast<usize>(Helper::mrs)] = &fault;
  f.b.set_x(20, f.b.imm64(1));
  f.b.set_x(0, f.b.imm64(2));
  f.b.call(static_cast<u32>(Helper::mrs), Type::I64, f.b.imm64(0), f.b.imm64(0));
  f.b.set_x(0, f.b.imm64(3));
  CHECK(f.run() == ExitReason::Fault);
  CHECK(f.m.s.x[20] == 77);
  CHECK(f.m.s.x[0] == 2);
  CHECK(cpu::site_index(f.m.s.site) == 3);
}

TEST_CASE("baseline: flags of the host's arithmetic are in FPSR for a helper that reads it, once") {
  Fixture f;
  f.m.helpers[static_cast<usize>(Helper::mrs)] = &meddle;
  Builder& b = f.b;
  const Value third = b.binary(Op::FDiv, b.get_f(Type::F64, 0), b.get_f(Type::F64, 1));
  b.set_f(2, third);
  b.call(static_cast<u32>(Helper::mrs), Type::I64, b.imm64(0), b.imm64(0));
  b.store_state(offsetof(CpuState, fpsr), b.imm32(0));
  b.set_f(3, b.binary(Op::FDiv, b.get_f(Type::F64, 0), b.get_f(Type::F64, 4)));
  f.m.s.v[0].lo = 0x3ff0000000000000;  // 1
  f.m.s.v[1].lo = 0x4008000000000000;  // 3
  f.m.s.v[4].lo = 0;
  CHECK(f.run() == ExitReason::Next);
  CHECK(seen.fpsr == 0x10);  // IXC of 1 / 3
  CHECK(f.m.s.fpsr == 0x2);  // DZC of 1 / 0, after FPSR was cleared
  CHECK(f.m.s.v[3].lo == 0x7ff0000000000000);
}

TEST_CASE("baseline: SP alignment is checked in line and faults out of line") {
  Fixture f;
  f.b.set_x(20, f.b.imm64(5));
  f.b.call(static_cast<u32>(Helper::check_sp_alignment), Type::None, f.b.get_x(Type::I64, 31));
  f.b.set_x(21, f.b.imm64(6));
  SECTION("aligned") {
    f.m.s.x[31] = 0x1230;
    CHECK(f.run() == ExitReason::Next);
    CHECK(f.m.s.x[21] == 6);
  }
  SECTION("misaligned") {
    f.m.s.x[31] = 0x1238;
    CHECK(f.run() == ExitReason::Fault);
    CHECK(f.m.s.x[20] == 5);
    CHECK(f.m.s.x[21] == 0);
    CHECK(cpu::site_index(f.m.s.site) == 3);
  }
}

}  // namespace ferry::jit::test
