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

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

// Of fresh memory: a kernel of 32 MiB costs 16 page faults then, not 8000.
void use_huge_pages(u8* bytes, usize size) {
  constexpr usize kHugePage = usize{1} << 21;
  const usize skip = -reinterpret_cast<uintptr_t>(bytes) & (kHugePage - 1);
  if (size >= skip + kHugePage)
    static_cast<void>(madvise(bytes + skip, (size - skip) & ~(kHugePage - 1), MADV_HUGEPAGE));
}

}  // namespace

Result<std::vector<u8>> read_file(const std::string& path, u64 limit, const std::string& what) {
  const auto wrong = [&](std::string_view sentence) {
    return Error{fmt::format("{}: {}, expected {}", path, sentence, what)};
  };
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return wrong(std::strerror(errno));
  struct stat facts{};
  if (fstat(file.fd, &facts) != 0) return wrong(std::strerror(errno));
  if (S_ISDIR(facts.st_mode)) return wrong("is a folder");
  if (!S_ISREG(facts.st_mode)) return wrong("is not a regular file");
  const u64 size = static_cast<u64>(facts.st_size);
  if (size == 0) return wrong("is empty");
  if (size > limit) return wrong(fmt::format("is too large ({} bytes, at most {} fit)", size, limit));
  std::vector<u8> bytes;
  bytes.reserve(size);
  use_huge_pages(bytes.data(), size);
  bytes.resize(size);
  usize done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(file.fd, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return wrong(std::strerror(errno));
    if (got == 0) return wrong(fmt::format("ended after {} of {} bytes", done, bytes.size()));
    done += static_cast<usize>(got);
  }
  return bytes;
}

}  // namespace ferry::machines
