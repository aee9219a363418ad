// Compiled blocks as bytes that outlive the process and are the same whoever compiled. What binds code to its place is
// listed: jumps to the stubs, which hold the stub's distance from the first one here, the addresses of its link sites,
// and that of its counter.
#pragma once
#include <span>
#include <vector>

#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

struct SavedCode {
  std::span<const u8> code;
  std::span<const u8> jumps;  // offsets of 16 bits
  std::vector<ExitSite> exits;
  u32 counter = 0;
};

// What the compiler made last; origin: bytes from the stubs to it. False: too large for the form.
bool save_code(const Compiler& compiler, u64 origin, std::vector<u8>& out);
// False: not what save_code() writes. `out` points into `saved`.
bool read_saved(std::span<const u8> saved, SavedCode& out);
// Binds the copy of the code at `at` to its place (origin: bytes from the stubs to it), sites and counter.
void bind_saved(const SavedCode& saved, u64 origin, LinkSite* const* sites, const i32* counter, u8* at);

}  // namespace ferry::jit::baseline
