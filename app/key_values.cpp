#include "app/key_values.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/nearest.h"
#include "core/parse_number.h"

namespace ferry::app {
namespace {

// Splits at single commas; a doubled one stays as one.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts(1);
  for (usize i = 0; i < text.size(); ++i) {
    if (text[i] != ',') {
      parts.back() += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == ',') {
      parts.back() += ',';
      ++i;
    } else {
      parts.emplace_back();
    }
  }
  return parts;
}

}  // namespace

Result<KeyValues> KeyValues::parse(std::string_view option, std::string_view text, std::string_view first_key,
                                   std::string_view may_repeat) {
  KeyValues result;
  result.option_ = option;
  bool first = true;
  for (const std::string& part : split(text)) {
    const usize equals = part.find('=');
    std::string key, value;
    if (equals != std::string::npos) {
      key = part.substr(0, equals);
      value = part.substr(equals + 1);
    } else if (first && !first_key.empty()) {
      key = first_key;
      value = part;
    } else {
      return Error{fmt::format("{} {}: \"{}\" has no value, expected NAME=VALUE", option, text, part)};
    }
    first = false;
    for (const auto& [other, unused] : result.pairs_) {
      if (other == key && key != may_repeat)
        return Error{fmt::format("{} {}: {} is given twice, expected it once", option, text, key)};
    }
    result.pairs_.emplace_back(std::move(key), std::move(value));
  }
  return result;
}

std::optional<std::string> KeyValues::take(std::string_view key) {
  const auto found = std::find_if(pairs_.begin(), pairs_.end(), [&](const auto& pair) { return pair.first == key; });
  if (found == pairs_.end()) return std::nullopt;
  std::string value = std::move(found->second);
  pairs_.erase(found);
  return value;
}

std::vector<std::string> KeyValues::take_all(std::string_view key) {
  std::vector<std::string> values;
  while (auto value = take(key)) values.push_back(std::move(*value));
  return values;
}

Result<bool> KeyValues::take_switch(std::string_view key, bool otherwise) {
  const auto text = take(key);
  if (!text) return otherwise;
  if (*text == "on" || *text == "yes" || *text == "true") return true;
  if (*text == "off" || *text == "no" || *text == "false") return false;
  return Error{fmt::format("{} {}={}: not a switch, expected on or off", option_, key, *text)};
}

Result<std::optional<u64>> KeyValues::take_number(std::string_view key) {
  const auto text = take(key);
  if (!text) return std::optional<u64>{};
  const auto value = parse_size(*text);
  if (!value)
    return Error{fmt::format("{} {}={}: not a number, expected one such as 0x40000000 or 64M", option_, key, *text)};
  return value;
}

Status KeyValues::done(std::span<const std::string_view> known) const {
  if (pairs_.empty()) return {};
  const std::string& key = pairs_.front().first;
  return Error{
      fmt::format("{} {}={}: no such property{}", option_, key, pairs_.front().second, did_you_mean(key, known))};
}

}  // namespace ferry::app
