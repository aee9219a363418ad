// A whole guest in two tiers side by side, in virtual time: both machines stop at the same instants, and their
// registers and memory are compared there. A first difference is narrowed by running again from the start with shorter
// steps.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/event_queue.h"
#include "cpu/state.h"
#include "runtime/system.h"
#include "verify/state.h"

namespace ferry::verify {

// One machine at its power-on. Its clock is virtual; the same record and seed give the same machine.
class LockstepSide {
 public:
  virtual ~LockstepSide() = default;
  virtual runtime::System& system() = 0;
  // Whether what the run was to wait for has been seen (--expect); never true without one.
  virtual bool satisfied() const { return false; }
};

// What a processor holds that can differ.
struct Registers {
  State state;
  u32 daif = 0;
  u8 el = 0, sp_sel = 0, pan = 0, uao = 0, il = 0, ss = 0, btype = 0;
  u64 sp_el[4]{}, elr_el[4]{};
  u32 spsr_el[4]{};
  u64 sys[static_cast<usize>(cpu::SysReg::kCount)]{};
  cpu::Mode mode;  // not compared: it follows from the rest
};
Registers registers_of(const cpu::CpuState& s);
// The names of what differs, and both values: a line each, empty for equal ones.
std::string register_differences(const Registers& got, const Registers& expected);

struct LockstepOptions {
  u64 quantum = 1'000'000;     // ns of virtual time, an instruction each, between two looks at the registers
  u64 memory_every = 64;       // quanta between two looks at memory
  u64 limit = ~u64{0};         // end there, ns
  Tier tier = Tier::Baseline;  // under test; for the report
  cpu::FeatureSet features{};  // of the model; likewise
};

struct LockstepResult {
  enum class End : u8 { Same, Difference } end = End::Same;
  u64 instant = 0;       // ns: the last one compared, or where they differ
  u64 instructions = 0;  // of the reference
  u64 looks = 0;         // comparisons of registers
  u64 memory_looks = 0;
  std::string why;     // Same: what ended it
  std::string report;  // Difference: for a person
};

class Lockstep {
 public:
  // Makes the machine of the tier under test, or of the reference. short_blocks: of one guest instruction each.
  using Make = std::function<Result<std::unique_ptr<LockstepSide>>(bool reference, bool short_blocks)>;
  using HostText = std::string (*)(const void* code, usize size);

  Lockstep(Make make, LockstepOptions options, HostText host_text)
      : make_(std::move(make)), options_(options), host_text_(host_text) {}
  // Told of every pass and now and then of its progress; may be empty.
  void set_news(std::function<void(const std::string&)> news) { news_ = std::move(news); }

  // An error when a machine cannot be made.
  Result<LockstepResult> run();

 private:
  class Pass;

  Make make_;
  LockstepOptions options_;
  HostText host_text_;
  std::function<void(const std::string&)> news_;
};

}  // namespace ferry::verify
