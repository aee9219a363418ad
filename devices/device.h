// Device: what every model has: a name, a lock, windows, reset, and state that is visited once.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/archive.h"
#include "core/ports.h"
#include "devices/register_bank.h"

namespace ferry::devices {

class InterruptController;

class Device {
 public:
  // `name` is the node's name, for logs, dumps and the archive.
  explicit Device(std::string name) : name_(std::move(name)) {}
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const std::string& name() const { return name_; }
  // The windows, in the order of the node's `reg`.
  std::span<MmioHandler* const> regions() const { return regions_; }
  // Window `index` as memory that is mostly read, or null.
  virtual RomDevice* rom_region(usize /*index*/) { return nullptr; }
  virtual InterruptController* interrupt_controller() { return nullptr; }
  // Wire `number` into the device (a GPIO pin); not connected when there is none.
  virtual IrqLine input(unsigned /*number*/) { return {}; }

  // Power-on values everywhere, then the interrupt lines follow.
  void reset();
  // Banks and other state, then (after a load) the interrupt lines follow.
  void visit(Archive& archive);
  // The registers as text.
  std::string dump();
  // The banks, for tests and the reference pages.
  std::span<RegisterBank* const> banks() const { return banks_; }

 protected:
  // Each takes a reference to a member; call from the constructor.
  void add_region(RegisterBank& bank);
  void add_region(MmioHandler& handler) { regions_.push_back(&handler); }
  // A bank without a window of its own (its accesses arrive through a custom handler).
  void add_bank(RegisterBank& bank) { banks_.push_back(&bank); }

  // State outside the banks: reset, and visited. Both with the lock held.
  virtual void on_reset() {}
  virtual void visit_state(Archive& /*archive*/) {}
  // Interrupt levels (and other outputs) as functions of the state. With the lock held, after every access, reset and
  // load.
  virtual void after_access() {}
  // Work that must not hold the lock: DMA, back ends. After every access, reset and load, on the same thread.
  virtual void after_unlock() {}

  // Runs `body` as an access from elsewhere (a timer, a back end): locked, lines recomputed, deferred work done.
  template <class Body>
  void locked(Body&& body) {
    {
      const std::lock_guard lock(mutex_);
      body();
      after_access();
    }
    after_unlock();
  }
  std::mutex& mutex() { return mutex_; }

 private:
  // A bank seen through a window.
  class BankWindow : public MmioHandler {
   public:
    BankWindow(Device& device, RegisterBank& bank) : device_(device), bank_(bank) {}
    u64 read(u64 offset, unsigned size) override;
    void write(u64 offset, unsigned size, u64 value) override;

   private:
    Device& device_;
    RegisterBank& bank_;
  };

  std::string name_;
  std::mutex mutex_;
  std::vector<RegisterBank*> banks_;
  std::vector<std::unique_ptr<BankWindow>> windows_;
  std::vector<MmioHandler*> regions_;
};

// Work that runs with no lock held, on whichever thread asks first, one thread at a time: a request that comes while it
// runs makes it run again and returns at once. So a vCPU never waits for another one's DMA.
class Deferred {
 public:
  explicit Deferred(std::function<void()> work) : work_(std::move(work)) {}
  void request() {
    if (requests_.fetch_add(1) != 0) return;
    u32 seen = 1;
    do {
      work_();
      const u32 before = requests_.fetch_sub(seen);
      seen = before - seen;
    } while (seen != 0);
  }

 private:
  std::function<void()> work_;
  std::atomic<u32> requests_{0};
};

}  // namespace ferry::devices
