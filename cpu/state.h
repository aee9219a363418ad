// CpuState: the guest-visible state of one PE and the words that translated code works with. Standard layout: every
// tier addresses it by offset. Everything hot is near the start.
#pragma once
#include <atomic>
#include <cstddef>

#include "core/time_scale.h"
#include "core/types.h"
#include "cpu/features.h"
#include "cpu/mode.h"
#include "cpu/nzcv.h"

namespace ferry::cpu {

class Environment;
struct CpuState;

// A helper as translated code calls it; unused operands are garbage.
using HelperFn = u64 (*)(CpuState&, u64 a, u64 b, u64 c, u64 d);
enum class Helper : u16 {
#define HELPER(name, result, effects) name,
#include "cpu/helpers.def"
#undef HELPER
  kCount
};
constexpr u32 kPure = 0, kFp = 1, kState = 2, kFault = 4;
struct HelperInfo {
  const char* name;
  char result;
  u32 effects;
  HelperFn function;
};
const HelperInfo& helper_info(Helper h);
// The functions alone, indexed by Helper: what CpuState::helpers points to.
const HelperFn* helper_table();

enum class SysReg : u16 {
#define SYSREG(name, ...) name,
#include "cpu/sysregs.def"
#undef SYSREG
  kCount
};

// One shadow-TLB entry: an access to VA hits when tag == (VA with its low 12 bits cleared), the host address is VA +
// addend (modulo 2^64). Tags hold the raw VA with its top byte. kTlbInvalid matches nothing.
struct TlbEntry {
  u64 tag;
  u64 addend;
};
constexpr u64 kTlbInvalid = ~u64{0};
constexpr unsigned kTlbBits = 12;
constexpr usize kTlbEntries = usize{1} << kTlbBits;  // index = VA<12 + kTlbBits - 1 : 12>

// One slice of the host-MMU window (softmmu/window.h): an access to VA whose bits from kWindowShift up are `tag` is
// made at host address VA + addend, and faults there when its page is not mapped. kTlbInvalid matches nothing.
struct WindowSlot {
  u64 tag = kTlbInvalid;
  u64 addend = 0;
};
constexpr unsigned kWindowShift = 40;
constexpr unsigned kWindowSlots = 2;
// The slot that a slice belongs into. Programs live at the bottom or in the middle, stacks and mappings at the top.
constexpr unsigned window_slot(u64 va) { return (va >> 46) & 1; }

// An exception to be taken; filled by whoever sets CpuState::fault.
struct ExceptionInfo {
  enum class Kind : u8 { Synchronous, Irq, Fiq, SError };
  Kind kind = Kind::Synchronous;
  u8 target_el = 0;             // 0 = the default for the current EL (EL1 from EL0 and EL1)
  bool return_to_next = false;  // preferred return address is the next instruction (SVC, HVC, SMC)
  bool far_valid = false;
  u32 ec = 0;   // ESR.EC as for an exception from the current EL; lower-EL variants of aborts, PC alignment etc. are
                // chosen at entry
  u32 iss = 0;  // ESR.ISS, 25 bits
  bool il = true;
  u64 far = 0;
};

// Where a slow path or helper was called from: set before such a call, so that PC and exact time are known without
// keeping PC up to date. bits 9:0 word index of the instruction in its page, bits 17:10 guest instructions of the block
// after it.
constexpr u32 make_site(u32 word_index, u32 insns_after) { return word_index | insns_after << 10; }
constexpr u32 site_index(u32 site) { return site & 0x3ff; }
constexpr u32 site_after(u32 site) { return (site >> 10) & 0xff; }

// An entry of the indirect-branch cache: hits when va and context both match.
struct JumpEntry {
  u64 va;
  u64 context;
  const void* code;
  u64 landing;  // bit n: a branch that sets PSTATE.BTYPE to n may come here (n = 1..3)
};
constexpr unsigned kJumpBits = 14;
constexpr usize kJumpEntries = usize{1} << kJumpBits;  // index = VA<kJumpBits + 1 : 2>

// Bits of CpuState::signals.
constexpr u32 kSignalIrq = 1, kSignalFiq = 2, kSignalStop = 4, kSignalShootdown = 8, kSignalTimer = 16,
              kSignalSError = 32;

struct alignas(64) CpuState {
  u64 x[32];    // X0..X30, and the current SP at 31
  u64 pc_page;  // VA of the 4 KiB page that the running block lies in
  u64 pc;       // valid outside translated code
  u32 nzcv;     // cpu/nzcv.h
  std::atomic<i32>
      budget;  // poll and budget in one word: negative = leave at the next poll. Virtual time: guest instructions left
  u32 fault;   // non-zero: a helper or access raised `exception`
  u32 site;    // make_site() of the last slow call
  TlbEntry* tlb_read;         // tables of the current bank
  TlbEntry* tlb_write;        // always kTlbEntries behind tlb_read, here and below: code uses one base for both
  TlbEntry* tlb_unpriv_read;  // as EL0 sees memory (LDTR, STTR)
  TlbEntry* tlb_unpriv_write;
  WindowSlot window[kWindowSlots];  // of the context that EL0 runs in
  u64 context;  // identifies (exec mapping epoch of the bank half that PC is in, Mode): validates cross-page links and
                // JumpEntry
  JumpEntry* jump_cache;
  const void* const* code_stubs;   // jit/abi.h
  const HelperFn* helpers;         // table indexed by Helper
  const void* const* mem_helpers;  // table indexed by jit MemHelper
  const TimeScale* time_scale;     // the machine's clock for code that reads the counter itself; null: by a call
  u32 counter_shift;               // a tick of the counter is 2^counter_shift nanoseconds of that clock
  i32 attention;                   // negative: leave at the next ISB and where interrupts are unmasked
  Mode mode;                       // of the running block; recomputed by cpu::update_mode
  u32 fpsr;                        // FPSR, without what the host FP unit still holds
  u64 pac_mask;                    // bits of the PAC, and bit 55, of instruction pointers of the current EL's own half
  U128 v[32];
  U128 vargs[4];  // vector operands and results of helpers

