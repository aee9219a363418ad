// Blocks of earlier runs: the Translator's half of what runtime/persistent keeps of them.
#include <algorithm>

#include "core/check.h"
#include "core/log.h"
#include "runtime/sampled_time.h"
#include "runtime/translator.h"

namespace ferry::runtime {
namespace {

constexpr i32 kFirstAsk = 32;  // executions after which a block asks for its kept region: its links are there by then

}  // namespace

// The block's code from an earlier run, if it is kept. Nothing else of the block is set yet.
bool Translator::take_kept(TranslatedBlock& block, std::span<const u32> words, Stats& stats) {
  if (code_store_ == nullptr || compiler_ == nullptr || log_enabled(LogCategory::kOp)) return false;
  const SampledTime time(stats.blocks_kept);
  const u32 offset = static_cast<u32>(block.pa & 0xfff);
  const persistent::CodeStore::Block kept = code_store_->find_block(offset, block.mode, words);
  if (kept.insns == 0) return false;
  if (code_store_->verifies()) verify_kept(block, words, kept);
  Result<jit::CompiledCode> code = compiler_->place(kept.code, &block);
  if (!code) return false;  // code memory is full: compile() flushes it
  block.source.assign(words.begin(), words.begin() + kept.insns);
  take_code(block, std::move(*code));
  ++stats.blocks_kept;
  stats.insns_kept += kept.insns;
  time.add_to(stats.kept_ns);
  return true;
}

// cache.verify: the code that would be made now, in other code memory, is what was kept.
void Translator::verify_kept(const TranslatedBlock& block, std::span<const u32> words,
                             const persistent::CodeStore::Block& kept) {
  ir::Block ir;
  translate_ir(ir, words, block.pa, block.mode, static_cast<unsigned>(words.size()));
  ASSERT(ir.insn_count == kept.insns, "a kept block has another length");
  Result<jit::CompiledCode> code = compiler_->compile(ir, nullptr);
  if (!code) return;
  const bool same =
      compiler_->save(saved_) && std::equal(saved_.begin(), saved_.end(), kept.code.begin(), kept.code.end());
  ASSERT(same, "a kept block has other code");
  compiler_->release(*code);
}

void Translator::remember_heat(TranslatedBlock& block) {
  if (code_store_ == nullptr || tiering_ == nullptr || block.code.counter == nullptr) return;
  const u32 offset = static_cast<u32>(block.pa & 0xfff);
  block.was_hot = code_store_->was_hot(offset, block.mode, block.source);
  if (!block.was_hot || !code_store_->has_region(offset, block.mode, block.source)) return;
  block.ask_at = kFirstAsk;
  count_from(block, kFirstAsk);
}

void Translator::keep(const TranslatedBlock& block) {
  if (code_store_ == nullptr || !compiler_->save(saved_)) return;
  code_store_->add_block(static_cast<u32>(block.pa & 0xfff), block.mode, block.source, saved_);
}

}  // namespace ferry::runtime
