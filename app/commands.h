// The commands of the `ferry` program. Each returns the exit status.
#pragma once
#include <span>
#include <string_view>

namespace ferry::app {

using Arguments = std::span<const std::string_view>;

// The program: `arguments` without its own name.
int ferry_main(Arguments arguments);

int run_command(Arguments arguments);
int explain_command(Arguments arguments);
int cpu_command(Arguments arguments);
int reference_command(Arguments arguments);
int verify_command(Arguments arguments);
int cache_command(Arguments arguments);

}  // namespace ferry::app
