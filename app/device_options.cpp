// Options that add devices, drives and serial lines.
#include <fmt/format.h>

#include "app/key_values.h"
#include "app/options.h"
#include "core/parse_number.h"

namespace ferry::app {
namespace {

using Argument = OptionRow::Argument;
using machines::DriveSpec;
using machines::LoaderSpec;
using machines::SerialSpec;

Status drive(CommandLine& line, std::string_view value) {
  auto keys = KeyValues::parse("-drive", value, "");
  if (!keys) return keys.error();
  DriveSpec drive;
  const auto interface = keys->take("if");
  if (interface && *interface != "none" && *interface != "virtio" && *interface != "pflash") {
    return Error{fmt::format(
        "-drive if={}: not an interface of this board, expected virtio, none (with -device) or pflash", *interface)};
  }
  if (interface == "pflash") drive.interface = DriveSpec::Interface::Pflash;
  if (const auto format = keys->take("format"); format && *format != "raw") {
    return Error{fmt::format("-drive format={}: not read by ferry, expected raw", *format)};
  }
  drive.path = keys->take("file").value_or("");
  drive.id = keys->take("id").value_or("");
  auto snapshot = keys->take_switch("snapshot", false);
  if (!snapshot) return snapshot.error();
  auto readonly = keys->take_switch("readonly", false);
  if (!readonly) return readonly.error();
  auto unit = keys->take_number("unit");
  if (!unit) return unit.error();
  constexpr std::string_view kKnown[] = {"if", "format", "file", "id", "snapshot", "readonly", "unit"};
  if (Status status = keys->done(kKnown); !status) return status;
  if (drive.path.empty()) return Error{fmt::format("-drive {}: no file, expected file=FILE", value)};
  if (*unit && (drive.interface != DriveSpec::Interface::Pflash || **unit > 1)) {
    return Error{fmt::format("-drive {}: unit={} means nothing here, expected 0 or 1 with if=pflash", value, **unit)};
  }
  drive.snapshot = *snapshot;
  drive.read_only = *readonly;
  if (*unit) drive.unit = static_cast<unsigned>(**unit);
  for (const DriveSpec& other : line.options.launch.drives) {
    if (!drive.id.empty() && other.id == drive.id)
      return Error{fmt::format("-drive id={}: two drives have this name, expected one", drive.id)};
  }
  // A drive that nothing could name is a disk of its own, as with if=virtio.
  if (interface == "virtio" || (!interface && drive.id.empty())) {
    if (drive.id.empty()) drive.id = fmt::format("virtio{}", line.options.launch.drives.size());
    line.options.launch.devices.push_back({"virtio-blk-device", {{"drive", drive.id}}});
  }
  line.options.launch.drives.push_back(std::move(drive));
  return {};
}

Status pflash(CommandLine& line, std::string_view value) {
  DriveSpec drive;
  drive.interface = DriveSpec::Interface::Pflash;
  drive.path = value;
  line.options.launch.drives.push_back(std::move(drive));
  return {};
}

Status loader(CommandLine& line, std::string_view value, KeyValues& keys) {
  LoaderSpec loader;
  loader.path = keys.take("file").value_or("");
  auto address = keys.take_number("addr");
  if (!address) return address.error();
  auto data = keys.take_number("data");
  if (!data) return data.error();
  auto length = keys.take_number("data-len");
  if (!length) return length.error();
  auto cpu = keys.take_number("cpu-num");
  if (!cpu) return cpu.error();
  auto big_endian = keys.take_switch("data-be", false);
  if (!big_endian) return big_endian.error();
  auto raw = keys.take_switch("force-raw", false);
  if (!raw) return raw.error();
  constexpr std::string_view kKnown[] = {"file", "addr", "data", "data-len", "data-be", "cpu-num", "force-raw"};
  if (Status status = keys.done(kKnown); !status) return status;
  if (!loader.path.empty() && *data)
    return Error{fmt::format("-device {}: both file= and data=, expected one of them", value)};
  if (*data && (!*address || !*length || **length < 1 || **length > 8)) {
    return Error{fmt::format("-device {}: expected addr= and data-len= (1 to 8) with data=", value)};
  }
  if (loader.path.empty() && !*data && !(*cpu && *address))
    return Error{fmt::format("-device {}: nothing to load, expected file=, data=, or addr= and cpu-num=", value)};
  if (*cpu && **cpu > 4096) return Error{fmt::format("-device {}: no such processor", value)};
  loader.address = *address;
  loader.data = *data;
  loader.data_length = static_cast<unsigned>(length->value_or(0));
  loader.big_endian = *big_endian;
  loader.raw = *raw;
  if (*cpu) loader.cpu_num = static_cast<unsigned>(**cpu);
  line.options.launch.loaders.push_back(std::move(loader));
  return {};
}

Status device(CommandLine& line, std::string_view value) {
  if (value == "help" || value == "?") {
    line.ask = Ask::DeviceHelp;
    return {};
  }
  auto keys = KeyValues::parse("-device", value, "driver");
  if (!keys) return keys.error();
  const auto model = keys->take("driver");
  if (!model) return Error{fmt::format("-device {}: no model, expected -device MODEL[,NAME=VALUE...]", value)};
  if (*model == "loader") return loader(line, value, *keys);
  line.options.launch.devices.push_back({*model, keys->rest()});  // the board knows the models and their properties
  return {};
}

bool on_terminal(const SerialSpec& s) {
  return s.kind == SerialSpec::Kind::Stdio || s.kind == SerialSpec::Kind::MonitorStdio;
}

Status serial(CommandLine& line, std::string_view value) {
  SerialSpec serial;
  if (value == "stdio") {
    serial.kind = SerialSpec::Kind::Stdio;
  } else if (value == "mon:stdio") {
    serial.kind = SerialSpec::Kind::MonitorStdio;
  } else if (value == "null" || value == "none") {
    serial.kind = SerialSpec::Kind::Null;
  } else if (value == "pty") {
    serial.kind = SerialSpec::Kind::Pty;
  } else if (value.starts_with("file:") && value.size() > 5) {
    serial.kind = SerialSpec::Kind::File;
    serial.path = value.substr(5);
  } else if (value.starts_with("chardev:") && value.size() > 8) {
    serial.kind = SerialSpec::Kind::Null;  // until all names are known
  } else {
    return Error{fmt::format(
        "-serial {}: not a back end, expected stdio, mon:stdio, file:FILE, pty, null or chardev:ID", value)};
  }
  auto& serials = line.options.launch.serials;
  if (!line.serial_given) serials.clear();
  line.serial_given = true;
  for (const SerialSpec& other : serials) {
    if (on_terminal(other) && on_terminal(serial))
      return Error{fmt::format("-serial {}: a second line on the terminal, expected one", value)};
  }
  if (value.starts_with("chardev:")) line.serial_chardevs.emplace_back(serials.size(), value.substr(8));
  serials.push_back(std::move(serial));
  return {};
}

Status chardev(CommandLine& line, std::string_view value) {
  auto keys = KeyValues::parse("-chardev", value, "backend");
  if (!keys) return keys.error();
  const std::string backend = keys->take("backend").value_or(""), id = keys->take("id").value_or("");
  auto mux = keys->take_switch("mux", false);
  if (!mux) return mux.error();
  if (auto signal = keys->take_switch("signal", true); !signal) return signal.error();
  CommandLine::Chardev made{id, {}};
  const auto path = keys->take("path");
  if (backend == "stdio") {
    made.spec.kind = *mux ? SerialSpec::Kind::MonitorStdio : SerialSpec::Kind::Stdio;
  } else if (backend == "null") {
    made.spec.kind = SerialSpec::Kind::Null;
  } else if (backend == "pty") {
    made.spec.kind = SerialSpec::Kind::Pty;
  } else if (backend == "file") {
    made.spec.kind = SerialSpec::Kind::File;
    made.spec.path = path.value_or("");
    if (made.spec.path.empty()) return Error{fmt::format("-chardev {}: no file, expected path=FILE", value)};
  } else {
    return Error{fmt::format("-chardev {}: not a back end, expected stdio, file, pty or null", value)};
  }
  if (id.empty()) return Error{fmt::format("-chardev {}: it has no name, expected id=ID", value)};
  for (const auto& other : line.chardevs)
    if (other.id == id) return Error{fmt::format("-chardev {}: a second {}, expected a name of its own", value, id)};
  constexpr std::string_view kKnown[] = {"id", "path", "mux", "signal"};
  if (Status status = keys->done(kKnown); !status) return status;
  line.chardevs.push_back(std::move(made));
  return {};
}

// The monitor is behind Ctrl-A c of the terminal's line.
Status monitor_on(CommandLine& line, std::string_view value) {
  auto keys = KeyValues::parse("-mon", value, "chardev");
  if (!keys) return keys.error();
  line.monitor_chardev = keys->take("chardev").value_or("");
  if (const auto mode = keys->take("mode"); mode && *mode != "readline")
    return Error{fmt::format("-mon {}: expected mode=readline", value)};
  constexpr std::string_view kKnown[] = {"chardev", "mode"};
  return keys->done(kKnown);
}

// Options of QEMU's that say what is so anyway.
template <char kind>
Status only_none(CommandLine&, std::string_view value) {
  if (value == "none") return {};
  constexpr const char* kWhat = kind == 'd'   ? "-display"
                                : kind == 'n' ? "-nic"
                                : kind == 'o' ? "-net"
                                : kind == 'v' ? "-vga"
                                : kind == 'p' ? "-parallel"
                                              : "-monitor";
  return Error{fmt::format("{} {}: there is none on this board, expected none", kWhat, value)};
}
Status nothing(CommandLine&, std::string_view) { return {}; }

// What QEMU calls its translator. Other accelerators would need a host of the guest's kind.
Status accel(CommandLine&, std::string_view value) {
  if (value.substr(0, value.find(',')) == "tcg") return {};
  return Error{fmt::format("-accel {}: not here, expected tcg (code is translated; --tier says how)", value)};
}

constexpr std::string_view kGroup = "Devices and back ends";

constexpr OptionRow kRows[] = {
    {"-device", "MODEL[,NAME=VALUE]...", Argument::Required, kGroup,
     "adds a device (help lists the models), or puts a file or data into memory: loader,file=FILE[,addr=A][,cpu-num=N] "
     "or "
     "loader,data=D,data-len=1..8,addr=A",
     device},
    {"-drive", "[if=virtio|none|pflash],file=FILE[,format=raw][,id=ID][,snapshot=on][,readonly=on][,unit=N]",
     Argument::Required, kGroup,
     "storage: if=virtio, or neither if nor id, for a virtio-blk-device; if=none for a -device that names its id; "
     "if=pflash for a bank of flash",
     drive},
    {"-pflash", "FILE", Argument::Required, kGroup, "the same as -drive if=pflash,format=raw,file=FILE", pflash},
    {"-snapshot", "", Argument::None, kGroup, "every drive forgets its writes when the run ends",
     [](CommandLine& line, std::string_view) -> Status {
       line.options.snapshot = true;
       return {};
     }},
    {"-serial", "stdio|mon:stdio|file:FILE|pty|null|chardev:ID", Argument::Required, kGroup,
     "where a serial line goes; mon:stdio, the default, has the Ctrl-A keys and the monitor", serial},
    {"-chardev", "stdio[,mux=on]|file,path=FILE|pty|null,id=ID", Argument::Required, kGroup,
     "names a back end for -serial chardev:ID and -semihosting-config chardev=ID; stdio with mux=on is mon:stdio",
     chardev},
    {"-mon", "chardev=ID[,mode=readline]", Argument::Required, kGroup,
     "accepted for a -chardev stdio,mux=on, which has the monitor behind Ctrl-A c", monitor_on},
    {"-nographic", "", Argument::None, kGroup, "accepted; there is no display, and serial is on the terminal anyway",
     nothing},
    {"-display", "none", Argument::Required, kGroup, "accepted; there is no display", only_none<'d'>},
    {"-nic", "none", Argument::Required, kGroup, "accepted; there is no network card", only_none<'n'>},
    {"-net", "none", Argument::Required, kGroup, "accepted; there is no network card", only_none<'o'>},
    {"-monitor", "none", Argument::Required, kGroup, "accepted; the monitor is behind Ctrl-A c", only_none<'m'>},
    {"-vga", "none", Argument::Required, kGroup, "accepted; there is no display", only_none<'v'>},
    {"-parallel", "none", Argument::Required, kGroup, "accepted; there is no parallel port", only_none<'p'>},
    {"-accel", "tcg[,...]", Argument::Required, kGroup, "accepted; guest code is always translated", accel},
    {"-no-user-config", "", Argument::None, kGroup, "accepted; no file is read unasked", nothing},
    {"-nodefaults", "", Argument::None, kGroup, "accepted; nothing is added unasked", nothing},
};

}  // namespace

Status resolve_chardevs(CommandLine& line) {
  const auto find = [&](std::string_view option, const std::string& id) -> Result<SerialSpec> {
    for (const auto& c : line.chardevs)
      if (c.id == id) return c.spec;
    return Error{fmt::format("{}{}: no back end has this name, expected a -chardev ...,id={}", option, id, id)};
  };
  machines::LaunchRecord& launch = line.options.launch;
  for (const auto& [index, id] : line.serial_chardevs) {
    auto spec = find("-serial chardev:", id);
    if (!spec) return spec.error();
    for (const SerialSpec& other : launch.serials)
      if (on_terminal(other) && on_terminal(*spec))
        return Error{fmt::format("-serial chardev:{}: a second line on the terminal, expected one", id)};
    launch.serials[index] = *spec;
  }
  if (line.monitor_chardev) {
    auto spec = find("-mon chardev=", *line.monitor_chardev);
    if (!spec) return spec.error();
    if (spec->kind != SerialSpec::Kind::MonitorStdio)
      return Error{fmt::format("-mon chardev={}: the monitor is on the terminal, expected a -chardev stdio,mux=on",
                               *line.monitor_chardev)};
  }
  if (line.semihosting_chardev) {
    auto spec = find("-semihosting-config chardev=", *line.semihosting_chardev);
    if (!spec) return spec.error();
    if (spec->kind == SerialSpec::Kind::Pty)
      return Error{fmt::format("-semihosting-config chardev={}: a pty, expected stdio, file or null",
                               *line.semihosting_chardev)};
    launch.semihosting.console = *spec;
  }
  return {};
}

std::span<const OptionRow> device_option_rows() { return kRows; }

}  // namespace ferry::app
