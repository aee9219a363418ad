// The parts of the exception generation and system class (Arm ARM DDI 0487, C4.1.3), by the file that holds them.
#pragma once
#include <span>

#include "frontend/pattern.h"

namespace ferry::frontend {

std::span<const Row> system_rows();   // exceptions, hints, barriers, MSR (immediate), ERET
void emit_mrs(Context& c, u32 word);  // MRS
void emit_msr(Context& c, u32 word);  // MSR (register)
void emit_sys(Context& c, u32 word);  // SYS: AT, DC, IC, TLBI
// PSTATE.DAIF becomes this, 32 bits as in SPSR; d: its D bit may change. Ends the block.
void write_daif(Context& c, ir::Value daif, bool d);

// op0:op1:CRn:CRm:op2 of a system instruction, as cpu::sysreg_key packs them.
constexpr u32 system_key(u32 word) { return static_cast<u32>(bits(word, 20, 5)); }

// After an instruction behind which only what waits must be looked at: translated code goes on when nothing does. In
// virtual time always by the dispatcher.
inline void look_after(Context& c, ir::DispatchReason otherwise) {
  if (c.mode.virtual_time() != 0)
    c.b.exit_dispatch(c.target(4), otherwise);
  else
    c.b.exit_attentive(c.target(4));
  c.ended = true;
}

// Leaves the block behind this instruction, back to the dispatcher.
inline void leave_after(Context& c, ir::DispatchReason reason) {
  c.b.exit_dispatch(c.target(4), reason);
  c.ended = true;
}

}  // namespace ferry::frontend
