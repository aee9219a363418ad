// What ferry writes into a board's device tree before the guest sees it: processors, memory, firmware interface, boot
// arguments.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "machines/fdt.h"
#include "machines/launch.h"

namespace ferry::machines {

// The board's tree as it comes: the file of -dtb, or a built-in one. Checked (DeviceTree::check), not yet edited.
Result<DeviceTree> board_tree(const LaunchRecord& record);

// Names of the built-in boards with a sentence each, for `-M help`.
struct BoardName {
  const char* name;
  const char* sentence;
};
std::vector<BoardName> board_names();

// /cpus, /memory, /psci, the redistributors and what names processors. Call once, before addresses are taken from the
// tree.
Status edit_hardware(DeviceTree& tree, const LaunchRecord& record);

// /chosen: bootargs, initrd, stdout-path, kaslr-seed and rng-seed. `initrd` is where the loader has put it.
void edit_chosen(DeviceTree& tree, const LaunchRecord& record, const std::optional<TreeRange>& initrd);

// Takes away every property that only ferry reads ("ferry,...", but not compatible strings).
void strip_own_properties(DeviceTree& tree);

// MPIDR_EL1 affinity of a processor: 16 in a cluster, as GICv3 groups them.
constexpr u64 affinity_of(unsigned processor) { return (processor / 16) << 8 | processor % 16; }

// The serial port that /chosen/stdout-path names, and the word a Linux command line needs for it ("console=ttyAMA0");
// empty when unknown.
const TreeNode* stdout_node(const DeviceTree& tree);
std::string console_word(const DeviceTree& tree);

// A stream of random words that a seed decides (splitmix64), or that the launch's recorded host randomness does.
class LaunchRandom {
 public:
  // `purpose` keeps streams apart: the same seed gives each its own.
  LaunchRandom(const LaunchRecord& record, std::string_view purpose);
  u64 next();

 private:
  u64 state_;
};

}  // namespace ferry::machines
