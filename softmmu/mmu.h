// Mmu: the memory system as one processor sees it. It owns the processor's shadow TLBs and fills CpuState's pointers to
// them, answers fetches, implements the slow paths, TLB maintenance and address translation instructions.
//
// Everything here runs on the processor's own thread (shootdown.h brings requests of others there).
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "core/access.h"
#include "cpu/environment.h"
#include "cpu/state.h"
#include "softmmu/address_space.h"
#include "softmmu/bank.h"
#include "softmmu/exec_space.h"
#include "softmmu/host_access.h"
#include "softmmu/walk.h"
#include "softmmu/window_pool.h"

namespace ferry::softmmu {

struct FetchResult {
  bool ok = false;           // false: CpuState::exception and fault hold the instruction abort
  u64 pa = 0;                // of va
  const u8* page = nullptr;  // host address of the 4 KiB page that va lies in
  bool guarded = false;      // FEAT_BTI: branches into it land where they may
};

class Mmu {
 public:
  // Registers itself in s (mmu, mem_helpers, the table pointers). select() comes before the first access. With several
  // processors (shared) it is Shootdown that brings changes of the physical map.
  Mmu(cpu::CpuState& s, AddressSpace& space, bool shared = false);
  ~Mmu();
  Mmu(const Mmu&) = delete;
  Mmu& operator=(const Mmu&) = delete;

  // Context synchronisation: makes the tables that CpuState points to those of the current EL, PAN, UAO and translation
  // registers. To be called after exception entry and return, ISB, and changes of PSTATE.PAN and UAO. Quick when
  // nothing changed.
  void select();

  // The key of the executable mappings that an instruction at va runs under: equal keys mean equal mappings. Each half
  // of the address space has its own. It can change in select() and fetch(): read it after those. Never 0, never used
  // again for others. TLB maintenance changes it at the next call after select().
  u32 exec_key(u64 va);

  // The page that the instruction at va (4-byte aligned) is fetched from, with permission to execute it at the current
  // EL.
  FetchResult fetch(u64 va);

  // Whether the instruction at va, which was just executed, lies in a guarded page.
  bool guarded(u64 va);

  void tlb_invalidate(const cpu::TlbiOp& op);
  // PAR_EL1 after an AT instruction. Takes the data abort (s.fault) when a table cannot be read.
  u64 address_translate(cpu::AtOp op, u64 va);
  // DC by VA other than ZVA: takes the data abort that it deserves. Nothing else happens: the model has no caches.
  void data_cache_op(u64 va, bool needs_write);

  // Write-shields a page of RAM before its code is read for translation: stores to it go the slow way and tell the
  // CodeObserver. False when the page is not RAM, and needs no shield. With several processors use Shootdown::shield.
  bool shield(u64 pa_page);
  // Takes a page of RAM out of the write tables; the flags that keep it out are the caller's.
  void unwrite(u64 pa_page);
  // Drops all translations, data and fetch: the physical map changed.
  void drop_all();

  // The host-MMU window for EL0 (window.h), before the first select().
  void configure_window(const WindowConfig& config) { windows_.configure(config); }
  // The processor is about to take an interrupt.
  void interrupted() {
    if (!windows_.enabled() || s_.el != 0 || watching_ || bank_ == nullptr) return;
    windows_.interrupted(*bank_);
    publish_window();
  }

  // Translation of va for the debugger: as the current EL's data or instruction side would see it, no permission asked,
  // nothing cached.
  std::optional<u64> debug_translate(u64 va);

  // The slow paths of cpu/access.h.
  u64 load(u64 va, u32 access);
  u64 store(u64 va, u32 access, u64 v0, u64 v1);
  u64 atomic(u64 va, u32 access, u64 kind, u64 v0, u64 v1);
  u64 zero_block(u64 va, u32 access);

  struct Statistics {
    u64 walks = 0, fetch_walks = 0, slow_loads = 0, slow_stores = 0, device_accesses = 0, tlb_operations = 0,
        exec_renewals = 0, shields = 0, bank_switches = 0, banks_recycled = 0, tlb_fills = 0, tlb_conflicts = 0,
        page_crossings = 0, windows_opened = 0, windows_closed = 0, window_maps = 0, window_unmaps = 0, exclusives = 0;
    std::array<u64, kMissCauses> misses{};  // by MissCause
    std::array<u64, 4> device_by_el{};      // device_accesses by the level that made them
  };
  Statistics statistics() const;

 private:
  enum class Kind : u8 { Read, Write, ReadWrite };
  // Where one page of an access lies.
  struct Page {
    u8* host = nullptr;              // of the byte; null: not memory, see region
    u64 pa = 0;                      // valid when not from_table
    const Region* region = nullptr;  // valid when not from_table
    bool device = false;             // Device memory attributes
    bool from_table = false;
    bool of_code = false, watched = false;  // why it is in no table; for statistics
  };
  struct WriteHint;
  struct FreeHints {
    void operator()(WriteHint* p) const;
  };

