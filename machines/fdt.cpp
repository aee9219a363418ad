// Blobs in and out, through libfdt.
#include "machines/fdt.h"

#include <fmt/format.h>

extern "C" {
#include <libfdt.h>
}

#include <set>

namespace ferry::machines {
namespace {

constexpr unsigned kDeepestNode = 64;

// Copies the nodes of a blob that fdt_check_full has accepted.
class Reader {
 public:
  Reader(const void* blob, const std::string& origin) : blob_(blob), origin_(origin) {}

  Status read(TreeNode& root) {
    TreeNode* current = nullptr;
    unsigned depth = 0;
    for (int offset = 0, next = 0;; offset = next) {
      const u32 tag = fdt_next_tag(blob_, offset, &next);
      if (next < 0) return wrong(fdt_strerror(next));
      switch (tag) {
        case FDT_BEGIN_NODE: {
          if (++depth > kDeepestNode) return wrong(fmt::format("nodes are nested deeper than {}", kDeepestNode));
          const char* name = fdt_get_name(blob_, offset, nullptr);
          if (current == nullptr) {
            current = &root;
          } else {
            if (*name == 0) return wrong("a node below the root has no name");
            if (!names_[current].insert(name).second) {
              return wrong(fmt::format("{} has two children named {}", current->path(), name));
            }
            current = &current->add_child(name);
          }
          break;
        }
        case FDT_END_NODE:
          if (current == nullptr || depth == 0) return wrong("a node ends that never began");
          --depth;
          current = current->parent();
          break;
        case FDT_PROP: {
          if (current == nullptr) return wrong("a property lies outside every node");
          if (Status status = read_property(*current, offset); !status) return status;
          break;
        }
        case FDT_END: return {};
        default: break;
      }
    }
  }

 private:
  Status read_property(TreeNode& node, int offset) {
    const char* name = nullptr;
    int size = 0;
    const void* value = fdt_getprop_by_offset(blob_, offset, &name, &size);
    if (value == nullptr) return wrong(fdt_strerror(size));
    if (node.has(name)) return wrong(fmt::format("{} has two properties named {}", node.path(), name));
    const auto* bytes = static_cast<const u8*>(value);
    // libfdt adds lengths up in 32 bits, and not all of them.
    const auto at = static_cast<usize>(bytes - static_cast<const u8*>(blob_));
    if (size < 0 || at + static_cast<usize>(size) > fdt_totalsize(blob_))
      return wrong(fmt::format("{}: property {} is longer than the blob", node.path(), name));
    node.set(name, std::vector<u8>(bytes, bytes + size));
    return {};
  }

  Error wrong(std::string_view sentence) const {
    return Error{fmt::format("{}: {}, expected a well-formed device tree blob", origin_, sentence)};
  }

