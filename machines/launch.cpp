#include "machines/launch.h"

#include <fmt/format.h>

namespace ferry::machines {
namespace {

// One shell word: quoted when a shell would read anything into it.
std::string quoted(std::string_view word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,=:+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) return std::string(word);
  std::string text = "'";
  for (char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string serial_text(const SerialSpec& serial) {
  switch (serial.kind) {
    case SerialSpec::Kind::Stdio: return "stdio";
    case SerialSpec::Kind::MonitorStdio: return "mon:stdio";
    case SerialSpec::Kind::File: return "file:" + serial.path;
    case SerialSpec::Kind::Null: return "null";
    case SerialSpec::Kind::Pty: return "pty";
  }
  return {};
}

std::string drive_text(const DriveSpec& drive) {
  std::string text = drive.interface == DriveSpec::Interface::Pflash ? "if=pflash" : "if=none";
  text += ",format=raw,file=" + drive.path;
  if (!drive.id.empty()) text += ",id=" + drive.id;
  if (drive.unit) text += fmt::format(",unit={}", *drive.unit);
  if (drive.read_only) text += ",readonly=on";
  if (drive.snapshot) text += ",snapshot=on";
  return text;
}

std::string loader_text(const LoaderSpec& loader) {
  std::string text = "loader";
  if (!loader.path.empty()) text += ",file=" + loader.path;
  if (loader.address) text += fmt::format(",addr={:#x}", *loader.address);
  if (loader.data) text += fmt::format(",data={:#x},data-len={}", *loader.data, loader.data_length);
  if (loader.big_endian) text += ",data-be=on";
  if (loader.raw) text += ",force-raw=on";
  if (loader.cpu_num) text += fmt::format(",cpu-num={}", *loader.cpu_num);
  return text;
}

std::string with_double_commas(const std::string& text) {
  std::string out;
  for (char c : text) out += c == ',' ? std::string(",,") : std::string(1, c);
  return out;
}

// As the back end of -chardev.
std::string chardev_text(const SerialSpec& console) {
  if (console.kind == SerialSpec::Kind::File) return "file,id=semihosting,path=" + with_double_commas(console.path);
  return console.kind == SerialSpec::Kind::Null ? "null,id=semihosting" : "stdio,id=semihosting";
}

std::string semihosting_text(const SemihostingSpec& semihosting) {
  std::string text = "enable=on";
  if (semihosting.console) text += ",chardev=semihosting";
  if (semihosting.userspace) text += ",userspace=on";
  if (semihosting.folder != ".") text += ",dir=" + with_double_commas(semihosting.folder);
  for (const std::string& argument : semihosting.arguments) text += ",arg=" + with_double_commas(argument);
  return text;
}

}  // namespace

std::string launch_line(const LaunchRecord& record) {
  std::string line;
  const auto option = [&line](std::string_view name, std::string_view value) {
    if (!line.empty()) line += ' ';
    line += fmt::format("{} {}", name, quoted(value));
  };
  option("-M", record.board + (record.board == "virt" ? ",gic-version=3" : ""));
  option("-cpu", record.cpu_model);
  option("-smp", std::to_string(record.cpu_count));
  if (record.ram_size) {
    const u64 size = *record.ram_size;
    option("-m", size % (1u << 20) == 0 ? fmt::format("{}M", size >> 20) : fmt::format("{}B", size));
  }
  if (!record.dtb.empty()) option("-dtb", record.dtb);
  if (!record.kernel.empty()) option("-kernel", record.kernel);
  if (!record.initrd.empty()) option("-initrd", record.initrd);
  if (!record.command_line.empty()) option("-append", record.command_line);
  if (!record.firmware.empty()) option("-bios", record.firmware);
  if (record.semihosting.enabled && record.semihosting.console)
    option("-chardev", chardev_text(*record.semihosting.console));
  if (record.semihosting.enabled) option("-semihosting-config", semihosting_text(record.semihosting));
  for (const DriveSpec& drive : record.drives) option("-drive", drive_text(drive));
  for (const DeviceSpec& device : record.devices) {
    std::string text = device.model;
    for (const auto& [name, value] : device.properties) text += "," + name + "=" + value;
    option("-device", text);
  }
  for (const LoaderSpec& loader : record.loaders) option("-device", loader_text(loader));
  for (const SerialSpec& serial : record.serials) option("-serial", serial_text(serial));
  option("--time", record.virtual_time ? "virtual" : "real");
  if (record.seed) option("--seed", std::to_string(*record.seed));
  return line;
}

}  // namespace ferry::machines
