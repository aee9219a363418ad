#include "verify/block_text.h"

#include "frontend/translate.h"
#include "ir/passes.h"
#include "ir/text.h"
#include "jit/helper_effects.h"
#include "verify/runner.h"

namespace ferry::verify {
namespace {

std::string translate(ir::Block& block, std::span<const u32> words, u64 va, cpu::Mode mode, cpu::FeatureSet features,
                      bool optimized, unsigned limit) {
  frontend::translate(block, words, static_cast<u32>(va % 4096), mode, limit, features);
  return optimized ? ir::optimize(block, jit::helper_effects, true) : std::string();
}

}  // namespace

std::string ir_text(std::span<const u32> words, u64 va, cpu::Mode mode, cpu::FeatureSet features, bool optimized,
                    bool one_each) {
  std::string text;
  for (usize at = 0; at < words.size();) {
    ir::Block block;
    const auto rest = words.subspan(at);
    const unsigned limit = one_each ? 1 : static_cast<unsigned>(std::min<usize>(rest.size(), ir::kMaxBlockInsns));
    const std::string complaint = translate(block, rest, va + 4 * at, mode, features, optimized, limit);
    text += ir::print(block) + (complaint.empty() ? "" : "verifier: " + complaint + "\n");
    at += block.insn_count;
  }
  return text;
}

std::string block_text(std::span<const u32> words, u64 va, cpu::Mode mode, Tier tier, cpu::FeatureSet features,
                       HostTextFn host_text) {
  std::string text = "IR as translated\n" + ir_text(words, va, mode, features, false) + "IR after the passes\n" +
                     ir_text(words, va, mode, features, true);
  const auto runner = make_runner(tier == Tier::Tiered ? Tier::Baseline : tier);
  if (runner == nullptr || host_text == nullptr) return text;
  ir::Block block;
  translate(block, words, va, mode, features, true, static_cast<unsigned>(words.size()));
  const Runner::Prepared code = runner->prepare(block);
  return code.code == nullptr ? text : text + "host code\n" + host_text(code.code, code.bytes);
}

}  // namespace ferry::verify
