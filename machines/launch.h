// The launch record: everything about a machine that is not its device tree. Plain data, filled by the command line (or
// a bundle), read by the board builder and the loaders; it holds nothing open and refers to files by path.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/types.h"

namespace ferry::machines {

enum class PsciConduit : u8 { None, Hvc, Smc };

// Who the first instruction belongs to.
enum class BootProtocol : u8 {
  Linux,     // x0 = device tree, x1 to x3 = 0, pc = image entry (Linux: Documentation/arm64/booting)
  Firmware,  // -bios or pflash: pc = 0 in flash, device tree at the start of RAM
};

// Where a serial line goes. `path`: for File.
struct SerialSpec {
  enum class Kind : u8 { Stdio, MonitorStdio, File, Null, Pty };
  Kind kind = Kind::MonitorStdio;
  std::string path;
};

// One `-drive`.
struct DriveSpec {
  enum class Interface : u8 { None, Pflash };
  Interface interface = Interface::None;
  std::string id;
  std::string path;
  bool read_only = false;
  bool snapshot = false;         // writes are kept in memory and forgotten
  std::optional<unsigned> unit;  // pflash: 0 or 1
};

// One `-device MODEL,NAME=VALUE,...` that becomes a device of the board.
struct DeviceSpec {
  std::string model;
  std::vector<std::pair<std::string, std::string>> properties;
};

// One `-device loader`: a file's content, or up to 8 bytes of data, put into memory; cpu_num makes that processor start
// there.
struct LoaderSpec {
  std::string path;            // a file, or empty: `data`
  std::optional<u64> address;  // absent: the file is an ELF and says so itself
  std::optional<u64> data;
  unsigned data_length = 0;  // 1 to 8 bytes
  bool big_endian = false;
  bool raw = false;  // take the bytes as they are, whatever the file looks like
  std::optional<unsigned> cpu_num;
};

// `-semihosting`, `-semihosting-config`.
struct SemihostingSpec {
  bool enabled = false;
  bool userspace = false;              // EL0 may call too
  std::string folder = ".";            // which files the guest may use; empty: none
  std::vector<std::string> arguments;  // its command line; empty: the kernel's path and -append
  std::optional<SerialSpec> console;   // File, Null or the terminal; absent: the terminal
};

struct LaunchRecord {
  // Board and processors.
  std::string board = "virt";
  std::string dtb;              // a device tree instead of the board's own; path
  std::optional<u64> ram_size;  // bytes; absent: what the tree's memory nodes say
  std::string cpu_model = "cortex-a57";
  unsigned cpu_count = 1;
  bool has_el2 = false;
  bool has_el3 = false;
  PsciConduit psci = PsciConduit::Hvc;
  bool plays_firmware = true;  // ferry answers PSCI itself

  // Boot.
  BootProtocol protocol = BootProtocol::Linux;
  unsigned entry_el = 1;
  std::string kernel;
  std::string initrd;
  std::string command_line;
  std::string firmware;  // -bios
  std::vector<LoaderSpec> loaders;
  SemihostingSpec semihosting;

  // Devices and back ends.
  std::vector<SerialSpec> serials = {SerialSpec{}};
  std::vector<DriveSpec> drives;
  std::vector<DeviceSpec> devices;

  // Time and randomness.
  bool virtual_time = false;
  std::optional<u64> seed;  // absent: the host's randomness; what the tree's seeds are made from is then host_seed
  u64 host_seed = 0;        // drawn at launch, so that a run can be repeated with it as its --seed
};

// The record as one line of options that would make it again, for reproduction lines and reports.
std::string launch_line(const LaunchRecord& record);

}  // namespace ferry::machines
