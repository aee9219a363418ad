// Guest RAM: one host mapping per region, and what is known of each 4 KiB page.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "core/result.h"
#include "core/types.h"

namespace ferry::softmmu {

constexpr unsigned kPageShift = 12;
constexpr u64 kPageSize = u64{1} << kPageShift;
constexpr u64 kPageOffset = kPageSize - 1;

// Why a page may not stand in a write table.
enum PageFlag : u8 {
  kPageCode = 1,     // translated code was made from it
  kPageClean = 2,    // dirty tracking: not written since it was asked for
  kPageWatched = 4,  // a watchpoint lies in it
};

// What lies behind RAM. Linux gives huge pages to private memory everywhere, to a shared file's only where it was told
// to (docs/decisions/0015).
enum class Backing {
  Private,  // ferry's own memory
  Shared,   // a memory file, so that pages of it can be mapped again elsewhere
};

class Ram {
 public:
  // `size` bytes of zeroes, a multiple of 4 KiB. Error: the host has no memory or descriptors left.
  static Result<std::unique_ptr<Ram>> create(const std::string& name, u64 size, Backing backing);
  ~Ram();
  Ram(const Ram&) = delete;
  Ram& operator=(const Ram&) = delete;

  u8* host() { return host_; }
  const u8* host() const { return host_; }
  u64 size() const { return size_; }
  int fd() const { return fd_; }  // the file of shared RAM, -1 for private
  // Visits, in ascending order, every run of pages that the host holds memory for, until `visit` answers false. All
  // others read as zero, and are best left alone: reading one of a file fills it.
  void visit_used(const std::function<bool(u64 offset, u64 size)>& visit) const;

  // `page` counts 4 KiB pages from the start of the region. Flags change under the rules of AddressSpace; reading needs
  // no lock.
  std::atomic<u8>& flags(u64 page) { return flags_[page]; }
  // Counts the times that translated code of the page became suspect.
  std::atomic<u32>& generation(u64 page) { return generations_[page]; }

 private:
  Ram() = default;
  Status map_private(const std::string& name);
  Status map_shared(const std::string& name);
  u8* host_ = nullptr;
  u64 size_ = 0;
  int fd_ = -1;
  // Zero-filled lazily by the host: a large RAM costs nothing until it is touched.
  std::atomic<u8>* flags_ = nullptr;
  std::atomic<u32>* generations_ = nullptr;
};

}  // namespace ferry::softmmu
