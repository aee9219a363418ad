// From a guest address to something that can run: translation, compilation, the block cache, code that changes. Shared
// by all vCPUs.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/settings.h"
#include "jit/kept_regions.h"
#include "jit/tier.h"
#include "runtime/block_cache.h"
#include "runtime/executions.h"
#include "runtime/perf_map.h"
#include "runtime/persistent/code_store.h"
#include "runtime/purge_log.h"
#include "runtime/stats.h"
#include "runtime/tiering.h"

namespace ferry::runtime {

// The guest's code as the translator reads it.
class CodeSource {
 public:
  virtual ~CodeSource() = default;
  // Host pointer to the 4 KiB page at pa while it is plain memory, else nullptr.
  virtual const u8* code_page(u64 pa) = 0;
  // From now on writes to the page are reported (Translator::code_written), once; until the next call. May wait for
  // other vCPUs.
  virtual void shield(u64 pa) = 0;
  // The gate between translated code and its removal: softmmu::Shootdown.
  virtual u64 withdraw() = 0;
  virtual bool quiescent(u64 version) = 0;
  virtual void wait_quiescent(u64 version) = 0;
};

// All functions may be called from any thread that is outside translated code, and may wait for vCPUs that are inside.
class Translator {
 public:
  Translator(const Settings& settings, CodeSource& source, cpu::FeatureSet features = {});

  struct Lookup {
    u64 pa = 0, va = 0;  // va: for logs only
    cpu::Mode mode;
    u64 context = 0;
    jit::LinkSite* site = nullptr;  // the direct exit that led here; null: none to be linked
    u64 version = 0;                // of the code, when the site was left by
  };
  struct Found {
    TranslatedBlock* block = nullptr;  // null: the page cannot be read as memory
    const void* code = nullptr;        // its host code; null: block->ir is interpreted
    u64 version = 0;                   // of the code, when it was found
  };
  // The block for that place and Mode, compiled if the tier compiles. What is returned may be touched only inside the
  // gate, and only if no code was withdrawn since that version.
  Found find(const Lookup& want, Stats& stats);
  // A block of one instruction that is in no cache; for exact stepping.
  bool one_instruction(u64 pa, cpu::Mode mode, ir::Block& out);

  // A shielded page was written (any thread, also inside). Its blocks are isolated by the next isolate_written().
  void code_written(u64 pa);
  // The same for a range of which some pages may hold code.
  void range_written(u64 base, u64 size);
  // Stays true until all of it has been isolated, so that whoever finds it false can rely on that.
  bool has_written() const { return written_flag_.load(std::memory_order_acquire); }
  // Takes the written pages' blocks out of all links and jump caches.
  void isolate_written();
  // The counter of the block for that place ran out: a region of it and what it is linked to goes to the compile
  // thread, unless it is one already.
  void hot(const Lookup& want, Stats& stats);
  // Whether finished regions wait for publish(), which puts them in place.
  bool has_regions() const { return tiering_ != nullptr && tiering_->has_ready(); }
  void publish(Stats& stats);
  // A block is hot when its counter has run out so often, whenever that was (for tests).
  void set_hot_rounds(u32 rounds) { hot_rounds_ = rounds; }
  // Returns when the compile thread has nothing to do; what it made waits for publish() (for tests).
  void wait_for_regions() {
    if (tiering_ != nullptr) tiering_->wait_idle();
  }
  // Starts the compile thread for hot regions; ready is called on it when there is something to publish.
  void start_tiering(std::function<void()> ready);
  void stop_tiering() { tiering_.reset(); }
  // The process is about to end and no vCPU runs: blocks are forgotten, not freed one by one.
  void abandon();
  // All blocks go (fw changes, reset, setting changes). all_out: called when no vCPU is inside or knows a block.
  void flush(const std::function<void()>& all_out = {});
  // What jump caches must forget. To be looked at after each change of the gate's version.
  PurgeLog& purges() { return purges_; }