  // Translation (translate.cpp)
  // Stage 1 is off: all of memory is Device memory, and the RAM in it stands in the tables nevertheless, because code
  // translated for this sends what is not aligned to the slow path (Mode::align_check).
  bool is_flat() const { return !regime_.enabled; }
  bool kept_out(const Page& page) const { return page.device && !is_flat(); }
  bool resolve(Bank& bank, u64 va, Kind kind, Page& page) {
    const cpu::TlbEntry& entry = (kind == Kind::Read ? bank.read_table() : bank.write_table())[tlb_index(va)];
    if (entry.tag != (va & ~kPageOffset)) return resolve_slowly(bank, va, kind, page);
    page.host = reinterpret_cast<u8*>(va + entry.addend);
    page.device = is_flat();
    page.from_table = true;
    return true;
  }
  bool resolve_slowly(Bank& bank, u64 va, Kind kind, Page& page);
  bool resolve_by_walk(Bank& bank, u64 va, Kind kind, Page& page, bool crowded);
  void count_device_access() {
    ++statistics_.device_accesses;
    ++statistics_.device_by_el[s_.el & 3];
  }
  void count_miss(MissCause cause) { ++statistics_.misses[static_cast<usize>(cause)]; }
  void count_miss(const Page& page, bool resolved, MissCause cause);
  bool locate(Bank& bank, u64 va, Kind kind, Page& page);
  Translation walk_now(u64 va);
  template <class Allowed>
  Translation walk_and_flag(u64 va, bool write, Allowed allowed);
  bool update_descriptor(Translation& t, bool write);
  bool may_read(Privilege p, u8 permissions) const;
  bool may_write(Privilege p, u8 permissions) const;
  bool closed(Privilege p, u64 va) const;
  bool fetch_closed(u64 va) const;
  bool data_fault(u64 va, const Fault& fault, bool write, bool cache_op = false);
  void count_fill(const cpu::TlbEntry* table, u64 va);
  void note_writable(const Region& region, u64 pa_page, const Bank& bank, u64 va);
  ExecSpace& exec_space(u64 va);
  Bank& bank_for(Privilege privilege);
  Bank& user_bank();
  void set_user_tables(Bank* bank);
  u8 config_number(u64 sctlr, u64 tcr, u64 mair);

  // The window (mmu_window.cpp)
  void publish_window();
  // A load or store of EL0 took the slow path and went well.
  void show_in_window(u64 va, unsigned size, bool write) {
    if (s_.el == 0 && bank_->window != nullptr && !watching_) show_pages(va, size, write);
  }
  void show_pages(u64 va, unsigned size, bool write);
  u64 show_page(u64 va, bool write);
  struct Around {
    u64 before = 0, after = 0;
  };
  Around around(u64 va, const u8* host, bool writable);

  // Access (access.cpp, atomic.cpp)
  // Alignment that is required whatever the memory is; Device memory asks for the element's size later.
  // AArch64.UnalignedAccessFaults
  bool check_alignment(u64 va, const MemInfo& info, bool write) {
    const u64 need = info.aligned ? info.bytes() : check_alignment_ ? u64{1} << info.size_log2 : 1;
    return (va & (need - 1)) == 0 || check_relaxed(va, info) || data_fault(va, {.kind = FaultKind::Alignment}, write);
  }
  // Whether FEAT_LSE2 permits what is not aligned. nAA: ordered accesses that are nothing more may lie anywhere.
  bool check_relaxed(u64 va, const MemInfo& info, bool read_modify_write = false) const {
    if (!info.within_16 || check_alignment_) return false;
    return in_16_bytes(va, info.bytes()) || (no_alignment_ && !info.exclusive && !read_modify_write);
  }
  // After translation: false when a hardware watchpoint reports the access.
  bool check_watch(u64 va, unsigned size, bool write, bool unprivileged) {
    return !watching_ || !watched(va, size, write, unprivileged);
  }
  bool watched(u64 va, unsigned size, bool write, bool unprivileged);
  void select_watchpoints();
  Bank& bank_of(const MemInfo& info) { return info.unprivileged ? user_bank() : *bank_; }
  bool device_aligned(u64 va, unsigned element);
  bool refused(u64 va, unsigned element, bool write);
  bool read_bytes(const MemInfo& info, u64 va, u8* to, Page& page);
  bool write_bytes(const MemInfo& info, u64 va, const u8* from);
  bool read_piece(const Page& page, u64 va, unsigned size, unsigned element, unsigned unit, u8* to);
  bool write_piece(const Page& page, u64 va, unsigned size, unsigned element, unsigned unit, const u8* from);
  bool write_checked(const Page& page, u64 va, unsigned size, const u8* from);
  bool may_be_exclusive(const MemInfo& info, const Page& page, u64 va);
  void set_monitor(const Page& page, unsigned size, U128 value);
  u64 store_exclusive(const MemInfo& info, u64 va, U128 value);
  Page* atomic_page(const MemInfo& info, u64 va, Kind kind, Page& page);

  cpu::CpuState& s_;
  AddressSpace& space_;
  MaintenanceLog log_;
  BankPool banks_;
  WindowPool windows_{space_, banks_};
  ExecSpacePool exec_{space_.exec_registry()};
  Bank* bank_ = nullptr;
  u64 bank_base_key_ = 0;  // the current key without its privilege
  u16 asid_ = 0;
  ExecSpace* exec_current_[2] = {};

  // What the last select() saw.
  struct Config {
    u64 sctlr = 0, tcr = 0, mair = 0;
    Regime regime;
  };
  std::vector<Config> configs_;
  u8 config_ = 0;
  u64 seen_sctlr_ = 0, seen_tcr_ = 0, seen_mair_ = 0;
  Regime regime_;
  bool check_alignment_ = false;  // SCTLR.A
  bool no_alignment_ = false;     // SCTLR.nAA
  bool denied_device_ = false;    // the last permission fault was of Device memory
  bool watching_ = false;         // hardware watchpoints are on: their pages are in no table
  u32 seen_watch_changes_ = 0;

  std::unique_ptr<cpu::TlbEntry[]> empty_table_;  // nothing hits: LDTR and STTR before their bank is known
  std::vector<std::unique_ptr<WriteHint, FreeHints>> write_hints_;  // by region index; null for what is not RAM
  Statistics statistics_;
};

// The table for CpuState::mem_helpers, indexed by cpu::MemHelper.
const void* const* mem_helpers();

}  // namespace ferry::softmmu
