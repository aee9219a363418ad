#include "core/time_scale.h"

#include <fstream>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ferry {
namespace {

bool looks_like_time() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(0x80000007, &a, &b, &c, &d) == 0 || !bit(d, 8)) return false;  // invariant TSC
  // The kernel leaves the TSC when it finds that it drifts or differs between processors.
  std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  std::string source;
  return file >> source && source == "tsc";
#else
  return false;
#endif
}

}  // namespace

bool host_ticks_are_time() {
  static const bool answer = looks_like_time();
  return answer;
}

}  // namespace ferry
