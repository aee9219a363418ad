// The x86-64 host as the baseline compiler uses it: registers, where the pinned guest values of jit/abi.h sit, the
// frame below a block.
#pragma once
#include "jit/abi.h"

namespace ferry::jit::baseline {

enum Reg : u8 { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
constexpr u32 mask(unsigned reg) { return 1u << reg; }

// Integer argument registers of LLVM's preserve_none convention for x86-64, in order: the CpuState, then kPinned.
constexpr std::array<Reg, 12> kAbiRegs = {R12, R13, R14, R15, RDI, RSI, RDX, RCX, R8, R9, R11, RAX};
constexpr Reg kStateReg = kAbiRegs[0];
static_assert(kPinned.size() <= 5, "RDX, RCX and RAX have fixed uses in the compiler");

// Guest values that registers may hold: X0..SP at 0..31, then what Pin names, then words that are only ever read.
constexpr unsigned kGuestNzcv = static_cast<unsigned>(Pin::Nzcv), kGuestTlbRead = static_cast<unsigned>(Pin::TlbRead);
constexpr unsigned kGuestTlbWrite = kGuestTlbRead + 1, kGuestPcPage = kGuestTlbRead + 2;
constexpr unsigned kGuestCount = kGuestPcPage + 1;

constexpr std::array<i8, kGuestCount> make_homes() {
  std::array<i8, kGuestCount> home{};
  for (i8& h : home) h = -1;
  for (usize i = 0; i < kPinned.size(); ++i) home[static_cast<usize>(kPinned[i])] = static_cast<i8>(kAbiRegs[i + 1]);
  return home;
}
constexpr std::array<i8, kGuestCount> kHome = make_homes();  // host register of a guest value, or -1

constexpr u32 make_pin_mask() {
  u32 m = 0;
  for (usize i = 0; i < kPinned.size(); ++i) m |= mask(kAbiRegs[i + 1]);
  return m;
}
constexpr u32 kPinMask = make_pin_mask();
constexpr u32 kAllocatable = 0xffff & ~(mask(RSP) | mask(kStateReg) | kPinMask);
constexpr u32 kCallerSaved =
    mask(RAX) | mask(RCX) | mask(RDX) | mask(RSI) | mask(RDI) | mask(R8) | mask(R9) | mask(R10) | mask(R11);

constexpr i32 guest_offset(unsigned guest) {
  if (guest == kGuestTlbWrite) return offsetof(cpu::CpuState, tlb_write);
  if (guest == kGuestPcPage) return offsetof(cpu::CpuState, pc_page);
  return static_cast<i32>(pin_offset(static_cast<Pin>(guest)));
}

// The frame that `enter` leaves above a block's return address, 16 bytes a slot: operands of slow calls, then spilled
// values.
constexpr i32 kArgSlots = 8;
constexpr i32 kSpillSlots = 1024;
constexpr i32 kFrameBytes = 16 * (kArgSlots + kSpillSlots);
constexpr i32 arg_slot(int n) { return 8 + 16 * n; }  // offset from RSP inside a block
constexpr i32 spill_slot(int n) { return arg_slot(kArgSlots + n); }

// MXCSR in translated code: everything masked, round to nearest; IE, ZE, OE, UE, PE stand for IOC, DZC, OFC, UFC, IXC
// (DE means nothing).
constexpr u32 kMxcsr = 0x1f80;
constexpr u32 kMxcsrFlags = 0x3d;
// FPSR's flags, bits 4..0, of MXCSR's.
constexpr u32 fpsr_of_mxcsr(u32 mxcsr) { return (mxcsr & 1) | ((mxcsr >> 1) & 0x1e); }

#define FERRY_STATE(member) (static_cast<i32>(offsetof(cpu::CpuState, member)))

}  // namespace ferry::jit::baseline
