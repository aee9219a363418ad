// Settings: a value struct with one typed member for every row of core/settings.def.
// Hot code reads the member (settings.chain_direct); the command line, help, reports and tests go through the table.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/types.h"

namespace ferry {

enum class Tier : u8 { Interp, Baseline, Llvm, Tiered };
enum class Window : u8 { Off, Auto, On };

struct Settings {
#define SETTING_BOOL(name, member, initial, sentence) bool member = initial;
#define SETTING_INT(name, member, lowest, highest, initial, sentence) u64 member = initial;
#define SETTING_ENUM(name, member, type, choices, initial, sentence) type member = initial;
#define SETTING_STRING(name, member, initial, sentence) std::string member = initial;
#include "core/settings.def"
#undef SETTING_BOOL
#undef SETTING_INT
#undef SETTING_ENUM
#undef SETTING_STRING

  friend bool operator==(const Settings&, const Settings&) = default;
};

// One row as data. `lowest`, `highest`: for Int. `choices`: "a|b|c", for Enum.
struct SettingRow {
  enum class Type : u8 { Bool, Int, Enum, String };
  std::string_view name;
  Type type;
  u64 lowest;
  u64 highest;
  std::string_view choices;
  std::string_view sentence;
};

// All rows, in the table's order.
std::span<const SettingRow> setting_rows();

// The value of a row as text that set() accepts. The row must be one of setting_rows().
std::string setting_text(const Settings& settings, const SettingRow& row);

// Sets one setting from "NAME=VALUE"; a bool's "NAME" alone means on. The error names the nearest setting or the range.
Status set_setting(Settings& settings, std::string_view assignment);

// "on or off", "0 to 1000", "interp, baseline or tiered".
std::string setting_range(const SettingRow& row);

// NAME=VALUE of every row that differs from its default, for reports and reproduction lines.
std::vector<std::string> changed_settings(const Settings& settings);

// The text of --settings: every row with its value, range, default and sentence.
std::string describe_settings(const Settings& settings);

}  // namespace ferry
