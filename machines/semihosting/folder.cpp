// openat2 with RESOLVE_BENEATH (Linux 5.6) decides what is inside: the kernel follows each link and refuses the one
// that leaves, without a moment between the question and the opening. Where it is not to be had, links are refused.
#include "machines/semihosting/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "core/log.h"

namespace ferry::machines {
namespace {

constexpr usize kLongestPath = 4095;
constexpr unsigned kSaidOnStderr = 10;  // refusals; further ones only in the log

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

// One component after the other, none of them a link.
int walk_without_links(int folder, const std::string& path, int flags, unsigned mode) {
  Descriptor at{dup(folder)};
  usize begin = 0;
  while (at.fd >= 0) {
    const usize slash = path.find('/', begin);
    const std::string name = path.substr(begin, slash == std::string::npos ? slash : slash - begin);
    if (name == "..") return -EXDEV;
    const bool last = slash == std::string::npos;
    const int next =
        last ? openat(at.fd, name.empty() ? "." : name.c_str(), flags | O_NOFOLLOW, mode)
             : openat(at.fd, name.empty() ? "." : name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) return -errno;
    if (last) return next;
    close(std::exchange(at.fd, next));
    begin = slash + 1;
  }
  return -errno;
}

}  // namespace

Result<SemihostingFolder> SemihostingFolder::at(const std::string& path) {
  const std::unique_ptr<char, decltype(&free)> canonical(realpath(path.c_str(), nullptr), free);
  SemihostingFolder folder;
  if (canonical != nullptr) folder.fd_ = ::open(canonical.get(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder.fd_ < 0)
    return Error{
        fmt::format("{}: {}, expected a folder for the guest's semihosting files", path, std::strerror(errno))};
  folder.canonical_ = canonical.get();
  if (folder.canonical_ == "/") folder.canonical_.clear();
  return folder;
}

SemihostingFolder::~SemihostingFolder() {
  if (fd_ >= 0) close(fd_);
}

void SemihostingFolder::swap(SemihostingFolder& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(canonical_, other.canonical_);
  std::swap(refusals_, other.refusals_);
}

int SemihostingFolder::beneath(const std::string& path, int flags, unsigned mode) const {
  open_how how{};
  how.flags = static_cast<u64>(flags);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long fd = syscall(SYS_openat2, fd_, path.c_str(), &how, sizeof(how));
  if (fd >= 0) return static_cast<int>(fd);
  // EPERM and ENOSYS: a sandbox around ferry, or an old kernel, does not know the call.
  if (errno == ENOSYS || errno == EPERM) return walk_without_links(fd_, path, flags, mode);
  return -errno;
}

// An absolute path is inside when it begins with the folder's own.
bool SemihostingFolder::inside(std::string_view path, std::string& relative) const {
  if (fd_ < 0) return false;
  if (path.starts_with('/')) {
    if (!path.starts_with(canonical_) ||
        path.substr(canonical_.size()).find_first_not_of('/') == std::string_view::npos ||
        path[canonical_.size()] != '/')
      return false;
    path.remove_prefix(canonical_.size());
    path.remove_prefix(path.find_first_not_of('/'));
  }
  relative = path;
  return true;
}

int SemihostingFolder::refused(std::string_view path, int error) {
  if (error != -EXDEV) return error;
  const std::string sentence =
      fd_ < 0
          ? fmt::format("semihosting: \"{}\": the guest may use no files (-semihosting-config dir=)", path)
          : fmt::format("semihosting: \"{}\" is not inside {}, the folder the guest may use (-semihosting-config dir=)",
                        path, canonical_.empty() ? "/" : canonical_);
  if (refusals_++ < kSaidOnStderr) fmt::print(stderr, "ferry: {}\n", sentence);
  guest_error("{}", sentence);
  return -EACCES;
}

int SemihostingFolder::open(std::string_view path, int flags) {
  std::string relative;
  if (path.size() > kLongestPath) return -ENAMETOOLONG;
  if (path.empty()) return -ENOENT;
  if (path.find('\0') != std::string_view::npos) return -EINVAL;
  if (!inside(path, relative)) return refused(path, -EXDEV);
  // O_NONBLOCK: the open of a pipe would wait for its other end. What is no regular file is found out before it is
  // truncated, because it cannot be.
  const unsigned mode = (flags & O_CREAT) != 0 ? 0666 : 0;
  const int fd = beneath(relative, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
  if (fd < 0) return refused(path, fd);
  struct stat facts{};
  if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) return fd;
  close(fd);
  guest_error("semihosting: \"{}\" is not a regular file", path);
  return S_ISDIR(facts.st_mode) ? -EISDIR : -EACCES;
}

// The folder that the path's last component is in, as a descriptor.
int SemihostingFolder::parent(const std::string& path, std::string& last) const {
  const usize slash = path.rfind('/');
  last = slash == std::string::npos ? path : path.substr(slash + 1);
  if (last == "..") return -EXDEV;
  if (last.empty() || last == ".") return -EISDIR;
  return beneath(slash == std::string::npos ? "." : path.substr(0, slash + 1), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

int SemihostingFolder::remove(std::string_view path) {
  std::string relative, last;
  if (path.find('\0') != std::string_view::npos) return -EINVAL;
  if (!inside(path, relative)) return refused(path, -EXDEV);
  const Descriptor folder{parent(relative, last)};
  if (folder.fd < 0) return refused(path, folder.fd);
  return unlinkat(folder.fd, last.c_str(), 0) == 0 ? 0 : -errno;
}

int SemihostingFolder::rename(std::string_view from, std::string_view to) {
  std::string relative_from, relative_to, last_from, last_to;
  if (from.find('\0') != std::string_view::npos || to.find('\0') != std::string_view::npos) return -EINVAL;
  if (!inside(from, relative_from)) return refused(from, -EXDEV);
  if (!inside(to, relative_to)) return refused(to, -EXDEV);
  const Descriptor folder_from{parent(relative_from, last_from)};
  if (folder_from.fd < 0) return refused(from, folder_from.fd);
  const Descriptor folder_to{parent(relative_to, last_to)};
  if (folder_to.fd < 0) return refused(to, folder_to.fd);
  return renameat(folder_from.fd, last_from.c_str(), folder_to.fd, last_to.c_str()) == 0 ? 0 : -errno;
}

}  // namespace ferry::machines
