#include "jit/tiers.h"

#include <string>

#ifdef FERRY_HAS_BASELINE
#include "jit/baseline/baseline.h"
#endif
#ifdef FERRY_HAS_OPTIMIZING
#include "jit/load_optimizing.h"
#endif

namespace ferry::jit {

bool tier_available(ferry::Tier tier) {
#ifdef FERRY_HAS_BASELINE
  if (tier == ferry::Tier::Baseline || tier == ferry::Tier::Tiered) return true;
#endif
#ifdef FERRY_HAS_OPTIMIZING
  if (tier == ferry::Tier::Llvm) return true;
#endif
  return tier == ferry::Tier::Interp;
}

bool regions_available() {
#if defined(FERRY_HAS_OPTIMIZING) && defined(FERRY_HAS_BASELINE)
  return true;
#else
  return false;
#endif
}

Result<std::unique_ptr<RegionTier>> make_region_compiler([[maybe_unused]] const Settings& settings) {
#ifdef FERRY_HAS_OPTIMIZING
  return make_optimizing(settings.code_cache, static_cast<unsigned>(settings.llvm_opt),
                         settings.mem_window != Window::Off, settings.llvm_heap);
#else
  return Error{"tier: this build has no compiler of regions"};
#endif
}

Result<std::unique_ptr<jit::Tier>> make_compiler(const Settings& settings) {
  std::unique_ptr<jit::Tier> none;
  if (settings.tier == ferry::Tier::Interp) return none;
#ifdef FERRY_HAS_BASELINE
  if (settings.tier == ferry::Tier::Baseline || settings.tier == ferry::Tier::Tiered) {
    Result<std::unique_ptr<Baseline>> baseline = Baseline::create(
        settings.code_cache,
        settings.tier == ferry::Tier::Tiered && regions_available() ? static_cast<i32>(settings.llvm_threshold) : 0);
    if (!baseline) return baseline.error();
    return std::unique_ptr<jit::Tier>(std::move(*baseline));
  }
#endif
#ifdef FERRY_HAS_OPTIMIZING
  if (settings.tier == ferry::Tier::Llvm) {
    auto made = make_optimizing(settings.code_cache, static_cast<unsigned>(settings.llvm_block_opt),
                                settings.mem_window != Window::Off, settings.llvm_heap);
    if (!made) return made.error();
    return std::unique_ptr<jit::Tier>(std::move(*made));
  }
#endif
  return Error{std::string("tier: this build has no compiler for it, expected interp") +
               (tier_available(ferry::Tier::Baseline) ? ", baseline or tiered" : "") +
               (tier_available(ferry::Tier::Llvm) ? " or llvm" : "")};
}

}  // namespace ferry::jit
