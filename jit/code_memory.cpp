#include "jit/code_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ferry::jit {
namespace {

constexpr usize kAlign = 16;
constexpr usize kPage = 4096;

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
  void* exec = mmap(nullptr, capacity, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
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
  return at;
}

}  // namespace ferry::jit
