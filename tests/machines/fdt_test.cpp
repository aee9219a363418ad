#include "machines/fdt.h"

#include <cstring>
#include <random>

#include "machines/tree_edit.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::machines;

namespace {

DeviceTree virt(const LaunchRecord& record = {}) {
  auto tree = board_tree(record);
  REQUIRE(tree);
  return std::move(*tree);
}

// A small tree that passes check(), to break in one place.
DeviceTree small() {
  DeviceTree tree = virt();
  std::vector<const TreeNode*> extra;
  for (const auto& child : tree.root().children()) {
    if (child->name().starts_with("virtio_mmio")) extra.push_back(child.get());
  }
  for (const TreeNode* node : extra) tree.root().remove_child(*node);
  return tree;
}

std::string message(const Status& status) {
  REQUIRE_FALSE(status);
  return status.error().message;
}

}  // namespace

TEST_CASE("the virt board has the well-known map") {
  DeviceTree tree = virt();
  const auto base = [&](const char* path, usize index = 0) {
    const TreeNode* node = tree.find(path);
    REQUIRE(node != nullptr);
    auto ranges = tree.reg(*node);
    REQUIRE(ranges);
    REQUIRE(index < ranges->size());
    return (*ranges)[index].base;
  };
  CHECK(base("/flash@0") == 0);
  CHECK(base("/flash@0", 1) == 0x04000000);
  CHECK(base("/intc@8000000") == 0x08000000);
  CHECK(base("/intc@8000000", 1) == 0x080a0000);
  CHECK(base("/pl011@9000000") == 0x09000000);
  CHECK(base("serial0") == 0x09000000);
  CHECK(base("/pl031@9010000") == 0x09010000);
  CHECK(base("/virtio_mmio@a003e00") == 0x0a003e00);
  auto irqs = tree.interrupts(*tree.find("/virtio_mmio@a003e00"));
  REQUIRE(irqs);
  CHECK((*irqs)[0].cells == std::vector<u32>{0, 47, 1});
  CHECK((*irqs)[0].controller->name() == "intc@8000000");
  auto memory = tree.memory();
  REQUIRE(memory);
  REQUIRE(memory->size() == 1);
  CHECK((*memory)[0].base == 0x40000000);
  CHECK(console_word(tree) == "console=ttyAMA0");
}

TEST_CASE("a tree survives the way through a blob") {
  DeviceTree tree = virt();
  auto blob = tree.blob(4096);
  REQUIRE(blob);
  auto again = DeviceTree::parse(*blob, "again");
  REQUIRE(again);
  auto second = again->blob(4096);
  REQUIRE(second);
  CHECK(*blob == *second);
}

TEST_CASE("the launch record is written into the tree") {
  LaunchRecord record;
  record.cpu_count = 3;
  record.cpu_model = "cortex-a53";
  record.ram_size = u64{6} << 30;
  record.command_line = "console=ttyAMA0";
  record.seed = 7;
  DeviceTree tree = virt(record);
  tree.find("/pl011@9000000")->set_flag("ferry,secret");
  REQUIRE(edit_hardware(tree, record));
  edit_chosen(tree, record, TreeRange{0x48000000, 100});
  strip_own_properties(tree);
  REQUIRE(tree.check());

  CHECK(tree.find("/cpus")->children().size() == 3);
  CHECK(tree.find("/cpus/cpu@2")->string_of("compatible") == "arm,cortex-a53");
  CHECK(tree.find("/psci")->string_of("method") == "hvc");
  auto memory = tree.memory();
  REQUIRE(memory);
  CHECK((*memory)[0].size == u64{6} << 30);
  auto gic = tree.reg(*tree.find("/intc"));
  REQUIRE(gic);
  CHECK((*gic)[1].size == 3 * 0x20000);
  const TreeNode* chosen = tree.find("/chosen");
  CHECK(chosen->string_of("bootargs") == "console=ttyAMA0");
  CHECK(chosen->u64_of("linux,initrd-start") == 0x48000000);
  CHECK(chosen->u64_of("linux,initrd-end") == 0x48000064);
  CHECK(chosen->cells_of("rng-seed")->size() == 8);
  CHECK_FALSE(tree.find("/pl011@9000000")->has("ferry,secret"));

  // The same seed gives the same tree, another one another.
  DeviceTree other = virt(record);
  edit_chosen(other, record, {});
  CHECK(other.find("/chosen")->u64_of("kaslr-seed") == chosen->u64_of("kaslr-seed"));
  record.seed = 8;
  edit_chosen(other, record, {});
  CHECK(other.find("/chosen")->u64_of("kaslr-seed") != chosen->u64_of("kaslr-seed"));
  CHECK_FALSE(other.find("/chosen")->has("linux,initrd-start"));
}

