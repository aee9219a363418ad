// Every one of the 2^32 instruction words, classified once: allocated or UNDEFINED, by our tables and by LLVM's
// disassembler, and a sample of them by binutils' objdump and (where these disagree) by an emulator's SIGILL.
//
// usage: decoder_map [--full] [--threads N] [--seed N] [--objdump PROGRAM] [--sigill "COMMAND"] [--explained FILE]
//                    [--counts FILE] [--page FILE] [--check-page FILE]
// Done for two sets of features: ARMv8.0 with its optional parts, and everything implemented. --explained: lines
// `who | regular expression | reason`. --page writes docs/reference/decoder.md, --check-page compares it.
// Exit status 1 when a difference is not explained, or (--full) an explanation is not needed.
#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <random>
#include <regex>
#include <thread>

#include "frontend/decoder.h"
#include "tests/frontend/map/classifier.h"
#include "tests/frontend/map/llvm.h"
#include "tests/frontend/map/outside.h"

using namespace ferry;
using namespace ferry::map;

namespace {

struct Options {
  bool full = false;
  unsigned threads = 2;
  u64 seed = 1;
  std::string objdump, sigill, explained, counts, page, check_page;
};

// What LLVM calls ARMv8.0 with CRC32 and the cryptographic extension, and everything there is.
constexpr const char* kBase = "+v8a,+fp-armv8,+neon,+aes,+sha2,+crc";
constexpr const char* kEverything = "+all";
// LLVM's names of features that have encodings of their own; hints and SYS operations need none.
struct Attribute {
  cpu::Feature feature;
  const char* name;
};
using F = cpu::Feature;
constexpr Attribute kAttributes[] = {
    {F::LSE, "lse"},         {F::RDM, "rdm"},        {F::SHA512, "sha3"},     {F::SHA3, "sha3"},
    {F::SM3, "sm4"},         {F::SM4, "sm4"},        {F::DotProd, "dotprod"}, {F::FHM, "fp16fml"},
    {F::FlagM, "flagm"},     {F::FlagM2, "altnzcv"}, {F::PACQARMA5, "pauth"}, {F::PACIMP, "pauth"},
    {F::JSCVT, "jsconv"},    {F::FCMA, "complxnum"}, {F::LRCPC, "rcpc"},      {F::LRCPC2, "rcpc-immo"},
    {F::FRINTTS, "fptoint"}, {F::SB, "sb"},          {F::BF16, "bf16"},       {F::I8MM, "i8mm"},
    {F::FP16, "fullfp16"},   {F::DIT, "dit"},        {F::SSBS2, "ssbs"},      {F::PAN, "pan"},
    {F::UAO, "uaops"},
};

struct Set {
  const char* name;
  cpu::FeatureSet features;
  std::string llvm;
};
std::vector<Set> make_sets() {
  Set v80{"v8.0", {}, kBase}, max{"max", cpu::implemented_features(), kBase};
  for (const Attribute& a : kAttributes)
    if (max.features.has(a.feature)) max.llvm += std::string(",+") + a.name;
  return {v80, max};
}
const std::vector<Set>& sets() {
  static const std::vector<Set> all = make_sets();
  return all;
}

// One kind of disagreement: who calls it allocated, under which name.
struct Key {
  std::string set, who, name;
  auto operator<=>(const Key&) const = default;
};
struct Words {
  u64 count = 0;
  u32 all = ~0u, any = 0;     // bits set in all of the words, in any
  std::vector<u32> examples;  // some of them
  void add(u32 word, u64 n = 1) {
    count += n;
    all &= word;
    any |= word;
    if (examples.size() < 64 && (examples.empty() || word % 7 == 0)) examples.push_back(word);
  }
  void add(const Words& w) {
    count += w.count;
    all &= w.all;
    any |= w.any;
    examples.insert(examples.end(), w.examples.begin(), w.examples.end());
    if (examples.size() > 128) examples.resize(128);
  }
  // Fixed bits as digits, the others as x.
  std::string pattern() const {
    std::string text;
    for (int i = 31; i >= 0; --i)
      text += bit(all, static_cast<unsigned>(i)) ? '1' : bit(any, static_cast<unsigned>(i)) ? 'x' : '0';
    return text;
  }
};
using Differences = std::map<Key, Words>;

struct Totals {
  u64 words = 0, allocated = 0, ambiguous = 0, agreed = 0;
};

cpu::Mode kernel_mode() {
  cpu::Mode m;
  m.set_el(1);
  m.set_sp_sel(1);
  return m;
}

// SYS, SYSL, MSR and MRS: which registers and operations exist is the matter of cpu/sysregs.def and the register sweep.
bool is_system_access(u32 word) {
  const u64 op0 = bits(word, 20, 19);
  return bits(word, 31, 22) == 0b1101010100 && op0 != 0;
}

// One set of features on one thread.
struct Worker {
  explicit Worker(const Set& s) : set(s), ours(kernel_mode(), s.features), llvm(s.llvm) {}
  const Set& set;
  Classifier ours;
  LlvmDecoder llvm;
  Totals totals;
  Differences differences;
  std::map<unsigned, Words> only_llvm;  // by opcode
  std::map<const frontend::Row*, Words> only_ours;

