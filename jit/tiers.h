// Which compilers this host has, made from the settings.
#pragma once
#include <memory>

#include "core/result.h"
#include "core/settings.h"
#include "jit/tier.h"

namespace ferry::jit {

// Tiers that this build has: interp always; baseline and tiered on hosts with a baseline compiler; llvm where it was
// built in.
bool tier_available(ferry::Tier tier);
// The compiler of the first tier that settings.tier asks for; null for interp. An error when this build has none.
Result<std::unique_ptr<jit::Tier>> make_compiler(const Settings& settings);

// The compiler of regions for the tier "tiered"; an error when this build has none. Makes it each time it is called
// (LLVM starts up).
bool regions_available();
Result<std::unique_ptr<RegionTier>> make_region_compiler(const Settings& settings);

}  // namespace ferry::jit
