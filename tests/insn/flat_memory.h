// A memory system for instruction tests: 8 KiB of RAM, the page of the code to be read, everything else faults. It stands behind the slow-path table of CpuState; the shadow
// TLB can be left empty or filled, so that a tier's inline path is tested as well.
#pragma once
#include <memory>

#include "cpu/access.h"
#include "tests/insn/case.h"

namespace ferry::insn {

class FlatMemory {
 public:
  explicit FlatMemory(const Case& c);
  Memory& contents() { return memory_; }
  // The host bytes from va on as far as they go in one piece (0 bytes where there is nothing).
  struct Piece { u8* host; u64 bytes; };
  Piece find(u64 va, bool write);
  // Points the CPU's tables and slow paths here; with warm, accesses hit the shadow TLB.
  void attach(cpu::CpuState& s, bool warm);

 private:
  void enter(cpu::TlbEntry* table, u64 page, u8* host);

  Memory memory_;
  alignas(16) u8 code_[4096];
  std::unique_ptr<cpu::TlbEntry[]> read_, write_;
};

}  // namespace ferry::insn
