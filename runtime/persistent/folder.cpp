#include "runtime/persistent/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace ferry::runtime::persistent {
namespace {

constexpr const char* kKey = "key";
constexpr const char* kPart = ".part";

Error fail(const std::string& path, const char* expected) {
  return {fmt::format("{}: {}, expected {}", path, std::strerror(errno), expected)};
}

// Like mkdir -p; the folders above get the umask's mode.
bool make_folders(const std::string& path) {
  for (usize at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    if (mkdir(path.substr(0, at).c_str(), 0777) != 0 && errno != EEXIST) return false;
  return mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

}  // namespace

std::string default_folder() {
  if (const char* own = std::getenv("FERRY_CACHE"); own != nullptr && *own != 0)
    return std::strcmp(own, "off") == 0 ? "" : own;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg == '/')
    return std::string(xdg) + "/ferry";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::string(home) + "/.cache/ferry";
  return "";
}

File& File::operator=(File&& o) noexcept {
  if (fd_ >= 0 && fd_ != o.fd_) close(fd_);
  fd_ = std::exchange(o.fd_, -1);
  return *this;
}

File::~File() {
  if (fd_ >= 0) close(fd_);
}

Result<Folder> Folder::check(const std::string& path) {
  Folder folder;
  folder.path_ = path;
  folder.dir_ = File(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.dir_) return fail(path, "a folder");
  struct stat facts{};
  if (fstat(folder.dir_.fd(), &facts) != 0) return fail(path, "a folder");
  if (facts.st_uid != geteuid()) return Error{path + ": belongs to another user, expected a folder of your own"};
  if ((facts.st_mode & 077) != 0)
    return Error{fmt::format("{}: open to other users (mode {:o}), expected mode 700", path, facts.st_mode & 07777)};
  return folder;
}

Result<Folder> Folder::open(const std::string& path) {
  if (path.empty() || path[0] != '/')
    return Error{fmt::format("{}: not a full path, expected one that begins with /", path)};
  if (!make_folders(path)) return fail(path, "a folder that can be made");
  auto folder = check(path);
  if (!folder) return folder;
  folder->lock_ = File(openat(folder->dir_.fd(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!folder->lock_) return fail(path, "a folder that can be written");
  if (Status status = folder->read_key(); !status) return status.error();
  return folder;
}

Result<Folder> Folder::look(const std::string& path) {
  auto folder = check(path);
  if (!folder) return folder;
  folder->lock_ = File(openat(folder->dir_.fd(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!folder->lock_) return fail(path, "a folder that can be written");
  return folder;
}

Result<File> Folder::open_file(const std::string& name, int flags, bool& missing) const {
  const std::string full = path_ + "/" + name;
  missing = false;
  File file(openat(dir_.fd(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) {
    missing = errno == ENOENT;
    return fail(full, "a file that can be read and written");
  }
  struct stat facts{};
  if (fstat(file.fd(), &facts) != 0) return fail(full, "a file");
  if (!S_ISREG(facts.st_mode)) return Error{full + ": no regular file, expected one of the code cache"};
  if (facts.st_uid != geteuid()) return Error{full + ": belongs to another user, expected a file of your own"};
  if ((facts.st_mode & 077) != 0)
    return Error{fmt::format("{}: open to other users (mode {:o}), expected mode 600", full, facts.st_mode & 07777)};
  return file;
}

// Two that start at once agree on one key: whoever links its own first has made it.
Status Folder::read_key() {
  if (sodium_init() < 0) return Error{"libsodium: cannot start"};
  for (int tries = 0; tries < 3; ++tries) {
    bool missing = false;
    auto file = open_file(kKey, O_RDONLY, missing);
    if (!file && !missing) return file.error();
    if (file) {
      u8 extra = 0;
      const bool whole = read(file->fd(), secret_.data(), secret_.size()) == static_cast<ssize_t>(secret_.size()) &&
                         read(file->fd(), &extra, 1) == 0;
      if (whole) return {};
      // Nothing that was written under it can be checked any more; it goes when it is opened.
      unlinkat(dir_.fd(), kKey, 0);
    }
    randombytes_buf(secret_.data(), secret_.size());
    const std::string part = fmt::format("key.{}{}", getpid(), kPart);
    unlinkat(dir_.fd(), part.c_str(), 0);
    File fresh(openat(dir_.fd(), part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const bool written =
        fresh && write(fresh.fd(), secret_.data(), secret_.size()) == static_cast<ssize_t>(secret_.size());
    const int error = errno;
    if (written) (void)!linkat(dir_.fd(), part.c_str(), dir_.fd(), kKey, 0);
    if (fresh) unlinkat(dir_.fd(), part.c_str(), 0);
    errno = error;
    if (!written) return fail(path_ + "/" + kKey, "room for it");
  }
  return Error{path_ + "/" + kKey + ": cannot be made"};
}

bool Folder::lock(unsigned milliseconds) {
  for (unsigned waited = 0;; ++waited) {
    if (flock(lock_.fd(), LOCK_EX | LOCK_NB) == 0) return true;
    if (waited >= milliseconds) return false;
    usleep(1000);
  }
}

void Folder::unlock() { flock(lock_.fd(), LOCK_UN); }

std::vector<Folder::Entry> Folder::entries() const {
  std::vector<Entry> all;
  DIR* dir = opendir(path_.c_str());
  if (dir == nullptr) return all;
  while (const dirent* e = readdir(dir)) {
    const std::string name = e->d_name;
    struct stat facts{};
    if (!name.ends_with(".code") || fstatat(dir_.fd(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
    all.push_back(
        {name, static_cast<u64>(facts.st_size), i64{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec});
  }
  closedir(dir);
  return all;
}

void Folder::tidy() const {
  DIR* dir = opendir(path_.c_str());
  if (dir == nullptr) return;
  while (const dirent* e = readdir(dir)) {
    const std::string name = e->d_name;
    if (name.ends_with(".code.part")) unlinkat(dir_.fd(), name.c_str(), 0);
  }
  closedir(dir);
}

}  // namespace ferry::runtime::persistent
