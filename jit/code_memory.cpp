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

// A free place of the window, reserved without access; where the window cannot be had (a sanitizer's shadow is there),
// one anywhere: Baseline::link() leaves out what is too far. MAP_FAILED when there is none.
void* reserve(usize capacity) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  for (u64 offset = 0; kWindowIsFree && offset + capacity <= kWindowSize; offset += kStep) {
    u8* const place = window() + offset;
    void* const got = mmap(place, capacity, PROT_NONE, kFlags | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == place) return got;
    if (got != MAP_FAILED)
      munmap(got, capacity);  // an old kernel, or qemu-user, which take the address as a hint
    else if (errno != EEXIST)
      break;
  }
  return mmap(nullptr, capacity, PROT_NONE, kFlags, -1, 0);
}

// The same memory twice, the second time executable at `exec`, a reserved place. False: errno says why.
// perf looks names up in /tmp/perf-PID.map only for memory without a file's name, so shared anonymous memory is mapped
// again by mremap where that can be; qemu-user, which runs the tests of an arm64 build, does not survive a length of 0.
bool map_twice(usize capacity, void** write, void* exec) {
#if defined(__aarch64__)
  const int fd = memfd_create("ferry-code", MFD_CLOEXEC);
  if (fd < 0) return false;
  const bool sized = ftruncate(fd, static_cast<off_t>(capacity)) == 0;
  *write = sized ? mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  const bool mapped =
      *write != MAP_FAILED && mmap(exec, capacity, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
  close(fd);
  return mapped;
#else
  // Where a huge page can be mapped as one, as reserve() does for the other: else each of its small pages is a page
  // fault.
  u8* const any = static_cast<u8*>(
      mmap(nullptr, capacity + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (any == MAP_FAILED) return false;
  u8* const place = any + (-reinterpret_cast<uintptr_t>(any) & (kHugePage - 1));
  if (place != any) munmap(any, static_cast<usize>(place - any));
  if (place != any + kHugePage) munmap(place + capacity, static_cast<usize>(any + kHugePage - place));
  *write = mmap(place, capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (*write == MAP_FAILED) munmap(place, capacity);
  return *write != MAP_FAILED && mremap(*write, 0, capacity, MREMAP_MAYMOVE | MREMAP_FIXED, exec) != MAP_FAILED &&
         mprotect(exec, capacity, PROT_READ | PROT_EXEC) == 0;
#endif
}

Error host_error(const char* what) { return {std::string("code memory: ") + what + ": " + std::strerror(errno)}; }

}  // namespace

Result<CodeMemory> CodeMemory::create(usize capacity) {
  capacity = (capacity + kPage - 1) & ~(kPage - 1);
  if (capacity == 0 || capacity >= usize{1} << 31) return Error{"code memory: size out of range, expected below 2 GiB"};
  void* const exec = reserve(capacity);
  if (exec == MAP_FAILED) return host_error("mmap");
  void* write = MAP_FAILED;
  if (!map_twice(capacity, &write, exec)) {
    const Error e = host_error("mapping it twice");
    if (write != MAP_FAILED) munmap(write, capacity);
    munmap(exec, capacity);
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
  if (used_ > huge_end_ && size < kHugePage) begin_huge_page();  // a larger piece is filled bit by bit, if ever
  return at;
}

// Code is spread thin over tens of megabytes, so the host's instruction TLB misses on small pages. The kernel makes
// huge pages of shared memory only when it is asked for each (Linux 6.1; an older one refuses, and small ones stay),
// and only where something has been written. What fits into the first one is a short run's and not worth the
// milliseconds.
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
