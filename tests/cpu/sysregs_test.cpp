#include "cpu/sysregs.h"

#include "tests/catch.h"
#include "tests/cpu/pe.h"

using namespace ferry;
using namespace ferry::cpu;

TEST_CASE("every encoding finds its own row and no other") {
  usize found = 0;
  for (u32 key = 0; key < 0x10000; ++key) {
    const SysRegInfo* r = find_sysreg(key);
    if (r == nullptr) continue;
    CHECK(r->key == key);
    ++found;
  }
  CHECK(found == sysregs().size());
}

TEST_CASE("reset gives every stored register the value of its row, and again after writes") {
  Pe pe;
  for (const SysRegInfo& r : sysregs())
    if (r.write_el <= 3 && r.kind != SysRegKind::Gic) write_sysreg(pe.s, r.reg, ~u64{0});
  reset(pe.s, **find_model("cortex-a57"), 0, 1);
  const Pe fresh;
  for (const SysRegInfo& r : sysregs()) {
    CAPTURE(r.name);
    CHECK(pe.s.reg(r.reg) == fresh.s.reg(r.reg));
    if (r.kind == SysRegKind::Stored) CHECK(pe.s.reg(r.reg) == r.reset);
  }
  CHECK(pe.s.mode == fresh.s.mode);
}

TEST_CASE("stored registers keep exactly their writable bits") {
  for (const SysRegInfo& r : sysregs()) {
    if (r.kind != SysRegKind::Stored) continue;
    CAPTURE(r.name);
    Pe pe;
    write_sysreg(pe.s, r.reg, ~u64{0});
    CHECK(read_sysreg(pe.s, r.reg) == (r.reset | r.writable));
    write_sysreg(pe.s, r.reg, 0);
    CHECK(read_sysreg(pe.s, r.reg) == (r.reset & ~r.writable));
  }
}

TEST_CASE("the models show their identity and nothing that is absent") {
  struct Expected {
    const char* name;
    u64 midr;
  };
  for (const Expected& e :
       {Expected{"cortex-a53", 0x410fd034}, Expected{"cortex-a57", 0x411fd070}, Expected{"cortex-a72", 0x410fd083}}) {
    Pe pe(e.name);
    CHECK(pe.s.reg(SysReg::MIDR_EL1) == e.midr);
    const u64 pfr0 = pe.s.reg(SysReg::ID_AA64PFR0_EL1);
    CHECK(bits(pfr0, 7, 0) == 0x11);  // AArch64 only
    CHECK(bits(pfr0, 15, 8) == 0);    // no EL2, EL3
    CHECK(pe.s.reg(SysReg::ID_ISAR0_EL1) == 0);
  }
  CHECK_FALSE(find_model("cortex-a9").ok());
}

TEST_CASE("trapped accesses carry the encoding") {
  // mrs x5, cntvct_el0: op0 3, op1 3, CRn 14, CRm 0, op2 2
  CHECK(sysreg_iss(sysreg_key(3, 3, 14, 0, 2), 5, true) ==
        (3u << 20 | 2u << 17 | 3u << 14 | 14u << 10 | 5u << 5 | 0u << 1 | 1u));
  Pe pe("cortex-a57", 0);
  pe.call(Helper::mrs, static_cast<u64>(SysReg::CNTVCT_EL0), 0x123);
  CHECK(pe.s.fault != 0);
  CHECK(pe.s.exception.ec == kEcSysReg);
  CHECK(pe.s.exception.iss == 0x123);
  pe.s.fault = 0;
  pe.s.reg(SysReg::CNTKCTL_EL1) = 2;
  pe.env.time = 99;
  CHECK(pe.call(Helper::mrs, static_cast<u64>(SysReg::CNTVCT_EL0), 0x123) == 99);
  CHECK(pe.s.fault == 0);
}