  void take(u32 word) {
    const Verdict v = ours.classify(word);
    ++totals.words;
    totals.allocated += v.allocated;
    totals.ambiguous += v.ambiguous;
    if (is_system_access(word)) return;
    const unsigned op = llvm.opcode(word);
    if (v.allocated == (op != 0))
      ++totals.agreed;
    else if (v.allocated)
      only_ours[v.row].add(word);
    else
      only_llvm[op].add(word);
  }
  void finish() {
    for (const auto& [row, words] : only_ours) differences[{set.name, "ferry, not LLVM", row->title}].add(words);
    for (const auto& [op, words] : only_llvm) differences[{set.name, "LLVM, not ferry", llvm.name(op)}].add(words);
  }
};

// The sample: for each value of bits 31:10 one of the words, and 16 in the groups that use the low bits as well.
std::vector<u32> sample_of(u32 high, u64 seed) {
  const u32 top = high >> 8;
  const u32 each = top >= 0xd4 && top <= 0xd6 ? 16 : top == 0x1e || top == 0x9e ? 4 : 1;
  std::minstd_rand random(static_cast<u32>(seed * 0x9e3779b9 + high + 1));
  std::vector<u32> words;
  for (u32 i = 0; i < 64 * each; ++i) words.push_back(high << 16 | (i & 63) << 10 | (random() >> 8 & 0x3ff));
  return words;
}

void visit_group(Worker& w, u32 high, const Options& o) {
  w.ours.begin_group(high);
  if (o.full) {
    for (u32 low = 0; low < 0x10000; ++low) w.take(high << 16 | low);
  } else {
    for (const u32 word : sample_of(high, o.seed)) w.take(word);
  }
}

void compare_with_llvm(const Options& o, std::map<std::string, Totals>& totals, Differences& differences) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < o.threads; ++i)
    for (const Set& s : sets()) workers.push_back(std::make_unique<Worker>(s));
  std::atomic<u32> next = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < o.threads; ++i)
    threads.emplace_back([&, i] {
      const std::span mine(workers.data() + i * sets().size(), sets().size());
      for (u32 high; (high = next++) < 0x10000;) {
        for (auto& w : mine) visit_group(*w, high, o);
        if (o.full && high % 1024 == 0) fmt::print("[{}/64]\n", high / 1024), std::fflush(stdout);
      }
      for (auto& w : mine) w->finish();
    });
  for (auto& t : threads) t.join();
  for (const auto& w : workers) {
    Totals& t = totals[w->set.name];
    t.words += w->totals.words;
    t.allocated += w->totals.allocated;
    t.ambiguous += w->totals.ambiguous;
    t.agreed += w->totals.agreed;
    for (const auto& [key, words] : w->differences) differences[key].add(words);
  }
}

