// Which blocks make a region, and whether it still holds when its code is there: the Translator's half of tiering.
#include <algorithm>
#include <chrono>

#include "core/activity.h"
#include "core/check.h"
#include "runtime/guest_words.h"
#include "runtime/translator.h"

namespace ferry::runtime {
namespace {

constexpr u64 kPageMask = ~u64{0xfff};
constexpr usize kMaxBlocks = 48;
constexpr u32 kHotRounds = 50;      // times the counter runs out
constexpr u32 kKnownRounds = 2;     // of a block that was hot in an earlier run
constexpr u64 kSoonNs = 2'000'000;  // between two of them
constexpr u32 kHotShare = 16;       // a block belongs to a region when it ran a 16th as often as the entry

}  // namespace

void Translator::start_tiering(std::function<void()> ready) {
  const auto make_ir = [this](ir::Block& out, const RegionJob::Source& source, cpu::Mode mode) {
    translate_ir(out, source.words, source.pa, mode, static_cast<unsigned>(source.words.size()));
  };
  tiering_ = std::make_unique<Tiering>(settings_, make_ir, std::move(ready));
}

void Translator::hot(const Lookup& want, Stats& stats) {
  const activity::Scope scope(activity::Activity::Translate);
  std::lock_guard lock(mutex_);
  TranslatedBlock* const found = find_locked(want.pa, want.va, want.mode, stats);
  if (found != nullptr && found->code.entry != nullptr) {
    count_out(*found, want.context, stats);
    if (found->promoted) purge(*found);  // whoever came here came by its old code
  }
  withdraw_changes();
}

// The block's counter runs out after so many more executions.
void Translator::count_from(TranslatedBlock& block, i32 executions) {
  const i32 full = static_cast<i32>(settings_.llvm_threshold);
  block.executed += executed_now(block);
  *block.code.counter = std::min(executions, full);
  block.executed -= executed_now(block);  // what the counter seems to have counted already; the sum is right
}

// Hot is what runs often and goes on doing so: a block whose counter runs out again and again, each time soon. A region
// costs some 10 ms; most blocks that once ran llvm.threshold times have had their day.
void Translator::count_out(TranslatedBlock& block, u64 context, Stats& stats) {
  // An old entry of a block that has its region: whoever came here is sent on by the dispatcher.
  i32* const counter = block.own_code().counter;
  if (counter != nullptr) {
    block.executed += executed_now(block);
    *counter = static_cast<i32>(settings_.llvm_threshold);
  }
  if (tiering_ == nullptr || block.promoted || block.code.counter == nullptr) return;
  if (block.ask_at != 0) {  // which says nothing about how hot it is now
    take_kept_region(block, context, stats);
    return;
  }
  const u64 now = Tiering::now_ns();
  const bool soon = now - std::exchange(block.counted_ns, now) <= kSoonNs || hot_rounds_ != 0;
  const u32 rounds = hot_rounds_ != 0 ? hot_rounds_ : block.was_hot ? kKnownRounds : kHotRounds;
  block.count_outs = soon ? block.count_outs + 1 : 1;
  if (block.count_outs < rounds || (block.requested_ns != 0 && now - block.requested_ns < Tiering::kPatienceNs)) return;
  RegionJob job = collect(block, context);
  job.requested_ns = now;
  tiering_->request(std::move(job));
}

bool Translator::is_warm(const TranslatedBlock& block) const {
  const i32* const counter = block.own_code().counter;
  const i32 full = static_cast<i32>(settings_.llvm_threshold);
  return block.count_outs > 0 || counter == nullptr || full - *counter >= full / static_cast<i32>(kHotShare);
}

// Whether a block may be of a region whose code lies `delta` bytes from the entry's page there: its page is the one
// that the region has there, or the first.
bool Translator::RegionPages::admit(u64 pa, i64 delta) {
  if (delta < -kFarthest || delta > kFarthest) return false;
  const auto [at, is_new] = pages_.emplace(static_cast<i32>(delta), pa & kPageMask);
  return is_new || at->second == (pa & kPageMask);
}

// What is linked to the entry and runs nearly as often, near ones first: those of its Mode, and where calls return to;
// into other pages by jumps whose links hold in the context in which the entry is hot, so that a loop that lies across
// pages is whole. In another context the region is left where it changes pages. A function called in another page is
// no part of it: that makes regions large, and late. A way through the code that gets hot later gets a region of its
// own, from where it begins, again with all that is hot around it; the first one leads there.
RegionJob Translator::collect(TranslatedBlock& entry, u64 context) {
  RegionJob job;
  job.entry = &entry;
  job.pa = entry.pa;
  job.mode = entry.mode;
  job.context = context;
  const bool over_pages = settings_.chain_cross_page;
  struct Part {
    TranslatedBlock* block = nullptr;
    i64 delta = 0;  // bytes from the entry's page to the block's
  };
  std::vector<Part> parts;
  RegionPages pages;
  usize insns = 0;
  const auto add = [&](TranslatedBlock* b, i64 delta) {
    if (b == nullptr || b->mode != entry.mode || parts.size() >= kMaxBlocks) return;
    if (b != &entry && (!is_warm(*b) || insns + b->insn_count() > settings_.llvm_region_insns)) return;
    if (std::any_of(parts.begin(), parts.end(), [b](const Part& p) { return p.block == b; })) return;
    if (!pages.admit(b->pa, delta)) return;
    insns += b->insn_count();
    parts.push_back({b, delta});
  };
  add(&entry, 0);
  for (usize i = 0; i < parts.size(); ++i) {
    TranslatedBlock& b = *parts[i].block;
    const i64 delta = parts[i].delta;
    const jit::CompiledCode& code = b.own_code();
    for (const jit::LinkSite* site : code.links) {
      const i64 step = site->offset & ~i64{0xfff};
      if (!site->cross_page || (over_pages && !site->is_call && site->linked && *site->context_slot == context))
        add(static_cast<TranslatedBlock*>(site->target), delta + step);
      if (site->is_call && ((b.pa + 4 * u64{b.insn_count()}) & 0xfff) != 0)
        add(cache_.find(b.pa + 4 * u64{b.insn_count()}, b.mode), delta);
    }
  }
  // The others' own counters run out as well, about now: they need not ask for the same again.
  for (const Part& p : parts) {
    job.sources.push_back({p.block->pa, static_cast<i32>(p.delta), p.block->source});
    p.block->requested_ns = Tiering::now_ns();
  }
  return job;
}

// Under the lock: the entry is still there, and the guest's bytes are what was compiled. Their pages are shielded, so a
// later write is seen.
bool Translator::still_holds(const RegionJob& job) {
  TranslatedBlock* const entry = cache_.find(job.pa, job.mode);
  if (entry == nullptr || entry != job.entry || entry->promoted || entry->source != job.sources[0].words) return false;
  for (const RegionJob::Source& source : job.sources) {
    const CodePage* page = cache_.page(source.pa);
    if (page == nullptr || page->blocks.empty() || page->suspect) return false;
    if (page->aliased && job.sources.size() > 1) {
      for (const RegionJob::Source& other : job.sources)
        if (((other.pa ^ source.pa) & kPageMask) != 0 || other.page_delta != source.page_delta) return false;
    }
    const u8* host = source_.code_page(page->pa);
    if (host == nullptr || !holds_guest_words(host + (source.pa & 0xfff), source.words)) return false;
  }
  return true;
}

// The entry runs the job's code from now on.
void Translator::put_in_place(RegionJob& job, jit::Tier& tier) {
  std::vector<TranslatedBlock::Covered> covered;
  for (usize i = 1; i < job.sources.size(); ++i)
    covered.push_back({job.sources[i].pa, std::move(job.sources[i].words)});
  cache_.promote(*job.entry, std::move(job.code), tier, std::move(covered));
  if (perf_map_ != nullptr) name_code(*job.entry, PerfMap::Kind::Region);
  log_region(*job.entry);
  purge(*job.entry);
}

}  // namespace ferry::runtime
