// What a tier is to the runtime: it compiles blocks to host code that follows jit/abi.h.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/types.h"
#include "cpu/state.h"
#include "ir/block.h"
#include "jit/region.h"

namespace ferry::jit {

class Tier;

// One direct exit of compiled code: it leaves with ExitReason::Next and this site in CpuState's link word until it is
// linked. Owned by the compiled code; addresses stay valid as long as it does.
struct LinkSite {
  void* owner = nullptr;    // the runtime's block
  Tier* tier = nullptr;     // whose link() and unlink() it takes; set by the runtime
  i32 offset = 0;           // target, bytes relative to the page of the block
  bool cross_page = false;  // target outside the 4 KiB page: taken only while CpuState::context equals *context_slot
  bool is_call = false;
  bool linked = false;
  void* target = nullptr;          // the runtime's block it is linked to
  void* patch = nullptr;           // the tier's: aligned rel32 of a jump, or a pointer slot
  const void* unlinked = nullptr;  // where it goes when not linked
  u64* context_slot = nullptr;     // cross_page only: written by link()
  u64 unlinked_at = 0;             // the runtime's: BlockCache::link
  LinkSite* next = nullptr;        // the runtime's: others that are linked to the target
  LinkSite* previous = nullptr;
};

struct CompiledCode {
  const void* entry = nullptr;
  u32 size = 0;                  // host bytes
  u32 text = 0;                  // of these, instructions from entry on; 0: all
  std::vector<LinkSite*> links;  // at most two of a block, any number of a region
  u64 id = 0;                    // the tier's own
  i32* counter = nullptr;        // entries left until the code leaves with ExitReason::Hot instead; null: not counted
};

class Tier {
 public:
  virtual ~Tier() = default;
  // Compiles one block for its Mode. On failure (code memory full) the error says so and nothing is kept.
  virtual Result<CompiledCode> compile(const ir::Block& block, void* owner) = 0;
  // What the last compile() made as bytes that place() makes code of again, also in another process of the same build
  // on a host with the same processor features. False: this code has no such form.
  virtual bool save(std::vector<u8>& out) const {
    static_cast<void>(out);
    return false;
  }
  // Fails like compile(), and when the bytes are not what save() gives.
  virtual Result<CompiledCode> place(std::span<const u8> saved, void* owner) {
    static_cast<void>(saved);
    static_cast<void>(owner);
    return Error{"saved code: this tier has none"};
  }
  // Makes a direct exit jump to `target` (a block entry); context is what CpuState::context must be for a cross-page
  // one. unlink undoes it. Both while other vCPUs run the code: they take the old way or the new one. A cross-page exit
  // that was linked goes to another target only after every vCPU has been outside since its unlink(): one that has
  // compared the old context could follow the new jump.
  virtual void link(LinkSite& site, const void* target, u64 context) = 0;
  virtual void unlink(LinkSite& site) = 0;
  // The code is unlinked from everywhere and no vCPU is inside it or knows its LinkSites.
  virtual void release(CompiledCode& code) = 0;
  // Drops everything; no vCPU is inside translated code.
  virtual void reset() = 0;
  // Runs translated code at entry (block entry) until it leaves; returns the ExitReason.
  virtual u32 enter(cpu::CpuState& s, const void* entry) = 0;
  // Bytes of code memory in use and available.
  virtual usize used() const = 0;
  virtual usize capacity() const = 0;
  // Where it begins, as code runs there: all of it is [code_begin(), code_begin() + capacity()).
  virtual const void* code_begin() const = 0;
};

// A tier that also compiles regions, on any thread, while other threads use it.
class RegionTier : public Tier {
 public:
  // One function that is entered like the region's first block. Its exits out of the region are link sites. Code
  // without an entry: the region would take more heap than the tier may have.
  virtual Result<CompiledCode> compile_region(const Region& region, void* owner) = 0;
  // How many there are that were not released.
  virtual usize regions() const = 0;
  // Bytes of heap, as the tier counts them: what it keeps beside code for what was not released, and the most that it
  // has taken so far, with a compilation.
  virtual u64 heap() const = 0;
  virtual u64 heap_peak() const = 0;
  // So many bytes of what it may have are kept elsewhere. Any thread.
  virtual void hold_heap(u64 bytes) = 0;
  // What the last compile_region() made as bytes for KeptRegions (jit/kept_regions.h), once. False: it has no such
  // form.
  virtual bool save_region(std::vector<u8>& out) = 0;
  // Likewise the functions that all regions call.
  virtual bool save_calls(std::vector<u8>& out) = 0;
};

}  // namespace ferry::jit
