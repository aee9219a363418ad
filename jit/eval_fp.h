// The meaning of every Fp op: cpu/fp with the FPCR in force, flags ORed into FPSR. The interpreter runs these; compiled
// code calls them where the host's own instruction cannot be proved equal.
#pragma once
#include "cpu/state.h"
#include "ir/block.h"

namespace ferry::jit {

// Evaluates one Fp op. Scalars of 32 bits are zero-extended in lo.
U128 eval_fp(cpu::CpuState& s, const ir::Inst& inst, const U128& a, const U128& b, const U128& c);

}  // namespace ferry::jit
