#include "softmmu/ram.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace ferry::softmmu {

namespace {

constexpr u64 kHugePage = u64{2} << 20;

Error refused(const std::string& name, u64 size) {
  return Error{fmt::format("{}: {} bytes of guest RAM refused by the host: {}", name, size, std::strerror(errno))};
}

}  // namespace

Result<std::unique_ptr<Ram>> Ram::create(const std::string& name, u64 size, Backing backing) {
  ASSERT(size != 0 && size % kPageSize == 0, "RAM comes in whole pages");
  std::unique_ptr<Ram> ram(new Ram);
  ram->size_ = size;
  if (Status status = backing == Backing::Private ? ram->map_private(name) : ram->map_shared(name); !status)
    return status.error();
  // Failure only costs speed: the host may not offer huge pages.
  static_cast<void>(madvise(ram->host_, size, MADV_HUGEPAGE));
  const usize pages = static_cast<usize>(size / kPageSize);
  static_assert(sizeof(std::atomic<u8>) == 1 && sizeof(std::atomic<u32>) == 4, "zero bytes are zero atomics");
  ram->flags_ = static_cast<std::atomic<u8>*>(std::calloc(pages, sizeof(std::atomic<u8>)));
  ram->generations_ = static_cast<std::atomic<u32>*>(std::calloc(pages, sizeof(std::atomic<u32>)));
  if (ram->flags_ == nullptr || ram->generations_ == nullptr)
    return Error{fmt::format("{}: no host memory for its page table", name)};
  return Result<std::unique_ptr<Ram>>(std::move(ram));
}

// Where a huge page begins, so that the first of the guest's can be one.
Status Ram::map_private(const std::string& name) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const u64 reserved = size_ + kHugePage;
  void* const at = reserved < size_ ? MAP_FAILED : mmap(nullptr, reserved, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (at == MAP_FAILED) return refused(name, size_);
  u8* const begin = static_cast<u8*>(at);
  const u64 before = -reinterpret_cast<u64>(begin) % kHugePage;
  host_ = begin + before;
  if (before != 0) munmap(begin, before);
  munmap(host_ + size_, kHugePage - before);
  return {};
}

Status Ram::map_shared(const std::string& name) {
  fd_ = memfd_create(name.c_str(), MFD_CLOEXEC);
  if (fd_ < 0) return Error{fmt::format("{}: no memory file for guest RAM: {}", name, std::strerror(errno))};
  if (ftruncate(fd_, static_cast<off_t>(size_)) != 0) return refused(name, size_);
  void* const at = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd_, 0);
  if (at == MAP_FAILED) return refused(name, size_);
  host_ = static_cast<u8*>(at);
  return {};
}

void Ram::visit_used(const std::function<bool(u64 offset, u64 size)>& visit) const {
  if (fd_ >= 0) {
    const auto size = static_cast<off_t>(size_);
    for (off_t at = 0; at < size && (at = lseek(fd_, at, SEEK_DATA)) >= 0;) {
      off_t end = lseek(fd_, at, SEEK_HOLE);
      if (end < 0 || end > size) end = size;
      if (!visit(static_cast<u64>(at), static_cast<u64>(end - at))) return;
      at = end;
    }
    return;
  }
  const int pages = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  constexpr u64 kHeld = u64{3} << 62;  // in memory, or swapped out
  std::vector<u64> entries(4096);
  u64 from = 0, to = 0;  // a run that has not been shown yet
  bool more = true;
  for (u64 at = 0; at < size_ && more;) {
    const u64 wanted = std::min<u64>(entries.size(), (size_ - at) >> kPageShift);
    const auto place = static_cast<off_t>((reinterpret_cast<u64>(host_ + at) >> kPageShift) * sizeof(u64));
    const ssize_t got = pages < 0 ? 0 : pread(pages, entries.data(), wanted * sizeof(u64), place);
    // Without the host's answer every page counts as held.
    if (got != static_cast<ssize_t>(wanted * sizeof(u64))) std::fill_n(entries.begin(), wanted, kHeld);
    for (u64 i = 0; i < wanted && more; ++i, at += kPageSize) {
      if ((entries[i] & kHeld) == 0) continue;
      if (at != to) {
        if (to != from) more = visit(from, to - from);
        from = at;
      }
      to = at + kPageSize;
    }
  }
  if (more && to != from) visit(from, to - from);
  if (pages >= 0) close(pages);
}

Ram::~Ram() {
  if (host_ != nullptr) munmap(host_, size_);
  if (fd_ >= 0) close(fd_);
  std::free(flags_);
  std::free(generations_);
}

}  // namespace ferry::softmmu
