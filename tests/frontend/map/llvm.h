// LLVM's disassembler for AArch64 as a second opinion on what is allocated.
#pragma once
#include <memory>
#include <string>

#include "core/types.h"

namespace ferry::map {

// Not thread-safe: one a thread.
class LlvmDecoder {
 public:
  // features as -mattr takes them: "+v8a,+neon".
  explicit LlvmDecoder(const std::string& features);
  ~LlvmDecoder();
  LlvmDecoder(LlvmDecoder&&) noexcept;

  // LLVM's number of the instruction; 0 when it does not know the word. What it calls CONSTRAINED UNPREDICTABLE is
  // allocated.
  unsigned opcode(u32 word);
  std::string name(unsigned opcode) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ferry::map
