#include "softmmu/window.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/check.h"

namespace ferry::softmmu {

using cpu::kTlbInvalid;
using cpu::kWindowShift;
using cpu::kWindowSlots;
using cpu::window_slot;

namespace {

constexpr int kNothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
// A slice's pages have 28 bits of number, RAM pages fewer than 31.
static_assert(kWindowShift - kPageShift == 28 && kWindowSlots == 2);

}  // namespace

void Window::Free::operator()(u32* p) const { munmap(p, bytes); }

Window::Table Window::make_table(usize entries) {
  const usize bytes = entries * sizeof(u32);
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kNothing, -1, 0);
  if (at == MAP_FAILED) return Table(nullptr, Free{0});
  return Table(static_cast<u32*>(at), Free{bytes});
}

Result<std::unique_ptr<Window>> Window::create(const AddressSpace& space) {
  std::unique_ptr<Window> w(new Window);
  for (const auto& region : space.regions()) {
    if (region->ram == nullptr) continue;
    if (region->ram->fd() < 0) return Error{fmt::format("window: {} is not shared memory", region->name)};
    const u64 pages = region->size >> kPageShift;
    w->backings_.push_back({region->ram->host(), pages, w->ram_pages_, region->ram->fd()});
    w->ram_pages_ += pages;
  }
  if (w->ram_pages_ == 0 || w->ram_pages_ >= kWritable - 1) return Error{"window: no RAM, or too much"};
  const auto refused = [] {
    return Error{fmt::format("window: {} TiB of host addresses refused: {}", kWindowSlots, std::strerror(errno))};
  };
  void* at = mmap(nullptr, kWindowSlots * (kSliceBytes + kGuard), PROT_NONE, kNothing, -1, 0);
  if (at == MAP_FAILED) return refused();
  w->reserved_ = static_cast<u8*>(at);
  w->writers_ = make_table(w->ram_pages_);
  bool complete = w->writers_ != nullptr;
  for (unsigned n = 0; n < kWindowSlots; ++n) {
    // Behind each slice lies what is never mapped: an access that begins in the slice and ends past it faults.
    w->slices_[n].host = w->reserved_ + n * (kSliceBytes + kGuard);
    w->slices_[n].shown = make_table(kSlicePages);
    complete = complete && w->slices_[n].shown != nullptr;
  }
  if (!complete) return refused();
  return Result<std::unique_ptr<Window>>(std::move(w));
}

Window::~Window() {
  if (reserved_ != nullptr) munmap(reserved_, kWindowSlots * (kSliceBytes + kGuard));
}

bool Window::assign(u64 va) {
  if (holds(va)) return true;
  cpu::WindowSlot& slot = slots_[window_slot(va)];
  if (slot.tag != kTlbInvalid || va >> 48 != 0) return false;
  slot.tag = va >> kWindowShift;
  slot.addend = reinterpret_cast<u64>(slices_[window_slot(va)].host) - (slot.tag << kWindowShift);
  return true;
}

const Window::Backing* Window::backing_of(const u8* host_page) const {
  for (const Backing& b : backings_)
    if (reinterpret_cast<u64>(host_page) - reinterpret_cast<u64>(b.host) < b.pages << kPageShift) return &b;
  return nullptr;
}

bool Window::is_mapped(u64 va, bool writable) const {
  if (!holds(va)) return false;
  const u32 shown = slices_[window_slot(va)].shown[(va & (kSliceBytes - 1)) >> kPageShift];
  return shown != 0 && (!writable || (shown & kWritable) != 0);
}

// Enters the page into the tables, or with 0 takes it out; what the host has is the caller's.
void Window::show(unsigned slot, u64 page, u32 value) {
  Slice& s = slices_[slot];
  u32& now = s.shown[page];
  const u32 before = page != 0 ? s.shown[page - 1] : 0, after = page + 1 != kSlicePages ? s.shown[page + 1] : 0;
  const u32 here = static_cast<u32>(slot << 28 | page) + 1;
  if (now != 0) {
    runs_ = runs_ + (joined(before, now) ? 1 : 0) + (joined(now, after) ? 1 : 0) - 1;
    --pages_;
    u32& writer = writers_[(now & ~kWritable) - 1];
    if ((now & kWritable) != 0 && writer == here) writer = 0;
  }
  now = value;
  if (value == 0) return;
  runs_ = runs_ + 1 - (joined(before, now) ? 1 : 0) - (joined(now, after) ? 1 : 0);
  ++pages_;
  if ((value & kWritable) != 0) {
    u32& writer = writers_[(value & ~kWritable) - 1];
    writer = writer == 0 || writer == here ? here : writer | kSeveral;
  }
  s.low = std::min(s.low, page);
  s.high = std::max(s.high, page);
}

