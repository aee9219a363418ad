// DecodeBitMasks (shared/functions/common), the immediate form: logical immediates.
#pragma once
#include <optional>

#include "core/types.h"

namespace ferry::frontend {

// The immediate that N:imms:immr encode for a register of `width` bits (32 or 64), or nothing where the encoding is
// reserved.
constexpr std::optional<u64> decode_bit_masks(unsigned n, unsigned imms, unsigned immr, unsigned width) {
  const unsigned key = n << 6 | (~imms & 0x3f);
  unsigned len = 0;
  while (len < 7 && (key >> (len + 1)) != 0) ++len;
  if (key == 0 || len == 0) return std::nullopt;
  const unsigned element = 1u << len;
  if (element > width) return std::nullopt;
  const unsigned levels = element - 1;
  const unsigned s = imms & levels, r = immr & levels;
  if (s == levels) return std::nullopt;
  const u64 ones = low_mask(s + 1);
  u64 pattern = r == 0 ? ones : ((ones >> r) | (ones << (element - r))) & low_mask(element);
  for (unsigned filled = element; filled < width; filled *= 2) pattern |= pattern << filled;
  return pattern;
}

}  // namespace ferry::frontend
