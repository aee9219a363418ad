// The ABI of translated code: what every tier, the stubs and the dispatcher agree on.
//
// A block's entry is entered by a jump with the pinned values in place and, like any function, with a return address on
// top of the host stack (the one that `enter` pushed): leaving to the dispatcher is "store what is pinned, put an
// ExitReason in the return register, return". Tiers call each other's code by jumps, never nested. Where baseline
// blocks can be reached, Baseline::enter is the way in, whatever tier the first block is of: above the return address
// it leaves the frame that baseline blocks spill to, and it gives translated code its MXCSR (everything masked, round
// to nearest, flags clear), whose sticky flags it folds into FPSR afterwards. A tier that computes in host floating
// point folds them as well before a helper that may read FPSR, and keeps C++ from adding to them.
#pragma once
#include <array>

#include "core/types.h"
#include "cpu/access.h"
#include "cpu/state.h"
#include "ir/mem.h"

namespace ferry::jit {

// Why translated code returned to the dispatcher. Except as noted CpuState::pc holds the next guest address.
enum class ExitReason : u32 {
  Next,       // direct exit, not linked: s.pc is the target; s.link_site is the LinkSite (jit/tier.h)
  Indirect,   // target not in the jump cache
  Poll,       // budget negative at a poll, or (virtual time) the block at s.pc would overrun the budget
  Fault,      // s.exception is to be taken; s.site names the instruction (pc = pc_page + 4 * site_index)
  Exception,  // ExitException: s.exception and s.pc (of the instruction itself) are set
  Context,    // ExitDispatch with ContextChanged; ExitPc; ExitNext that pays attention
  Wfi,
  Wfe,
  Yield,
  BlockLimit,
  Interpret,
  Mode,  // the block at s.pc does not match (fetch page or Mode changed under a link)
  Hot,   // the counter of the block at s.pc ran out (CompiledCode::counter); nothing of the block has run
  kCount,
};

// The reason for which an ExitDispatch leaves.
constexpr ExitReason dispatch_exit(ir::DispatchReason reason) {
  switch (reason) {
    case ir::DispatchReason::ContextChanged: return ExitReason::Context;
    case ir::DispatchReason::Wfi: return ExitReason::Wfi;
    case ir::DispatchReason::Wfe: return ExitReason::Wfe;
    case ir::DispatchReason::Yield: return ExitReason::Yield;
    case ir::DispatchReason::BlockLimit: return ExitReason::BlockLimit;
    case ir::DispatchReason::Interpret: return ExitReason::Interpret;
  }
  return ExitReason::Context;
}

// Guest values that sit in host registers at every block boundary, in order: the first argument of a block is the
// CpuState, these follow. Both compilers, the stubs and the dispatcher read this table; an empty one must also work.
enum class Pin : u8 { X0 = 0, Sp = 31, Nzcv = 32, TlbRead = 33 };  // 0..31 = x[n]
constexpr Pin pin_x(unsigned n) { return static_cast<Pin>(n); }
constexpr std::array<Pin, 5> kPinned = {pin_x(0), pin_x(1), pin_x(2), pin_x(19), Pin::Sp};
constexpr usize pin_offset(Pin p) {
  if (p == Pin::Nzcv) return offsetof(cpu::CpuState, nzcv);
  if (p == Pin::TlbRead) return offsetof(cpu::CpuState, tlb_read);
  return offsetof(cpu::CpuState, x) + 8 * static_cast<usize>(p);
}

// The memory slow paths (cpu/access.h), their description word (core/access.h).
using cpu::AtomicFn;
using cpu::LoadFn;
using cpu::MemHelper;
using cpu::StoreFn;
using cpu::ZeroBlockFn;
using ferry::access_site;
using ferry::make_access;

// How a block polls. Real time: exits that go backwards (target offset <= own start) and indirect exits test budget < 0
// and leave with Poll, s.pc = the target. Virtual time (Mode.virtual_time): the block's entry does budget -=
// insn_count; if that is negative it adds it back and leaves with Poll, s.pc = its own start; no other polls. An
// ExitNext that pays attention leaves with Context, s.pc = the target, when budget or CpuState::attention is negative.

}  // namespace ferry::jit
