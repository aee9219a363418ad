// What checks of single instructions compare: registers, flags and a small memory.
#pragma once
#include <optional>
#include <string>

#include "core/types.h"
#include "cpu/state.h"

namespace ferry::verify {

constexpr u64 kCodeVa = 0x10000100;    // where the instructions stand
constexpr u64 kMemoryVa = 0x20000000;  // where the memory begins
constexpr usize kMemoryBytes = 8192;

struct Memory {
  alignas(16) u8 bytes[kMemoryBytes];
};

struct State {
  u64 x[32];  // SP at 31
  U128 v[32];
  u32 nzcv = 0;  // cpu/nzcv.h
  u32 fpcr = 0;
  u32 fpsr = 0;
  u64 pc = kCodeVa;
};

// How a run ended.
struct Outcome {
  State state;
  std::optional<cpu::ExceptionInfo> exception;  // taken at state.pc
  std::string problem;                          // our own: the verifier's complaint, an exit that should not be
};

// The registers, flags and PC that differ, one line each, "name = got, expected"; empty when there is none.
std::string differences(const State& got, const State& expected);

}  // namespace ferry::verify
