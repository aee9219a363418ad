// Code of regions apart from any process: bytes that run wherever they are placed, once the words of their data are
// filled in. The optimizing tier makes it, KeptRegions (jit/kept_regions.h) places it in later runs.
//
// The code reaches its data by its own address and everything else by words of that data: what it calls, its exits'
// slots, the context that its edges between pages hold for.
#pragma once
#include <span>
#include <vector>

#include "cpu/state.h"
#include "ir/block.h"
#include "jit/fault_table.h"
#include "jit/tier.h"

namespace ferry::jit {

// Functions that the code of regions calls.
struct RegionCalls {
  const void* load = nullptr;            // MemHelper::Load, keeps its caller's registers; null: there is none
  const void* store = nullptr;           // MemHelper::Store, likewise
  const void* evaluate = nullptr;        // evaluate_op, likewise
  const void* next = nullptr;            // a block that leaves with ExitReason::Next
  const void* plain_evaluate = nullptr;  // evaluate_op
  const void* pack_flags = nullptr;      // pack_flags_of
};
// The last two, of this program or module.
RegionCalls plain_region_calls();

// What data begins with; the exits' words and the operations that run by their meaning follow.
struct RegionWords {
  RegionCalls calls;
  u64 context = ~u64{0};
  // A page that no access finds: bit 55 is the upper half, bits 54 to 48 are not its sign's, whatever the tag byte
  // says. Its address would still be taken for known, so it is one that no guest can guess, another in each process.
  u64 forgotten = 0;
};

// A direct exit as code reads it: where to go (null: not linked), for cross-page exits the context that it holds for,
// and what it tells the dispatcher.
struct ExitWords {
  const void* target = nullptr;
  u64 context = ~u64{0};
  const LinkSite* site = nullptr;
};

struct RegionExit {
  i32 offset = 0;  // LinkSite::offset
  u32 words = 0;   // where its ExitWords are, bytes from the beginning of data
  u8 cross_page = 0;
  u8 is_call = 0;
  u16 zero = 0;
};
static_assert(sizeof(RegionExit) == 12);

// Offsets in bytes.
struct RegionImage {
  std::vector<u8> bytes;  // everything, with the data's words not filled in
  u32 align = 16;         // of the place
  u32 entry = 0, text = 0, insns = 0;
  u32 data = 0, data_size = 0;  // size 0: there is none
  std::vector<RegionExit> exits;
  struct Fault {
    u32 pc = 0, label = 0;
  };
  std::vector<Fault> faults;
};

// As bytes that are the same whoever compiled, and back; false: not what save_image() writes.
void save_image(const RegionImage& image, std::vector<u8>& out);
bool read_image(std::span<const u8> saved, RegionImage& out);
// Several behind each other, each with its length; next_part: empty when there is no further one, or it is damaged.
void save_part(const RegionImage& image, std::vector<u8>& out);
std::span<const u8> next_part(std::span<const u8>& saved);

// Fills in the data at `data` (writable) and makes the link sites, which stay where they are as long as the code.
std::vector<LinkSite> bind_data(u8* data, std::span<const RegionExit> exits, const RegionCalls& calls, u64 context,
                                void* owner);
// Tier::link and Tier::unlink of such sites.
void link_exit(LinkSite& site, const void* target, u64 context);
void unlink_exit(LinkSite& site);

// What the flags of a region are: Packed as CpuState holds them, or what they are to be made of. Dynamic: it depends on
// the way here.
enum class FlagKind : u8 { Packed, Sub32, Sub64, Add32, Add64, Logic32, Logic64, Dynamic, Unknown };
// The packed flags of operands.
u32 pack_flags_of(u32 kind, u64 a, u64 b, u32 packed);
// One op by its meaning. slots: result, then operands.
void evaluate_op(cpu::CpuState* s, const ir::Inst* inst, U128* slots);

}  // namespace ferry::jit
