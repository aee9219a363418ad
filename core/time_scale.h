// Time by the host's cycle counter: what a clock publishes so that its readers, translated code among them, need no
// call. A reader takes `sequence`, the fields, the counter, and `sequence` again; the reading counts when the sequence
// was even and has not changed, and when the counter is less than `span` ticks behind `ticks`. Otherwise it asks
// Clock::now().
//   nanoseconds = ns + ((counter - ticks) * rate >> kRateShift)        the product fits 64 bits
#pragma once
#include <atomic>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "core/types.h"

namespace ferry {

struct TimeScale {
  static constexpr unsigned kRateShift = 32;
  std::atomic<u64> sequence{0};  // odd while the others change
  std::atomic<u64> ticks{0};     // the counter, and
  std::atomic<u64> ns{0};        // the clock at the same moment
  std::atomic<u64> rate{0};      // nanoseconds of a tick, times 2^kRateShift
  std::atomic<u64> span{0};      // 0: not by the counter
};

// The host's cycle counter, read after every earlier instruction and load. 0 where there is none.
inline u64 host_ticks() {
#if defined(__x86_64__)
  _mm_lfence();
  return __rdtsc();
#else
  return 0;
#endif
}

// Whether that counter runs at one rate, never stops, and agrees between processors: the host's kernel keeps its own
// time by it.
bool host_ticks_are_time();

}  // namespace ferry
