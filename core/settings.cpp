#include "core/settings.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "core/nearest.h"
#include "core/parse_number.h"

namespace ferry {
namespace {

using Type = SettingRow::Type;

constexpr SettingRow kRows[] = {
#define SETTING_BOOL(name, member, initial, sentence) {name, Type::Bool, 0, 1, {}, sentence},
#define SETTING_INT(name, member, lowest, highest, initial, sentence) {name, Type::Int, lowest, highest, {}, sentence},
#define SETTING_ENUM(name, member, type, choices, initial, sentence) {name, Type::Enum, 0, 0, choices, sentence},
#define SETTING_STRING(name, member, initial, sentence) {name, Type::String, 0, 0, {}, sentence},
#include "core/settings.def"
#undef SETTING_BOOL
#undef SETTING_INT
#undef SETTING_ENUM
#undef SETTING_STRING
};

std::vector<std::string_view> split_choices(std::string_view choices) {
  std::vector<std::string_view> list;
  for (std::size_t at = 0;;) {
    const std::size_t bar = choices.find('|', at);
    list.push_back(choices.substr(at, bar - at));
    if (bar == std::string_view::npos) return list;
    at = bar + 1;
  }
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "on" || text == "yes" || text == "true" || text == "1") return true;
  if (text == "off" || text == "no" || text == "false" || text == "0") return false;
  return std::nullopt;
}

// assign() and text(): one overload for each kind of member; false means outside the row's range.
bool assign(bool& member, const SettingRow&, std::string_view text) {
  const auto value = parse_bool(text);
  if (value) member = *value;
  return value.has_value();
}
bool assign(u64& member, const SettingRow& row, std::string_view text) {
  const auto value = parse_size(text);
  if (!value || *value < row.lowest || *value > row.highest) return false;
  member = *value;
  return true;
}
[[maybe_unused]] bool assign(std::string& member, const SettingRow&, std::string_view text) {
  member = text;
  return true;
}
template <class Enum>
  requires std::is_enum_v<Enum>
bool assign(Enum& member, const SettingRow& row, std::string_view text) {
  const auto choices = split_choices(row.choices);
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (choices[i] != text) continue;
    member = static_cast<Enum>(i);  // NOLINT(clang-analyzer-optin.core.EnumCastOutOfRange): rows name all enumerators
    return true;
  }
  return false;
}

std::string text_of(bool member, const SettingRow&) { return member ? "on" : "off"; }
std::string text_of(u64 member, const SettingRow&) { return std::to_string(member); }
[[maybe_unused]] std::string text_of(const std::string& member, const SettingRow&) { return member; }
template <class Enum>
  requires std::is_enum_v<Enum>
std::string text_of(Enum member, const SettingRow& row) {
  const auto choices = split_choices(row.choices);
  const auto index = static_cast<std::size_t>(member);
  ASSERT(index < choices.size(), "a setting's choices name every value of its enum");
  return std::string(choices[index]);
}

// Calls use(member) for the member that `row` describes.
template <class AnySettings, class Use>
auto with_member(AnySettings& settings, const SettingRow& row, Use use) {
  switch (std::size_t index = static_cast<std::size_t>(&row - kRows); index) {
    enum : std::size_t {
#define SETTING_BOOL(name, member, ...) kIndex_##member,
#define SETTING_INT(name, member, ...) kIndex_##member,
#define SETTING_ENUM(name, member, ...) kIndex_##member,
#define SETTING_STRING(name, member, ...) kIndex_##member,
#include "core/settings.def"
#undef SETTING_BOOL
#undef SETTING_INT
#undef SETTING_ENUM
#undef SETTING_STRING
    };
#define SETTING_BOOL(name, member, ...) \
  case kIndex_##member: return use(settings.member);
#define SETTING_INT(name, member, ...) \
  case kIndex_##member: return use(settings.member);
#define SETTING_ENUM(name, member, ...) \
  case kIndex_##member: return use(settings.member);
#define SETTING_STRING(name, member, ...) \
  case kIndex_##member: return use(settings.member);
#include "core/settings.def"
#undef SETTING_BOOL
#undef SETTING_INT
#undef SETTING_ENUM
#undef SETTING_STRING
    default: break;
  }
  UNREACHABLE("a setting row that is not one of setting_rows()");
}

}  // namespace

std::span<const SettingRow> setting_rows() { return kRows; }

std::string setting_text(const Settings& settings, const SettingRow& row) {
  return with_member(settings, row, [&](const auto& member) { return text_of(member, row); });
}

std::string setting_range(const SettingRow& row) {
  switch (row.type) {
    case Type::Bool: return "on or off";
    case Type::Int: return fmt::format("{} to {}", row.lowest, row.highest);
    case Type::String: return "any text";
    case Type::Enum: break;
  }
  std::string list;
  const auto choices = split_choices(row.choices);
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) list += i + 1 == choices.size() ? " or " : ", ";
    list += choices[i];
  }
  return list;
}

Status set_setting(Settings& settings, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string_view name = assignment.substr(0, equals);
  const SettingRow* found = nullptr;
  std::vector<std::string_view> names;
  for (const SettingRow& row : kRows) {
    names.push_back(row.name);
    if (row.name == name) found = &row;
  }
  if (!found) {
    return Error{fmt::format("--set {}: no such setting{} (--settings lists them)", name, did_you_mean(name, names))};
  }
  if (equals == std::string_view::npos && found->type != Type::Bool) {
    return Error{fmt::format("--set {}: no value, expected {}={}", name, name, setting_range(*found))};
  }
  const std::string_view value = equals == std::string_view::npos ? "on" : assignment.substr(equals + 1);
  Settings changed = settings;
  if (!with_member(changed, *found, [&](auto& member) { return assign(member, *found, value); })) {
    return Error{
        fmt::format("--set {}={}: not a value of this setting, expected {}", name, value, setting_range(*found))};
  }
  settings = std::move(changed);
  return {};
}

std::vector<std::string> changed_settings(const Settings& settings) {
  const Settings defaults;
  std::vector<std::string> changed;
  for (const SettingRow& row : kRows) {
    const std::string text = setting_text(settings, row);
    if (text != setting_text(defaults, row)) changed.push_back(fmt::format("{}={}", row.name, text));
  }
  return changed;
}

std::string describe_settings(const Settings& settings) {
  const Settings defaults;
  std::string text;
  for (const SettingRow& row : kRows) {
    text += fmt::format("{}={}\n    {} ({}; default {})\n", row.name, setting_text(settings, row), row.sentence,
                        setting_range(row), setting_text(defaults, row));
  }
  return text;
}

}  // namespace ferry
