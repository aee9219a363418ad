// The content of ":semihosting-features" (IHI 0103, chapter 5): magic, then SH_EXT_EXIT_EXTENDED and
// SH_EXT_STDOUT_STDERR.
#pragma once
#include "core/types.h"

namespace ferry::machines {

inline constexpr u8 kSemihostingFeatures[] = {'S', 'H', 'F', 'B', 0x3};

}  // namespace ferry::machines
