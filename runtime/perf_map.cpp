#include "runtime/perf_map.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

namespace ferry::runtime {
namespace {

constexpr usize kPage = 4096;

#if defined(__x86_64__)
constexpr u32 kMachine = EM_X86_64;
#else
constexpr u32 kMachine = EM_AARCH64;
#endif

// jitdump-specification.txt: all in the host's byte order.
struct DumpHeader {
  u32 magic = 0x4a695444, version = 1, total_size = sizeof(DumpHeader), machine = kMachine, pad = 0, pid = 0;
  u64 timestamp = 0, flags = 0;
};
struct RecordHeader {
  u32 id = 0, total_size = 0;
  u64 timestamp = 0;
};
struct LoadRecord {
  RecordHeader header;
  u32 pid = 0, tid = 0;
  u64 vma = 0, address = 0, size = 0, index = 0;  // then the name with its zero, and the bytes
};
static_assert(sizeof(DumpHeader) == 40 && sizeof(RecordHeader) == 16 && sizeof(LoadRecord) == 56);
constexpr u32 kLoad = 0, kClose = 3;

// The clock of `perf record -k mono`.
u64 monotonic_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<u64>(t.tv_sec) * 1'000'000'000 + static_cast<u64>(t.tv_nsec);
}

template <class T>
void append(std::string& to, const T& record) {
  to.append(reinterpret_cast<const char*>(&record), sizeof record);
}

std::string map_line(u64 at, u64 size, const std::string& name) {
  return fmt::format("{:x} {:x} {}\n", at, size, name);
}

// Never through a link: /tmp is everybody's.
int open_new(const std::string& path) {
  return ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
}

}  // namespace

Result<std::unique_ptr<PerfMap>> PerfMap::open(const Settings& settings, Name name) {
  std::unique_ptr<PerfMap> made(new PerfMap(std::move(name)));
  const auto pid = getpid();
  if (settings.perf_map)
    if (Status status = made->open_map(fmt::format("/tmp/perf-{}.map", pid)); !status) return status.error();
  const std::string folder = settings.perf_folder.empty() ? "." : settings.perf_folder;
  if (settings.perf_jitdump)
    if (Status status = made->open_dump(fmt::format("{}/jit-{}.dump", folder, pid)); !status) return status.error();
  return made;
}

Status PerfMap::open_map(const std::string& path) {
  map_path_ = path;
  map_ = open_new(path);
  if (map_ < 0) return Error{fmt::format("{}: {}, expected a file that can be written", path, std::strerror(errno))};
  return {};
}

Status PerfMap::open_dump(const std::string& path) {
  dump_path_ = path;
  dump_ = open_new(path);
  if (dump_ < 0) return Error{fmt::format("{}: {}, expected a file that can be written", path, std::strerror(errno))};
  DumpHeader header;
  header.pid = static_cast<u32>(getpid());
  header.timestamp = monotonic_ns();
  std::string bytes;
  append(bytes, header);
  put(dump_, dump_path_, bytes);
  // perf finds the file by the record of this mapping.
  void* const mark = mmap(nullptr, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE, dump_, 0);
  if (mark == MAP_FAILED)
    return Error{
        fmt::format("{}: mmap: {}, expected a file that may be mapped for execution", path, std::strerror(errno))};
  mark_ = mark;
  return {};
}

PerfMap::~PerfMap() {
  if (map_ >= 0 && map_has_stale_) write_map_anew();
  if (map_ >= 0) close(map_);
  if (dump_ >= 0) {
    std::string bytes;
    append(bytes, RecordHeader{kClose, sizeof(RecordHeader), monotonic_ns()});
    put(dump_, dump_path_, bytes);
  }
  if (dump_ >= 0) close(dump_);
  if (mark_ != nullptr) munmap(mark_, kPage);
}

void PerfMap::add(const void* code, usize size, u64 va, unsigned el, Kind kind) {
  if (size == 0) return;
  std::string name = name_ ? name_(va) : std::string{};
  if (name.empty()) name = fmt::format("el{}:{:x}", el, va);
  if (kind == Kind::Region) name += "[region]";
  if (dump_ >= 0) add_to_dump(code, size, name);
  if (map_ >= 0) add_to_map(reinterpret_cast<u64>(code), size, std::move(name));
}

void PerfMap::add_to_dump(const void* code, u64 size, const std::string& name) {
  LoadRecord record;
  record.header = {kLoad, static_cast<u32>(sizeof record + name.size() + 1 + size), monotonic_ns()};
  record.pid = static_cast<u32>(getpid());
  record.tid = static_cast<u32>(syscall(SYS_gettid));
  record.vma = record.address = reinterpret_cast<u64>(code);
  record.size = size;
  record.index = index_++;
  std::string bytes;
  bytes.reserve(record.header.total_size);
  append(bytes, record);
  bytes.append(name.c_str(), name.size() + 1);
  bytes.append(static_cast<const char*>(code), size);
  put(dump_, dump_path_, bytes);
}

void PerfMap::add_to_map(u64 at, u64 size, std::string name) {
  auto it = named_.lower_bound(at);
  if (it != named_.begin() && std::prev(it)->first + std::prev(it)->second.size > at) --it;
  while (it != named_.end() && it->first < at + size) {
    it = named_.erase(it);
    map_has_stale_ = true;
  }
  put(map_, map_path_, map_line(at, size, name));
  named_[at] = {size, std::move(name)};
}

void PerfMap::write_map_anew() {
  std::string bytes;
  for (const auto& [at, named] : named_) bytes += map_line(at, named.size, named.name);
  if (ftruncate(map_, 0) == 0 && lseek(map_, 0, SEEK_SET) == 0) put(map_, map_path_, bytes);
}

// A disk that is full ends the file, with a word, not the run.
void PerfMap::put(int& fd, const std::string& path, const std::string& bytes) {
  for (usize done = 0; fd >= 0 && done < bytes.size();) {
    const ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      std::fprintf(stderr, "ferry: %s: %s; the file ends here\n", path.c_str(), std::strerror(errno));
      close(std::exchange(fd, -1));
      return;
    }
    done += static_cast<usize>(n);
  }
}

}  // namespace ferry::runtime
