// Guest snippets against the number of host instructions that each tier makes of them, so that a loss shows in review.
// host_code.txt holds both; FERRY_GOLDEN_UPDATE=1 build/tests/test_golden writes its figures anew.
//
// Two figures a tier: `path`, the instructions that run when no conditional jump is taken, until the block is left; and
// `all` that can be reached, with what lies out of line. Both are the same on every host, since the tests assume one
// set of host features. A few instructions more only warn, so that a fix is not held up; FERRY_GOLDEN_SHOW=NAME prints
// a snippet's host code.
#include <capstone/capstone.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/check.h"
#include "cpu/mode.h"
#include "frontend/decoder.h"
#include "frontend/translate.h"
#include "ir/passes.h"
#include "jit/baseline/compiler.h"
#include "jit/code_memory.h"
#include "jit/helper_effects.h"
#include "jit/load_optimizing.h"
#include "jit/tiers.h"
#include "tests/catch.h"

namespace ferry {
namespace {

struct Counts {
  unsigned path = 0, all = 0;
  bool operator==(const Counts&) const = default;
};
struct Snippet {
  std::string name;
  std::vector<u32> words;
  std::map<std::string, Counts> counts;  // by tier
};

// Follows host code from its entry; what leaves [begin, begin + size) ends a way.
class HostCode {
 public:
  HostCode(const u8* begin, usize size, u64 address) : begin_(begin), size_(size), address_(address) {
    REQUIRE(cs_open(CS_ARCH_X86, CS_MODE_64, &handle_) == CS_ERR_OK);
    cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    insn_ = cs_malloc(handle_);
  }
  ~HostCode() {
    cs_free(insn_, 1);
    cs_close(&handle_);
  }
  HostCode(const HostCode&) = delete;
  HostCode& operator=(const HostCode&) = delete;

  Counts count(std::ostream* show) {
    Counts c;
    std::map<u64, std::string> seen;
    std::set<u64> on_path;
    std::vector<u64> todo = {address_};
    bool first_way = true;
    while (!todo.empty()) {
      u64 at = todo.back();
      todo.pop_back();
      while (inside(at) && seen.find(at) == seen.end()) {
        const Step s = step(at);
        seen.emplace(at, s.text);
        if (first_way) on_path.insert(at);
        if (s.branch && s.conditional) todo.push_back(*s.branch);
        at = s.branch && !s.conditional ? *s.branch : s.next;
      }
      first_way = false;
    }
    c.path = static_cast<unsigned>(on_path.size());
    c.all = static_cast<unsigned>(seen.size());
    if (show != nullptr)
      for (const auto& [at, text] : seen)
        *show << (on_path.count(at) != 0 ? "  " : "      ") << std::hex << at - address_ << std::dec << "  " << text
              << "\n";
    return c;
  }

 private:
  struct Step {
    std::optional<u64> branch;
    bool conditional = false;
    u64 next = 0;  // 0: nowhere
    std::string text;
  };
  bool inside(u64 at) const { return at - address_ < size_; }
  Step step(u64 at) {
    const u8* code = begin_ + (at - address_);
    usize left = size_ - (at - address_);
    u64 next = at;
    REQUIRE(cs_disasm_iter(handle_, &code, &left, &next, insn_));
    Step s;
    s.next = next;
    s.text = std::string(insn_->mnemonic) + " " + insn_->op_str;
    if (cs_insn_group(handle_, insn_, CS_GRP_RET)) s.next = 0;
    if (cs_insn_group(handle_, insn_, CS_GRP_JUMP)) {
      const cs_x86_op& to = insn_->detail->x86.operands[0];
      s.conditional = insn_->id != X86_INS_JMP;
      if (to.type == X86_OP_IMM)
        s.branch = static_cast<u64>(to.imm);
      else
        s.next = 0;
    }
    return s;
  }

