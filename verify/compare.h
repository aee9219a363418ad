// One sequence on many states: a runner against the oracle, or against the interpreter on the same IR.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "verify/generator.h"
#include "verify/session.h"

namespace ferry::verify {

// The first case that differs.
struct Difference {
  usize which = 0;
  State got, expected;
  std::string other;  // memory, exceptions, complaints: a line each
  std::string host_code;
};

class Checker {
 public:
  virtual ~Checker() = default;
  // "baseline against the interpreter"
  virtual std::string who() const = 0;
  // Nothing when every case agrees; an error when the oracle failed. host_code is filled in through text, if given.
  virtual Result<std::optional<Difference>> check(const Sequence& sequence, std::span<const OracleCase> cases,
                                                  Variant variant, Session::HostText text = nullptr) = 0;
};

std::unique_ptr<Checker> against_oracle(Runner& runner, Oracle& oracle, const cpu::Model& model);
// reference: usually interpreter_runner().
std::unique_ptr<Checker> against_runner(Runner& runner, Runner& reference, cpu::FeatureSet features);

// EL0 with the sequence's FPCR, as cases run.
cpu::Mode mode_of(const Sequence& s);
// Each sequence in another variant.
Variant variant_of(u64 number);

}  // namespace ferry::verify
