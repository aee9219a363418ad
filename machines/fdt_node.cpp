// Nodes and properties in memory.
#include <algorithm>

#include "machines/fdt.h"

namespace ferry::machines {
namespace {

u32 cell_at(const std::vector<u8>& value, usize at) {
  return static_cast<u32>(value[at]) << 24 | static_cast<u32>(value[at + 1]) << 16 |
         static_cast<u32>(value[at + 2]) << 8 | static_cast<u32>(value[at + 3]);
}

}  // namespace

std::string TreeNode::path() const {
  if (parent_ == nullptr) return "/";
  const std::string above = parent_->path();
  return (above == "/" ? "" : above) + "/" + name_;
}

TreeNode* TreeNode::child(std::string_view name) const {
  for (const auto& node : children_) {
    if (node->name_ == name) return node.get();
  }
  if (name.find('@') != std::string_view::npos) return nullptr;
  for (const auto& node : children_) {
    if (std::string_view(node->name_).substr(0, node->name_.find('@')) == name) return node.get();
  }
  return nullptr;
}

TreeNode& TreeNode::add_child(std::string name) {
  children_.push_back(std::make_unique<TreeNode>(std::move(name), this));
  return *children_.back();
}

TreeNode& TreeNode::child_or_new(std::string_view name) {
  if (TreeNode* found = child(name)) return *found;
  return add_child(std::string(name));
}

void TreeNode::remove_child(const TreeNode& child) {
  std::erase_if(children_, [&](const auto& node) { return node.get() == &child; });
}

const TreeProperty* TreeNode::property(std::string_view name) const {
  const auto found =
      std::find_if(properties_.begin(), properties_.end(), [&](const auto& p) { return p.name == name; });
  return found == properties_.end() ? nullptr : &*found;
}

std::optional<std::vector<u32>> TreeNode::cells_of(std::string_view name) const {
  const TreeProperty* found = property(name);
  if (found == nullptr || found->value.size() % 4 != 0) return std::nullopt;
  std::vector<u32> cells;
  for (usize at = 0; at < found->value.size(); at += 4) cells.push_back(cell_at(found->value, at));
  return cells;
}

std::optional<u32> TreeNode::u32_of(std::string_view name) const {
  const TreeProperty* found = property(name);
  if (found == nullptr || found->value.size() != 4) return std::nullopt;
  return cell_at(found->value, 0);
}

std::optional<u64> TreeNode::u64_of(std::string_view name) const {
  const auto cells = cells_of(name);
  if (!cells || cells->empty() || cells->size() > 2) return std::nullopt;
  return cells->size() == 1 ? (*cells)[0] : u64{(*cells)[0]} << 32 | (*cells)[1];
}

std::vector<std::string> TreeNode::strings_of(std::string_view name) const {
  const TreeProperty* found = property(name);
  std::vector<std::string> strings;
  if (found == nullptr || found->value.empty() || found->value.back() != 0) return strings;
  std::string text;
  for (u8 c : found->value) {
    if (c != 0) {
      text += static_cast<char>(c);
    } else {
      strings.push_back(std::move(text));
      text.clear();
    }
  }
  return strings;
}

std::optional<std::string> TreeNode::string_of(std::string_view name) const {
  auto strings = strings_of(name);
  if (strings.size() != 1) return std::nullopt;
  return std::move(strings[0]);
}

void TreeNode::set(std::string_view name, std::vector<u8> value) {
  for (TreeProperty& existing : properties_) {
    if (existing.name == name) {
      existing.value = std::move(value);
      return;
    }
  }
  properties_.push_back({std::string(name), std::move(value)});
}

void TreeNode::set_cells(std::string_view name, std::span<const u32> cells) {
  std::vector<u8> value;
  for (u32 cell : cells) {
    for (int shift = 24; shift >= 0; shift -= 8) value.push_back(static_cast<u8>(cell >> shift));
  }
  set(name, std::move(value));
}

void TreeNode::set_u64(std::string_view name, u64 value) {
  const u32 cells[] = {static_cast<u32>(value >> 32), static_cast<u32>(value)};
  set_cells(name, cells);
}

void TreeNode::set_string(std::string_view name, std::string_view value) {
  std::vector<u8> bytes(value.begin(), value.end());
  bytes.push_back(0);
  set(name, std::move(bytes));
}

void TreeNode::set_strings(std::string_view name, std::span<const std::string> values) {
  std::vector<u8> bytes;
  for (const std::string& value : values) {
    bytes.insert(bytes.end(), value.begin(), value.end());
    bytes.push_back(0);
  }
  set(name, std::move(bytes));
}

void TreeNode::remove(std::string_view name) {
  std::erase_if(properties_, [&](const TreeProperty& property) { return property.name == name; });
}

bool TreeNode::enabled() const {
  if (!has("status")) return true;
  const auto status = string_of("status");
  return status == "okay" || status == "ok";
}

bool TreeNode::is_compatible(std::string_view name) const {
  const auto names = strings_of("compatible");
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace ferry::machines
