// The keys behind Ctrl-A on a terminal that carries a serial line and the monitor.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "core/types.h"

namespace ferry::control {

class EscapeKeys {
 public:
  enum class Action : u8 { None, Quit, ToggleMonitor, Help, Pass };
  static constexpr char kEscape = 1;  // Ctrl-A

  // One typed byte: Pass means that it is for the line (an escaped Ctrl-A too).
  Action type(char c);

 private:
  bool escaped_ = false;
};

// What Ctrl-A h prints.
std::string_view escape_help();

// Collects a typed line with echo and backspace.
class LineEditor {
 public:
  // Takes a byte, appends what is to be echoed; true when `line()` is complete (the next byte begins a new one).
  bool type(char c, std::string& echo);
  const std::string& line() const { return line_; }

 private:
  std::string line_;
  bool complete_ = false;
};

}  // namespace ferry::control