TEST_CASE("too many processors for the board are an error") {
  LaunchRecord record;
  record.cpu_count = 124;
  DeviceTree tree = virt(record);
  CHECK(message(edit_hardware(tree, record)).find("room for 123") != std::string::npos);
}

TEST_CASE("trees that lead nowhere are refused with the node's name") {
  SECTION("no memory") {
    DeviceTree tree = small();
    tree.root().remove_child(*tree.find("/memory"));
    CHECK(message(edit_hardware(tree, {})).find("no memory") != std::string::npos);
  }
  SECTION("a bad interrupt-parent") {
    DeviceTree tree = small();
    tree.find("/pl011")->set_u32("interrupt-parent", 99);
    CHECK(message(tree.check()).find("/pl011@9000000: interrupt") != std::string::npos);
  }
  SECTION("a bad clock") {
    DeviceTree tree = small();
    tree.find("/pl011")->set_u32("clocks", 99);
    CHECK(message(tree.check()).find("clocks") != std::string::npos);
  }
  SECTION("two nodes with one phandle") {
    DeviceTree tree = small();
    tree.find("/pl011")->set_u32("phandle", tree.phandle_of(*tree.find("/intc")));
    CHECK(message(tree.check()).find("also that of") != std::string::npos);
  }
  SECTION("half an interrupt") {
    DeviceTree tree = small();
    const u32 cells[] = {0, 1};
    tree.find("/pl011")->set_cells("interrupts", cells);
    CHECK(message(tree.check()).find("not whole entries") != std::string::npos);
  }
  SECTION("half a reg") {
    DeviceTree tree = small();
    const u32 cells[] = {0, 0x09000000, 0};
    tree.find("/pl011")->set_cells("reg", cells);
    CHECK(message(tree.check()).find("reg") != std::string::npos);
  }
  SECTION("a reg that wraps") {
    DeviceTree tree = small();
    const u32 cells[] = {0xffffffff, 0xfffff000, 0, 0x2000};
    tree.find("/pl011")->set_cells("reg", cells);
    CHECK(message(tree.check()).find("wrap") != std::string::npos);
  }
  SECTION("interrupt controllers in a circle") {
    DeviceTree tree = small();
    TreeNode& gic = *tree.find("/intc");
    TreeNode& other = tree.root().add_child("other");
    other.set_flag("interrupt-controller");
    other.set_u32("#interrupt-cells", 1);
    other.set_u32("interrupt-parent", tree.phandle_of(gic));
    const u32 cells[] = {0, 5, 4};
    other.set_cells("interrupts", cells);
    gic.set_u32("interrupt-parent", tree.phandle_of(other));
    gic.set_u32("interrupts", 1);
    CHECK(message(tree.check()).find("comes back") != std::string::npos);
  }
  SECTION("clocks in a circle") {
    DeviceTree tree = small();
    TreeNode& clock = *tree.find("/apb-pclk");
    clock.set_u32("clocks", tree.phandle_of(clock));
    CHECK(message(tree.check()).find("comes back") != std::string::npos);
  }
}

TEST_CASE("a property that is longer than its blob is an error") {
  auto blob = small().blob();
  REQUIRE(blob);
  // The first property of the structure block: token 3, then its length.
  const usize structs = static_cast<usize>((*blob)[11]) | static_cast<usize>((*blob)[10]) << 8;
  usize at = structs;
  while ((*blob)[at + 3] != 3 || (*blob)[at] != 0 || (*blob)[at + 1] != 0 || (*blob)[at + 2] != 0) at += 4;
  for (const u32 length : {0xffffffffu, 0x80000000u, 0x7fffffffu, 0xfffffff0u}) {
    std::vector<u8> damaged = *blob;
    for (unsigned i = 0; i < 4; ++i) damaged[at + 4 + i] = static_cast<u8>(length >> (24 - 8 * i));
    CHECK_FALSE(DeviceTree::parse(damaged, "long"));
    damaged[23] = 3;  // as an old version
    CHECK_FALSE(DeviceTree::parse(damaged, "old"));
  }
}

TEST_CASE("truncated and damaged blobs are errors, never crashes") {
  DeviceTree tree = small();
  auto blob = tree.blob();
  REQUIRE(blob);
  for (usize size = 0; size < blob->size(); size += 13) {
    CHECK_FALSE(DeviceTree::parse(std::span(*blob).first(size), "cut"));
  }
  std::mt19937 random(1);
  unsigned accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<u8> damaged = *blob;
    for (int i = 0; i < 4; ++i) damaged[random() % damaged.size()] = static_cast<u8>(random());
    auto parsed = DeviceTree::parse(damaged, "damaged");
    if (!parsed) continue;
    ++accepted;
    (void)parsed->check();
    (void)edit_hardware(*parsed, {});
    edit_chosen(*parsed, {}, {});
    (void)parsed->blob();
  }
  CHECK(accepted < 3000);
}
