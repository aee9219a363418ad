// What the decoder knows about a word beside its function (frontend/insn.h: decode).
#pragma once
#include <string>
#include <string_view>

#include "core/types.h"

namespace ferry::frontend {

// The Arm ARM's top-level table (DDI 0487, C4.1): op0 = bits 28:25.
enum class EncodingClass : u8 {
  Unallocated,
  DataProcessingImmediate,
  BranchExceptionSystem,
  LoadStore,
  DataProcessingRegister,
  SimdFp
};
EncodingClass encoding_class(u32 word);
std::string_view name(EncodingClass c);

// decode() (frontend/insn.h) without remembering: the price of a word that is met for the first time. Returns whether
// the word is allocated.
bool decode_anew(u32 word);

// Capstone's id of the base instruction (aliases normalised), 0 when it does not know the word. Thread-safe; not
// remembered.
unsigned capstone_id(u32 word);

// Capstone's text of the word at an address, empty when it does not know it. Thread-safe.
std::string disassemble(u32 word, u64 address);

// The manual's title of the word's instruction where it comes from a table of rows, otherwise nullptr.
const char* title_of(u32 word);

// No class file has an encoding for the word. Words with a reserved field value may be UNDEFINED too, when emitted.
bool is_unallocated(u32 word);

}  // namespace ferry::frontend
