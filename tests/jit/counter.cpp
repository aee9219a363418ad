// MRS of the system counter inside compiled code: the published clock is read without a call, and the helper is called
// where it must be.
#include "jit/tiers.h"
#if defined(FERRY_HAS_OPTIMIZING) && defined(FERRY_HAS_BASELINE) && defined(__x86_64__)
#include "blocks.h"
#include "cpu/sysregs.h"
#include "jit/baseline/baseline.h"
#include "jit/load_optimizing.h"

namespace ferry::jit::test {
namespace {

using cpu::CpuState;
using cpu::SysReg;
using ir::Builder;

u64 calls = 0;
bool refuse = false;

// Stands in for the helper mrs.
u64 count_call(CpuState& s, u64 reg, u64 iss, u64, u64) {
  ++calls;
  CHECK(iss == 0x123456);
  if (refuse) s.fault = 1;
  return 0x7000'0000'0000 + reg;
}

constexpr u64 kNow = 5'000'000'000;

struct Fixture {
  std::unique_ptr<jit::Tier> tier;
  Machine m;
  TimeScale scale;
  cpu::Mode mode;

  Fixture() {
    if (GENERATE(true, false)) {
      tier = std::move(*Baseline::create(1 << 20));
    } else {
      auto made = make_optimizing(1 << 20, 2);
      REQUIRE(made.ok());
      tier = std::move(*made);
    }
    calls = 0;
    refuse = false;
    m.helpers[static_cast<usize>(cpu::Helper::mrs)] = &count_call;
    scale.ticks = host_ticks();
    scale.ns = kNow;
    scale.rate = u64{1} << 26;  // 1/64 ns: no run takes so long that a product overflows
    scale.span = u64{1} << 38;
    m.s.time_scale = &scale;
    m.s.counter_shift = 4;
    mode.set_el(1);
  }
  // x5 = the register; x0, x20, x21, v3 and the flags live through it.
  ExitReason run(SysReg reg) {
    Block block;
    Builder b(block);
    block.mode = mode.value;
    block.insn_count = 1;
    b.insn(0, 3);
    const auto x0 = b.get_x(Type::I64, 0), x20 = b.get_x(Type::I64, 20);
    const auto v3 = b.get_v(3);
    b.set_nzcv(b.flags(Op::SubNzcv, x0, x20));
    b.set_x(21, b.add_imm(x20, 1));
    b.set_x(5,
            b.call(static_cast<u32>(cpu::Helper::mrs), Type::I64, b.imm64(static_cast<u64>(reg)), b.imm64(0x123456)));
    b.set_x(6, b.add_imm(x0, 1));
    b.set_x(7, x20);
    b.set_v(4, b.vec(Op::VAdd, 3, v3, v3));
    b.exit_next(16);
    m.s.x[0] = 10;
    m.s.x[20] = 20;
    m.s.v[3] = {21, 0};
    m.s.mode = mode;
    m.s.fault = 0;
    auto code = tier->compile(block, nullptr);
    REQUIRE(code.ok());
    const auto reason = static_cast<ExitReason>(tier->enter(m.s, code->entry));
    CHECK(m.s.x[0] == 10);
    CHECK(m.s.x[21] == 21);
    CHECK(m.s.nzcv == cpu::make_nzcv(true, false, false, false));
    if (reason == ExitReason::Fault) return reason;
    CHECK(m.s.x[6] == 11);
    CHECK(m.s.x[7] == 20);
    CHECK(m.s.v[4].lo == 42);
    return reason;
  }
  // What the clock has gone on since the fixture was made.
  u64 passed() const { return (host_ticks() - scale.ticks) >> 6; }
  void is_inline(SysReg reg, u64 offset = 0) {
    const u64 before = passed();
    CHECK(run(reg) == ExitReason::Next);
    const u64 after = passed();
    CHECK(calls == 0);
    CHECK(m.s.x[5] + offset >= (kNow + before) >> 4);
    CHECK(m.s.x[5] + offset <= (kNow + after) >> 4);
  }
  void is_called(SysReg reg) {
    calls = 0;
    CHECK(run(reg) == ExitReason::Next);
    CHECK(calls == 1);
    CHECK(m.s.x[5] == 0x7000'0000'0000 + static_cast<u64>(reg));
  }
};

}  // namespace

TEST_CASE("counter: the published clock, less the virtual offset") {
  Fixture f;
  f.m.s.reg(SysReg::CNTVOFF_EL2) = 1000;
  f.is_inline(SysReg::CNTPCT_EL0);
  f.is_inline(SysReg::CNTPCTSS_EL0);
  f.is_inline(SysReg::CNTVCT_EL0, 1000);
  f.is_inline(SysReg::CNTVCTSS_EL0, 1000);
}

TEST_CASE("counter: by a call where nothing is published, it is being changed, or has run out") {
  Fixture f;
  f.is_called(SysReg::CNTFRQ_EL0);  // no counter at all
  f.scale.span = 0;
  f.is_called(SysReg::CNTVCT_EL0);
  f.scale.span = u64{1} << 38;
  f.scale.ticks = host_ticks() + (u64{1} << 41);  // a counter that went back
  f.is_called(SysReg::CNTVCT_EL0);
  f.scale.ticks = host_ticks();
  f.scale.sequence = 3;
  f.is_called(SysReg::CNTPCT_EL0);
  f.scale.sequence = 4;
  f.m.s.time_scale = nullptr;
  f.is_called(SysReg::CNTVCT_EL0);
}

TEST_CASE("counter: virtual time always asks") {
  Fixture f;
  f.mode.set_virtual_time(1);
  f.is_called(SysReg::CNTVCT_EL0);
}

TEST_CASE("counter: EL0 by its call while CNTKCTL_EL1 traps it, which may fault") {
  Fixture f;
  f.mode.set_el(0);
  u64& control = f.m.s.reg(SysReg::CNTKCTL_EL1);
  control = 0x3fc;
  f.is_called(SysReg::CNTVCT_EL0);
  f.is_called(SysReg::CNTPCT_EL0);
  control = 1;  // EL0PCTEN
  f.is_called(SysReg::CNTVCT_EL0);
  calls = 0;
  f.is_inline(SysReg::CNTPCT_EL0);
  control = 2;  // EL0VCTEN
  f.is_called(SysReg::CNTPCT_EL0);
  calls = 0;
  f.is_inline(SysReg::CNTVCT_EL0);
  control = 0;
  refuse = true;
  CHECK(f.run(SysReg::CNTVCT_EL0) == ExitReason::Fault);
  CHECK(cpu::site_index(f.m.s.site) == 3);
}

TEST_CASE("attention: such an exit leaves when the budget or the attention word is negative") {
  Fixture f;
  const auto run = [&](i32 budget, i32 attention) {
    Block block;
    Builder b(block);
    block.mode = f.mode.value;
    block.insn_count = 1;
    b.insn(0, 3);
    b.set_x(0, b.add_imm(b.get_x(Type::I64, 0), 1));
    b.exit_attentive(16);
    f.m.s.x[0] = 1;
    f.m.s.mode = f.mode;
    f.m.s.budget = budget;
    f.m.s.attention = attention;
    auto code = f.tier->compile(block, nullptr);
    REQUIRE(code.ok());
    const auto reason = static_cast<ExitReason>(f.tier->enter(f.m.s, code->entry));
    CHECK(f.m.s.x[0] == 2);
    CHECK(f.m.s.pc == kBase + 16);
    return reason;
  };
  CHECK(run(5, 0) == ExitReason::Next);
  CHECK(run(-1, 0) == ExitReason::Context);
  CHECK(run(5, -1) == ExitReason::Context);
}

}  // namespace ferry::jit::test
#endif
