// Opinions of programs that run on their own: binutils' objdump, and an emulator's SIGILL.
#pragma once
#include <string>
#include <vector>

#include "core/types.h"

namespace ferry::map {

// objdump's mnemonic of each word; empty where it does not know it. Ends the program when objdump fails.
std::vector<std::string> objdump(const std::string& program, const std::vector<u32>& words);

// For each word 'U' where it raises SIGILL at EL0, 'A' where it does not, '?' where it cannot be tried (SVC).
std::string sigill(const std::string& command, const std::vector<u32>& words);

}  // namespace ferry::map
