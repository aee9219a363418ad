// What becomes of guest words, as text: IR before and after the passes, a tier's host code.
#pragma once
#include <span>
#include <string>

#include "core/settings.h"
#include "cpu/features.h"
#include "cpu/mode.h"

namespace ferry::verify {

// The IR of words that stand at va; optimized: after the passes. one_each: a block for each instruction.
std::string ir_text(std::span<const u32> words, u64 va, cpu::Mode mode, cpu::FeatureSet features, bool optimized,
                    bool one_each = false);

// Both, and what the tier makes of the first block, where this build has the tier.
using HostTextFn = std::string (*)(const void* code, usize size);
std::string block_text(std::span<const u32> words, u64 va, cpu::Mode mode, Tier tier, cpu::FeatureSet features,
                       HostTextFn host_text);

}  // namespace ferry::verify
