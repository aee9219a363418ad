// CPU models: identification registers as the cores' technical reference manuals give them (Cortex-A53 DDI 0500, A57
// DDI 0488, A72 DDI 0592), minus what is absent here: AArch32 at every EL (its ID registers read as zero), EL2, EL3,
// the trace unit.
#include "cpu/models.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>

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
// IMPDEF: no core of Arm's, so that guests apply no core's errata and mitigations: implementer 0 (software), part 0x51,
// as QEMU's processor of that name has it. The caches and counters of a Cortex-A57; 48-bit physical addresses, 16-bit
// ASIDs, all three granules.
void max(CpuState& s) {
  set_core(s, {0x000f0510, 0x00101125, 0x8444c004, 0x41003000, 0x701fe00a, 0x201fe012, 0x70ffe07a});
}

const std::array kModels = {
    Model{"cortex-a53", "arm,cortex-a53", cortex_a53, {}},
    Model{"cortex-a57", "arm,cortex-a57", cortex_a57, {}},
    Model{"cortex-a72", "arm,cortex-a72", cortex_a72, {}},
    Model{"max", "arm,armv8", max, implemented_features()},
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
  s.monitor_host = 0;
  s.monitor_size = 0;
  s.monitor_value = {};
  std::atomic_ref(s.event_register).store(0, std::memory_order_relaxed);  // SEV of another PE may come now
  s.pmu_synced = 0;
  ++s.watch_changes;
  s.exception = {};
}

}  // namespace

std::vector<std::string_view> model_names() {
  std::vector<std::string_view> names;
  names.reserve(std::size(kModels));
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

namespace {

std::string small(std::string_view name) {
  std::string text(name);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// What other emulators know and is not here: off is what it is.
constexpr std::string_view kAbsent[] = {"sve", "sme", "lpa2", "mte", "sve2"};

// pauth-impdef: which of the algorithms, while there is pointer authentication.
void choose_pac(FeatureSet& set, bool impdef) {
  for (Feature f : {Feature::PACIMP, Feature::GPA_IMP, Feature::PACQARMA5, Feature::GPA_QARMA5}) set.remove(f);
  if (!set.has(Feature::PAuth)) return;
  set.add(impdef ? Feature::PACIMP : Feature::PACQARMA5);
  set.add(impdef ? Feature::GPA_IMP : Feature::GPA_QARMA5);
}

bool is_pac_algorithm(Feature f) {
  return f == Feature::PACIMP || f == Feature::GPA_IMP || f == Feature::PACQARMA5 || f == Feature::GPA_QARMA5;
}

// The manual wants the two fields of half precision to be equal.
bool is_half_precision(Feature f) { return f == Feature::FP16 || f == Feature::AdvSIMDHP; }

void switch_feature(FeatureSet& set, const FeatureInfo& changed, bool on) {
  for (const FeatureInfo& f : features()) {
    const bool same_field = (f.id_register == changed.id_register && f.shift == changed.shift) ||
                            (is_half_precision(f.feature) && is_half_precision(changed.feature));
    if (f.feature != changed.feature && (!same_field || is_pac_algorithm(f.feature))) continue;
    if (on && f.in_max && f.value <= changed.value) set.add(f.feature);
    if (!on && f.value >= changed.value) set.remove(f.feature);
  }
}

const FeatureInfo* find_feature(std::string_view property) {
  for (const FeatureInfo& f : features())
    if (small(f.name) == property && !is_pac_algorithm(f.feature)) return &f;
  return nullptr;
}

}  // namespace

std::vector<std::string> model_properties() {
  std::vector<std::string> names{"pauth-impdef"};
  for (const FeatureInfo& f : features())
    if (f.in_max && !is_pac_algorithm(f.feature)) names.push_back(small(f.name));
  return names;
}

Result<Model> make_model(std::string_view text) {
  const usize comma = text.find(',');
  auto found = find_model(text.substr(0, comma));
  if (!found) return found.error();
  Model model = **found;
  bool impdef = true;
  const auto bad = [&](std::string_view item, const std::string& why) {
    return Error("-cpu " + std::string(text) + ": " + std::string(item) + ": " + why);
  };
  while (!text.empty() && text.find(',') != std::string_view::npos) {
    text.remove_prefix(text.find(',') + 1);
    const std::string_view item = text.substr(0, text.find(','));
    const usize equals = item.find('=');
    const std::string_view name = item.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : item.substr(equals + 1);
    const bool on = value == "on" || value == "true", off = value == "off" || value == "false";
    if (!on && !off) return bad(item, "expected " + std::string(name) + "=on or " + std::string(name) + "=off");
    if (std::find(std::begin(kAbsent), std::end(kAbsent), name) != std::end(kAbsent)) {
      if (on) return bad(item, "not implemented, expected off");
      continue;
    }
    if (model.name != "max") return bad(item, "this model's features are fixed, expected -cpu max for others");
    if (name == "pauth-impdef") {
      impdef = on;
      continue;
    }
    const FeatureInfo* const feature = find_feature(name);
    if (feature == nullptr) {
      const std::vector<std::string> known = model_properties();
      const std::vector<std::string_view> views(known.begin(), known.end());
      return bad(item, "no such feature" + did_you_mean(name, views) + " (ferry cpu list shows them)");
    }
    if (on && !feature->in_max) return bad(item, "not implemented, expected off");
    switch_feature(model.features, *feature, on);
  }
  if (model.name == "max") choose_pac(model.features, impdef);
  return model;
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
