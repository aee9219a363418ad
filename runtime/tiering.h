// Tiering: hot blocks become regions that a thread of its own compiles; finished ones wait until a vCPU takes them
// over.
//
// The thread sees copies of the guest's bytes only. Whether they still hold is decided at the take-over
// (Translator::publish), where the block cache's lock is held.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/settings.h"
#include "jit/kept_regions.h"
#include "jit/tier.h"
#include "runtime/block_cache.h"

namespace ferry::runtime {

// A region to compile, or compiled.
struct RegionJob {
  struct Source {
    u64 pa = 0;
    i32 page_delta = 0;
    std::vector<u32> words;
  };
  TranslatedBlock* entry = nullptr;
  u64 pa = 0;
  cpu::Mode mode;
  u64 context = 0;
  u64 generation = 0;
  std::vector<Source> sources;  // the first is the entry's
  jit::CompiledCode code;
  std::vector<u8> saved;     // the code for later runs; empty: it is not kept
  std::vector<u8> expected;  // cache.verify: this is all compiling it is for
  u64 compile_ns = 0;
  u64 requested_ns = 0;  // Tiering::now_ns()
};

class Tiering {
 public:
  // Makes the IR of guest words as the translator would.
  using MakeIr = std::function<void(ir::Block& out, const RegionJob::Source& source, cpu::Mode mode)>;
  // ready: called on the compile thread when there is something to take.
  Tiering(const Settings& settings, MakeIr make_ir, std::function<void()> ready);
  ~Tiering();

  // The host's clock.
  static u64 now_ns();
  // A region that was not compiled within this time may be asked for again.
  static constexpr u64 kPatienceNs = 2'000'000'000;
  // Hands a region to the compile thread, which takes the newest first: that is the one that is still hot.
  void request(RegionJob job);
  bool has_ready() const { return ready_flag_.load(std::memory_order_acquire); }
  std::vector<RegionJob> take_ready();
  // Returns when nothing waits to be compiled and nothing is being compiled (for tests).
  void wait_idle();
  // Everything compiled is gone, also what is under way. Waits for a compilation.
  void reset();
  // The compiler; null before the first region.
  jit::RegionTier* compiler() { return compiler_.get(); }
  // Code of earlier runs, which shares the limits of regions and of heap. It stays as long as this.
  void share_limits(const jit::KeptRegions& kept);
  // Whether they hold another region.
  bool has_room() const;

 private:
  void run();
  void compile(RegionJob& job);
  usize regions() const;
  void hold_back();

  const Settings& settings_;
  MakeIr make_ir_;
  std::function<void()> ready_callback_;
  std::unique_ptr<jit::RegionTier> compiler_;
  std::atomic<const jit::KeptRegions*> kept_{nullptr};
  mutable std::mutex mutex_;  // jobs_, ready_, generation_, stop_
  std::condition_variable wake_, idle_;
  std::deque<RegionJob> jobs_;
  std::vector<RegionJob> ready_;
  std::atomic<bool> ready_flag_{false};
  u64 generation_ = 0;
  u64 delay_state_ = 1;
  bool stop_ = false;
  bool busy_ = false;
  bool complained_ = false;
  bool failed_ = false;  // no compiler could be made, or its memory is full
  std::thread thread_;
};

}  // namespace ferry::runtime
