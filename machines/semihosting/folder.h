// The folder that a guest's semihosting calls may reach, and nothing outside it: neither by "..", nor by an absolute
// path, nor through a symbolic link, nor through what is not a regular file.
#pragma once
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/types.h"

namespace ferry::machines {

class SemihostingFolder {
 public:
  // No folder: every path is refused.
  SemihostingFolder() = default;
  // Errors: `path` is no folder, or cannot be read.
  static Result<SemihostingFolder> at(const std::string& path);
  SemihostingFolder(SemihostingFolder&& other) noexcept { swap(other); }
  SemihostingFolder& operator=(SemihostingFolder&& other) noexcept {
    swap(other);
    return *this;
  }
  ~SemihostingFolder();

  // The results are 0 (open: a descriptor, the caller's to close) or minus an errno of the host. A path that leaves the
  // folder is -EACCES, and said on stderr or in the log.
  int open(std::string_view path, int flags);
  int remove(std::string_view path);
  int rename(std::string_view from, std::string_view to);

 private:
  void swap(SemihostingFolder& other) noexcept;
  int beneath(const std::string& path, int flags, unsigned mode) const;
  int parent(const std::string& path, std::string& last) const;
  bool inside(std::string_view path, std::string& relative) const;
  int refused(std::string_view path, int error);

  int fd_ = -1;
  std::string canonical_;  // without a trailing slash
  unsigned refusals_ = 0;
};

}  // namespace ferry::machines
