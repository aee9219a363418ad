// A flattened device tree as a tree of nodes: read with libfdt and checked completely, edited, written back.
// Source: Devicetree Specification v0.4, chapters 2 (structure and standard properties) and 5 (blob format).
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/types.h"

namespace ferry::machines {

// The largest blob taken or made: Linux maps no more than this.
constexpr usize kLargestTree = 2 << 20;

struct TreeProperty {
  std::string name;
  std::vector<u8> value;
};

class TreeNode {
 public:
  explicit TreeNode(std::string name, TreeNode* parent = nullptr) : name_(std::move(name)), parent_(parent) {}

  const std::string& name() const { return name_; }  // with its unit address: "pl011@9000000"; the root's is empty
  TreeNode* parent() const { return parent_; }
  std::string path() const;  // "/intc@8000000", "/" for the root
  const std::vector<std::unique_ptr<TreeNode>>& children() const { return children_; }
  const std::vector<TreeProperty>& properties() const { return properties_; }

  // The child of this name; a name without unit address matches one with any.
  TreeNode* child(std::string_view name) const;
  TreeNode& add_child(std::string name);  // at the end
  TreeNode& child_or_new(std::string_view name);
  void remove_child(const TreeNode& child);

  // Properties. Reading returns nothing when the property is absent or has not that shape.
  const TreeProperty* property(std::string_view name) const;
  bool has(std::string_view name) const { return property(name) != nullptr; }
  std::optional<u32> u32_of(std::string_view name) const;
  std::optional<u64> u64_of(std::string_view name) const;  // one or two cells
  std::optional<std::vector<u32>> cells_of(std::string_view name) const;
  std::optional<std::string> string_of(std::string_view name) const;
  std::vector<std::string> strings_of(std::string_view name) const;

  void set(std::string_view name, std::vector<u8> value);
  void set_flag(std::string_view name) { set(name, {}); }
  void set_cells(std::string_view name, std::span<const u32> cells);
  void set_u32(std::string_view name, u32 value) { set_cells(name, std::span(&value, 1)); }
  void set_u64(std::string_view name, u64 value);
  void set_string(std::string_view name, std::string_view value);
  void set_strings(std::string_view name, std::span<const std::string> values);
  void remove(std::string_view name);

  // status is absent, "okay" or "ok".
  bool enabled() const;
  bool is_compatible(std::string_view name) const;

 private:
  std::string name_;
  TreeNode* parent_;
  std::vector<TreeProperty> properties_;
  std::vector<std::unique_ptr<TreeNode>> children_;
};

// A region of the root's address space.
struct TreeRange {
  u64 base = 0;
  u64 size = 0;
};

// One entry of interrupts or interrupts-extended.
struct TreeInterrupt {
  const TreeNode* controller = nullptr;
  std::vector<u32> cells;
};

class DeviceTree {
 public:
  // Checks every offset, size and name of the blob. Errors begin with `origin`, a path or "virt.dts".
  static Result<DeviceTree> parse(std::span<const u8> blob, std::string origin);

  DeviceTree(DeviceTree&&) = default;
  DeviceTree& operator=(DeviceTree&&) = default;

  TreeNode& root() { return *root_; }
  const TreeNode& root() const { return *root_; }
  const std::string& origin() const { return origin_; }
  std::span<const TreeRange> reservations() const { return reservations_; }

  // "/soc/uart@0", or an alias and then a path: "serial0".
  TreeNode* find(std::string_view path) const;
  TreeNode* find_phandle(u32 phandle) const;
  // The node's phandle; gives it an unused one if it has none.
  u32 phandle_of(TreeNode& node);

  // What no node can say alone: phandles are unique and lead somewhere, interrupt and clock chains end, reg and
  // interrupts have whole entries, there is memory. The first thing wrong is the error.
  Status check() const;

  // reg of a node, through the ranges of every bus above it. Empty without reg, or where it has no address for the
  // processor (a bus without ranges, such as /cpus or i2c).
  Result<std::vector<TreeRange>> reg(const TreeNode& node) const;
  // interrupts or interrupts-extended.
  Result<std::vector<TreeInterrupt>> interrupts(const TreeNode& node) const;
  // All memory nodes' regions, in the tree's order.
  Result<std::vector<TreeRange>> memory() const;

  // A blob with the same content; `padding` bytes of free space follow, for firmware that adds to it. An Error if
  // larger than kLargestTree.
  Result<std::vector<u8>> blob(usize padding = 0) const;

  // "origin: /path: sentence"
  Error error(const TreeNode& node, std::string_view sentence) const;

 private:
  explicit DeviceTree(std::string origin);
  Status check_node(const TreeNode& node) const;
  Status check_phandles(const TreeNode& node, std::map<u32, const TreeNode*>& seen) const;
  Result<const TreeNode*> interrupt_parent(const TreeNode& node) const;
  Result<TreeRange> to_root(const TreeNode& node, TreeRange range, bool& reachable) const;

  std::unique_ptr<TreeNode> root_;
  std::string origin_;
  std::vector<TreeRange> reservations_;
  u32 boot_processor_ = 0;
};

// Calls use(node) for `node` and everything below it, parents first. A Status that is an error ends the walk.
template <class Use>
Status walk_tree(const TreeNode& node, Use&& use) {
  if (Status status = use(node); !status) return status;
  for (const auto& child : node.children()) {
    if (Status status = walk_tree(*child, use); !status) return status;
  }
  return {};
}

}  // namespace ferry::machines
