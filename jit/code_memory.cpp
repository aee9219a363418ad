#include "jit/code_memory.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/sanitizer.h"

namespace ferry::jit {
namespace {

constexpr usize kAlign = 16;
constexpr usize kPage = 4096, kHugePage = usize{1} << 21;

// All code memories of a process lie in one window of 2 GiB, so that a rel32 leads from any to any other. Nothing is
// shared to find it but the process itself (the tiers may be in different shared objects): a place that programs, heaps
// and libraries do not use, moved by the random number that the kernel gives each process.
constexpr u64 kWindows = u64{0x2000} << 32, kWindowSize = u64{1} << 31, kStep = u64{1} << 21;

u8* window() {
  u64 random = 0;
  if (const unsigned long at = getauxval(AT_RANDOM); at != 0)
    std::memcpy(&random, reinterpret_cast<const void*>(at), sizeof(random));
  return reinterpret_cast<u8*>(kWindows + ((random & 0xfff) << 32));
}

// ThreadSanitizer has the window for itself. Its mmap drops the address and keeps the flags: that would be address 0.
constexpr bool kWindowIsFree = !FERRY_THREAD_SANITIZER;

void* map_in_window(usize capacity, int fd) {
  constexpr int kFlags = MAP_SHARED | MAP_FIXED_NOREPLACE;
  for (u64 offset = 0; kWindowIsFree && offset + capacity <= kWindowSize; offset += kStep) {
    u8* const place = window() + offset;
    void* const got = mmap(place, capacity, PROT_READ | PROT_EXEC, kFlags, fd, 0);
    if (got == place) return got;
    if (got != MAP_FAILED) munmap(got, capacity);  // a kernel that takes the address as a hint
    if (got != MAP_FAILED || errno != EEXIST) break;
  }
  // Where the window cannot be had (a sanitizer's shadow is there), anywhere: Baseline::link() leaves out what is too
  // far.
  return mmap(nullptr, capacity, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
}

Error host_error(const char* what) { return {std::string("code memory: ") + what + ": " + std::strerror(errno)}; }

}  // namespace

Result<CodeMemory> CodeMemory::create(usize capacity) {
  capacity = (capacity + kPage - 1) & ~(kPage - 1);
  if (capacity == 0 || capacity >= usize{1} << 31) return Error{"code memory: size out of range, expected below 2 GiB"};
  const int fd = memfd_create("ferry-code", MFD_CLOEXEC);
  if (fd < 0) return host_error("memfd_create");
  if (ftruncate(fd, static_cast<off_t>(capacity)) != 0) {
    const Error e = host_error("ftruncate");
    close(fd);
    return e;
  }
  void* write = mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  void* exec = map_in_window(capacity, fd);
  const Error e = host_error("mmap");
  close(fd);
  if (write == MAP_FAILED || exec == MAP_FAILED) {
    if (write != MAP_FAILED) munmap(write, capacity);
    if (exec != MAP_FAILED) munmap(exec, capacity);
    return e;
  }
  return CodeMemory(static_cast<u8*>(write), static_cast<u8*>(exec), capacity);
}

CodeMemory::CodeMemory(CodeMemory&& other) noexcept
    : write_(std::exchange(other.write_, nullptr)),
      exec_(std::exchange(other.exec_, nullptr)),
      capacity_(other.capacity_),
      used_(other.used_),
      huge_end_(other.huge_end_),
      kept_(other.kept_) {}

CodeMemory::~CodeMemory() {
  if (write_ == nullptr) return;
  munmap(write_, capacity_);
  munmap(exec_, capacity_);
}

u8* CodeMemory::allocate(usize size) {
  size = (size + kAlign - 1) & ~(kAlign - 1);
  if (size > available()) return nullptr;
  u8* at = write_ + used_;
  used_ += size;
  if (used_ > huge_end_) begin_huge_page();
  return at;
}

// Code is spread thin over tens of megabytes, so the host's instruction TLB misses on small pages. The kernel makes
// huge pages of a memfd only when it is asked for each (Linux 6.1; an older one refuses, and small ones stay), and only
// where something has been written. What fits into the first one is a short run's and not worth the milliseconds.
void CodeMemory::begin_huge_page() {
#ifdef MADV_COLLAPSE
  constexpr int kCollapse = MADV_COLLAPSE;
#else
  constexpr int kCollapse = 25;
#endif
  const usize begin = (used_ - 1) & ~(kHugePage - 1);
  huge_end_ = begin + kHugePage;
  if (begin == 0 || huge_end_ > capacity_) return;
  write_[begin] = 0xcc;  // of the allocation that was just made, whose owner has not filled it yet
  static_cast<void>(madvise(exec_ + begin, kHugePage, kCollapse));
}

}  // namespace ferry::jit
