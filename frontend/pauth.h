// Pointer authentication as IR, for the branches, returns and loads that authenticate what they use.
#pragma once
#include <span>

#include "cpu/pauth.h"
#include "frontend/pattern.h"

namespace ferry::frontend {

// AddPACIA ..., AuthIA ... of the manual: inline where the algorithm is the fast one and the pointer is as expected.
ir::Value add_pac(Context& c, ir::Value pointer, ir::Value modifier, cpu::PacKey key);
ir::Value authenticate(Context& c, ir::Value pointer, ir::Value modifier, cpu::PacKey key);

std::span<const Row> pauth_rows();  // data processing: PACIA ..., XPACI, PACGA
// The hints of FEAT_PAuth, NOPs without it. CRm:op2 of the word is none of them: false.
bool emit_pauth_hint(Context& c, unsigned hint);

}  // namespace ferry::frontend
