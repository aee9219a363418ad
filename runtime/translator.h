// From a guest address to something that can run: translation, compilation, the block cache, code that changes. Shared
// by all vCPUs.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/settings.h"
#include "jit/tier.h"
#include "runtime/block_cache.h"
#include "runtime/stats.h"
#include "runtime/tiering.h"

namespace ferry::runtime {

// The guest's code as the translator reads it.
class CodeSource {
 public:
  virtual ~CodeSource() = default;
  // Host pointer to the 4 KiB page at pa while it is plain memory, else nullptr.
  virtual const u8* code_page(u64 pa) = 0;
  // From now on writes to the page are reported (Translator::code_written), once; until the next call.
  virtual void shield(u64 pa) = 0;
};

class Translator {
 public:
  Translator(const Settings& settings, CodeSource& source, cpu::FeatureSet features = {});

  // The block at pa for the mode (va: where it runs, for logs only), compiled if the tier compiles; nullptr when the
  // page cannot be read as memory. Call with no vCPU of this thread inside translated code. May flush the whole cache
  // when code memory is full: *flushed is then set and every jump cache must be cleared before translated code runs
  // again.
  TranslatedBlock* get(u64 pa, u64 va, cpu::Mode mode, bool& flushed, Stats& stats);
  // A block that was interpreted because its bytes kept changing has been quiet: it is compiled after all. `block` is
  // gone afterwards.
  void compile_quiet(TranslatedBlock& block, bool& flushed, Stats& stats);
  // A block of one instruction that is in no cache; for exact stepping.
  bool one_instruction(u64 pa, cpu::Mode mode, ir::Block& out);
  // Makes the exit that was last left by go straight to `target` from now on.
  void link(jit::LinkSite& site, TranslatedBlock& target, u64 context, Stats& stats);

  // A shielded page was written (any thread). Its blocks are isolated by the next isolate_written().
  void code_written(u64 pa);
  // The same for a page that may hold no code at all.
  void code_written_if_known(u64 pa);
  bool has_written() const { return written_flag_.load(std::memory_order_acquire); }
  // Takes the written pages' blocks out of all links; calls purge(block) for each so that the vCPU's jump cache forgets
  // it.
  template <class F>
  void isolate_written(F purge);
  // The block's counter ran out: a region of it and what it is linked to goes to the compile thread, unless it is one
  // already.
  void hot(TranslatedBlock& block, u64 context);
  // Whether finished regions wait for publish(), which puts them in place; calls purge(block) for each block that got
  // one.
  bool has_regions() const { return tiering_ != nullptr && tiering_->has_ready(); }
  template <class F>
  void publish(F purge, Stats& stats);
  // Frees the code of what was dropped since. No vCPU is inside translated code, and none holds a link site. Both only
  // where one thread runs all vCPUs.
  bool has_dropped() const { return cache_.has_retired(); }
  void release_dropped();
  // Starts the compile thread for hot regions; ready is called on it when there is something to publish.
  void start_tiering(std::function<void()> ready);
  void stop_tiering() { tiering_.reset(); }
  // All blocks go (fw changes, reset, setting changes).
  void flush();

  // Runs compiled code; only for blocks with code.
  u32 enter(cpu::CpuState& s, TranslatedBlock& block) { return compiler_->enter(s, block.code.entry); }
  // How -d out_asm writes host code: bytes to text. Without one nothing is written.
  using HostText = std::string (*)(const void* code, usize size);
  void set_host_text(HostText text) { host_text_ = text; }
  void set_compiler(std::unique_ptr<jit::Tier> tier) { compiler_ = std::move(tier); }
  jit::Tier* compiler() { return compiler_.get(); }
  usize block_count() const { return cache_.size(); }

 private:
  TranslatedBlock* build(u64 pa, u64 va, cpu::Mode mode, bool& flushed, Stats& stats);
  void log_block(const TranslatedBlock& block, u64 va) const;
  void translate_ir(ir::Block& out, std::span<const u32> words, u64 pa, cpu::Mode mode, unsigned limit);
  void compile(TranslatedBlock& block, bool& flushed, Stats& stats);
  void revalidate(CodePage& page, Stats& stats);
  void flush_locked();
  RegionJob collect(TranslatedBlock& entry, u64 context);
  bool still_holds(const RegionJob& job);

  const Settings& settings_;
  CodeSource& source_;
  const cpu::FeatureSet features_;  // of the processors' model
  std::unique_ptr<jit::Tier> compiler_;
  HostText host_text_ = nullptr;
  std::mutex mutex_;  // cache_, written_ and links
  BlockCache cache_;
  std::mutex written_mutex_;
  std::vector<u64> written_;
  std::atomic<bool> written_flag_{false};
  std::unique_ptr<Tiering> tiering_;
};

template <class F>
void Translator::publish(F purge, Stats& stats) {
  std::lock_guard lock(mutex_);
  for (RegionJob& job : tiering_->take_ready()) {
    if (!still_holds(job)) {
      tiering_->compiler()->release(job.code);  // has never run
      ++stats.regions_dropped;
      continue;
    }
    std::vector<TranslatedBlock::Covered> covered;
    for (usize i = 1; i < job.sources.size(); ++i)
      covered.push_back({job.sources[i].pa, std::move(job.sources[i].words)});
    ++stats.blocks_llvm;
    stats.llvm_ns += job.compile_ns;
    stats.llvm_bytes += job.code.size;
    cache_.promote(*job.entry, std::move(job.code), *tiering_->compiler(), std::move(covered));
    purge(*job.entry);
  }
}

template <class F>
void Translator::isolate_written(F purge) {
  std::vector<u64> pages;
  {
    std::lock_guard lock(written_mutex_);
    pages.swap(written_);
    written_flag_.store(false, std::memory_order_release);
  }
  std::lock_guard lock(mutex_);
  for (const u64 pa : pages) {
    CodePage* page = cache_.page(pa);
    if (page == nullptr) continue;
    page->suspect = true;
    for (TranslatedBlock* block : page->blocks) purge(*block);
    for (TranslatedBlock* block : page->covered_by) purge(*block);
    cache_.isolate(*page);
  }
}

}  // namespace ferry::runtime
