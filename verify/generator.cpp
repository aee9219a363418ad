#include "verify/generator.h"

#include "core/check.h"

namespace ferry::verify {
namespace {

using frontend::Row;

constexpr unsigned kResults = Roles::kResults, kDrawnVectors = Roles::kDrawnVectors, kBases = Roles::kBases,
                   kBaseCount = Roles::kBaseCount, kIndices = Roles::kIndices, kIndexCount = Roles::kIndexCount,
                   kTargets = Roles::kTargets, kNowhere = Roles::kNowhere, kAligned = Roles::kAligned;
constexpr u64 kNowhereVa = 0x30000000;

u32 set_bits(u32 word, unsigned high, unsigned low, u64 value) {
  const u32 mask = static_cast<u32>(low_mask(high - low + 1)) << low;
  return (word & ~mask) | (static_cast<u32>(value << low) & mask);
}

bool is_load_store(Class c) { return c == Class::LoadStore || c == Class::Exclusive || c == Class::LoadStoreSimd; }
// MSR FPCR, MSR FPSR: what is written there first loses the bits that only processors with AArch32 keep.
bool writes_fp_register(u32 word) { return (word & ~0x1fu) == 0xd51b4400 || (word & ~0x1fu) == 0xd51b4420; }
// FPCR: mostly either the rounding mode or FZ and DN, because every value is a Mode that blocks are compiled for.
u32 mask_for_fp_register(u32 write, Random& r) {
  const u32 n = write & 0x1f;
  if ((write & 0xe0) != 0) return 0x92406c00 | n << 5 | n;  // AND Xn, Xn, #0xfffffff
  const u32 mask = r.chance(20)   ? 0x926a1000
                   : r.chance(50) ? 0x926a0400
                                  : 0x92680400;  // #0x7c00000, #0xc00000, #0x3000000
  return mask | n << 5 | n;
}
bool is_mask_of(u32 mask, u32 write) {
  return (mask & 0xff800000) == 0x92000000 && bits(mask, 4, 0) == bits(write, 4, 0) &&
         bits(mask, 9, 5) == bits(write, 4, 0);
}
// FPToFixedJS gives Z = 0 for a denormal that FPCR.FZ flushes; QEMU 7.2 gives Z = 1. So FJCVTZS is drawn without FZ.
void keep_javascript_from_flushing(Sequence& s) {
  bool writes_fpcr = false;
  for (const u32 w : s.words) writes_fpcr |= writes_fp_register(w);
  for (u32& w : s.words) {
    if ((w & 0xfffffc00) != 0x1e7e0000) continue;
    s.fpcr &= ~(u32{1} << 24);
    if (writes_fpcr) w = 0x1e604000;  // FMOV D0, D0
  }
}
// The distance in words of a direct branch, and where it stands; no bits for any other word.
struct BranchField {
  unsigned high = 0, low = 0;
};
BranchField branch_field(u32 w) {
  if (bits(w, 30, 26) == 0b00101) return {25, 0};
  if (bits(w, 30, 25) == 0b011011) return {18, 5};
  if (bits(w, 30, 25) == 0b011010 || bits(w, 31, 24) == 0b01010100) return {23, 5};
  return {};
}
// A branch to an MSR that is masked goes to its mask.
void keep_branches_to_masks(std::vector<u32>& words) {
  for (usize i = 0; i < words.size(); ++i) {
    const BranchField f = branch_field(words[i]);
    const u64 distance = f.high == 0 ? 0 : bits(words[i], f.high, f.low);
    if (distance < 2 || distance >= words.size() - i || !writes_fp_register(words[i + distance])) continue;
    if (is_mask_of(words[i + distance - 1], words[i + distance]))
      words[i] = set_bits(words[i], f.high, f.low, distance - 1);
  }
}

u32 aim_exclusive(u32 w, Random& r) {
  w = set_bits(w, 9, 5, kAligned);
  if ((w & 0x3fe0fc00) == 0x38a0c000) return set_bits(w, 20, 16, 31);            // LDAPR
  if (bits(w, 29, 24) == 0b011001) return set_bits(w, 20, 12, 8 * r.below(64));  // LDAPUR, STLUR
  if (is_compare_and_swap_pair(w)) {
    w = set_bits(w, 4, 0, 2 * r.below(kResults / 2) + (r.chance(5) ? 1 : 0));
    return set_bits(w, 20, 16, 2 * r.below(kResults / 2) + (r.chance(5) ? 1 : 0));
  }
  w = set_bits(w, 20, 16, is_exclusive_or_ordered(w) && !is_store_exclusive(w) && !bit(w, 21) ? 31 : r.below(kResults));
  return is_exclusive_or_ordered(w) && bit(w, 21) && bit(w, 23) == 0 ? set_bits(w, 14, 10, r.below(kResults)) : w;
}

// Gives a load or store a base, an index and targets that make sense in every state.
u32 aim_load_store(u32 w, Random& r) {
  if (!bit(w, 26)) w = set_bits(w, 4, 0, r.chance(5) ? 31 : r.below(kResults));
  if (is_literal(w))
    return set_bits(w, 23, 5, r.below(32) - 64);  // before the code: behind it the oracle has its way back
  if (!bit(w, 26) && (is_exclusive_or_ordered(w) || is_atomic(w) || bits(w, 29, 24) == 0b011001)) {
    const bool swaps = is_exclusive_or_ordered(w) && bit(w, 23) && bit(w, 21);  // CAS
    w = aim_exclusive(w, r);
    return swaps ? set_bits(w, 20, 16, r.below(kResults)) : w;
  }
  w = set_bits(w, 9, 5, r.chance(15) ? 31 : r.chance(3) ? kNowhere : kBases + r.below(kBaseCount));
  if (!bit(w, 26) && is_pair(w)) w = set_bits(w, 14, 10, r.below(kResults));
  if (is_unsigned_offset(w)) w = set_bits(w, 21, 10, r.below(32));
  if (is_register_offset(w) || (is_structure(w) && bit(w, 23)))
    w = set_bits(w, 20, 16, r.chance(20) ? 31 : kIndices + r.below(kIndexCount));
  return w;
}

// Direct branches go forward, at most to the end; indirect ones leave.
u32 aim_branch(u32 w, unsigned words_after, Random& r) {
  const u64 distance = 1 + r.below(words_after + 1);
  const BranchField f = branch_field(w);
  if (f.high != 0) return set_bits(w, f.high, f.low, distance);
  return set_bits(w, 9, 5, kTargets + r.below(2));
}

// What a word of the class must not do to the registers that have a meaning.
u32 keep_bases(u32 w, Class c, Random& r) {
  const bool writes_general = c == Class::Immediate || c == Class::Register || c == Class::System || c == Class::Fp ||
                              c == Class::Simd || c == Class::SimdScalar;
  return writes_general && bits(w, 4, 0) >= kResults && bits(w, 4, 0) != 31 ? set_bits(w, 4, 0, r.below(kResults)) : w;
}

}  // namespace

Generator::Generator(Class of_class, u64 seed, const cpu::Model& model)
    : class_(of_class),
      length_(of_class == Class::Mixed ? 12 : 6),
      seed_(seed),
      features_(model.features),
      zero_block_(model.name != "max"),
      values_(seed),
      rows_of_(classes().size()) {
  for (const auto table : frontend::row_tables())
    for (const Row& r : table) {
      const auto c = class_of(r.value);
      if (!c) continue;
      if (class_ != Class::Mixed && *c != class_ && !(class_ == Class::Branch && *c == Class::Register)) continue;
      if (!features_.has(r.feature)) {
        if (*c == class_) absent_.push_back(r);
        continue;
      }
      if (!is_drawable(r)) continue;
      rows_of_[static_cast<usize>(*c)].push_back(r);
      if (*c == class_ || class_ == Class::Mixed) rows_.push_back(r);
    }
}

// Whether the row has words that are not skipped.
bool Generator::is_drawable(const Row& row) {
  if ((row.value & 0xffc00000) == 0xd5000000 && (~row.mask & 0x7fe0) == 0x7fe0)  // MRS, MSR, SYS: a few of thousands
    return row.value != 0xd5080000 || zero_block_;
  for (unsigned i = 0; i < 100; ++i)
    if (skip_reason(fill(row)).empty()) return true;
  return false;
}

u32 Generator::fill(const Row& row) {
  u32 w = (static_cast<u32>(random_.next()) & ~row.mask) | row.value;
  if (random_.chance(60))  // few registers, so that instructions depend on each other
    for (const unsigned low : {0u, 5u, 16u})
      if ((row.mask >> low & 0x1f) == 0) w = set_bits(w, low + 4, low, random_.below(8));
  return w;
}

u32 Generator::word(Class c) {
  const auto& rows = rows_of_[static_cast<usize>(c)];
  for (;;) {
    // Now and then a word that is in no table, or of a feature that is not there.
    const bool any = random_.chance(3);
    u32 w = 0;
    if (any && !absent_.empty() && random_.chance(50))
      w = fill(absent_[random_.below(absent_.size())]);
    else
      w = any ? static_cast<u32>(random_.next()) : fill(rows[random_.below(rows.size())]);
    if (c == Class::System && !any) {  // the few encodings that are not skipped, of many
      static constexpr u32 kRegisters[] = {0xd51b4200, 0xd51b4400, 0xd51b4420};
      const u32 read = random_.chance(60) ? 0x200000 : 0;
      if (random_.chance(70)) w = kRegisters[random_.below(3)] | read | (w & 0xf);
      if (zero_block_ && random_.chance(15)) w = 0xd50b7420;
    }
    if (class_of(w) != c) continue;
    // What is in no table of ours may be a feature that the oracle has.
    if (any && (!frontend::is_unallocated(w) || features_ != cpu::FeatureSet{})) continue;
    if (is_load_store(c) && !any) w = aim_load_store(w, random_);
    if (is_zero_block(w)) w = set_bits(w, 4, 0, kBases + random_.below(kBaseCount));
    if (class_ == Class::Mixed || class_ == Class::System || class_ == Class::Branch) {
      if (!is_zero_block(w)) w = keep_bases(w, c, random_);
    }
    if (skip_reason(w).empty() && (zero_block_ || !is_zero_block(w))) return w;
  }
}

// A store exclusive follows a load exclusive of its size and address; left alone it always fails.
void Generator::add_exclusive(std::vector<u32>& words, u32 store) {
  u32 load = set_bits(set_bits(store, 22, 22, 1), 20, 16, 31);
  load = set_bits(load, 4, 0, random_.below(8));
  if (bit(load, 21)) load = set_bits(load, 14, 10, 8 + random_.below(8));
  if (!bit(load, 21)) load = set_bits(load, 14, 10, 31);
  if (skip_reason(load).empty()) words.push_back(load);
  words.push_back(store);
}

// UNPREDICTABLE: a store exclusive after a load exclusive of another size. All of a sequence have one size, so that
// neither a branch nor leaving out an instruction brings such a pair together.
bool Generator::fits(const std::vector<u32>& words, u32 exclusive) {
  const auto is_monitored = [](u32 w) {
    return is_exclusive_or_ordered(w) && !bit(w, 26) && !bit(w, 23) && !is_compare_and_swap_pair(w);
  };
  if (!is_monitored(exclusive)) return true;
  for (const u32 w : words)
    if (is_monitored(w) && ((w ^ exclusive) & 0xc0200000) != 0) return false;
  return true;
}

Class Generator::class_of_next() {
  if (class_ == Class::Branch) return random_.chance(50) ? Class::Register : Class::Branch;
  if (class_ == Class::System) return Class::System;
  if (class_ != Class::Mixed) return class_;
  for (;;) {
    const Class c = static_cast<Class>(random_.below(static_cast<u64>(Class::Mixed)));
    if (!rows_of_[static_cast<usize>(c)].empty()) return c;
  }
}

void Generator::add_word(Sequence& s, Class c, unsigned words_after) {
  u32 w = word(c);
  if (c == Class::Exclusive && !fits(s.words, w)) return;
  const bool known = !frontend::is_unallocated(w);
  if (c == Class::Branch && known) w = aim_branch(w, words_after, random_);
  s.memory |= is_load_store(c) || is_zero_block(w);
  if (writes_fp_register(w) && (w & 0x1f) != 31) s.words.push_back(mask_for_fp_register(w, random_));
  if (c != Class::Exclusive || !is_store_exclusive(w)) return s.words.push_back(w);
  if (random_.chance(80))
    add_exclusive(s.words, w);
  else if (s.words.empty())
    s.words.push_back(w);
}

void Generator::restart(u64 number) {
  random_ = Random((seed_ * 0x9e3779b97f4a7c15) ^ (number * 0xd1b54a32d192ed03 + static_cast<u64>(class_) + 1));
}

u32 Generator::allocated_word(Class c) {
  for (;;)
    if (const u32 w = word(c); !frontend::is_unallocated(w)) return w;
}

Sequence Generator::sequence(u64 number) {
  restart(number);
  Sequence s;
  const unsigned length = 1 + static_cast<unsigned>(random_.below(length_));
  while (s.words.size() < length) {
    const unsigned after = length - static_cast<unsigned>(s.words.size()) - 1;
    add_word(s, class_of_next(), after);
  }
  if (random_.chance(40)) {
    // Rounding mode, FZ, DN, AHP; FZ16 where there is half precision
    s.fpcr = static_cast<u32>(random_.below(4)) << 22 | static_cast<u32>(random_.chance(40)) << 24 |
             static_cast<u32>(random_.chance(40)) << 25 | static_cast<u32>(random_.chance(20)) << 26;
    if (features_.has(cpu::Feature::FP16)) s.fpcr |= static_cast<u32>(random_.chance(30)) << 19;
  }
  keep_branches_to_masks(s.words);
  keep_javascript_from_flushing(s);
  return s;
}

void Generator::state(const Sequence& sequence, OracleCase& c) {
  Random& r = random_;
  for (unsigned n = 0; n < kResults; ++n) c.state.x[n] = values_.integer(r);
  for (unsigned n = kResults; n < 31; ++n) c.state.x[n] = values_.integer(r);
  const u64 middle = kMemoryVa + kMemoryBytes / 2;
  for (unsigned n = kBases; n < kBases + kBaseCount; ++n)
    c.state.x[n] = middle + 16 * (r.below(8) - 4) + (r.chance(20) ? r.below(16) : 0);
  c.state.x[31] = middle + 16 * (r.below(8) - 4);
  // Indices are small; some only as 32 bits, negative or under garbage.
  c.state.x[kIndices] = r.below(32);
  c.state.x[kIndices + 1] = r.chance(70) ? r.below(32) : 0x0123'4567'0000'0000 | static_cast<u32>(r.below(64) - 32);
  const u64 end = kCodeVa + 4 * sequence.words.size();
  c.state.x[kTargets] = end;
  c.state.x[kTargets + 1] = end + 8;
  c.state.x[kAligned] = middle + 16 * (r.below(8) - 4);
  c.state.x[kNowhere] = kNowhereVa + r.below(4096);
  for (unsigned n = 0; n < kDrawnVectors; ++n) c.state.v[n] = {values_.half_vector(r), values_.half_vector(r)};
  for (unsigned n = kDrawnVectors; n < 32; n += 4) values_.copy(r, &c.state.v[n], 4 * sizeof(U128));
  const u64 flags = r.next();
  c.state.nzcv = cpu::nzcv_from_arch((flags & 15) << 28);
  c.state.fpcr = sequence.fpcr;
  c.state.fpsr = flags >> 62 == 0 ? static_cast<u32>(flags >> 8) & 0x0800009f : 0;  // QC, IDC, IXC, UFC, OFC, DZC, IOC
  c.state.pc = kCodeVa;
  if (sequence.memory) values_.fill(r, c.window);
}

}  // namespace ferry::verify