TEST_CASE("CCSIDR follows CSSELR") {
  Pe pe;
  write_sysreg(pe.s, SysReg::CSSELR_EL1, 0);
  CHECK(read_sysreg(pe.s, SysReg::CCSIDR_EL1) == 0x701fe00a);
  write_sysreg(pe.s, SysReg::CSSELR_EL1, 1);
  CHECK(read_sysreg(pe.s, SysReg::CCSIDR_EL1) == 0x201fe012);
  write_sysreg(pe.s, SysReg::CSSELR_EL1, 2);
  CHECK(read_sysreg(pe.s, SysReg::CCSIDR_EL1) == 0x70ffe07a);
}

TEST_CASE("writes that change Mode or translation say so") {
  Pe pe;
  write_sysreg(pe.s, SysReg::SCTLR_EL1, 1 | 1u << 25);
  CHECK(pe.s.mode.mmu() == 1);
  CHECK(pe.s.mode.big_endian() == 1);
  CHECK(pe.env.translation_changes == 1);
  write_sysreg(pe.s, SysReg::TTBR0_EL1, 0x40000000);
  CHECK(pe.env.translation_changes == 2);
  CHECK(pe.s.mode.fp_trap() == 1);
  write_sysreg(pe.s, SysReg::CPACR_EL1, 3u << 20);
  CHECK(pe.s.mode.fp_trap() == 0);
  write_sysreg(pe.s, SysReg::FPCR, 0xffffffff);
  CHECK(read_sysreg(pe.s, SysReg::FPCR) == 0x07c00000);
  CHECK(fpcr_of_key(pe.s.mode.fpcr()) == 0x07c00000);
}

TEST_CASE("GIC registers are the interrupt controller's, and UNDEFINED without one") {
  Pe pe;
  pe.call(Helper::msr, static_cast<u64>(SysReg::ICC_PMR_EL1), 0xf0);
  CHECK(pe.env.gic_key == sysreg_key(3, 0, 4, 6, 0));
  CHECK(pe.call(Helper::mrs, static_cast<u64>(SysReg::ICC_PMR_EL1)) == 0xf0);
  pe.env.gic = false;
  pe.call(Helper::mrs, static_cast<u64>(SysReg::ICC_PMR_EL1));
  CHECK(pe.s.fault != 0);
  CHECK(pe.s.exception.ec == kEcUnknown);
}

TEST_CASE("TLBI operands are decoded") {
  Pe pe;
  pe.s.reg(SysReg::TCR_EL1) = u64{1} << 36;
  pe.call(Helper::tlbi, sysreg_key(1, 0, 8, 3, 5), u64{0x1234} << 48 | 0xfff'ffff'0000);  // VALE1IS
  pe.call(Helper::tlbi, sysreg_key(1, 0, 8, 7, 2), u64{0x1234} << 48);                    // ASIDE1
  pe.call(Helper::tlbi, sysreg_key(1, 0, 8, 7, 3), 0x12345);                              // VAAE1
  pe.call(Helper::tlbi, sysreg_key(1, 0, 8, 3, 0), 0);                                    // VMALLE1IS
  REQUIRE(pe.env.invalidations.size() == 4);
  const auto& v = pe.env.invalidations;
  CHECK(v[0].scope == TlbiOp::Scope::Va);
  CHECK((v[0].broadcast && v[0].last_level));
  CHECK(v[0].asid == 0x1234);
  CHECK(v[0].va == 0xfffffffff0000000);
  CHECK(v[1].scope == TlbiOp::Scope::Asid);
  CHECK_FALSE((v[1].broadcast || v[1].last_level));
  CHECK(v[2].scope == TlbiOp::Scope::VaAllAsid);
  CHECK(v[2].va == 0x12345000);
  CHECK(v[3].scope == TlbiOp::Scope::All);
}

TEST_CASE("HVC and SMC without firmware are UNDEFINED") {
  Pe pe;
  pe.call(Helper::hvc);
  CHECK(pe.s.fault != 0);
  CHECK(pe.s.exception.ec == kEcUnknown);
  pe.s.fault = 0;
  pe.env.firmware = true;
  pe.call(Helper::smc);
  CHECK(pe.s.fault == 0);
}
