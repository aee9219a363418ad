#include <string_view>
#include <vector>

#include "app/commands.h"

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  return ferry::app::ferry_main(arguments);
}
