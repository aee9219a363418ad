#include "softmmu/ram.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ferry::softmmu {

Result<std::unique_ptr<Ram>> Ram::create(const std::string& name, u64 size) {
  ASSERT(size != 0 && size % kPageSize == 0, "RAM comes in whole pages");
  std::unique_ptr<Ram> ram(new Ram);
  ram->size_ = size;
  ram->fd_ = memfd_create(name.c_str(), MFD_CLOEXEC);
  if (ram->fd_ < 0) return Error{fmt::format("{}: no memory file for guest RAM: {}", name, std::strerror(errno))};
  if (ftruncate(ram->fd_, static_cast<off_t>(size)) != 0)
    return Error{fmt::format("{}: {} bytes of guest RAM refused by the host: {}", name, size, std::strerror(errno))};
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, ram->fd_, 0);
  if (at == MAP_FAILED)
    return Error{fmt::format("{}: {} bytes of guest RAM cannot be mapped: {}", name, size, std::strerror(errno))};
  ram->host_ = static_cast<u8*>(at);
  // Failure only costs speed: the host may not offer huge pages for shared memory.
  static_cast<void>(madvise(at, size, MADV_HUGEPAGE));
  const usize pages = static_cast<usize>(size / kPageSize);
  static_assert(sizeof(std::atomic<u8>) == 1 && sizeof(std::atomic<u32>) == 4, "zero bytes are zero atomics");
  ram->flags_ = static_cast<std::atomic<u8>*>(std::calloc(pages, sizeof(std::atomic<u8>)));
  ram->generations_ = static_cast<std::atomic<u32>*>(std::calloc(pages, sizeof(std::atomic<u32>)));
  if (ram->flags_ == nullptr || ram->generations_ == nullptr)
    return Error{fmt::format("{}: no host memory for its page table", name)};
  return Result<std::unique_ptr<Ram>>(std::move(ram));
}

Ram::~Ram() {
  if (host_ != nullptr) munmap(host_, size_);
  if (fd_ >= 0) close(fd_);
  std::free(flags_);
  std::free(generations_);
}

}  // namespace ferry::softmmu
