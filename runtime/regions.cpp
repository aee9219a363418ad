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
    count_out(*found, want.context);
    if (found->first_tier != nullptr) purge(*found);  // whoever came here came by its old code
  }
  withdraw_changes();
}

// Hot is what runs often and goes on doing so: a block whose counter runs out again and again, each time soon. A region
// costs some 10 ms; most blocks that once ran llvm.threshold times have had their day.
void Translator::count_out(TranslatedBlock& block, u64 context) {
  // An old entry of a block that has its region: whoever came here is sent on by the dispatcher.
  i32* const counter = block.first_tier != nullptr ? block.first_code.counter : block.code.counter;
  if (counter != nullptr) {
    block.executed += executed_now(block);
    *counter = static_cast<i32>(settings_.llvm_threshold);
  }
  if (tiering_ == nullptr || block.first_tier != nullptr || block.code.counter == nullptr) return;
  const u64 now = Tiering::now_ns();
  const bool soon = now - std::exchange(block.counted_ns, now) <= kSoonNs;
  block.count_outs = soon ? block.count_outs + 1 : 1;
  if (block.count_outs < (block.was_hot ? kKnownRounds : kHotRounds) ||
      (block.requested_ns != 0 && now - block.requested_ns < Tiering::kPatienceNs))
    return;
  RegionJob job = collect(block, context);
  job.requested_ns = now;
  tiering_->request(std::move(job));
}

bool Translator::is_warm(const TranslatedBlock& block) const {
  const i32* const counter = block.first_tier != nullptr ? block.first_code.counter : block.code.counter;
  const i32 full = static_cast<i32>(settings_.llvm_threshold);
  return block.count_outs > 0 || counter == nullptr || full - *counter >= full / static_cast<i32>(kHotShare);
}

// What is linked to the entry and runs nearly as often, near ones first: those in its page and of its Mode, and where
// calls return to.
RegionJob Translator::collect(TranslatedBlock& entry, u64 context) {
  RegionJob job;
  job.entry = &entry;
  job.pa = entry.pa;
  job.mode = entry.mode;
  job.context = context;
  std::vector<TranslatedBlock*> blocks = {&entry};
  usize insns = entry.insn_count();
  const auto add = [&](TranslatedBlock* b) {
    if (b == nullptr || (b->pa & kPageMask) != (entry.pa & kPageMask) || b->mode != entry.mode ||
        blocks.size() >= kMaxBlocks || !is_warm(*b))
      return;
    if (insns + b->insn_count() > settings_.llvm_region_insns ||
        std::find(blocks.begin(), blocks.end(), b) != blocks.end())
      return;
    insns += b->insn_count();
    blocks.push_back(b);
  };
  for (usize i = 0; i < blocks.size(); ++i) {
    TranslatedBlock& b = *blocks[i];
    const jit::CompiledCode& code = b.first_tier != nullptr ? b.first_code : b.code;
    for (const jit::LinkSite* site : code.links) {
      add(static_cast<TranslatedBlock*>(site->target));
      if (site->is_call) add(cache_.find(b.pa + 4 * u64{b.insn_count()}, b.mode));
    }
  }
  // The others' own counters run out as well, about now: they need not ask for the same again.
  for (TranslatedBlock* b : blocks) {
    job.sources.push_back({b->pa, 0, b->source});
    b->requested_ns = Tiering::now_ns();
  }
  return job;
}

// Under the lock: the entry is still there, and the guest's bytes are what was compiled. Their pages are shielded, so a
// later write is seen.
bool Translator::still_holds(const RegionJob& job) {
  TranslatedBlock* const entry = cache_.find(job.pa, job.mode);
  if (entry == nullptr || entry != job.entry || entry->first_tier != nullptr || entry->source != job.sources[0].words)
    return false;
  for (const RegionJob::Source& source : job.sources) {
    const CodePage* page = cache_.page(source.pa);
    if (page == nullptr || page->blocks.empty() || page->suspect) return false;
    const u8* host = source_.code_page(page->pa);
    if (host == nullptr || !holds_guest_words(host + (source.pa & 0xfff), source.words)) return false;
  }
  return true;
}

}  // namespace ferry::runtime
