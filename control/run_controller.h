// One `ferry run`, from the options to the exit status.
#pragma once
#include "control/run_options.h"

namespace ferry::control {

// Builds the machine, runs it until something ends it, reports. Errors go to stderr as one line, with status 2. Call
// once, from the main thread, before other threads exist: it takes over signals and the terminal.
int run_machine(const RunOptions& options);

}  // namespace ferry::control
