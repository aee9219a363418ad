// The block cache: translated blocks by (physical address, Mode), the pages they came from, and the links between them.
//
// One owner lock guards it (System's). Removal has one entry point, discard(): it takes a block out of the table, of
// its page and of every link, and tells the listener so that indirect caches go with it.
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

struct TranslatedBlock {
  u64 pa = 0;  // of the first instruction
  cpu::Mode mode;
  std::vector<u32> source;        // the guest words it was made of
  std::unique_ptr<ir::Block> ir;  // kept where the interpreter runs it
  jit::CompiledCode code;         // what runs; entry == nullptr: not compiled
  jit::Tier* tier = nullptr;      // the compiler of `code`
  jit::CompiledCode first_code;   // the block's own code, while `code` is that of a region
  jit::Tier* first_tier = nullptr;
  struct Covered {
    u64 pa = 0;
    std::vector<u32> words;
  };
  std::vector<Covered> covered;  // the other blocks of the region
  bool requested = false;        // a region has been asked for
  std::vector<jit::LinkSite*> incoming;
  u32 interpreted_runs = 0;  // while it is not compiled because its bytes keep changing
  u32 insn_count() const { return static_cast<u32>(source.size()); }
};

// A guest page that blocks were made of.
struct CodePage {
  u64 pa = 0;
  bool suspect = false;  // written since it was last compared with the blocks' bytes
  std::vector<TranslatedBlock*> blocks;

  // How often the code at pa changed after it had been translated; forgotten when it has been quiet.
  u32 churn(u64 at) const {
    const auto it = changes.find(static_cast<u16>(at & 0xfff));
    return it == changes.end() ? 0 : it->second;
  }
  void count_change(u64 at) { ++changes[static_cast<u16>(at & 0xfff)]; }
  void quiet(u64 at) { changes.erase(static_cast<u16>(at & 0xfff)); }
  std::unordered_map<u16, u32> changes;      // by offset in the page
  std::vector<TranslatedBlock*> covered_by;  // blocks of other pages whose regions hold code of this one
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
  void link(jit::LinkSite& site, TranslatedBlock& target, u64 context);
  // The block runs this code of a region from now on; links to it go there. Its own code stays for who is still in it.
  void promote(TranslatedBlock& block, jit::CompiledCode code, jit::Tier& tier,
               std::vector<TranslatedBlock::Covered> covered);
  // The block runs its own code again; links to it are undone.
  void demote(TranslatedBlock& block);
  // Removes the block and every link from and to it.
  void discard(TranslatedBlock& block);
  void clear();
  // Code of blocks and regions that are gone. It is linked from nowhere, but a vCPU may still be inside it: whoever
  // knows that none is calls release_retired(). Its link sites live until then.
  bool has_retired() const { return !retired_.empty(); }
  void release_retired();

  CodePage* page(u64 pa);  // nullptr when no block came from it
  CodePage& ensure_page(u64 pa);
  void erase_page_if_empty(u64 pa);
  // Unlinks every link into blocks of the page, so that each next entry passes the dispatcher; drops regions of other
  // pages that reach into it.
  void isolate(CodePage& page);

  usize size() const { return count_; }
  template <class F>
  void for_each(F f) {
    for (Slot& slot : slots_)
      if (slot.block) f(*slot.block);
  }

 private:
  struct Slot {
    u64 key = 0;
    std::unique_ptr<TranslatedBlock> block;
    bool used = false;  // present, or removed since (a probe goes on)
  };
  static u64 hash(u64 pa, cpu::Mode mode);
  void unlink_outgoing(jit::CompiledCode& code);
  void grow();
  void unlink_incoming(TranslatedBlock& block);
  void retire(jit::CompiledCode& code, jit::Tier& tier);

  struct Retired {
    jit::CompiledCode code;
    jit::Tier* tier = nullptr;
  };
  std::vector<Retired> retired_;
  std::vector<Slot> slots_;
  usize count_ = 0;
  usize used_ = 0;
  std::unordered_map<u64, std::unique_ptr<CodePage>> pages_;
};

}  // namespace ferry::runtime
