// A memory system for checks of instructions: 8 KiB of RAM, the page of the code to be read, everything else faults. It
// stands behind the slow-path table of CpuState; the shadow TLB can be left empty or filled, so that a tier's inline
// path is tested as well. While it is empty there is a host-MMU window, where the host has one, with the first page of
// the RAM and the page of the code: accesses to the rest fault in the host.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "cpu/access.h"
#include "verify/state.h"

namespace ferry::verify {

class FlatMemory {
 public:
  explicit FlatMemory(std::span<const u32> code);
  ~FlatMemory();
  FlatMemory(const FlatMemory&) = delete;
  FlatMemory& operator=(const FlatMemory&) = delete;
  Memory& contents() { return *memory_; }
  // The host bytes from va on as far as they go in one piece (0 bytes where there is nothing).
  struct Piece {
    u8* host;
    u64 bytes;
  };
  Piece find(u64 va, bool write);
  // Points the CPU's tables and slow paths here; with warm, accesses hit the shadow TLB.
  void attach(cpu::CpuState& s, bool warm);

 private:
  void enter(cpu::TlbEntry* table, u64 page, u8* host);

  u8* code_bytes() { return reinterpret_cast<u8*>(memory_) + kMemoryBytes; }

  struct Pages;
  static std::vector<std::unique_ptr<Pages>>& spare();
  std::unique_ptr<Pages> pages_;
  Memory* memory_ = nullptr;  // in pages_; the page of the code behind it
  cpu::TlbEntry* read_table() { return tables_.get(); }
  cpu::TlbEntry* write_table() { return tables_.get() + cpu::kTlbEntries; }
  std::unique_ptr<cpu::TlbEntry[]> tables_;
};

}  // namespace ferry::verify
