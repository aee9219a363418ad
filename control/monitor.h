// The small monitor behind Ctrl-A c: commands in, text out.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "machines/machine.h"

namespace ferry::control {

class Monitor {
 public:
  Monitor(machines::Machine& machine, std::function<void()> quit) : machine_(machine), quit_(std::move(quit)) {}

  // One line; the answer ends with a newline unless it is empty. Not on a vCPU's thread: it stops the machine to look
  // at it.
  std::string execute(std::string_view line);

 private:
  machines::Machine& machine_;
  std::function<void()> quit_;
  unsigned cpu_ = 0;  // whose registers are shown
};

// The general registers, PC, PSTATE and the system registers that explain an exception, as text.
std::string register_text(cpu::CpuState& s);

}  // namespace ferry::control
