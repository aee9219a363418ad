// The folder of the persistent code cache: whose it is, its key, its lock. Host code in it cannot be checked for
// malice, so everything in it must belong to the user who runs ferry and be closed to everybody else.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/types.h"
#include "runtime/persistent/format.h"

namespace ferry::runtime::persistent {

// $FERRY_CACHE, else $XDG_CACHE_HOME/ferry, else ~/.cache/ferry; empty when there is no home. FERRY_CACHE=off: empty
// too.
std::string default_folder();

// A file descriptor that closes itself.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& o) noexcept : fd_(o.fd_) { o.fd_ = -1; }
  File& operator=(File&& o) noexcept;
  ~File();
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

class Folder {
 public:
  using Secret = std::array<u8, 32>;
  // Makes the folder (0700) and its key when they are missing. Refuses what is not the user's own, is open to others or
  // cannot be written.
  static Result<Folder> open(const std::string& path);
  // The same, without making anything; an error when it is not there.
  static Result<Folder> look(const std::string& path);

  const std::string& path() const { return path_; }
  // A file of the folder, checked to be the user's own. An error names it; a missing one is `missing`.
  Result<File> open_file(const std::string& name, int flags, bool& missing) const;
  const Secret& secret() const { return secret_; }

  // One writer at a time, over all processes. Waits up to `milliseconds`; false: somebody else has it.
  bool lock(unsigned milliseconds);
  void unlock();

  struct Entry {
    std::string name;
    u64 size = 0;
    i64 used_ns = 0;  // of the last use: modification time, nanoseconds since 1970
  };
  // The .code files.
  std::vector<Entry> entries() const;
  // What a crashed writer left. Call under the lock.
  void tidy() const;

 private:
  static Result<Folder> check(const std::string& path);
  Status read_key();
  std::string path_;
  File dir_, lock_;
  Secret secret_{};
};

}  // namespace ferry::runtime::persistent
