// A device tree blob: parsed, and made the board's with -dtb, up to the tree the guest would get.
#include "machines/fdt.h"
#include "machines/machine.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace ferry;
  auto tree = machines::DeviceTree::parse({data, size}, "fuzz");
  if (!tree) return 0;
  // What was read can be written, and read again.
  if (auto again = tree->blob(); again && !machines::DeviceTree::parse(*again, "again")) __builtin_trap();
  (void)tree->check().ok();
  const fuzz::File file({data, size});
  machines::LaunchRecord record;
  record.dtb = file.path();
  record.seed = 1;
  (void)machines::guest_tree(record).ok();
  return 0;
}
