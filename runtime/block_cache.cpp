#include "runtime/block_cache.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "core/check.h"

namespace ferry::runtime {
namespace {

constexpr usize kInitialSlots = 1 << 14;
constexpr u64 kPageMask = ~u64{0xfff};

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1  // as gcc says it
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
constexpr bool kChecksLeaks = true;
#else
constexpr bool kChecksLeaks = false;
#endif

// Blocks of all caches; their memory is used again, never given back.
class Pool {
 public:
  void* take() {
    std::lock_guard lock(mutex_);
    if (free_ == nullptr) grow();
    return std::exchange(free_, free_->next);
  }
  void give_back(void* block) {
    std::lock_guard lock(mutex_);
    free_ = new (block) Free{free_};
  }

 private:
  struct Free {
    Free* next;
  };
  void grow() {
    constexpr usize kAtOnce = 64;
    constexpr std::align_val_t kAlign{alignof(TranslatedBlock)};
    u8* const at = static_cast<u8*>(::operator new(kAtOnce * sizeof(TranslatedBlock), kAlign));
    for (usize i = kAtOnce; i-- > 0;) free_ = new (at + i * sizeof(TranslatedBlock)) Free{free_};
  }
  std::mutex mutex_;
  Free* free_ = nullptr;
};

Pool& pool() {
  static Pool* const one = new Pool;  // outlives every cache
  return *one;
}

}  // namespace

// The sanitizer sees each block.
void* TranslatedBlock::operator new(usize size) {
  ASSERT(size == sizeof(TranslatedBlock), "only blocks come from the pool of blocks");
  if (kChecksLeaks) return ::operator new(size, std::align_val_t{alignof(TranslatedBlock)});
  return pool().take();
}

void TranslatedBlock::operator delete(void* block) {
  if (kChecksLeaks) return ::operator delete(block, std::align_val_t{alignof(TranslatedBlock)});
  pool().give_back(block);
}

BlockCache::BlockCache() : slots_(kInitialSlots) {}
BlockCache::~BlockCache() = default;

u64 BlockCache::hash(u64 pa, cpu::Mode mode) {
  u64 h = (pa >> 2) * 0x9e3779b97f4a7c15 ^ u64 { mode.value } * 0xc2b2ae3d27d4eb4f;
  return (h ^ (h >> 29)) | u64{1} << 63;
}

TranslatedBlock* BlockCache::find(u64 pa, cpu::Mode mode) const {
  const usize mask = slots_.size() - 1;
  const u64 key = hash(pa, mode);
  for (usize i = key & mask; slots_[i].key != 0; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.key == key && slot.block && slot.block->pa == pa && slot.block->mode == mode) return slot.block.get();
  }
  return nullptr;
}

TranslatedBlock& BlockCache::insert(std::unique_ptr<TranslatedBlock> block) {
  if ((used_ + 1) * 2 > slots_.size()) grow();
  const usize mask = slots_.size() - 1;
  const u64 key = hash(block->pa, block->mode);
  usize i = key & mask;
  TranslatedBlock& result = *block;
  for (; slots_[i].block; i = (i + 1) & mask)
    ASSERT(slots_[i].block->pa != result.pa || slots_[i].block->mode != result.mode, "a block is inserted twice");
  if (slots_[i].key == 0) ++used_;
  slots_[i] = {key, std::move(block)};
  ++count_;
  result.page = &ensure_page(result.pa);
  result.page->blocks.push_back(&result);
  result.checked = result.page->generation;
  return result;
}

void BlockCache::grow() {
  std::vector<Slot> old(count_ * 4 > slots_.size() ? slots_.size() * 2 : slots_.size());
  old.swap(slots_);
  const usize mask = slots_.size() - 1;
  used_ = 0;
  for (Slot& slot : old) {
    if (!slot.block) continue;
    usize i = slot.key & mask;
    while (slots_[i].key != 0) i = (i + 1) & mask;
    slots_[i] = std::move(slot);
    ++used_;
  }
}

bool BlockCache::link(jit::LinkSite& site, TranslatedBlock& target, u64 context, const Quiescent& quiescent) {
  ASSERT(target.code.entry != nullptr, "a link needs a compiled target");
  // Inside a page the target's address never changes, so an old target is at worst old code. Across pages it depends on
  // the context, and a vCPU may stand between the comparison of the old one and the jump.
  if (site.cross_page && !quiescent(site.linked ? version_ : site.unlinked_at)) return false;
  if (site.target != nullptr) static_cast<TranslatedBlock*>(site.target)->incoming.remove(site);
  site.tier->link(site, target.code.entry, context);
  expose(target);
  site.linked = true;
  site.target = &target;
  target.incoming.add(site);
  return true;
}

void BlockCache::unlink(jit::LinkSite& site) {
  site.tier->unlink(site);
  site.linked = false;
  site.target = nullptr;
  site.unlinked_at = version_;
  changed_ = true;
}

void BlockCache::unlink_incoming(TranslatedBlock& block) {
  while (jit::LinkSite* site = block.incoming.first()) {
    block.incoming.remove(*site);
    unlink(*site);
  }
}

void BlockCache::unlink_outgoing(jit::CompiledCode& code) {
  for (jit::LinkSite* site : code.links) {
    if (site->target == nullptr) continue;
    static_cast<TranslatedBlock*>(site->target)->incoming.remove(*site);
    unlink(*site);
  }
}

void BlockCache::retire(jit::CompiledCode code, jit::Tier* tier, std::unique_ptr<TranslatedBlock> block) {
  retired_.push_back({version_, std::move(code), tier, std::move(block)});
  changed_ = true;
}

