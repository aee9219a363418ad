// An oracle (verify/oracle/) in its own process: what other hands made of the same instructions.
#pragma once
#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "verify/oracle/protocol.h"
#include "verify/state.h"

namespace ferry::verify {

// The part of the memory that goes to the oracle and comes back; the rest of it is zero before.
constexpr u32 kWindowOffset = kOracleWindowOffset, kWindowBytes = kOracleWindowBytes;
constexpr usize kMaxCases = kOracleMaxStates;  // of one request

struct OracleCase {
  State state;
  std::array<u8, kWindowBytes> window{};
};
struct OracleReply {
  State state;
  const u8* window;  // kWindowBytes; null: memory was not looked at
  u32 signal = 0;    // kOracleSig...
};

class Oracle {
 public:
  // command: the program and its arguments, e.g. qemu-aarch64 -cpu cortex-a57 ferry-oracle-aarch64. The error says
  // which program is missing or did not answer. patience_ms: how long an answer may take.
  static Result<std::unique_ptr<Oracle>> start(const std::vector<std::string>& command, int patience_ms = 30'000);
  ~Oracle();
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  // Runs the instructions (at most kOracleMaxWords) on every case (at most kMaxCases); memory: they may access it. The
  // replies are read with reply() until the next run. An error when the oracle has ended or does not answer in
  // time; it is then of no more use.
  Status run(std::span<const u32> words, std::span<const OracleCase> cases, bool memory);
  OracleReply reply(usize index) const;
  // Whether the reply is: the state, bit for bit, and the end of the code. The quick way to agree.
  bool agrees(usize index, const State& state, u64 end) const;
  // The window after the case; only when memory was looked at.
  const u8* window(usize index) const { return shared_->window[index]; }
  std::string_view program() const { return program_; }
  // Whether the PC of an access that faulted is the instruction's; Unicorn's is that of some instruction before it.
  bool exact_faults() const { return exact_faults_; }

 private:
  Oracle() = default;
  Result<char> wait();
  Error gone();
  Error nonsense(char letter) const;

  std::string program_;
  OracleShared* shared_ = nullptr;
  int process_ = 0, to_ = -1, from_ = -1, patience_ms_ = 0;
  bool memory_ = false, exact_faults_ = true;
};

}  // namespace ferry::verify
