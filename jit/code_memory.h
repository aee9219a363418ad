// Code memory: one reserved address range for translated code, of shared memory that is mapped twice: writable and
// executable. Allocation is a bump pointer; memory comes back as a whole (reset).
#pragma once
#include "core/result.h"
#include "core/types.h"

namespace ferry::jit {

class CodeMemory {
 public:
  // capacity in bytes, rounded up to 4 KiB; below 2 GiB, so that any two places are a rel32 apart.
  static Result<CodeMemory> create(usize capacity);
  CodeMemory(CodeMemory&& other) noexcept;
  CodeMemory& operator=(CodeMemory&&) = delete;
  ~CodeMemory();

  // Where the next allocate() will be (executable address), 16-byte aligned.
  const u8* next() const { return exec_ + used_; }
  usize available() const { return capacity_ - used_; }
  // Takes `size` bytes at next(): the writable address of them, or nullptr when full.
  u8* allocate(usize size);
  // Everything allocated so far stays through a reset (the stubs).
  void keep() { kept_ = used_; }
  void reset() { used_ = kept_; }

  u8* writable(const void* exec) const { return write_ + (static_cast<const u8*>(exec) - exec_); }
  const u8* executable(const void* write) const { return exec_ + (static_cast<const u8*>(write) - write_); }
  bool contains(const void* exec) const { return exec >= exec_ && exec < exec_ + capacity_; }
  const u8* begin() const { return exec_; }
  usize used() const { return used_; }
  usize capacity() const { return capacity_; }

 private:
  CodeMemory(u8* write, u8* exec, usize capacity) : write_(write), exec_(exec), capacity_(capacity) {}

  void begin_huge_page();

  u8* write_;
  u8* exec_;
  usize capacity_;
  usize used_ = 0;
  usize huge_end_ = 0;  // how far huge pages have been asked for
  usize kept_ = 0;
};

}  // namespace ferry::jit
