// The registry: a device tree node's `compatible` selects the model, its other properties arrive as a DeviceContext.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/event_queue.h"
#include "core/ports.h"
#include "core/result.h"
#include "devices/device.h"

namespace ferry::devices {

// Everything a model may know of its place. A device knows no CPU and not its own address.
struct DeviceContext {
  std::string name;  // the node's name, `pl011@9000000`
  Clock& clock;
  EventQueue& events;
  GuestMemory& memory;

  std::vector<u64> reg_sizes = {};         // bytes of each window of `reg`
  std::vector<IrqLine> irqs = {};          // one per entry of `interrupts`
  std::vector<u64> clocks_hz = {};         // one per entry of `clocks`, 0 when unknown
  CharBackend* chardev = nullptr;          // null: output is dropped, no input comes
  std::vector<BlockBackend*> blocks = {};  // one per flash bank, or the disk; null entries allowed
  EntropySource* entropy = nullptr;
  std::vector<CpuSignals*> cpus = {};  // interrupt controllers: one per vCPU
  // Their affinities, Aff3.Aff2.Aff1.Aff0 a byte each; empty: Aff0 counts to 15, then Aff1.
  std::vector<u32> cpu_affinities = {};
  std::map<std::string, std::vector<u8>> properties = {};  // the node's other properties, raw

  // fw_cfg: named files of its directory, and items by key (kernel 0x08, 0x11; ramdisk 0x0b, 0x12; command line 0x14,
  // 0x15; ...).
  std::map<std::string, std::vector<u8>> firmware_files = {};
  std::map<u16, std::vector<u8>> firmware_items = {};

  // What is plugged into the node (virtio,mmio), as `-device` names it: virtio-blk-device, virtio-rng-device. Empty:
  // nothing.
  std::string plugged = {};
  // Options of the plugged device, by QEMU's names (serial=).
  std::map<std::string, std::string> options = {};

  bool has(const std::string& property) const { return properties.contains(property); }
  // A property of one big-endian cell; `otherwise` when it is absent or of another size.
  u32 cell(const std::string& property, u32 otherwise) const;
  const std::string* option(const std::string& key) const;
  IrqLine irq(usize index) const { return index < irqs.size() ? irqs[index] : IrqLine{}; }
  BlockBackend* block(usize index) const { return index < blocks.size() ? blocks[index] : nullptr; }
};

struct Model {
  const char* compatible;
  const char* sentence;  // for `-device help` and the reference page
  Result<std::unique_ptr<Device>> (*make)(const DeviceContext& context);
};

std::span<const Model> models();
const Model* find_model(std::string_view compatible);
// The first of `compatibles` that has a model, made; a StubDevice when none has.
Result<std::unique_ptr<Device>> make_device(std::span<const std::string> compatibles, const DeviceContext& context);

}  // namespace ferry::devices
