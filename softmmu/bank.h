// A bank: the data translations of one (regime, privilege and PAN, ASID, translation control), as the tables that
// translated code probes.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "core/types.h"
#include "cpu/state.h"
#include "softmmu/address_space.h"
#include "softmmu/maintenance.h"
#include "softmmu/miss_cause.h"
#include "softmmu/second_table.h"
#include "softmmu/window.h"

namespace ferry::softmmu {

// Which privileges an access is made with, in the regime.
enum class Privilege : u8 { User, Kernel, KernelPan };

constexpr usize tlb_index(u64 va) { return (va >> kPageShift) & (cpu::kTlbEntries - 1); }

// A tag of the tables is a page, or matches nothing: kTlbInvalid, or what is left of a page that was taken out. Probes
// keep no more than VA<7:0> beside the page, so bits 11:10 keep the latter from matching.
constexpr bool is_present(u64 tag) { return (tag & kPageOffset) == 0; }

// A translation that may not stand in the tables (device memory, device windows), for the slow path.
struct SlowEntry {
  u64 tag = cpu::kTlbInvalid;  // as TlbEntry::tag
  u64 pa_page = 0;
  bool readable = false, writable = false, device = false;
};

// Address ranges that were filled from entries larger than 4 KiB. A TLBI that touches one drops all of it.
class LargeRanges {
 public:
  void add(u64 va, unsigned size_log2);
  // Takes out a range that holds va: its size in bits, or 0. Call again until 0.
  unsigned take(u64 va, u64& base);
  void clear();

 private:
  static constexpr usize kSlots = 256;
  static u64 id(u64 va, unsigned size_log2) { return (va & low_mask(56) & ~low_mask(size_log2)) | size_log2; }
  bool overflow_ = false;
  u64 sizes_ = 0;  // bit n: ranges of 2^n bytes were added
  usize count_ = 0;
  std::array<u64, kSlots> slots_{};
};

class Bank {
 public:
  // slot: the bank's number in its pool.
  explicit Bank(unsigned slot);

  // Gives the bank a new owner; every entry goes. `head` is the position of the maintenance log.
  void assign(u64 key, RegimeId regime, u16 asid, Privilege privilege, u64 head);
  void clear();
  // Likewise, for a TLBI: what is missed afterwards is known to have been there.
  void take_all_out();

  // Applies operations of the log that the bank has not seen.
  void catch_up(const MaintenanceLog& log);
  void apply(const Maintenance& m);

  cpu::TlbEntry* read_table() { return tables_.get(); }
  cpu::TlbEntry* write_table() {
    return tables_.get() + cpu::kTlbEntries;
  }  // right behind: one base register reaches both
  SlowEntry& slow(u64 va) { return slow_[(va >> kPageShift) % slow_.size()]; }
  SecondTable& second() { return second_; }

  // Enters the page of va at host_page into a table.
  void fill(cpu::TlbEntry* table, u64 va, const u8* host_page);
  // What entries the bank now may hold: called for each successful walk on its behalf.
  void note(u64 va, unsigned size_log2, bool global);
  // Takes the host page out of the write table; index is where, or all of it is looked through.
  void unwrite(u64 host_page, u32 index, bool anywhere);

  u64 key() const { return key_; }
  unsigned slot() const { return slot_; }
  u16 asid() const { return asid_; }
  RegimeId regime() const { return regime_; }
  Privilege privilege() const { return privilege_; }

  // The host-MMU window that shows what the tables hold, while the bank has one. What leaves the tables leaves it too.
  Window* window = nullptr;
  u64 window_changes = 0;  // that the host has made for taking things out

  // Why the page is not in the table, whose tag in its place is this: First, Conflict, Maintenance, Context or
  // CodePage.
  MissCause miss_cause(u64 tag, u64 va) const;
  bool returned = false;  // its context had a bank before, which was given to another one

  u64 last_used = 0;             // the pool's clock
  Bank* user_partner = nullptr;  // the bank for LDTR and STTR that was last used with this one; check its key
  u64 user_partner_key = 0;

 private:
  void forget_all_but_tables();
  u64 taken_out(u64 tag, MissCause cause) const;
  void drop(u64 va, u64 pages);
  void drop_range(u64 base, unsigned size_log2);

  struct FreeTables {
    void operator()(cpu::TlbEntry* p) const;
  };
  u64 key_ = 0;
  u64 seen_ = 0;
  unsigned slot_;
  u16 asid_ = 0;
  u8 owners_ = 0;  // modulo 32: tells what the present context left from what others did
  RegimeId regime_ = RegimeId::El10;
  Privilege privilege_ = Privilege::Kernel;
  bool has_global_[2] = {};
  std::unique_ptr<cpu::TlbEntry[], FreeTables> tables_;
  std::array<SlowEntry, 64> slow_;
  SecondTable second_;
  LargeRanges large_;
  // Indices in use, so that a bank with few entries is cleared quickly; past its end the tables are wiped.
  std::array<u16, 768> filled_;
  u32 filled_count_ = 0;
};

// A bounded set of banks by key, least recently used out first.
class BankPool {
 public:
  static constexpr unsigned kBanks = 16;

  // The bank with that key, caught up with the log; taken from the least recently used one when there is none. Keys are
  // never 0.
  Bank& get(u64 key, RegimeId regime, u16 asid, Privilege privilege, const MaintenanceLog& log);
  // Every entry of every bank goes.
  void clear();
  Bank& at(unsigned slot) { return *banks_[slot]; }
  unsigned count() const { return static_cast<unsigned>(banks_.size()); }

  u64 switches = 0, recycled = 0;  // statistics

 private:
  std::vector<std::unique_ptr<Bank>> banks_;
  std::array<u8, 64> hint_{};       // by hash of the key: where it was last
  std::array<u64, 256> evicted_{};  // by hash: keys that lost their bank; for statistics
  u64 clock_ = 0;
};

}  // namespace ferry::softmmu
