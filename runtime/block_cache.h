// The block cache: translated blocks by (physical address, Mode), the pages they came from, and the links between them.
//
// One owner lock guards it (the Translator's). Removal has one entry point, discard(): it takes a block out of the
// table, of its page and of every link. Other vCPUs may be in its code at that moment, so blocks and code are only
// retired; reclaim() frees them when nobody can be there any more.
#pragma once
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/types.h"
#include "cpu/mode.h"
#include "ir/block.h"
#include "jit/tier.h"

namespace ferry::runtime {

// Sites that are linked to one block: threaded through them, so that one of thousands leaves as fast as one of two.
class LinkList {
 public:
  bool empty() const { return head_ == nullptr; }
  usize size() const {
    usize n = 0;
    for (const jit::LinkSite* s = head_; s != nullptr; s = s->next) ++n;
    return n;
  }
  void add(jit::LinkSite& site) {
    site.previous = nullptr;
    site.next = head_;
    if (head_ != nullptr) head_->previous = &site;
    head_ = &site;
  }
  void remove(jit::LinkSite& site) {
    (site.previous != nullptr ? site.previous->next : head_) = site.next;
    if (site.next != nullptr) site.next->previous = site.previous;
    site.next = site.previous = nullptr;
  }
  // f may not change the list.
  template <class F>
  void for_each(F f) const {
    for (jit::LinkSite* s = head_; s != nullptr; s = s->next) f(*s);
  }
  jit::LinkSite* first() const { return head_; }

 private:
  jit::LinkSite* head_ = nullptr;
};

struct CodePage;

// What a lookup looks at stands first, in one line of the host's cache. There is one for every few guest instructions
// that ever ran: what only few blocks have stands beside it.
struct alignas(64) TranslatedBlock {
  u64 pa = 0;  // of the first instruction
  u64 va = 0;  // where it was first met; for names only
  cpu::Mode mode;
  u32 interpreted_runs = 0;       // while it is not compiled because its bytes keep changing
  u64 checked = 0;                // CodePage::generation for which the page was found to hold its bytes
  CodePage* page = nullptr;       // set while it is in the cache
  jit::CompiledCode code;         // what runs; entry == nullptr: not compiled
  jit::Tier* tier = nullptr;      // the compiler of `code`
  std::unique_ptr<ir::Block> ir;  // kept where the interpreter runs it
  std::vector<u32> source;        // the guest words it was made of
  struct Covered {
    u64 pa = 0;
    std::vector<u32> words;
  };
  // While `code` is that of a region: the block's own, and the other blocks of the region.
  struct Promoted {
    jit::CompiledCode first_code;
    jit::Tier* first_tier = nullptr;
    std::vector<Covered> covered;
  };
  std::unique_ptr<Promoted> promoted;
  // Of hot code (runtime/regions.cpp), on the host's clock: when its counter last ran out, how often it has done so
  // without a pause, and when a region with this block in it was last asked for.
  u64 counted_ns = 0;
  u64 requested_ns = 0;
  u64 executed = 0;  // until its counter was last set; executions() in the translator
  u32 count_outs = 0;
  i32 ask_at = 0;        // executions after which it asks for its region of an earlier run; 0: it has none
  bool was_hot = false;  // in an earlier run
  bool exposed = false;  // in its page's list
  LinkList incoming;

  u32 insn_count() const { return static_cast<u32>(source.size()); }
  const jit::CompiledCode& own_code() const { return promoted ? promoted->first_code : code; }

  // From a pool, without what the allocator keeps beside each.
  static void* operator new(usize size);
  static void operator delete(void* block);
};

// A guest page that blocks were made of.
struct CodePage {
  u64 pa = 0;
  bool suspect = false;  // written since it was last shielded
  u64 generation = 0;    // how often it was shielded anew; blocks are compared with its bytes when they are met again
  std::vector<TranslatedBlock*> blocks;
  std::vector<TranslatedBlock*> exposed;  // those that links or jump caches may lead to without a lookup

  // How often the code at pa changed after it had been translated; forgotten when it has been quiet.
  u32 churn(u64 at) const {
    const auto it = changes.find(static_cast<u16>(at & 0xfff));
    return it == changes.end() ? 0 : it->second;
  }
  void count_change(u64 at) { ++changes[static_cast<u16>(at & 0xfff)]; }
  void quiet(u64 at) { changes.erase(static_cast<u16>(at & 0xfff)); }
  std::unordered_map<u16, u32> changes;      // by offset in the page
  std::vector<TranslatedBlock*> covered_by;  // blocks of other pages whose regions hold code of this one

