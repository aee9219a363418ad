// The host-MMU window: guest pages of one context (an EL0 bank of one processor) mapped from the RAM files into a
// reserved range of host addresses, so that an access of EL0 is one host access whose translation and permission the
// host's MMU checks.
//
// A window has a few slices of 1 TiB (cpu::WindowSlot). Whether an address lies in a slice is compared in full by
// translated code; what is not mapped faults in the host, at an instruction that jit/fault_table.h knows. A page is
// mapped only when the bank's tables admit it, and never with more rights; whoever takes an entry out of the tables
// takes it out of the window too. Everything here runs on the processor's own thread.
#pragma once
#include <memory>
#include <vector>

#include "core/result.h"
#include "core/types.h"
#include "cpu/state.h"
#include "softmmu/address_space.h"

namespace ferry::softmmu {

class Window {
 public:
  // Reserves host addresses only. Error: the host has not that many, or no memory for the window's tables. The RAM of
  // `space` is what it is now.
  static Result<std::unique_ptr<Window>> create(const AddressSpace& space);
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  // What translated code compares and adds.
  const cpu::WindowSlot& slot(unsigned n) const { return slots_[n]; }
  // Whether va lies in a slice of the window.
  bool holds(u64 va) const { return slots_[cpu::window_slot(va)].tag == va >> cpu::kWindowShift; }
  // Makes the slice of va one of the window's, when its slot is free and va is an address of the low half without a
  // tag. Whether the slice is in the window now.
  bool assign(u64 va);

  // Shows `pages` pages of RAM from host_page (in the main mapping of a region with a file) at va (held, page aligned).
  // touched: all of them have been, so that the host has them. False: not pages of such a region; or the host refused,
  // then the window is empty as after clear().
  bool map(u64 va, const u8* host_page, u64 pages, bool writable, bool touched);
  // Whether the page of va is mapped, with the right to write when that is asked for.
  bool is_mapped(u64 va, bool writable) const;
  // Takes pages out, held or not. The number of changes that the host made for it.
  u64 unmap(u64 va, u64 pages);
  // Takes out all pages that show this one of RAM writable.
  u64 unwrite(const u8* host_page);
  // Takes out everything and frees the slots.
  void clear();

  // Runs of pages that are neighbours in the guest and in RAM: what costs the host about two mappings each.
  u64 runs() const { return runs_; }
  u64 pages() const { return pages_; }

 private:
  struct Free {
    usize bytes;
    void operator()(u32* p) const;
  };
  using Table = std::unique_ptr<u32[], Free>;  // zeroes where it was not written
  static Table make_table(usize entries);
  struct Slice {
    u8* host = nullptr;
    // By page of the slice: 0, or 1 + the number of the RAM page, with kWritable.
    Table shown;
    u64 low = ~u64{0}, high = 0;  // pages that may be mapped
  };
  struct Backing {
    const u8* host = nullptr;
    u64 pages = 0, first = 0;  // first: number of its first page
    int fd = -1;
  };
  static constexpr u32 kWritable = 1u << 31, kSeveral = 1u << 31;
  static constexpr u64 kSliceBytes = u64{1} << cpu::kWindowShift, kGuard = 1u << 20,
                       kSlicePages = kSliceBytes >> kPageShift;

  Window() = default;
  const Backing* backing_of(const u8* host_page) const;
  void show(unsigned slot, u64 page, u32 value);
  u64 hide(unsigned slot, u64 page, u64 count);
  bool protect(unsigned slot, u64 page, u64 count);
  static bool joined(u32 a, u32 b) { return a != 0 && b == a + 1; }

  cpu::WindowSlot slots_[cpu::kWindowSlots];
  Slice slices_[cpu::kWindowSlots];
  u8* reserved_ = nullptr;
  std::vector<Backing> backings_;
  Table
      writers_;  // by RAM page: 0, or 1 + slot << 28 + page of the slice where it is writable; kSeveral: elsewhere too
  u64 ram_pages_ = 0;
  u64 runs_ = 0, pages_ = 0;
};

}  // namespace ferry::softmmu
