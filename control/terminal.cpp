#include "control/terminal.h"

#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace ferry::control {
namespace {

termios saved;
std::atomic<bool> have_saved{false};
std::atomic<bool> is_raw{false};

}  // namespace

bool terminal_raw(bool keep_signals) {
  if (isatty(STDIN_FILENO) == 0 || tcgetpgrp(STDIN_FILENO) != getpgrp()) return false;
  if (!have_saved) {
    if (tcgetattr(STDIN_FILENO, &saved) != 0) return false;
    have_saved = true;
    std::atexit(terminal_restore);
  }
  termios raw = saved;
  raw.c_iflag &= ~static_cast<tcflag_t>(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
  raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | IEXTEN);
  if (!keep_signals) raw.c_lflag &= ~static_cast<tcflag_t>(ISIG);
  raw.c_cflag &= ~static_cast<tcflag_t>(CSIZE | PARENB);
  raw.c_cflag |= CS8;
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  // Output processing stays on: our own messages end lines with \n alone, and a guest's \r\n passes through it
  // unharmed.
  is_raw = true;
  return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void terminal_restore() {
  if (!is_raw.exchange(false)) return;
  tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

}  // namespace ferry::control
