#include "softmmu/address_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/activity.h"
#include "core/log.h"
#include "core/sanitizer.h"
#include "softmmu/host_access.h"

namespace ferry::softmmu {

const u8* Region::readable_page(u64 pa) const {
  if (!contains(pa, kPageSize)) return nullptr;
  const u64 offset = pa - base;
  if (ram != nullptr) return ram->host() + offset;
  if (rom_device == nullptr) return nullptr;
  const u8* direct = rom_device->direct_read_pointer();
  if (direct == nullptr || offset + kPageSize > rom_device->direct_read_size()) return nullptr;
  return direct + offset;
}

Result<Region*> AddressSpace::add(std::unique_ptr<Region> region) {
  const Region& r = *region;
  if (r.size == 0 || r.base + (r.size - 1) < r.base)
    return Error{fmt::format("{}: range {:#x} of {:#x} bytes, expected a size above zero that ends below 2^64", r.name,
                             r.base, r.size)};
  const auto next = std::lower_bound(regions_.begin(), regions_.end(), r.base,
                                     [](const auto& a, u64 base) { return a->base < base; });
  const Region* clash = nullptr;
  if (next != regions_.end() && (*next)->base - r.base < r.size) clash = next->get();
  if (next != regions_.begin() && r.base - (*std::prev(next))->base < (*std::prev(next))->size)
    clash = std::prev(next)->get();
  if (clash != nullptr)
    return Error{fmt::format("{}: range {:#x}..{:#x} overlaps {} at {:#x}..{:#x}", r.name, r.base,
                             r.base + (r.size - 1), clash->name, clash->base, clash->base + (clash->size - 1))};
  region->index = static_cast<u32>(regions_.size());
  Region* added = region.get();
  regions_.insert(next, std::move(region));
  if (added->kind == Region::Kind::Ram && (main_ram_ == nullptr || added->size > main_ram_->size)) main_ram_ = added;
  return added;
}

Result<Region*> AddressSpace::add_memory(Region::Kind kind, const std::string& name, u64 base, u64 size) {
  if (size == 0 || (base | size) % kPageSize != 0)
    return Error{fmt::format("{}: memory at {:#x} of {:#x} bytes, expected multiples of 4 KiB", name, base, size)};
  auto ram = Ram::create(name, size, backing_);
  if (!ram) return ram.error();
  auto region = std::make_unique<Region>();
  region->kind = kind;
  region->base = base;
  region->size = size;
  region->name = name;
  region->ram = std::move(*ram);
  return add(std::move(region));
}

Result<Region*> AddressSpace::add_ram(const std::string& name, u64 base, u64 size) {
  return add_memory(Region::Kind::Ram, name, base, size);
}
Result<Region*> AddressSpace::add_rom(const std::string& name, u64 base, u64 size) {
  return add_memory(Region::Kind::Rom, name, base, size);
}

Status AddressSpace::add_mmio(const std::string& name, u64 base, u64 size, MmioHandler& handler) {
  auto region = std::make_unique<Region>();
  region->kind = Region::Kind::Mmio;
  region->base = base;
  region->size = size;
  region->name = name;
  region->handler = &handler;
  auto added = add(std::move(region));
  if (!added) return added.error();
  return {};
}

Status AddressSpace::add_rom_device(const std::string& name, u64 base, u64 size, RomDevice& device) {
  auto region = std::make_unique<Region>();
  region->kind = Region::Kind::RomDevice;
  region->base = base;
  region->size = size;
  region->name = name;
  region->handler = &device;
  region->rom_device = &device;
  auto added = add(std::move(region));
  if (!added) return added.error();
  device.set_direct_listener([this, r = *added] { range_changed(*r); });
  return {};
}

void AddressSpace::range_changed(const Region& region) {
  for (const auto& listener : range_listeners_) listener(region.base, region.size);
  if (observer_ != nullptr) observer_->range_changed(region.base, region.size);
}

const Region* AddressSpace::find_other(u64 pa) const {
  const auto next =
      std::upper_bound(regions_.begin(), regions_.end(), pa, [](u64 a, const auto& r) { return a < r->base; });
  if (next == regions_.begin()) return nullptr;
  const Region* r = std::prev(next)->get();
  return pa - r->base < r->size ? r : nullptr;
}

bool AddressSpace::physical_of_other(const u8* host, u64& pa) const {
  for (const auto& r : regions_)
    if (r->ram != nullptr && inside(*r, host, pa)) return true;
  return false;
}

u64 AddressSpace::device_read(const Region& region, u64 pa, unsigned size) const {
  const activity::Scope scope(activity::Activity::Device);
  const u64 value = region.handler->read(pa - region.base, size) & low_mask(8 * size);
  log(LogCategory::kDevice, "{}: read {:#x} size {} = {:#x}", region.name, pa - region.base, size, value);
  return value;
}

void AddressSpace::device_write(const Region& region, u64 pa, unsigned size, u64 value) const {
  const activity::Scope scope(activity::Activity::Device);
  log(LogCategory::kDevice, "{}: write {:#x} size {} = {:#x}", region.name, pa - region.base, size,
      value & low_mask(8 * size));
  region.handler->write(pa - region.base, size, value & low_mask(8 * size));
}

// Between RAM and a buffer. The guest's processors may be at the same bytes. ThreadSanitizer watches memcpy whoever
// calls it, so under it a big block moves in pieces, as the guest's own accesses do.
static void copy_ram(u8* to, const u8* from, usize size) {
#if FERRY_THREAD_SANITIZER
  for (; size > 16; to += 16, from += 16, size -= 16) copy_guest(to, from, 16);
  for (; size > 0 && !std::has_single_bit(size); ++to, ++from, --size) copy_guest(to, from, 1);
#endif
  copy_guest(to, from, size);
}

// Calls piece(region, offset, bytes) for each stretch of RAM of the range, after it is known that all of the range is
// RAM.
template <class Piece>
bool AddressSpace::each_piece(u64 address, usize size, Piece&& piece) {
  if (size == 0) return true;
  if (address + (size - 1) < address) return false;
  for (int pass = 0; pass < 2; ++pass) {
    u64 at = address;
    usize left = size;
    while (left != 0) {
      const Region* r = find(at);
      if (r == nullptr || r->kind != Region::Kind::Ram) return false;
      const usize bytes = static_cast<usize>(std::min<u64>(left, r->size - (at - r->base)));
      if (pass == 1) piece(*r, at - r->base, bytes);
      at += bytes;
      left -= bytes;
    }
  }
  return true;
}

bool AddressSpace::read(u64 address, void* to, usize size) {
  u8* out = static_cast<u8*>(to);
  return each_piece(address, size, [&](const Region& r, u64 offset, usize bytes) {
    copy_ram(out, r.ram->host() + offset, bytes);
    out += bytes;
  });
}

bool AddressSpace::write(u64 address, const void* from, usize size) {
  const u8* in = static_cast<const u8*>(from);
  return each_piece(address, size, [&](const Region& r, u64 offset, usize bytes) {
    copy_ram(r.ram->host() + offset, in, bytes);
    in += bytes;
    // A page marked as code after this fence is copied for translation after it too, and sees the new bytes.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (u64 page = offset >> kPageShift; page <= (offset + bytes - 1) >> kPageShift; ++page)
      if ((r.ram->flags(page).load(std::memory_order_relaxed) & (kPageCode | kPageClean)) != 0)
        code_page_written(r, r.base + (page << kPageShift));
  });
}

bool AddressSpace::mark_code(u64 pa_page) {
  const Region* r = find(pa_page);
  if (r == nullptr || r->kind != Region::Kind::Ram) return false;
  r->ram->flags((pa_page - r->base) >> kPageShift).fetch_or(kPageCode);
  return true;
}

bool AddressSpace::has_code(u64 pa_page) const {
  const Region* r = find(pa_page);
  return r != nullptr && r->ram != nullptr &&
         (r->ram->flags((pa_page - r->base) >> kPageShift).load() & kPageCode) != 0;
}

u32 AddressSpace::generation(u64 pa_page) const {
  const Region* r = find(pa_page);
  return r != nullptr && r->ram != nullptr ? r->ram->generation((pa_page - r->base) >> kPageShift).load() : 0;
}

void AddressSpace::code_page_written(const Region& region, u64 pa_page) {
  const u64 page = (pa_page - region.base) >> kPageShift;
  const u8 before = region.ram->flags(page).fetch_and(static_cast<u8>(~(kPageCode | kPageClean)));
  if ((before & kPageCode) == 0) return;
  region.ram->generation(page).fetch_add(1);
  if (observer_ != nullptr) observer_->code_written(pa_page & ~kPageOffset);
}

}  // namespace ferry::softmmu
