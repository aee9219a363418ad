#include "control/escape.h"

namespace ferry::control {

EscapeKeys::Action EscapeKeys::type(char c) {
  if (!escaped_) {
    escaped_ = c == kEscape;
    return escaped_ ? Action::None : Action::Pass;
  }
  escaped_ = false;
  switch (c) {
    case 'x': return Action::Quit;
    case 'c': return Action::ToggleMonitor;
    case kEscape: return Action::Pass;
    default: return Action::Help;
  }
}

std::string_view escape_help() {
  return "\n"
         "Ctrl-A x       end ferry\n"
         "Ctrl-A c       between the serial line and the monitor\n"
         "Ctrl-A h       this help\n"
         "Ctrl-A Ctrl-A  send Ctrl-A to the guest\n";
}

bool LineEditor::type(char c, std::string& echo) {
  constexpr usize kLongestLine = 1000;
  if (complete_) {
    line_.clear();
    complete_ = false;
  }
  if (c == '\r' || c == '\n') {
    echo += '\n';
    complete_ = true;
  } else if (c == '\b' || c == 127) {
    if (!line_.empty()) {
      line_.pop_back();
      echo += "\b \b";
    }
  } else if (c == 21) {  // Ctrl-U
    for (usize i = 0; i < line_.size(); ++i) echo += "\b \b";
    line_.clear();
  } else if (c >= ' ' && line_.size() < kLongestLine) {
    line_ += c;
    echo += c;
  }
  return complete_;
}

}  // namespace ferry::control
