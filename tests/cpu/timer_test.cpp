#include "cpu/timer.h"

#include "cpu/pmu.h"
#include "tests/catch.h"
#include "tests/cpu/pe.h"

using namespace ferry;
using namespace ferry::cpu;

TEST_CASE("a timer's level is enable, not masked, and the counter at its compare value") {
  Pe pe;
  CpuState& s = pe.s;
  write_sysreg(s, SysReg::CNTV_CVAL_EL0, 1000);
  write_sysreg(s, SysReg::CNTV_CTL_EL0, 1);
  CHECK(pe.env.timer_changes == 2);
  TimerState t = evaluate_timers(s, 999);
  CHECK_FALSE(t.virtual_);
  CHECK(t.next_deadline == 1000);
  t = evaluate_timers(s, 1000);
  CHECK(t.virtual_);
  CHECK_FALSE(t.physical);
  CHECK(t.next_deadline == kNoDeadline);
  pe.env.time = 1000;
  CHECK(read_sysreg(s, SysReg::CNTV_CTL_EL0) == 5);
  CHECK(pe.env.timer_changes == 3);  // what was read is true of the interrupt, too
  write_sysreg(s, SysReg::CNTV_CTL_EL0, 3);
  CHECK_FALSE(evaluate_timers(s, 2000).virtual_);
  CHECK(read_sysreg(s, SysReg::CNTV_CTL_EL0) == 7);
  CHECK(pe.env.timer_changes == 4);
  write_sysreg(s, SysReg::CNTV_CTL_EL0, 0);
  CHECK_FALSE(evaluate_timers(s, 2000).virtual_);
  CHECK(evaluate_timers(s, 10).next_deadline == kNoDeadline);
}

TEST_CASE("the earlier of two timers is the deadline, and the virtual offset counts") {
  Pe pe;
  CpuState& s = pe.s;
  s.reg(SysReg::CNTVOFF_EL2) = 100;
  write_sysreg(s, SysReg::CNTP_CVAL_EL0, 5000);
  write_sysreg(s, SysReg::CNTP_CTL_EL0, 1);
  write_sysreg(s, SysReg::CNTV_CVAL_EL0, 1000);
  write_sysreg(s, SysReg::CNTV_CTL_EL0, 1);
  CHECK(evaluate_timers(s, 500).next_deadline == 1100);
  CHECK_FALSE(evaluate_timers(s, 1099).virtual_);
  CHECK(evaluate_timers(s, 1100).virtual_);
  CHECK(evaluate_timers(s, 1100).next_deadline == 5000);
}

TEST_CASE("TVAL is a signed view of CVAL") {
  Pe pe;
  CpuState& s = pe.s;
  pe.env.time = 10000;
  write_sysreg(s, SysReg::CNTP_TVAL_EL0, 50);
  CHECK(read_sysreg(s, SysReg::CNTP_CVAL_EL0) == 10050);
  pe.env.time = 10060;
  CHECK(read_sysreg(s, SysReg::CNTP_TVAL_EL0) == 0xfffffff6);
  write_sysreg(s, SysReg::CNTP_TVAL_EL0, 0xffffffff);
  CHECK(read_sysreg(s, SysReg::CNTP_CVAL_EL0) == 10059);
}

TEST_CASE("a compare value far away never rings early") {
  Pe pe;
  write_sysreg(pe.s, SysReg::CNTP_CVAL_EL0, ~u64{0});
  write_sysreg(pe.s, SysReg::CNTP_CTL_EL0, 1);
  CHECK_FALSE(evaluate_timers(pe.s, 1ull << 60).physical);
  CHECK(evaluate_timers(pe.s, 1ull << 60).next_deadline == ~u64{0});
  CHECK(ns_of_counter(~u64{0}, 62'500'000) == ~u64{0});
}

TEST_CASE("nanoseconds and counter values round so that a deadline is never early") {
  for (u64 frequency : {62'500'000ull, 19'200'000ull, 24'000'000ull, 1'000'000'000ull, 100'000ull})
    for (u64 count = 0; count < 2000; ++count) {
      const u64 c = count * 104729;
      const u64 ns = ns_of_counter(c, frequency);
      REQUIRE(counter_of_ns(ns, frequency) >= c);
      if (ns > 0) REQUIRE(counter_of_ns(ns - 1, frequency) < c);
    }
}

