#include "tests/frontend/map/sweep.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "frontend/decoder.h"
#include "tests/frontend/map/classifier.h"
#include "tests/frontend/map/llvm.h"

namespace ferry::map {
namespace {

// What LLVM calls ARMv8.0 with CRC32 and the cryptographic extension.
constexpr const char* kBase = "+v8a,+fp-armv8,+neon,+aes,+sha2,+crc";
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

std::vector<Set> make_sets() {
  Set v80{"v8.0", {}, kBase}, max{"max", cpu::implemented_features(), kBase};
  for (const Attribute& a : kAttributes)
    if (max.features.has(a.feature)) max.llvm += std::string(",+") + a.name;
  return {v80, max};
}

constexpr u32 kSlices = 64, kGroups = 0x10000;

// What one slice gave, for each set.
struct Slice {
  std::array<Totals, 2> totals;
  Differences differences;
};

// Both sets at once: what ARMv8.0 allocates, everything implemented does too, so that the second set is asked only
// about the rest.
class Sweeper {
 public:
  void visit(u32 word) {
    const Verdict base = ours_[0].classify(word);
    const bool skip = is_system_access(word);
    const unsigned base_op = skip ? 0 : llvm_[0].opcode(word);
    count(0, word, base, base_op, skip);
    Verdict all = base;
    if (base.row != nullptr && !base.allocated) all = ours_[1].classify(word);
    const unsigned all_op = skip || base_op != 0 ? base_op : llvm_[1].opcode(word);
    count(1, word, all, all_op, skip);
  }
  void begin_group(u32 high) {
    for (Classifier& c : ours_) c.begin_group(high);
  }
  Slice finish() {
    for (unsigned i = 0; i < 2; ++i) {
      for (const auto& [row, words] : only_ours_[i])
        result_.differences[{sets()[i].name, "ferry, not LLVM", row->title}].add(words);
      for (const auto& [op, words] : only_llvm_[i])
        result_.differences[{sets()[i].name, "LLVM, not ferry", llvm_[i].name(op)}].add(words);
      only_ours_[i].clear();
      only_llvm_[i].clear();
    }
    return std::exchange(result_, {});
  }

 private:
  void count(unsigned set, u32 word, const Verdict& v, unsigned op, bool skip) {
    Totals& t = result_.totals[set];
    ++t.words;
    t.allocated += v.allocated;
    t.ambiguous += v.ambiguous;
    if (skip) return;
    if (v.allocated == (op != 0))
      ++t.agreed;
    else if (v.allocated)
      only_ours_[set][v.row].add(word);
    else
      only_llvm_[set][op].add(word);
  }

  Classifier ours_[2] = {{kernel_mode(), sets()[0].features}, {kernel_mode(), sets()[1].features}};
  LlvmDecoder llvm_[2] = {LlvmDecoder(sets()[0].llvm), LlvmDecoder(sets()[1].llvm)};
  Slice result_;
  std::map<unsigned, Words> only_llvm_[2];  // by opcode
  std::map<const frontend::Row*, Words> only_ours_[2];
};

// --- Slices that are kept. Their names carry what they depend on: the rows and the sets.

u64 key_of_tables() {
  u64 key = 0xcbf29ce484222325;
  const auto mix = [&](u64 v) { key = (key ^ v) * 0x100000001b3; };
  for (const auto table : frontend::row_tables())
    for (const frontend::Row& r : table) mix(r.mask), mix(r.value), mix(static_cast<u64>(r.feature));
  for (const Set& s : sets()) mix(s.features.value());
  return key;
}

std::string path_of(const SweepOptions& o, u32 slice) {
  return fmt::format("{}/{:016x}-{}", o.state, key_of_tables(), slice);
}

void save(const std::string& path, const Slice& slice) {
  std::ofstream out(path + ".new");
  for (const Totals& t : slice.totals)
    out << t.words << ' ' << t.allocated << ' ' << t.ambiguous << ' ' << t.agreed << '\n';
  for (const auto& [key, w] : slice.differences) {
    out << key.set << '|' << key.who << '|' << key.name << '|' << w.count << ' ' << w.all << ' ' << w.any;
    for (const u32 e : w.examples) out << ' ' << e;
    out << '\n';
  }
  out.close();
  std::filesystem::rename(path + ".new", path);
}

bool load(const std::string& path, Slice& slice) {
  std::ifstream in(path);
  if (!in) return false;
  for (Totals& t : slice.totals) in >> t.words >> t.allocated >> t.ambiguous >> t.agreed;
  Key key;
  while (std::getline(in >> std::ws, key.set, '|') && std::getline(in, key.who, '|') &&
         std::getline(in, key.name, '|')) {
    Words w;
    std::string rest;
    std::getline(in, rest);
    std::istringstream numbers(rest);
    numbers >> w.count >> w.all >> w.any;
    for (u32 e; numbers >> e;) w.examples.push_back(e);
    slice.differences[key].add(w);
  }
  return true;
}

Slice sweep_slice(Sweeper& sweeper, const SweepOptions& o, u32 slice) {
  for (u32 high = slice * (kGroups / kSlices); high < (slice + 1) * (kGroups / kSlices); ++high) {
    sweeper.begin_group(high);
    if (o.full) {
      for (u32 low = 0; low < 0x10000; ++low) sweeper.visit(high << 16 | low);
    } else {
      for (const u32 word : sample_of(high, o.seed)) sweeper.visit(word);
    }
  }
  return sweeper.finish();
}

}  // namespace

const std::vector<Set>& sets() {
  static const std::vector<Set> all = make_sets();
  return all;
}

cpu::Mode kernel_mode() {
  cpu::Mode m;
  m.set_el(1);
  m.set_sp_sel(1);
  return m;
}

std::vector<u32> sample_of(u32 high, u64 seed) {
  const u32 top = high >> 8;
  const u32 each = top >= 0xd4 && top <= 0xd6 ? 16 : top == 0x1e || top == 0x9e ? 4 : 1;
  std::minstd_rand random(static_cast<u32>(seed * 0x9e3779b9 + high + 1));
  std::vector<u32> words;
  for (u32 i = 0; i < 64 * each; ++i) words.push_back(high << 16 | (i & 63) << 10 | (random() >> 8 & 0x3ff));
  return words;
}

void sweep(const SweepOptions& o, std::map<std::string, Totals>& totals, Differences& differences) {
  const bool keep = o.full && !o.state.empty();
  std::atomic<u32> next = 0;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < o.threads; ++i)
    threads.emplace_back([&] {
      const auto sweeper = std::make_unique<Sweeper>();
      for (u32 n; (n = next++) < kSlices;) {
        Slice slice;
        if (!keep || !load(path_of(o, n), slice)) {
          slice = sweep_slice(*sweeper, o, n);
          if (keep) save(path_of(o, n), slice);
        }
        const std::lock_guard lock(mutex);
        for (unsigned set = 0; set < 2; ++set) totals[sets()[set].name].add(slice.totals[set]);
        for (const auto& [key, words] : slice.differences) differences[key].add(words);
        if (o.full) fmt::print("[{}/{}]\n", n + 1, kSlices), std::fflush(stdout);
      }
    });
  for (auto& t : threads) t.join();
}

}  // namespace ferry::map
