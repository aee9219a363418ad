#include "jit/tiers.h"

#ifdef FERRY_HAS_BASELINE
#include "jit/baseline/baseline.h"
#endif

namespace ferry::jit {

bool tier_available(ferry::Tier tier) {
#ifdef FERRY_HAS_BASELINE
  if (tier == ferry::Tier::Baseline || tier == ferry::Tier::Tiered) return true;
#endif
  return tier == ferry::Tier::Interp;
}

Result<std::unique_ptr<jit::Tier>> make_compiler(const Settings& settings) {
  std::unique_ptr<jit::Tier> none;
  if (settings.tier == ferry::Tier::Interp) return none;
#ifdef FERRY_HAS_BASELINE
  if (settings.tier == ferry::Tier::Baseline || settings.tier == ferry::Tier::Tiered) {
    Result<std::unique_ptr<Baseline>> baseline = Baseline::create(settings.code_cache);
    if (!baseline) return baseline.error();
    return std::unique_ptr<jit::Tier>(std::move(*baseline));
  }
#endif
  return Error{"tier: this build has no compiler for it, expected interp or one that --version lists"};
}

}  // namespace ferry::jit
