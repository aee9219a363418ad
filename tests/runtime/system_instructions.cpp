// Every system-register encoding at every exception level, and the meaning of the system instructions, through the
// translator and the interpreter.
#include <fstream>
#include <map>
#include <sstream>

#include "frontend/translate.h"
#include "ir/verify.h"
#include "jit/interpreter/interpreter.h"
#include "tests/catch.h"
#include "tests/cpu/pe.h"

using namespace ferry;
using namespace ferry::cpu;
using jit::ExitReason;

namespace {

constexpr u64 kPage = 0x40000000;

u32 mrs(u32 key, unsigned rt) { return 0xd5200000 | (key & 0xffff) << 5 | rt; }
u32 msr(u32 key, unsigned rt) { return 0xd5000000 | (key & 0xffff) << 5 | rt; }

// A PE that runs one instruction at a time by the interpreter.
struct Machine : Pe {
  jit::Interpreter interpreter;
  ir::Block block;

  explicit Machine(unsigned el = 1, std::string_view model = "cortex-a57") : Pe(model, el) {}

  ExitReason run(u32 word) {
    const u32 words[] = {word, 0xd503201f};
    s.pc_page = s.pc = kPage;
    frontend::translate(block, words, 0, s.mode, 1);
    const std::string wrong = ir::verify(block);
    if (!wrong.empty()) FAIL(wrong);
    const ExitReason reason = interpreter.run(s, block);
    s.fault = 0;
    return reason;
  }
  static bool is_exception(ExitReason r) { return r == ExitReason::Fault || r == ExitReason::Exception; }
};

struct Access {
  bool read = false, write = false;
};
struct Expected {
  std::string name;
  Access el1, el0, el0_trap;
};

std::map<u32, Expected> read_expected() {
  std::map<u32, Expected> all;
  std::ifstream file(FERRY_SYSREG_ACCESS);
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::string key, el1, el0, name;
    std::istringstream(line) >> key >> el1 >> el0 >> name;
    unsigned op0 = 0, op1 = 0, crn = 0, crm = 0, op2 = 0;
    char separator = 0;
    std::istringstream(key) >> op0 >> separator >> op1 >> separator >> crn >> separator >> crm >> separator >> op2;
    const auto has = [](const std::string& text, char c) { return text.find(c) != std::string::npos; };
    all[sysreg_key(op0, op1, crn, crm, op2)] = {
        name, {has(el1, 'r'), has(el1, 'w')}, {has(el0, 'r'), has(el0, 'w')}, {has(el0, 'R'), has(el0, 'W')}};
  }
  return all;
}

enum class Outcome { Allowed, Trapped, Undefined };
Outcome outcome_of(Machine& m, u32 word) {
  if (!Machine::is_exception(m.run(word))) return Outcome::Allowed;
  if (m.s.exception.ec == kEcUnknown) return Outcome::Undefined;
  CHECK(m.s.exception.ec == kEcSysReg);
  return Outcome::Trapped;
}

Outcome expected_outcome(const std::map<u32, Expected>& all, u32 key, unsigned el, bool read) {
  const auto it = all.find(key);
  if (it == all.end()) return el == 1 && read && is_reserved_id(key) ? Outcome::Allowed : Outcome::Undefined;
  const Expected& e = it->second;
  const auto pick = [read](const Access& a) { return read ? a.read : a.write; };
  if (el == 1) return pick(e.el1) ? Outcome::Allowed : Outcome::Undefined;
  return pick(e.el0) ? Outcome::Allowed : pick(e.el0_trap) ? Outcome::Trapped : Outcome::Undefined;
}

void enable_fp(Machine& m) {
  m.s.reg(SysReg::CPACR_EL1) = 3u << 20;
  update_mode(m.s);
}

}  // namespace

TEST_CASE("every MRS and MSR encoding at EL1 and EL0 does what the list says") {
  const auto all = read_expected();
  REQUIRE(all.size() > 150);
  for (unsigned el = 0; el <= 1; ++el) {
    Machine m(el);
    enable_fp(m);
    for (u32 key = 0x8000; key < 0x10000; ++key) {
      for (bool read : {true, false}) {
        m.s.fpcr = 0;
        if (m.s.sp_sel == 0 && el == 1) select_sp(m.s, 1, 1);
        m.s.x[3] = 1;
        update_mode(m.s);
        const u32 word = read ? mrs(key, 3) : msr(key, 3);
        const Outcome got = outcome_of(m, word);
        const Outcome want = expected_outcome(all, key, el, read);
        if (got != want) {
          const SysRegInfo* r = find_sysreg(key);
          CAPTURE(el, read, key, r == nullptr ? std::string_view("?") : r->name);
          CHECK(static_cast<int>(got) == static_cast<int>(want));
        }
        if (got == Outcome::Trapped) CHECK(m.s.exception.iss == sysreg_iss(key, 3, read));
        if (!read && el == 1) {  // what was written must not spoil the rest of the sweep
          reset(m.s, **find_model("cortex-a57"), 0, el);
          enable_fp(m);
        }
      }
    }
  }
}

