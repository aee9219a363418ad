// Exception generation and system instructions are not here yet: all of them are UNDEFINED. This file goes when system.cpp comes.
#include "frontend/insn.h"

namespace ferry::frontend {

EmitFn find_system(unsigned, u32) { return nullptr; }

}  // namespace ferry::frontend
