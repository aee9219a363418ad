#include "machines/board.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/log.h"
#include "core/nearest.h"
#include "devices/virtio/device.h"
#include "machines/tree_edit.h"

namespace ferry::machines {

namespace {

constexpr std::string_view kFlash = "cfi-flash", kSerial = "arm,pl011", kVirtio = "virtio,mmio",
                           kTimer = "arm,armv8-timer", kFwCfg = "qemu,fw-cfg-mmio", kPmu = "arm,armv8-pmuv3";

// Nodes whose reg is no window of a device.
bool holds_no_device(const TreeNode& node) {
  if (node.parent() == nullptr) return false;
  const bool top = node.parent()->parent() == nullptr;
  return node.string_of("device_type") == "memory" ||
         (top && (node.name() == "cpus" || node.name() == "reserved-memory" || node.name() == "chosen"));
}

bool has_model(const TreeNode& node) {
  const auto names = node.strings_of("compatible");
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return devices::find_model(name) != nullptr; });
}

}  // namespace

class BoardBuilder {
 public:
  BoardBuilder(const DeviceTree& tree, const LaunchRecord& record, const BackEnds& back_ends, const BoardPlace& place)
      : tree_(tree), record_(record), back_ends_(back_ends), place_(place), board_(new Board) {}

  Result<std::unique_ptr<Board>> build() {
    for (auto step : {&BoardBuilder::add_memory, &BoardBuilder::sort_nodes, &BoardBuilder::plug,
                      &BoardBuilder::make_all, &BoardBuilder::wire_timers}) {
      if (Status status = (this->*step)(); !status) return status.error();
    }
    return std::move(board_);
  }

 private:
  Status add_memory() {
    auto regions = tree_.memory();
    if (!regions) return regions.error();
    for (usize i = 0; i < regions->size(); ++i) {
      auto added =
          place_.memory.add_ram(i == 0 ? "ram" : fmt::format("ram{}", i), (*regions)[i].base, (*regions)[i].size);
      if (!added) return Error{fmt::format("{}: {}", tree_.origin(), added.error().message)};
    }
    return {};
  }

  // Interrupt controllers first, since the others' lines end there; nodes without a model last, since they yield where
  // they overlap.
  Status sort_nodes() {
    collect(tree_.root());
    const auto rank = [](const TreeNode* node) {
      return !has_model(*node) ? 2 : node->has("interrupt-controller") && !node->has("gpio-controller") ? 0 : 1;
    };
    std::stable_sort(nodes_.begin(), nodes_.end(),
                     [&](const TreeNode* a, const TreeNode* b) { return rank(a) < rank(b); });
    for (const TreeNode* node : nodes_) {
      if (node->is_compatible(kSerial)) serial_ports_.push_back(node);
      if (node->is_compatible(kVirtio)) transports_.push_back(node);
    }
    const TreeNode* console = stdout_node(tree_);
    if (const auto found = std::find(serial_ports_.begin(), serial_ports_.end(), console);
        found != serial_ports_.end()) {
      std::rotate(serial_ports_.begin(), found, found + 1);
    }
    if (back_ends_.serials.size() > std::max<usize>(serial_ports_.size(), 1)) {
      return Error{fmt::format("-serial: {} lines, expected at most the board's {}", back_ends_.serials.size(),
                               serial_ports_.size())};
    }
    return {};
  }

  void collect(const TreeNode& node) {
    if (!node.enabled() || holds_no_device(node)) return;
    if (node.parent() != nullptr && node.has("compatible") && node.has("reg")) nodes_.push_back(&node);
    for (const auto& child : node.children()) collect(*child);
  }

  // -device goes to the transports in their order.
  Status plug() {
    for (usize i = 0; i < record_.devices.size(); ++i) {
      const DeviceSpec& device = record_.devices[i];
      std::vector<std::string_view> names;
      for (const auto& model : devices::virtio::virtio_models()) names.push_back(model.name);
      if (std::find(names.begin(), names.end(), device.model) == names.end()) {
        return Error{fmt::format("-device {}: no such device{} (-device help lists them)", device.model,
                                 did_you_mean(device.model, names))};
      }
      if (i >= transports_.size())
        return Error{fmt::format("-device {}: no transport left, expected at most {} devices", device.model,
                                 transports_.size())};
      plugged_[transports_[i]] = &device;
    }
    return {};
  }

