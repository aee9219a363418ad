// The oracle (verify/oracle/oracle.c) in its own process: what other hands made of the same instructions.
#pragma once
#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "verify/state.h"

namespace ferry::verify {

// The part of the memory that goes to the oracle and comes back; the rest of it is zero before.
constexpr u32 kWindowOffset = 3072, kWindowBytes = 2048;

struct OracleCase {
  State state;
  std::array<u8, kWindowBytes> window{};
};
struct OracleReply {
  State state;
  std::array<u8, kWindowBytes> window{};
  u32 signal = 0;  // of the host: 4 undefined instruction, 5 the code's end, 7 and 11 memory
};

class Oracle {
 public:
  // command: the program and its arguments, e.g. qemu-aarch64 -cpu cortex-a57 oracle.
  static Result<std::unique_ptr<Oracle>> start(const std::vector<std::string>& command);
  ~Oracle();
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  // Runs the instructions on every case; the window crosses only where memory says that they may access it. The replies
  // stand until the next run.
  Result<std::span<const OracleReply>> run(std::span<const u32> words, std::span<const OracleCase> cases, bool memory);

 private:
  Oracle(int process, int to, int from, usize chunk_bytes)
      : process_(process), to_(to), from_(from), chunk_bytes_(chunk_bytes) {}
  int process_, to_, from_;
  usize chunk_bytes_;
  std::vector<OracleReply> replies_;
  std::vector<u8> buffer_;
};

}  // namespace ferry::verify
