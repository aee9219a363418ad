// Exception generation, hints, barriers, PSTATE (Arm ARM DDI 0487, C4.1.3), and ERET.
#include "frontend/system.h"

#include <capstone/arm64.h>

#include "cpu/exceptions.h"
#include "cpu/sysregs.h"
#include "frontend/operands.h"
#include "frontend/pauth.h"

namespace ferry::frontend {
namespace {

using cpu::Feature;
using cpu::Helper;
using cpu::PacKey;
using ir::DispatchReason;
using ir::FenceKind;
using ir::Type;
using ir::Value;

void call(Context& c, Helper h, Value a = ir::kNoValue, Value b = ir::kNoValue, Value d = ir::kNoValue) {
  c.b.call(static_cast<u32>(h), Type::None, a, b, d);
}

// --- Exception generation ---

// SVC
void svc(Context& c, unsigned imm16) { c.exception(cpu::kEcSvc, imm16, true); }

// HVC, SMC: to firmware (PSCI) when there is some, otherwise UNDEFINED, as on a PE without EL2 and EL3.
template <Helper H>
void firmware_call(Context& c, unsigned) {
  if (c.mode.el() == 0) return c.undefined();
  call(c, H);
  leave_after(c, DispatchReason::ContextChanged);
}

// BRK
void brk(Context& c, unsigned imm16) { c.exception(cpu::kEcBrk, imm16); }

// HLT: halting debug is never enabled; 0xF000 is the semihosting call.
void hlt(Context& c, unsigned imm16) {
  if (imm16 != 0xf000) return c.undefined();
  call(c, Helper::semihosting);
  leave_after(c, DispatchReason::ContextChanged);
}

// DCPS1, DCPS2, DCPS3, DRPS: UNDEFINED in Non-debug state.
void debug_state_only(Context& c, unsigned) { c.undefined(); }
void drps(Context& c) { c.undefined(); }

// ERET
void eret(Context& c) {
  if (c.mode.el() == 0) return c.undefined();
  call(c, Helper::eret);
  c.b.exit_pc();
  c.ended = true;
}

// ERETAA, ERETAB
template <PacKey K>
void eret_authenticated(Context& c) {
  if (c.mode.el() == 0) return c.undefined();
  call(c, Helper::eret_authenticated, c.b.imm64(static_cast<u64>(K)));
  c.b.exit_pc();
  c.ended = true;
}

// --- Hints ---

// WFI, WFE: the vCPU waits, or finds that the wait is trapped (SCTLR_EL1.nTWI, nTWE).
template <bool Event>
void wait(Context& c) {
  leave_after(c, Event ? DispatchReason::Wfe : DispatchReason::Wfi);
}

// YIELD: worth a turn only when another vCPU could use it.
void yield(Context& c) {
  if (c.mode.ordered() != 0) leave_after(c, DispatchReason::Yield);
}

void sev(Context& c) { call(c, Helper::send_event); }

void sevl(Context& c) { c.b.store_state(offsetof(cpu::CpuState, event_register), c.b.imm32(1)); }

// NOP; pointer authentication; DGH and BTI, which do nothing by themselves (frontend/landing.h); and the hints of
// absent features (ESB, PSB ...).
void hint(Context& c, unsigned crm, unsigned op2) { emit_pauth_hint(c, crm << 3 | op2); }

// --- Barriers ---

void clrex(Context& c, unsigned) { c.b.store_state(offsetof(cpu::CpuState, monitor_size), c.b.imm32(0)); }

// DSB, DMB: the low two bits of the option say which accesses.
void barrier(Context& c, unsigned option) {
  constexpr FenceKind kKinds[] = {FenceKind::Full, FenceKind::Load, FenceKind::Store, FenceKind::Full};
  c.b.fence(kKinds[option & 3]);
}

// DSB waits for everything before it, so ST and LD orderings are made full.
void dsb(Context& c, unsigned) { c.b.fence(FenceKind::Full); }

// SB: nothing here speculates.
void speculation_barrier(Context&) {}

void isb(Context& c, unsigned) { look_after(c, DispatchReason::ContextChanged); }

// --- MSR (immediate) ---

void msr_spsel(Context& c, unsigned imm) {
  if (c.mode.el() == 0) return c.undefined();
  if (c.mode.sp_sel() == (imm & 1)) return;
  call(c, Helper::msr, c.b.imm64(static_cast<u64>(cpu::SysReg::SPSel)), c.b.imm64(imm & 1));
  leave_after(c, DispatchReason::ContextChanged);
}

// MSR PAN, UAO: Mode or the bank changes.
template <cpu::SysReg R, unsigned Bit>
void msr_el1_flag(Context& c, unsigned imm) {
  if (c.mode.el() == 0) return c.undefined();
  call(c, Helper::msr, c.b.imm64(static_cast<u64>(R)), c.b.imm64(u64{imm & 1} << Bit));
  leave_after(c, DispatchReason::ContextChanged);
}
// MSR DIT, SSBS: nothing depends on them.
template <cpu::SysReg R, unsigned Bit>
void msr_flag(Context& c, unsigned imm) {
  call(c, Helper::msr, c.b.imm64(static_cast<u64>(R)), c.b.imm64(u64{imm & 1} << Bit));
}

bool daif_trapped(Context& c, u32 word) {
  if ((c.mode.el0_traps() & cpu::kEl0TrapUma) == 0) return false;
  c.exception(cpu::kEcSysReg, cpu::sysreg_iss(system_key(word), 31, false));
  return true;
}

constexpr usize kDaif = offsetof(cpu::CpuState, daif);

// MSR DAIFSet: masks only; PSTATE.D matters to Mode only while debug exceptions are on.
void msr_daifset(Context& c, u32 word) {
  if (daif_trapped(c, word)) return;
  const u32 mask = static_cast<u32>(bits(word, 11, 8)) << 6;
  const bool debug = (mask & 0x200) != 0 && (c.mode.single_step() != 0 || c.mode.breakpoints() != 0);
  const Value changed = c.b.or_(c.b.load_state(Type::I32, kDaif), c.b.imm32(mask));
  if (!debug) return c.b.store_state(kDaif, changed);
  call(c, Helper::msr, c.b.imm64(static_cast<u64>(cpu::SysReg::DAIF)), c.b.zext_w(changed));
  leave_after(c, DispatchReason::Yield);
}

// MSR DAIFClr: what was pending is taken before the next instruction.
void msr_daifclr(Context& c, u32 word) {
  if (daif_trapped(c, word)) return;
  const u32 mask = static_cast<u32>(bits(word, 11, 8)) << 6;
  write_daif(c, c.b.and_imm(c.b.load_state(Type::I32, kDaif), static_cast<u32>(~mask)), (mask & 0x200) != 0);
}

// --- Flag manipulation ---

// NZCV as MRS shows it, through f.
template <class F>
void change_flags(Context& c, F f) {
  c.b.set_nzcv(nzcv_from_arch(c, f(nzcv_to_arch(c))));
}
constexpr u64 kN = u64{1} << 31, kZ = u64{1} << 30, kC = u64{1} << 29, kV = u64{1} << 28;

void cfinv(Context& c) {
  change_flags(c, [&](Value f) { return c.b.xor_(f, c.b.imm64(kC)); });
}
// XAFLAG: N = !C & !Z, Z = Z & C, C = C | Z, V = !C & Z
void xaflag(Context& c) {
  change_flags(c, [&](Value f) {
    const Value z_at_c = c.b.shr_imm(f, 1), c_at_z = c.b.shl_imm(f, 1);
    const Value either = c.b.or_(f, z_at_c);  // C | Z at bit 29
    const Value n = c.b.and_imm(c.b.shl_imm(c.b.not_(either), 2), kN);
    const Value z = c.b.and_imm(c.b.and_(f, c_at_z), kZ);
    const Value v = c.b.and_imm(c.b.shr_imm(c.b.binary(ir::Op::AndNot, z_at_c, f), 1), kV);
    return c.b.or_(c.b.or_(n, z), c.b.or_(c.b.and_imm(either, kC), v));
  });
}
// AXFLAG: N = 0, Z = Z | V, C = C & !V, V = 0
void axflag(Context& c) {
  change_flags(c, [&](Value f) {
    const Value z = c.b.and_imm(c.b.or_(f, c.b.shl_imm(f, 2)), kZ);
    return c.b.or_(z, c.b.and_imm(c.b.binary(ir::Op::AndNot, f, c.b.shl_imm(f, 1)), kC));
  });
}

template <void (*Fn)(Context&, u32)>
constexpr Row word_row(u32 mask, u32 value, const char* title) {
  return {mask, value, kAnyId, Fn, title};
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // Exception generation
    row<"11010100 000 iiiiiiiiiiiiiiii 000 01", svc>(kAnyId, "SVC"),
    row<"11010100 000 iiiiiiiiiiiiiiii 000 10", firmware_call<Helper::hvc>>(kAnyId, "HVC"),
    row<"11010100 000 iiiiiiiiiiiiiiii 000 11", firmware_call<Helper::smc>>(kAnyId, "SMC"),
    row<"11010100 001 iiiiiiiiiiiiiiii 000 00", brk>(kAnyId, "BRK"),
    row<"11010100 010 iiiiiiiiiiiiiiii 000 00", hlt>(kAnyId, "HLT"),
    row<"11010100 101 iiiiiiiiiiiiiiii 000 01", debug_state_only>(kAnyId, "DCPS1"),
    row<"11010100 101 iiiiiiiiiiiiiiii 000 10", debug_state_only>(kAnyId, "DCPS2"),
    row<"11010100 101 iiiiiiiiiiiiiiii 000 11", debug_state_only>(kAnyId, "DCPS3"),
    // Hints
    row<"1101010100 0 00 011 0010 0000 001 11111", yield>(kAnyId, "YIELD"),
    row<"1101010100 0 00 011 0010 0000 010 11111", wait<true>>(kAnyId, "WFE"),
    row<"1101010100 0 00 011 0010 0000 011 11111", wait<false>>(kAnyId, "WFI"),
    row<"1101010100 0 00 011 0010 0000 100 11111", sev>(kAnyId, "SEV"),
    row<"1101010100 0 00 011 0010 0000 101 11111", sevl>(kAnyId, "SEVL"),
    row<"1101010100 0 00 011 0010 mmmm ooo 11111", hint>(kAnyId, "HINT"),
    // Barriers
    row<"1101010100 0 00 011 0011 mmmm 010 11111", clrex>(kAnyId, "CLREX"),
    row<"1101010100 0 00 011 0011 mmmm 100 11111", dsb>(kAnyId, "DSB"),
    row<"1101010100 0 00 011 0011 mmmm 101 11111", barrier>(kAnyId, "DMB"),
    row<"1101010100 0 00 011 0011 mmmm 110 11111", isb>(kAnyId, "ISB"),
    row<"1101010100 0 00 011 0011 0000 111 11111", speculation_barrier, Feature::SB>("SB"),
    // FEAT_XS: DSB nXS; FEAT_WFxT: WFET, WFIT
    // MSR (immediate)
    row<"1101010100 0 00 000 0100 mmmm 101 11111", msr_spsel>(kAnyId, "MSR SPSel"),
    word_row<msr_daifset>(0xfffff0ff, 0xd50340df, "MSR DAIFSet"),
    word_row<msr_daifclr>(0xfffff0ff, 0xd50340ff, "MSR DAIFClr"),
    // UNPREDICTABLE: chose UNDEFINED for other values of CRm, which should be zero
    row<"1101010100 0 00 000 0100 0000 000 11111", cfinv, cpu::Feature::FlagM>("CFINV"),
    row<"1101010100 0 00 000 0100 0000 001 11111", xaflag, cpu::Feature::FlagM2>("XAFLAG"),
    row<"1101010100 0 00 000 0100 0000 010 11111", axflag, cpu::Feature::FlagM2>("AXFLAG"),
    row<"1101010100 0 00 000 0100 mmmm 100 11111", msr_el1_flag<cpu::SysReg::PAN, 22>, Feature::PAN>("MSR PAN"),
    row<"1101010100 0 00 000 0100 mmmm 011 11111", msr_el1_flag<cpu::SysReg::UAO, 23>, Feature::UAO>("MSR UAO"),
    row<"1101010100 0 00 011 0100 mmmm 010 11111", msr_flag<cpu::SysReg::DIT, 24>, Feature::DIT>("MSR DIT"),
    row<"1101010100 0 00 011 0100 mmmm 001 11111", msr_flag<cpu::SysReg::SSBS, 12>, Feature::SSBS2>("MSR SSBS"),
    // SYS, MSR (register), MRS; SYSL has no allocated encoding in ARMv8.0
    word_row<emit_sys>(0xfff80000, 0xd5080000, "SYS"),
    word_row<emit_msr>(0xfff00000, 0xd5100000, "MSR (register)"),
    word_row<emit_mrs>(0xfff00000, 0xd5300000, "MRS"),
    // Unconditional branch (register): the two that are not branches
    row<"1101011 0100 11111 000000 11111 00000", eret>(kAnyId, "ERET"),
    row<"1101011 0100 11111 000010 11111 11111", eret_authenticated<PacKey::IA>, Feature::PAuth>("ERETAA"),
    row<"1101011 0100 11111 000011 11111 11111", eret_authenticated<PacKey::IB>, Feature::PAuth>("ERETAB"),
    row<"1101011 0101 11111 000000 11111 00000", drps>(kAnyId, "DRPS"),
};
// clang-format on

}  // namespace

std::span<const Row> system_rows() { return kRows; }

EmitFn find_system(unsigned id, u32 word) { return find_emit(kRows, id, word); }

}  // namespace ferry::frontend
