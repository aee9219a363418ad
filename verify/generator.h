// Random instruction sequences drawn from the frontend's encoding tables, and random states that make them do
// something.
#pragma once
#include <span>
#include <vector>

#include "frontend/decoder.h"
#include "frontend/pattern.h"
#include "verify/oracle_client.h"

namespace ferry::verify {

struct Sequence {
  std::vector<u32> words;
  u32 fpcr = 0;
  bool memory = false;  // it may load or store
};

// Words that are left out, with the reason: what two correct processors may do differently. Empty: none.
std::string_view skip_reason(u32 word);

class Generator {
 public:
  Generator(frontend::EncodingClass of_class, u64 seed);

  Sequence sequence();
  // A state and memory for the sequence: base registers point into the window, the rest are corner values among random
  // ones.
  OracleCase state(const Sequence& sequence);
  // The rows that words are drawn from.
  std::span<const frontend::Row> rows() const { return rows_; }

 private:
  u64 random();
  u64 below(u64 n) { return (random() >> 32) * n >> 32; }  // n < 2^32
  bool chance(unsigned percent) { return below(100) < percent; }
  u32 word();
  u32 fill(const frontend::Row& row);
  u32 aim_load_store(u32 word);
  u32 aim_branch(u32 word, unsigned words_after);
  void add_exclusive(std::vector<u32>& words, u32 store);
  u64 integer();
  u64 half_vector();

  frontend::EncodingClass class_;
  u64 random_;
  std::vector<frontend::Row> rows_;
  std::vector<frontend::Row> plain_;  // between branches
};

}  // namespace ferry::verify