// What Capstone adds to the rows: it must not hide an allocated word.
void compare_with_capstone(const Set& set, const Options& o, u64& count, Differences& differences) {
  Classifier ours(kernel_mode(), set.features);
  for (u32 high = 0; high < 0x10000; ++high) {
    ours.begin_group(high);
    for (const u32 word : sample_of(high, o.seed + 77)) {
      const Verdict v = ours.classify(word);
      ++count;
      if (v.row == nullptr || v.allocated == ours.decoded(word)) continue;
      differences[{set.name, v.allocated ? "ferry's row, hidden by Capstone" : "Capstone, not ferry's row",
                   v.row->title}]
          .add(word);
    }
  }
}

// A word of an extension that this set has not: objdump knows every one at once, LLVM says which words belong to one.
// The whole classes of SVE and SME are not asked for: LLVM 19 crashes on some words of SME.
bool is_later(LlvmDecoder& now, LlvmDecoder& later, u32 word) {
  if (frontend::encoding_class(word) == frontend::EncodingClass::Unallocated) return word >> 16 != 0;
  return now.opcode(word) == 0 && later.opcode(word) != 0;
}

void compare_with_objdump(const Options& o, u64& count, Differences& differences) {
  LlvmDecoder later(kEverything);
  std::vector<std::unique_ptr<Worker>> workers;
  for (const Set& s : sets()) workers.push_back(std::make_unique<Worker>(s));
  for (u32 part = 0; part < 0x10000; part += 0x1000) {
    std::vector<u32> words;
    for (u32 high = part; high < part + 0x1000; ++high)
      for (const u32 word : sample_of(high, o.seed + 99)) words.push_back(word);
    const std::vector<std::string> names = objdump(o.objdump, words);
    for (auto& w : workers) {
      u32 group = ~0u;
      for (usize i = 0; i < words.size(); ++i) {
        if (words[i] >> 16 != group) w->ours.begin_group(group = words[i] >> 16);
        if (is_system_access(words[i])) continue;
        ++count;
        const Verdict v = w->ours.classify(words[i]);
        if (v.allocated == !names[i].empty() || (!v.allocated && is_later(w->llvm, later, words[i]))) continue;
        differences[{w->set.name, v.allocated ? "ferry, not objdump" : "objdump, not ferry",
                     v.allocated ? v.row->title : names[i]}]
            .add(words[i]);
      }
    }
  }
}

// Lines `who | regex of the name | reason`.
struct Rule {
  std::string who;
  std::regex name;
  std::string text, reason;
  u64 used = 0;
};
std::vector<Rule> read_rules(const std::string& path) {
  std::vector<Rule> rules;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const usize a = line.find(" | "), b = line.find(" | ", a + 3);
    if (b == std::string::npos) {
      fmt::print(stderr, "{}: expected `who | regex | reason`: {}\n", path, line);
      std::exit(2);
    }
    const std::string name = line.substr(a + 3, b - a - 3);
    rules.push_back({line.substr(0, a), std::regex(name), name, line.substr(b + 3)});
  }
  return rules;
}

// What the emulator says of some of the words: "12/64 SIGILL".
std::string verdict_of(const Options& o, const Words& w) {
  if (o.sigill.empty()) return "";
  unsigned undefined = 0, asked = 0;
  for (const char answer : sigill(o.sigill, w.examples)) {
    asked += answer != '?';
    undefined += answer == 'U';
  }
  return fmt::format(" SIGILL {}/{}", undefined, asked);
}

unsigned report(const Options& o, const Differences& differences) {
  std::vector<Rule> rules = read_rules(o.explained);
  unsigned bad = 0;
  for (const auto& [key, words] : differences) {
    bool explained = false;
    for (Rule& r : rules) {
      if (r.who != key.who || !std::regex_match(key.name, r.name)) continue;
      explained = true;
      r.used += words.count;
      break;
    }
    if (explained) continue;
    ++bad;
    fmt::print("{}: {}: {}: {} words {} such as {:08x} `{}`{}\n", key.set, key.who, key.name, words.count,
               words.pattern(), words.examples[0], frontend::disassemble(words.examples[0], 0), verdict_of(o, words));
  }
  if (!o.full) return bad;
  for (const Rule& r : rules) {
    if (r.used != 0) continue;
    if ((r.who.find("objdump") != std::string::npos && o.objdump.empty())) continue;
    ++bad;
    fmt::print("explained, but no difference: {} | {}\n", r.who, r.text);
  }
  return bad;
}

