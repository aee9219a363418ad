// What code that is kept depends on besides the guest's bytes and Mode.
#pragma once
#include "core/settings.h"
#include "cpu/features.h"
#include "runtime/persistent/format.h"

namespace ferry::runtime::persistent {

// Differs between builds of ferry, hosts with other processor features, guest processors with other features, and
// settings that change what is compiled. All settings count but those known to leave the code alone.
Fingerprint engine_fingerprint(const Settings& settings, cpu::FeatureSet features);

}  // namespace ferry::runtime::persistent
