#include "softmmu/bank.h"

#include <cstdlib>
#include <cstring>

namespace ferry::softmmu {

using cpu::kTlbEntries;
using cpu::kTlbInvalid;
using cpu::TlbEntry;

namespace {

// The VA without its top byte, which TBI may ignore.
constexpr u64 kVaMask = low_mask(56);

bool tag_in(u64 tag, u64 base, unsigned size_log2) { return ((tag ^ base) & kVaMask & ~low_mask(size_log2)) == 0; }

u64 hash(u64 v) { return (v * 0x9e3779b97f4a7c15u) >> 32; }

// What is left of a page in its place: bits 11:10 the cause, 9:5 the owner.
constexpr u64 kGoneMaintenance = u64{1} << 11, kGoneCodePage = u64{1} << 10;

}  // namespace

// --- LargeRanges ---

void LargeRanges::add(u64 va, unsigned size_log2) {
  if (overflow_) return;
  const u64 wanted = id(va, size_log2);
  for (usize i = hash(wanted) % kSlots;; i = (i + 1) % kSlots) {
    if (slots_[i] == wanted) return;
    if (slots_[i] != 0) continue;
    slots_[i] = wanted;
    break;
  }
  sizes_ |= u64{1} << size_log2;
  overflow_ = ++count_ > kSlots * 3 / 4;
}

unsigned LargeRanges::take(u64 va, u64& base) {
  base = 0;
  if (overflow_) return 64;
  for (u64 sizes = sizes_; sizes != 0; sizes &= sizes - 1) {
    const unsigned size_log2 = static_cast<unsigned>(__builtin_ctzll(sizes));
    const u64 wanted = id(va, size_log2);
    for (usize i = hash(wanted) % kSlots; slots_[i] != 0; i = (i + 1) % kSlots) {
      if (slots_[i] != wanted) continue;
      slots_[i] = 1;  // a grave: matches nothing, ends no chain
      base = wanted & ~low_mask(kPageShift);
      return size_log2;
    }
  }
  return 0;
}

void LargeRanges::clear() {
  if (sizes_ == 0) return;
  slots_.fill(0);
  sizes_ = 0;
  count_ = 0;
  overflow_ = false;
}

// --- Bank ---

void Bank::FreeTables::operator()(TlbEntry* p) const { std::free(p); }

Bank::Bank(unsigned slot) : slot_(slot) {
  constexpr usize kBytes = 2 * kTlbEntries * sizeof(TlbEntry);
  auto* memory = static_cast<TlbEntry*>(std::aligned_alloc(4096, kBytes));
  ASSERT(memory != nullptr, "the host has no memory for a TLB bank");
  std::memset(static_cast<void*>(memory), 0xff, kBytes);
  tables_.reset(memory);
}

void Bank::assign(u64 key, RegimeId regime, u16 asid, Privilege privilege, u64 head) {
  clear();
  owners_ = static_cast<u8>((owners_ + 1) % 32);
  key_ = key;
  regime_ = regime;
  asid_ = asid;
  privilege_ = privilege;
  seen_ = head;
  user_partner = nullptr;
}

void Bank::clear() {
  if (filled_count_ <= filled_.size()) {
    for (u32 i = 0; i < filled_count_; ++i) {
      read_table()[filled_[i]].tag = kTlbInvalid;
      write_table()[filled_[i]].tag = kTlbInvalid;
    }
  } else {
    std::memset(static_cast<void*>(tables_.get()), 0xff, 2 * kTlbEntries * sizeof(TlbEntry));
  }
  forget_all_but_tables();
}

// The page stays legible in its place, so that a later miss can tell why.
void Bank::take_all_out() {
  TlbEntry* const table = tables_.get();
  if (filled_count_ <= filled_.size()) {
    for (u32 i = 0; i < filled_count_; ++i) {
      for (TlbEntry* const e : {&read_table()[filled_[i]], &write_table()[filled_[i]]})
        e->tag = taken_out(e->tag, MissCause::Maintenance);
    }
  } else {
    for (usize i = 0; i < 2 * kTlbEntries; ++i) table[i].tag = taken_out(table[i].tag, MissCause::Maintenance);
  }
  forget_all_but_tables();
}

u64 Bank::taken_out(u64 tag, MissCause cause) const {
  return (tag & ~kPageOffset) | (cause == MissCause::CodePage ? kGoneCodePage : kGoneMaintenance) | u64{owners_} << 5;
}

MissCause Bank::miss_cause(u64 tag, u64 va) const {
  const u64 page = va & ~kPageOffset;
  if (is_present(tag)) return tag == page ? MissCause::First : MissCause::Conflict;
  if (tag == taken_out(page, MissCause::Maintenance)) return MissCause::Maintenance;
  if (tag == taken_out(page, MissCause::CodePage)) return MissCause::CodePage;
  return returned ? MissCause::Context : MissCause::First;
}

void Bank::forget_all_but_tables() {
  filled_count_ = 0;
  for (SlowEntry& e : slow_) e.tag = kTlbInvalid;
  second_.clear();
  large_.clear();
  if (window != nullptr) window->clear();
  has_global_[0] = has_global_[1] = false;
}

void Bank::catch_up(const MaintenanceLog& log) {
  if (seen_ == log.head()) return;
  const bool concerned =
      log.concerns(seen_, regime_, asid_, 0, has_global_[0]) || log.concerns(seen_, regime_, asid_, 1, has_global_[1]);
  if (concerned && !log.replay(seen_, [this](const Maintenance& m) { apply(m); })) take_all_out();
  seen_ = log.head();
}

void Bank::apply(const Maintenance& m) {
  if (m.regime != regime_) return;
  switch (m.kind) {
    case Maintenance::Kind::All: return take_all_out();
    case Maintenance::Kind::Asid:
      // Takes global entries along, which is allowed.
      if (m.asid == asid_) take_all_out();
      return;
    case Maintenance::Kind::Va:
      if (m.asid == asid_ || has_global_[m.half()]) drop(m.va, m.pages);
      return;
    case Maintenance::Kind::VaAllAsids: return drop(m.va, m.pages);
  }
}

void Bank::drop(u64 va, u64 pages) {
  if (pages > kTlbEntries) return take_all_out();
  for (u64 i = 0; i < pages; ++i, va += kPageSize) {
    u64 base = 0;
    while (const unsigned size_log2 = large_.take(va, base)) {
      if (size_log2 == 64) return take_all_out();
      drop_range(base, size_log2);
    }
    drop_range(va, kPageShift);
  }
}

void Bank::drop_range(u64 base, unsigned size_log2) {
  if (window != nullptr && size_log2 > cpu::kWindowShift) window->clear();
  if (window != nullptr) window_changes += window->unmap(base & kVaMask, u64{1} << (size_log2 - kPageShift));
  const u64 pages = std::min<u64>(u64{1} << (size_log2 - kPageShift), kTlbEntries);
  TlbEntry *const read = read_table(), *const write = write_table();
  for (u64 i = 0, index = tlb_index(base); i < pages; ++i, index = (index + 1) % kTlbEntries) {
    for (TlbEntry* const e : {&read[index], &write[index]})
      if (tag_in(e->tag, base, size_log2)) e->tag = taken_out(e->tag, MissCause::Maintenance);
  }
  second_.drop(base, size_log2);
  if (size_log2 == kPageShift) {
    SlowEntry& e = slow(base);
    if (tag_in(e.tag, base, size_log2)) e.tag = kTlbInvalid;
  } else {
    for (SlowEntry& e : slow_) e.tag = kTlbInvalid;
  }
}

void Bank::fill(TlbEntry* table, u64 va, const u8* host_page) {
  const usize index = tlb_index(va);
  if (!is_present(read_table()[index].tag) && !is_present(write_table()[index].tag)) {
    if (filled_count_ < filled_.size()) filled_[filled_count_] = static_cast<u16>(index);
    // A page that comes and goes may be counted twice; the count only decides how to clear.
    if (filled_count_ <= filled_.size()) ++filled_count_;
  }
  const u64 page = va & ~kPageOffset;
  table[index] = {page, reinterpret_cast<u64>(host_page) - page};
}

void Bank::note(u64 va, unsigned size_log2, bool global) {
  if (global) has_global_[bit(va, 55) ? 1 : 0] = true;
  if (size_log2 > kPageShift && size_log2 < 64) large_.add(va, size_log2);
}

void Bank::unwrite(u64 host_page, u32 index, bool anywhere) {
  TlbEntry* const write = write_table();
  const auto check = [&](TlbEntry& e) {
    if (is_present(e.tag) && e.tag + e.addend == host_page) e.tag = taken_out(e.tag, MissCause::CodePage);
  };
  if (!anywhere) return check(write[index]);
  for (usize i = 0; i < kTlbEntries; ++i) check(write[i]);
}

// --- BankPool ---

Bank& BankPool::get(u64 key, RegimeId regime, u16 asid, Privilege privilege, const MaintenanceLog& log) {
  ++switches;
  u8& hint = hint_[hash(key) % hint_.size()];
  if (hint < banks_.size() && banks_[hint]->key() == key) {
    Bank& bank = *banks_[hint];
    bank.last_used = ++clock_;
    bank.catch_up(log);
    return bank;
  }
  Bank* oldest = nullptr;
  for (const auto& bank : banks_) {
    if (bank->key() == key) {
      hint = static_cast<u8>(bank->slot());
      bank->last_used = ++clock_;
      bank->catch_up(log);
      return *bank;
    }
    if (oldest == nullptr || bank->last_used < oldest->last_used) oldest = bank.get();
  }
  if (banks_.size() < kBanks) {
    banks_.push_back(std::make_unique<Bank>(static_cast<unsigned>(banks_.size())));
    oldest = banks_.back().get();
  } else {
    ASSERT(oldest != nullptr, "a full pool has banks");
    ++recycled;
    evicted_[hash(oldest->key()) % evicted_.size()] = oldest->key();
  }
  oldest->assign(key, regime, asid, privilege, log.head());
  oldest->returned = evicted_[hash(key) % evicted_.size()] == key;
  oldest->last_used = ++clock_;
  hint = static_cast<u8>(oldest->slot());
  return *oldest;
}

void BankPool::clear() {
  for (const auto& bank : banks_) bank->take_all_out();
}

}  // namespace ferry::softmmu
