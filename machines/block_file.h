// Storage back ends: a raw disk image on the host, the same with its writes kept in memory, and plain memory.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/ports.h"
#include "core/result.h"

namespace ferry::machines {

// A raw image. Only one ferry writes an image at a time: it is locked (flock). Discarded and zeroed ranges become holes
// where the host's file system can.
class BlockFile final : public BlockBackend {
 public:
  // Errors: missing, not a regular file or block device, empty, not whole 512-byte sectors, locked, read-only on the
  // host.
  static Result<std::unique_ptr<BlockFile>> open(const std::string& path, bool read_only);
  ~BlockFile() override;

  u64 size() const override { return size_; }
  bool read_only() const override { return read_only_; }
  Status read(u64 offset, std::span<u8> to) override;
  Status write(u64 offset, std::span<const u8> from) override;
  Status flush() override;
  Status write_zeroes(u64 offset, u64 size) override;
  Status discard(u64 offset, u64 size) override;

 private:
  BlockFile() = default;
  Status inside(u64 offset, u64 size) const;
  std::string path_;
  int fd_ = -1;
  u64 size_ = 0;
  bool read_only_ = false;
};

// What is written stays in memory and is forgotten; the back end below is only read.
class SnapshotBlock final : public BlockBackend {
 public:
  explicit SnapshotBlock(std::unique_ptr<BlockBackend> below) : below_(std::move(below)) {}

  u64 size() const override { return below_->size(); }
  bool read_only() const override { return false; }
  Status read(u64 offset, std::span<u8> to) override;
  Status write(u64 offset, std::span<const u8> from) override;
  Status flush() override { return {}; }
  Status write_zeroes(u64 offset, u64 size) override;
  Status discard(u64, u64) override { return {}; }

 private:
  static constexpr u64 kPiece = 64 << 10;
  Result<u8*> piece(u64 index);  // of this piece of our own, filled from below at first
  std::unique_ptr<BlockBackend> below_;
  std::map<u64, std::vector<u8>> pieces_;
};

// `size` bytes, the first of them `content`, the rest `fill`; forgotten at the end.
class MemoryBlock final : public BlockBackend {
 public:
  MemoryBlock(std::vector<u8> content, u64 size, u8 fill);

  u64 size() const override { return bytes_.size(); }
  bool read_only() const override { return false; }
  Status read(u64 offset, std::span<u8> to) override;
  Status write(u64 offset, std::span<const u8> from) override;
  Status flush() override { return {}; }
  Status write_zeroes(u64 offset, u64 size) override;
  Status discard(u64, u64) override { return {}; }

 private:
  std::vector<u8> bytes_;
};

}  // namespace ferry::machines
