#include "machines/tree_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/nearest.h"
#include "machines/files.h"

namespace ferry::machines {
namespace {

constexpr u8 kVirtTree[] = {
#include "machines/virt.dtb.h"
};

constexpr u64 kRedistributorSize = 0x20000;  // two 64 KiB frames: GICv3, Arm IHI 0069H, 12.10

struct BuiltIn {
  const char* name;
  const char* sentence;
  std::span<const u8> blob;
};
const BuiltIn kBoards[] = {
    {"virt", "the well-known virtual board: GICv3, PL011, PL031, CFI flash, 32 virtio-mmio transports", kVirtTree},
};

std::vector<u32> processor_handles(const TreeNode& cpus) {
  std::vector<u32> handles;
  for (const auto& node : cpus.children()) {
    if (node->string_of("device_type") == "cpu") handles.push_back(node->u32_of("phandle").value_or(0));
  }
  return handles;
}

// Replaces /cpus. A processor keeps the phandle of the one it takes the place of, so that what refers to it still does.
void edit_cpus(DeviceTree& tree, const LaunchRecord& record) {
  std::vector<u32> handles;
  if (const TreeNode* old = tree.root().child("cpus")) {
    handles = processor_handles(*old);
    tree.root().remove_child(*old);
  }
  TreeNode& cpus = tree.root().add_child("cpus");
  cpus.set_u32("#address-cells", 1);
  cpus.set_u32("#size-cells", 0);
  for (unsigned i = 0; i < record.cpu_count; ++i) {
    TreeNode& cpu = cpus.add_child(fmt::format("cpu@{:x}", affinity_of(i)));
    cpu.set_string("device_type", "cpu");
    cpu.set_string("compatible", record.cpu_model == "max" ? "arm,armv8" : "arm," + record.cpu_model);
    cpu.set_u32("reg", static_cast<u32>(affinity_of(i)));
    if (record.psci != PsciConduit::None) cpu.set_string("enable-method", "psci");
    if (i < handles.size() && handles[i] != 0) cpu.set_u32("phandle", handles[i]);
  }
}

// Drops interrupt-affinity lists that name a processor which is gone; without the list all processors are meant.
void edit_affinities(DeviceTree& tree, TreeNode& node) {
  if (const auto handles = node.cells_of("interrupt-affinity")) {
    const bool whole =
        std::all_of(handles->begin(), handles->end(), [&](u32 h) { return tree.find_phandle(h) != nullptr; });
    if (!whole) node.remove("interrupt-affinity");
  }
  for (const auto& child : node.children()) edit_affinities(tree, *child);
}

Status edit_memory(DeviceTree& tree, const LaunchRecord& record) {
  auto regions = tree.memory();
  if (!regions) return regions.error();
  if (regions->empty()) {
    return Error{fmt::format("{}: no memory, expected a node with device_type \"memory\" and a reg that is not empty",
                             tree.origin())};
  }
  if (!record.ram_size) return {};
  const u64 base = (*regions)[0].base;
  if (*record.ram_size == 0 || *record.ram_size - 1 > std::numeric_limits<u64>::max() - base) {
    return Error{fmt::format("-m {}: does not fit at {:#x}, where memory begins", *record.ram_size, base)};
  }
  std::vector<const TreeNode*> old;
  for (const auto& node : tree.root().children()) {
    if (node->string_of("device_type") == "memory") old.push_back(node.get());
  }
  for (const TreeNode* node : old) tree.root().remove_child(*node);
  TreeNode& memory = tree.root().add_child(fmt::format("memory@{:x}", base));
  memory.set_string("device_type", "memory");
  // The root's cell counts decide the shape; boards have 1 or 2.
  const u32 address = tree.root().u32_of("#address-cells").value_or(2),
            size = tree.root().u32_of("#size-cells").value_or(1);
  std::vector<u32> cells;
  const auto append = [&cells](u64 value, u32 count) {
    for (u32 i = count; i-- > 0;) cells.push_back(i >= 2 ? 0 : static_cast<u32>(value >> (32 * i)));
  };
  append(base, address);
  append(*record.ram_size, size);
  memory.set_cells("reg", cells);
  const auto written = tree.memory();
  if (!written.ok() || size == 0 || (size == 1 && *record.ram_size >> 32 != 0)) {
    return Error{fmt::format("-m {}: too large for this board's tree, expected less than 4 GiB", *record.ram_size)};
  }
  return {};
}

void edit_psci(DeviceTree& tree, const LaunchRecord& record) {
  if (const TreeNode* old = tree.root().child("psci")) tree.root().remove_child(*old);
  if (record.psci == PsciConduit::None || !record.plays_firmware) return;
  TreeNode& psci = tree.root().add_child("psci");
  const std::string names[] = {"arm,psci-1.0", "arm,psci-0.2"};
  psci.set_strings("compatible", names);
  psci.set_string("method", record.psci == PsciConduit::Hvc ? "hvc" : "smc");
}

// The redistributor region of a GICv3 becomes as large as the processors need.
Status edit_redistributors(DeviceTree& tree, TreeNode& node, const LaunchRecord& record) {
  if (node.is_compatible("arm,gic-v3") && node.enabled()) {
    auto cells = node.cells_of("reg");
    auto ranges = tree.reg(node);
    if (!ranges) return ranges.error();
    const u64 needed = kRedistributorSize * record.cpu_count;
    if (!cells || ranges->size() < 2)
      return tree.error(node, "reg: expected the distributor and a redistributor region");
    const u64 room = (*ranges)[1].size;
    if (room < needed) {
      return Error{fmt::format("-smp {}: the board's redistributor region has room for {} processors", record.cpu_count,
                               room / kRedistributorSize)};
    }
    const usize entry = cells->size() / ranges->size();  // address, then size; the size's low cell is the last
    (*cells)[2 * entry - 1] = static_cast<u32>(needed);
    node.set_cells("reg", *cells);
  }
  for (const auto& child : node.children()) {
    if (Status status = edit_redistributors(tree, *child, record); !status) return status;
  }
  return {};
}

void strip(TreeNode& node) {
  std::vector<std::string> own;
  for (const TreeProperty& property : node.properties()) {
    if (property.name.starts_with("ferry,")) own.push_back(property.name);
  }
  for (const std::string& name : own) node.remove(name);
  for (const auto& child : node.children()) strip(*child);
}

// The first serial port the tree has, for a tree that does not name its console.
const TreeNode* first_serial(const TreeNode& root) {
  const TreeNode* found = nullptr;
  (void)walk_tree(root, [&](const TreeNode& node) -> Status {
    if (found == nullptr && node.enabled() && node.is_compatible("arm,pl011")) found = &node;
    return {};
  });
  return found;
}

}  // namespace

std::vector<BoardName> board_names() {
  std::vector<BoardName> names;
  for (const BuiltIn& board : kBoards) names.push_back({board.name, board.sentence});
  return names;
}

Result<DeviceTree> board_tree(const LaunchRecord& record) {
  const auto checked = [](Result<DeviceTree> tree) -> Result<DeviceTree> {
    if (!tree) return tree;
    if (Status status = tree->check(); !status) return status.error();
    return tree;
  };
  if (!record.dtb.empty()) {
    auto bytes = read_file(record.dtb, kLargestTree, "a device tree blob");
    if (!bytes) return bytes.error();
    return checked(DeviceTree::parse(*bytes, record.dtb));
  }
  std::vector<std::string_view> names;
  for (const BuiltIn& board : kBoards) {
    if (record.board == board.name) return checked(DeviceTree::parse(board.blob, board.name + std::string(".dts")));
    names.push_back(board.name);
  }
  return Error{
      fmt::format("-M {}: no such board{} (-M help lists them)", record.board, did_you_mean(record.board, names))};
}

Status edit_hardware(DeviceTree& tree, const LaunchRecord& record) {
  edit_cpus(tree, record);
  edit_affinities(tree, tree.root());
  if (Status status = edit_memory(tree, record); !status) return status;
  edit_psci(tree, record);
  return edit_redistributors(tree, tree.root(), record);
}

void edit_chosen(DeviceTree& tree, const LaunchRecord& record, const std::optional<TreeRange>& initrd) {
  TreeNode& chosen = tree.root().child_or_new("chosen");
  if (!record.command_line.empty()) chosen.set_string("bootargs", record.command_line);
  chosen.remove("linux,initrd-start");
  chosen.remove("linux,initrd-end");
  if (initrd) {
    chosen.set_u64("linux,initrd-start", initrd->base);
    chosen.set_u64("linux,initrd-end", initrd->base + initrd->size);
  }
  if (stdout_node(tree) == nullptr) {
    if (const TreeNode* serial = first_serial(tree.root())) chosen.set_string("stdout-path", serial->path());
  }
  LaunchRandom kaslr(record, "kaslr-seed");
  chosen.set_u64("kaslr-seed", kaslr.next());
  LaunchRandom rng(record, "rng-seed");
  std::vector<u32> words;
  for (int i = 0; i < 8; ++i) words.push_back(static_cast<u32>(rng.next() >> 32));
  chosen.set_cells("rng-seed", words);
}

void strip_own_properties(DeviceTree& tree) { strip(tree.root()); }

const TreeNode* stdout_node(const DeviceTree& tree) {
  const TreeNode* chosen = tree.root().child("chosen");
  if (chosen == nullptr) return nullptr;
  auto path = chosen->string_of("stdout-path");
  if (!path) path = chosen->string_of("linux,stdout-path");
  return path ? tree.find(*path) : nullptr;
}

std::string console_word(const DeviceTree& tree) {
  const TreeNode* node = stdout_node(tree);
  if (node == nullptr) return {};
  // Linux numbers ports by their alias serialN, else in the order it finds them.
  std::string number = "0";
  if (const TreeNode* aliases = tree.root().child("aliases")) {
    for (const TreeProperty& alias : aliases->properties()) {
      const auto target = aliases->string_of(alias.name);
      if (alias.name.starts_with("serial") && target && tree.find(*target) == node) number = alias.name.substr(6);
    }
  }
  if (node->is_compatible("arm,pl011")) return "console=ttyAMA" + number;
  return node->is_compatible("ns16550a") || node->is_compatible("snps,dw-apb-uart") ? "console=ttyS" + number
                                                                                    : std::string{};
}

LaunchRandom::LaunchRandom(const LaunchRecord& record, std::string_view purpose)
    : state_(record.seed.value_or(record.host_seed)) {
  constexpr u64 kPrime = 0x100000001b3;  // FNV-1a, to fold bytes into the state
  const auto fold = [this](u8 byte) { state_ = (state_ ^ byte) * kPrime; };
  state_ ^= 0xcbf29ce484222325;
  for (char c : purpose) fold(static_cast<u8>(c));
}

u64 LaunchRandom::next() {
  state_ += 0x9e3779b97f4a7c15;
  u64 z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace ferry::machines
