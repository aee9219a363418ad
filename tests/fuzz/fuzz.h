// What the fuzz targets share. Each is a program around libFuzzer: whatever the bytes, ferry answers with a Result.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <span>
#include <string>

#include "core/types.h"

namespace ferry::fuzz {

// The bytes as a file of memory, for what reads files by path.
class File {
 public:
  explicit File(std::span<const u8> bytes) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    for (usize done = 0; done < bytes.size();) {
      const ssize_t n = write(fd_, bytes.data() + done, bytes.size() - done);
      if (n <= 0) break;
      done += static_cast<usize>(n);
    }
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace ferry::fuzz