bool Window::map(u64 va, const u8* host_page, u64 pages, bool writable, bool touched) {
  ASSERT(holds(va), "only pages of its slices are mapped in a window");
  const Backing* b = backing_of(host_page);
  const u64 page = (va & (kSliceBytes - 1)) >> kPageShift;
  if (b == nullptr || page + pages > kSlicePages) return false;
  const u64 offset = static_cast<u64>(host_page - b->host);
  if (offset + (pages << kPageShift) > b->pages << kPageShift) return false;
  const unsigned slot = window_slot(va);
  // What has been touched gets the host's page table entry at once instead of by a fault.
  const int flags = MAP_SHARED | MAP_FIXED | MAP_NORESERVE | (touched ? MAP_POPULATE : 0);
  const int rights = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  u8* at = slices_[slot].host + (page << kPageShift);
  if (mmap(at, pages << kPageShift, rights, flags, b->fd, static_cast<off_t>(offset)) == MAP_FAILED) {
    // What was there may be gone, and the range anybody's: it is taken back.
    slices_[slot].low = 0;
    slices_[slot].high = std::max(slices_[slot].high, page + pages - 1);
    clear();
    return false;
  }
  const u32 first = static_cast<u32>(b->first + (offset >> kPageShift)) + 1;
  for (u32 i = 0; i < pages; ++i) show(slot, page + i, (first + i) | (writable ? kWritable : 0));
  return true;
}

// False: the host has no mapping left to split one.
bool Window::protect(unsigned slot, u64 page, u64 count) {
  u8* at = slices_[slot].host + (page << kPageShift);
  return mmap(at, count << kPageShift, PROT_NONE, kNothing | MAP_FIXED, -1, 0) != MAP_FAILED;
}

// Takes out what is mapped of the pages, in as few pieces as it lies in.
u64 Window::hide(unsigned slot, u64 page, u64 count) {
  Slice& s = slices_[slot];
  const u64 end = std::min(page + count, s.high + 1);
  u64 changes = 0;
  for (u64 i = std::max(page, s.low); i < end; ++i) {
    if (s.shown[i] == 0) continue;
    const u64 from = i;
    do show(slot, i++, 0);
    while (i < end && s.shown[i] != 0);
    ++changes;
    if (!protect(slot, from, i - from)) {
      clear();
      return changes;
    }
  }
  return changes;
}

u64 Window::unmap(u64 va, u64 pages) {
  if (pages_ == 0 || !holds(va)) return 0;
  const u64 page = (va & (kSliceBytes - 1)) >> kPageShift;
  return hide(window_slot(va), page, std::min(pages, kSlicePages - page));
}

u64 Window::unwrite(const u8* host_page) {
  const Backing* b = pages_ != 0 ? backing_of(host_page) : nullptr;
  if (b == nullptr) return 0;
  const u32 writer = writers_[b->first + (static_cast<u64>(host_page - b->host) >> kPageShift)];
  if (writer == 0) return 0;
  if ((writer & kSeveral) != 0) {
    clear();
    return 1;
  }
  return hide((writer - 1) >> 28, (writer - 1) & (kSlicePages - 1), 1);
}

void Window::clear() {
  for (unsigned n = 0; n < kWindowSlots; ++n) {
    Slice& s = slices_[n];
    slots_[n] = {};
    if (s.low > s.high) continue;
    // The whole slice becomes one mapping again, which the host must always have room for.
    const bool done = protect(n, 0, kSlicePages);
    ASSERT(done, "the host refuses to take mappings away");
    const u64 from = s.low & ~u64{1023}, entries = s.high + 1 - from;
    static_cast<void>(madvise(s.shown.get() + from, entries * sizeof(u32), MADV_DONTNEED));
    s.low = ~u64{0};
    s.high = 0;
  }
  if (pages_ != 0) static_cast<void>(madvise(writers_.get(), ram_pages_ * sizeof(u32), MADV_DONTNEED));
  pages_ = runs_ = 0;
}

}  // namespace ferry::softmmu
