// Many sequences of a class through a checker, in order of their numbers, counted.
#pragma once
#include <functional>
#include <vector>

#include "verify/report.h"

namespace ferry::verify {

struct Counts {
  u64 sequences = 0;
  u64 cases = 0;         // a sequence on a state
  u64 instructions = 0;  // of the sequences
};

// How many different words were seen, or a few less: a bit a word, by hash.
class DistinctWords {
 public:
  DistinctWords() : bits_(usize{1} << (kBits - 6)) {}
  void add(u32 word);
  u64 count() const { return count_; }

 private:
  static constexpr unsigned kBits = 27;
  std::vector<u64> bits_;
  u64 count_ = 0;
};

class Campaign {
 public:
  Campaign(Checker& checker, Class of_class, u64 seed, const cpu::Model& model, Session::HostText text);

  // Runs the sequence of that number on so many states (at most kMaxCases), and counts it. A difference comes back
  // shrunk. An error when the oracle fails.
  Result<std::optional<Finding>> run(u64 number, usize states);
  // Only notes the words of a sequence that ran before.
  void note(u64 number, DistinctWords& words);

  // Sequences of one to so many instructions, at most Generator::kMaxLength; before the first run.
  void set_length(unsigned most) { generator_.set_length(most); }

  Class of_class() const { return class_; }
  const Counts& counts() const { return counts_; }
  void set_counts(const Counts& counts) { counts_ = counts; }
  void set_distinct(DistinctWords* words) { distinct_ = words; }

 private:
  Checker& checker_;
  Class class_;
  Generator generator_;
  Session::HostText text_;
  Counts counts_;
  DistinctWords* distinct_ = nullptr;
  std::vector<OracleCase> cases_;
};

}  // namespace ferry::verify