  // How -d out_asm writes host code: bytes to text. Without one nothing is written.
  using HostText = std::string (*)(const void* code, usize size);
  void set_host_text(HostText text) { host_text_ = text; }
  // Who is told the names of what is compiled. Before the first block.
  void set_perf_map(std::unique_ptr<PerfMap> map) { perf_map_ = std::move(map); }
  void set_compiler(std::unique_ptr<jit::Tier> tier) { compiler_ = std::move(tier); }
  jit::Tier* compiler() { return compiler_.get(); }
  // Code that outlives the run. Before the first block.
  void set_code_store(std::unique_ptr<persistent::CodeStore> store) { code_store_ = std::move(store); }
  usize block_count() const { return cache_.size(); }
  // What all blocks have executed that carry counters (the tier "tiered").
  Executions executions();

 private:
  TranslatedBlock* find_locked(u64 pa, u64 va, cpu::Mode mode, Stats& stats);
  TranslatedBlock* build(u64 pa, u64 va, cpu::Mode mode, Stats& stats);
  TranslatedBlock* compile_quiet(TranslatedBlock& block, Stats& stats);
  void log_block(const TranslatedBlock& block, u64 va) const;
  void log_region(const TranslatedBlock& entry) const;
  void translate_ir(ir::Block& out, std::span<const u32> words, u64 pa, cpu::Mode mode, unsigned limit,
                    bool passes = true);
  void compile(TranslatedBlock& block, Stats& stats);
  bool take_kept(TranslatedBlock& block, std::span<const u32> words, Stats& stats);
  void verify_kept(const TranslatedBlock& block, std::span<const u32> words, const persistent::CodeStore::Block& kept);
  void take_code(TranslatedBlock& block, jit::CompiledCode code);
  void name_code(const TranslatedBlock& block, PerfMap::Kind kind);
  void remember_heat(TranslatedBlock& block);
  void keep(const TranslatedBlock& block);
  void shield_again(CodePage& page, Stats& stats);
  bool check(TranslatedBlock& block, Stats& stats);
  void flush_locked(const std::function<void()>& all_out = {});
  void purge(const TranslatedBlock& block);
  void discard(TranslatedBlock& block);
  void withdraw_changes();
  u64 executed_now(const TranslatedBlock& block) const;
  bool link_allowed(const jit::LinkSite& site) const;
  void note_place(CodePage& page, const Lookup& want);
  void count_out(TranslatedBlock& block, u64 context, Stats& stats);
  void count_from(TranslatedBlock& block, i32 executions);
  bool is_warm(const TranslatedBlock& block) const;
  // The physical page of each page of a region, by its distance from the entry's.
  class RegionPages {
   public:
    bool admit(u64 pa, i64 delta);

   private:
    static constexpr i64 kFarthest = i64{1} << 30;
    std::map<i32, u64> pages_;
  };
  RegionJob collect(TranslatedBlock& entry, u64 context);
  bool still_holds(const RegionJob& job);
  void put_in_place(RegionJob& job, jit::Tier& tier);
  void keep_region(const RegionJob& job);
  void take_kept_region(TranslatedBlock& entry, u64 context, Stats& stats);
  bool locate(TranslatedBlock& entry, u64 context, const std::vector<persistent::CodeStore::Part>& parts,
              RegionJob& job);
  jit::KeptRegions* kept_regions();

  const Settings& settings_;
  CodeSource& source_;
  const cpu::FeatureSet features_;  // of the processors' model
  std::unique_ptr<jit::Tier> compiler_;
  std::unique_ptr<persistent::CodeStore> code_store_;
  std::unique_ptr<jit::KeptRegions> kept_regions_;  // null before the first, and when there can be none
  bool no_kept_regions_ = false;
  std::vector<u8> saved_;  // scratch
  HostText host_text_ = nullptr;
  std::unique_ptr<PerfMap> perf_map_;
  std::mutex mutex_;  // cache_ and links; never taken inside translated code
  BlockCache cache_;
  Executions gone_;  // of blocks that are no more
  BlockCache::Quiescent quiescent_;
  PurgeLog purges_;
  std::mutex written_mutex_;  // written_; taken inside too
  struct Range {
    u64 base = 0, size = 0;
  };
  std::vector<Range> written_;
  std::atomic<bool> written_flag_{false};
  std::unique_ptr<Tiering> tiering_;
  u32 hot_rounds_ = 0;  // 0: kHotRounds and kSoonNs
};

}  // namespace ferry::runtime
