// The board: devices made from a tree, placed in the physical address space and wired to the interrupt controller.
#pragma once
#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/event_queue.h"
#include "core/ports.h"
#include "core/result.h"
#include "devices/device.h"
#include "devices/interrupt_controller.h"
#include "devices/registry.h"
#include "machines/fdt.h"
#include "machines/launch.h"
#include "softmmu/address_space.h"

namespace ferry::machines {

// The outside world, as the board's devices get it. Owned by the caller, who outlives the board.
struct BackEnds {
  std::vector<CharBackend*> serials;  // the console's port first, then in the tree's order; null: nothing there
  std::map<std::string, BlockBackend*> drives;  // by id, for -device
  std::array<BlockBackend*, 2> flash{};         // banks; null: erased
  EntropySource* entropy = nullptr;
  std::map<u16, std::vector<u8>> firmware_items;  // for fw_cfg
};

// What the board stands in.
struct BoardPlace {
  softmmu::AddressSpace& memory;
  Clock& clock;
  EventQueue& events;
  std::span<CpuSignals* const> cpus;
};

class Board {
 public:
  // Adds RAM and every device of the tree to place.memory. Errors: what lacks a model but is needed (interrupt
  // controller), overlaps, bad specifiers, devices or drives that do not exist or have no place.
  static Result<std::unique_ptr<Board>> build(const DeviceTree& tree, const LaunchRecord& record,
                                              const BackEnds& back_ends, const BoardPlace& place);

  ~Board();  // the last made goes first: lines end at what was made before

  devices::InterruptController& interrupt_controller() { return *controller_; }
  std::span<const std::unique_ptr<devices::Device>> devices() const { return devices_; }
  // The wires of the architected timer's node, in its order: secure, physical, virtual, hypervisor; then that of the
  // performance monitors' node. Unconnected where there is none.
  static constexpr usize kPmuLine = 4;
  std::array<IrqLine, 5> timer_lines(unsigned cpu) const { return timer_lines_[cpu]; }

  void reset();
  void visit(Archive& archive);
  // The devices' registers as text.
  std::string dump();

 private:
  friend class BoardBuilder;
  Board() = default;
  std::vector<std::unique_ptr<devices::Device>> devices_;
  devices::InterruptController* controller_ = nullptr;
  std::vector<std::array<IrqLine, 5>> timer_lines_;
};

// The flash banks that the tree's first cfi-flash node has.
Result<std::vector<TreeRange>> flash_banks(const DeviceTree& tree);

// Whether firmware can be handed a kernel.
bool has_fw_cfg(const DeviceTree& tree);

// Lines of `-device help`.
std::string device_help();

}  // namespace ferry::machines
