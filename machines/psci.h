// Firmware calls: PSCI and the SMC Calling Convention's own questions, answered by ferry when the machine has no
// firmware of its own. Sources: Arm DEN 0022F (PSCI 1.1), chapter 5; Arm DEN 0028 (SMCCC), chapter 7.
#pragma once
#include <array>

#include "core/types.h"

namespace ferry::machines {

// What the calls do to the machine.
class PsciHost {
 public:
  virtual ~PsciHost() = default;
  virtual unsigned processors() const = 0;
  enum class Power : u8 { On = 0, Off = 1, OnPending = 2 };  // as AFFINITY_INFO tells it
  virtual Power power(unsigned processor) const = 0;
  // Whether code can be at this physical address.
  virtual bool is_memory(u64 address) const = 0;
  // Starts a processor that is off at `entry` with x0 = context; false when it is not off.
  virtual bool power_on(unsigned processor, u64 entry, u64 context) = 0;
  // The caller stops, or waits for an interrupt, when the call returns.
  virtual void power_off_self() = 0;
  virtual void suspend_self() = 0;
  virtual void system_off() = 0;
  virtual void system_reset() = 0;
};

// One call: x0 to x3 as the guest passed them. The result goes to x0; x1 to x3 stay. Unknown functions are
// NOT_SUPPORTED.
u64 firmware_call(PsciHost& host, const std::array<u64, 4>& x);

}  // namespace ferry::machines
