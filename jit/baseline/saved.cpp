#include "jit/baseline/saved.h"

#include <cstring>

#include "jit/saved_bytes.h"

namespace ferry::jit::baseline {
namespace {

// Followed by the exits, the jumps and the code.
struct Header {
  u32 size = 0;
  u32 counter = 0;
  u16 jumps = 0;
  u16 exits = 0;
  u32 zero = 0;
};
static_assert(sizeof(Header) == 16);

struct Exit {
  i32 offset = 0;
  u16 patch = 0, unlinked = 0, context_slot = 0, site_address = 0;
  u8 cross_page = 0, is_call = 0;
  u16 zero = 0;
};
static_assert(sizeof(Exit) == 16);

constexpr u32 kLargest = 0xffff;  // bytes of code

void add_to(u8* at, u32 more) {
  u32 word;
  std::memcpy(&word, at, 4);
  word += more;
  std::memcpy(at, &word, 4);
}

}  // namespace

bool save_code(const Compiler& compiler, u64 origin, std::vector<u8>& out) {
  const u32 size = compiler.size();
  if (size > kLargest) return false;
  Header h;
  h.size = size;
  h.counter = compiler.counter_address();
  h.jumps = static_cast<u16>(compiler.stub_jumps().size());
  h.exits = static_cast<u16>(compiler.exit_count());
  out.clear();
  put(out, &h, 1);
  for (unsigned n = 0; n < compiler.exit_count(); ++n) {
    const ExitSite& x = compiler.exit_site(n);
    Exit e;
    e.offset = x.offset;
    e.patch = static_cast<u16>(x.patch);
    e.unlinked = static_cast<u16>(x.unlinked);
    e.context_slot = static_cast<u16>(x.context_slot);
    e.site_address = static_cast<u16>(x.site_address);
    e.cross_page = x.cross_page ? 1 : 0;
    e.is_call = x.is_call ? 1 : 0;
    put(out, &e, 1);
  }
  for (const u32 jump : compiler.stub_jumps()) {
    const u16 at = static_cast<u16>(jump);
    put(out, &at, 1);
  }
  const usize code = out.size();
  out.insert(out.end(), compiler.code(), compiler.code() + size);
  // A jump's rel32 becomes the distance of its target from the first stub.
  for (const u32 jump : compiler.stub_jumps()) add_to(out.data() + code + jump, static_cast<u32>(origin) + jump + 4);
  // Addresses of this process say nothing to another: the bytes are the same whoever compiled.
  const auto clear = [&](u32 at) { std::memset(out.data() + code + at, 0, 8); };
  if (h.counter != 0) clear(h.counter);
  for (unsigned n = 0; n < compiler.exit_count(); ++n) clear(compiler.exit_site(n).site_address);
  return true;
}

bool read_saved(std::span<const u8> saved, SavedCode& out) {
  Header h;
  if (saved.size() < sizeof(h)) return false;
  std::memcpy(&h, saved.data(), sizeof(h));
  const u64 jumps_at = sizeof(h) + u64{h.exits} * sizeof(Exit), code_at = jumps_at + u64{h.jumps} * 2;
  if (h.size > kLargest || h.exits > 2 || saved.size() != code_at + h.size) return false;
  out.code = saved.subspan(code_at);
  out.jumps = saved.subspan(jumps_at, u64{h.jumps} * 2);
  out.counter = h.counter;
  out.exits.clear();
  if (h.counter != 0 && !inside(h.counter, 8, h.size)) return false;
  for (unsigned n = 0; n < h.exits; ++n) {
    Exit e;
    std::memcpy(&e, saved.data() + sizeof(h) + n * sizeof(e), sizeof(e));
    if (!inside(e.patch, 4, h.size) || e.patch % 4 != 0 || !inside(e.unlinked, 1, h.size) ||
        !inside(e.site_address, 8, h.size) || !inside(e.context_slot, 8, h.size) || e.context_slot % 8 != 0)
      return false;
    ExitSite& x = out.exits.emplace_back();
    x.offset = e.offset;
    x.patch = e.patch;
    x.unlinked = e.unlinked;
    x.context_slot = e.context_slot;
    x.site_address = e.site_address;
    x.cross_page = e.cross_page != 0;
    x.is_call = e.is_call != 0;
  }
  for (usize i = 0; i < out.jumps.size(); i += 2) {
    u16 at;
    std::memcpy(&at, out.jumps.data() + i, 2);
    if (!inside(at, 4, h.size)) return false;
  }
  return true;
}

void bind_saved(const SavedCode& saved, u64 origin, LinkSite* const* sites, const i32* counter, u8* at) {
  for (usize i = 0; i < saved.jumps.size(); i += 2) {
    u16 jump;
    std::memcpy(&jump, saved.jumps.data() + i, 2);
    add_to(at + jump, 0u - (static_cast<u32>(origin) + jump + 4));
  }
  const auto put = [at](usize to, const void* address) {
    const u64 word = reinterpret_cast<u64>(address);
    std::memcpy(at + to, &word, 8);
  };
  for (usize n = 0; n < saved.exits.size(); ++n) put(saved.exits[n].site_address, sites[n]);
  if (saved.counter != 0) put(saved.counter, counter);
}

}  // namespace ferry::jit::baseline
