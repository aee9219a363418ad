#include "verify/flat_memory.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/check.h"
#include "cpu/exceptions.h"
#include "jit/fault_table.h"
#include "softmmu/window.h"

namespace ferry::verify {
namespace {

using cpu::CpuState;

FlatMemory& of(CpuState& s) { return *static_cast<FlatMemory*>(s.mmu); }

constexpr u32 kBrk = 0xd42001e0;  // what stands around the code, as in the oracle
constexpr u32 kTranslationLevel3 = 0x07, kAlignment = 0x21;

void fault(CpuState& s, u64 va, u32 status, bool write) {
  s.exception = {};
  s.exception.ec = cpu::kEcDataAbort;
  s.exception.iss = status | u32{write} << 6;
  s.exception.far = va;
  s.exception.far_valid = true;
  s.fault = 1;
}

// The host bytes of an access, or nullptr after raising its fault. A read-modify-write reports what a read alone would.
u8* host(CpuState& s, u64 va, u32 access, bool read_too = false) {
  s.site = access_site(access);
  const MemInfo m = MemInfo::decode(access);
  const u64 bytes = m.bytes(), element = u64{1} << m.size_log2;
  const bool relaxed = m.within_16 && s.mode.align_check() == 0 && va % 16 + bytes <= 16;
  const bool misaligned = m.aligned ? va % bytes != 0 && !relaxed : s.mode.align_check() != 0 && va % element != 0;
  if (misaligned) {
    fault(s, va, kAlignment, m.write && !read_too);
    return nullptr;
  }
  if (read_too && of(s).find(va, false).bytes < bytes) {
    fault(s, va, kTranslationLevel3, false);
    return nullptr;
  }
  const FlatMemory::Piece piece = of(s).find(va, m.write);
  if (piece.bytes >= bytes) return piece.host;
  fault(s, va + piece.bytes, kTranslationLevel3, m.write);
  return nullptr;
}

u64 element(const u8* p, unsigned size_log2) {
  u64 v = 0;
  std::memcpy(&v, p, usize{1} << size_log2);
  return v;
}

u64 load(CpuState& s, u64 va, u32 access) {
  const u8* p = host(s, va, access);
  if (p == nullptr) return 0;
  const MemInfo m = MemInfo::decode(access);
  if (m.exclusive) {
    s.monitor_host = reinterpret_cast<u64>(p);
    s.monitor_size = m.bytes();
    s.monitor_value = {};
    std::memcpy(&s.monitor_value, p, m.bytes());
  }
  if (m.size_log2 == 4) {
    std::memcpy(s.vargs, p, m.bytes());
    return 0;
  }
  if (m.pair) s.vargs[0] = {element(p, m.size_log2), element(p + (1u << m.size_log2), m.size_log2)};
  return m.pair ? 0 : element(p, m.size_log2);
}

// Whether a store exclusive goes ahead; closes the monitor.
bool monitor_passes(CpuState& s, const u8* p, MemInfo m) {
  const bool open = s.monitor_size == m.bytes() && s.monitor_host == reinterpret_cast<u64>(p) &&
                    std::memcmp(&s.monitor_value, p, m.bytes()) == 0;
  s.monitor_size = 0;
  return open;
}

u64 store(CpuState& s, u64 va, u32 access, u64 v0, u64 v1) {
  u8* p = host(s, va, access);
  if (p == nullptr) return 0;
  const MemInfo m = MemInfo::decode(access);
  if (m.exclusive && !monitor_passes(s, p, m)) return 1;
  if (m.size_log2 == 4) {
    std::memcpy(p, s.vargs, m.bytes());
    return 0;
  }
  std::memcpy(p, &v0, usize{1} << m.size_log2);
  if (m.pair) std::memcpy(p + (1u << m.size_log2), &v1, usize{1} << m.size_log2);
  return 0;
}

u64 modified(u64 kind, unsigned size_log2, u64 old, u64 v0, u64 v1) {
  const unsigned width = 8u << size_log2;
  const i64 a = sign_extend(old, width), b = sign_extend(v0, width);
  if (kind == kRmwCas) return old == (v0 & low_mask(width)) ? v1 : old;
  switch (static_cast<RmwKind>(kind)) {
    case RmwKind::Swap: return v0;
    case RmwKind::Add: return old + v0;
    case RmwKind::Clr: return old & ~v0;
    case RmwKind::Eor: return old ^ v0;
    case RmwKind::Set: return old | v0;
    case RmwKind::SMax: return a > b ? old : v0;
    case RmwKind::SMin: return a < b ? old : v0;
    case RmwKind::UMax: return std::max(old, v0 & low_mask(width));
    case RmwKind::UMin: return std::min(old, v0 & low_mask(width));
  }
  return 0;
}

u64 reversed(u64 v, unsigned size_log2) { return __builtin_bswap64(v) >> (64 - (8u << size_log2)); }

// CASP: each operand and result is in the low bits of a half.
void compare_and_swap_pair(CpuState& s, u8* p, unsigned size_log2) {
  const usize size = usize{1} << size_log2;
  const U128 expected = s.vargs[0], desired = s.vargs[1];
  const U128 old{element(p, size_log2), element(p + size, size_log2)};
  const u64 mask = low_mask(8u << size_log2);
  if (old.lo == (expected.lo & mask) && old.hi == (expected.hi & mask)) {
    std::memcpy(p, &desired.lo, size);
    std::memcpy(p + size, &desired.hi, size);
  }
  s.vargs[0] = old;
}

u64 atomic(CpuState& s, u64 va, u32 access, u64 kind, u64 v0, u64 v1) {
  u8* p = host(s, va, access, true);
  if (p == nullptr) return 0;
  const MemInfo m = MemInfo::decode(access);
  if (m.pair) {
    compare_and_swap_pair(s, p, m.size_log2);
    return s.vargs[0].lo;
  }
  const bool swaps = (kind & kRmwReversed) != 0;
  u64 old = element(p, m.size_log2);
  if (swaps) old = reversed(old, m.size_log2);
  u64 value = modified(kind & ~kRmwReversed, m.size_log2, old, v0, v1);
  if (swaps) value = reversed(value, m.size_log2);
  std::memcpy(p, &value, usize{1} << m.size_log2);
  return old;
}

u64 zero_block(CpuState& s, u64 va, u32 access) {
  const MemInfo m{.size_log2 = 0, .write = true};
  u8* p = host(s, va & ~u64{63}, make_access(m.encode(), access_site(access)));
  if (p != nullptr) std::memset(p, 0, 64);
  return 0;
}

template <class F>
const void* pointer(F f) {
  return reinterpret_cast<const void*>(f);
}
const void* const kHelpers[] = {pointer(&load), pointer(&store), pointer(&atomic), pointer(&zero_block)};

}  // namespace

// What is costly to make, and used again by the next memory on the same thread.
struct FlatMemory::Pages {
  softmmu::AddressSpace space;
  u8* host = nullptr;
  std::unique_ptr<softmmu::Window> window;
  Pages() {
    auto ram = space.add_ram("flat", 0, kMemoryBytes + 4096);
    ASSERT(ram.ok(), "the host has no memory for two pages and one of code");
    host = (*ram)->ram->host();
    if (!jit::faults_supported()) return;  // a window is of no use
    auto made = softmmu::Window::create(space);
    if (!made) return;
    window = std::move(*made);
    static_assert(kMemoryVa >> cpu::kWindowShift == kCodeVa >> cpu::kWindowShift);
    static_cast<void>(window->assign(kMemoryVa));
    const bool shown = window->map(kMemoryVa, host, 1, true, true) &&
                       window->map(kCodeVa & ~u64{4095}, host + kMemoryBytes, 1, false, true);
    if (!shown) window.reset();
  }
};

std::vector<std::unique_ptr<FlatMemory::Pages>>& FlatMemory::spare() {
  static thread_local std::vector<std::unique_ptr<Pages>> list;
  return list;
}

FlatMemory::FlatMemory(std::span<const u32> code) : tables_(new cpu::TlbEntry[2 * cpu::kTlbEntries]) {
  if (spare().empty()) spare().push_back(std::make_unique<Pages>());
  pages_ = std::move(spare().back());
  spare().pop_back();
  memory_ = new (pages_->host) Memory();
  u32* const words = reinterpret_cast<u32*>(code_bytes());
  std::fill_n(words, 1024, kBrk);
  std::copy(code.begin(), code.end(), words + kCodeVa % 4096 / 4);
  std::fill_n(tables_.get(), 2 * cpu::kTlbEntries, cpu::TlbEntry{cpu::kTlbInvalid, 0});
}

FlatMemory::~FlatMemory() { spare().push_back(std::move(pages_)); }

FlatMemory::Piece FlatMemory::find(u64 va, bool write) {
  if (va >= kMemoryVa && va < kMemoryVa + kMemoryBytes)
    return {memory_->bytes + (va - kMemoryVa), kMemoryVa + kMemoryBytes - va};
  if (!write && va >> 12 == kCodeVa >> 12) return {code_bytes() + va % 4096, 4096 - va % 4096};
  return {nullptr, 0};
}

void FlatMemory::enter(cpu::TlbEntry* table, u64 page, u8* host) {
  table[(page >> 12) % cpu::kTlbEntries] = {page, reinterpret_cast<u64>(host) - page};
}

void FlatMemory::attach(cpu::CpuState& s, bool warm) {
  for (const u64 page : {kMemoryVa, kMemoryVa + 4096, kCodeVa & ~u64{4095}})
    for (auto* table : {read_table(), write_table()}) table[(page >> 12) % cpu::kTlbEntries] = {cpu::kTlbInvalid, 0};
  s.mmu = this;
  for (unsigned n = 0; n < cpu::kWindowSlots; ++n)
    s.window[n] = warm || pages_->window == nullptr ? cpu::WindowSlot{} : pages_->window->slot(n);
  for (u64 at = 0; warm && at < kMemoryBytes; at += 4096) {
    enter(read_table(), kMemoryVa + at, memory_->bytes + at);
    enter(write_table(), kMemoryVa + at, memory_->bytes + at);
  }
  if (warm) enter(read_table(), kCodeVa & ~u64{4095}, code_bytes());
  s.tlb_read = s.tlb_unpriv_read = read_table();
  s.tlb_write = s.tlb_unpriv_write = write_table();
  s.mem_helpers = kHelpers;
}

}  // namespace ferry::verify
