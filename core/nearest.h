// The nearest of a list of names to a mistyped one, for error messages.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace ferry {

// Edits (insert, delete, replace, swap of neighbours) that turn one word into the other.
unsigned edit_distance(std::string_view a, std::string_view b);

// The name nearest to `word`; empty if none is near enough to be what was meant (more than a third of it differs).
std::string_view nearest_name(std::string_view word, std::span<const std::string_view> names);

// ", did you mean X?" or an empty string, ready to end an error message.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> names);

}  // namespace ferry
