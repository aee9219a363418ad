#include "cpu/pmu.h"

#include "cpu/environment.h"

namespace ferry::cpu {
namespace {

constexpr unsigned kEventCounters = 6;
constexpr unsigned kCycleCounter = 31;
constexpr u64 kCounters = u64{1} << kCycleCounter | low_mask(kEventCounters);
constexpr u32 kSwIncr = 0x00, kInstRetired = 0x08, kCpuCycles = 0x11, kChain = 0x1e;
constexpr u64 kPmcrE = 1, kPmcrP = 2, kPmcrC = 4, kPmcrD = 8, kPmcrLC = 0x40, kPmcrKept = 0x79;

SysReg nth(SysReg first, unsigned n) { return static_cast<SysReg>(static_cast<unsigned>(first) + n); }
SysReg counter_reg(unsigned n) { return n == kCycleCounter ? SysReg::PMCCNTR_EL0 : nth(SysReg::PMEVCNTR0_EL0, n); }
SysReg type_reg(unsigned n) { return n == kCycleCounter ? SysReg::PMCCFILTR_EL0 : nth(SysReg::PMEVTYPER0_EL0, n); }
u32 event_of(const CpuState& s, unsigned n) {
  return n == kCycleCounter ? kCpuCycles : static_cast<u32>(s.reg(type_reg(n)) & 0xffff);
}

// Enabled, and not filtered out at the current EL (P: EL1, U: EL0, in the type register's bits 31 and 30).
bool counts(const CpuState& s, unsigned n) {
  if ((s.reg(SysReg::PMCR_EL0) & kPmcrE) == 0 || !bit(s.reg(SysReg::PMCNTENSET_EL0), n)) return false;
  const u64 type = s.reg(type_reg(n));
  return s.el == 0 ? !bit(type, 30) : s.el == 1 ? !bit(type, 31) : bit(type, 27);
}
bool runs_with_time(const CpuState& s, unsigned n) {
  const u32 event = event_of(s, n);
  return counts(s, n) && (event == kCpuCycles || event == kInstRetired);
}

// Event 0x1E of an odd counter: it counts the overflows of the even one before it.
bool is_chained(const CpuState& s, unsigned n) {
  return n < kEventCounters && n % 2 == 1 && event_of(s, n) == kChain && counts(s, n);
}

// Adds to a counter; passing its end notes the overflow. The cycle counter has 64 bits, and with PMCR.LC = 0 overflows
// at 32.
void advance(CpuState& s, unsigned n, u64 amount) {
  u64& value = s.reg(counter_reg(n));
  const u64 before = value;
  value += amount;
  u64 overflows = value < before ? 1 : 0;
  if (n != kCycleCounter || (s.reg(SysReg::PMCR_EL0) & kPmcrLC) == 0) overflows = (value >> 32) - (before >> 32);
  if (n != kCycleCounter) value &= 0xffffffff;
  if (overflows == 0) return;
  s.reg(SysReg::PMOVSSET_EL0) |= u64{1} << n;
  if (n % 2 == 0 && is_chained(s, n + 1)) advance(s, n + 1, overflows);
}

template <class F>
void each_counter(F&& f) {
  for (unsigned n = 0; n < kEventCounters; ++n) f(n);
  f(kCycleCounter);
}

// The number of the counter that a PMXEV... access means, or 32 when there is none. UNPREDICTABLE: chose that these
// then read as zero and ignore writes, and that PMEVCNTR<n> and PMEVTYPER<n> from n = PMCR_EL0.N on are UNDEFINED.
unsigned selected(const CpuState& s, bool cycle_allowed) {
  const u64 n = s.reg(SysReg::PMSELR_EL0) & 31;
  return n < kEventCounters || (n == kCycleCounter && cycle_allowed) ? static_cast<unsigned>(n) : 32;
}

// Which counter or type register r is: its number, or 32.
unsigned counter_number(const CpuState& s, SysReg r, SysReg first, SysReg cycle, SysReg indirect) {
  if (r == cycle) return kCycleCounter;
  if (r == indirect) return selected(s, indirect == SysReg::PMXEVTYPER_EL0);
  return static_cast<unsigned>(r) - static_cast<unsigned>(first);
}
bool is_counter(SysReg r) {
  return r == SysReg::PMCCNTR_EL0 || r == SysReg::PMXEVCNTR_EL0 ||
         (r >= SysReg::PMEVCNTR0_EL0 && r <= SysReg::PMEVCNTR5_EL0);
}
bool is_type(SysReg r) {
  return r == SysReg::PMCCFILTR_EL0 || r == SysReg::PMXEVTYPER_EL0 ||
         (r >= SysReg::PMEVTYPER0_EL0 && r <= SysReg::PMEVTYPER5_EL0);
}

void write_control(CpuState& s, u64 value) {
  u64& pmcr = s.reg(SysReg::PMCR_EL0);
  pmcr = (pmcr & ~kPmcrKept) | (value & kPmcrKept);
  if ((value & kPmcrP) != 0)
    for (unsigned n = 0; n < kEventCounters; ++n) s.reg(counter_reg(n)) = 0;
  if ((value & kPmcrC) != 0) s.reg(SysReg::PMCCNTR_EL0) = 0;
}

void software_increment(CpuState& s, u64 which) {
  for (unsigned n = 0; n < kEventCounters; ++n)
    if (bit(which, n) && counts(s, n) && event_of(s, n) == kSwIncr) advance(s, n, 1);
}

void write_synced(CpuState& s, SysReg r, u64 value) {
  if (is_counter(r)) {
    const unsigned n = counter_number(s, r, SysReg::PMEVCNTR0_EL0, SysReg::PMCCNTR_EL0, SysReg::PMXEVCNTR_EL0);
    if (n != 32) s.reg(counter_reg(n)) = n == kCycleCounter ? value : value & 0xffffffff;
    return;
  }
  if (is_type(r)) {
    const unsigned n = counter_number(s, r, SysReg::PMEVTYPER0_EL0, SysReg::PMCCFILTR_EL0, SysReg::PMXEVTYPER_EL0);
    if (n != 32) s.reg(type_reg(n)) = n == kCycleCounter ? value & 0xfc000000 : value & 0xfc00ffff;
    return;
  }
  switch (r) {
    case SysReg::PMCR_EL0: write_control(s, value); return;
    case SysReg::PMCNTENSET_EL0: s.reg(r) |= value & kCounters; return;
    case SysReg::PMCNTENCLR_EL0: s.reg(SysReg::PMCNTENSET_EL0) &= ~value; return;
    case SysReg::PMINTENSET_EL1: s.reg(r) |= value & kCounters; return;
    case SysReg::PMINTENCLR_EL1: s.reg(SysReg::PMINTENSET_EL1) &= ~value; return;
    case SysReg::PMOVSSET_EL0: s.reg(r) |= value & kCounters; return;
    case SysReg::PMOVSCLR_EL0: s.reg(SysReg::PMOVSSET_EL0) &= ~value; return;
    case SysReg::PMSWINC_EL0: software_increment(s, value); return;
    default: return;
  }
}

u64 read_synced(const CpuState& s, SysReg r) {
  if (is_counter(r)) {
    const unsigned n = counter_number(s, r, SysReg::PMEVCNTR0_EL0, SysReg::PMCCNTR_EL0, SysReg::PMXEVCNTR_EL0);
    return n == 32 ? 0 : s.reg(counter_reg(n));
  }
  if (is_type(r)) {
    const unsigned n = counter_number(s, r, SysReg::PMEVTYPER0_EL0, SysReg::PMCCFILTR_EL0, SysReg::PMXEVTYPER_EL0);
    return n == 32 ? 0 : s.reg(type_reg(n));
  }
  switch (r) {
    case SysReg::PMCNTENCLR_EL0: return s.reg(SysReg::PMCNTENSET_EL0);
    case SysReg::PMINTENCLR_EL1: return s.reg(SysReg::PMINTENSET_EL1);
    case SysReg::PMOVSCLR_EL0: return s.reg(SysReg::PMOVSSET_EL0);
    default: return s.reg(r);
  }
}

// PMCR.D: the cycle counter counts every 64th cycle, unless it has 64 bits.
bool is_divided(const CpuState& s, unsigned n) {
  return n == kCycleCounter && (s.reg(SysReg::PMCR_EL0) & (kPmcrD | kPmcrLC)) == kPmcrD;
}

// How far a counter is from its overflow, in cycles; 0: 2^64.
u64 cycles_left(const CpuState& s, unsigned n) {
  const u64 value = s.reg(counter_reg(n));
  if (n == kCycleCounter && (s.reg(SysReg::PMCR_EL0) & kPmcrLC) != 0) return ~value + 1;
  const u64 left = (u64{1} << 32) - (value & 0xffffffff);
  if (is_chained(s, n)) return ((left - 1) << 32) + (u64{1} << 32) - s.reg(counter_reg(n - 1));
  return is_divided(s, n) ? left * 64 - s.pmu_synced % 64 : left;
}

}  // namespace

void pmu_sync(CpuState& s) {
  const u64 now = s.env == nullptr ? 0 : s.env->cycles(s);
  const u64 before = s.pmu_synced;
  s.pmu_synced = now;
  each_counter([&](unsigned n) {
    if (runs_with_time(s, n)) advance(s, n, is_divided(s, n) ? now / 64 - before / 64 : now - before);
  });
}

bool pmu_wants_interrupt(const CpuState& s) {
  return (s.reg(SysReg::PMCR_EL0) & kPmcrE) != 0 && s.reg(SysReg::PMINTENSET_EL1) != 0;
}

u64 pmu_cycles_to_interrupt(const CpuState& s) {
  u64 least = kNoPmuInterrupt;
  if (!pmu_wants_interrupt(s)) return least;
  each_counter([&](unsigned n) {
    const u64 bit_n = u64{1} << n;
    if ((s.reg(SysReg::PMINTENSET_EL1) & ~s.reg(SysReg::PMOVSSET_EL0) & bit_n) == 0) return;
    if (!runs_with_time(s, is_chained(s, n) ? n - 1 : n)) return;
    if (const u64 left = cycles_left(s, n); left != 0 && left < least) least = left;
  });
  return least;
}

bool pmu_filters_by_el(const CpuState& s) {
  if ((s.reg(SysReg::PMCR_EL0) & kPmcrE) == 0) return false;
  bool filters = false;
  each_counter(
      [&](unsigned n) { filters |= bit(s.reg(SysReg::PMCNTENSET_EL0), n) && bits(s.reg(type_reg(n)), 31, 30) != 0; });
  return filters;
}

u64 read_pmu(CpuState& s, SysReg r) {
  pmu_sync(s);
  return read_synced(s, r);
}

void write_pmu(CpuState& s, SysReg r, u64 value) {
  pmu_sync(s);
  write_synced(s, r, value);
}

bool pmu_interrupt(const CpuState& s) {
  return (s.reg(SysReg::PMCR_EL0) & kPmcrE) != 0 && (s.reg(SysReg::PMOVSSET_EL0) & s.reg(SysReg::PMINTENSET_EL1)) != 0;
}

}  // namespace ferry::cpu