  const void* blob_;
  const std::string& origin_;
  std::map<const TreeNode*, std::set<std::string>> names_;
};

int write_node(void* blob, const TreeNode& node) {
  if (int error = fdt_begin_node(blob, node.name().c_str()); error != 0) return error;
  for (const TreeProperty& property : node.properties()) {
    if (int error =
            fdt_property(blob, property.name.c_str(), property.value.data(), static_cast<int>(property.value.size()));
        error != 0) {
      return error;
    }
  }
  for (const auto& child : node.children()) {
    if (int error = write_node(blob, *child); error != 0) return error;
  }
  return fdt_end_node(blob);
}

int write_tree(std::vector<u8>& buffer, const TreeNode& root, std::span<const TreeRange> reservations) {
  void* blob = buffer.data();
  if (int error = fdt_create(blob, static_cast<int>(buffer.size())); error != 0) return error;
  for (const TreeRange& range : reservations) {
    if (int error = fdt_add_reservemap_entry(blob, range.base, range.size); error != 0) return error;
  }
  if (int error = fdt_finish_reservemap(blob); error != 0) return error;
  if (int error = write_node(blob, root); error != 0) return error;
  return fdt_finish(blob);
}

}  // namespace

DeviceTree::DeviceTree(std::string origin) : root_(std::make_unique<TreeNode>("")), origin_(std::move(origin)) {}

Result<DeviceTree> DeviceTree::parse(std::span<const u8> blob, std::string origin) {
  if (blob.size() > kLargestTree) {
    return Error{
        fmt::format("{}: {} bytes, expected a device tree blob of at most {}", origin, blob.size(), kLargestTree)};
  }
  // A copy, so that libfdt reads aligned words whatever the caller has.
  std::vector<u64> aligned(blob.size() / 8 + 1);
  std::copy(blob.begin(), blob.end(), reinterpret_cast<u8*>(aligned.data()));
  const void* data = aligned.data();
  if (blob.size() < sizeof(fdt_header) || fdt_magic(data) != FDT_MAGIC) {
    return Error{fmt::format("{}: not a device tree blob, expected the magic number d00dfeed at its start", origin)};
  }
  // Before version 16 values are aligned in another way; nothing has written such blobs for a long time.
  if (fdt_version(data) < 16) {
    return Error{fmt::format("{}: a device tree blob of version {}, expected 16 or later", origin, fdt_version(data))};
  }
  if (fdt_totalsize(data) > blob.size()) {
    return Error{
        fmt::format("{}: truncated, expected {} bytes and found {}", origin, fdt_totalsize(data), blob.size())};
  }
  if (int error = fdt_check_full(data, blob.size()); error != 0) {
    return Error{fmt::format("{}: {}, expected a well-formed device tree blob", origin, fdt_strerror(error))};
  }
  DeviceTree tree(std::move(origin));
  if (Status status = Reader(data, tree.origin_).read(*tree.root_); !status) return status.error();
  for (int i = 0; i < fdt_num_mem_rsv(data); ++i) {
    TreeRange range;
    if (fdt_get_mem_rsv(data, i, &range.base, &range.size) == 0) tree.reservations_.push_back(range);
  }
  tree.boot_processor_ = fdt_boot_cpuid_phys(data);
  return tree;
}

Result<std::vector<u8>> DeviceTree::blob(usize padding) const {
  std::vector<u8> buffer(kLargestTree);
  if (int error = write_tree(buffer, *root_, reservations_); error != 0) {
    if (error == -FDT_ERR_NOSPACE) {
      return Error{fmt::format("{}: device tree too large, expected at most {} bytes", origin_, kLargestTree)};
    }
    return Error{fmt::format("{}: cannot write the device tree: {}", origin_, fdt_strerror(error))};
  }
  const usize size = (fdt_totalsize(buffer.data()) + padding + 7) / 8 * 8;
  if (size > buffer.size()) {
    return Error{fmt::format("{}: device tree too large, expected at most {} bytes", origin_, kLargestTree)};
  }
  fdt_set_totalsize(buffer.data(), static_cast<u32>(size));
  fdt_set_boot_cpuid_phys(buffer.data(), boot_processor_);
  buffer.resize(size);
  return buffer;
}

TreeNode* DeviceTree::find(std::string_view path) const {
  path = path.substr(0, path.find(':'));  // the options of stdout-path
  TreeNode* node = root_.get();
  if (!path.starts_with('/')) {
    const std::string_view alias = path.substr(0, path.find('/'));
    const TreeNode* aliases = root_->child("aliases");
    const auto target = aliases != nullptr ? aliases->string_of(alias) : std::nullopt;
    if (!target || !target->starts_with('/')) return nullptr;
    node = find(*target);
    path.remove_prefix(alias.size());
  }
  while (node != nullptr && !path.empty()) {
    const usize slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (!name.empty()) node = node->child(name);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return node;
}

Error DeviceTree::error(const TreeNode& node, std::string_view sentence) const {
  return Error{fmt::format("{}: {}: {}", origin_, node.path(), sentence)};
}

}  // namespace ferry::machines
