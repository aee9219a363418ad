// The operations, in the manual's order (chapter 6), but for those that move the bytes of files: transfer.cpp.
#include "machines/semihosting/semihosting.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "core/clock.h"
#include "core/log.h"
#include "machines/semihosting/features.h"

namespace ferry::machines {
namespace {

constexpr u64 kLongestName = 4096;
constexpr usize kMostFiles = 256;
constexpr u64 kNanosecondsPerCentisecond = 10'000'000;
constexpr u64 kApplicationExit = 0x20026;  // ADP_Stopped_ApplicationExit

std::span<const u8> bytes_of(std::string_view text) { return {reinterpret_cast<const u8*>(text.data()), text.size()}; }

// SYS_OPEN's modes are the twelve of fopen: r, rb, r+, r+b, w, ... a+b.
int open_flags(u64 mode) {
  const int access = (mode & 2) != 0 ? O_RDWR : mode < 4 ? O_RDONLY : O_WRONLY;
  return access | (mode >= 8 ? O_CREAT | O_APPEND : mode >= 4 ? O_CREAT | O_TRUNC : 0);
}

// What a shell can see of a status are 8 bits; a failure whose low ones are zero stays one.
u64 host_status(u64 status) { return (status & 0xff) != 0 || status == 0 ? status & 0xff : 1; }

}  // namespace

// clang-format off
const Semihosting::Operation Semihosting::kOperations[] = {
    {0x01, "SYS_OPEN", 3, &Semihosting::open},
    {0x02, "SYS_CLOSE", 1, &Semihosting::close},
    {0x03, "SYS_WRITEC", 0, &Semihosting::write_character},
    {0x04, "SYS_WRITE0", 0, &Semihosting::write_string},
    {0x05, "SYS_WRITE", 3, &Semihosting::write},
    {0x06, "SYS_READ", 3, &Semihosting::read},
    {0x07, "SYS_READC", 0, &Semihosting::read_character},
    {0x08, "SYS_ISERROR", 1, &Semihosting::is_error},
    {0x09, "SYS_ISTTY", 1, &Semihosting::is_tty},
    {0x0a, "SYS_SEEK", 2, &Semihosting::seek},
    {0x0c, "SYS_FLEN", 1, &Semihosting::length},
    {0x0d, "SYS_TMPNAM", 3, &Semihosting::temporary_name},
    {0x0e, "SYS_REMOVE", 2, &Semihosting::remove},
    {0x0f, "SYS_RENAME", 4, &Semihosting::rename},
    {0x10, "SYS_CLOCK", 0, &Semihosting::clock},
    {0x11, "SYS_TIME", 0, &Semihosting::time},
    {0x12, "SYS_SYSTEM", 2, &Semihosting::system},
    {0x13, "SYS_ERRNO", 0, &Semihosting::error_number},
    {0x15, "SYS_GET_CMDLINE", 2, &Semihosting::command_line},
    {0x16, "SYS_HEAPINFO", 1, &Semihosting::heap_info},
    {0x18, "SYS_EXIT", 0, &Semihosting::exit},
    {0x19, "SYS_SYNCCACHE", 0, &Semihosting::nothing},  // not the manual's; newlib calls it
    {0x20, "SYS_EXIT_EXTENDED", 0, &Semihosting::exit},
    {0x30, "SYS_ELAPSED", 0, &Semihosting::elapsed},
    {0x31, "SYS_TICKFREQ", 0, &Semihosting::tick_frequency},
};
// clang-format on

Semihosting::Semihosting(Config config, SemihostingFolder folder)
    : config_(std::move(config)), folder_(std::move(folder)) {}

Semihosting::~Semihosting() { reset(); }

void Semihosting::reset() {
  const std::lock_guard lock(mutex_);
  for (File& f : files_) close_file(f);
  files_.clear();
  progress_.clear();
  error_ = 0;
}

Semihosting::Outcome Semihosting::call(Call& call) {
  const auto* operation = std::find_if(std::begin(kOperations), std::end(kOperations),
                                       [&](const Operation& o) { return o.number == call.operation; });
  if (operation == std::end(kOperations)) {
    unimplemented("semihosting: operation {:#x}, answered with -1", call.operation);
    return failed(ENOSYS);
  }
  u8 block[32];
  const std::span<u8> words(block, usize{8} * operation->words);
  if (!words.empty() && !call.memory.read(call.parameter, words)) return bad_memory(call, call.parameter);
  std::memcpy(call.args.data(), block, words.size());
  if (log_enabled(LogCategory::kDevice))
    log(LogCategory::kDevice, "semihosting: cpu{} {} {:#x} [{:#x} {:#x} {:#x} {:#x}]", call.cpu, operation->name,
        call.parameter, call.args[0], call.args[1], call.args[2], call.args[3]);
  return (this->*operation->handler)(call);
}

// --- What the operations share

Semihosting::Outcome Semihosting::failed(int error, u64 result) {
  const std::lock_guard lock(mutex_);
  error_ = error;
  return {.result = result};
}

Semihosting::Outcome Semihosting::bad_memory(const Call& c, u64 address, u64 result) {
  guest_error("semihosting: cpu{} operation {:#x}: no memory for it at {:#x}", c.cpu, c.operation, address);
  return failed(EFAULT, result);
}

std::optional<std::string> Semihosting::name_at(Call& c, u64 address, u64 size) {
  if (size > kLongestName) return std::nullopt;
  std::string name(size, '\0');
  if (!c.memory.read(address, {reinterpret_cast<u8*>(name.data()), name.size()})) return std::nullopt;
  return name;
}

Semihosting::File* Semihosting::file(u64 handle) {
  if (handle - 1 >= files_.size() || files_[handle - 1].kind == File::Kind::Free) return nullptr;
  return &files_[handle - 1];
}

void Semihosting::close_file(File& f) {
  if (f.fd >= 0) ::close(f.fd);
  f = {};
}

// The lowest free handle, or 0.
u64 Semihosting::add_file(File f) {
  auto place = std::find_if(files_.begin(), files_.end(), [](const File& g) { return g.kind == File::Kind::Free; });
  if (place == files_.end()) {
    if (files_.size() >= kMostFiles) return 0;
    place = files_.insert(files_.end(), File{});
  }
  *place = f;
  return static_cast<u64>(place - files_.begin()) + 1;
}

// --- Files

Semihosting::Outcome Semihosting::open(Call& c) {
  const u64 mode = c.args[1];
  if (mode > 11) return failed(EINVAL);
  const auto name = name_at(c, c.args[0], c.args[2]);
  if (!name) return c.args[2] > kLongestName ? failed(ENAMETOOLONG) : bad_memory(c, c.args[0]);
  const std::lock_guard lock(mutex_);
  File opened;
  if (*name == ":tt") {
    opened.kind = mode < 4 ? File::Kind::Input : mode < 8 ? File::Kind::Output : File::Kind::Error;
  } else if (*name == ":semihosting-features") {
    if (mode > 1) {
      error_ = EACCES;
      return {.result = ~u64{0}};
    }
    opened.kind = File::Kind::Features;
  } else {
    opened.kind = File::Kind::Host;
    opened.fd = folder_.open(*name, open_flags(mode));
    if (opened.fd < 0) {
      error_ = -opened.fd;
      return {.result = ~u64{0}};
    }
  }
  const u64 handle = add_file(opened);
  if (handle != 0) return {.result = handle};
  close_file(opened);
  error_ = EMFILE;
  return {.result = ~u64{0}};
}

Semihosting::Outcome Semihosting::close(Call& c) {
  {
    const std::lock_guard lock(mutex_);
    if (File* f = file(c.args[0])) {
      close_file(*f);
      return {.result = 0};
    }
  }
  return failed(EBADF);
}

Semihosting::Outcome Semihosting::is_error(Call& c) { return {.result = static_cast<i64>(c.args[0]) < 0}; }

Semihosting::Outcome Semihosting::is_tty(Call& c) {
  {
    const std::lock_guard lock(mutex_);
    if (const File* f = file(c.args[0])) {
      const bool console =
          f->kind == File::Kind::Input || f->kind == File::Kind::Output || f->kind == File::Kind::Error;
      return {.result = console};
    }
  }
  return failed(EBADF);
}

Semihosting::Outcome Semihosting::seek(Call& c) {
  const std::unique_lock lock(mutex_);
  File* f = file(c.args[0]);
  error_ = f == nullptr ? EBADF : 0;
  if (f == nullptr) return {.result = ~u64{0}};
  switch (f->kind) {
    case File::Kind::Host:
      if (lseek(f->fd, static_cast<off_t>(c.args[1]), SEEK_SET) >= 0) return {.result = 0};
      error_ = errno;
      break;
    case File::Kind::Features:
      if (c.args[1] <= std::size(kSemihostingFeatures)) {
        f->position = c.args[1];
        return {.result = 0};
      }
      error_ = EINVAL;
      break;
    default: error_ = ESPIPE;
  }
  return {.result = ~u64{0}};
}

Semihosting::Outcome Semihosting::length(Call& c) {
  const std::lock_guard lock(mutex_);
  const File* f = file(c.args[0]);
  if (f == nullptr) {
    error_ = EBADF;
  } else if (f->kind == File::Kind::Features) {
    return {.result = std::size(kSemihostingFeatures)};
  } else if (f->kind != File::Kind::Host) {
    error_ = EINVAL;
  } else {
    struct stat facts{};
    if (fstat(f->fd, &facts) == 0) return {.result = static_cast<u64>(facts.st_size)};
    error_ = errno;
  }
  return {.result = ~u64{0}};
}

Semihosting::Outcome Semihosting::temporary_name(Call& c) {
  if (c.args[1] > 255) return failed(EINVAL);
  const std::string name = fmt::format("ferry-{:08x}-{:02x}.tmp", config_.name_seed, c.args[1]);
  if (c.args[2] < name.size() + 1) return failed(ENAMETOOLONG);
  if (!c.memory.write(c.args[0], bytes_of({name.c_str(), name.size() + 1}))) return bad_memory(c, c.args[0]);
  return {.result = 0};
}

Semihosting::Outcome Semihosting::remove(Call& c) {
  const auto name = name_at(c, c.args[0], c.args[1]);
  if (!name) return bad_memory(c, c.args[0]);
  const std::lock_guard lock(mutex_);
  const int status = folder_.remove(*name);
  if (status == 0) return {.result = 0};
  error_ = -status;
  return {.result = ~u64{0}};
}

Semihosting::Outcome Semihosting::rename(Call& c) {
  const auto from = name_at(c, c.args[0], c.args[1]);
  if (!from) return bad_memory(c, c.args[0]);
  const auto to = name_at(c, c.args[2], c.args[3]);
  if (!to) return bad_memory(c, c.args[2]);
  const std::lock_guard lock(mutex_);
  const int status = folder_.rename(*from, *to);
  if (status == 0) return {.result = 0};
  error_ = -status;
  return {.result = ~u64{0}};
}

// --- Time

Semihosting::Outcome Semihosting::clock(Call& c) { return {.result = c.now_ns / kNanosecondsPerCentisecond}; }
Semihosting::Outcome Semihosting::time(Call& c) { return {.result = c.wall_ns / kNanosecondsPerSecond}; }

Semihosting::Outcome Semihosting::elapsed(Call& c) {
  u8 ticks[8];
  std::memcpy(ticks, &c.now_ns, sizeof(ticks));
  if (!c.memory.write(c.parameter, ticks)) return bad_memory(c, c.parameter);
  return {.result = 0};
}

Semihosting::Outcome Semihosting::tick_frequency(Call&) { return {.result = kNanosecondsPerSecond}; }

// --- The program

// Nothing on the host is run for a guest.
Semihosting::Outcome Semihosting::system(Call& c) {
  guest_error("semihosting: SYS_SYSTEM \"{}\" is refused", name_at(c, c.args[0], c.args[1]).value_or("?"));
  return failed(EPERM);
}

Semihosting::Outcome Semihosting::error_number(Call&) {
  const std::lock_guard lock(mutex_);
  return {.result = static_cast<u64>(error_)};
}

Semihosting::Outcome Semihosting::command_line(Call& c) {
  const std::string& line = config_.command_line;
  if (c.args[1] < line.size() + 1) return failed(E2BIG);
  if (!c.memory.write(c.args[0], bytes_of({line.c_str(), line.size() + 1}))) return bad_memory(c, c.args[0]);
  const u64 size = line.size();
  u8 word[8];
  std::memcpy(word, &size, sizeof(word));
  if (!c.memory.write(c.parameter + 8, word)) return bad_memory(c, c.parameter + 8);
  return {.result = 0};
}

Semihosting::Outcome Semihosting::heap_info(Call& c) {
  u8 block[sizeof(config_.heap_info)];
  std::memcpy(block, config_.heap_info.data(), sizeof(block));
  if (!c.memory.write(c.args[0], block)) return bad_memory(c, c.args[0]);
  return {.result = 0};
}

// SYS_EXIT and SYS_EXIT_EXTENDED are the same in AArch64: the reason, and for an application's exit its status.
Semihosting::Outcome Semihosting::exit(Call& c) {
  u64 words[2] = {};
  if (!c.memory.read(c.parameter, {reinterpret_cast<u8*>(words), sizeof(words)})) {
    bad_memory(c, c.parameter);
    return {Outcome::Kind::Exit, 1};
  }
  if (words[0] == kApplicationExit) return {Outcome::Kind::Exit, host_status(words[1])};
  fmt::print(stderr, "ferry: semihosting: the guest stopped with reason {:#x} ({:#x})\n", words[0], words[1]);
  return {Outcome::Kind::Exit, 1};
}

Semihosting::Outcome Semihosting::nothing(Call&) { return {.result = 0}; }

}  // namespace ferry::machines
