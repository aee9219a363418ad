#include "runtime/translator.h"

#include <algorithm>
#include <utility>

#include "core/activity.h"
#include "core/check.h"
#include "core/log.h"
#include "frontend/translate.h"
#include "ir/passes.h"
#include "ir/text.h"
#include "jit/helper_effects.h"
#include "runtime/guest_words.h"
#include "runtime/sampled_time.h"

namespace ferry::runtime {
namespace {

constexpr u64 kPageMask = ~u64{0xfff};
constexpr u32 kQuietRuns = 256;  // executions without a change after which churning code is compiled again

// The IR of the block that was compiled last: its memory serves the next one.
std::unique_ptr<ir::Block>& spare_ir() {
  static thread_local std::unique_ptr<ir::Block> one;
  return one;
}

}  // namespace

Translator::Translator(const Settings& settings, CodeSource& source, cpu::FeatureSet features)
    : settings_(settings),
      source_(source),
      features_(features),
      quiescent_([this](u64 version) { return source_.quiescent(version); }) {}

Translator::Found Translator::find(const Lookup& want, Stats& stats) {
  const activity::Scope scope(activity::Activity::Translate);
  std::lock_guard lock(mutex_);
  const u64 before = cache_.version();
  TranslatedBlock* block = find_locked(want.pa, want.va, want.mode, stats);
  if (block != nullptr && compiler_ && block->code.entry == nullptr && ++block->interpreted_runs >= kQuietRuns)
    block = compile_quiet(*block, stats);
  if (block != nullptr && settings_.chain_cross_page) note_place(*block->page, want);
  // A site of a version that is past may be gone.
  const bool site_lives =
      want.site != nullptr && want.version + 1 == before && cache_.version() == before && !cache_.changed();
  if (site_lives && want.site->tier == compiler_.get()) ++stats.link_misses;
  if (block != nullptr && block->code.entry != nullptr && site_lives && link_allowed(*want.site) &&
      cache_.link(*want.site, *block, want.context, quiescent_))
    ++stats.links;
  if (block != nullptr && (block->code.entry != nullptr || compiler_ == nullptr)) cache_.expose(*block);
  withdraw_changes();
  const u64 version = cache_.version() - 1;
  if (block == nullptr) return {nullptr, nullptr, version};
  return {block, block->code.entry, version};
}

TranslatedBlock* Translator::find_locked(u64 pa, u64 va, cpu::Mode mode, Stats& stats) {
  TranslatedBlock* block = cache_.find(pa, mode);
  if (CodePage* page = block != nullptr ? block->page : cache_.page(pa); page != nullptr && page->suspect) {
    shield_again(*page, stats);
    block = cache_.find(pa, mode);
  }
  return block != nullptr && check(*block, stats) ? block : build(pa, va, mode, stats);
}

bool Translator::link_allowed(const jit::LinkSite& site) const {
  // -d exec shows every block: none is linked.
  if (!settings_.chain_direct || log_enabled(LogCategory::kExec)) return false;
  return !site.cross_page ||
         (settings_.chain_cross_page && !static_cast<const TranslatedBlock*>(site.owner)->page->aliased);
}

// Links between pages, and regions over them, are known by their context alone: they ask that a page stands in one
// place of the context's mappings. Whoever enters a page somewhere comes here first, with that context.
void Translator::note_place(CodePage& page, const Lookup& want) {
  constexpr usize kMaxPlaces = 32;
  const u32 key = static_cast<u32>(want.context >> 32);
  const u64 va = want.va & kPageMask;
  const auto cut = [&] { cache_.cut_edges(page, [this](const TranslatedBlock& block) { purge(block); }); };
  for (const CodePage::Place& place : page.places) {
    if (place.key != key) continue;
    if (place.va != va && !std::exchange(page.aliased, true)) cut();
    return;
  }
  if (page.places.size() >= kMaxPlaces) {  // mostly of mappings that are long gone: all begins anew
    for (const TranslatedBlock* block : page.exposed) purge(*block);
    for (const TranslatedBlock* block : page.covered_by) purge(*block);
    cache_.isolate(page);
    cut();
    page.places.clear();
    page.aliased = false;
  }
  page.places.push_back({key, va});
}

// Ends an operation under the lock: what it unlinked or retired is withdrawn, and what was retired before and is out of
// reach is freed.
void Translator::withdraw_changes() {
  if (cache_.changed()) {
    const u64 version = source_.withdraw();
    ASSERT(version == cache_.version(), "code is withdrawn in order");
    cache_.advance();
  }
  if (cache_.retired() != 0) cache_.reclaim(quiescent_);
}

void Translator::purge(const TranslatedBlock& block) {
  if (compiler_ == nullptr)
    purges_.add({block.pa, &block, nullptr});
  else if (block.code.entry != nullptr)
    purges_.add({block.pa, block.code.entry, block.promoted ? block.promoted->first_code.entry : nullptr});
  cache_.touch();
}

// Since the counter of its own code was last set.
u64 Translator::executed_now(const TranslatedBlock& block) const {
  const i32* const counter = block.own_code().counter;
  const i64 full = static_cast<i64>(settings_.llvm_threshold);
  return counter == nullptr || *counter > full ? 0 : static_cast<u64>(full - *counter);
}

Executions Translator::executions() {
  std::lock_guard lock(mutex_);
  Executions all = gone_;
  cache_.for_each([&](const TranslatedBlock& block) { all.add(block.source, block.executed + executed_now(block)); });
  return all;
}

void Translator::discard(TranslatedBlock& block) {
  gone_.add(block.source, block.executed + executed_now(block));
  purge(block);
  cache_.discard(block);
}

// A written page is shielded first, so that a write from now on is seen again; its blocks are compared with its bytes
// when they are met. A page that is written all the time holds few that ever are; the others go in a sweep now and
// then.
void Translator::shield_again(CodePage& page, Stats& stats) {
  constexpr u64 kAlwaysUpTo = 4, kSweepEvery = 64;
  source_.shield(page.pa);
  page.suspect = false;
  ++page.generation;
  if (page.generation > kAlwaysUpTo && page.generation % kSweepEvery != 0) return;
  for (TranslatedBlock* block : std::vector<TranslatedBlock*>(page.blocks)) check(*block, stats);
}

// False: the page no longer holds the block's bytes, and the block is gone.
bool Translator::check(TranslatedBlock& block, Stats& stats) {
  CodePage& page = *block.page;
  if (block.checked == page.generation) return true;
  block.checked = page.generation;
  const u8* const host = source_.code_page(page.pa);
  if (host == nullptr || !holds_guest_words(host + (block.pa & 0xfff), block.source)) {
    ++stats.blocks_retranslated;
    page.count_change(block.pa);
    discard(block);
    return false;
  }
  const auto holds = [&](const TranslatedBlock::Covered& c) {
    return (c.pa & kPageMask) != page.pa || holds_guest_words(host + (c.pa & 0xfff), c.words);
  };
  if (block.promoted && !std::all_of(block.promoted->covered.begin(), block.promoted->covered.end(), holds)) {
    purge(block);
    cache_.demote(block);
  }
  return true;
}

void Translator::translate_ir(ir::Block& out, std::span<const u32> words, u64 pa, cpu::Mode mode, unsigned limit,
                              bool passes) {
  const u32 offset = static_cast<u32>(pa & 0xfff);
  frontend::translate(out, words, offset, mode, limit, features_);
  if (settings_.ir_passes && passes) {
    const std::string complaint = ir::optimize(out, jit::helper_effects, settings_.ir_verify);
    if (!complaint.empty()) log_text(LogCategory::kOp, ir::print(out));
    ASSERT(complaint.empty(), "an IR pass broke a block");
  }
  if (log_enabled(LogCategory::kOp)) log_text(LogCategory::kOp, ir::print(out));
}

bool Translator::one_instruction(u64 pa, cpu::Mode mode, ir::Block& out) {
  const u8* host = source_.code_page(pa & kPageMask);
  if (host == nullptr) return false;
  const u32 word = guest_word(host + (pa & 0xfff));
  out.insts.clear();
  frontend::translate(out, {&word, 1}, static_cast<u32>(pa & 0xfff), mode, 1, features_);
  return true;
}

TranslatedBlock* Translator::build(u64 pa, u64 va, cpu::Mode mode, Stats& stats) {
  // Shield before reading: a write after this is reported, so what we read is what we keep.
  CodePage& page = cache_.ensure_page(pa);
  if (page.blocks.empty()) {
    source_.shield(page.pa);
    page.suspect = false;
  }
  const u8* host = source_.code_page(pa & kPageMask);
  if (host == nullptr) {
    cache_.erase_page_if_empty(pa);
    return nullptr;
  }
  u32 words[ir::kMaxBlockInsns];
  const usize offset = pa & 0xfff;
  const unsigned limit =
      static_cast<unsigned>(std::min<u64>({settings_.block_limit, ir::kMaxBlockInsns, (0x1000 - offset) / 4}));
  copy_guest_words({words, limit}, host + offset);
  auto block = std::make_unique<TranslatedBlock>();
  block->pa = pa;
  block->va = va;
  block->mode = mode;
  // --tier llvm is to show what LLVM does with every block, so nothing is left to the interpreter there.
  const u32 churn = page.churn(pa);
  const bool churning = settings_.tier != Tier::Llvm && churn > settings_.smc_retranslate_limit;
  if (churning || !take_kept(*block, {words, limit}, stats)) {
    const SampledTime time(stats.blocks_translated);
    block->ir = spare_ir() != nullptr ? std::move(spare_ir()) : std::make_unique<ir::Block>();
    translate_ir(*block->ir, {words, limit}, pa, mode, limit, !churning);
    block->source.assign(words, words + block->ir->insn_count);
    time.add_to(stats.translate_ns);
    ++stats.blocks_translated;
    stats.insns_translated += block->ir->insn_count;
    if (compiler_ && !churning) compile(*block, stats);
    if (block->code.entry != nullptr && churn == 0) keep(*block);  // what changes will not be met again
  }
  remember_heat(*block);
  if (log_enabled(LogCategory::kInAsm) || log_enabled(LogCategory::kOutAsm)) log_block(*block, va);
  return &cache_.insert(std::move(block));
}

// A block that was interpreted because its bytes kept changing has been quiet: it is compiled after all. `block` is
// gone afterwards.
TranslatedBlock* Translator::compile_quiet(TranslatedBlock& block, Stats& stats) {
  CodePage* page = cache_.page(block.pa);
  if (page == nullptr || page->suspect) return &block;
  page->quiet(block.pa);
  const u64 pa = block.pa, va = block.va;
  const cpu::Mode mode = block.mode;
  discard(block);
  return build(pa, va, mode, stats);
}

void Translator::compile(TranslatedBlock& block, Stats& stats) {
  const SampledTime time(stats.blocks_baseline);
  Result<jit::CompiledCode> code = compiler_->compile(*block.ir, &block);
  if (!code) {
    flush_locked();
    ++stats.cache_flushes;
    code = compiler_->compile(*block.ir, &block);
    ASSERT(code.ok(), "a block does not fit into empty code memory");
  }
  take_code(block, std::move(*code));
  spare_ir() = std::move(block.ir);
  ++stats.blocks_baseline;
  stats.baseline_bytes += block.code.size;
  time.add_to(stats.baseline_ns);
}

void Translator::take_code(TranslatedBlock& block, jit::CompiledCode code) {
  block.code = std::move(code);
  block.tier = compiler_.get();
  for (jit::LinkSite* site : block.code.links) site->tier = block.tier;
  if (perf_map_ != nullptr) name_code(block, PerfMap::Kind::Block);
}

void Translator::name_code(const TranslatedBlock& block, PerfMap::Kind kind) {
  const jit::CompiledCode& code = block.code;
  perf_map_->add(code.entry, code.text != 0 ? code.text : code.size, block.va, block.mode.el(), kind);
}

void Translator::code_written(u64 pa) { range_written(pa & kPageMask, ~kPageMask + 1); }

void Translator::range_written(u64 base, u64 size) {
  std::lock_guard lock(written_mutex_);
  written_.push_back({base & kPageMask, size + (base & ~kPageMask)});
  written_flag_.store(true, std::memory_order_release);
}

void Translator::isolate_written() {
  const activity::Scope scope(activity::Activity::Translate);
  std::lock_guard lock(mutex_);
  std::vector<Range> ranges;
  {
    std::lock_guard written_lock(written_mutex_);
    ranges.swap(written_);
  }
  const auto isolate = [this](CodePage& page) {
    page.suspect = true;
    for (TranslatedBlock* block : page.exposed) purge(*block);
    for (TranslatedBlock* block : page.covered_by) purge(*block);
    cache_.isolate(page);
  };
  for (const Range& range : ranges) {
    if (range.size > ~kPageMask + 1)
      cache_.for_each_page(range.base, range.size, isolate);
    else if (CodePage* page = cache_.page(range.base))
      isolate(*page);
  }
  withdraw_changes();
  // The flag falls after the withdrawal: a vCPU that sees it down sees the new version too.
  std::lock_guard written_lock(written_mutex_);
  if (written_.empty()) written_flag_.store(false, std::memory_order_release);
}

void Translator::publish(Stats& stats) {
  const activity::Scope scope(activity::Activity::Translate);
  std::lock_guard lock(mutex_);
  for (RegionJob& job : tiering_->take_ready()) {
    keep_region(job);
    if (!still_holds(job)) {
      tiering_->compiler()->release(job.code);  // has never run
      ++stats.regions_dropped;
      continue;
    }
    ++stats.blocks_llvm;
    stats.llvm_ns += job.compile_ns;
    stats.llvm_bytes += job.code.size;
    put_in_place(job, *tiering_->compiler());
  }
  withdraw_changes();
}

void Translator::flush(const std::function<void()>& all_out) {
  std::lock_guard lock(mutex_);
  flush_locked(all_out);
}

void Translator::abandon() {
  stop_tiering();
  std::lock_guard lock(mutex_);
  cache_.abandon();
}

void Translator::flush_locked(const std::function<void()>& all_out) {
  purges_.add_everything();
  cache_.touch();
  source_.wait_quiescent(source_.withdraw());
  if (all_out) all_out();
  cache_.for_each([&](const TranslatedBlock& block) { gone_.add(block.source, block.executed + executed_now(block)); });
  cache_.clear();
  cache_.advance();
  if (compiler_) compiler_->reset();
  if (tiering_) tiering_->reset();
  if (kept_regions_) kept_regions_->reset();
}

}  // namespace ferry::runtime