TEST_CASE("every word of the system space leaves a consistent PE at every level") {
  for (unsigned el = 0; el <= 3; ++el) {
    Machine m(el);
    for (u32 low = 0; low < (1u << 17); ++low) {
      const u32 word = 0xd5000000 | low << 5 | 2;
      if ((word & ~31u) == 0xd50b7420) continue;  // DC ZVA needs a memory
      m.s.x[2] = 0x123456789abcdef0;
      const ExitReason reason = m.run(word);
      // A block that is left by a link needs no new Mode: nothing that Mode holds may have changed.
      const Mode before = m.s.mode;
      if (reason == ExitReason::Next) {
        update_mode(m.s);
        if (m.s.mode.value != before.value) {
          CAPTURE(el, word);
          CHECK(m.s.mode.value == before.value);
        }
      }
      if (!Machine::is_exception(reason)) reset(m.s, **find_model("cortex-a57"), 0, el);
      if (m.s.el != el) FAIL("a system instruction changed the exception level");
    }
  }
}

TEST_CASE("FP control registers trap while FP is off") {
  for (u32 key : {sysreg_key(3, 3, 4, 4, 0), sysreg_key(3, 3, 4, 4, 1)}) {
    Machine m;
    REQUIRE(m.run(mrs(key, 1)) == ExitReason::Exception);
    CHECK(m.s.exception.ec == kEcFpTrap);
    CHECK(m.s.exception.iss == 0x1e00000);
  }
}

TEST_CASE("PSTATE by name") {
  Machine m;
  m.s.x[1] = 0xa0000000;
  m.run(0xd51b4201);  // msr nzcv, x1
  CHECK(nzcv_to_arch(m.s.nzcv) == 0xa0000000);
  m.run(0xd53b4202);  // mrs x2, nzcv
  CHECK(m.s.x[2] == 0xa0000000);
  m.run(0xd5384243);  // mrs x3, currentel
  CHECK(m.s.x[3] == 4);
  m.run(0xd5384204);  // mrs x4, spsel
  CHECK(m.s.x[4] == 1);
  CHECK(m.run(0xd50347ff) == ExitReason::Context);  // msr daifclr, #7
  CHECK(m.s.daif == 0x200);
  CHECK(m.run(0xd50342df) == ExitReason::Next);  // msr daifset, #2
  CHECK(m.s.daif == 0x280);
  m.run(0xd53b4225);  // mrs x5, daif
  CHECK(m.s.x[5] == 0x280);
  m.s.x[6] = 0xffff;
  CHECK(m.run(0xd51b4226) == ExitReason::Context);  // msr daif, x6
  CHECK(m.s.daif == 0x3c0);
  m.s.mode.set_virtual_time(1);                   // always by the dispatcher
  CHECK(m.run(0xd50342ff) == ExitReason::Yield);  // msr daifclr, #2
  CHECK(m.s.daif == 0x340);
  CHECK(m.run(0xd51b4226) == ExitReason::Yield);
  CHECK(m.s.daif == 0x3c0);
  CHECK(m.run(0xd5033fdf) == ExitReason::Context);  // isb
}

TEST_CASE("stack pointers by name and by selection") {
  Machine m;
  m.s.x[31] = 0x1000;
  m.s.x[1] = 0x2000;
  m.run(0xd5184101);                                // msr sp_el0, x1
  CHECK(m.run(0xd50040bf) == ExitReason::Context);  // msr spsel, #0
  CHECK(m.s.x[31] == 0x2000);
  CHECK(m.s.mode.sp_sel() == 0);
  CHECK(m.run(0xd5384102) == ExitReason::Exception);  // mrs x2, sp_el0 while it is SP
  CHECK(m.s.exception.ec == kEcUnknown);
  m.run(0xd50041bf);  // msr spsel, #1
  CHECK(m.s.x[31] == 0x1000);
  m.run(0xd5384102);
  CHECK(m.s.x[2] == 0x2000);
}

