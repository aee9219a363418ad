#include "cpu/exceptions.h"

#include "tests/catch.h"
#include "tests/cpu/pe.h"

using namespace ferry;
using namespace ferry::cpu;

namespace {

ExceptionInfo synchronous(u32 ec, u32 iss) {
  ExceptionInfo e;
  e.ec = ec;
  e.iss = iss;
  return e;
}

void go_to_el0(CpuState& s) {
  s.spsr_el[1] = 0;
  s.elr_el[1] = 0x400000;
  exception_return(s);
}

}  // namespace

TEST_CASE("an SVC from EL0 enters EL1 through the lower-EL vector") {
  Pe pe;
  CpuState& s = pe.s;
  s.reg(SysReg::VBAR_EL1) = 0xffff800000000800;
  s.x[31] = 0x1000;  // SP_EL1
  go_to_el0(s);
  REQUIRE(s.el == 0);
  s.x[31] = 0x7ff0;  // SP_EL0
  s.nzcv = nzcv_from_arch(0x60000000);
  s.pc = 0x400100;
  ExceptionInfo e = synchronous(kEcSvc, 7);
  e.return_to_next = true;
  take_exception(s, e);
  CHECK(s.el == 1);
  CHECK(s.sp_sel == 1);
  CHECK(s.pc == 0xffff800000000c00);
  CHECK(s.elr_el[1] == 0x400104);
  CHECK(s.spsr_el[1] == 0x60000000);
  CHECK(s.reg(SysReg::ESR_EL1) == 0x56000007);
  CHECK(s.daif == 0x3c0);
  CHECK(s.x[31] == 0x1000);
  CHECK(s.sp_el[0] == 0x7ff0);
  CHECK(s.mode.el() == 1);
}

TEST_CASE("aborts carry the class of the level they come from, and FAR") {
  Pe pe;
  CpuState& s = pe.s;
  s.reg(SysReg::VBAR_EL1) = 0x8000;
  s.pc = 0x1234;
  ExceptionInfo e = synchronous(kEcDataAbort, 0x47);
  e.far_valid = true;
  e.far = 0xdead0000;
  SECTION("current EL with SP_ELx") {
    take_exception(s, e);
    CHECK(s.reg(SysReg::ESR_EL1) == 0x96000047);
    CHECK(s.pc == 0x8200);
    CHECK(s.elr_el[1] == 0x1234);
    CHECK(s.spsr_el[1] == 0x3c5);
  }
  SECTION("current EL with SP_EL0") {
    select_sp(s, 1, 0);
    take_exception(s, e);
    CHECK(s.pc == 0x8000);
    CHECK(s.spsr_el[1] == 0x3c4);
  }
  SECTION("lower EL") {
    go_to_el0(s);
    take_exception(s, e);
    CHECK(s.reg(SysReg::ESR_EL1) == 0x92000047);
    CHECK(s.pc == 0x8400);
  }
  CHECK(s.reg(SysReg::FAR_EL1) == 0xdead0000);
}

TEST_CASE("interrupts are masked by their own bits and leave ESR alone") {
  Pe pe;
  CpuState& s = pe.s;
  ExceptionInfo e;
  CHECK_FALSE(pending_interrupt(s, kCpuLineIrq | kCpuLineFiq | kCpuLineSError, e));
  s.daif = 0x140;  // A and F masked
  REQUIRE(pending_interrupt(s, kCpuLineIrq | kCpuLineFiq, e));
  CHECK(e.kind == ExceptionInfo::Kind::Irq);
  s.reg(SysReg::ESR_EL1) = 0x1234;
  s.pc = 0x5000;
  take_exception(s, e);
  CHECK(s.pc == 0x280);
  CHECK(s.elr_el[1] == 0x5000);
  CHECK(s.spsr_el[1] == 0x145);
  CHECK(s.reg(SysReg::ESR_EL1) == 0x1234);
}

TEST_CASE("ERET restores PSTATE, clears the monitor and sets the event register") {
  Pe pe;
  CpuState& s = pe.s;
  s.monitor_size = 8;
  s.spsr_el[1] = 0x900003c4;
  s.elr_el[1] = 0xffff000000001000;
  s.x[31] = 0x111;
  s.sp_el[0] = 0x222;
  exception_return(s);
  CHECK(s.pc == 0xffff000000001000);
  CHECK(nzcv_to_arch(s.nzcv) == 0x90000000);
  CHECK(s.x[31] == 0x222);
  CHECK(s.sp_el[1] == 0x111);
  CHECK(s.monitor_size == 0);
  CHECK(s.event_register == 1);
}

