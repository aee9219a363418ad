// What the semantics of instructions need from the rooms above the PE: memory system, counter, interrupt controller,
// firmware. Implemented by runtime; the calls come from helpers on the vCPU's own thread.
#pragma once
#include "core/types.h"

namespace ferry::cpu {

struct CpuState;

// A TLB maintenance operation, decoded from its encoding.
struct TlbiOp {
  enum class Scope : u8 { All, Asid, Va, VaAllAsid, Ipa, VmallS12 };
  Scope scope = Scope::All;
  u8 regime_el = 1;        // 1, 2 or 3
  bool broadcast = false;  // the IS and OS forms
  bool last_level = false;
  u16 asid = 0;
  u64 va = 0;           // page address, sign-extended from VA<55>
  u64 range_pages = 1;  // range forms: 4 KiB units
};

enum class AtOp : u8 { S1E1R, S1E1W, S1E0R, S1E0W, S1E1RP, S1E1WP, S1E2R, S1E2W, S12E1R, S12E1W, S12E0R, S12E0W };

class Environment {
 public:
  virtual ~Environment() = default;
  // MRS and MSR that translated code left to a function, by exception level. For statistics.
  u64 system_register_accesses[4] = {};
  // A register of the translation regime changed (SCTLR, TCR, TTBR, MAIR, CONTEXTIDR ...). Takes effect at the next
  // context synchronisation.
  virtual void translation_changed(CpuState& s) = 0;
  virtual void tlb_invalidate(CpuState& s, const TlbiOp& op) = 0;
  // PAR_EL1 for an AT instruction. Sets s.fault when a table cannot be read.
  virtual u64 address_translate(CpuState& s, AtOp op, u64 va) = 0;
  // IC IALLU, IALLUIS (all) or IVAU.
  virtual void instruction_cache_invalidate(CpuState& s, bool all, u64 va) = 0;
  // DC by VA, other than ZVA: permission and translation faults only. Sets s.fault when it faults.
  virtual void data_cache_op(CpuState& s, u64 va, bool needs_write) = 0;
  // The system counter (CNTPCT_EL0) in ticks, exact at the calling instruction; its frequency is CNTFRQ_EL0's.
  virtual u64 counter(CpuState& s) = 0;
  // Guest instructions retired so far, exact at the calling instruction in virtual time, an estimate from host cycles
  // in real time.
  virtual u64 cycles(CpuState& s) = 0;
  // A timer's control or compare value, the virtual offset, or the performance monitors changed: outputs and deadlines
  // are to be recomputed.
  virtual void timers_changed(CpuState& s) = 0;
  // Interrupt-controller CPU interface, by MRS/MSR encoding (op0:op1:CRn:CRm:op2 packed as in cpu::sysreg_key). False:
  // not there (UNDEFINED).
  virtual bool gic_read(CpuState& s, u32 key, u64& value) = 0;
  virtual bool gic_write(CpuState& s, u32 key, u64 value) = 0;
  // HVC or SMC as firmware call (PSCI, SMCCC). False: there is no such firmware.
  virtual bool firmware_call(CpuState& s, bool is_smc) = 0;
  // SEV, SEVL is local.
  virtual void send_event(CpuState& s) = 0;
  // Levels of the interrupt inputs as ISR_EL1 shows them: CpuLine bits of core/ports.h.
  virtual u32 pending_interrupts(CpuState& s) = 0;
  // Brings the machine's clock to the calling instruction (s.site is set) before a device can look at it.
  virtual void synchronise_time(CpuState& s) = 0;
  // A true random number for RNDR and RNDRRS, from the machine's recorded entropy. False: none now.
  virtual bool random_number(CpuState&, u64& /*value*/) { return false; }
  // HLT semihosting, 0xF000. False: not enabled.
  virtual bool semihosting(CpuState& s) = 0;
};

}  // namespace ferry::cpu
