#include "devices/describe.h"

#include <fmt/format.h>

#include "devices/registry.h"
#include "devices/virtio/device.h"

namespace ferry::devices {
namespace {

// A board without memory, just enough to make each model once.
class NoMemory : public GuestMemory {
 public:
  bool read(u64, void*, usize) override { return false; }
  bool write(u64, const void*, usize) override { return false; }
};

const char* access_name(Access access) {
  switch (access) {
    case Access::kRw: return "rw";
    case Access::kRo: return "ro";
    case Access::kWo: return "wo";
    case Access::kW1c: return "w1c";
    case Access::kW1s: return "w1s";
    case Access::kRc: return "rc";
    case Access::kReserved: return "reserved";
    case Access::kUnimplemented: return "unimplemented";
  }
  return "";
}

std::string describe_fields(const RegisterSpec& spec) {
  std::string text;
  for (const Field& field : spec.fields) {
    if (!text.empty()) text += ", ";
    const std::string name = field.name[0] == '\0' ? "" : fmt::format("{} ", field.name);
    const std::string place =
        field.width == 1 ? fmt::format("{}", field.lsb) : fmt::format("{}:{}", field.lsb + field.width - 1, field.lsb);
    text += fmt::format("{}[{}] {}", name, place, access_name(field.access));
  }
  return text;
}

std::string describe_bank(const RegisterBank& bank) {
  std::string text =
      fmt::format("\nBank `{}`:\n\n| offset | register | reset | fields |\n|---|---|---|---|\n", bank.part());
  for (const Register* one : bank.registers()) {
    const RegisterSpec& spec = one->spec();
    const std::string name =
        spec.count == 1 ? spec.name : fmt::format("{}{}-{}", spec.name, spec.first, spec.first + spec.count - 1);
    text += fmt::format("| {:#05x} | {} | {:#x} | {} |\n", spec.offset, name, spec.reset, describe_fields(spec));
  }
  return text;
}

}  // namespace

std::string describe_models() {
  Clock clock(Clock::Kind::kVirtual);
  EventQueue events;
  NoMemory memory;
  CpuSignals cpu;
  DeviceContext context{.name = "device", .clock = clock, .events = events, .memory = memory};
  context.cpus = {&cpu};
  context.reg_sizes = {0x40000, 0x40000};
  std::string text =
      "# Device models\n\nWritten from the register banks (`devices/describe.cpp`); a test compares this page with "
      "them.\n\n"
      "Access kinds: rw reads what was written; ro ignores writes; wo reads as zero; w1c and w1s: a one clears or sets "
      "the bit; rc: "
      "reading clears; reserved and unimplemented read as zero and ignore writes. Bits not listed are reserved.\n";
  for (const Model& model : models()) {
    text += fmt::format("\n## `{}`\n\n{}.\n", model.compatible, model.sentence);
    auto made = model.make(context);
    if (!made) continue;
    if ((*made)->banks().empty())
      text += "\nNo register bank: it is driven by commands, see the header of its source.\n";
    for (const RegisterBank* bank : (*made)->banks()) text += describe_bank(*bank);
  }
  text += "\n## In virtio slots (`-device`)\n\n| name | what it is |\n|---|---|\n";
  for (const auto& model : virtio::virtio_models()) text += fmt::format("| `{}` | {} |\n", model.name, model.sentence);
  return text;
}

}  // namespace ferry::devices
