// The command line of `ferry run` and `ferry verify`, an argument a line.
#include "app/options.h"
#include "app/verify_options.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace ferry;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> arguments;
  for (usize at = 0; at < text.size() && arguments.size() < 32;) {
    const usize end = std::min(text.find('\n', at), text.size());
    arguments.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (auto line = app::parse_command_line(arguments); line && line->ask == app::Ask::Run)
    (void)app::complete_command_line(*line).ok();
  (void)app::parse_verify_options(arguments).ok();
  return 0;
}
