#include "jit/fault_table.h"

#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <bit>
#include <memory>
#include <mutex>
#include <vector>

#include "core/check.h"

namespace ferry::jit {
namespace {

// A slot's pc: 0 was never used, kGrave was taken out.
constexpr u64 kGrave = 1;

struct Slot {
  std::atomic<u64> pc{0};
  std::atomic<u64> label{0};
};

struct Table {
  explicit Table(usize size) : mask(size - 1), slots(std::make_unique<Slot[]>(size)) {}
  usize mask;
  std::unique_ptr<Slot[]> slots;
};

usize hash(u64 pc) { return static_cast<usize>((pc * 0x9e3779b97f4a7c15u) >> 20); }

std::atomic<Table*> current{nullptr};
std::atomic<u64> taken{0};
static_assert(std::atomic<u64>::is_always_lock_free && std::atomic<Table*>::is_always_lock_free);

struct Writer {
  std::mutex mutex;
  std::vector<std::unique_ptr<Table>> all;  // the last is the current one
  usize live = 0, used = 0;                 // entries; slots that are not 0
  bool installed = false;
};
// Never destroyed: code may run, and fault, until the process is gone.
Writer& writer() {
  static Writer* const w = new Writer;
  return *w;
}

void put(Table& t, u64 pc, u64 label) {
  usize i = hash(pc) & t.mask;
  while (t.slots[i].pc.load(std::memory_order_relaxed) != 0) i = (i + 1) & t.mask;
  t.slots[i].label.store(label, std::memory_order_relaxed);
  t.slots[i].pc.store(pc, std::memory_order_release);
}

// A table without graves and with room.
void rebuild(Writer& w) {
  auto next = std::make_unique<Table>(std::bit_ceil(std::max<usize>(w.live * 4, 1024)));
  if (!w.all.empty()) {
    const Table& old = *w.all.back();
    for (usize i = 0; i <= old.mask; ++i)
      if (const u64 pc = old.slots[i].pc.load(); pc > kGrave) put(*next, pc, old.slots[i].label.load());
  }
  w.used = w.live;
  current.store(next.get(), std::memory_order_release);
  w.all.push_back(std::move(next));
}

#if defined(__x86_64__) && defined(__linux__)

struct sigaction previous_segv, previous_bus;

void on_fault(int number, siginfo_t* info, void* context) {
  auto* const host = static_cast<ucontext_t*>(context);
  greg_t& pc = host->uc_mcontext.gregs[REG_RIP];
  if (const u64 label = find_fault(static_cast<u64>(pc)); label != 0) {
    taken.fetch_add(1, std::memory_order_relaxed);
    pc = static_cast<greg_t>(label);
    return;
  }
  const struct sigaction& previous = number == SIGSEGV ? previous_segv : previous_bus;
  if ((previous.sa_flags & SA_SIGINFO) != 0) return previous.sa_sigaction(number, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) return previous.sa_handler(number);
  // The instruction faults again, and the process ends as it would have.
  signal(number, SIG_DFL);
}

void install() {
  struct sigaction action{};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, &previous_segv);
  sigaction(SIGBUS, &action, &previous_bus);
}

#else
void install() {}
#endif

}  // namespace

bool faults_supported() {
#if defined(__x86_64__) && defined(__linux__)
  return true;
#else
  return false;
#endif
}

void add_faults(std::span<const FaultEntry> entries) {
  if (entries.empty()) return;
  Writer& w = writer();
  std::lock_guard lock(w.mutex);
  if (!w.installed) install();
  w.installed = true;
  for (const FaultEntry& e : entries) {
    ASSERT(e.pc > kGrave && e.label != 0, "a fault entry has a PC and a label");
    ++w.live;
    if (w.all.empty() || (w.used + 1) * 2 > w.all.back()->mask) rebuild(w);
    put(*w.all.back(), e.pc, e.label);
    ++w.used;
  }
}

void remove_faults(std::span<const FaultEntry> entries) {
  Writer& w = writer();
  std::lock_guard lock(w.mutex);
  for (const FaultEntry& e : entries) {
    Table& t = *w.all.back();
    for (usize i = hash(e.pc) & t.mask; t.slots[i].pc.load(std::memory_order_relaxed) != 0; i = (i + 1) & t.mask) {
      if (t.slots[i].pc.load(std::memory_order_relaxed) != e.pc) continue;
      t.slots[i].pc.store(kGrave, std::memory_order_relaxed);
      --w.live;
      break;
    }
  }
}

u64 find_fault(u64 pc) {
  const Table* t = current.load(std::memory_order_acquire);
  if (t == nullptr || pc <= kGrave) return 0;
  for (usize i = hash(pc) & t->mask;; i = (i + 1) & t->mask) {
    const u64 here = t->slots[i].pc.load(std::memory_order_acquire);
    if (here == pc) return t->slots[i].label.load(std::memory_order_relaxed);
    if (here == 0) return 0;
  }
}

u64 faults_taken() { return taken.load(std::memory_order_relaxed); }

}  // namespace ferry::jit
