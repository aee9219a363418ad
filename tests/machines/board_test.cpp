#include "machines/board.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "machines/block_file.h"
#include "machines/tree_edit.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::machines;

namespace {

class Collect : public CharBackend {
 public:
  usize write(std::span<const u8> bytes) override {
    text.append(bytes.begin(), bytes.end());
    return bytes.size();
  }
  usize read(std::span<u8>) override { return 0; }
  void set_listener(std::function<void()>, std::function<void()>) override {}
  std::string text;
};

class Zero : public EntropySource {
 public:
  void fill(std::span<u8> to) override { std::fill(to.begin(), to.end(), u8{0}); }
};

struct Bench {
  LaunchRecord record;
  softmmu::AddressSpace memory;
  Clock clock{Clock::Kind::kVirtual};
  EventQueue events;
  CpuSignals signals;
  CpuSignals* cpus[1] = {&signals};
  Collect serial;
  Zero zero;
  MemoryBlock disk{{}, 1 << 20, 0x5a};
  BackEnds back_ends;

  Bench() {
    record.ram_size = 64 << 20;
    back_ends.serials = {&serial};
    back_ends.entropy = &zero;
    back_ends.drives["d0"] = &disk;
  }
  DeviceTree tree() {
    auto t = board_tree(record);
    REQUIRE(t);
    REQUIRE(edit_hardware(*t, record));
    return std::move(*t);
  }
  Result<std::unique_ptr<Board>> build(const DeviceTree& t) {
    return Board::build(t, record, back_ends, BoardPlace{memory, clock, events, cpus});
  }
  Result<std::unique_ptr<Board>> build() { return build(tree()); }
  u64 load(u64 pa, unsigned size = 4) {
    const auto* region = memory.find(pa);
    REQUIRE(region != nullptr);
    return memory.device_read(*region, pa, size);
  }
  void store(u64 pa, u64 value, unsigned size = 4) {
    const auto* region = memory.find(pa);
    REQUIRE(region != nullptr);
    memory.device_write(*region, pa, size, value);
  }
  std::string error(const DeviceTree& t) {
    auto board = build(t);
    REQUIRE_FALSE(board);
    INFO(board.error().message);
    return board.error().message;
  }
};

}  // namespace

TEST_CASE("the virt board is built: devices answer at their addresses and drive their wires") {
  Bench bench;
  bench.record.devices = {{"virtio-blk-device", {{"drive", "d0"}}}, {"virtio-rng-device", {}}};
  auto board = bench.build();
  REQUIRE(board);
  CHECK(bench.memory.memory_at(0x40000000, 64 << 20) != nullptr);
  CHECK(bench.memory.memory_at(0x44000000, 1) == nullptr);

  bench.store(0x09000030, 0x301);  // UARTCR: on, transmit, receive
  bench.store(0x09000000, 'F', 1);
  CHECK(bench.serial.text == "F");
  CHECK(bench.load(0x0a000000) == 0x74726976);     // "virt"
  CHECK(bench.load(0x0a000008) == 2);              // block
  CHECK(bench.load(0x0a000208) == 4);              // entropy
  CHECK(bench.load(0x0a000408) == 0);              // nothing there
  CHECK((bench.load(0x0800ffe8) & 0xf0) == 0x30);  // GICD_PIDR2: GICv3
  for (const IrqLine& line : (*board)->timer_lines(0)) CHECK(line.connected());

  // UART transmit interrupt: SPI 1 is INTID 33, pending in the distributor.
  bench.store(0x09000038, 0x20);
  bench.store(0x09000000, 'x', 1);
  CHECK((bench.load(0x08000204) & 2) != 0);
}

TEST_CASE("boards that cannot be built say why") {
  Bench bench;
  SECTION("overlap of devices") {
    auto tree = bench.tree();
    const u32 cells[] = {0, 0x09000800, 0, 0x1000};
    tree.find("/pl031")->set_cells("reg", cells);
    const std::string message = bench.error(tree);
    CHECK(message.find("/pl031@9010000") != std::string::npos);
    CHECK(message.find("overlaps pl011@9000000") != std::string::npos);
  }
  SECTION("overlap of memory and a device") {
    auto tree = bench.tree();
    const u32 cells[] = {0, 0x40001000, 0, 0x1000};
    tree.find("/pl031")->set_cells("reg", cells);
    CHECK(bench.error(tree).find("overlaps ram") != std::string::npos);
  }
  SECTION("no interrupt controller") {
    auto tree = bench.tree();
    tree.find("/intc")->set_string("compatible", "acme,gic");
    CHECK(bench.error(tree).find("no interrupt controller") != std::string::npos);
  }
  SECTION("an interrupt that the controller does not have") {
    auto tree = bench.tree();
    const u32 cells[] = {0, 5000, 4};
    tree.find("/pl011")->set_cells("interrupts", cells);
    CHECK(bench.error(tree).find("/pl011@9000000: interrupts") != std::string::npos);
  }
  SECTION("devices and drives") {
    const auto with = [&](DeviceSpec device) {
      Bench fresh;
      fresh.record.devices = {std::move(device)};
      return fresh.error(fresh.tree());
    };
    CHECK(with({"virtio-blk-devic", {}}).find("did you mean virtio-blk-device?") != std::string::npos);
    CHECK(with({"virtio-blk-device", {}}).find("drive=ID") != std::string::npos);
    CHECK(with({"virtio-blk-device", {{"drive", "d9"}}}).find("no such drive") != std::string::npos);
    CHECK(with({"virtio-blk-device", {{"driv", "d0"}}}).find("did you mean drive?") != std::string::npos);
    bench.record.devices = {{"virtio-blk-device", {{"drive", "d0"}}}, {"virtio-blk-device", {{"drive", "d0"}}}};
    CHECK(bench.error(bench.tree()).find("taken") != std::string::npos);
  }
  SECTION("more devices than transports") {
    bench.record.devices.assign(33, {"virtio-rng-device", {}});
    CHECK(bench.error(bench.tree()).find("no transport left") != std::string::npos);
  }
}

