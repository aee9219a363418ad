// Every one of the 2^32 instruction words, classified once: allocated or UNDEFINED, by our tables and by LLVM's
// disassembler, and a sample of them by binutils' objdump and (where these disagree) by an emulator's SIGILL.
//
// usage: decoder_map [--full] [--threads N] [--seed N] [--objdump PROGRAM] [--sigill "COMMAND"] [--explained FILE]
//                    [--counts FILE] [--state FOLDER] [--page FILE] [--check-page FILE]
// Done for two sets of features: ARMv8.0 with its optional parts, and everything implemented. --explained: lines
// `who | regular expression | reason`. --state: a full run goes on from what it left there. --page writes
// docs/reference/decoder.md, --check-page compares it. Exit status 1 when a difference is not explained, or (--full) an
// explanation is not needed.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <regex>

#include "frontend/decoder.h"
#include "tests/frontend/map/classifier.h"
#include "tests/frontend/map/llvm.h"
#include "tests/frontend/map/outside.h"
#include "tests/frontend/map/sweep.h"

using namespace ferry;
using namespace ferry::map;

namespace {

struct Options : SweepOptions {
  std::string objdump, sigill, explained, counts, page, check_page;
};

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
  LlvmDecoder later("+all");
  struct Worker {
    const Set& set;
    Classifier ours{kernel_mode(), set.features};
    LlvmDecoder llvm{set.llvm};
  };
  std::vector<std::unique_ptr<Worker>> workers;
  for (const Set& s : sets()) workers.push_back(std::make_unique<Worker>(Worker{s}));
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
    if (r.who.find("LLVM") == std::string::npos) continue;  // the others see a sample only
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
    else if (a == "--state")
      o.state = value();
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
  sweep(o, totals, differences);
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
