// How `ferry run` ends, as its exit status and as the word `ended_by` of --stats=json.
#pragma once
#include "core/check.h"
#include "core/types.h"

namespace ferry::control {

enum class EndedBy : u8 {
  PowerOff,   // the guest switched itself off
  Reset,      // -no-reboot, and the guest reset itself
  Exit,       // the guest ended with a status of its own (semihosting)
  Quit,       // Ctrl-A x, or the monitor's quit
  Expect,     // the string of --expect was seen
  StopAt,     // --stop-at was reached
  InsnLimit,  // --limit-insns was reached
  Timeout,    // --timeout was reached
  Interrupt,  // SIGINT
  Terminate,  // SIGTERM or SIGHUP
};

constexpr int kExitOk = 0;
constexpr int kExitUsage = 2;    // wrong options, or a file that is missing or bad
constexpr int kExitNotSeen = 3;  // --expect was given, and the guest ended without it
constexpr int kExitTimeout = 124;
constexpr int kExitInterrupt = 130;
constexpr int kExitTerminate = 143;

const char* ended_by_text(EndedBy ended_by);
// `expecting`: --expect was given (and, unless ended_by says so, not seen). `guest_status`: of Exit.
int exit_status(EndedBy ended_by, bool expecting, int guest_status = 0);

}  // namespace ferry::control