  Status make_all() {
    for (const TreeNode* node : nodes_) {
      auto ranges = tree_.reg(*node);
      if (!ranges) return ranges.error();
      if (ranges->empty()) continue;  // not the processor's addresses
      if (Status status = make(*node, *ranges); !status) return status;
      if (board_->controller_ == nullptr) {
        return Error{
            fmt::format("{}: no interrupt controller with a model, expected an arm,gic-v3 node", tree_.origin())};
      }
    }
    if (board_->controller_ == nullptr)
      return Error{fmt::format("{}: no devices, expected at least an arm,gic-v3 node", tree_.origin())};
    return {};
  }

  Status make(const TreeNode& node, const std::vector<TreeRange>& ranges) {
    devices::DeviceContext context{
        .name = node.name(), .clock = place_.clock, .events = place_.events, .memory = place_.memory};
    for (const TreeRange& range : ranges) context.reg_sizes.push_back(range.size);
    for (const TreeProperty& property : node.properties()) context.properties[property.name] = property.value;
    context.entropy = back_ends_.entropy;
    context.cpus.assign(place_.cpus.begin(), place_.cpus.end());
    if (Status status = add_lines(node, context); !status) return status;
    add_clocks(node, context);
    if (Status status = add_back_ends(node, context); !status) return status;
    auto device = devices::make_device(node.strings_of("compatible"), context);
    if (!device) return Error{fmt::format("{}: {}", tree_.origin(), device.error().message)};
    if (Status status = map(node, ranges, **device); !status) return status;
    if (auto* controller = (*device)->interrupt_controller(); controller != nullptr && board_->controller_ == nullptr) {
      board_->controller_ = controller;
      controller_node_ = &node;
    }
    board_->devices_.push_back(std::move(*device));
    return {};
  }

  // The wire of one interrupt; unconnected where its controller has no model, which is said once.
  Result<IrqLine> line(const TreeNode& node, const TreeInterrupt& interrupt, unsigned cpu) {
    if (interrupt.controller != controller_node_ || board_->controller_ == nullptr) {
      log(LogCategory::kUnimp, "{}: its interrupt goes to {}, which has no model", node.name(),
          interrupt.controller->path());
      return IrqLine{};
    }
    auto wire = board_->controller_->line(interrupt.cells, cpu);
    if (!wire) return tree_.error(node, "interrupts: " + wire.error().message);
    return wire;
  }

  Status add_lines(const TreeNode& node, devices::DeviceContext& context) {
    auto interrupts = tree_.interrupts(node);
    if (!interrupts) return interrupts.error();
    if (!has_model(node)) return {};  // a stub drives no wire
    for (const TreeInterrupt& interrupt : *interrupts) {
      if (interrupt.controller == &node) continue;  // the root controller's own maintenance interrupt
      auto wire = line(node, interrupt, 0);
      if (!wire) return wire.error();
      context.irqs.push_back(*wire);
    }
    return {};
  }

  void add_clocks(const TreeNode& node, devices::DeviceContext& context) {
    const auto cells = node.cells_of("clocks");
    for (usize at = 0; cells && at < cells->size();) {
      const TreeNode* clock = tree_.find_phandle((*cells)[at]);
      if (clock == nullptr) return;
      context.clocks_hz.push_back(clock->u32_of("clock-frequency").value_or(0));
      at += 1 + clock->u32_of("#clock-cells").value_or(0);
    }
  }

