// Mmu: what the host-MMU window of the current context shows.
#include <algorithm>

#include "softmmu/mmu.h"

namespace ferry::softmmu {

void Mmu::publish_window() {
  for (unsigned n = 0; n < cpu::kWindowSlots; ++n)
    s_.window[n] = bank_->window != nullptr ? bank_->window->slot(n) : cpu::WindowSlot{};
}

void Mmu::show_pages(u64 va, unsigned size, bool write) {
  const u64 last = (va + size - 1) & ~kPageOffset;
  u64 changes = show_page(va & ~kPageOffset, write);
  if (last != (va & ~kPageOffset) && bank_->window != nullptr) changes += show_page(last, write);
  if (changes != 0) windows_.mapped(*bank_, changes);
  publish_window();
}

// What is mapped with the page of va, at `host`: as much of the same entry of the guest's tables as may be. In pages
// before and after it.
Mmu::Around Mmu::around(u64 va, const u8* host, bool writable) {
  constexpr unsigned kMost = 21;  // as log2: more of a larger entry comes when it is touched
  const Translation t = walk_now(va);
  u64 pa = 0;
  if (t.fault || t.size_log2 <= kPageShift || t.size_log2 >= 64) return {};
  if (!space_.physical_of(host, pa) || pa != (t.pa & ~kPageOffset)) return {};
  // TLB maintenance of any page of the entry takes all of it out.
  bank_->note(va, t.size_log2, t.global);
  const Region* region = space_.find(pa);
  const u64 size = u64{1} << std::min<unsigned>(t.size_log2, kMost), into = va & (size - 1);
  if (!region->contains(pa - into, size)) return {};
  const u64 page = (pa - region->base) >> kPageShift, first = page - (into >> kPageShift),
            end = first + (size >> kPageShift);
  if (!writable) return {page - first, end - page - 1};
  u64 low = page, high = page;
  const auto is_free = [&](u64 n) { return region->ram->flags(n).load(std::memory_order_relaxed) == 0; };
  while (low > first && is_free(low - 1)) --low;
  while (high + 1 < end && is_free(high + 1)) ++high;
  return {page - low, high - page};
}

// Maps the page of va as the bank's tables have it. The number of changes to charge; one, too, for an access that would
// come here again.
u64 Mmu::show_page(u64 va, bool write) {
  Window& w = *bank_->window;
  if (!w.holds(va) && (!windows_.always() || !w.assign(va))) return 0;
  if (w.is_mapped(va, write)) return 0;
  const cpu::TlbEntry &in_write = bank_->write_table()[tlb_index(va)], &in_read = bank_->read_table()[tlb_index(va)];
  const bool writable = in_write.tag == va;
  if (!writable && (write || in_read.tag != va)) return 1;  // devices, what tables refuse
  const u8* host = reinterpret_cast<const u8*>(va + (writable ? in_write : in_read).addend);
  const Around more = around(va, host, writable);
  const u64 before = more.before << kPageShift, pages = more.before + 1 + more.after;
  static_cast<void>(w.map(va - before, host - before, pages, writable, pages == 1));
  return 1;
}

}  // namespace ferry::softmmu
