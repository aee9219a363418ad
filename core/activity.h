// What each of our threads is doing, and how much processor time goes where: a thread says it with a Scope on entering
// a part of the engine, and, while sampling is on, a timer of the thread's own processor time counts what it finds.
#pragma once
#include <array>
#include <string_view>

#include "core/types.h"

namespace ferry::activity {

enum class Activity : u8 {
  Other,        // what no Scope covers: start, console, files
  Dispatch,     // between two runs of translated code
  Guest,        // entered translated code: Baseline, Optimized or Helpers by where the sample's PC is
  Interpreter,  // the interpreter runs guest instructions
  Translate,    // decoder, frontend, passes, baseline compiler, block cache
  Optimize,     // the thread that compiles regions
  Memory,       // slow paths of the soft MMU: walks, maintenance, unaligned and refused accesses
  Device,       // device models and interrupt controller
  Baseline,     // host code of the baseline tier
  Optimized,    // host code of regions
  Helpers,      // semantic functions that translated code calls
  kCount,
};
constexpr usize kActivities = static_cast<usize>(Activity::kCount);
std::string_view name(Activity activity);

inline constinit thread_local volatile Activity current = Activity::Other;

// The activity of the calling thread, until the end of the block.
class Scope {
 public:
  explicit Scope(Activity activity) : before_(current) { current = activity; }
  ~Scope() { current = before_; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  const Activity before_;
};

constexpr u64 kSampleNs = 1'000'000;  // processor time of a thread between two samples

// From now on threads that attach are sampled. Once, before they start.
void start_sampling();
bool is_sampling();

// A thread's samples, from here to the end of the block. Without sampling it costs nothing.
class Attach {
 public:
  Attach();
  ~Attach();
  Attach(const Attach&) = delete;
  Attach& operator=(const Attach&) = delete;

 private:
  void* timer_ = nullptr;
  bool armed_ = false;
};

// Host code in [begin, begin + size) is of that kind. Any thread; at most 8 ranges, further ones are ignored.
void add_code_range(const void* begin, usize size, Activity kind);

// Samples so far, of all threads. One is kSampleNs of processor time.
std::array<u64, kActivities> samples();

}  // namespace ferry::activity
