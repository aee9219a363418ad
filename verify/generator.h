// Random instruction sequences drawn from the frontend's encoding tables, and random states that make them do
// something. Everything follows from a seed, a class and a number, so that one sequence can be made again alone.
#pragma once
#include <span>
#include <vector>

#include "cpu/models.h"
#include "frontend/pattern.h"
#include "verify/classes.h"
#include "verify/oracle_client.h"

namespace ferry::verify {

struct Sequence {
  std::vector<u32> words;
  u32 fpcr = 0;
  bool memory = false;  // it may load or store
};

// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators): half of a check's time goes into
// numbers.
class Random {
 public:
  explicit Random(u64 seed = 0) : state_(seed) {}
  u64 next() {
    u64 z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  u64 below(u64 n) { return (next() >> 32) * n >> 32; }  // n < 2^32
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  u64 state_;
};

// Corner values among random ones; a table, because a state holds ninety of them and memory four hundred.
class Values {
 public:
  explicit Values(u64 seed);
  u64 integer(Random& random) const { return draw(random, integers_); }
  u64 half_vector(Random& random) const { return draw(random, halves_); }
  // Half vectors that stand together in the table. bytes: a multiple of 8, less than 32 KiB.
  void copy(Random& random, void* to, usize bytes) const;
  // Memory: a stretch of the half vectors from anywhere, and a few that are random. bytes: a multiple of 8, at most
  // 8192.
  void fill(Random& random, std::span<u8> bytes) const;

 private:
  static constexpr usize kSize = 4096;
  // Seven of eight from the table.
  static u64 draw(Random& random, const std::vector<u64>& table) {
    const u64 r = random.next();
    return (r >> 61) == 0 ? random.next() : table[r % kSize];
  }
  std::vector<u64> integers_, halves_;
};

// Registers with a meaning in every state: pointers into the window, small indices, the end of the code, a pointer to
// nothing. What a sequence computes goes to the registers below kResults.
struct Roles {
  static constexpr unsigned kResults = 16;
  static constexpr unsigned kDrawnVectors = 8;  // those that most words name have values of their own
  static constexpr unsigned kBases = 20, kBaseCount = 4, kIndices = 24, kIndexCount = 2, kTargets = 26, kNowhere = 28;
  static constexpr unsigned kAligned =
      19;  // base of exclusive, ordered and atomic accesses: emulators differ in what they check of their alignment
};

class Generator {
 public:
  // Rows of features that the model lacks are drawn now and then, and must be UNDEFINED.
  Generator(Class of_class, u64 seed, const cpu::Model& model);

  static constexpr unsigned kMaxLength = 24;  // so that literals lie before all of the code
  // Instructions of a sequence, at most; 12 for Mixed and 6 for the others otherwise.
  void set_length(unsigned most) { length_ = most; }
  // The numbered sequence; the states that follow are its own.
  Sequence sequence(u64 number);
  // A state and memory for the sequence: base registers point into the window, the rest are corner values among random
  // ones. The window is filled only for sequences with memory.
  void state(const Sequence& sequence, OracleCase& out);
  // For programs, of a generator of Mixed: what follows is the number's; and a word of the class that is allocated and
  // keeps to the registers' meaning (Roles).
  void restart(u64 number);
  u32 allocated_word(Class c);
  Random& random() { return random_; }
  // The rows that words are drawn from.
  std::span<const frontend::Row> rows() const { return rows_; }

 private:
  u32 word(Class c);
  u32 fill(const frontend::Row& row);
  bool is_drawable(const frontend::Row& row);
  void add_word(Sequence& s, Class c, unsigned words_after);
  static bool fits(const std::vector<u32>& words, u32 exclusive);
  void add_exclusive(std::vector<u32>& words, u32 store);
  Class class_of_next();

  Class class_;
  unsigned length_;
  u64 seed_;
  cpu::FeatureSet features_;
  bool zero_block_;  // DC ZVA: qemu-aarch64 -cpu max zeroes 512 bytes, ferry 64
  Random random_;
  Values values_;
  std::vector<frontend::Row> rows_;                  // all
  std::vector<std::vector<frontend::Row>> rows_of_;  // by Class
  std::vector<frontend::Row> absent_;                // of features that the model lacks
};

}  // namespace ferry::verify
