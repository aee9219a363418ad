// `ferry explain insn WORD...`: every station of a guest instruction, from its word to IR and to the tiers' host code.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <vector>

#include "app/commands.h"
#include "control/exit_status.h"
#include "cpu/state.h"
#include "debug/host_code.h"
#include "frontend/decoder.h"
#include "frontend/translate.h"
#include "ir/passes.h"
#include "ir/text.h"
#include "jit/helper_effects.h"
#include "jit/tiers.h"

namespace ferry::app {
namespace {

constexpr usize kMaxWords = 64;

bool parse_word(std::string_view text, u32& word) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), word, 16);
  return error == std::errc() && end == text.data() + text.size();
}

void explain_word(u32 word) {
  const std::string text = frontend::disassemble(word, 0);
  const char* title = frontend::title_of(word);
  fmt::print("{:08x}  {}\n", word, text.empty() ? "(not known to Capstone)" : text);
  fmt::print("  class  {}\n", frontend::name(frontend::encoding_class(word)));
  if (frontend::is_unallocated(word))
    fmt::print("  entry  none: the word is unallocated and raises UNDEFINED\n");
  else if (title != nullptr)
    fmt::print("  entry  {}\n", title);
}

void print_ir(const char* heading, const ir::Block& block) {
  fmt::print("{}, {} ops\n{}", heading, block.insts.size(), ir::print(block));
}

// EL1, MMU on, the checks that Linux turns on.
cpu::Mode linux_mode() {
  cpu::Mode mode;
  mode.set_el(1);
  mode.set_sp_sel(1);
  mode.set_mmu(1);
  mode.set_sp_align_check(1);
  mode.set_tbi(1);
  return mode;
}

// What a tier makes of the block, where this build has the tier.
void print_host_code(Tier tier, const ir::Block& block) {
  if (!jit::tier_available(tier)) return;
  Settings settings;
  settings.tier = tier;
  const char* const name = tier == Tier::Baseline ? "baseline" : "llvm";
  Result<std::unique_ptr<jit::Tier>> compiler = jit::make_compiler(settings);
  Result<jit::CompiledCode> code =
      compiler.ok() ? (*compiler)->compile(block, nullptr) : Result<jit::CompiledCode>(compiler.error());
  if (!code.ok()) return fmt::print("{}: {}\n", name, code.error().message);
  fmt::print("host code of {}, {} bytes\n{}", name, code->size, debug::disassemble_host(code->entry, code->size));
}

}  // namespace

int explain_command(Arguments arguments) {
  if (arguments.size() < 2 || arguments[0] != "insn" || arguments.size() > 1 + kMaxWords) {
    fmt::print(stderr, "ferry: explain: expected insn and 1 to {} instruction words in hexadecimal\n", kMaxWords);
    return control::kExitUsage;
  }
  std::vector<u32> words;
  for (const std::string_view argument : arguments.subspan(1)) {
    if (u32 word = 0; parse_word(argument, word)) {
      words.push_back(word);
      continue;
    }
    fmt::print(stderr, "ferry: explain insn {}: not an instruction word, expected up to eight hexadecimal digits\n",
               argument);
    return control::kExitUsage;
  }
  for (const u32 word : words) explain_word(word);
  ir::Block block;
  frontend::translate(block, words, 0, linux_mode(), static_cast<unsigned>(words.size()), cpu::implemented_features());
  if (block.insn_count < words.size())
    fmt::print("the block ends after {} of {} instructions\n", block.insn_count, words.size());
  print_ir("IR as translated (EL1, SCTLR.SA = 1, TBI0 = 1)", block);
  const std::string complaint = ir::optimize(block, jit::helper_effects, true);
  if (!complaint.empty()) fmt::print("verifier: {}\n", complaint);
  print_ir("IR after the passes", block);
  for (const Tier tier : {Tier::Baseline, Tier::Llvm}) print_host_code(tier, block);
  return control::kExitOk;
}

}  // namespace ferry::app
