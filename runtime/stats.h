// Counters of what running cost, for --stats. Plain words: each vCPU owns its own and they are added up on request.
#pragma once
#include "core/types.h"
#include "softmmu/miss_cause.h"

namespace ferry::runtime {

struct Stats {
  u64 blocks_translated = 0;
  u64 insns_translated = 0;
  // translate: frontend and passes. It and baseline_ns are estimates, from one block in sixteen.
  u64 translate_ns = 0;
  u64 blocks_baseline = 0, baseline_ns = 0, baseline_bytes = 0;
  u64 blocks_llvm = 0, llvm_ns = 0, llvm_bytes = 0;
  u64 regions_dropped = 0;                           // compiled, but the guest's bytes had changed meanwhile
  u64 regions_kept = 0, regions_kept_bytes = 0;      // from the persistent code cache
  u64 blocks_kept = 0, insns_kept = 0, kept_ns = 0;  // from the persistent code cache
  u64 blocks_retranslated = 0;
  u64 cache_flushes = 0;
  u64 runs_interpreter = 0, runs_baseline = 0,
      runs_llvm = 0;   // entries from the dispatcher, by tier of the entered block
  u64 exits[16] = {};  // by ExitReason
  u64 exceptions = 0, interrupts = 0;
  u64 links = 0;
  u64 single_steps = 0;  // instructions run one at a time to land on an exact instruction
  u64 wfi = 0;
  u64 code_writes = 0;  // stores that hit a page with code
  // The memory system: table walks, slow paths, accesses to devices, maintenance, selections of a bank, keys of
  // executable mappings renewed
  u64 walks = 0, fetch_walks = 0, slow_loads = 0, slow_stores = 0, device_accesses = 0, tlb_operations = 0,
      bank_switches = 0, banks_recycled = 0, exec_renewals = 0, shields = 0;
  u64 tlb_fills = 0;                          // of read and write tables: what was not there
  u64 tlb_conflicts = 0;                      // fills that put another page out
  u64 page_crossings = 0;                     // loads and stores of two pages
  u64 tlb_misses[softmmu::kMissCauses] = {};  // by MissCause: what the slow paths found missing
  u64 exclusives = 0;                         // exclusive and atomic accesses that took a slow path
  // Synchronous exceptions by the level they were taken from and ESR_ELx.EC
  u64 traps[4][64] = {};
  // What hardware would do by itself, or what firmware or a hypervisor would be asked for, by the level that asked
  enum class Emulated : u8 { SystemRegister, Device, Hvc, Smc, Wfi, Wfe, kCount };
  u64 emulated[4][static_cast<usize>(Emulated::kCount)] = {};
  // Exits of Executions' code that did not know their target
  u64 link_misses = 0, indirect_misses = 0, return_misses = 0;
  // Executions: of blocks in the baseline
  u64 executed_blocks = 0, executed_insns = 0, executed_direct = 0, executed_indirect = 0, executed_returns = 0;
  u64 firmware_calls = 0;  // HVC and SMC that PSCI answered
  u64 wfe = 0;
  // The host-MMU window: contexts that it was opened for and closed again, mappings made and taken out
  u64 windows_opened = 0, windows_closed = 0, window_maps = 0, window_unmaps = 0;

  void count(Emulated what, unsigned el) { ++emulated[el & 3][static_cast<usize>(what)]; }
  void add(const Stats& o) {
    const u64* from = reinterpret_cast<const u64*>(&o);
    u64* to = reinterpret_cast<u64*>(this);
    for (usize i = 0; i < sizeof(Stats) / sizeof(u64); ++i) to[i] += from[i];
  }
};

}  // namespace ferry::runtime