TEST_CASE("exception generation") {
  Machine m;
  CHECK(m.run(0xd4000021) == ExitReason::Exception);  // svc #1
  CHECK(m.s.exception.ec == kEcSvc);
  CHECK(m.s.exception.iss == 1);
  CHECK(m.s.exception.return_to_next);
  CHECK(m.run(0xd4207d00) == ExitReason::Exception);  // brk #1000
  CHECK(m.s.exception.ec == kEcBrk);
  CHECK(m.s.exception.iss == 1000);
  CHECK_FALSE(m.s.exception.return_to_next);
  for (u32 word : {0xd4000002u, 0xd4000003u, 0xd4400000u, 0xd45e0000u, 0xd4a00001u, 0xd4a00002u, 0xd4a00003u,
                   0xd6bf03e0u, 0xd4000000u}) {
    CAPTURE(word);  // hvc, smc, hlt, hlt #0xf000, dcps1..3, drps, unallocated
    CHECK(Machine::is_exception(m.run(word)));
    CHECK(m.s.exception.ec == kEcUnknown);
  }
  m.env.firmware = true;
  CHECK(m.run(0xd4000002) == ExitReason::Context);
  CHECK(m.s.pc == kPage + 4);
  Machine user(0);
  user.env.firmware = true;
  CHECK(user.run(0xd4000002) == ExitReason::Exception);
  CHECK(user.run(0xd69f03e0) == ExitReason::Exception);
  m.s.spsr_el[1] = 0x3c4;
  m.s.elr_el[1] = 0x1234;
  CHECK(m.run(0xd69f03e0) == ExitReason::Context);
  CHECK(m.s.pc == 0x1234);
}

TEST_CASE("hints and barriers") {
  Machine m;
  CHECK(m.run(0xd503207f) == ExitReason::Wfi);
  CHECK(m.run(0xd503205f) == ExitReason::Wfe);
  CHECK(m.run(0xd50320bf) == ExitReason::Next);  // sevl
  CHECK(m.s.event_register == 1);
  for (u32 word : {0xd503201fu, 0xd503203fu, 0xd503233fu, 0xd503241fu, 0xd503229fu, 0xd503349fu, 0xd5033bbfu,
                   0xd5033f9fu, 0xd50332bfu}) {
    CAPTURE(word);  // nop, yield, paciasp, bti, csdb, ssbb, dmb ish, dsb sy, dmb oshst
    CHECK(m.run(word) == ExitReason::Next);
  }
  CHECK(m.run(0xd5033fdf) == ExitReason::Context);  // isb
  m.s.monitor_size = 4;
  m.run(0xd5033f5f);  // clrex
  CHECK(m.s.monitor_size == 0);
  Machine user(0);
  update_mode(user.s);
  write_sysreg(user.s, SysReg::SCTLR_EL1, 0);
  CHECK(user.run(0xd503207f) == ExitReason::Wfi);  // trapped by the vCPU, when it would wait
  CHECK(user.run(0xd503205f) == ExitReason::Wfe);
}

TEST_CASE("maintenance from EL0 needs SCTLR's leave") {
  Machine m(0);
  // dc zva is not here: without a memory it cannot run
  const u32 words[] = {0xd50b7521, 0xd50b7a21, 0xd50b7b21, 0xd50b7e21};  // ic ivau, dc cvac, cvau, civac
  for (u32 word : words) {
    CHECK(m.run(word) == ExitReason::Exception);
    CHECK(m.s.exception.ec == kEcSysReg);
    CHECK(m.s.exception.iss == sysreg_iss((word >> 5) & 0x3fff, 1, false) + (1u << 20));
  }
  CHECK(m.run(0xd50b7421) == ExitReason::Exception);  // dc zva
  CHECK(m.s.exception.iss == 0x12dc28);
  write_sysreg(m.s, SysReg::SCTLR_EL1, 1u << 26);
  for (u32 word : words) CHECK(m.run(word) == ExitReason::Next);
  for (u32 word : {0xd5087621u, 0xd508871fu, 0xd5087801u, 0xd508751fu}) {  // dc ivac, tlbi vmalle1, at s1e1r, ic iallu
    CHECK(m.run(word) == ExitReason::Exception);
    CHECK(m.s.exception.ec == kEcUnknown);
  }
  Machine kernel;
  for (u32 word : {0xd5087621u, 0xd508871fu, 0xd508751fu}) CHECK(kernel.run(word) == ExitReason::Next);
  kernel.s.x[1] = 0x5000;
  kernel.run(0xd5087821);  // at s1e1w, x1
  CHECK(kernel.s.reg(SysReg::PAR_EL1) == 0x5001);
}

TEST_CASE("in the Illegal Execution state every instruction raises it") {
  Machine m;
  m.s.spsr_el[1] = 0x10;
  exception_return(m.s);
  CHECK(m.run(0xd503201f) == ExitReason::Exception);
  CHECK(m.s.exception.ec == kEcIllegalState);
}
