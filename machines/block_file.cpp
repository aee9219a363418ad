#include "machines/block_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ferry::machines {
namespace {

constexpr u64 kSector = 512;

Status check_range(u64 offset, u64 size, u64 limit, const std::string& name) {
  if (offset <= limit && size <= limit - offset) return {};
  return Error{fmt::format("{}: {} bytes at {:#x}, expected a range inside {} bytes", name, size, offset, limit)};
}

}  // namespace

Result<std::unique_ptr<BlockFile>> BlockFile::open(const std::string& path, bool read_only) {
  const auto wrong = [&](std::string_view sentence, std::string_view expected) {
    return Error{fmt::format("{}: {}, expected {}", path, sentence, expected)};
  };
  std::unique_ptr<BlockFile> file(new BlockFile);
  file->path_ = path;
  file->read_only_ = read_only;
  file->fd_ = ::open(path.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
  if (file->fd_ < 0) {
    const bool denied = !read_only && (errno == EACCES || errno == EROFS || errno == EPERM);
    return wrong(std::strerror(errno),
                 denied ? "a disk image that can be written (or readonly=on, or snapshot=on)" : "a raw disk image");
  }
  struct stat facts{};
  if (fstat(file->fd_, &facts) != 0) return wrong(std::strerror(errno), "a raw disk image");
  if (S_ISBLK(facts.st_mode)) {
    if (ioctl(file->fd_, BLKGETSIZE64, &file->size_) != 0)
      return wrong(std::strerror(errno), "a block device with a size");
  } else if (S_ISREG(facts.st_mode)) {
    file->size_ = static_cast<u64>(facts.st_size);
  } else {
    return wrong(S_ISDIR(facts.st_mode) ? "is a folder" : "is neither a file nor a block device", "a raw disk image");
  }
  if (file->size_ == 0) return wrong("is empty", "a raw disk image");
  if (file->size_ % kSector != 0)
    return wrong(fmt::format("{} bytes", file->size_), "whole sectors of 512 bytes (a raw, untruncated disk image)");
  if (flock(file->fd_, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return wrong("is in use by another ferry", "an image of its own for each, or snapshot=on");
  }
  return file;
}

BlockFile::~BlockFile() {
  if (fd_ >= 0) close(fd_);
}

Status BlockFile::inside(u64 offset, u64 size) const { return check_range(offset, size, size_, path_); }

Status BlockFile::read(u64 offset, std::span<u8> to) {
  if (Status status = inside(offset, to.size()); !status) return status;
  usize done = 0;
  while (done < to.size()) {
    const ssize_t got = pread(fd_, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{fmt::format("{}: read at {:#x}: {}", path_, offset + done, std::strerror(errno))};
    if (got == 0) return Error{fmt::format("{}: read at {:#x}: the file has become shorter", path_, offset + done)};
    done += static_cast<usize>(got);
  }
  return {};
}

Status BlockFile::write(u64 offset, std::span<const u8> from) {
  if (Status status = inside(offset, from.size()); !status) return status;
  if (read_only_) return Error{fmt::format("{}: write to a read-only drive", path_)};
  usize done = 0;
  while (done < from.size()) {
    const ssize_t put = pwrite(fd_, from.data() + done, from.size() - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Error{fmt::format("{}: write at {:#x}: {}", path_, offset + done, std::strerror(errno))};
    done += static_cast<usize>(put);
  }
  return {};
}

Status BlockFile::flush() {
  if (read_only_ || fdatasync(fd_) == 0) return {};
  return Error{fmt::format("{}: flush: {}", path_, std::strerror(errno))};
}

Status BlockFile::write_zeroes(u64 offset, u64 size) {
  if (Status status = inside(offset, size); !status) return status;
  if (read_only_) return Error{fmt::format("{}: write to a read-only drive", path_)};
  if (fallocate(fd_, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                static_cast<off_t>(size)) == 0)
    return {};
  const std::vector<u8> zeroes(std::min<u64>(size, 1 << 20));
  while (size > 0) {
    const u64 count = std::min<u64>(size, zeroes.size());
    if (Status status = write(offset, std::span(zeroes).first(count)); !status) return status;
    offset += count;
    size -= count;
  }
  return {};
}

Status BlockFile::discard(u64 offset, u64 size) {
  if (Status status = inside(offset, size); !status) return status;
  if (read_only_) return Error{fmt::format("{}: discard on a read-only drive", path_)};
  // A file system without holes keeps the old content, which a discarded range may have.
  (void)fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(size));
  return {};
}

// --- Snapshot
// -----------------------------------------------------------------------------------------------------------------

Result<u8*> SnapshotBlock::piece(u64 index) {
  const auto [found, fresh] = pieces_.try_emplace(index);
  if (fresh) {
    const u64 offset = index * kPiece;
    found->second.resize(kPiece);
    const u64 count = std::min(kPiece, size() - offset);
    if (Status status = below_->read(offset, std::span(found->second).first(count)); !status) {
      pieces_.erase(found);
      return status.error();
    }
  }
  return found->second.data();
}

Status SnapshotBlock::read(u64 offset, std::span<u8> to) {
  if (Status status = check_range(offset, to.size(), size(), "snapshot"); !status) return status;
  while (!to.empty()) {
    const u64 index = offset / kPiece, start = offset % kPiece;
    const u64 count = std::min<u64>(to.size(), kPiece - start);
    if (const auto own = pieces_.find(index); own != pieces_.end()) {
      std::copy_n(own->second.begin() + static_cast<std::ptrdiff_t>(start), count, to.begin());
    } else if (Status status = below_->read(offset, to.first(count)); !status) {
      return status;
    }
    to = to.subspan(count);
    offset += count;
  }
  return {};
}

Status SnapshotBlock::write(u64 offset, std::span<const u8> from) {
  if (Status status = check_range(offset, from.size(), size(), "snapshot"); !status) return status;
  while (!from.empty()) {
    const u64 start = offset % kPiece;
    const u64 count = std::min<u64>(from.size(), kPiece - start);
    auto own = piece(offset / kPiece);
    if (!own) return own.error();
    std::copy_n(from.begin(), count, *own + start);
    from = from.subspan(count);
    offset += count;
  }
  return {};
}

Status SnapshotBlock::write_zeroes(u64 offset, u64 size) {
  const std::vector<u8> zeroes(std::min<u64>(size, kPiece));
  while (size > 0) {
    const u64 count = std::min<u64>(size, zeroes.size());
    if (Status status = write(offset, std::span(zeroes).first(count)); !status) return status;
    offset += count;
    size -= count;
  }
  return {};
}

// --- Memory
// -------------------------------------------------------------------------------------------------------------------

MemoryBlock::MemoryBlock(std::vector<u8> content, u64 size, u8 fill) : bytes_(std::move(content)) {
  ASSERT(bytes_.size() <= size, "the content fits");
  bytes_.resize(size, fill);
}

Status MemoryBlock::read(u64 offset, std::span<u8> to) {
  if (Status status = check_range(offset, to.size(), size(), "memory"); !status) return status;
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
  return {};
}

Status MemoryBlock::write(u64 offset, std::span<const u8> from) {
  if (Status status = check_range(offset, from.size(), size(), "memory"); !status) return status;
  std::copy(from.begin(), from.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
  return {};
}

Status MemoryBlock::write_zeroes(u64 offset, u64 size) {
  if (Status status = check_range(offset, size, bytes_.size(), "memory"); !status) return status;
  std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), size, u8{0});
  return {};
}

}  // namespace ferry::machines
