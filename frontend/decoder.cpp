// Instruction word -> the function that emits it. The class files know the encodings; Capstone names what SIMD words
// are, whose encodings overlap. Every distinct word is looked for once, then a bounded memo answers.
#include "frontend/decoder.h"

#include <capstone/capstone.h>

#include <array>
#include <atomic>
#include <mutex>
#include <unordered_map>

#include "core/check.h"
#include "frontend/alias.h"
#include "frontend/insn.h"
#include "frontend/pattern.h"

namespace ferry::frontend {
namespace {

// One Capstone handle; used under the decoder's lock.
class Disassembler {
 public:
  Disassembler() {
    const cs_err error = cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &handle_);
    ASSERT(error == CS_ERR_OK, "Capstone has no AArch64 disassembler");
    insn_ = cs_malloc(handle_);
    ASSERT(insn_ != nullptr, "Capstone has no memory for an instruction");
  }
  ~Disassembler() {
    cs_free(insn_, 1);
    cs_close(&handle_);
  }
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;

  // The instruction, or nullptr when Capstone does not know the word. Address 0: the result holds wherever the word
  // stands.
  const cs_insn* disassemble(u32 word, u64 address = 0) {
    const u8 bytes[4] = {static_cast<u8>(word), static_cast<u8>(word >> 8), static_cast<u8>(word >> 16),
                         static_cast<u8>(word >> 24)};
    const u8* code = bytes;
    usize size = sizeof bytes;
    return cs_disasm_iter(handle_, &code, &size, &address, insn_) ? insn_ : nullptr;
  }

 private:
  csh handle_ = 0;
  cs_insn* insn_ = nullptr;
};

void emit_undefined(Context& c, u32) { c.undefined(); }

// The Arm ARM's top-level table, C4.1. Outside SIMD no two rows fit one word unless the special one stands first (a
// test sees to it), so that Capstone's opinion, eight times the price of the search, decides nothing.
EmitFn find(unsigned id, u32 word) {
  EmitFn fn = nullptr;
  switch (encoding_class(word)) {
    case EncodingClass::Unallocated: break;
    case EncodingClass::DataProcessingImmediate: fn = find_data_processing_immediate(id, word); break;
    case EncodingClass::BranchExceptionSystem: fn = find_branch_exception_system(id, word); break;
    case EncodingClass::LoadStore: fn = find_load_store(id, word); break;
    case EncodingClass::DataProcessingRegister: fn = find_data_processing_register(id, word); break;
    case EncodingClass::SimdFp: fn = find_simd_fp(id, word); break;
  }
  return fn == nullptr ? emit_undefined : fn;
}

// The memo: lines of eight slots, a slot holds word, and one more than the number of its function. A reader needs one
// line and no lock. Bounded: a full line loses a slot, so that no guest can make it grow.
class Memo {
 public:
  EmitFn lookup(u32 word) {
    Line& line = line_of(word);
    for (const auto& slot : line.slots) {
      const u64 entry = slot.load(std::memory_order_acquire);
      if (static_cast<u32>(entry) == word && entry >> 32 != 0) return functions_[(entry >> 32) - 1];
    }
    return nullptr;
  }

  void prefetch(u32 word) const { __builtin_prefetch(&lines_[line_number(word)]); }

  // Under the decoder's lock.
  void insert(u32 word, EmitFn fn) {
    const u64 entry = word | u64{number_of(fn) + 1} << 32;
    Line& line = line_of(word);
    for (auto& slot : line.slots) {
      if (slot.load(std::memory_order_relaxed) != 0) continue;
      slot.store(entry, std::memory_order_release);
      return;
    }
    line.slots[victim_++ % kSlots].store(entry, std::memory_order_release);
  }

 private:
  static constexpr unsigned kLineBits = 15, kSlots = 8;
  static constexpr usize kMaxFunctions = 8192;
  struct alignas(64) Line {
    std::array<std::atomic<u64>, kSlots> slots;
  };

  static u32 line_number(u32 word) { return (word * 0x9e3779b1u) >> (32 - kLineBits); }
  Line& line_of(u32 word) { return lines_[line_number(word)]; }

  u32 number_of(EmitFn fn) {
    static std::unordered_map<EmitFn, u32> numbers;
    const auto [at, is_new] = numbers.try_emplace(fn, function_count_);
    if (!is_new) return at->second;
    ASSERT(function_count_ < kMaxFunctions, "more instruction functions than the memo can number");
    functions_[function_count_] = fn;
    return function_count_++;
  }

  std::array<Line, usize{1} << kLineBits> lines_;
  std::array<EmitFn, kMaxFunctions> functions_;
  u32 function_count_;
  u32 victim_;
};

// In zero-initialised storage: pages of the memo that no word falls into are never touched.
Memo memo;

std::mutex decoder_lock;
Disassembler& disassembler() {
  static Disassembler one;
  return one;
}

}  // namespace

EncodingClass encoding_class(u32 word) {
  const u64 op0 = bits(word, 28, 25);
  if ((op0 & 0b1110) == 0b1000) return EncodingClass::DataProcessingImmediate;
  if ((op0 & 0b1110) == 0b1010) return EncodingClass::BranchExceptionSystem;
  if ((op0 & 0b0101) == 0b0100) return EncodingClass::LoadStore;
  if ((op0 & 0b0111) == 0b0101) return EncodingClass::DataProcessingRegister;
  if ((op0 & 0b0111) == 0b0111) return EncodingClass::SimdFp;
  return EncodingClass::Unallocated;
}

std::string_view name(EncodingClass c) {
  switch (c) {
    case EncodingClass::Unallocated: return "Unallocated";
    case EncodingClass::DataProcessingImmediate: return "Data Processing -- Immediate";
    case EncodingClass::BranchExceptionSystem: return "Branches, Exception Generating and System instructions";
    case EncodingClass::LoadStore: return "Loads and Stores";
    case EncodingClass::DataProcessingRegister: return "Data Processing -- Register";
    case EncodingClass::SimdFp: return "Data Processing -- Scalar Floating-Point and Advanced SIMD";
  }
  return {};
}

unsigned capstone_id(u32 word) {
  const std::lock_guard lock(decoder_lock);
  const cs_insn* insn = disassembler().disassemble(word);
  return insn == nullptr ? 0 : base_id(insn->id, word);
}

std::string disassemble(u32 word, u64 address) {
  const std::lock_guard lock(decoder_lock);
  const cs_insn* insn = disassembler().disassemble(word, address);
  if (insn == nullptr) return {};
  std::string text = insn->mnemonic;
  if (insn->op_str[0] != '\0') text.append(" ").append(insn->op_str);
  return text;
}

bool is_unallocated(u32 word) { return decode(word) == emit_undefined; }

void decode_soon(u32 word) { memo.prefetch(word); }

namespace {

EmitFn find_anew(u32 word) {
  if (encoding_class(word) != EncodingClass::SimdFp) return find(kAnyId, word);
  return find(capstone_id(word), word);
}

}  // namespace

bool decode_anew(u32 word) { return find_anew(word) != emit_undefined; }

EmitFn decode(u32 word) {
  if (const EmitFn fn = memo.lookup(word)) return fn;
  const EmitFn fn = find_anew(word);
  const std::lock_guard lock(decoder_lock);
  memo.insert(word, fn);
  return fn;
}

}  // namespace ferry::frontend
