#include "machines/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ferry::machines {
namespace {

// Of fresh memory: a kernel of 32 MiB costs 16 page faults then, not 8000.
void use_huge_pages(u8* bytes, usize size) {
  constexpr usize kHugePage = usize{1} << 21;
  const usize skip = -reinterpret_cast<uintptr_t>(bytes) & (kHugePage - 1);
  if (size >= skip + kHugePage)
    static_cast<void>(madvise(bytes + skip, (size - skip) & ~(kHugePage - 1), MADV_HUGEPAGE));
}

}  // namespace

Result<std::shared_ptr<const OpenFile>> OpenFile::open(const std::string& path, u64 limit, const std::string& what) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const int error = errno;
  std::shared_ptr<OpenFile> file(new OpenFile(fd, path, what));
  if (fd < 0) return file->wrong(std::strerror(error));
  struct stat facts{};
  if (fstat(file->fd_, &facts) != 0) return file->wrong(std::strerror(errno));
  if (S_ISDIR(facts.st_mode)) return file->wrong("is a folder");
  if (!S_ISREG(facts.st_mode)) return file->wrong("is not a regular file");
  file->size_ = static_cast<u64>(facts.st_size);
  if (file->size_ == 0) return file->wrong("is empty");
  if (file->size_ > limit)
    return file->wrong(fmt::format("is too large ({} bytes, at most {} fit)", file->size_, limit));
  return std::shared_ptr<const OpenFile>(std::move(file));
}

OpenFile::~OpenFile() {
  if (fd_ >= 0) close(fd_);
}

Error OpenFile::wrong(std::string_view sentence) const {
  return Error{fmt::format("{}: {}, expected {}", path_, sentence, what_)};
}

Status OpenFile::read(std::span<u8> to, u64 offset) const {
  usize done = 0;
  while (done < to.size()) {
    const ssize_t got = pread(fd_, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return wrong(std::strerror(errno));
    if (got == 0) return wrong(fmt::format("ended after {} of {} bytes", offset + done, size_));
    done += static_cast<usize>(got);
  }
  return {};
}

Result<std::vector<u8>> read_file(const std::string& path, u64 limit, const std::string& what) {
  auto file = OpenFile::open(path, limit, what);
  if (!file) return file.error();
  return read_file(**file);
}

Result<std::vector<u8>> read_file(const OpenFile& file) {
  std::vector<u8> bytes;
  bytes.reserve(file.size());
  use_huge_pages(bytes.data(), file.size());
  bytes.resize(file.size());
  if (Status status = file.read(bytes, 0); !status) return status.error();
  return bytes;
}

}  // namespace ferry::machines