TEST_CASE("nodes without a model become stubs that yield to everything else") {
  Bench bench;
  auto tree = bench.tree();
  TreeNode& node = tree.root().add_child("thing@9000000");
  node.set_string("compatible", "acme,thing");
  const u32 cells[] = {0, 0x09000000, 0, 0x1000, 0, 0x0b000000, 0, 0x1000};
  node.set_cells("reg", cells);
  auto board = bench.build(tree);
  REQUIRE(board);
  CHECK(bench.load(0x0b000000) == 0);
  CHECK(bench.memory.find(0x09000000)->name == "pl011@9000000");
}

// Any cells anywhere: a board, or an error that names a node; never a crash, never memory of an absurd size.
TEST_CASE("random trees become boards or errors") {
  std::mt19937 random(3);
  unsigned built = 0;
  for (int round = 0; round < 400; ++round) {
    Bench bench;
    auto tree = bench.tree();
    std::vector<TreeNode*> nodes;
    (void)walk_tree(tree.root(), [&](const TreeNode& node) -> Status {
      nodes.push_back(const_cast<TreeNode*>(&node));
      return {};
    });
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      TreeNode& node = *nodes[random() % nodes.size()];
      if (node.properties().empty()) continue;
      const TreeProperty property = node.properties()[random() % node.properties().size()];
      std::vector<u8> value = property.value;
      switch (random() % 4) {
        case 0: value.resize(random() % (value.size() + 9)); break;
        case 1:
          for (u8& byte : value) byte = static_cast<u8>(random());
          break;
        case 2: value = tree.root().children()[random() % 5]->properties().front().value; break;
        default:
          if (!value.empty()) value[random() % value.size()] ^= static_cast<u8>(1u << random() % 8);
      }
      node.set(property.name, std::move(value));
    }
    if (!tree.check()) continue;
    auto board = bench.build(tree);
    if (!board) {
      CHECK(board.error().message.find('\n') == std::string::npos);
      continue;
    }
    ++built;
    (*board)->reset();
  }
  CHECK(built > 50);
  CHECK(built < 390);
}

TEST_CASE("disk images: bounds, snapshots, locks and bad files") {
  char name[] = "/tmp/ferry-disk-XXXXXX";
  const int fd = mkstemp(name);
  REQUIRE(fd >= 0);
  const std::string path = name;
  std::vector<u8> image(256 << 10, 0x11);
  REQUIRE(write(fd, image.data(), image.size()) == static_cast<ssize_t>(image.size()));
  {
    auto disk = BlockFile::open(path, false);
    REQUIRE(disk);
    CHECK((*disk)->size() == image.size());
    CHECK_FALSE(BlockFile::open(path, false));
    std::vector<u8> buffer(512, 0x22);
    CHECK((*disk)->write(512, buffer));
    CHECK((*disk)->write_zeroes(1024, 512));
    CHECK((*disk)->flush());
    CHECK_FALSE((*disk)->write(image.size() - 511, buffer));
    CHECK_FALSE((*disk)->read(~u64{0} - 100, buffer));
    CHECK((*disk)->read(512, buffer));
    CHECK(buffer == std::vector<u8>(512, 0x22));
    CHECK((*disk)->read(1024, buffer));
    CHECK(buffer == std::vector<u8>(512, 0));
  }
  {
    auto below = BlockFile::open(path, true);
    REQUIRE(below);
    CHECK_FALSE((*below)->write(0, std::vector<u8>(512)));
    SnapshotBlock snapshot(std::move(*below));
    std::vector<u8> buffer(100000, 0x33);
    CHECK(snapshot.write(60000, buffer));
    std::vector<u8> all(image.size());
    CHECK(snapshot.read(0, all));
    CHECK(all[59999] == 0x11);
    CHECK(all[60000] == 0x33);
    CHECK(all[159999] == 0x33);
    CHECK(all[160000] == 0x11);
    CHECK_FALSE(snapshot.write(image.size() - 1, buffer));
  }
  u8 byte = 0;
  REQUIRE(pread(fd, &byte, 1, 60000) == 1);
  CHECK(byte == 0x11);
  REQUIRE(ftruncate(fd, 1000) == 0);
  CHECK_FALSE(BlockFile::open(path, true));
  REQUIRE(ftruncate(fd, 0) == 0);
  CHECK_FALSE(BlockFile::open(path, true));
  CHECK_FALSE(BlockFile::open("/tmp", true));
  CHECK_FALSE(BlockFile::open(path + ".missing", true));
  close(fd);
  std::filesystem::remove(path);
}
