// Generic Interrupt Controller, version 3: Arm IHI 0069. Distributor, redistributors and the CPU interfaces as system
// registers. One Security state (GICD_CTLR.DS = 1), affinity routing always on, 32 priority levels, no LPIs and no ITS
// (the type registers say so). Group 1 is signalled as IRQ, Group 0 as FIQ.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "devices/interrupt_controller.h"
#include "devices/registry.h"

namespace ferry::devices {

class Gicv3 : public Device, public InterruptController {
 public:
  // Windows: the distributor, then one or more redistributor regions of 128 KiB a vCPU. `ferry,spis`: how many SPIs
  // (256).
  static Result<std::unique_ptr<Device>> make(const DeviceContext& context);
  explicit Gicv3(const DeviceContext& context);
  ~Gicv3() override;

  InterruptController* interrupt_controller() override { return this; }
  unsigned cells() const override { return 3; }
  Result<IrqLine> line(std::span<const u32> specifier, unsigned vcpu) override;
  IrqLine private_line(unsigned vcpu, u32 ppi) override;
  bool read_sysreg(unsigned vcpu, u32 encoding, CpuAccess access, u64& value) override;
  bool write_sysreg(unsigned vcpu, u32 encoding, CpuAccess access, u64 value) override;

 protected:
  void on_reset() override;
  void visit_state(Archive& archive) override;
  void after_access() override;

 private:
  static constexpr u32 kFrame = 0x10000;
  static constexpr u32 kSpurious = 1023;
  static constexpr unsigned kMaxWords = 32;  // of 32 INTIDs each
  static constexpr u8 kIdlePriority = 0xff;
  enum Group : u8 { kGroup0 = 0, kGroup1 = 1 };

  struct Candidate {
    u32 intid = kSpurious;
    u8 priority = kIdlePriority;
    Group group = kGroup1;
  };
  struct Cpu;  // gicv3_registers.h: redistributor frames and CPU interface of one vCPU

  // The redistributor frames of vCPUs first to first + count - 1.
  class RedistributorWindow : public MmioHandler {
   public:
    RedistributorWindow(Gicv3& gic, usize first, usize count) : gic_(gic), first_(first), count_(count) {}
    u64 read(u64 offset, unsigned size) override;
    void write(u64 offset, unsigned size, u64 value) override;

   private:
    RegisterBank* bank(u64& offset) const;
    Gicv3& gic_;
    usize first_, count_;
  };

  // Everything about 32 INTIDs, SPIs or one vCPU's private ones.
  struct Word {
    u32 group, enabled, latched, active, level, edge;
    u32 pending() const { return latched | (level & ~edge); }
  };
  Word spi_word(unsigned word) const;
  Word private_word(const Cpu& cpu) const;
  u8 priority_of(const Cpu& cpu, u32 intid) const;

  void set_input(u32 number, bool level);
  void rebuild_routes();
  Candidate best(const Cpu& cpu) const;
  bool can_preempt(const Cpu& cpu, const Candidate& candidate) const;
  void update(Cpu& cpu);
  void update_all();

  // CPU interface
  u64 acknowledge(Cpu& cpu, Group group);
  u64 highest_pending(const Cpu& cpu, Group group) const;
  void end_of_interrupt(Cpu& cpu, Group group, u64 value);
  void deactivate(Cpu& cpu, u64 value);
  void change_active(Cpu& cpu, u32 intid, bool active);
  void send_sgi(const Cpu& from, Group group, u64 value);
  bool exists(u32 intid) const { return intid < 32 * words_; }

  unsigned words_ = 9;  // words of INTIDs, private ones included
  std::vector<std::unique_ptr<Cpu>> cpus_;
  std::vector<std::unique_ptr<RedistributorWindow>> redistributors_;
  // Levels of the SPI wires; word 0 is unused. Wires are the drivers' state: a reset leaves them.
  std::array<std::atomic<u32>, kMaxWords> spi_levels_{};
  bool routes_stale_ = true;

  struct Distributor;  // gicv3_registers.h
  std::unique_ptr<Distributor> distributor_;
};

}  // namespace ferry::devices
