// A PE after reset, and an Environment that records what it is asked.
#pragma once
#include <memory>
#include <vector>

#include "core/ports.h"
#include "cpu/environment.h"
#include "cpu/exceptions.h"
#include "cpu/models.h"
#include "cpu/sysregs.h"
#include "cpu/timer.h"

namespace ferry::cpu {

struct FakeEnvironment : Environment {
  u64 time = 0;
  u64 retired = 0;
  u32 lines = 0;
  unsigned translation_changes = 0;
  unsigned timer_changes = 0;
  bool firmware = false;
  bool gic = true;
  u64 gic_value = 0;
  u32 gic_key = 0;
  std::vector<TlbiOp> invalidations;

  void translation_changed(CpuState&) override { ++translation_changes; }
  void tlb_invalidate(CpuState&, const TlbiOp& op) override { invalidations.push_back(op); }
  u64 address_translate(CpuState&, AtOp op, u64 va) override { return va + static_cast<u64>(op); }
  void instruction_cache_invalidate(CpuState&, bool, u64) override {}
  void data_cache_op(CpuState&, u64, bool) override {}
  u64 counter(CpuState&) override { return time; }
  u64 cycles(CpuState&) override { return retired; }
  void timers_changed(CpuState&) override { ++timer_changes; }
  bool gic_read(CpuState&, u32 key, u64& value) override {
    gic_key = key;
    value = gic_value;
    return gic;
  }
  bool gic_write(CpuState&, u32 key, u64 value) override {
    gic_key = key;
    gic_value = value;
    return gic;
  }
  bool firmware_call(CpuState&, bool) override { return firmware; }
  void send_event(CpuState& s) override { s.event_register = 1; }
  u32 pending_interrupts(CpuState&) override { return lines; }
  void synchronise_time(CpuState&) override {}
  bool semihosting(CpuState&) override { return false; }
};

struct Pe {
  FakeEnvironment env;
  std::unique_ptr<CpuState> state = std::make_unique<CpuState>();
  CpuState& s = *state;

  explicit Pe(std::string_view model = "cortex-a57", unsigned el = 1) {
    s.env = &env;
    reset(s, **find_model(model), 0, el);
  }
  u64 call(Helper h, u64 a = 0, u64 b = 0, u64 c = 0) { return helper_info(h).function(s, a, b, c, 0); }
};

}  // namespace ferry::cpu
