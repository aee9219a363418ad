// The parts of the exception generation and system class (Arm ARM DDI 0487, C4.1.3), by the file that holds them.
#pragma once
#include <span>

#include "frontend/pattern.h"

namespace ferry::frontend {

std::span<const Row> system_rows();   // exceptions, hints, barriers, MSR (immediate), ERET
void emit_mrs(Context& c, u32 word);  // MRS
void emit_msr(Context& c, u32 word);  // MSR (register)
void emit_sys(Context& c, u32 word);  // SYS: AT, DC, IC, TLBI

// op0:op1:CRn:CRm:op2 of a system instruction, as cpu::sysreg_key packs them.
constexpr u32 system_key(u32 word) { return static_cast<u32>(bits(word, 20, 5)); }

// Leaves the block behind this instruction, back to the dispatcher.
inline void leave_after(Context& c, ir::DispatchReason reason) {
  c.b.exit_dispatch(c.target(4), reason);
  c.ended = true;
}

}  // namespace ferry::frontend
