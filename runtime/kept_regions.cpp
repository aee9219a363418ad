// Regions of earlier runs: the Translator's half of what runtime/persistent keeps of them.
#include <algorithm>
#include <map>

#include "core/activity.h"
#include "core/log.h"
#include "runtime/translator.h"

namespace ferry::runtime {
namespace {

constexpr u64 kPageMask = ~u64{0xfff};
constexpr usize kCodeMemory = 64 << 20;  // bytes; a region has some thousand
constexpr i32 kAskAgain = 16;            // the second time after so many times the executions

}  // namespace

// After it was compiled, also when the guest has something else by now: what it does in this run it does in the next.
void Translator::keep_region(const RegionJob& job) {
  if (code_store_ == nullptr) return;
  code_store_->add_hot(static_cast<u32>(job.pa & 0xfff), job.mode, job.sources[0].words);
  if (job.saved.empty()) return;
  std::vector<u8> calls;
  if (!tiering_->compiler()->save_calls(calls)) return;
  code_store_->add_calls(calls);
  std::vector<persistent::CodeStore::Part> parts;
  for (const RegionJob::Source& source : job.sources)
    parts.push_back({source.page_delta, static_cast<u32>(source.pa & 0xfff), source.words});
  code_store_->add_region(job.mode, parts, job.saved);
}

// Where they are placed; null: there is no such place in this run.
jit::KeptRegions* Translator::kept_regions() {
  if (kept_regions_ != nullptr || no_kept_regions_) return kept_regions_.get();
  auto made = jit::KeptRegions::create(std::min(settings_.code_cache, u64{kCodeMemory}), code_store_->find_calls());
  no_kept_regions_ = !made;
  if (!made) return nullptr;
  kept_regions_ = std::move(*made);
  tiering_->share_limits(*kept_regions_);
  activity::add_code_range(kept_regions_->code_begin(), kept_regions_->capacity(), activity::Activity::Optimized);
  return kept_regions_.get();
}

// A block that was the entry of a region in an earlier run has run a few times: is all of one of its regions there?
// When it has asked twice without, it is as any other.
void Translator::take_kept_region(TranslatedBlock& entry, u64 context, Stats& stats) {
  const i32 next =
      entry.ask_at <= static_cast<i32>(settings_.llvm_threshold) / kAskAgain ? entry.ask_at * kAskAgain : 0;
  entry.ask_at = next;
  if (log_enabled(LogCategory::kOp)) return;
  RegionJob job;
  const std::span<const u8> code =
      code_store_->find_region(static_cast<u32>(entry.pa & 0xfff), entry.mode, entry.source,
                               [&](const auto& parts) { return locate(entry, context, parts, job); });
  jit::KeptRegions* const tier = code.empty() ? nullptr : kept_regions();
  if (tier == nullptr || !tiering_->has_room()) {
    if (next != 0) count_from(entry, next);
    return;
  }
  Result<jit::CompiledCode> placed = tier->place_region(code, context, &entry);
  if (!placed) return;
  if (code_store_->verifies()) {
    RegionJob check = job;
    check.expected.assign(code.begin(), code.end());
    check.requested_ns = Tiering::now_ns();
    tiering_->request(std::move(check));
  }
  job.code = std::move(*placed);
  ++stats.regions_kept;
  stats.regions_kept_bytes += job.code.size;
  put_in_place(job, *tier);
}

// Where the parts of a kept region lie now: those in the entry's page there, others in pages that links of this context
// lead to. False: one is not there, or is not what the guest has.
bool Translator::locate(TranslatedBlock& entry, u64 context, const std::vector<persistent::CodeStore::Part>& parts,
                        RegionJob& job) {
  // Where no block is linked each is to be seen by itself.
  if (parts.size() > 1 && (!settings_.chain_direct || log_enabled(LogCategory::kExec))) return false;
  usize insns = 0;
  for (const auto& part : parts) insns += part.words.size();
  if (parts.size() > 1 && insns > std::max<usize>(settings_.llvm_region_insns, parts[0].words.size())) return false;
  std::map<i64, u64> pages = {{0, entry.pa & kPageMask}};  // by distance from the entry's
  std::vector<bool> followed(parts.size());
  const auto follow = [&](const TranslatedBlock& block, i64 delta) {
    const jit::CompiledCode& code = block.own_code();
    for (const jit::LinkSite* site : code.links)
      if (site->cross_page && site->linked && site->target != nullptr && *site->context_slot == context)
        pages.emplace(delta + (site->offset & ~i64{0xfff}),
                      static_cast<const TranslatedBlock*>(site->target)->pa & kPageMask);
  };
  for (bool more = settings_.chain_cross_page; more;) {
    more = false;
    for (usize i = 0; i < parts.size(); ++i) {
      const auto page = pages.find(parts[i].page_delta);
      if (followed[i] || page == pages.end()) continue;
      followed[i] = more = true;
      const TranslatedBlock* const block = cache_.find(page->second | parts[i].offset, entry.mode);
      if (block != nullptr && block->source == parts[i].words) follow(*block, parts[i].page_delta);
    }
  }
  job = {};
  job.entry = &entry;
  job.pa = entry.pa;
  job.mode = entry.mode;
  job.context = context;
  for (const auto& part : parts) {
    const auto page = pages.find(part.page_delta);
    if (page == pages.end()) return false;
    job.sources.push_back({page->second | part.offset, part.page_delta, part.words});
  }
  return still_holds(job);
}

}  // namespace ferry::runtime
