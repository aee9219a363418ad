// Writes the code of random programs.
#pragma once
#include <vector>

#include "core/check.h"
#include "verify/program.h"

namespace ferry::verify {

// Beside the roles of Generator: what no drawn word writes.
constexpr unsigned kScratch = 16, kScratch2 = 17;  // of a construct, within it
constexpr unsigned kEntries = 18;                  // the address of the data pages' descriptors
constexpr unsigned kDeepCounter = 26;              // of loops in functions
constexpr unsigned kCounter = 27;                  // of loops, and the one behind it of loops in loops
constexpr unsigned kHome = 29, kLink = 30;         // kHome: the middle of the data, on a page's beginning

constexpr u64 kValid = 3, kAccessed = 1 << 10, kInner = 3 << 8, kEl0 = 1 << 6, kReadOnly = 1 << 7;

// Writes code at a place of the program, forward.
class ProgramGenerator::Writer {
 public:
  Writer(Program& p, Class c, Generator& g) : p_(p), class_(c), g_(g), r_(g.random()) {}

  // To write from there, not much beyond `end`.
  void go_to(usize at, usize end) {
    at_ = at;
    end_ = end;
  }
  usize here() const { return at_; }
  void emit(u32 w) {
    ASSERT(at_ < kProgramWords, "a program is longer than its pages");
    p_.is_code[at_] = true;
    p_.words[at_++] = w;
  }
  void function(unsigned counter);
  void main();

 private:
  unsigned below(u64 n) { return static_cast<unsigned>(r_.below(n)); }
  unsigned result() { return below(Roles::kResults); }
  unsigned base() { return Roles::kBases + below(Roles::kBaseCount); }
  i64 between(i64 low, i64 high) { return low + static_cast<i64>(r_.below(static_cast<u64>(high - low + 1))); }
  bool is_full() const { return at_ >= end_; }

  void body(unsigned items, unsigned counter);
  void item(unsigned counter);
  void word();
  void words(unsigned n) {
    while (n-- != 0) word();
  }
  void access();
  void keep_result(unsigned loaded);
  void aim_base(unsigned b);
  void loop(unsigned counter);
  void stride_loop_body(unsigned counter);
  void condition(usize& from, unsigned& form);
  void branch_to(usize from, unsigned form, usize to);
  void forward_branch(unsigned counter);
  void call();
  void indirect();
  void exclusive_loop();
  void rewrite();
  void remap();
  void remap_code();

  Program& p_;
  const Class class_;
  Generator& g_;
  Random& r_;
  usize at_ = 0, end_ = 0;
  bool inside_function_ = false, has_loop_ = false;
  std::vector<usize> functions_;
  u32 condition_word_ = 0;
};

}  // namespace ferry::verify
