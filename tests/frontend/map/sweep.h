// All words, or a sample of them, by our rows and by LLVM's disassembler: what they disagree on.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/types.h"
#include "cpu/features.h"
#include "cpu/mode.h"

namespace ferry::map {

// Two sets: ARMv8.0 with its optional parts, and everything implemented.
struct Set {
  const char* name;
  cpu::FeatureSet features;
  std::string llvm;  // as LlvmDecoder takes it
};
const std::vector<Set>& sets();
// EL1 with nothing trapped.
cpu::Mode kernel_mode();

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
  void add(const Totals& t) {
    words += t.words;
    allocated += t.allocated;
    ambiguous += t.ambiguous;
    agreed += t.agreed;
  }
};

// SYS, SYSL, MSR and MRS: which registers and operations exist is the matter of cpu/sysregs.def and the register sweep.
inline bool is_system_access(u32 word) {
  const u64 op0 = bits(word, 20, 19);
  return bits(word, 31, 22) == 0b1101010100 && op0 != 0;
}

// The sample of the words with these high halves: for each value of bits 31:10 one of the words, and more in the groups
// that use the low bits as well.
std::vector<u32> sample_of(u32 high, u64 seed);

struct SweepOptions {
  bool full = false;  // all words
  unsigned threads = 2;
  u64 seed = 1;
  std::string state;  // a folder that keeps what is done of a full sweep; it goes on from there
};
void sweep(const SweepOptions& o, std::map<std::string, Totals>& totals, Differences& differences);

}  // namespace ferry::map