TEST_CASE("the cycle counter runs only while it is enabled") {
  Pe pe;
  CpuState& s = pe.s;
  pe.env.retired = 100;
  CHECK(read_sysreg(s, SysReg::PMCCNTR_EL0) == 0);
  write_sysreg(s, SysReg::PMCNTENSET_EL0, 0x80000000);
  write_sysreg(s, SysReg::PMCR_EL0, 0x41);  // E, LC
  pe.env.retired = 150;
  CHECK(read_sysreg(s, SysReg::PMCCNTR_EL0) == 50);
  write_sysreg(s, SysReg::PMCR_EL0, 0x40);
  pe.env.retired = 1000;
  CHECK(read_sysreg(s, SysReg::PMCCNTR_EL0) == 50);
  write_sysreg(s, SysReg::PMCR_EL0, 0x45);  // C: reset
  CHECK(read_sysreg(s, SysReg::PMCCNTR_EL0) == 0);
  CHECK((read_sysreg(s, SysReg::PMCR_EL0) & 7) == 1);  // C and P read as zero
  CHECK(bits(read_sysreg(s, SysReg::PMCR_EL0), 15, 11) == 6);
}

TEST_CASE("event counters count instructions, cycles and software increments, and overflow at 32 bits") {
  Pe pe;
  CpuState& s = pe.s;
  write_sysreg(s, SysReg::PMCNTENSET_EL0, 0x3f);
  write_sysreg(s, SysReg::PMEVTYPER0_EL0, 0x08);
  write_sysreg(s, SysReg::PMEVTYPER1_EL0, 0x11);
  write_sysreg(s, SysReg::PMEVTYPER2_EL0, 0x00);
  write_sysreg(s, SysReg::PMEVTYPER3_EL0, 0x10);  // branch mispredictions: never
  write_sysreg(s, SysReg::PMSELR_EL0, 1);
  write_sysreg(s, SysReg::PMXEVCNTR_EL0, 0xfffffff0);
  write_sysreg(s, SysReg::PMCR_EL0, 1);
  pe.env.retired = 0x20;
  write_sysreg(s, SysReg::PMSWINC_EL0, 0xf);
  CHECK(read_sysreg(s, SysReg::PMEVCNTR0_EL0) == 0x20);
  CHECK(read_sysreg(s, SysReg::PMXEVCNTR_EL0) == 0x10);
  CHECK(read_sysreg(s, SysReg::PMEVCNTR2_EL0) == 1);
  CHECK(read_sysreg(s, SysReg::PMEVCNTR3_EL0) == 0);
  CHECK(read_sysreg(s, SysReg::PMOVSCLR_EL0) == 2);
  CHECK_FALSE(pmu_interrupt(s));
  write_sysreg(s, SysReg::PMINTENSET_EL1, 2);
  CHECK(pmu_interrupt(s));
  write_sysreg(s, SysReg::PMOVSCLR_EL0, 2);
  CHECK_FALSE(pmu_interrupt(s));
  CHECK(read_sysreg(s, SysReg::PMOVSSET_EL0) == 0);
}

