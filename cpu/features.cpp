#include "cpu/features.h"

#include <iterator>

#include "cpu/state.h"

namespace ferry::cpu {
namespace {

// The ID register of each row of kInfos.
constexpr SysReg kIdRegisters[] = {
#define FEATURE(name, id_register, ...) SysReg::id_register,
#include "cpu/features.def"
#undef FEATURE
};
constexpr FeatureInfo kInfos[] = {
#define FEATURE(name, id_register, shift, value, in_max, sentence) \
  {Feature::name, #name, #id_register, shift, value, in_max == 1, in_max == 2, sentence},
#include "cpu/features.def"
#undef FEATURE
};

}  // namespace

std::span<const FeatureInfo> features() { return kInfos; }

FeatureSet implemented_features() {
  FeatureSet set;
  for (const FeatureInfo& f : kInfos)
    if (f.in_max) set.add(f.feature);
  return set;
}

void advertise(CpuState& s) {
  for (usize i = 0; i < std::size(kInfos); ++i) {
    const FeatureInfo& f = kInfos[i];
    if (!s.features.has(f.feature)) continue;
    u64& id = s.reg(kIdRegisters[i]);
    // FP and AdvSIMD count from -1 (absent), but every model here has both.
    if ((id >> f.shift & 0xf) < f.value) id = (id & ~(u64{0xf} << f.shift)) | f.value << f.shift;
  }
}

}  // namespace ferry::cpu
