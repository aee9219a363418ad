#include "control/semihosting_terminal.h"

#include <unistd.h>

#include <cerrno>

namespace ferry::control {

// Unbuffered, as standard error is; what it does not take is lost.
void SemihostingTerminal::write_error(std::span<const u8> bytes) {
  while (!bytes.empty()) {
    if (!own_error_) {
      bytes = bytes.subspan(write(bytes));
      continue;
    }
    const ssize_t done = ::write(STDERR_FILENO, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return;
    bytes = bytes.subspan(static_cast<usize>(done));
  }
}

}  // namespace ferry::control
