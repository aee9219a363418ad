// The terminal ferry was started on: raw while the guest has it, as it was afterwards, whatever happens. Like stdin it
// belongs to the process.
#pragma once
#include "core/types.h"

namespace ferry::control {

// Makes the terminal on stdin raw, if there is one and this process is in its foreground; else does nothing.
// `keep_signals`: Ctrl-C and Ctrl-Z still send signals. The earlier mode comes back at exit() at the latest. Returns
// whether the terminal is raw now.
bool terminal_raw(bool keep_signals);

// Gives the terminal its mode back. Safe in a signal handler, and to call twice.
void terminal_restore();

}  // namespace ferry::control
