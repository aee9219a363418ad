// Our own faults: whatever goes wrong, the terminal is given back, a line says how to reproduce it, and the status
// is 70.
#pragma once
#include <string>

namespace ferry::control {

// `line` is printed after "reproduce with: ". Covers ASSERT and fatal signals. Call once.
void install_fatal_handlers(std::string line);

}  // namespace ferry::control
