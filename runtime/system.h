// The running machine as the PEs see it: vCPUs, the translator, time, power. Boards and devices are built around it by
// `machines`.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/event_queue.h"
#include "core/ports.h"
#include "core/settings.h"
#include "cpu/models.h"
#include "runtime/stats.h"
#include "runtime/translator.h"
#include "softmmu/address_space.h"
#include "softmmu/shootdown.h"

namespace ferry::runtime {

class Vcpu;

// Why a run ended.
enum class EndReason : u8 { None, PowerOff, Reset, Exit, InstructionLimit, Requested };  // Exit: by semihosting

struct SystemConfig {
  const Settings* settings = nullptr;
  const cpu::Model* model = nullptr;
  unsigned cpus = 1;
  unsigned entry_el = 1;
  u64 timer_frequency = 62'500'000;  // Hz, CNTFRQ_EL0
  u64 limit_instructions = 0;        // virtual time: end the run there; 0 = no limit
};

// What came of a semihosting call. Refused: it is UNDEFINED. Again, Wait: the instruction is to be executed again, at
// once, or when the host has had time to bring what it waits for.
enum class SemihostingResult : u8 { Done, Refused, Again, Wait };
using SemihostingCall = std::function<SemihostingResult(Vcpu&)>;

// Firmware for HVC and SMC (PSCI). Called on the vCPU's thread; false: this call is not its business.
using FirmwareCall = std::function<bool(Vcpu&, bool is_smc)>;

class System final : public CodeSource, public softmmu::CodeObserver {
 public:
  // The compiler that settings.tier asks for comes from jit/tiers.h; null: everything is interpreted.
  System(const SystemConfig& config, std::unique_ptr<jit::Tier> compiler, softmmu::AddressSpace& memory, Clock& clock,
         EventQueue& events);
  ~System() override;

  const SystemConfig& config() const { return config_; }
  const Settings& settings() const { return *config_.settings; }
  Clock& clock() { return clock_; }
  EventQueue& events() { return events_; }
  softmmu::AddressSpace& memory() { return memory_; }
  Translator& translator() { return translator_; }
  softmmu::Shootdown& shootdown() { return shootdown_; }
  unsigned cpu_count() const { return static_cast<unsigned>(vcpus_.size()); }
  Vcpu& vcpu(unsigned i) { return *vcpus_[i]; }
  Vcpu& vcpu(unsigned i) const { return *vcpus_[i]; }

  // Wiring, before the first run.
  void set_interrupt_controller(CpuInterface* gic) { gic_ = gic; }
  CpuInterface* interrupt_controller() { return gic_; }
  // The PPI lines of a vCPU's generic timers.
  struct TimerLines {
    IrqLine physical, virtual_, hypervisor, secure, pmu;
  };
  void set_timer_lines(unsigned cpu, const TimerLines& lines);
  const TimerLines& timer_lines(unsigned cpu) const { return timer_lines_[cpu]; }
  // What RNDR draws from; null: there are no random numbers.
  void set_entropy(EntropySource* entropy) { entropy_ = entropy; }
  EntropySource* entropy() const { return entropy_; }
  void set_firmware(FirmwareCall call) { firmware_ = std::move(call); }
  const FirmwareCall& firmware() const { return firmware_; }
  // HLT #0xF000. Called on the vCPU's thread.
  void set_semihosting(SemihostingCall call) { semihosting_ = std::move(call); }
  const SemihostingCall& semihosting() const { return semihosting_; }

  // Resets every vCPU (code caches included) and switches them off; the caller then starts those that run from the
  // beginning (Vcpu::start).
  void reset();
  // Runs until the guest ends or request_end(); returns why. The calling thread waits.
  EndReason run();
  // Any thread, also from a signal-watching one: ends run().
  void request_end(EndReason reason);
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  EndReason end_reason() const { return end_.load(); }

  // Pauses every vCPU outside translated code until resume(); not from a vCPU thread.
  void stop_all();
  void resume();
  bool on_virtual_thread() const {
    return std::this_thread::get_id() == virtual_thread_.load(std::memory_order_relaxed);
  }
  bool pause_requested() const { return pausing_.load(std::memory_order_relaxed); }
  void pause_here();  // vCPU threads, when pause_requested()
  // vCPU threads: keys of executable mappings (CpuState::context) begin again before their numbers run out.
  void renumber_if_low();
  // Virtual time: from another thread than the vCPUs', something has come for them.
  void wake_virtual_thread();

  // Statistics of all vCPUs together; exact while stopped.
  Stats stats();
  u64 instructions() const;

  // CodeSource, CodeObserver
  const u8* code_page(u64 pa) override;
  void shield(u64 pa) override;
  void code_written(u64 pa) override;
  void range_changed(u64 base, u64 size) override;
  u64 withdraw() override { return shootdown_.withdraw(); }
  bool quiescent(u64 version) override { return shootdown_.quiescent(version); }
  void wait_quiescent(u64 version) override { shootdown_.wait_quiescent(version); }

 private:
  void vcpu_thread(unsigned index);
  void virtual_time_thread();
  void event_thread();
  void jump_over_idle();

  SystemConfig config_;
  softmmu::AddressSpace& memory_;
  Clock& clock_;
  EventQueue& events_;
  softmmu::Shootdown shootdown_;
  Translator translator_;
  std::vector<std::unique_ptr<Vcpu>> vcpus_;
  std::vector<TimerLines> timer_lines_;
  CpuInterface* gic_ = nullptr;
  FirmwareCall firmware_;
  SemihostingCall semihosting_;
  EntropySource* entropy_ = nullptr;

  std::atomic<u64> shields_{0};

  std::atomic<bool> stopping_{false};
  std::atomic<EndReason> end_{EndReason::None};
  std::atomic<std::thread::id> virtual_thread_{};
  std::atomic<bool> pausing_{false};
  std::mutex pause_mutex_;
  std::condition_variable pause_changed_;
  unsigned paused_ = 0;
  unsigned running_ = 0;

  std::mutex idle_mutex_;
  std::condition_variable idle_wake_;
  bool idle_poke_ = false;

  std::mutex event_mutex_;
  std::condition_variable event_wake_;
  bool event_poke_ = false;
};

}  // namespace ferry::runtime
