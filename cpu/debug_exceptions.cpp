// Self-hosted debug: Arm ARM D2 (software step, hardware breakpoints).
#include "cpu/exceptions.h"
#include "cpu/sysregs.h"

namespace ferry::cpu {
namespace {

constexpr unsigned kBreakpoints = 6, kFirstContextAware = 4;

u64 control(const CpuState& s, unsigned n) { return s.sys[static_cast<usize>(SysReg::DBGBCR0_EL1) + 2 * n]; }
u64 value(const CpuState& s, unsigned n) { return s.sys[static_cast<usize>(SysReg::DBGBVR0_EL1) + 2 * n]; }
static_assert(static_cast<unsigned>(SysReg::DBGBCR5_EL1) == static_cast<unsigned>(SysReg::DBGBCR0_EL1) + 10,
              "DBGBVR and DBGBCR alternate");

// HMC, SSC and PMC (AArch64.StateMatch) on a Non-secure PE without EL2 and EL3: PMC<0> is EL1, PMC<1> is EL0.
bool state_matches(const CpuState& s, u64 bcr) { return s.el == 0 ? bit(bcr, 2) : s.el == 1 && bit(bcr, 1); }

bool is_context_aware(unsigned n) { return n >= kFirstContextAware && n < kBreakpoints; }
bool context_matches(const CpuState& s, unsigned n) {
  return ((s.reg(SysReg::CONTEXTIDR_EL1) ^ value(s, n)) & 0xffffffff) == 0;
}

// A context breakpoint (BT = 0b0011) that a breakpoint or watchpoint is linked to, by its number.
bool linked_context_matches(const CpuState& s, unsigned n) {
  return is_context_aware(n) && bit(control(s, n), 0) && bits(control(s, n), 23, 20) == 3 && context_matches(s, n);
}

// Unlinked and linked instruction address match (BT = 0b000x; linked to a context breakpoint by LBN), and unlinked
// context match (BT = 0b0010). BAS is RES1 without AArch32. UNPREDICTABLE: chose that reserved types, and context types
// of a breakpoint that is not context-aware, match nothing.
bool breakpoint_matches(const CpuState& s, unsigned n, u64 pc) {
  const u64 bcr = control(s, n);
  if (!bit(bcr, 0) || !state_matches(s, bcr)) return false;
  const u64 type = bits(bcr, 23, 20);
  if (type == 2) return is_context_aware(n) && context_matches(s, n);
  if (type > 1 || static_cast<u64>(sign_extend(value(s, n) & ~u64{3}, 49)) != pc) return false;
  return type == 0 || linked_context_matches(s, static_cast<unsigned>(bits(bcr, 19, 16)));
}

}  // namespace

bool debug_exceptions_enabled(const CpuState& s, unsigned el, bool d) {
  if (bit(s.reg(SysReg::OSLSR_EL1), 1) || (bit(s.reg(SysReg::OSDLR_EL1), 0) && !bit(s.reg(SysReg::DBGPRCR_EL1), 0)))
    return false;
  if (el > 1) return false;  // the debug target is EL1
  return el == 0 || (bit(s.reg(SysReg::MDSCR_EL1), 13) && !d);
}

bool any_breakpoint(const CpuState& s) {
  for (unsigned n = 0; n < kBreakpoints; ++n)
    if (bit(control(s, n), 0) && state_matches(s, control(s, n))) return true;
  return false;
}

bool step_exception(const CpuState& s, ExceptionInfo& out) {
  if (s.mode.single_step() == 0 || s.ss != 0) return false;
  out = {};
  out.ec = kEcStep;
  out.iss = kDebugFsc | (s.stepped != 0 ? 1u << 24 : 0) | (s.stepped == 2 ? 1u << 6 : 0);  // ISV, EX
  return true;
}

void step_done(CpuState& s, u32 word) {
  s.ss = 0;
  const bool load_exclusive = (word & 0x3fc00000) == 0x08400000;
  s.stepped = load_exclusive ? 2 : 1;
}

bool breakpoint_exception(const CpuState& s, u64 pc, ExceptionInfo& out) {
  for (unsigned n = 0; n < kBreakpoints; ++n) {
    if (!breakpoint_matches(s, n, pc)) continue;
    out = {};
    out.ec = kEcBreakpoint;
    out.iss = kDebugFsc;
    return true;
  }
  return false;
}

}  // namespace ferry::cpu