TEST_CASE("the next overflow interrupt is known beforehand, also of a chained and of a divided counter") {
  Pe pe;
  CpuState& s = pe.s;
  write_sysreg(s, SysReg::PMEVTYPER0_EL0, 0x11);
  write_sysreg(s, SysReg::PMEVTYPER1_EL0, 0x1e);  // CHAIN
  write_sysreg(s, SysReg::PMEVCNTR0_EL0, 0xffffff00);
  write_sysreg(s, SysReg::PMEVCNTR1_EL0, 0xfffffffe);
  write_sysreg(s, SysReg::PMCNTENSET_EL0, 3);
  write_sysreg(s, SysReg::PMCR_EL0, 1);
  CHECK(pmu_cycles_to_interrupt(s) == kNoPmuInterrupt);
  write_sysreg(s, SysReg::PMINTENSET_EL1, 1);
  CHECK(pmu_cycles_to_interrupt(s) == 0x100);
  write_sysreg(s, SysReg::PMINTENCLR_EL1, 1);
  write_sysreg(s, SysReg::PMINTENSET_EL1, 2);
  CHECK(pmu_cycles_to_interrupt(s) == 0x1'0000'0100);
  pe.env.retired = 0x1'0000'00ff;
  pmu_sync(s);
  CHECK(read_sysreg(s, SysReg::PMEVCNTR1_EL0) == 0xffffffff);
  CHECK(pmu_cycles_to_interrupt(s) == 1);
  CHECK_FALSE(pmu_interrupt(s));
  pe.env.retired += 1;
  pmu_sync(s);
  CHECK(pmu_interrupt(s));
  CHECK(read_sysreg(s, SysReg::PMEVCNTR1_EL0) == 0);
  CHECK(pmu_cycles_to_interrupt(s) == kNoPmuInterrupt);  // it is raised already
  // PMCR.D: every 64th cycle
  write_sysreg(s, SysReg::PMCNTENCLR_EL0, 3);
  write_sysreg(s, SysReg::PMINTENCLR_EL1, 2);
  write_sysreg(s, SysReg::PMCR_EL0, 9);
  write_sysreg(s, SysReg::PMCCNTR_EL0, 0xfffffffe);
  write_sysreg(s, SysReg::PMCNTENSET_EL0, 1u << 31);
  write_sysreg(s, SysReg::PMINTENSET_EL1, 1u << 31);
  const u64 left = pmu_cycles_to_interrupt(s);
  CHECK(left == 128 - pe.env.retired % 64);
  pe.env.retired += left - 1;
  CHECK(read_sysreg(s, SysReg::PMCCNTR_EL0) == 0xffffffff);
  CHECK_FALSE(pmu_interrupt(s));
  pe.env.retired += 1;
  pmu_sync(s);
  CHECK(pmu_interrupt(s));
}

// PMCEID0 and PMCEID1 say what occurs, no more and no less; software may also ask for events they do not name.
TEST_CASE("exactly the events that the identification registers name are counted") {
  for (const char* name : {"cortex-a57", "max"}) {
    for (u32 event = 0; event < 64; ++event) {
      CAPTURE(name, event);
      Pe pe(name);
      CpuState& s = pe.s;
      write_sysreg(s, SysReg::PMEVTYPER0_EL0, 0x11);
      write_sysreg(s, SysReg::PMEVCNTR0_EL0, 0xffffffff);
      write_sysreg(s, SysReg::PMEVTYPER1_EL0, event);
      write_sysreg(s, SysReg::PMCNTENSET_EL0, 3);
      write_sysreg(s, SysReg::PMCR_EL0, 1);
      pe.env.retired = 1000;  // counter 0 overflows on the way
      write_sysreg(s, SysReg::PMSWINC_EL0, 2);
      const u64 ids = read_sysreg(s, event < 32 ? SysReg::PMCEID0_EL0 : SysReg::PMCEID1_EL0);
      CHECK(bit(ids, event % 32) == (read_sysreg(s, SysReg::PMEVCNTR1_EL0) != 0));
    }
  }
}

TEST_CASE("a filtered counter stands still at the filtered level") {
  Pe pe;
  CpuState& s = pe.s;
  write_sysreg(s, SysReg::PMCNTENSET_EL0, 1);
  write_sysreg(s, SysReg::PMEVTYPER0_EL0, 0x80000008);  // P: not at EL1
  write_sysreg(s, SysReg::PMCR_EL0, 1);
  pe.env.retired = 100;
  CHECK(read_sysreg(s, SysReg::PMEVCNTR0_EL0) == 0);
  s.spsr_el[1] = 0;
  exception_return(s);
  pe.env.retired = 130;
  take_exception(s, {});
  pe.env.retired = 200;
  CHECK(read_sysreg(s, SysReg::PMEVCNTR0_EL0) == 30);
}
