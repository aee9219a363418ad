#include "core/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace ferry {
namespace {
std::atomic<void (*)()> reproduction_printer{nullptr};
}

void set_reproduction_printer(void (*print)()) { reproduction_printer = print; }

void assertion_failed(const char* condition, const char* sentence, const char* file, int line) {
  std::fprintf(stderr, "ferry: internal error: %s (%s) at %s:%d\n", sentence, condition, file, line);
  if (auto* print = reproduction_printer.exchange(nullptr)) print();
  std::fflush(nullptr);
  std::_Exit(kExitInternal);
}

}  // namespace ferry
