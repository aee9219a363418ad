// Performance monitors, PMUv3 (Arm ARM D8, D17.5): the cycle counter and six event counters that count SW_INCR,
// INST_RETIRED, CPU_CYCLES and CHAIN; other events never occur. The counters in CpuState::sys are as of
// CpuState::pmu_synced; counting costs nothing until somebody looks.
//
// IMPDEF: one instruction takes one cycle. IMPDEF: there is no program-flow prediction, hence no BR_MIS_PRED and
// BR_PRED. DEVIATION: L1D_CACHE and L1D_CACHE_REFILL, which PMUv3 asks for, do not occur, and PMCEID0_EL0 does not name
// them. DEVIATION: in real time INST_RETIRED is the time at 1 GHz, as CPU_CYCLES is (Environment::cycles); `--time
// virtual` counts instructions.
#pragma once
#include "cpu/state.h"

namespace ferry::cpu {

u64 read_pmu(CpuState& s, SysReg r);
void write_pmu(CpuState& s, SysReg r, u64 value);

// Brings the counters up to now; to be called before a control or (pmu_filters_by_el) PSTATE.EL changes.
void pmu_sync(CpuState& s);
// Whether counting depends on the exception level.
bool pmu_filters_by_el(const CpuState& s);

// Some counter's overflow may raise the interrupt.
bool pmu_wants_interrupt(const CpuState& s);
// Cycles after pmu_synced at which the next overflow raises the interrupt, while nothing else changes; kNoPmuInterrupt:
// none.
constexpr u64 kNoPmuInterrupt = ~u64{0};
u64 pmu_cycles_to_interrupt(const CpuState& s);

// Level of PMUIRQ (PPI 7), as of the last pmu_sync.
bool pmu_interrupt(const CpuState& s);

}  // namespace ferry::cpu
