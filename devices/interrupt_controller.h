// What a board asks of an interrupt controller, besides its windows: wires in, system registers for its vCPUs.
#pragma once
#include <span>

#include "core/ports.h"
#include "core/result.h"

namespace ferry::devices {

class InterruptController : public CpuInterface {
 public:
  // Cells of an `interrupts` entry.
  virtual unsigned cells() const = 0;
  // The wire an `interrupts` entry names. vCPU-private interrupts belong to `vcpu`. An Error names what is wrong with
  // the specifier.
  virtual Result<IrqLine> line(std::span<const u32> specifier, unsigned vcpu) = 0;
  // Private peripheral interrupt `ppi` (0 to 15) of a vCPU: the generic timer, the PMU.
  virtual IrqLine private_line(unsigned vcpu, u32 ppi) = 0;
};

}  // namespace ferry::devices
