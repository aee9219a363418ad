// MRS and MSR (register): Arm ARM DDI 0487, C6.2 and D17. What the table says a register is decides how it is reached:
// a load or store of CpuState, or a helper, and whether the block ends.
#include "cpu/exceptions.h"
#include "cpu/sysregs.h"
#include "frontend/system.h"

namespace ferry::frontend {
namespace {

using cpu::CpuState;
using cpu::Helper;
using cpu::SysReg;
using cpu::SysRegEffect;
using cpu::SysRegInfo;
using cpu::SysRegKind;
using cpu::SysRegTrap;
using ir::DispatchReason;
using ir::Type;
using ir::Value;

unsigned rt_of(u32 word) { return word & 31; }
// nullptr: no such register on this processor.
const SysRegInfo* find(Context& c, u32 word) {
  const SysRegInfo* r = cpu::find_sysreg(system_key(word));
  return r != nullptr && c.has(r->feature) ? r : nullptr;
}
u32 iss_of(u32 word, bool read) { return cpu::sysreg_iss(system_key(word), rt_of(word), read); }

// The traps that Mode decides. True: the exception was emitted.
bool trapped(Context& c, const SysRegInfo& r, u32 word, bool read) {
  const u32 traps = c.mode.el0_traps();
  if ((r.trap == SysRegTrap::Uct && (traps & cpu::kEl0TrapUct) != 0) ||
      (r.trap == SysRegTrap::Uma && (traps & cpu::kEl0TrapUma) != 0)) {
    c.exception(cpu::kEcSysReg, iss_of(word, read));
    return true;
  }
  if (r.trap == SysRegTrap::Fp && c.mode.fp_trap() != 0) {
    c.exception(cpu::kEcFpTrap, cpu::kIssCondAlways);
    return true;
  }
  return false;
}

bool decided_by_mode(SysRegTrap t) {
  return t == SysRegTrap::None || t == SysRegTrap::Uct || t == SysRegTrap::Uma || t == SysRegTrap::Fp;
}
// Whether a helper must look at the trap controls.
bool needs_check(Context& c, const SysRegInfo& r) { return c.mode.el() == 0 && !decided_by_mode(r.trap); }

Value call_mrs(Context& c, const SysRegInfo& r, u32 word) {
  return c.b.call(static_cast<u32>(Helper::mrs), Type::I64, c.b.imm64(static_cast<u64>(r.reg)),
                  c.b.imm64(iss_of(word, true)));
}
void call_msr(Context& c, const SysRegInfo& r, u32 word, Value v) {
  c.b.call(static_cast<u32>(Helper::msr), Type::None, c.b.imm64(static_cast<u64>(r.reg)), v,
           c.b.imm64(iss_of(word, false)));
}

Value state64(Context& c, usize offset) { return c.b.load_state(Type::I64, offset); }
Value state32(Context& c, usize offset) { return c.b.zext_w(c.b.load_state(Type::I32, offset)); }
usize elr_offset(unsigned el) { return offsetof(CpuState, elr_el) + 8 * el; }
usize spsr_offset(unsigned el) { return offsetof(CpuState, spsr_el) + 4 * el; }

// SP_EL0 is in its slot while another stack pointer is selected; while it is the current one, accessing it by name is
// UNDEFINED.
bool sp_el0_hidden(Context& c) { return c.mode.sp_sel() == 0; }

Value read_special(Context& c, const SysRegInfo& r, u32 word) {
  switch (r.reg) {
    case SysReg::ELR_EL1: return state64(c, elr_offset(1));
    case SysReg::SPSR_EL1: return state32(c, spsr_offset(1));
    case SysReg::SP_EL0: return state64(c, offsetof(CpuState, sp_el));
    case SysReg::SPSel: return c.b.imm64(c.mode.sp_sel());
    case SysReg::CurrentEL: return c.b.imm64(u64{c.mode.el()} << 2);
    case SysReg::NZCV: return c.b.emit({.op = ir::Op::NzcvToArch, .type = Type::I64, .args = ir::args(c.b.get_nzcv())});
    case SysReg::DAIF: return state32(c, offsetof(CpuState, daif));
    case SysReg::FPCR: return c.b.imm64(cpu::fpcr_of_key(c.mode.fpcr()));
    default: return call_mrs(c, r, word);  // FPSR: part of it may be in the host's FP unit
  }
}

}  // namespace

// Interrupts that are no longer masked are taken at once. In real time whoever looks at them also looks whether
// PSTATE.D has changed Mode: where it can, CpuState::attention is negative.
void write_daif(Context& c, Value daif, bool d) {
  if (c.mode.virtual_time() == 0 || !d)
    c.b.store_state(offsetof(CpuState, daif), daif);
  else
    c.b.call(static_cast<u32>(Helper::msr), Type::None, c.b.imm64(static_cast<u64>(SysReg::DAIF)), c.b.zext_w(daif),
             c.b.imm64(0));
  look_after(c, DispatchReason::Yield);
}

namespace {

void write_special(Context& c, const SysRegInfo& r, u32 word, Value v) {
  ir::Builder& b = c.b;
  switch (r.reg) {
    case SysReg::ELR_EL1: return b.store_state(elr_offset(1), v);
    case SysReg::SPSR_EL1: return b.store_state(spsr_offset(1), b.trunc(v));
    case SysReg::SP_EL0: return b.store_state(offsetof(CpuState, sp_el), v);
    case SysReg::NZCV: return b.set_nzcv(b.emit({.op = ir::Op::NzcvFromArch, .type = Type::I32, .args = ir::args(v)}));
    case SysReg::DIT:
    case SysReg::SSBS:
    case SysReg::FPSR: return call_msr(c, r, word, v);
    case SysReg::DAIF: return write_daif(c, b.and_imm(b.trunc(v), cpu::kDaifMask), true);
    default:  // FPCR, SPSel: Mode changes
      call_msr(c, r, word, v);
      return leave_after(c, DispatchReason::ContextChanged);
  }
}

// A Stored register without consequences: the bits that are not writable stay as they are at reset.
void store_inline(Context& c, const SysRegInfo& r, Value v) {
  if (r.writable == 0) return;
  Value kept = c.b.and_imm(v, r.writable);
  const u64 fixed = r.reset & ~r.writable;
  if (fixed != 0) kept = c.b.or_(kept, c.b.imm64(fixed));
  c.b.store_state(cpu::sysreg_offset(r.reg), kept);
}

bool is_inline(const SysRegInfo& r) { return r.kind == SysRegKind::Stored || r.kind == SysRegKind::Const; }

// Whether the block ends after a read: what was read moves on with time, or the read changed interrupt lines.
void after_read(Context& c, const SysRegInfo& r) {
  if (r.effect != SysRegEffect::Time) return;
  if (r.kind == SysRegKind::Gic) return leave_after(c, DispatchReason::BlockLimit);
  c.b.exit_next(c.target(4));
  c.ended = true;
}

void after_write(Context& c, const SysRegInfo& r) {
  switch (r.effect) {
    case SysRegEffect::None:
    case SysRegEffect::Translation: return;  // takes effect at the next context synchronisation
    case SysRegEffect::Mode:
    case SysRegEffect::Regime: return leave_after(c, DispatchReason::ContextChanged);
    case SysRegEffect::Time: return leave_after(c, DispatchReason::BlockLimit);
  }
}

}  // namespace

// MRS. Registers of op0 = 3, CRn = 11 and 15: IMPDEF: those that the Cortex-A53, A57 and A72 manuals share (their
// chapters 4.3) keep what is written, at EL1; all others, and SYS and SYSL of op0 = 1, CRn = 11 and 15, are UNDEFINED.
void emit_mrs(Context& c, u32 word) {
  const SysRegInfo* r = find(c, word);
  if (r == nullptr) {
    if (c.mode.el() == 0 || !cpu::is_reserved_id(system_key(word))) return c.undefined();
    return c.set_x(rt_of(word), c.b.imm64(0));
  }
  if (c.mode.el() < r->read_el || (r->reg == SysReg::SP_EL0 && sp_el0_hidden(c))) return c.undefined();
  if (trapped(c, *r, word, true)) return;
  if (r->kind == SysRegKind::Special) return c.set_x(rt_of(word), read_special(c, *r, word));
  if (is_inline(*r) && !needs_check(c, *r)) return c.set_x(rt_of(word), state64(c, cpu::sysreg_offset(r->reg)));
  c.set_x(rt_of(word), call_mrs(c, *r, word));
  if (!cpu::is_counter(r->reg) || c.mode.virtual_time() != 0) after_read(c, *r);
}

// MSR (register)
void emit_msr(Context& c, u32 word) {
  const SysRegInfo* r = find(c, word);
  if (r == nullptr || c.mode.el() < r->write_el || (r->reg == SysReg::SP_EL0 && sp_el0_hidden(c))) return c.undefined();
  if (trapped(c, *r, word, false)) return;
  const Value v = c.x(Type::I64, rt_of(word));
  if (r->kind == SysRegKind::Special) return write_special(c, *r, word, v);
  if (r->kind == SysRegKind::Stored && r->effect == SysRegEffect::None && !needs_check(c, *r))
    return store_inline(c, *r, v);
  call_msr(c, *r, word, v);
  after_write(c, *r);
}

}  // namespace ferry::frontend