constexpr const char* kPageHead = R"(# The decoder against others

Written by `tests/decoder_map --page` from tests/frontend/map/explained.txt; a test compares.

Every one of the 2^32 instruction words is classified once, allocated or UNDEFINED, by the rows of `frontend/` and by LLVM 19's
disassembler, for two sets of features: ARMv8.0 with FP, Advanced SIMD, CRC32 and the cryptographic extension (what the Cortex models
are), and everything that `-cpu max` has. A sample of at least one word for each value of bits 31:10 is held against binutils' objdump
and, through the whole decoder, against the rows (Capstone, which chooses between rows that overlap, must not hide a word). Where two
disagree, an emulator's SIGILL on some of the words and the Arm ARM decide. `./dev test --full decoder` runs all words, `./dev test`
a sample.

SYS, SYSL, MRS and MSR (register) are not compared: disassemblers accept all of them. Which of them exist is `sysregs.md`, and a
bare-metal program sweeps over all of them at EL1 and EL0.

## What differs, and why

| who calls it allocated | instruction | reason |
|---|---|---|
)";

std::string escaped(const std::string& text) { return std::regex_replace(text, std::regex("\\|"), "\\|"); }

// docs/reference/decoder.md: written, or compared.
int page(const Options& o) {
  std::string text = kPageHead;
  for (const Rule& r : read_rules(o.explained))
    text += fmt::format("| {} | `{}` | {} |\n", r.who, escaped(r.text), escaped(r.reason));
  if (!o.page.empty()) {
    std::ofstream(o.page) << text;
    return 0;
  }
  std::ifstream in(o.check_page);
  const std::string old((std::istreambuf_iterator<char>(in)), {});
  if (old == text) return 0;
  fmt::print("{} is not current: write it with decoder_map --page\n", o.check_page);
  return 1;
}

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (a == "--full")
      o.full = true;
    else if (a == "--threads")
      o.threads = static_cast<unsigned>(std::stoul(value()));
    else if (a == "--seed")
      o.seed = std::stoull(value());
    else if (a == "--objdump")
      o.objdump = value();
    else if (a == "--sigill")
      o.sigill = value();
    else if (a == "--explained")
      o.explained = value();
    else if (a == "--counts")
      o.counts = value();
    else if (a == "--page")
      o.page = value();
    else if (a == "--check-page")
      o.check_page = value();
    else {
      fmt::print(stderr, "decoder_map: unknown option {}\n", a);
      std::exit(2);
    }
  }
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  const Options o = parse(argc, argv);
  if (!o.page.empty() || !o.check_page.empty()) return page(o);
  std::map<std::string, Totals> totals;
  Differences differences;
  u64 by_capstone = 0, by_objdump = 0;
  for (const Set& s : sets()) compare_with_capstone(s, o, by_capstone, differences);
  if (!o.objdump.empty()) compare_with_objdump(o, by_objdump, differences);
  compare_with_llvm(o, totals, differences);
  const unsigned bad = report(o, differences);
  fmt::memory_buffer counts;
  for (const auto& [set, t] : totals) {
    fmt::print("{}: {} words, {} allocated, {} with several rows, {} as LLVM says\n", set, t.words, t.allocated,
               t.ambiguous, t.agreed);
    fmt::format_to(std::back_inserter(counts), "\"{}\": {{\"words\": {}, \"allocated\": {}, \"llvm_agrees\": {}}}, ",
                   set == "v8.0" ? "v80" : set, t.words, t.allocated, t.agreed);
  }
  fmt::print("{} held against Capstone, {} against objdump\n", by_capstone, by_objdump);
  if (!o.counts.empty())
    std::ofstream(o.counts) << fmt::format("{{{}\"capstone\": {}, \"objdump\": {}}}\n", fmt::to_string(counts),
                                           by_capstone, by_objdump);
  return bad != 0 ? 1 : 0;
}