TEST_CASE("illegal returns stay at the exception level and set PSTATE.IL") {
  for (u32 spsr : {0x10u, 0x1fu, 0x1u, 0x6u, 0x9u, 0xcu, 0x2u}) {
    CAPTURE(spsr);
    Pe pe;
    CpuState& s = pe.s;
    s.spsr_el[1] = spsr | 0x40000000;
    s.elr_el[1] = 0x9000;
    exception_return(s);
    CHECK(s.el == 1);
    CHECK(s.sp_sel == 1);
    CHECK(s.il == 1);
    CHECK(s.mode.illegal() == 1);
    CHECK(s.pc == 0x9000);
    CHECK(nzcv_to_arch(s.nzcv) == 0x40000000);
    take_exception(s, synchronous(kEcIllegalState, 0));
    CHECK(s.il == 0);
    CHECK((s.spsr_el[1] & 0x100000) != 0);
  }
}

TEST_CASE("software step: one instruction, then the step exception") {
  Pe pe;
  CpuState& s = pe.s;
  write_sysreg(s, SysReg::OSLAR_EL1, 0);
  write_sysreg(s, SysReg::MDSCR_EL1, 1);
  CHECK(s.mode.single_step() == 0);  // KDE is off: EL1 is not stepped
  s.spsr_el[1] = 1u << 21;
  s.elr_el[1] = 0x400000;
  exception_return(s);
  REQUIRE(s.mode.single_step() == 1);
  CHECK(s.ss == 1);
  ExceptionInfo e;
  CHECK_FALSE(step_exception(s, e));
  SECTION("the instruction completes") {
    step_done(s, 0xd503201f);
    REQUIRE(step_exception(s, e));
    take_exception(s, e);
    CHECK(s.reg(SysReg::ESR_EL1) == 0xcb000022);
    CHECK(bits(s.spsr_el[1], 21, 21) == 0);
  }
  SECTION("a load exclusive shows in EX") {
    step_done(s, 0xc85f7c20);  // ldxr x0, [x1]
    REQUIRE(step_exception(s, e));
    take_exception(s, e);
    CHECK(s.reg(SysReg::ESR_EL1) == 0xcb000062);
  }
  SECTION("it faults: it is stepped again after the handler returns") {
    take_exception(s, synchronous(kEcDataAbort, 4));
    CHECK(bits(s.spsr_el[1], 21, 21) == 1);
    CHECK(s.mode.single_step() == 0);
  }
  SECTION("an SVC completes") {
    ExceptionInfo svc = synchronous(kEcSvc, 0);
    svc.return_to_next = true;
    take_exception(s, svc);
    CHECK(bits(s.spsr_el[1], 21, 21) == 0);
  }
}

TEST_CASE("breakpoints match address, level and context") {
  Pe pe;
  CpuState& s = pe.s;
  write_sysreg(s, SysReg::OSLAR_EL1, 0);
  write_sysreg(s, SysReg::DBGBVR1_EL1, 0xffff800000001000);
  write_sysreg(s, SysReg::DBGBCR1_EL1, 0x1e3);  // EL1, enabled
  write_sysreg(s, SysReg::MDSCR_EL1, 0xa000);   // MDE, KDE
  ExceptionInfo e;
  CHECK(s.mode.breakpoints() == 0);  // PSTATE.D
  write_sysreg(s, SysReg::DAIF, 0);
  CHECK(s.mode.breakpoints() == 1);
  CHECK(breakpoint_exception(s, 0xffff800000001000, e));
  CHECK(e.ec == kEcBreakpoint);
  CHECK_FALSE(breakpoint_exception(s, 0xffff800000001004, e));
  write_sysreg(s, SysReg::DBGBCR1_EL1, 0x1e5);  // EL0 only
  CHECK(s.mode.breakpoints() == 0);
  write_sysreg(s, SysReg::DBGBCR1_EL1, 0x1501e3);  // linked to breakpoint 5
  write_sysreg(s, SysReg::DBGBVR5_EL1, 42);
  write_sysreg(s, SysReg::DBGBCR5_EL1, 0x3001e3);
  CHECK_FALSE(breakpoint_exception(s, 0xffff800000001000, e));
  write_sysreg(s, SysReg::CONTEXTIDR_EL1, 42);
  CHECK(breakpoint_exception(s, 0xffff800000001000, e));
}
