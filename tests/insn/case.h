// One line of tests/insn/*.txt: instructions, the state before, what changes.
//
//   add x0, x1, x2 | x1=5 x2=7 | => x0=c
//
// Left: assembly, several instructions separated by ';' (at most 15). Middle and right: words NAME=VALUE, all numbers
// hexadecimal:
//   x0..x30, sp, v0..v31 (up to 32 digits), nzcv (letters of NZCV that are set, or -), fpcr, fpsr, pc
//   m:ADDRESS=bytes in memory order; memory is the 8 KiB at 20000000, zero where nothing is said; the code stands at
//   10000100
// Middle only, the mode: el (default 1), be=1 (big-endian), sa=1 (SP alignment check), a=1 (alignment check), tbi=0..3,
// uao=1, ordered=1, pac=1 (pointer authentication on, with the keys of verify/session.cpp), without=FEATURE[,FEATURE]
// (of -cpu max; without=all for ARMv8.0) Right only: exc=EC[:ISS] (names undef, svc, brk, spalign for EC), far, next=1
// (preferred return is the next instruction) Everything that the right side does not name must be as before; the PC
// must be after the last instruction.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "cpu/features.h"
#include "verify/state.h"

namespace ferry::insn {

using verify::kCodeVa;
using verify::kMemoryBytes;
using verify::kMemoryVa;
using verify::Memory;
using verify::State;

struct ExpectedException {
  u32 ec = 0;
  std::optional<u32> iss;
  std::optional<u64> far;
  bool return_to_next = false;
};

struct Case {
  std::string where;  // file:line
  std::string text;
  std::vector<u32> words;
  cpu::Mode mode;
  cpu::FeatureSet features = cpu::implemented_features();
  State before, after;
  Memory memory_before, memory_after;
  std::optional<ExpectedException> exception;
};

// Registers hold different recognisable values where a case says nothing.
State default_state();

// Reads `NAME.txt` and the assembled code `NAME.bin` (one 64-byte slot a line).
Result<std::vector<Case>> read_cases(const std::string& text_path, const std::string& code_path);

}  // namespace ferry::insn
