// Host code as text, for -d out_asm, `ferry explain` and failure reports.
#pragma once
#include <string>

#include "core/types.h"

namespace ferry::debug {

// Disassembles `size` bytes of host code, a line an instruction with its address and bytes; what the disassembler does
// not know is shown as bytes. Any host that Capstone knows (x86-64, AArch64); otherwise a hex dump. Any thread.
std::string disassemble_host(const void* code, usize size);

}  // namespace ferry::debug
