// A whole machine: memory, processors, board, back ends, and the boot plan that fills it. Everything the launch record
// says, alive.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/event_queue.h"
#include "core/result.h"
#include "core/settings.h"
#include "machines/board.h"
#include "machines/launch.h"
#include "machines/loader.h"
#include "machines/semihosting/semihosting.h"
#include "runtime/system.h"
#include "softmmu/address_space.h"

namespace ferry::machines {

// The tree as the guest would get it, without building anything; for dumpdtb. A kernel and initrd are placed if the
// record has them.
Result<std::vector<u8>> guest_tree(const LaunchRecord& record);

class Machine {
 public:
  struct Config {
    const Settings* settings = nullptr;                 // outlives the machine
    std::vector<CharBackend*> serials = {};             // outlive it too; see BackEnds::serials
    u64 limit_instructions = 0;                         // virtual time: the run ends there; 0: no limit
    SemihostingConsole* semihosting_console = nullptr;  // outlives it too; null: none
  };
  // Reads every file, builds the board and fills memory: afterwards run() can begin.
  static Result<std::unique_ptr<Machine>> create(const LaunchRecord& record, const Config& config);
  ~Machine();

  runtime::System& system() { return *system_; }
  Board& board() { return *board_; }
  softmmu::AddressSpace& memory() { return memory_; }
  Clock& clock() { return clock_; }
  EventQueue& events() { return events_; }
  // "console=ttyAMA0" and "pl011@9000000", or empty: what the console of this board is called.
  const std::string& console_word() const { return console_word_; }
  const LaunchRecord& record() const { return record_; }

  // EndReason::Exit: the status that the guest ended with, 0 to 255.
  int guest_status() const { return guest_status_.load(); }

  // Back to power-on: devices, processors, images. Errors: a file that can no longer be read. Not while running.
  Status reset();
  // What the guest was told is on disk is on disk. Any thread.
  Status flush();
  // Hashes of RAM and of all processors' registers, for --hash. While stopped.
  u64 hash_ram() const;
  u64 hash_registers();

 private:
  Machine(const LaunchRecord& record, const Config& config);
  Status build();
  Status open_drives(BackEnds& back_ends, const BootPlan& plan);
  Status open_flash(BackEnds& back_ends, const BootPlan& plan);
  Status fill(const BootPlan& plan, bool again);
  Status make_semihosting(const BootPlan& plan);
  runtime::SemihostingResult semihosting_call(runtime::Vcpu& vcpu);

  const LaunchRecord record_;
  const Config config_;
  Clock clock_;
  EventQueue events_;
  softmmu::AddressSpace memory_;
  std::unique_ptr<EntropySource> entropy_;
  std::vector<std::unique_ptr<BlockBackend>> blocks_;
  cpu::Model model_;
  std::unique_ptr<runtime::System> system_;
  std::unique_ptr<Board> board_;
  std::unique_ptr<Semihosting> semihosting_;
  std::atomic<int> guest_status_{0};
  std::string console_word_;
};

}  // namespace ferry::machines
