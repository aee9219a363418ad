// What properties mean together: phandles, addresses through ranges, interrupts. Devicetree Specification v0.4, 2.3
// and 2.4.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "machines/fdt.h"

namespace ferry::machines {
namespace {

constexpr u32 kDefaultAddressCells = 2;
constexpr u32 kDefaultSizeCells = 1;
constexpr usize kMostInterrupts = 4096;

u32 address_cells(const TreeNode& bus) { return bus.u32_of("#address-cells").value_or(kDefaultAddressCells); }
u32 size_cells(const TreeNode& bus) { return bus.u32_of("#size-cells").value_or(kDefaultSizeCells); }

// `count` cells from `at` as one number; the high ones of a 3-cell PCI address are its space code and are left out.
u64 number(const std::vector<u32>& cells, usize at, u32 count) {
  u64 value = 0;
  for (u32 i = 0; i < count; ++i) value = value << 32 | cells[at + i];
  return value;
}

std::optional<u32> phandle(const TreeNode& node) {
  const auto value = node.u32_of("phandle");
  return value ? value : node.u32_of("linux,phandle");
}

const TreeNode* find_in(const TreeNode& node, u32 wanted) {
  if (phandle(node) == wanted) return &node;
  for (const auto& child : node.children()) {
    if (const TreeNode* found = find_in(*child, wanted)) return found;
  }
  return nullptr;
}

u32 largest_phandle(const TreeNode& node) {
  u32 largest = phandle(node).value_or(0);
  for (const auto& child : node.children()) largest = std::max(largest, largest_phandle(*child));
  return largest;
}

}  // namespace

TreeNode* DeviceTree::find_phandle(u32 wanted) const { return const_cast<TreeNode*>(find_in(*root_, wanted)); }

u32 DeviceTree::phandle_of(TreeNode& node) {
  if (const auto existing = phandle(node)) return *existing;
  const u32 fresh = largest_phandle(*root_) + 1;
  node.set_u32("phandle", fresh);
  return fresh;
}

// One range through the ranges of every bus from the node's parent up to the root.
Result<TreeRange> DeviceTree::to_root(const TreeNode& node, TreeRange range, bool& reachable) const {
  reachable = true;
  for (const TreeNode* bus = node.parent(); bus != nullptr && bus->parent() != nullptr; bus = bus->parent()) {
    const TreeProperty* ranges = bus->property("ranges");
    if (ranges == nullptr) {
      reachable = false;
      return range;
    }
    if (ranges->value.empty()) continue;  // the bus has its parent's addresses
    const auto cells = bus->cells_of("ranges");
    const u32 child = address_cells(*bus), parent = address_cells(*bus->parent()), size = size_cells(*bus);
    const usize entry = child + parent + size;
    if (!cells || child > 3 || parent > 2 || size > 2 || entry == 0 || cells->size() % entry != 0) {
      return error(*bus, "ranges: not whole entries of child address, parent address and size");
    }
    bool found = false;
    for (usize at = 0; at < cells->size() && !found; at += entry) {
      const u64 from = number(*cells, at, child), to = number(*cells, at + child, parent);
      const u64 length = number(*cells, at + child + parent, size);
      if (range.base < from || range.base - from >= length) continue;
      range.base = range.base - from + to;
      found = true;
    }
    if (!found) {
      reachable = false;
      return range;
    }
  }
  return range;
}

Result<std::vector<TreeRange>> DeviceTree::reg(const TreeNode& node) const {
  std::vector<TreeRange> list;
  if (node.parent() == nullptr || !node.has("reg")) return list;
  const auto cells = node.cells_of("reg");
  const u32 address = address_cells(*node.parent()), size = size_cells(*node.parent());
  if (size == 0 || address > 2)
    return list;  // numbers of a bus without sizes, PCI functions: not the processor's addresses
  const usize entry = address + size;
  if (address == 0 || size > 2 || !cells || cells->size() % entry != 0) {
    return error(node, fmt::format("reg: not whole entries, expected {} cells of address and {} of size in each",
                                   address, size));
  }
  for (usize at = 0; at < cells->size(); at += entry) {
    TreeRange range{number(*cells, at, address), number(*cells, at + address, size)};
    bool reachable = false;
    auto translated = to_root(node, range, reachable);
    if (!translated) return translated.error();
    if (!reachable) return std::vector<TreeRange>{};
    if (translated->size != 0 && translated->base + (translated->size - 1) < translated->base) {
      return error(node, fmt::format("reg: {:#x} bytes at {:#x} wrap around the address space", translated->size,
                                     translated->base));
    }
    list.push_back(*translated);
  }
  return list;
}

// The controller that `interrupts` of this node means: its own interrupt-parent, or the nearest one above.
Result<const TreeNode*> DeviceTree::interrupt_parent(const TreeNode& node) const {
  for (const TreeNode* at = &node; at != nullptr; at = at->parent()) {
    if (at != &node && at->has("interrupt-controller")) return at;
    if (!at->has("interrupt-parent")) continue;
    const auto handle = at->u32_of("interrupt-parent");
    const TreeNode* controller = handle ? find_phandle(*handle) : nullptr;
    if (controller == nullptr) return error(*at, "interrupt-parent: no node has this phandle");
    return controller;
  }
  return error(node, "interrupts without an interrupt-parent here or above");
}

Result<std::vector<TreeInterrupt>> DeviceTree::interrupts(const TreeNode& node) const {
  std::vector<TreeInterrupt> list;
  const bool extended = node.has("interrupts-extended");
  if (!extended && !node.has("interrupts")) return list;
  const char* name = extended ? "interrupts-extended" : "interrupts";
  const auto cells = node.cells_of(name);
  if (!cells) return error(node, fmt::format("{}: not whole cells", name));
  const TreeNode* controller = nullptr;
  if (!extended) {
    auto parent = interrupt_parent(node);
    if (!parent) return parent.error();
    controller = *parent;
  }
  for (usize at = 0; at < cells->size();) {
    if (extended) {
      controller = find_phandle((*cells)[at++]);
      if (controller == nullptr) return error(node, "interrupts-extended: no node has this phandle");
    }
    const auto count = controller->u32_of("#interrupt-cells");
    if (!count || *count == 0) return error(*controller, "#interrupt-cells missing or 0 in an interrupt controller");
    if (*count > cells->size() - at || list.size() >= kMostInterrupts) {
      return error(node, fmt::format("{}: not whole entries, expected {} cells in each", name, *count));
    }
    TreeInterrupt interrupt{controller, {}};
    for (u32 i = 0; i < *count; ++i) interrupt.cells.push_back((*cells)[at++]);
    list.push_back(std::move(interrupt));
  }
  return list;
}

Result<std::vector<TreeRange>> DeviceTree::memory() const {
  std::vector<TreeRange> list;
  for (const auto& node : root_->children()) {
    if (node->string_of("device_type") != "memory" || !node->enabled()) continue;
    auto ranges = reg(*node);
    if (!ranges) return ranges.error();
    for (const TreeRange& range : *ranges) {
      if (range.size != 0) list.push_back(range);
    }
  }
  return list;
}

Status DeviceTree::check_phandles(const TreeNode& node, std::map<u32, const TreeNode*>& seen) const {
  return walk_tree(node, [&](const TreeNode& at) -> Status {
    const auto handle = phandle(at);
    if (!handle) {
      if (at.has("phandle")) return error(at, "phandle: not one cell");
      return {};
    }
    if (*handle == 0 || *handle == ~u32{0}) return error(at, "phandle: 0 and ffffffff are not allowed");
    const auto [other, fresh] = seen.emplace(*handle, &at);
    if (!fresh) return error(at, fmt::format("phandle {:#x} is also that of {}", *handle, other->second->path()));
    return {};
  });
}

// What a node says must make sense by itself and lead somewhere.
Status DeviceTree::check_node(const TreeNode& node) const {
  for (const char* name : {"#address-cells", "#size-cells", "#interrupt-cells"}) {
    const auto value = node.u32_of(name);
    if (node.has(name) && (!value || *value > 4))
      return error(node, fmt::format("{}: expected one cell, at most 4", name));
  }
  if (!node.enabled()) return {};
  if (auto ranges = reg(node); !ranges) return ranges.error();
  if (auto list = interrupts(node); !list) return list.error();
  if (const auto clocks = node.cells_of("clocks")) {
    for (usize at = 0; at < clocks->size();) {
      const TreeNode* clock = find_phandle((*clocks)[at]);
      if (clock == nullptr) return error(node, fmt::format("clocks: no node has the phandle {:#x}", (*clocks)[at]));
      at += 1 + clock->u32_of("#clock-cells").value_or(0);
    }
  }
  // Interrupt controllers lead to their parent's; a chain ends at one that is its own parent or has none.
  const TreeNode* at = &node;
  std::set<const TreeNode*> visited;
  while (at->has("interrupt-controller") && at->has("interrupts")) {
    if (!visited.insert(at).second)
      return error(node, "interrupt-parent: the chain of controllers comes back to where it began");
    auto parent = interrupt_parent(*at);
    if (!parent) return parent.error();
    if (*parent == at) break;
    at = *parent;
  }
  return {};
}

Status DeviceTree::check() const {
  std::map<u32, const TreeNode*> seen;
  if (Status status = check_phandles(*root_, seen); !status) return status;
  if (Status status = walk_tree(*root_, [this](const TreeNode& node) { return check_node(node); }); !status)
    return status;
  // A clock's own clocks, and so on: a cycle would have no frequency.
  for (const auto& [handle, node] : seen) {
    std::set<const TreeNode*> visited;
    for (const TreeNode* at = node; at != nullptr;) {
      if (!visited.insert(at).second) return error(*node, "clocks: the chain of clocks comes back to where it began");
      const auto clocks = at->cells_of("clocks");
      at = at->has("#clock-cells") && clocks && !clocks->empty() ? find_phandle((*clocks)[0]) : nullptr;
    }
  }
  return {};
}

}  // namespace ferry::machines
