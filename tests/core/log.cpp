#include "core/log.h"

#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/catch.h"

using namespace ferry;

TEST_CASE("log categories parse; an unknown one is an error that lists them") {
  auto mask = parse_log_categories("int,guest_errors");
  REQUIRE(mask.ok());
  CHECK(*mask == ((1u << static_cast<u32>(LogCategory::kInt)) | (1u << static_cast<u32>(LogCategory::kGuestErrors))));
  const auto bad = parse_log_categories("int,nonsense");
  REQUIRE_FALSE(bad.ok());
  CHECK(bad.error().message.find("'nonsense'") != std::string::npos);
  CHECK(bad.error().message.find("in_asm") != std::string::npos);
}

TEST_CASE("only enabled categories are written, and guest errors are limited") {
  const std::string path = "ferry-log-test.log";
  REQUIRE(set_log_file(path).ok());
  set_log_mask(*parse_log_categories("guest_errors"));
  log(LogCategory::kInt, "not this");
  for (int i = 0; i < 1000; ++i) guest_error("uart: line {}", i);
  set_log_mask(0);
  REQUIRE(set_log_file("").ok());
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::remove(path.c_str());
  CHECK(text.str().find("not this") == std::string::npos);
  CHECK(text.str().find("uart: line 0\n") != std::string::npos);
  CHECK(text.str().find("uart: line 999\n") == std::string::npos);
}

TEST_CASE("a log file that cannot be written is one line") {
  const Status status = set_log_file("/nonexistent/x.log");
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message.rfind("/nonexistent/x.log: ", 0) == 0);
}
