#include "softmmu/window_pool.h"

#include <algorithm>

#include "core/check.h"
#include "core/log.h"

namespace ferry::softmmu {

using cpu::kTlbEntries;
using cpu::TlbEntry;

void WindowPool::begin(Bank& bank) {
  Account& a = accounts_[bank.slot()];
  if (bank.window != nullptr) close(bank);
  a = {.key = bank.key(), .interrupts = 0, .wait = config_.wait, .changes_left = 0};
  if (always()) bank.window = take_window();
}

// A window that no bank has: a new one, or that of the bank that was selected the longest ago.
Window* WindowPool::take_window() {
  Bank* oldest = nullptr;
  usize used = 0;
  for (unsigned i = 0; i < banks_.count(); ++i) {
    Bank& b = banks_.at(i);
    if (b.window == nullptr) continue;
    ++used;
    if (oldest == nullptr || b.last_used < oldest->last_used) oldest = &b;
  }
  if (used == windows_.size() && used < config_.contexts) {
    auto made = Window::create(space_);
    if (!made) {
      log(LogCategory::kMmu, "{}", made.error().message);
      config_.mode = ferry::Window::Off;
      return nullptr;
    }
    windows_.push_back(std::move(*made));
  } else if (used == windows_.size()) {
    ASSERT(oldest != nullptr, "at least one context may have a window");
    close(*oldest);
  }
  for (const auto& w : windows_) {
    bool free = true;
    for (unsigned i = 0; i < banks_.count(); ++i) free = free && banks_.at(i).window != w.get();
    if (!free) continue;
    ++statistics.opened;
    return w.get();
  }
  UNREACHABLE("a window is free after one was freed");
}

void WindowPool::close(Bank& bank) {
  ++statistics.closed;
  bank.window->clear();
  bank.window = nullptr;
}

void WindowPool::open(Bank& bank) {
  if (bank.window == nullptr) bank.window = take_window();
  if (bank.window != nullptr) fill(bank);
}

// What the tables hold has been used not long ago.
void WindowPool::fill(Bank& bank) {
  struct Page {
    u64 va;
    const u8* host;
    bool writable;
  };
  std::vector<Page> pages;
  for (usize i = 0; i < kTlbEntries; ++i) {
    const TlbEntry &read = bank.read_table()[i], &write = bank.write_table()[i];
    for (const TlbEntry* e : {&write, &read}) {
      if (!is_present(e->tag) || (e == &read && read.tag == write.tag)) continue;
      pages.push_back({e->tag, reinterpret_cast<const u8*>(e->tag + e->addend), e == &write});
    }
  }
  std::sort(pages.begin(), pages.end(), [](const Page& a, const Page& b) { return a.va < b.va; });
  Account& a = accounts_[bank.slot()];
  for (usize i = 0; i < pages.size();) {
    usize n = 1;
    while (i + n < pages.size() && pages[i + n].va == pages[i].va + n * kPageSize &&
           pages[i + n].host == pages[i].host + n * kPageSize && pages[i + n].writable == pages[i].writable)
      ++n;
    if (bank.window->assign(pages[i].va)) {
      if (bank.window->map(pages[i].va, pages[i].host, n, pages[i].writable, true)) ++statistics.maps;
      --a.changes_left;
    }
    i += n;
  }
  settle(bank);
}

void WindowPool::interrupted(Bank& bank) {
  if (always()) return;
  Account& a = accounts_[bank.slot()];
  const i64 rate = static_cast<i64>(config_.rate);
  if (bank.window == nullptr) {
    if (++a.interrupts < a.wait) return;
    a.changes_left = 8 * rate * static_cast<i64>(a.wait);
    return open(bank);
  }
  a.changes_left = std::min(a.changes_left + rate, 8 * rate * static_cast<i64>(a.wait));
  // Emptied as a whole since: filled again from what was used meanwhile.
  if (bank.window->pages() == 0) fill(bank);
  settle(bank);
}

void WindowPool::mapped(Bank& bank, u64 changes) {
  statistics.maps += changes;
  accounts_[bank.slot()].changes_left -= 2 * static_cast<i64>(changes);  // the fault costs as much again
  settle(bank);
}

u64 WindowPool::runs() const {
  u64 all = 0;
  for (const auto& w : windows_) all += w->runs();
  return all;
}

void WindowPool::settle(Bank& bank) {
  Account& a = accounts_[bank.slot()];
  statistics.unmaps += bank.window_changes;
  a.changes_left -= static_cast<i64>(bank.window_changes);
  bank.window_changes = 0;
  if (bank.window == nullptr) return;
  if ((always() || a.changes_left >= 0) && runs() <= config_.max_runs) return;
  close(bank);
  a.interrupts = 0;
  a.wait = std::min<u64>(2 * a.wait, 1 << 16);
}

void WindowPool::unwrite(const u8* host_page) {
  for (unsigned i = 0; i < banks_.count(); ++i) {
    Bank& bank = banks_.at(i);
    if (bank.window != nullptr) bank.window_changes += bank.window->unwrite(host_page);
  }
}

}  // namespace ferry::softmmu
