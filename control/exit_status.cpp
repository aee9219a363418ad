#include "control/exit_status.h"

namespace ferry::control {

const char* ended_by_text(EndedBy ended_by) {
  switch (ended_by) {
    case EndedBy::PowerOff: return "poweroff";
    case EndedBy::Reset: return "reset";
    case EndedBy::Exit: return "exit";
    case EndedBy::Quit: return "quit";
    case EndedBy::Expect: return "expect";
    case EndedBy::StopAt: return "stop-at";
    case EndedBy::InsnLimit: return "limit-insns";
    case EndedBy::Timeout: return "timeout";
    case EndedBy::Interrupt: return "sigint";
    case EndedBy::Terminate: return "sigterm";
  }
  UNREACHABLE("an end without a name");
}

int exit_status(EndedBy ended_by, bool expecting, int guest_status) {
  switch (ended_by) {
    case EndedBy::Expect: return kExitOk;
    case EndedBy::PowerOff:
    case EndedBy::Reset:
    case EndedBy::StopAt: return expecting ? kExitNotSeen : kExitOk;
    case EndedBy::Exit: return expecting ? kExitNotSeen : guest_status;
    case EndedBy::Quit: return kExitOk;  // a person's choice, not the guest's end
    case EndedBy::InsnLimit:
    case EndedBy::Timeout: return kExitTimeout;
    case EndedBy::Interrupt: return kExitInterrupt;
    case EndedBy::Terminate: return kExitTerminate;
  }
  UNREACHABLE("an end without a status");
}

}  // namespace ferry::control