  const u8* begin_;
  usize size_;
  u64 address_;
  csh handle_ = 0;
  cs_insn* insn_ = nullptr;
};

ir::Block lift(const std::vector<u32>& words) {
  cpu::Mode mode;
  mode.set_el(1);
  mode.set_sp_sel(1);
  mode.set_mmu(1);
  mode.set_sp_align_check(1);
  mode.set_tbi(1);
  ir::Block block;
  frontend::translate(block, words, 0x800, mode, static_cast<unsigned>(words.size()));
  ir::optimize(block, jit::helper_effects, true);
  return block;
}

Counts count_baseline(const ir::Block& block, std::ostream* show) {
  static jit::CodeMemory memory = std::move(*jit::CodeMemory::create(1 << 20));
  static const jit::baseline::Stubs stubs = *jit::baseline::make_stubs(memory);
  jit::baseline::HostFeatures host;
  host.avx = host.avx2 = host.fma = host.bmi = host.bmi2 = host.lzcnt = host.pclmul = host.aes = host.sse42 = true;
  jit::baseline::Compiler compiler(stubs, host);
  jit::LinkSite sites[2];
  jit::LinkSite* const links[2] = {&sites[0], &sites[1]};
  compiler.compile(block, memory.next(), links);
  return HostCode(compiler.code(), compiler.size(), reinterpret_cast<u64>(memory.next())).count(show);
}

// Null in a build without the optimizing tier.
std::unique_ptr<jit::Tier> llvm_tier() {
#ifdef FERRY_HAS_OPTIMIZING
  // The optimizing tier asks the host for its features, unless it is told some.
  setenv("FERRY_LLVM_CPU", "x86-64-v3", 1);
  auto tier = jit::make_optimizing(64 << 20, 2);
  REQUIRE(tier.ok());
  return std::move(*tier);
#else
  return nullptr;
#endif
}
Counts count_llvm(jit::Tier& tier, const ir::Block& block, std::ostream* show) {
  auto code = tier.compile(block, nullptr);
  REQUIRE(code.ok());
  const u8* const entry = static_cast<const u8*>(code->entry);
  return HostCode(entry, code->size, reinterpret_cast<u64>(entry)).count(show);
}

const std::string kLlvm = std::string("llvm-") + FERRY_LLVM_VERSION;

// NAME: WORD...; behind each, indented, the tiers' figures; # begins a comment.
std::vector<Snippet> read_snippets() {
  std::vector<Snippet> all;
  std::ifstream in(FERRY_GOLDEN_FILE);
  for (std::string line; std::getline(in, line);) {
    line = line.substr(0, line.find('#'));
    std::istringstream fields(line);
    std::string head;
    if (!(fields >> head)) continue;
    if (head.back() == ':') {
      all.push_back({head.substr(0, head.size() - 1), {}, {}});
      for (std::string word; fields >> word;)
        all.back().words.push_back(static_cast<u32>(std::stoul(word, nullptr, 16)));
      continue;
    }
    Counts c;
    REQUIRE((fields >> c.path >> c.all));
    REQUIRE_FALSE(all.empty());
    all.back().counts[head] = c;
  }
  return all;
}

void write_snippets(const std::vector<Snippet>& all) {
  std::ofstream out(FERRY_GOLDEN_FILE);
  out << "# Host instructions by tier: on the path without a taken conditional jump, and all that can be reached.\n"
         "# Written by FERRY_GOLDEN_UPDATE=1 build/tests/test_golden; to add a snippet, add its name and words.\n";
  for (const Snippet& s : all) {
    out << "\n" << s.name << ":";
    for (const u32 word : s.words) {
      char text[16];
      std::snprintf(text, sizeof text, " %08x", word);
      out << text;
    }
    out << "\n";
    for (const u32 word : s.words) out << "  # " << frontend::disassemble(word, 0) << "\n";
    for (const auto& [tier, c] : s.counts) out << "  " << tier << " " << c.path << " " << c.all << "\n";
  }
}

// LLVM's code holds addresses of this process as constants: whether two of them are made from one differs from run to
// run.
bool is_same(const std::string& tier, const Counts& a, const Counts& b) {
  const auto near = [&](unsigned x, unsigned y) { return x == y || (tier == kLlvm && x + 2 >= y && y + 2 >= x); };
  return near(a.path, b.path) && near(a.all, b.all);
}

bool is_worse(unsigned now, unsigned before) { return now > before + before / 8 + 2; }

}  // namespace

TEST_CASE("host code is not longer than it was") {
  std::vector<Snippet> all = read_snippets();
  REQUIRE(all.size() > 30);
  const bool update = std::getenv("FERRY_GOLDEN_UPDATE") != nullptr;
  const char* const shown = std::getenv("FERRY_GOLDEN_SHOW");
  const auto llvm = llvm_tier();
  for (Snippet& s : all) {
    const ir::Block block = lift(s.words);
    std::ostream* const show = shown != nullptr && s.name == shown ? &std::cout : nullptr;
    std::map<std::string, Counts> now;
    now["baseline"] = count_baseline(block, show);
    if (llvm != nullptr) now[kLlvm] = count_llvm(*llvm, block, show);
    for (const auto& [tier, c] : now) {
      const auto was = s.counts.find(tier);
      if (update || was == s.counts.end() || is_same(tier, was->second, c)) continue;
      const Counts& before = was->second;
      INFO(s.name << ", " << tier << ": path " << before.path << " -> " << c.path << ", all " << before.all << " -> "
                  << c.all << "; FERRY_GOLDEN_UPDATE=1 build/tests/test_golden accepts it");
      CHECK_FALSE(is_worse(c.path, before.path));
      CHECK_FALSE(is_worse(c.all, before.all));
      WARN(s.name << ", " << tier << ": path " << before.path << " -> " << c.path << ", all " << before.all << " -> "
                  << c.all);
    }
    // Every snippet has figures for the tier that every build has.
    if (!update) CHECK(s.counts.count("baseline") == 1);
    if (!update) continue;
    for (const auto& [tier, c] : now)
      if (s.counts.count(tier) == 0 || !is_same(tier, s.counts[tier], c)) s.counts[tier] = c;
    // Figures of another LLVM are of no use to this one's readers.
    if (llvm != nullptr) std::erase_if(s.counts, [&](const auto& row) { return now.count(row.first) == 0; });
  }
  if (update) write_snippets(all);
}

}  // namespace ferry