  // Where the page stands in the executable mappings of each key that it was met with. One that stands in two places of
  // the same mappings has other pages behind it here and there, and a jump to them must not be linked.
  struct Place {
    u32 key = 0;
    u64 va = 0;  // of the page
  };
  std::vector<Place> places;
  bool aliased = false;
};

class BlockCache {
 public:
  BlockCache();
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  TranslatedBlock* find(u64 pa, cpu::Mode mode) const;
  // Takes ownership; (pa, mode) must not be present.
  TranslatedBlock& insert(std::unique_ptr<TranslatedBlock> block);
  // Whether every vCPU has been outside translated code since that version (Shootdown::quiescent).
  using Quiescent = std::function<bool(u64 version)>;
  // False: not now, the site leads a vCPU that may be inside somewhere else.
  bool link(jit::LinkSite& site, TranslatedBlock& target, u64 context, const Quiescent& quiescent);
  // The block runs this code of a region from now on; links to it go there. Its own code stays for who is still in it.
  void promote(TranslatedBlock& block, jit::CompiledCode code, jit::Tier& tier,
               std::vector<TranslatedBlock::Covered> covered);
  // The block runs its own code again; links to it are undone.
  void demote(TranslatedBlock& block);
  // Links or jump caches may lead to the block from now on, until its page is isolated.
  void expose(TranslatedBlock& block);
  // Removes the block and every link from and to it.
  void discard(TranslatedBlock& block);
  void clear();
  // Like clear(), but the blocks are never freed: the process ends.
  void abandon();
  // The version that what is unlinked and retired from now on is withdrawn with.
  u64 version() const { return version_; }
  // Whether anything was unlinked or retired with version().
  bool changed() const { return changed_; }
  void touch() { changed_ = true; }
  // That version has been withdrawn: the next begins.
  void advance() {
    ++version_;
    changed_ = false;
  }
  // Frees what was retired and is out of everybody's reach.
  void reclaim(const Quiescent& quiescent);
  usize retired() const { return retired_.size(); }

  CodePage* page(u64 pa);  // nullptr when no block came from it
  CodePage& ensure_page(u64 pa);
  void erase_page_if_empty(u64 pa);
  // The pages with code that begin in a range.
  template <class F>
  void for_each_page(u64 base, u64 size, F f) {
    for (auto& [pa, page] : pages_)
      if (pa - base < size) f(*page);
  }
  // Unlinks every link into blocks of the page, none of which is exposed any more, so that each next entry passes the
  // dispatcher; drops regions of other pages that reach into it.
  void isolate(CodePage& page);
  // Unlinks every link out of the page, and drops regions that go over its edges. demoting: called before each.
  void cut_edges(CodePage& page, const std::function<void(const TranslatedBlock&)>& demoting);

  usize size() const { return count_; }
  template <class F>
  void for_each(F f) {
    for (Slot& slot : slots_)
      if (slot.block) f(*slot.block);
  }

 private:
  struct Slot {
    u64 key = 0;  // hash(); 0: never used. Of a block that was removed it stays, so that a probe goes on
    std::unique_ptr<TranslatedBlock> block;
  };
  static u64 hash(u64 pa, cpu::Mode mode);
  void unlink(jit::LinkSite& site);
  void unlink_outgoing(jit::CompiledCode& code);
  void retire(jit::CompiledCode code, jit::Tier* tier, std::unique_ptr<TranslatedBlock> block);
  void grow();
  void unlink_incoming(TranslatedBlock& block);

  std::vector<Slot> slots_;
  usize count_ = 0;
  usize used_ = 0;
  std::unordered_map<u64, std::unique_ptr<CodePage>> pages_;
  CodePage* last_page_ = nullptr;  // that was asked for last

  struct Retired {
    u64 version = 0;
    jit::CompiledCode code;
    jit::Tier* tier = nullptr;
    std::unique_ptr<TranslatedBlock> block;
  };
  std::vector<Retired> retired_;  // oldest first
  u64 version_ = 1;
  bool changed_ = false;
};

}  // namespace ferry::runtime
