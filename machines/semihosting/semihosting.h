// Semihosting for AArch64: a bare-metal program's calls to the host by HLT #0xF000. The operation is in W0, its
// parameter in X1, the result goes to X0. Source: Semihosting for AArch32 and AArch64 (Arm IHI 0103, version 3.0).
#pragma once
#include <array>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/types.h"
#include "machines/semihosting/folder.h"

namespace ferry::machines {

// What the calls print on and read from. Any vCPU's thread; nothing blocks.
class SemihostingConsole {
 public:
  virtual ~SemihostingConsole() = default;
  // How many bytes were taken; 0: full, to be tried again.
  virtual usize write(std::span<const u8> bytes) = 0;
  virtual void write_error(std::span<const u8> bytes) = 0;
  // Up to to.size() bytes of what was typed; 0: nothing yet, or ended().
  virtual usize read(std::span<u8> to) = 0;
  virtual bool ended() const = 0;
};

// Guest memory by virtual address, as the calling processor's exception level may use it. False: not all of it could be
// reached (of a write, pages before the first bad one may have been written).
class GuestView {
 public:
  virtual ~GuestView() = default;
  virtual bool read(u64 va, std::span<u8> to) = 0;
  virtual bool write(u64 va, std::span<const u8> from) = 0;
};

class Semihosting {
 public:
  struct Config {
    SemihostingConsole* console = nullptr;  // outlives this; null: output is lost, input has ended
    std::string command_line;
    std::array<u64, 4> heap_info{};  // SYS_HEAPINFO: heap base and limit, stack base and limit
    u32 name_seed = 0;               // tells the temporary files of two runs apart
  };
  // One call, from the thread of processor `cpu` at guest address `pc`.
  struct Call {
    unsigned cpu = 0;
    u64 pc = 0;
    u32 operation = 0;
    u64 parameter = 0;
    GuestView& memory;
    u64 now_ns = 0;   // of the machine's clock
    u64 wall_ns = 0;  // since 1970
    std::array<u64, 4> args{};
  };
  struct Outcome {
    enum class Kind : u8 {
      Done,  // `result` is X0
      More,  // the same call again, at once: long transfers let the processor look at its interrupts in between
      Wait,  // the same call again, when the console may have room or input
      Exit,  // the guest ends, with `result` (0 to 255) as its status
    };
    Kind kind = Kind::Done;
    u64 result = 0;
  };

  Semihosting(Config config, SemihostingFolder folder);
  ~Semihosting();
  Semihosting(const Semihosting&) = delete;
  Semihosting& operator=(const Semihosting&) = delete;

  Outcome call(Call& call);
  // The machine was reset: open files are closed.
  void reset();

 private:
  struct File {
    enum class Kind : u8 { Free, Host, Input, Output, Error, Features };
    Kind kind = Kind::Free;
    int fd = -1;
    u64 position = 0;  // Features
  };
  // How far a call has come that is made again.
  struct Progress {
    unsigned cpu;
    u64 pc, parameter;
    u32 operation;
    u64 done;
  };
  using Handler = Outcome (Semihosting::*)(Call&);
  struct Operation {
    u32 number;
    const char* name;
    unsigned words;  // of the block that the parameter points to
    Handler handler;
  };
  static const Operation kOperations[];

  Outcome open(Call& c);
  Outcome close(Call& c);
  Outcome write_character(Call& c);
  Outcome write_string(Call& c);
  Outcome write(Call& c);
  Outcome read(Call& c);
  Outcome read_character(Call& c);
  Outcome is_error(Call& c);
  Outcome is_tty(Call& c);
  Outcome seek(Call& c);
  Outcome length(Call& c);
  Outcome temporary_name(Call& c);
  Outcome remove(Call& c);
  Outcome rename(Call& c);
  Outcome clock(Call& c);
  Outcome time(Call& c);
  Outcome system(Call& c);
  Outcome error_number(Call& c);
  Outcome command_line(Call& c);
  Outcome heap_info(Call& c);
  Outcome exit(Call& c);
  Outcome elapsed(Call& c);
  Outcome tick_frequency(Call& c);
  Outcome nothing(Call& c);

  Outcome failed(int error, u64 result = ~u64{0});
  Outcome bad_memory(const Call& c, u64 address, u64 result = ~u64{0});
  std::optional<std::string> name_at(Call& c, u64 address, u64 size);
  File* file(u64 handle);
  void close_file(File& f);
  u64 add_file(File f);
  Outcome open_console(unsigned mode);
  i64 read_some(File& f, std::span<u8> to);
  i64 write_some(File& f, std::span<const u8> from);
  u64 progress(const Call& c);
  Outcome again(const Call& c, u64 done, Outcome::Kind kind);
  Outcome done(const Call& c, u64 result);

  const Config config_;
  std::mutex mutex_;  // not held while guest memory is used
  SemihostingFolder folder_;
  std::vector<File> files_;  // by handle - 1
  std::vector<Progress> progress_;
  int error_ = 0;  // SYS_ERRNO
};

}  // namespace ferry::machines
