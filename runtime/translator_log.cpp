// What -d in_asm and out_asm write of blocks and regions.
#include <fmt/format.h>

#include "core/log.h"
#include "frontend/decoder.h"
#include "runtime/translator.h"

namespace ferry::runtime {

// -d in_asm and out_asm.
void Translator::log_block(const TranslatedBlock& block, u64 va) const {
  if (log_enabled(LogCategory::kInAsm)) {
    std::string text = fmt::format("block va {:#x} pa {:#x} mode {:#x}\n", va, block.pa, block.mode.value);
    for (usize i = 0; i < block.source.size(); ++i)
      text += fmt::format("  {:#x}  {:08x}  {}\n", va + 4 * i, block.source[i],
                          frontend::disassemble(block.source[i], va + 4 * i));
    log_text(LogCategory::kInAsm, text);
  }
  if (log_enabled(LogCategory::kOutAsm) && block.code.entry != nullptr && host_text_ != nullptr)
    log_text(LogCategory::kOutAsm, fmt::format("host code of va {:#x}, {} bytes\n{}", va, block.code.size,
                                               host_text_(block.code.entry, block.code.size)));
}

// -d out_asm: what replaces the baseline's code.
void Translator::log_region(const TranslatedBlock& entry) const {
  if (!log_enabled(LogCategory::kOutAsm) || host_text_ == nullptr) return;
  std::string text = fmt::format("region pa {:#x} mode {:#x}, {} bytes\n", entry.pa, entry.mode.value, entry.code.size);
  const auto list = [&text](u64 pa, const std::vector<u32>& words) {
    for (usize i = 0; i < words.size(); ++i)
      text += fmt::format("  {:#x}  {:08x}  {}\n", pa + 4 * i, words[i], frontend::disassemble(words[i], pa + 4 * i));
  };
  list(entry.pa, entry.source);
  for (const TranslatedBlock::Covered& part : entry.promoted->covered) list(part.pa, part.words);
  log_text(LogCategory::kOutAsm, text + host_text_(entry.code.entry, entry.code.size));
}

}  // namespace ferry::runtime
