// Which banks have a window, and whether it is worth its price.
//
// A window pays where a context computes for long on pages that stay; each change of a mapping costs about as much as
// some hundred probes. So a context earns its window by the interrupts that it is interrupted by (the guest's timer
// tick, mostly): after `wait` of them it opens, filled from the bank's tables. Each further one allows `rate` changes;
// who overdraws loses the window and must wait twice as long for the next.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "core/settings.h"
#include "softmmu/bank.h"

namespace ferry::softmmu {

struct WindowConfig {
  ferry::Window mode = ferry::Window::Off;
  u64 contexts = 4;     // windows at one time
  u64 rate = 100;       // changes allowed per interrupt
  u64 wait = 2;         // interrupts before the first window
  u64 max_runs = 4096;  // Window::runs of all windows together
};

class WindowPool {
 public:
  struct Statistics {
    u64 opened = 0, closed = 0, maps = 0, unmaps = 0;
  };

  WindowPool(const AddressSpace& space, BankPool& banks) : space_(space), banks_(banks) {}
  void configure(const WindowConfig& config) { config_ = config; }
  bool enabled() const { return config_.mode != ferry::Window::Off; }
  bool always() const { return config_.mode == ferry::Window::On; }

  // The bank has been selected for EL0; it may be another context's than it was.
  void selected(Bank& bank) {
    Account& a = accounts_[bank.slot()];
    if (a.key == bank.key()) return;
    begin(bank);
  }
  // The context was interrupted.
  void interrupted(Bank& bank);
  // Pages were mapped for the bank at a fault.
  void mapped(Bank& bank, u64 changes);
  // A page of RAM must not be writable anywhere.
  void unwrite(const u8* host_page);

  Statistics statistics;

 private:
  struct Account {
    u64 key = 0;
    u64 interrupts = 0, wait = 0;
    i64 changes_left = 0;
  };
  void begin(Bank& bank);
  void open(Bank& bank);
  void close(Bank& bank);
  void fill(Bank& bank);
  void settle(Bank& bank);
  u64 runs() const;
  Window* take_window();

  const AddressSpace& space_;
  BankPool& banks_;
  WindowConfig config_;
  std::vector<std::unique_ptr<Window>> windows_;
  std::array<Account, BankPool::kBanks> accounts_{};
};

}  // namespace ferry::softmmu
