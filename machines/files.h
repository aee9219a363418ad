// Whole files into memory, with the errors a person can act on.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/types.h"

namespace ferry::machines {

// A regular file that is open for reading; any number of threads may read from it.
class OpenFile {
 public:
  // `what` completes "expected ...": "a device tree blob". Errors: missing, unreadable, a folder, larger than `limit`
  // bytes, empty.
  static Result<std::shared_ptr<const OpenFile>> open(const std::string& path, u64 limit, const std::string& what);
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile();

  u64 size() const { return size_; }  // bytes, when it was opened
  // Fills all of `to` from byte `offset` on. An Error when the host cannot read it or it has become shorter.
  Status read(std::span<u8> to, u64 offset) const;

 private:
  OpenFile(int fd, std::string path, std::string what) : fd_(fd), path_(std::move(path)), what_(std::move(what)) {}
  Error wrong(std::string_view sentence) const;
  int fd_;
  std::string path_, what_;
  u64 size_ = 0;
};

// The content of a regular file, with the errors of OpenFile.
Result<std::vector<u8>> read_file(const std::string& path, u64 limit, const std::string& what);
Result<std::vector<u8>> read_file(const OpenFile& file);

}  // namespace ferry::machines
