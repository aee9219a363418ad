// Numbers as people type them in options: decimal or 0x hexadecimal, with an optional size suffix.
#pragma once
#include <optional>
#include <string_view>

#include "core/types.h"

namespace ferry {

// The whole of `text` as an unsigned number; nothing on overflow or on any other character.
std::optional<u64> parse_number(std::string_view text);

// As above, with K, M, G or T (either case, optionally followed by B or iB) meaning 1024 and its powers.
std::optional<u64> parse_size(std::string_view text);

}  // namespace ferry