  // PSTATE other than NZCV; el and sp_sel also stand in mode.
  u8 el, sp_sel, pan, uao, ss, il, dit, ssbs, btype, tco;
  u8 stepped;  // software step: 0 nothing stepped yet, 1 an instruction, 2 a load exclusive (cpu::step_done)
  u32 daif;    // bits 9:6 as in SPSR: D A I F
  u32 fpcr;
  u64 sp_el[4];  // banked SPs; the current one is in x[31] and its slot here is stale
  u64 elr_el[4];
  u32 spsr_el[4];

  // Exclusive monitor: where the host has the bytes, which stands for the physical address; size in bytes (0 = open);
  // value read.
  u64 monitor_host;
  u32 monitor_size;
  u32 event_register;  // WFE, SEV
  U128 monitor_value;

  u32 cache_size[3];  // CCSIDR_EL1 of the L1 data, L1 instruction and L2 cache
  u32 watch_changes;  // counts writes to what watchpoints depend on; the memory system drops its tables when it moved
  u64 pmu_synced;     // Environment::cycles up to which the PMU's counters have counted
  ExceptionInfo exception;
  std::atomic<u32> signals;  // kSignal...: set by others, together with budget < 0
  u32 cpu_index;
  FeatureSet features;  // of the model
  Environment* env;
  void* mmu;                // the softmmu::Mmu behind mem_helpers
  void* link_site;          // the LinkSite that ExitReason::Next left by
  u64 exits_to_dispatcher;  // statistics
  u64 sys[static_cast<usize>(SysReg::kCount)];

  u64& reg(SysReg r) { return sys[static_cast<usize>(r)]; }
  u64 reg(SysReg r) const { return sys[static_cast<usize>(r)]; }
};

constexpr usize sysreg_offset(SysReg r) { return offsetof(CpuState, sys) + 8 * static_cast<usize>(r); }

}  // namespace ferry::cpu
