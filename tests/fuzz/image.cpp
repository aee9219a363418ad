// A kernel, an initrd or firmware of any form (Image, Image.gz, zboot, ELF): planned into memory, or refused.
#include "core/log.h"
#include "machines/machine.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  using namespace ferry;
  if (size == 0) return 0;
  const fuzz::File file({data + 1, size - 1});
  machines::LaunchRecord record;
  record.ram_size = u64{64} << 20;
  record.seed = 1;
  switch (data[0] % 4) {
    case 0: record.kernel = file.path(); break;
    case 1:
      record.kernel = file.path();
      record.initrd = file.path();
      record.command_line = "console=ttyAMA0";
      break;
    case 2:
      record.firmware = file.path();
      record.protocol = machines::BootProtocol::Firmware;
      break;
    default: {
      machines::LoaderSpec& loader = record.loaders.emplace_back();
      loader.path = file.path();
      if (data[0] & 4) loader.address = 0x40000000 + (u64{data[0]} << 16);
    }
  }
  (void)machines::guest_tree(record).ok();
  return 0;
}
