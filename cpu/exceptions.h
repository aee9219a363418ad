// Exception entry and return (AArch64.TakeException, AArch64.ExceptionReturn), reset, Mode.
#pragma once
#include "cpu/state.h"

namespace ferry::cpu {

// ESR exception classes used outside cpu.
constexpr u32 kEcUnknown = 0x00, kEcWfx = 0x01, kEcFpTrap = 0x07, kEcBti = 0x0d, kEcIllegalState = 0x0e, kEcSvc = 0x15,
              kEcHvc = 0x16, kEcSmc = 0x17, kEcSysReg = 0x18, kEcInsnAbort = 0x20, kEcPcAlign = 0x22,
              kEcDataAbort = 0x24, kEcSpAlign = 0x26, kEcFp = 0x2c, kEcSError = 0x2f, kEcBreakpoint = 0x30,
              kEcStep = 0x32, kEcWatchpoint = 0x34, kEcBrk = 0x3c;

// ISS of the traps of WFI, WFE, FP and AdvSIMD from A64: CV = 1, COND = 0b1110.
constexpr u32 kIssCondAlways = 0x1e00000;
// Fault status of software step and BRK-like debug exceptions.
constexpr u32 kDebugFsc = 0x22;

// Bits that exist in PSTATE.DAIF (as MRS DAIF shows them), FPCR and FPSR of a v8.0 core without AArch32;
// FPCR.FZ16 exists with FEAT_FP16.
constexpr u32 kDaifMask = 0x3c0, kFpcrMask = 0x07c00000, kFpcrFz16 = 1u << 19, kFpsrMask = 0x0800009f;

// Raises a synchronous exception from a helper: fills s.exception and sets s.fault.
void raise(CpuState& s, u32 ec, u32 iss);
void raise_with_far(CpuState& s, u32 ec, u32 iss, u64 far);

// Takes `e` with s.pc as the address of the instruction that caused it (or, for interrupts, of the next one): SPSR,
// ELR, ESR, FAR, PSTATE, SP and PC as AArch64.TakeException says. Clears s.fault; recomputes s.mode. The caller
// re-selects the bank.
void take_exception(CpuState& s, const ExceptionInfo& e);

// ERET at the current EL: PSTATE from SPSR and PC from elr (ELR, or what authentication made of it), illegal returns
// included. Clears the monitor.
void exception_return(CpuState& s, u64 elr);
inline void exception_return(CpuState& s) { exception_return(s, s.elr_el[s.el]); }

// The unmasked interrupt with the highest priority among `lines` (CpuLine bits, core/ports.h): SError, FIQ, IRQ. False:
// none.
bool pending_interrupt(const CpuState& s, u32 lines, ExceptionInfo& out);

// SPSR as PSTATE now stands (bits as SPSR_ELx).
u32 pstate_to_spsr(const CpuState& s);
// Switches the banked SP: x[31] is saved to the slot of the old (el, sp_sel) and loaded from the new one.
void select_sp(CpuState& s, unsigned el, unsigned sp_sel);
// SP_ELn, wherever it now is.
u64 banked_sp(const CpuState& s, unsigned el);
void set_banked_sp(CpuState& s, unsigned el, u64 value);

// The whole PSTATE (NZCV too) from an SPSR value that is a legal one for AArch64; SP is switched, s.mode recomputed.
void set_pstate(CpuState& s, u32 spsr);

// AArch64.BranchAddr: without the tag, where the current EL ignores it.
u64 return_address(const CpuState& s, u64 address);

// Recomputes s.mode from PSTATE and the system registers; keeps virtual_time and ordered.
void update_mode(CpuState& s);

// --- Self-hosted debug (D2) ---

// AArch64.GenerateDebugExceptionsFrom(el) with PSTATE.D = d.
bool debug_exceptions_enabled(const CpuState& s, unsigned el, bool d);
// Software step, for Mode.single_step: before an instruction, true when the Software Step exception is to be taken
// instead of it.
bool step_exception(const CpuState& s, ExceptionInfo& out);
// Software step: the instruction `word` has completed without an exception.
void step_done(CpuState& s, u32 word);
// Hardware breakpoints, for Mode.breakpoints: true when the instruction at pc matches one.
bool any_breakpoint(const CpuState& s);
bool breakpoint_exception(const CpuState& s, u64 pc, ExceptionInfo& out);

// Watchpoints: any enabled at all (then watched pages stay out of the shadow TLBs); one that lies in the 4 KiB page of
// va; and whether an access that translation allows is reported by one. ISS.WnR is for the access as it is made.
bool any_watchpoint(const CpuState& s);
bool watches_page(const CpuState& s, u64 va);
bool watchpoint_exception(const CpuState& s, u64 va, unsigned size, bool write, bool unprivileged, ExceptionInfo& out);

}  // namespace ferry::cpu
