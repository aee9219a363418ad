// Tests whose settings can be changed from outside: FERRY_SET="NAME=VALUE NAME=VALUE ...".
#pragma once
#include <cstdlib>
#include <sstream>
#include <string>

#include "core/settings.h"
#include "tests/catch.h"

namespace ferry::test {

inline Settings settings_from_environment(Settings settings) {
  const char* text = std::getenv("FERRY_SET");
  std::istringstream words(text == nullptr ? "" : text);
  for (std::string word; words >> word;) {
    const Status status = set_setting(settings, word);
    INFO((status ? "" : status.error().message));
    REQUIRE(status.ok());
  }
  return settings;
}

}  // namespace ferry::test
