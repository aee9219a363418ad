#include "verify/generator.h"

namespace ferry::verify {
namespace {

using frontend::EncodingClass;
using frontend::Row;

// Registers with a meaning in every state: pointers into the window, small indices, the end of the code, a pointer to
// nothing.
constexpr unsigned kBases = 20, kBaseCount = 4, kIndices = 24, kIndexCount = 2, kTargets = 26, kNowhere = 28;
constexpr unsigned kAligned =
    19;  // base of exclusive and ordered accesses: emulators differ in what they check of their alignment
constexpr u64 kNowhereVa = 0x30000000;

u32 set_bits(u32 word, unsigned high, unsigned low, u64 value) {
  const u32 mask = static_cast<u32>(low_mask(high - low + 1)) << low;
  return (word & ~mask) | (static_cast<u32>(value << low) & mask);
}

bool is_exclusive_or_ordered(u32 word) { return bits(word, 29, 24) == 0b001000; }
bool is_store_exclusive(u32 word) { return is_exclusive_or_ordered(word) && !bit(word, 23) && !bit(word, 22); }
bool is_literal(u32 word) { return bits(word, 29, 27) == 0b011 && bits(word, 25, 24) == 0; }
bool is_pair(u32 word) { return bits(word, 29, 27) == 0b101; }
bool is_single(u32 word) { return bits(word, 29, 27) == 0b111; }
bool is_unsigned_offset(u32 word) { return is_single(word) && bits(word, 25, 24) == 1; }
bool is_register_offset(u32 word) {
  return is_single(word) && bits(word, 25, 24) == 0 && bit(word, 21) && bits(word, 11, 10) == 2;
}
bool is_structure(u32 word) { return bits(word, 29, 25) == 0b00110 && bit(word, 26); }

std::string_view skip_load_store(u32 word) {
  const u64 t = bits(word, 4, 0), n = bits(word, 9, 5), t2 = bits(word, 14, 10), s = bits(word, 20, 16);
  const bool vector = bit(word, 26), load = bit(word, 22);
  if (is_pair(word)) {
    if (load && t == t2) return "UNPREDICTABLE: pair with equal targets";
    if (!vector && bit(word, 23) && n != 31 && (t == n || t2 == n))
      return "UNPREDICTABLE: writeback of a transferred base";
  }
  if (is_single(word) && !vector && bits(word, 25, 24) == 0 && !bit(word, 21) && bit(word, 10) && n != 31 && t == n)
    return "UNPREDICTABLE: writeback of a transferred base";
  if (is_exclusive_or_ordered(word) && !vector) {
    if (bit(word, 21) && load && t == t2) return "UNPREDICTABLE: pair with equal targets";
    if (is_store_exclusive(word) && (s == t || (s == n && n != 31) || (bit(word, 21) && s == t2)))
      return "UNPREDICTABLE: status overlaps";
  }
  return {};
}

}  // namespace

std::string_view skip_reason(u32 word) {
  return frontend::encoding_class(word) == EncodingClass::LoadStore ? skip_load_store(word) : std::string_view{};
}

Generator::Generator(EncodingClass of_class, u64 seed) : class_(of_class), random_(seed * 0x9e3779b97f4a7c15) {
  for (const auto table : frontend::row_tables())
    for (const Row& r : table) {
      if (frontend::encoding_class(r.value) == EncodingClass::DataProcessingRegister) plain_.push_back(r);
      if (frontend::encoding_class(r.value) != of_class) continue;
      if (of_class == EncodingClass::BranchExceptionSystem &&
          (r.value >> 24 == 0xd4 || r.value >> 24 == 0xd5 || (r.value & 0xffc00000) == 0xd6800000))
        continue;
      rows_.push_back(r);
    }
}

// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators): half of a check's time goes into
// numbers.
u64 Generator::random() {
  u64 z = random_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

u32 Generator::fill(const Row& row) {
  u32 w = (static_cast<u32>(random()) & ~row.mask) | row.value;
  if (chance(60))  // few registers, so that instructions depend on each other
    for (const unsigned low : {0u, 5u, 16u})
      if ((row.mask >> low & 0x1f) == 0) w = set_bits(w, low + 4, low, below(8));
  return w;
}

u32 Generator::aim_load_store(u32 w) {
  if (is_literal(w))
    return set_bits(w, 23, 5, below(32) - 40);  // before the code: behind it the oracle has its way back
  w = set_bits(w, 9, 5, chance(15) ? 31 : chance(5) ? kNowhere : kBases + below(kBaseCount));
  if (is_exclusive_or_ordered(w) && !bit(w, 26)) w = set_bits(w, 9, 5, kAligned);
  if (!bit(w, 26)) {
    w = set_bits(w, 4, 0, below(16));
    if (is_pair(w) || (is_exclusive_or_ordered(w) && bit(w, 21))) w = set_bits(w, 14, 10, below(16));
    if (is_store_exclusive(w)) w = set_bits(w, 20, 16, below(16));
  }
  if (is_unsigned_offset(w)) w = set_bits(w, 21, 10, below(32));
  if (is_register_offset(w) || (is_structure(w) && bit(w, 23)))
    w = set_bits(w, 20, 16, chance(20) ? 31 : kIndices + below(kIndexCount));
  return w;
}

// Direct branches go forward, at most to the end; indirect ones leave.
u32 Generator::aim_branch(u32 w, unsigned words_after) {
  const u64 distance = 1 + below(words_after + 1);
  if (bits(w, 30, 26) == 0b00101) return set_bits(w, 25, 0, distance);
  if (bits(w, 30, 25) == 0b011011) return set_bits(w, 18, 5, distance);
  if (bits(w, 30, 25) == 0b011010 || bits(w, 31, 24) == 0b01010100) return set_bits(w, 23, 5, distance);
  return set_bits(w, 9, 5, kTargets + below(2));
}

u32 Generator::word() {
  for (;;) {
    const bool any = chance(3);  // now and then a word of the class that may be in no table
    u32 w = any ? static_cast<u32>(random()) : fill(rows_[below(rows_.size())]);
    if (frontend::encoding_class(w) != class_ || (any && !frontend::is_unallocated(w))) continue;
    if (class_ == EncodingClass::LoadStore && !any) w = aim_load_store(w);
    if (skip_reason(w).empty()) return w;
  }
}

// A store exclusive follows a load exclusive of its size and address; left alone it always fails.
void Generator::add_exclusive(std::vector<u32>& words, u32 store) {
  u32 load = set_bits(set_bits(store, 22, 22, 1), 20, 16, 31);
  load = set_bits(load, 4, 0, below(8));
  if (bit(load, 21)) load = set_bits(load, 14, 10, 8 + below(8));
  if (!bit(load, 21)) load = set_bits(load, 14, 10, 31);
  if (skip_reason(load).empty()) words.push_back(load);
  words.push_back(store);
}

Sequence Generator::sequence() {
  Sequence s;
  s.memory = class_ == EncodingClass::LoadStore;
  const unsigned length = 1 + static_cast<unsigned>(below(6));
  while (s.words.size() < length) {
    const unsigned after = length - static_cast<unsigned>(s.words.size()) - 1;
    if (class_ == EncodingClass::BranchExceptionSystem) {
      // Between branches nothing writes the registers that hold targets.
      const u32 w = chance(50) ? set_bits(fill(plain_[below(plain_.size())]), 4, 0, below(16)) : word();
      s.words.push_back(frontend::encoding_class(w) == class_ && !frontend::is_unallocated(w) ? aim_branch(w, after)
                                                                                              : w);
      continue;
    }
    const u32 w = word();
    if (class_ == EncodingClass::LoadStore && is_store_exclusive(w) && chance(80))
      add_exclusive(s.words, w);
    else if (!(class_ == EncodingClass::LoadStore && is_store_exclusive(w) && s.words.size() > 0))
      s.words.push_back(w);
  }
  if (chance(30)) {
    // Rounding mode, FZ, DN, AHP
    s.fpcr = static_cast<u32>(below(4)) << 22 | static_cast<u32>(chance(40)) << 24 |
             static_cast<u32>(chance(40)) << 25 | static_cast<u32>(chance(20)) << 26;
  }
  return s;
}

u64 Generator::integer() {
  static constexpr u64 kCorners[] = {0,
                                     1,
                                     2,
                                     3,
                                     31,
                                     32,
                                     33,
                                     63,
                                     64,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x7fff,
                                     0x8000,
                                     0xffff,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     0x100000000,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     ~u64{0},
                                     ~u64{0} - 1,
                                     0xffffffff80000000,
                                     0xffffffff00000000};
  switch (below(4)) {
    case 0: return kCorners[below(std::size(kCorners))];
    case 1: return u64{1} << below(64);
    case 2: return random() >> below(64);
    default: return random();
  }
}

u64 Generator::half_vector() {
  static constexpr u64 kDoubles[] = {0x3ff0000000000000, 0xbff0000000000000, 0x3fe0000000000000, 0x7ff0000000000000,
                                     0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001, 0xfff8000000000123,
                                     0x000fffffffffffff, 0x0010000000000000, 0x0010000000000001, 0x0000000000000001,
                                     0x8000000000000000, 0x41e0000000000000, 0x41f0000000000000, 0x43e0000000000000,
                                     0xc3e0000000000000, 0x43f0000000000000, 0x01a56e1fc2f8f359, 0x7fefffffffffffff};
  static constexpr u32 kSingles[] = {0x3f800000, 0xbf800000, 0x3f000000, 0x7f800000, 0xff800000, 0x7fc00000,
                                     0x7f800001, 0xffc00123, 0x007fffff, 0x00800000, 0x00800001, 0x00000001,
                                     0x80000000, 0x4f000000, 0xcf000000, 0x4f800000, 0x5f000000, 0x7f7fffff};
  static constexpr u16 kHalves[] = {0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x0401, 0x3c00, 0xbc00,
                                    0x7bff, 0x7c00, 0xfc00, 0x7c01, 0x7e00, 0xfe55, 0x7fff, 0xffff};
  switch (below(7)) {
    case 0: return kDoubles[below(std::size(kDoubles))];
    case 1: return kSingles[below(std::size(kSingles))] | u64{kSingles[below(std::size(kSingles))]} << 32;
    case 2: return integer();
    case 3: return (random() & 0x800fffffffffffff) | (0x3f0 + below(32)) << 52;  // doubles of like size
    case 4: {
      u64 v = 0;
      for (unsigned i = 0; i < 4; ++i) v = v << 16 | kHalves[below(std::size(kHalves))];
      return v;
    }
    case 5: {  // bytes at the ends of their ranges
      static constexpr u8 kBytes[] = {0, 1, 0x7f, 0x80, 0x81, 0xfe, 0xff};
      u64 v = 0;
      for (unsigned i = 0; i < 8; ++i) v = v << 8 | kBytes[below(std::size(kBytes))];
      return v;
    }
    default: return random();
  }
}

OracleCase Generator::state(const Sequence& sequence) {
  OracleCase c;
  for (unsigned n = 0; n < 31; ++n) c.state.x[n] = integer();
  const u64 middle = kMemoryVa + kMemoryBytes / 2;
  for (unsigned n = kBases; n < kBases + kBaseCount; ++n)
    c.state.x[n] = middle + 16 * (below(8) - 4) + (chance(20) ? below(16) : 0);
  c.state.x[31] = middle + 16 * (below(8) - 4);
  for (unsigned n = kIndices; n < kIndices + kIndexCount; ++n) c.state.x[n] = below(32);
  const u64 end = kCodeVa + 4 * sequence.words.size();
  c.state.x[kTargets] = end;
  c.state.x[kTargets + 1] = end + 8;
  c.state.x[kAligned] = middle + 16 * (below(8) - 4);
  c.state.x[kNowhere] = kNowhereVa + below(4096);
  for (U128& v : c.state.v) v = {half_vector(), half_vector()};
  c.state.nzcv = cpu::nzcv_from_arch(below(16) << 28);
  c.state.fpcr = sequence.fpcr;
  if (chance(25)) c.state.fpsr = static_cast<u32>(random()) & 0x0800009f;  // QC, IDC, IXC, UFC, OFC, DZC, IOC
  for (usize i = 0; sequence.memory && i < kWindowBytes; i += 8) {
    const u64 v = half_vector();
    for (unsigned k = 0; k < 8; ++k) c.window[i + k] = static_cast<u8>(v >> 8 * k);
  }
  return c;
}

}  // namespace ferry::verify
