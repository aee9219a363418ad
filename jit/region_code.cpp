#include "jit/region_code.h"

#include <atomic>
#include <cstring>
#include <random>

#include "cpu/nzcv.h"
#include "jit/interpreter/interpreter.h"
#include "jit/saved_bytes.h"

namespace ferry::jit {
namespace {

// Followed by the exits, the faults and the bytes.
struct Header {
  u32 size = 0, align = 0, entry = 0, text = 0, insns = 0, data = 0, data_size = 0, exits = 0, faults = 0, zero = 0;
};
static_assert(sizeof(Header) == 40);
static_assert(sizeof(RegionImage::Fault) == 8);

constexpr u32 kLargest = 1 << 24;

u64 forgotten() {
  static const u64 page = [] {
    std::random_device random;
    const u64 word = u64{random()} << 32 | random();
    return (word & 0xff00'ffff'ffff'f000) | u64{1} << 55;
  }();
  return page;
}

}  // namespace

RegionCalls plain_region_calls() {
  RegionCalls calls;
  calls.plain_evaluate = reinterpret_cast<const void*>(&evaluate_op);
  calls.pack_flags = reinterpret_cast<const void*>(&pack_flags_of);
  return calls;
}

void save_image(const RegionImage& image, std::vector<u8>& out) {
  Header h;
  h.size = static_cast<u32>(image.bytes.size());
  h.align = image.align;
  h.entry = image.entry;
  h.text = image.text;
  h.insns = image.insns;
  h.data = image.data;
  h.data_size = image.data_size;
  h.exits = static_cast<u32>(image.exits.size());
  h.faults = static_cast<u32>(image.faults.size());
  put(out, &h, 1);
  put(out, image.exits.data(), image.exits.size());
  put(out, image.faults.data(), image.faults.size());
  put(out, image.bytes.data(), image.bytes.size());
}

bool read_image(std::span<const u8> saved, RegionImage& out) {
  Header h;
  if (saved.size() < sizeof(h)) return false;
  take(saved, &h, 1);
  if (h.size == 0 || h.size > kLargest || h.exits > h.size || h.faults > h.size ||
      saved.size() != u64{h.exits} * sizeof(RegionExit) + u64{h.faults} * sizeof(RegionImage::Fault) + h.size)
    return false;
  if (h.align < 16 || h.align > 4096 || (h.align & (h.align - 1)) != 0 || !inside(h.entry, 1, h.size) ||
      !inside(h.entry, h.text, h.size) || !inside(h.data, h.data_size, h.size) || h.data % 16 != 0 ||
      (h.data_size != 0 && h.data_size < sizeof(RegionWords)))
    return false;
  out.align = h.align;
  out.entry = h.entry;
  out.text = h.text;
  out.insns = h.insns;
  out.data = h.data;
  out.data_size = h.data_size;
  out.exits.resize(h.exits);
  out.faults.resize(h.faults);
  take(saved, out.exits.data(), h.exits);
  take(saved, out.faults.data(), h.faults);
  out.bytes.assign(saved.begin(), saved.end());
  for (const RegionExit& e : out.exits)
    if (e.words < sizeof(RegionWords) || e.words % 8 != 0 || !inside(e.words, sizeof(ExitWords), h.data_size))
      return false;
  for (const RegionImage::Fault& f : out.faults)
    if (!inside(f.pc, 1, h.size) || !inside(f.label, 1, h.size)) return false;
  return true;
}

void save_part(const RegionImage& image, std::vector<u8>& out) {
  const usize at = out.size();
  out.resize(at + 4);
  save_image(image, out);
  const u32 size = static_cast<u32>(out.size() - at - 4);
  std::memcpy(out.data() + at, &size, 4);
}

std::span<const u8> next_part(std::span<const u8>& saved) {
  u32 size = 0;
  if (saved.size() < sizeof(size)) return {};
  take(saved, &size, 1);
  if (size > saved.size()) return {};
  const std::span<const u8> part = saved.first(size);
  saved = saved.subspan(size);
  return part;
}

std::vector<LinkSite> bind_data(u8* data, std::span<const RegionExit> exits, const RegionCalls& calls, u64 context,
                                void* owner) {
  const RegionWords words{calls, context, forgotten()};
  std::memcpy(data, &words, sizeof(words));
  std::vector<LinkSite> sites(exits.size());
  for (usize n = 0; n < exits.size(); ++n) {
    u8* const at = data + exits[n].words;
    const ExitWords begin{nullptr, ~u64{0}, &sites[n]};
    std::memcpy(at, &begin, sizeof(begin));
    LinkSite& s = sites[n];
    s.owner = owner;
    s.offset = exits[n].offset;
    s.cross_page = exits[n].cross_page != 0;
    s.is_call = exits[n].is_call != 0;
    s.patch = at + offsetof(ExitWords, target);
    if (s.cross_page) s.context_slot = reinterpret_cast<u64*>(at + offsetof(ExitWords, context));
  }
  return sites;
}

namespace {

void set_target(LinkSite& site, const void* target) {
  std::atomic_ref<const void*>(*static_cast<const void**>(site.patch)).store(target, std::memory_order_release);
}
void set_context(LinkSite& site, u64 context) {
  if (site.context_slot != nullptr) std::atomic_ref<u64>(*site.context_slot).store(context, std::memory_order_release);
}

}  // namespace

void link_exit(LinkSite& site, const void* target, u64 context) {
  set_context(site, ~u64{0});
  set_target(site, target);
  set_context(site, context);
  site.linked = true;
}

void unlink_exit(LinkSite& site) {
  set_context(site, ~u64{0});
  set_target(site, nullptr);
  site.linked = false;
}

u32 pack_flags_of(u32 kind, u64 a, u64 b, u32 packed) {
  const auto k = static_cast<FlagKind>(kind);
  const bool wide = k == FlagKind::Sub64 || k == FlagKind::Add64 || k == FlagKind::Logic64;
  const u64 mask = wide ? ~u64{0} : 0xffffffff, top = wide ? u64{1} << 63 : u64{1} << 31;
  a &= mask;
  b &= mask;
  switch (k) {
    case FlagKind::Sub32:
    case FlagKind::Sub64: {
      const u64 r = (a - b) & mask;
      return static_cast<u32>(cpu::make_nzcv((r & top) != 0, r == 0, a >= b, ((a ^ b) & (a ^ r) & top) != 0));
    }
    case FlagKind::Add32:
    case FlagKind::Add64: {
      const u64 r = (a + b) & mask;
      return static_cast<u32>(cpu::make_nzcv((r & top) != 0, r == 0, r < a, ((a ^ r) & (b ^ r) & top) != 0));
    }
    case FlagKind::Logic32:
    case FlagKind::Logic64: return static_cast<u32>(cpu::make_nzcv((a & top) != 0, a == 0, false, false));
    case FlagKind::Packed:
    case FlagKind::Dynamic:
    case FlagKind::Unknown: break;
  }
  return packed;
}

void evaluate_op(cpu::CpuState* s, const ir::Inst* inst, U128* slots) {
  slots[0] = eval_inst(*s, *inst, slots[1], slots[2], slots[3]);
}

}  // namespace ferry::jit
