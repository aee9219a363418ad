// Ports: what devices, processors, boards and back ends know of each other, and nothing more.
//
// Lock order, everywhere: device lock, interrupt controller, vCPU word (an atomic). No lock is held across a
// GuestMemory access (it may wait for a shootdown), a back end, or a shootdown.
#pragma once
#include <atomic>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "core/result.h"
#include "core/types.h"

namespace ferry {

// An interrupt wire, seen from the device that drives it. It carries a level: devices set it to a function of their
// state after every access, reset and load. set() may be called from any thread, with the device's lock held; setting
// the same level again is cheap and harmless. A default-constructed line is not connected.
class IrqLine {
 public:
  using Set = void (*)(void* sink, u32 number, bool level);
  IrqLine() = default;
  IrqLine(Set set, void* sink, u32 number) : set_(set), sink_(sink), number_(number) {}

  void set(bool level) const {
    if (set_ != nullptr) set_(sink_, number_, level);
  }
  bool connected() const { return set_ != nullptr; }
  // The number the controller's side knows the wire by (a GIC INTID); for logs.
  u32 number() const { return number_; }

 private:
  Set set_ = nullptr;
  void* sink_ = nullptr;
  u32 number_ = 0;
};

// A device's window in the physical address space. `offset` counts from the window's base; size is 1, 2, 4 or 8 bytes;
// any offset and alignment may come. Values are zero-extended. Handlers take their device's lock themselves and may be
// called from any thread.
class MmioHandler {
 public:
  virtual ~MmioHandler() = default;
  virtual u64 read(u64 offset, unsigned size) = 0;
  virtual void write(u64 offset, unsigned size, u64 value) = 0;
};

// A window whose reads are plain memory most of the time (flash in array mode). While direct_read_pointer() is not
// null, reads and instruction fetches may use that memory (direct_read_size() bytes); writes always go to write(). Each
// change of the answer, and of the bytes behind it, calls the listener (no device lock held), which must drop mappings
// and translations of the window.
class RomDevice : public MmioHandler {
 public:
  virtual const u8* direct_read_pointer() const = 0;
  virtual usize direct_read_size() const = 0;
  virtual void set_direct_listener(std::function<void()> changed) = 0;
};

// The guest's RAM as a DMA master sees it: physical addresses. An access is all or nothing: false means that a byte
// lies outside RAM (or wraps around) and nothing was transferred. Aligned accesses of 2, 4 and 8 bytes are single-copy
// atomic. Writes invalidate translated code and mark dirty pages, so they may wait for other vCPUs: call with no lock
// held.
class GuestMemory {
 public:
  virtual ~GuestMemory() = default;
  virtual bool read(u64 address, void* to, usize size) = 0;
  virtual bool write(u64 address, const void* from, usize size) = 0;
};

// --- Processor and interrupt controller
// ---------------------------------------------------------------------------------------

// Levels into a vCPU, bits of CpuSignals::lines. PSTATE masks are the vCPU's own business.
enum CpuLine : u32 {
  kCpuLineIrq = 1u << 0,
  kCpuLineFiq = 1u << 1,
  kCpuLineVirq = 1u << 2,
  kCpuLineVfiq = 1u << 3,
  kCpuLineSError = 1u << 4,
};

// What a vCPU offers to the interrupt controller. The controller changes the level word, then calls notify (from any
// thread, with the controller's lock held) on each change: it must only poke the vCPU's poll word and wake it from WFI.
struct CpuSignals {
  std::atomic<u32> lines{0};
  void (*notify)(void* context) = nullptr;
  void* context = nullptr;

  void set(u32 mask, bool level) {
    const u32 before = level ? lines.fetch_or(mask) : lines.fetch_and(~mask);
    const bool changed = level ? (before & mask) != mask : (before & mask) != 0;
    if (changed && notify != nullptr) notify(context);
  }
};

// The encoding of a system register as MSR/MRS carry it: op0:op1:CRn:CRm:op2, 16 bits.
constexpr u32 sysreg_encoding(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2) {
  return (op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2;
}

// Who accesses an ICC_* register. Traps (HCR_EL2, ICC_SRE enables) are checked by the vCPU before it calls.
struct CpuAccess {
  unsigned el = 1;      // 0 to 3
  bool secure = false;  // the PE is in Secure state
};

// What the interrupt controller offers to a vCPU: its CPU interface as system registers. Returns false when the
// register does not exist, or not at this EL or for this direction: the access is UNDEFINED. Call from the vCPU's
// thread.
class CpuInterface {
 public:
  virtual ~CpuInterface() = default;
  virtual bool read_sysreg(unsigned vcpu, u32 encoding, CpuAccess access, u64& value) = 0;
  virtual bool write_sysreg(unsigned vcpu, u32 encoding, CpuAccess access, u64 value) = 0;
};

// --- Back ends
// ----------------------------------------------------------------------------------------------------------------

// A character stream to the outside. The device pulls input when it has room, so none is lost; the back end never
// blocks the device.
class CharBackend {
 public:
  virtual ~CharBackend() = default;
  // Takes bytes from the guest; returns how many were accepted (0 when full: the writable callback will come).
  virtual usize write(std::span<const u8> bytes) = 0;
  // Takes up to buffer.size() bytes of waiting input; returns how many. Never blocks.
  virtual usize read(std::span<u8> buffer) = 0;
  // Callbacks may come from any thread, with no lock of the back end held. In virtual time the back end calls `input`
  // only from the event queue, so that input has a reproducible moment. Empty functions detach; when set_listener
  // returns, no old one is running.
  virtual void set_listener(std::function<void()> input, std::function<void()> writable) = 0;
};

// Storage. Offsets and sizes in bytes; a request outside the size is an Error, never a partial transfer. May block; may
// be called from any thread, one request at a time.
class BlockBackend {
 public:
  virtual ~BlockBackend() = default;
  virtual u64 size() const = 0;
  virtual bool read_only() const = 0;
  virtual Status read(u64 offset, std::span<u8> to) = 0;
  virtual Status write(u64 offset, std::span<const u8> from) = 0;
  // When it returns ok, every write acknowledged before is on the host's disk.
  virtual Status flush() = 0;
  virtual Status write_zeroes(u64 offset, u64 size) = 0;
  // The range's content may be forgotten (it then reads as anything); a back end may do nothing.
  virtual Status discard(u64 offset, u64 size) = 0;
};

// Random bytes: from the host, from a seed, or from a recording. Any thread.
class EntropySource {
 public:
  virtual ~EntropySource() = default;
  virtual void fill(std::span<u8> to) = 0;
};

}  // namespace ferry
