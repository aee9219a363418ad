#include "cpu/sysregs.h"

#include <algorithm>
#include <array>

#include "core/check.h"

namespace ferry::cpu {
namespace {

constexpr usize kCount = static_cast<usize>(SysReg::kCount);

constexpr Feature feature_of(SysReg r) {
  switch (r) {
#define REGISTER(name, feature) \
  case SysReg::name: return Feature::feature;
#define WRITABLE(...)
#include "cpu/sysreg_features.def"
#undef REGISTER
#undef WRITABLE
    default: return Feature::Base;
  }
}

constexpr SysRegFeatureBits kFeatureBits[] = {
#define REGISTER(...)
#define WRITABLE(name, feature, bits) {SysReg::name, Feature::feature, bits},
#include "cpu/sysreg_features.def"
#undef REGISTER
#undef WRITABLE
};

constexpr std::array<SysRegInfo, kCount> kTable = {{
#define SYSREG(name, op0, op1, crn, crm, op2, read_el, write_el, kind, effect, trap, reset, writable) \
  {#name,                                                                                             \
   static_cast<u16>(sysreg_key(op0, op1, crn, crm, op2)),                                             \
   read_el,                                                                                           \
   write_el,                                                                                          \
   SysRegKind::kind,                                                                                  \
   SysRegEffect::effect,                                                                              \
   SysRegTrap::trap,                                                                                  \
   SysReg::name,                                                                                      \
   reset,                                                                                             \
   writable,                                                                                          \
   feature_of(SysReg::name)},
#include "cpu/sysregs.def"
#undef SYSREG
}};

constexpr u16 key_of(u16 index) { return kTable[index].key; }

constexpr std::array<u16, kCount> make_order() {
  std::array<u16, kCount> order{};
  for (usize i = 0; i < kCount; ++i) order[i] = static_cast<u16>(i);
  std::sort(order.begin(), order.end(), [](u16 a, u16 b) { return key_of(a) < key_of(b); });
  return order;
}
constexpr std::array<u16, kCount> kByKey = make_order();

constexpr bool keys_unique() {
  for (usize i = 1; i < kCount; ++i)
    if (key_of(kByKey[i - 1]) == key_of(kByKey[i])) return false;
  return true;
}
static_assert(keys_unique(), "two rows of sysregs.def have the same encoding");

}  // namespace

std::span<const SysRegInfo> sysregs() { return kTable; }

const SysRegInfo& sysreg_info(SysReg r) {
  ASSERT(r < SysReg::kCount, "system register outside the table");
  return kTable[static_cast<usize>(r)];
}

const SysRegInfo* find_sysreg(u32 key) {
  const auto it =
      std::lower_bound(kByKey.begin(), kByKey.end(), key, [](u16 index, u32 k) { return key_of(index) < k; });
  return it != kByKey.end() && key_of(*it) == key ? &kTable[*it] : nullptr;
}

std::span<const SysRegFeatureBits> sysreg_feature_bits() { return kFeatureBits; }

u64 writable_bits(const SysRegInfo& r, FeatureSet features) {
  u64 writable = r.writable;
  for (const SysRegFeatureBits& f : kFeatureBits)
    if (f.reg == r.reg && features.has(f.feature)) writable |= f.bits;
  return writable;
}

bool el0_access_trapped(const CpuState& s, const SysRegInfo& r, bool read) {
  if (s.el != 0) return false;
  const u64 timer = s.reg(SysReg::CNTKCTL_EL1), pmu = s.reg(SysReg::PMUSERENR_EL0);
  const bool pmu_on = bit(pmu, 0);
  switch (r.trap) {
    case SysRegTrap::None:
    case SysRegTrap::Uct:
    case SysRegTrap::Uma:
    case SysRegTrap::Fp: return false;
    case SysRegTrap::Tdcc: return bit(s.reg(SysReg::MDSCR_EL1), 12);
    case SysRegTrap::Frq: return (timer & 3) == 0;
    case SysRegTrap::Pct: return !bit(timer, 0);
    case SysRegTrap::Vct: return !bit(timer, 1);
    case SysRegTrap::VTimer: return !bit(timer, 8);
    case SysRegTrap::PTimer: return !bit(timer, 9);
    case SysRegTrap::Pmu: return !pmu_on;
    case SysRegTrap::PmuSw: return !pmu_on && !bit(pmu, 1);
    case SysRegTrap::PmuCr: return !pmu_on && !(read && bit(pmu, 2));
    case SysRegTrap::PmuEr:  // ER opens reads of the counters, and PMSELR both ways
      return !pmu_on && !(bit(pmu, 3) && (read || r.reg == SysReg::PMSELR_EL0));
  }
  return false;
}

}  // namespace ferry::cpu
