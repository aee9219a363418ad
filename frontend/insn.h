// What an instruction's meaning is written against: the context of the block being translated, and the function that
// emits one instruction.
#pragma once
#include "core/types.h"
#include "cpu/features.h"
#include "cpu/mode.h"
#include "ir/builder.h"

namespace ferry::frontend {

// The state of one translation. Semantic functions emit IR for the word at `offset`, in the order: reads, compute,
// memory, register writes. They set `ended` when they have emitted an Exit.
struct Context {
  ir::Builder& b;
  cpu::Mode mode;
  cpu::FeatureSet features = {};
  u32 offset = 0;  // byte offset of the instruction in its 4 KiB page
  bool ended = false;
  bool sp_aligned = false;  // SP is known to be a multiple of 16 here (checked earlier in the block)

  // General registers with ZR at 31 (type I32 or I64).
  ir::Value x(ir::Type t, unsigned n) { return n == 31 ? b.constant(t, 0) : b.get_x(t, n); }
  void set_x(unsigned n, ir::Value v) {
    if (n != 31) b.set_x(n, v);
  }
  // General registers with SP at 31.
  ir::Value x_sp(ir::Type t, unsigned n) { return b.get_x(t, n); }
  void set_x_sp(unsigned n, ir::Value v) { b.set_x(n, v); }
  // The address of this instruction plus delta bytes, as a value.
  ir::Value pc_plus(i64 delta) {
    return b.add(b.pc_page(), b.imm64(static_cast<u64>(static_cast<i64>(offset) + delta)));
  }
  i32 target(i64 delta) const { return static_cast<i32>(static_cast<i64>(offset) + delta); }
  // Ends the block with the UNDEFINED exception (EC 0), or another synchronous one whose preferred return is this
  // instruction.
  bool has(cpu::Feature f) const { return features.has(f); }
  void undefined() { exception(0x00, 0); }
  void exception(u32 ec, u32 iss, bool return_to_next = false) {
    b.exit_exception(ec << 26 | 1u << 25 | iss, return_to_next);
    ended = true;
  }
};

using EmitFn = void (*)(Context&, u32 word);

// The class files. Each gets the word and Capstone's instruction id (arm64_insn; aliases already normalised to the base
// id; 0 when Capstone does not know the word) and returns the function that emits it, or nullptr when the word is
// unallocated in that class.
EmitFn find_data_processing_immediate(unsigned id, u32 word);
EmitFn find_branch_exception_system(unsigned id, u32 word);  // hands the system part to find_system
EmitFn find_system(unsigned id, u32 word);
EmitFn find_load_store(unsigned id, u32 word);  // hands V=1 forms to find_load_store_simd
EmitFn find_load_store_simd(unsigned id, u32 word);
EmitFn find_data_processing_register(unsigned id, u32 word);
EmitFn find_simd_fp(unsigned id, u32 word);

// The function for a word, decoded once and remembered. Never nullptr: unallocated words get one that raises UNDEFINED.
// Thread-safe.
EmitFn decode(u32 word);
// The word will be decoded soon: what the memo knows of it is brought near. Most of decode()'s time is that one cache
// miss.
void decode_soon(u32 word);

}  // namespace ferry::frontend
