// docs/reference/sysregs.md, written from the table.
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "cpu/models.h"
#include "cpu/sysregs.h"

namespace ferry::cpu {
namespace {

std::string encoding(const SysRegInfo& r) {
  return fmt::format("{}, {}, c{}, c{}, {}", bits(r.key, 15, 14), bits(r.key, 13, 11), bits(r.key, 10, 7),
                     bits(r.key, 6, 3), bits(r.key, 2, 0));
}

std::string level(u8 el) { return el <= 3 ? fmt::format("EL{}", el) : "-"; }

const char* trap_text(SysRegTrap t) {
  switch (t) {
    case SysRegTrap::None: return "";
    case SysRegTrap::Uct: return "SCTLR_EL1.UCT";
    case SysRegTrap::Uma: return "SCTLR_EL1.UMA";
    case SysRegTrap::Fp: return "CPACR_EL1.FPEN";
    case SysRegTrap::Tdcc: return "MDSCR_EL1.TDCC";
    case SysRegTrap::Frq: return "CNTKCTL_EL1.EL0PCTEN and EL0VCTEN";
    case SysRegTrap::Pct: return "CNTKCTL_EL1.EL0PCTEN";
    case SysRegTrap::Vct: return "CNTKCTL_EL1.EL0VCTEN";
    case SysRegTrap::PTimer: return "CNTKCTL_EL1.EL0PTEN";
    case SysRegTrap::VTimer: return "CNTKCTL_EL1.EL0VTEN";
    case SysRegTrap::Pmu: return "PMUSERENR_EL0.EN";
    case SysRegTrap::PmuSw: return "PMUSERENR_EL0.EN, SW";
    case SysRegTrap::PmuCr: return "PMUSERENR_EL0.EN, CR";
    case SysRegTrap::PmuEr: return "PMUSERENR_EL0.EN, ER";
  }
  return "";
}

const char* kind_text(SysRegKind k) {
  switch (k) {
    case SysRegKind::Stored: return "stored";
    case SysRegKind::Const: return "constant";
    case SysRegKind::Custom: return "computed";
    case SysRegKind::Special: return "processor state";
    case SysRegKind::Gic: return "interrupt controller";
  }
  return "";
}

std::string feature_text(Feature feature) {
  for (const FeatureInfo& f : features())
    if (f.feature == feature) return fmt::format("FEAT_{}", f.name);
  return "";
}

std::string identification() {
  constexpr SysReg kShown[] = {SysReg::MIDR_EL1,         SysReg::ID_AA64PFR0_EL1,  SysReg::ID_AA64DFR0_EL1,
                               SysReg::ID_AA64ISAR0_EL1, SysReg::ID_AA64ISAR1_EL1, SysReg::ID_AA64PFR1_EL1,
                               SysReg::ID_AA64MMFR0_EL1, SysReg::ID_AA64MMFR1_EL1, SysReg::ID_AA64MMFR2_EL1,
                               SysReg::CTR_EL0,          SysReg::DCZID_EL0,        SysReg::CLIDR_EL1,
                               SysReg::PMCR_EL0};
  std::string text = "| register |", line = "|---|";
  std::vector<std::unique_ptr<CpuState>> states;
  for (std::string_view name : model_names()) {
    text += fmt::format(" {} |", name);
    line += "---|";
    states.push_back(std::make_unique<CpuState>());
    reset(*states.back(), **find_model(name), 0, 1);
  }
  text += "\n" + line + "\n";
  for (SysReg r : kShown) {
    text += fmt::format("| {} |", sysreg_info(r).name);
    for (const auto& s : states) text += fmt::format(" {:#x} |", s->reg(r));
    text += "\n";
  }
  return text;
}

}  // namespace

std::string sysregs_page() {
  std::string text =
      "# System registers\n\n"
      "<!-- written by `build/ferry reference sysregs`; a test compares -->\n\n"
      "Absent on every model, and shown as absent: AArch32 (at EL0 and EL1; its identification registers read as "
      "zero), EL2, EL3, SVE, SME, MTE,\n"
      "the trace unit. The other identification registers of op0 = 3, op1 = 0, CRn = 0 read as zero at "
      "EL1; what is not listed here is\n"
      "UNDEFINED. EL2 and EL3 rows are state for later models.\n\n"
      "Present in part: the performance monitors count SW_INCR, INST_RETIRED, CPU_CYCLES and CHAIN, as PMCEID0_EL0 "
      "says; the events of caches and\n"
      "branches that PMUv3 asks for never occur. Nobody is at the other end of the debug communications channel, and "
      "of what MDSCR_EL1 and OSECCR_EL1\n"
      "save for an external debugger while the OS lock is set nothing is kept but HDE and OSECCR_EL1's value.\n\n"
      "## Identification values\n\n" +
      identification() +
      "\n## All registers\n\n"
      "Encoding: op0, op1, CRn, CRm, op2. Read, write: lowest exception level. Trap: the control that sends an access "
      "from EL0 to EL1.\n\n"
      "| register | encoding | read | write | trap | held as | reset | writable bits | only with "
      "|\n|---|---|---|---|---|---|---|---|---|\n";
  for (const SysRegInfo& r : sysregs()) {
    const bool stored = r.kind == SysRegKind::Stored || r.kind == SysRegKind::Custom;
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", r.name, encoding(r), level(r.read_el),
                        level(r.write_el), trap_text(r.trap), kind_text(r.kind),
                        stored ? fmt::format("{:#x}", r.reset) : "", stored ? fmt::format("{:#x}", r.writable) : "",
                        feature_text(r.feature));
  }
  text +=
      "\n## Bits that come with a feature\n\nWithout it they are RES0, or stay as they are at reset.\n\n"
      "| register | bits | feature |\n|---|---|---|\n";
  for (const SysRegFeatureBits& f : sysreg_feature_bits())
    text += fmt::format("| {} | {:#x} | {} |\n", sysreg_info(f.reg).name, f.bits, feature_text(f.feature));
  return text;
}

}  // namespace ferry::cpu
