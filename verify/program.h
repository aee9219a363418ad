// Random programs with control flow: loops over pages whose host memory lies apart, branches, calls, indirect jumps,
// exclusives, code that is written, mappings that change. They run on whole machines, hot enough that regions are made
// of them, and are held against the interpreter.
#pragma once
#include <array>
#include <vector>

#include "verify/generator.h"
#include "verify/state.h"

namespace ferry::verify {

constexpr u64 kProgramRam = 0x40000000;  // where RAM begins; the machine's own pages come first
constexpr u64 kProgramVa = 0x50000000;   // the first page of code
constexpr usize kProgramCodePages = 4;
constexpr usize kProgramWords = kProgramCodePages * 1024;
// Behind them the third page stands once more, and then the fourth with other rotations: what goes from the one into
// the other is another program there.
constexpr usize kProgramTwins = 2;
constexpr u64 kProgramCodeEntries = 0x40005000 + 8 * (kProgramVa >> 12 & 511);  // descriptors of the pages of code
constexpr u64 kProgramDataVa = 0x600e0000;  // the first page of data; nothing is mapped around
constexpr usize kProgramDataPages = 48;
constexpr usize kProgramFrames = 128;  // pages of RAM that code and data lie in
constexpr usize kProgramStates = 8;    // of one program

struct Program {
  std::vector<u32> words;     // kProgramWords; what is not code is UDF
  std::vector<bool> is_code;  // likewise
  unsigned entry = 0;         // index of the first instruction
  std::array<u8, kProgramCodePages> code_frames{};
  u8 twin_frame = 0;  // of the fourth page's twin
  std::array<u8, kProgramDataPages> data_frames{};
  // Attributes of the data pages' descriptors, without frame; 0: not mapped.
  std::array<u64, kProgramDataPages> data_attributes{};
  bool el0 = false;
  u64 sctlr = 0;
  u64 data_seed = 0;   // of what the frames hold before
  u64 threshold = 10;  // llvm.threshold
  bool virtual_time = false, window = false;
  std::vector<State> states;
};

// Everything follows from class, seed and number.
class ProgramGenerator {
 public:
  ProgramGenerator(Class of_class, u64 seed, const cpu::Model& model);
  Program program(u64 number, usize states);

 private:
  class Writer;
  void place(Program& p);
  void states(Program& p, usize count);

  Class class_;
  u64 seed_;
  Generator generator_;  // words
  Random random_;
};

}  // namespace ferry::verify