  Status add_back_ends(const TreeNode& node, devices::DeviceContext& context) {
    const auto port = std::find(serial_ports_.begin(), serial_ports_.end(), &node);
    const auto index = static_cast<usize>(port - serial_ports_.begin());
    if (port != serial_ports_.end() && index < back_ends_.serials.size()) context.chardev = back_ends_.serials[index];
    if (node.is_compatible(kFlash)) context.blocks.assign(back_ends_.flash.begin(), back_ends_.flash.end());
    if (node.is_compatible(kFwCfg)) context.firmware_items = back_ends_.firmware_items;
    const auto plugged = plugged_.find(&node);
    if (plugged == plugged_.end()) return {};
    const DeviceSpec& device = *plugged->second;
    context.plugged = device.model;
    const std::vector<std::string_view> known = device.model == "virtio-blk-device"
                                                    ? std::vector<std::string_view>{"id", "drive", "serial"}
                                                    : std::vector<std::string_view>{"id"};
    for (const auto& [name, value] : device.properties) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        return Error{
            fmt::format("-device {},{}={}: no such property{}", device.model, name, value, did_you_mean(name, known))};
      }
      context.options[name] = value;
      if (name != "drive") continue;
      const auto drive = back_ends_.drives.find(value);
      if (drive == back_ends_.drives.end())
        return Error{fmt::format("-device {},drive={}: no such drive, expected the id= of a -drive if=none",
                                 device.model, value)};
      if (const auto [other, fresh] = used_drives_.emplace(value, device.model); !fresh) {
        return Error{fmt::format("-device {},drive={}: the drive is taken by another device, expected one each",
                                 device.model, value)};
      }
      context.blocks = {drive->second};
    }
    return {};
  }

  Status map(const TreeNode& node, const std::vector<TreeRange>& ranges, devices::Device& device) {
    const bool modelled = has_model(node);
    for (usize i = 0; i < ranges.size() && i < device.regions().size(); ++i) {
      if (ranges[i].size == 0) continue;
      const std::string name = ranges.size() == 1 ? node.name() : fmt::format("{}.{}", node.name(), i);
      RomDevice* rom = device.rom_region(i);
      const Status status = rom != nullptr
                                ? place_.memory.add_rom_device(name, ranges[i].base, ranges[i].size, *rom)
                                : place_.memory.add_mmio(name, ranges[i].base, ranges[i].size, *device.regions()[i]);
      if (status) continue;
      if (modelled) return tree_.error(node, status.error().message + ", expected a place of its own");
      log(LogCategory::kUnimp, "{}: has no model, and yields: {}", node.name(), status.error().message);
    }
    return {};
  }

  Status wire_timers() {
    board_->timer_lines_.resize(place_.cpus.size());
    for (const auto& node : tree_.root().children())
      if (node->is_compatible(kPmu) && node->enabled())
        if (Status status = wire_cpus(*node, Board::kPmuLine, 1); !status) return status;
    for (const auto& node : tree_.root().children())
      if (node->is_compatible(kTimer) && node->enabled()) return wire_cpus(*node, 0, 4);
    return Error{fmt::format("{}: no timer, expected an arm,armv8-timer node", tree_.origin())};
  }

  // The node's interrupts become lines first, first + 1, ... of each processor; at most `count`.
  Status wire_cpus(const TreeNode& node, usize first, usize count) {
    auto interrupts = tree_.interrupts(node);
    if (!interrupts) return interrupts.error();
    for (unsigned cpu = 0; cpu < place_.cpus.size(); ++cpu) {
      for (usize i = 0; i < interrupts->size() && i < count; ++i) {
        auto wire = line(node, (*interrupts)[i], cpu);
        if (!wire) return wire.error();
        board_->timer_lines_[cpu][first + i] = *wire;
      }
    }
    return {};
  }

  const DeviceTree& tree_;
  const LaunchRecord& record_;
  const BackEnds& back_ends_;
  const BoardPlace& place_;
  std::unique_ptr<Board> board_;
  const TreeNode* controller_node_ = nullptr;
  std::vector<const TreeNode*> nodes_, serial_ports_, transports_;
  std::map<const TreeNode*, const DeviceSpec*> plugged_;
  std::map<std::string, std::string> used_drives_;
};

Result<std::unique_ptr<Board>> Board::build(const DeviceTree& tree, const LaunchRecord& record,
                                            const BackEnds& back_ends, const BoardPlace& place) {
  return BoardBuilder(tree, record, back_ends, place).build();
}

Board::~Board() {
  while (!devices_.empty()) devices_.pop_back();
}

void Board::reset() {
  for (const auto& device : devices_) device->reset();
}

void Board::visit(Archive& archive) {
  for (const auto& device : devices_) archive.section(device->name(), [&] { device->visit(archive); });
}

std::string Board::dump() {
  std::string text;
  for (const auto& device : devices_) text += device->dump();
  return text;
}

Result<std::vector<TreeRange>> flash_banks(const DeviceTree& tree) {
  std::vector<TreeRange> banks;
  const Status status = walk_tree(tree.root(), [&](const TreeNode& node) -> Status {
    if (!banks.empty() || !node.enabled() || !node.is_compatible(kFlash)) return {};
    auto ranges = tree.reg(node);
    if (!ranges) return ranges.error();
    banks = std::move(*ranges);
    return {};
  });
  if (!status) return status.error();
  return banks;
}

bool has_fw_cfg(const DeviceTree& tree) {
  bool found = false;
  (void)walk_tree(tree.root(), [&](const TreeNode& node) -> Status {
    found |= node.enabled() && node.is_compatible(kFwCfg);
    return {};
  });
  return found;
}

std::string device_help() {
  std::string text;
  for (const auto& model : devices::virtio::virtio_models())
    text += fmt::format("{:<20} {}\n", model.name, model.sentence);
  return text + fmt::format("{:<20} {}\n", "loader",
                            "not a device: a file or data into memory (file=, addr=, data=, data-len=, data-be=, "
                            "cpu-num=, force-raw=)");
}

}  // namespace ferry::machines
