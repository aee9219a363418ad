#include "core/settings.h"

#include <set>

#include "core/nearest.h"
#include "core/parse_number.h"
#include "tests/catch.h"

using namespace ferry;

TEST_CASE("every setting takes its own text back, and names are unique") {
  Settings settings;
  std::set<std::string_view> names;
  for (const SettingRow& row : setting_rows()) {
    INFO(row.name);
    CHECK(names.insert(row.name).second);
    CHECK_FALSE(row.sentence.empty());
    const std::string text = setting_text(settings, row);
    CHECK(set_setting(settings, std::string(row.name) + "=" + text));
    CHECK(setting_text(settings, row) == text);
    if (row.type == SettingRow::Type::Int) {
      CHECK_FALSE(set_setting(settings, std::string(row.name) + "=" + std::to_string(row.highest + 1)));
      CHECK_FALSE(set_setting(settings, std::string(row.name) + "=x"));
    }
  }
  CHECK(settings == Settings{});
  CHECK(changed_settings(settings).empty());
}

TEST_CASE("settings are set from text") {
  Settings settings;
  CHECK(set_setting(settings, "chain.direct=off"));
  CHECK_FALSE(settings.chain_direct);
  CHECK(set_setting(settings, "chain.direct"));
  CHECK(settings.chain_direct);
  CHECK(set_setting(settings, "tier=llvm"));
  CHECK(settings.tier == Tier::Llvm);
  CHECK(set_setting(settings, "code.cache=64M"));
  CHECK(settings.code_cache == 64u << 20);
  CHECK(changed_settings(settings) == std::vector<std::string>{"tier=llvm", "code.cache=67108864"});
}

TEST_CASE("a setting that cannot be set leaves everything as it was and says why") {
  Settings settings;
  const auto message = [&](const char* assignment) {
    const Status status = set_setting(settings, assignment);
    REQUIRE_FALSE(status);
    CHECK(settings == Settings{});
    return status.error().message;
  };
  CHECK(message("chain.dirct=off").find("did you mean chain.direct?") != std::string::npos);
  CHECK(message("zzzzzzzz=1").find("did you mean") == std::string::npos);
  CHECK(message("tier=fast").find("interp, baseline, llvm or tiered") != std::string::npos);
  CHECK(message("tier").find("no value") != std::string::npos);
  CHECK(message("llvm.opt=4").find("0 to 3") != std::string::npos);
  CHECK(message("chain.direct=maybe").find("on or off") != std::string::npos);
}

TEST_CASE("numbers and sizes") {
  CHECK(parse_number("0x10") == 16u);
  CHECK_FALSE(parse_number(""));
  CHECK_FALSE(parse_number("0x"));
  CHECK_FALSE(parse_number("-1"));
  CHECK_FALSE(parse_number("18446744073709551616"));
  CHECK(parse_size("1G") == 1u << 30);
  CHECK(parse_size("512MiB") == 512u << 20);
  CHECK(parse_size("0x1B") == 0x1Bu);
  CHECK_FALSE(parse_size("99999999999999T"));
  CHECK_FALSE(parse_size("M"));
}

TEST_CASE("edit distance counts a swap of neighbours once") {
  CHECK(edit_distance("kernel", "kernel") == 0);
  CHECK(edit_distance("kenrel", "kernel") == 1);
  CHECK(edit_distance("", "abc") == 3);
}
