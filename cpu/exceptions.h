// Exception entry and return (AArch64.TakeException, AArch64.ExceptionReturn), reset, Mode.
#pragma once
#include "cpu/state.h"

namespace ferry::cpu {

// ESR exception classes used outside cpu.
constexpr u32 kEcUnknown = 0x00, kEcWfx = 0x01, kEcFpTrap = 0x07, kEcIllegalState = 0x0e, kEcSvc = 0x15, kEcHvc = 0x16, kEcSmc = 0x17,
              kEcSysReg = 0x18, kEcInsnAbort = 0x20, kEcPcAlign = 0x22, kEcDataAbort = 0x24, kEcSpAlign = 0x26, kEcFp = 0x2c,
              kEcBreakpoint = 0x30, kEcStep = 0x32, kEcWatchpoint = 0x34, kEcBrk = 0x3c;

// Raises a synchronous exception from a helper: fills s.exception and sets s.fault.
void raise(CpuState& s, u32 ec, u32 iss);
void raise_with_far(CpuState& s, u32 ec, u32 iss, u64 far);

// Takes `e` with s.pc as the address of the instruction that caused it (or, for interrupts, of the next one): SPSR, ELR, ESR, FAR, PSTATE,
// SP and PC as AArch64.TakeException says. Clears s.fault; recomputes s.mode. The caller re-selects the bank.
void take_exception(CpuState& s, const ExceptionInfo& e);

// ERET at the current EL: PSTATE and PC from SPSR and ELR, illegal returns included. Clears the monitor.
void exception_return(CpuState& s);

// The unmasked interrupt with the highest priority among `signals`, or false.
bool pending_interrupt(const CpuState& s, u32 signals, ExceptionInfo& out);

// SPSR as PSTATE now stands (bits as SPSR_ELx).
u32 pstate_to_spsr(const CpuState& s);
// Switches the banked SP: x[31] is saved to the slot of the old (el, sp_sel) and loaded from the new one.
void select_sp(CpuState& s, unsigned el, unsigned sp_sel);

// Recomputes s.mode from PSTATE and the system registers; keeps virtual_time and ordered.
void update_mode(CpuState& s);

}  // namespace ferry::cpu
