// The slow paths of loads and stores (Arm ARM B2, D5; shared/functions/memory): page crossing, alignment, devices, the
// exclusive monitor.
#include <cstring>

#include "core/activity.h"
#include "core/log.h"
#include "cpu/access.h"
#include "softmmu/host_access.h"
#include "softmmu/mmu.h"

namespace ferry::softmmu {

// --- Pieces: what of an access lies in one page ---

namespace {

// One element of up to 8 bytes in one page: nearly all of what comes here.
bool is_simple(u64 va, const MemInfo& info) {
  return info.size_log2 < 4 && !info.pair && (va & kPageOffset) + info.bytes() <= kPageSize;
}

// Whether every element of an access that starts at va is aligned.
bool elements_aligned(u64 va, unsigned element) { return (va & (element - 1)) == 0; }

// How many bytes of an access memory gives or takes at once: an element, or under FEAT_LSE2 both of a pair.
unsigned unit_of(const MemInfo& info) {
  return info.pair && info.within_16 && info.bytes() <= 16 ? info.bytes() : 1u << info.size_log2;
}

// Moves what lies in one page, unit by unit as far as that is promised.
void move_units(u8* to, const u8* from, u64 va, unsigned size, unsigned unit) {
  if (size % unit != 0 || !(elements_aligned(va, unit) || in_16_bytes(va, size))) {
    std::memcpy(to, from, size);
    return;
  }
  for (unsigned i = 0; i < size; i += unit) copy_guest(to + i, from + i, unit);
}

// The size of the next device access: the element's, at most 8, or what is left of a piece.
unsigned step_of(u64 va, unsigned element, unsigned left) {
  unsigned step = element < 8 ? element : 8;
  while (step > left || (va & (step - 1)) != 0) step /= 2;
  return step;
}

}  // namespace

// Whether Device memory takes an access at va. LD1 to ST4 (multiple structures) may move whole registers at once here,
// but what must be aligned are the elements that the instruction names.
bool Mmu::device_aligned(u64 va, unsigned element) {
  if (elements_aligned(va, element)) return true;
  if (element < 8) return false;
  const std::optional<u64> at = debug_translate(s_.pc_page + 4 * u64{cpu::site_index(s_.site)});
  if (!at) return false;
  const Region* region = space_.find(*at);
  const u8* code = region == nullptr ? nullptr : region->readable_page(*at & ~kPageOffset);
  if (code == nullptr) return false;
  const u32 word = read_host<u32>(code + (*at & kPageOffset));
  const bool structures = (word & 0xbf200000) == 0x0c000000;
  return structures && elements_aligned(va, 1u << bits(word, 11, 10));
}

// An access that resolve() refused: the alignment that Device memory asks for comes before permissions
// (AArch64.S1Translate).
bool Mmu::refused(u64 va, unsigned element, bool write) {
  const bool permission = (s_.exception.iss & 0x3c) == 0x0c && denied_device_;
  return permission && !device_aligned(va, element) && data_fault(va, {.kind = FaultKind::Alignment}, write);
}

bool Mmu::read_piece(const Page& page, u64 va, unsigned size, unsigned element, unsigned unit, u8* to) {
  if (page.device && !device_aligned(va, element)) return data_fault(va, {.kind = FaultKind::Alignment}, false);
  if (page.host != nullptr) {
    move_units(to, page.host, va, size, unit);
    return true;
  }
  if (!page.region->contains(page.pa, size)) return data_fault(va, {.kind = FaultKind::External}, false);
  for (unsigned i = 0; i < size;) {
    const unsigned step = step_of(va + i, element, size - i);
    count_device_access();
    if (s_.env != nullptr) s_.env->synchronise_time(s_);
    const u64 value = space_.device_read(*page.region, page.pa + i, step);
    std::memcpy(to + i, &value, step);
    i += step;
  }
  return true;
}

bool Mmu::write_piece(const Page& page, u64 va, unsigned size, unsigned element, unsigned unit, const u8* from) {
  if (page.host != nullptr) {
    move_units(page.host, from, va, size, unit);
    return true;
  }
  if (page.region->kind == Region::Kind::Rom) {
    guest_error("cpu{}: store to {:#x} in {}, which is read-only", s_.cpu_index, page.pa, page.region->name);
    return true;
  }
  for (unsigned i = 0; i < size;) {
    const unsigned step = step_of(va + i, element, size - i);
    u64 value = 0;
    std::memcpy(&value, from + i, step);
    count_device_access();
    if (s_.env != nullptr) s_.env->synchronise_time(s_);
    space_.device_write(*page.region, page.pa + i, step, value);
    i += step;
  }
  return true;
}

// --- Loads ---

// A load exclusive to Device memory is aligned as a whole, pairs too. DEVIATION: exclusives on device windows are an
// unsupported-exclusive abort rather than a bus transaction; the device sees nothing of it.
bool Mmu::may_be_exclusive(const MemInfo& info, const Page& page, u64 va) {
  if (!info.exclusive) return true;
  if (page.device && (va & (info.bytes() - 1)) != 0) return data_fault(va, {.kind = FaultKind::Alignment}, false);
  return page.host != nullptr || data_fault(va, {.kind = FaultKind::UnsupportedAtomic}, false);
}

// Accesses of two pages. UNPREDICTABLE: chose that one of which a part is Device memory is aligned or faults.
bool Mmu::read_bytes(const MemInfo& info, u64 va, u8* to, Page& page) {
  const unsigned size = info.bytes(), element = 1u << info.size_log2, unit = unit_of(info);
  const unsigned in_first = static_cast<unsigned>(std::min<u64>(size, kPageSize - (va & kPageOffset)));
  Bank& bank = bank_of(info);
  if (!resolve(bank, va, Kind::Read, page)) return refused(va, element, false);
  if (in_first == size)
    return check_watch(va, size, false, info.unprivileged) && may_be_exclusive(info, page, va) &&
           read_piece(page, va, size, element, unit, to);
  Page second;
  if (!resolve(bank, va + in_first, Kind::Read, second)) return refused(va, element, false);
  if (!check_watch(va, size, false, info.unprivileged)) return false;
  if ((page.device || second.device) && !device_aligned(va, element))
    return data_fault(va, {.kind = FaultKind::Alignment}, false);
  return read_piece(page, va, in_first, element, unit, to) &&
         read_piece(second, va + in_first, size - in_first, element, unit, to + in_first);
}

u64 Mmu::load(u64 va, u32 access) {
  s_.site = access_site(access);
  ++statistics_.slow_loads;
  const MemInfo info = MemInfo::decode(access);
  if (!check_alignment(va, info, false)) return 0;
  Page page;
  if (is_simple(va, info)) {
    const unsigned size = info.bytes();
    if (!resolve(bank_of(info), va, Kind::Read, page)) return refused(va, size, false);
    if (!check_watch(va, size, false, info.unprivileged) || !may_be_exclusive(info, page, va)) return 0;
    u64 value = 0;
    if (page.host != nullptr && !page.device)
      value = read_sized(page.host, size);
    else if (!read_piece(page, va, size, size, size, reinterpret_cast<u8*>(&value)))
      return 0;
    if (info.order != Order::None) std::atomic_thread_fence(std::memory_order_acquire);
    if (info.exclusive) set_monitor(page, size, {value, 0});
    show_in_window(va, size, false);
    return value;
  }
  alignas(16) u8 bytes[32] = {};
  if ((va & kPageOffset) + info.bytes() > kPageSize) ++statistics_.page_crossings;
  if (!read_bytes(info, va, bytes, page)) return 0;
  show_in_window(va, info.bytes(), false);
  if (info.order != Order::None) std::atomic_thread_fence(std::memory_order_acquire);
  const unsigned element = 1u << info.size_log2;
  if (info.exclusive) {
    U128 value;
    std::memcpy(&value, bytes, sizeof value);
    set_monitor(page, info.bytes(), value);
  }
  if (element == 16) {
    std::memcpy(&s_.vargs[0], bytes, 16);
    if (info.pair) std::memcpy(&s_.vargs[1], bytes + 16, 16);
    return 0;
  }
  u64 first = 0, second = 0;
  std::memcpy(&first, bytes, element);
  if (info.pair) {
    std::memcpy(&second, bytes + element, element);
    s_.vargs[0] = {first, second};
  }
  return first;
}

void Mmu::set_monitor(const Page& page, unsigned size, U128 value) {
  ++statistics_.exclusives;
  s_.monitor_host = reinterpret_cast<u64>(page.host);
  s_.monitor_size = size;
  s_.monitor_value = value;
}

// --- Stores ---

bool Mmu::write_bytes(const MemInfo& info, u64 va, const u8* from) {
  const unsigned size = info.bytes(), element = 1u << info.size_log2, unit = unit_of(info);
  const unsigned in_first = static_cast<unsigned>(std::min<u64>(size, kPageSize - (va & kPageOffset)));
  Bank& bank = bank_of(info);
  Page pages[2];
  if (!resolve(bank, va, Kind::Write, pages[0]) ||
      (in_first != size && !resolve(bank, va + in_first, Kind::Write, pages[1])))
    return refused(va, element, true);
  if (!check_watch(va, size, true, info.unprivileged)) return false;
  // Nothing is written before all of it is known to be writable.
  if ((pages[0].device || pages[1].device) && !device_aligned(va, element))
    return data_fault(va, {.kind = FaultKind::Alignment}, true);
  if (pages[0].host == nullptr && !pages[0].from_table && !pages[0].region->contains(pages[0].pa, in_first))
    return data_fault(va, {.kind = FaultKind::External}, true);
  if (in_first != size && pages[1].host == nullptr && !pages[1].region->contains(pages[1].pa, size - in_first))
    return data_fault(va + in_first, {.kind = FaultKind::External}, true);
  write_piece(pages[0], va, in_first, element, unit, from);
  if (in_first != size) write_piece(pages[1], va + in_first, size - in_first, element, unit, from + in_first);
  return true;
}

// One element in one page that asks for more than a plain store.
bool Mmu::write_checked(const Page& page, u64 va, unsigned size, const u8* from) {
  if (page.device && !device_aligned(va, size)) return data_fault(va, {.kind = FaultKind::Alignment}, true);
  if (page.host == nullptr && !page.region->contains(page.pa, size))
    return data_fault(va, {.kind = FaultKind::External}, true);
  return write_piece(page, va, size, size, size, from);
}

u64 Mmu::store(u64 va, u32 access, u64 v0, u64 v1) {
  s_.site = access_site(access);
  ++statistics_.slow_stores;
  const MemInfo info = MemInfo::decode(access);
  if (!check_alignment(va, info, true)) return 0;
  if (is_simple(va, info)) {
    if (info.exclusive) return store_exclusive(info, va, {v0, 0});
    Page page;
    if (!resolve(bank_of(info), va, Kind::Write, page)) return refused(va, info.bytes(), true);
    if (!check_watch(va, info.bytes(), true, info.unprivileged)) return 0;
    if (info.order != Order::None) std::atomic_thread_fence(std::memory_order_release);
    if (page.host != nullptr && !page.device)
      write_sized(page.host, info.bytes(), v0);
    else
      write_checked(page, va, info.bytes(), reinterpret_cast<const u8*>(&v0));
    show_in_window(va, info.bytes(), true);
    if (info.order != Order::None) std::atomic_thread_fence(std::memory_order_seq_cst);
    return 0;
  }
  const unsigned element = 1u << info.size_log2;
  alignas(16) u8 bytes[32] = {};
  if (element == 16) {
    std::memcpy(bytes, &s_.vargs[0], 16);
    std::memcpy(bytes + 16, &s_.vargs[1], 16);
  } else {
    std::memcpy(bytes, &v0, element);
    if (info.pair) std::memcpy(bytes + element, &v1, element);
  }
  if (info.exclusive) {
    U128 value;
    std::memcpy(&value, bytes, sizeof value);
    return store_exclusive(info, va, value);
  }
  if ((va & kPageOffset) + info.bytes() > kPageSize) ++statistics_.page_crossings;
  if (info.order != Order::None) std::atomic_thread_fence(std::memory_order_release);
  if (!write_bytes(info, va, bytes)) return 0;
  show_in_window(va, info.bytes(), true);
  // A store-release is ordered before later load-acquires.
  if (info.order != Order::None) std::atomic_thread_fence(std::memory_order_seq_cst);
  return 0;
}

// --- DC ZVA: 64 bytes (DCZID_EL0.BS = 4) ---

u64 Mmu::zero_block(u64 va, u32 access) {
  s_.site = access_site(access);
  constexpr unsigned kBlock = 64;
  static constexpr u8 kZeroes[kBlock] = {};
  const MemInfo info = MemInfo::decode(access);
  Page page;
  if (!resolve(bank_of(info), va, Kind::Write, page)) {
    // Device memory refuses DC ZVA before permissions are looked at.
    if ((s_.exception.iss & 0x3c) == 0x0c && denied_device_) data_fault(va, {.kind = FaultKind::Alignment}, true);
    return 0;
  }
  if (page.device) {
    data_fault(va, {.kind = FaultKind::Alignment}, true);
    return 0;
  }
  const u64 into = va % kBlock;
  if (!check_watch(va - into, kBlock, true, false)) return 0;
  page.pa -= into;
  if (page.host != nullptr) {
    std::memset(page.host - into, 0, kBlock);
  } else if (!page.region->contains(page.pa, kBlock)) {
    data_fault(va, {.kind = FaultKind::External}, true);
  } else {
    write_piece(page, va - into, kBlock, 8, 8, kZeroes);
  }
  return 0;
}

// --- The table ---

namespace {

Mmu& mmu_of(cpu::CpuState& s) { return *static_cast<Mmu*>(s.mmu); }
u64 load_helper(cpu::CpuState& s, u64 va, u32 access) {
  const activity::Scope scope(activity::Activity::Memory);
  return mmu_of(s).load(va, access);
}
u64 store_helper(cpu::CpuState& s, u64 va, u32 access, u64 v0, u64 v1) {
  const activity::Scope scope(activity::Activity::Memory);
  return mmu_of(s).store(va, access, v0, v1);
}
u64 atomic_helper(cpu::CpuState& s, u64 va, u32 access, u64 kind, u64 v0, u64 v1) {
  const activity::Scope scope(activity::Activity::Memory);
  return mmu_of(s).atomic(va, access, kind, v0, v1);
}
u64 zero_block_helper(cpu::CpuState& s, u64 va, u32 access) {
  const activity::Scope scope(activity::Activity::Memory);
  return mmu_of(s).zero_block(va, access);
}

}  // namespace

const void* const* mem_helpers() {
  constexpr cpu::LoadFn load = load_helper;
  constexpr cpu::StoreFn store = store_helper;
  constexpr cpu::AtomicFn atomic = atomic_helper;
  constexpr cpu::ZeroBlockFn zero_block = zero_block_helper;
  // In the order of cpu::MemHelper.
  static const void* const table[] = {reinterpret_cast<const void*>(load), reinterpret_cast<const void*>(store),
                                      reinterpret_cast<const void*>(atomic), reinterpret_cast<const void*>(zero_block)};
  static_assert(std::size(table) == static_cast<usize>(cpu::MemHelper::kCount));
  return table;
}

}  // namespace ferry::softmmu
