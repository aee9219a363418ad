// The fixed pieces of host code that every block uses: entry, ways out, slow calls.
#pragma once
#include "jit/baseline/emitter.h"
#include "jit/code_memory.h"

namespace ferry::jit::baseline {

struct Stubs {
  const u8* first = nullptr;  // where they begin
  // u32 enter(CpuState*, const void* block)
  u32 (*enter)(cpu::CpuState*, const void*) = nullptr;
  // Jumped to with EAX = offset from the page: s.pc = pc_page + offset, leave with the reason.
  const void* leave_at[static_cast<usize>(ExitReason::kCount)] = {};
  // Jumped to with everything but the pins in place.
  const void* fault = nullptr;
  const void* context = nullptr;  // ExitPc
  const void* next = nullptr;     // RAX = LinkSite*
  // RAX = target; by the PSTATE.BTYPE that the branch leaves.
  const void* indirect[4] = {};
  const void* indirect_poll[4] = {};
  // Slow calls: operands in the argument slots of the frame (see slow_call), all registers kept, ZF clear when s.fault
  // is set. The second form also keeps the XMM registers, the third those from 8 up.
  const void* mem[static_cast<usize>(MemHelper::kCount)][2] = {};
  const void* helper[3] = {};       // slot 0: cpu::Helper
  const void* fold_fpsr = nullptr;  // called with MXCSR in slot 0: its flags into s.fpsr, and cleared
  const void* fallback[3] = {};     // slot 0: const ir::Inst*; operands in 1..3 (16 bytes each), result in 0
};

// Generates them at the start of the code memory.
Result<Stubs> make_stubs(CodeMemory& memory);

}  // namespace ferry::jit::baseline
