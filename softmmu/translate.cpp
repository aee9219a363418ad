// Data translations: from a virtual address to the memory or device behind it, filling the tables on the way.
#include <cstdlib>

#include "core/log.h"
#include "cpu/exceptions.h"
#include "softmmu/mmu.h"
#include "softmmu/physical_reader.h"
#include "softmmu/walk_with.h"

namespace ferry::softmmu {

// Where a RAM page may stand in write tables, so that taking it out need not look everywhere. A hint may outlive the
// entry.
struct Mmu::WriteHint {
  u16 banks = 0;  // by slot
  u16 index = 0;  // in all of them, unless
  bool anywhere = false;
};

Translation Mmu::walk_now(u64 va) {
  PhysicalReader reader(space_);
  return walk_with(regime_, va, reader);
}

bool Mmu::data_fault(u64 va, const Fault& fault, bool write, bool cache_op) {
  s_.exception = {};
  s_.exception.ec = cpu::kEcDataAbort;
  s_.exception.iss =
      fault.status_code() | (write ? 1u << 6 : 0u) | (fault.on_walk ? 1u << 7 : 0u) | (cache_op ? 1u << 8 : 0u);
  s_.exception.target_el = fault.stage2 ? 2 : 0;
  s_.exception.far_valid = true;
  s_.exception.far = va;
  s_.fault = 1;
  return false;
}

bool Mmu::watched(u64 va, unsigned size, bool write, bool unprivileged) {
  cpu::ExceptionInfo e;
  if (!cpu::watchpoint_exception(s_, va, size, write, unprivileged && s_.uao == 0, e)) return false;
  s_.exception = e;
  s_.fault = 1;
  return true;
}

// PAN: what EL0 can read, with EPAN also what it can execute, is out of reach.
bool Mmu::may_read(Privilege p, u8 permissions) const {
  if (p == Privilege::User) return (permissions & kRead0) != 0;
  const unsigned el0 = regime_.execute_counts_for_pan ? kRead0 | kExecute0 : unsigned{kRead0};
  return (permissions & kRead1) != 0 && !(p == Privilege::KernelPan && (permissions & el0) != 0);
}
bool Mmu::may_write(Privilege p, u8 permissions) const {
  if (p == Privilege::User) return (permissions & kWrite0) != 0;
  return (permissions & kWrite1) != 0 && may_read(p, permissions);
}

// FEAT_E0PD: EL0 has no translations in this half.
bool Mmu::closed(Privilege p, u64 va) const {
  return p == Privilege::User && regime_.enabled && regime_.range[bit(va, 55) ? 1 : 0].closed_to_el0;
}

// Hardware management of the access flag and dirty state: the last descriptor as the access leaves it, by
// compare-and-swap. False: it is no longer what the walk read.
bool Mmu::update_descriptor(Translation& t, bool write) {
  const unsigned last = t.descriptors - 1u;
  const u64 pa = t.descriptor_pa[last], old = t.descriptor_value[last];
  u64 value = regime_.big_endian_tables ? __builtin_bswap64(old) : old;
  value |= u64{1} << 10;
  if (write && t.clean) value &= ~(u64{1} << 7);
  if (regime_.big_endian_tables) value = __builtin_bswap64(value);
  const Region* region = space_.find(pa);
  if (region == nullptr || region->kind != Region::Kind::Ram) {
    // IMPDEF: tables in what cannot be written atomically are an abort of the walk.
    t.fault = {.kind = FaultKind::UnsupportedAtomic, .level = t.level};
    return true;
  }
  const u64 offset = pa - region->base, page = offset & ~kPageOffset;
  std::atomic<u8>& flags = region->ram->flags(offset >> kPageShift);
  if ((flags.load(std::memory_order_relaxed) & (kPageCode | kPageClean)) != 0)
    space_.code_page_written(*region, region->base + page);
  u64 expected = old;
  if (!__atomic_compare_exchange_n(reinterpret_cast<u64*>(region->ram->host() + offset), &expected, value, false,
                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    return false;
  t.descriptor_value[last] = value;
  t.needs_flag = false;
  if (write) t.clean = false;
  return true;
}

// A walk for an access: where `allowed(permissions)` lets it through, the descriptor says so before it happens.
template <class Allowed>
Translation Mmu::walk_and_flag(u64 va, bool write, Allowed allowed) {
  for (;;) {
    Translation t = walk_now(va);
    if (t.fault || !(t.needs_flag || (write && t.clean)) || !allowed(t.permissions)) return t;
    if (update_descriptor(t, write)) return t;
  }
}

bool Mmu::resolve_slowly(Bank& bank, u64 va, Kind kind, Page& page) {
  const bool write = kind != Kind::Read;
  const u64 offset = va & kPageOffset;
  SlowEntry& slow = bank.slow(va);
  if (slow.tag == va - offset && (write ? slow.writable : slow.readable)) {
    count_miss(MissCause::Device);
    page = {.pa = slow.pa_page | offset, .device = slow.device};
    return locate(bank, va, kind, page);
  }
  // Another page stands where this one would: both are in use, perhaps in turns.
  const u64 tag = (write ? bank.write_table() : bank.read_table())[tlb_index(va)].tag;
  const bool crowded = is_present(tag) && tag != va - offset;
  const MissCause cause = bank.miss_cause(tag, va);
  if (crowded) {
    const SecondTable::Entry* const second = bank.second().find(va);
    if (second != nullptr && (!write || second->writable())) {
      page = {.pa = second->pa_page() | offset, .device = is_flat()};
      const bool located = locate(bank, va, kind, page);
      count_miss(page, located, cause);
      return located;
    }
  }
  ++statistics_.walks;
  const bool resolved = resolve_by_walk(bank, va, kind, page, crowded);
  count_miss(page, resolved, cause);
  return resolved;
}

void Mmu::count_miss(const Page& page, bool resolved, MissCause cause) {
  if (!resolved) return count_miss(MissCause::Refused);
  if (kept_out(page) || page.host == nullptr) return count_miss(MissCause::Device);
  count_miss(page.of_code ? MissCause::CodePage : page.watched ? MissCause::Watched : cause);
}

bool Mmu::resolve_by_walk(Bank& bank, u64 va, Kind kind, Page& page, bool crowded) {
  const bool write = kind != Kind::Read;
  const u64 offset = va & kPageOffset;
  if (closed(bank.privilege(), va))
    return data_fault(va, {.kind = FaultKind::Translation, .level = 0}, kind == Kind::Write);
  const Translation t = walk_and_flag(va, write, [&](u8 permissions) {
    return may_read(bank.privilege(), permissions) && (!write || may_write(bank.privilege(), permissions));
  });
  if (t.fault) return data_fault(va, t.fault, kind == Kind::Write);
  const bool readable = may_read(bank.privilege(), t.permissions),
             writable = may_write(bank.privilege(), t.permissions);
  if (!readable || (write && !writable)) {
    // A read-modify-write is reported as a read when the read alone would have failed.
    const bool as_write = kind == Kind::Write || (kind == Kind::ReadWrite && readable);
    denied_device_ = t.device();
    return data_fault(va, {.kind = FaultKind::Permission, .level = t.level}, as_write);
  }
  // Off: PAN and AP do not apply, permissions are all set.
  page = {.pa = t.pa, .device = t.device()};
  bank.note(va, t.size_log2, t.global);
  if (!locate(bank, va, kind, page)) return false;
  if (kept_out(page) || page.host == nullptr)
    bank.slow(va) = {.tag = va - offset,
                     .pa_page = t.pa & ~kPageOffset,
                     .readable = readable,
                     .writable = writable && !t.clean,
                     .device = page.device};
  else if (crowded)
    bank.second().add(va, t.pa & ~kPageOffset, writable && !t.clean);
  return true;
}

// Fills page from page.pa and page.device, and the tables where that is allowed.
bool Mmu::locate(Bank& bank, u64 va, Kind kind, Page& page) {
  const Region* region = space_.find(page.pa);
  const bool write = kind != Kind::Read;
  if (region == nullptr) {
    guest_error("cpu{}: {} at {:#x} (physical {:#x}), where nothing is", s_.cpu_index, write ? "store" : "load", va,
                page.pa);
    return data_fault(va, {.kind = FaultKind::External}, kind == Kind::Write);
  }
  page.region = region;
  const u64 offset = page.pa & kPageOffset, pa_page = page.pa - offset;
  if (!write) {
    const u8* host = region->readable_page(pa_page);
    if (host == nullptr) return true;
    // Never written through: only Kind::Read gets it.
    page.host = const_cast<u8*>(host) + offset;
    if (kept_out(page)) return true;
    page.watched = watching_ && cpu::watches_page(s_, va);
    if (page.watched) return true;
    count_fill(bank.read_table(), va);
    bank.fill(bank.read_table(), va, host);
    return true;
  }
  if (region->kind != Region::Kind::Ram) return true;
  u8* host = region->ram->host() + (pa_page - region->base);
  page.host = host + offset;
  std::atomic<u8>& flags = region->ram->flags((pa_page - region->base) >> kPageShift);
  page.of_code = (flags.load(std::memory_order_relaxed) & (kPageCode | kPageClean)) != 0;
  if (page.of_code) space_.code_page_written(*region, pa_page);
  page.watched =
      (flags.load(std::memory_order_relaxed) & kPageWatched) != 0 || (watching_ && cpu::watches_page(s_, va));
  if (kept_out(page) || page.watched) return true;
  count_fill(bank.write_table(), va);
  bank.fill(bank.write_table(), va, host);
  note_writable(*region, pa_page, bank, va);
  // What is written is mostly read as well.
  if (!is_present(bank.read_table()[tlb_index(va)].tag)) bank.fill(bank.read_table(), va, host);
  return true;
}

void Mmu::count_fill(const cpu::TlbEntry* table, u64 va) {
  ++statistics_.tlb_fills;
  const u64 old = table[tlb_index(va)].tag;
  if (is_present(old) && old != (va & ~kPageOffset)) ++statistics_.tlb_conflicts;
}

void Mmu::note_writable(const Region& region, u64 pa_page, const Bank& bank, u64 va) {
  if (write_hints_.size() <= region.index) write_hints_.resize(region.index + 1);
  auto& hints = write_hints_[region.index];
  if (hints == nullptr) {
    // Zeroed lazily by the host, which is what makes this cheap for large RAM.
    hints.reset(static_cast<WriteHint*>(std::calloc(static_cast<usize>(region.size >> kPageShift), sizeof(WriteHint))));
    ASSERT(hints != nullptr, "the host has no memory for write hints");
  }
  WriteHint& hint = hints.get()[(pa_page - region.base) >> kPageShift];
  const u16 index = static_cast<u16>(tlb_index(va));
  if (hint.banks != 0 && hint.index != index) hint.anywhere = true;
  hint.index = index;
  hint.banks = static_cast<u16>(hint.banks | 1u << bank.slot());
}

void Mmu::FreeHints::operator()(WriteHint* p) const { std::free(p); }

void Mmu::unwrite(u64 pa_page) {
  const Region* region = space_.find(pa_page);
  if (region == nullptr || region->kind != Region::Kind::Ram) return;
  if (windows_.enabled()) windows_.unwrite(region->ram->host() + ((pa_page - region->base) & ~kPageOffset));
  if (region->index >= write_hints_.size() || write_hints_[region->index] == nullptr) return;
  const u64 offset = (pa_page - region->base) & ~kPageOffset;
  WriteHint& hint = write_hints_[region->index].get()[offset >> kPageShift];
  const u64 host_page = reinterpret_cast<u64>(region->ram->host() + offset);
  for (unsigned banks = hint.banks; banks != 0; banks &= banks - 1)
    banks_.at(static_cast<unsigned>(__builtin_ctz(banks))).unwrite(host_page, hint.index, hint.anywhere);
  hint = {};
}

}  // namespace ferry::softmmu
