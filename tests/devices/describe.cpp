#include "devices/describe.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/catch.h"

TEST_CASE("the reference page of the devices is what the registers say (FERRY_UPDATE=1 rewrites it)") {
  const std::string path = std::string(FERRY_SOURCE_DIR) + "/docs/reference/devices.md";
  const std::string expected = ferry::devices::describe_models();
  if (std::getenv("FERRY_UPDATE") != nullptr) std::ofstream(path) << expected;
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  CHECK(text == expected);
}
