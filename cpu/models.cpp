// CPU models: identification registers as the cores' technical reference manuals give them (Cortex-A53 DDI 0500, A57
// DDI 0488, A72 DDI 0592), minus what is absent here: AArch32 at every EL (its ID registers read as zero), EL2, EL3,
// the trace unit.
#include "cpu/models.h"

#include <array>

#include "core/nearest.h"
#include "cpu/exceptions.h"
#include "cpu/sysregs.h"

namespace ferry::cpu {
namespace {

struct CoreValues {
  u64 midr, mmfr0, ctr, pmcr;
  u32 l1_data, l1_instruction, l2;
};

// What the three cores share.
void set_common(CpuState& s) {
  // EL0, EL1: AArch64 only. FP and AdvSIMD without half precision. GIC: system registers.
  s.reg(SysReg::ID_AA64PFR0_EL1) = 0x01000011;
  // 6 breakpoints, 4 watchpoints, 2 context-aware breakpoints, PMUv3, ARMv8.0 debug.
  s.reg(SysReg::ID_AA64DFR0_EL1) = 0x10305106;
  // AES with PMULL, SHA1, SHA256, CRC32.
  s.reg(SysReg::ID_AA64ISAR0_EL1) = 0x00011120;
  s.reg(SysReg::CLIDR_EL1) = 0x0a200023;
  s.reg(SysReg::DCZID_EL0) = 4;                                          // 64 bytes
  s.reg(SysReg::PMCEID0_EL0) = 1u << 0 | 1u << 8 | 1u << 17 | 1u << 30;  // what cpu/pmu.cpp counts
  // A core of a multiprocessor (U = 0), Aff0 = the core; RES1 bit 31.
  s.reg(SysReg::MPIDR_EL1) = 0x80000000;
}

void set_core(CpuState& s, const CoreValues& v) {
  set_common(s);
  s.reg(SysReg::MIDR_EL1) = v.midr;
  s.reg(SysReg::ID_AA64MMFR0_EL1) = v.mmfr0;
  s.reg(SysReg::CTR_EL0) = v.ctr;
  s.reg(SysReg::PMCR_EL0) = v.pmcr;
  s.cache_size[0] = v.l1_data;
  s.cache_size[1] = v.l1_instruction;
  s.cache_size[2] = v.l2;
}

// r0p4: 40-bit physical addresses, 32 KiB L1 caches, 1 MiB L2
void cortex_a53(CpuState& s) {
  set_core(s, {0x410fd034, 0x00001122, 0x84448004, 0x41033000, 0x700fe01a, 0x201fe00a, 0x707fe07a});
}
// r1p0: 44-bit physical addresses, 32 KiB L1 data, 48 KiB L1 instruction, 2 MiB L2
void cortex_a57(CpuState& s) {
  set_core(s, {0x411fd070, 0x00001124, 0x8444c004, 0x41013000, 0x701fe00a, 0x201fe012, 0x70ffe07a});
}
// r0p3
void cortex_a72(CpuState& s) {
  set_core(s, {0x410fd083, 0x00001124, 0x8444c004, 0x41023000, 0x701fe00a, 0x201fe012, 0x707fe07a});
}
// The base of everything there is: a Cortex-A57 with 16 KiB granules.
void max(CpuState& s) {
  cortex_a57(s);
  s.reg(SysReg::ID_AA64MMFR0_EL1) |= 1u << 20;
}

const std::array kModels = {
    Model{"cortex-a53", "arm,cortex-a53", cortex_a53, {}},
    Model{"cortex-a57", "arm,cortex-a57", cortex_a57, {}},
    Model{"cortex-a72", "arm,cortex-a72", cortex_a72, {}},
    Model{"max", "arm,cortex-a57", max, implemented_features()},
};

void clear_pe(CpuState& s) {
  for (u64& x : s.x) x = 0;
  for (U128& v : s.v) v = {};
  for (u64& sp : s.sp_el) sp = 0;
  for (u64& elr : s.elr_el) elr = 0;
  for (u32& spsr : s.spsr_el) spsr = 0;
  s.pc = s.pc_page = 0;
  s.nzcv = 0;
  s.fault = 0;
  s.site = 0;
  s.fpsr = s.fpcr = 0;
  s.pan = s.uao = s.ss = s.il = s.dit = s.ssbs = s.btype = s.tco = s.stepped = 0;
  s.monitor_pa = 0;
  s.monitor_size = 0;
  s.monitor_value = {};
  s.event_register = 0;
  s.pmu_synced = 0;
  ++s.watch_changes;
  s.exception = {};
}

}  // namespace

std::vector<std::string_view> model_names() {
  std::vector<std::string_view> names;
  for (const Model& m : kModels) names.push_back(m.name);
  return names;
}

Result<const Model*> find_model(std::string_view name) {
  for (const Model& m : kModels)
    if (m.name == name) return &m;
  std::string known;
  for (const Model& m : kModels) known += (known.empty() ? "" : ", ") + std::string(m.name);
  return Error("-cpu " + std::string(name) + ": no such CPU model, expected one of " + known);
}

// AArch64.TakeReset
void reset(CpuState& s, const Model& model, u32 cpu_index, unsigned entry_el) {
  clear_pe(s);
  for (const SysRegInfo& r : sysregs()) s.reg(r.reg) = r.reset;
  s.features = model.features;
  model.set_id_registers(s);
  advertise(s);
  // Clusters of 16, as the virt board numbers cores with a GICv3.
  s.reg(SysReg::MPIDR_EL1) |= u64{cpu_index & 15} | u64{cpu_index >> 4} << 8;
  s.cpu_index = cpu_index;
  s.el = static_cast<u8>(entry_el);
  s.sp_sel = entry_el == 0 ? 0 : 1;
  s.daif = kDaifMask;
  update_mode(s);
}

}  // namespace ferry::cpu