void BlockCache::reclaim(const Quiescent& quiescent) {
  usize n = 0;
  for (; n < retired_.size() && retired_[n].version < version_ && quiescent(retired_[n].version); ++n)
    if (retired_[n].tier != nullptr) retired_[n].tier->release(retired_[n].code);
  retired_.erase(retired_.begin(), retired_.begin() + static_cast<std::ptrdiff_t>(n));
}

void BlockCache::discard(TranslatedBlock& block) {
  unlink_incoming(block);
  if (block.promoted) demote(block);
  unlink_outgoing(block.code);
  std::erase(block.page->blocks, &block);
  if (block.exposed) std::erase(block.page->exposed, &block);
  const usize mask = slots_.size() - 1;
  usize i = hash(block.pa, block.mode) & mask;
  while (slots_[i].block.get() != &block) i = (i + 1) & mask;
  retire(std::move(block.code), block.tier, std::move(slots_[i].block));
  --count_;
}

void BlockCache::promote(TranslatedBlock& block, jit::CompiledCode code, jit::Tier& tier,
                         std::vector<TranslatedBlock::Covered> covered) {
  ASSERT(!block.promoted, "a block gets a second region");
  block.promoted = std::make_unique<TranslatedBlock::Promoted>();
  block.promoted->first_code = std::exchange(block.code, std::move(code));
  block.promoted->first_tier = std::exchange(block.tier, &tier);
  block.promoted->covered = std::move(covered);
  for (jit::LinkSite* site : block.code.links) site->tier = &tier;
  block.incoming.for_each([&](jit::LinkSite& site) {
    site.tier->link(site, block.code.entry, site.context_slot == nullptr ? 0 : *site.context_slot);
  });
  for (const TranslatedBlock::Covered& c : block.promoted->covered) {
    if ((c.pa & kPageMask) == (block.pa & kPageMask)) continue;
    std::vector<TranslatedBlock*>& list = ensure_page(c.pa).covered_by;
    if (std::find(list.begin(), list.end(), &block) == list.end()) list.push_back(&block);
  }
}

void BlockCache::demote(TranslatedBlock& block) {
  unlink_incoming(block);
  unlink_outgoing(block.code);
  for (const TranslatedBlock::Covered& c : block.promoted->covered)
    if (CodePage* p = page(c.pa)) std::erase(p->covered_by, &block);
  retire(std::move(block.code), block.tier, nullptr);
  block.code = std::move(block.promoted->first_code);
  block.tier = block.promoted->first_tier;
  block.promoted.reset();
}

void BlockCache::clear() {
  slots_ = std::vector<Slot>(kInitialSlots);
  count_ = used_ = 0;
  pages_.clear();
  last_page_ = nullptr;
  retired_.clear();
}

void BlockCache::abandon() {
  if (!kChecksLeaks) {
    for (Slot& slot : slots_) static_cast<void>(slot.block.release());
    for (auto& [pa, page] : pages_) static_cast<void>(page.release());
  }
  clear();
}

CodePage* BlockCache::page(u64 pa) {
  if (last_page_ != nullptr && last_page_->pa == (pa & kPageMask)) return last_page_;
  const auto it = pages_.find(pa & kPageMask);
  if (it == pages_.end()) return nullptr;
  return last_page_ = it->second.get();
}

CodePage& BlockCache::ensure_page(u64 pa) {
  if (last_page_ != nullptr && last_page_->pa == (pa & kPageMask)) return *last_page_;
  auto& slot = pages_[pa & kPageMask];
  if (!slot) {
    slot = std::make_unique<CodePage>();
    slot->pa = pa & kPageMask;
  }
  last_page_ = slot.get();
  return *slot;
}

void BlockCache::erase_page_if_empty(u64 pa) {
  const auto it = pages_.find(pa & kPageMask);
  if (it != pages_.end() && it->second->blocks.empty() && it->second->covered_by.empty()) {
    if (last_page_ == it->second.get()) last_page_ = nullptr;
    pages_.erase(it);
  }
}

void BlockCache::expose(TranslatedBlock& block) {
  if (!std::exchange(block.exposed, true)) block.page->exposed.push_back(&block);
}

void BlockCache::isolate(CodePage& page) {
  for (TranslatedBlock* block : page.exposed) {
    unlink_incoming(*block);
    block->exposed = false;
  }
  page.exposed.clear();
  const std::vector<TranslatedBlock*> regions = page.covered_by;
  for (TranslatedBlock* block : regions) demote(*block);
}

void BlockCache::cut_edges(CodePage& page, const std::function<void(const TranslatedBlock&)>& demoting) {
  std::vector<TranslatedBlock*> regions = page.covered_by;
  for (TranslatedBlock* block : page.blocks)
    if (block->promoted &&
        std::any_of(block->promoted->covered.begin(), block->promoted->covered.end(),
                    [&](const TranslatedBlock::Covered& c) { return (c.pa & kPageMask) != page.pa; }))
      regions.push_back(block);
  for (TranslatedBlock* block : regions) {
    demoting(*block);
    demote(*block);
  }
  for (TranslatedBlock* block : page.blocks)
    for (const jit::CompiledCode* code : {&std::as_const(block->code), &block->own_code()})
      for (jit::LinkSite* site : code->links) {
        if (!site->cross_page || site->target == nullptr) continue;
        static_cast<TranslatedBlock*>(site->target)->incoming.remove(*site);
        unlink(*site);
      }
}

}  // namespace ferry::runtime
