// Helpers of the system instructions.
#include "cpu/environment.h"
#include "cpu/exceptions.h"
#include "cpu/pauth.h"
#include "cpu/sysregs.h"

namespace ferry::cpu::helper {
namespace {

u64 undefined(CpuState& s) {
  raise(s, kEcUnknown, 0);
  return 0;
}

// True when the access was refused; the exception is raised.
bool refused(CpuState& s, const SysRegInfo& r, bool read, u64 iss) {
  if (!el0_access_trapped(s, r, read)) return false;
  raise(s, kEcSysReg, static_cast<u32>(iss));
  return true;
}

// TLBI by CRm and op2 (C5.5): the scope of the EL1&0 forms.
TlbiOp::Scope tlbi_scope(unsigned op2) {
  switch (op2 & 3) {
    case 0: return TlbiOp::Scope::All;
    case 1: return TlbiOp::Scope::Va;
    case 2: return TlbiOp::Scope::Asid;
    default: return TlbiOp::Scope::VaAllAsid;
  }
}

// The range of the R forms: TG, SCALE, NUM, BaseADDR. UNPREDICTABLE: chose that a reserved TG invalidates nothing.
bool tlbi_range(u64 operand, TlbiOp& op) {
  const u64 granule = bits(operand, 47, 46);
  if (granule == 0) return false;
  const unsigned shift = static_cast<unsigned>(10 + 2 * granule);  // 4, 16, 64 KiB
  const unsigned scale = static_cast<unsigned>(5 * bits(operand, 45, 44) + 1);
  op.range_pages = (bits(operand, 43, 39) + 1) << (scale + shift - 12);
  op.va = static_cast<u64>(sign_extend(bits(operand, 36, 0), 37)) << shift;
  return true;
}

void count_access(CpuState& s) {
  if (s.env != nullptr) ++s.env->system_register_accesses[s.el & 3];
}

}  // namespace

u64 mrs(CpuState& s, u64 reg, u64 iss, u64, u64) {
  count_access(s);
  const SysRegInfo& r = sysreg_info(static_cast<SysReg>(reg));
  if (refused(s, r, true, iss)) return 0;
  if (r.kind != SysRegKind::Gic) return cpu::read_sysreg(s, r.reg);
  u64 value = 0;
  return s.env->gic_read(s, r.key, value) ? value : undefined(s);
}

u64 msr(CpuState& s, u64 reg, u64 value, u64 iss, u64) {
  count_access(s);
  const SysRegInfo& r = sysreg_info(static_cast<SysReg>(reg));
  if (refused(s, r, false, iss)) return 0;
  if (r.kind != SysRegKind::Gic)
    cpu::write_sysreg(s, r.reg, value);
  else if (!s.env->gic_write(s, r.key, value))
    undefined(s);
  return 0;
}

u64 eret(CpuState& s, u64, u64, u64, u64) {
  exception_return(s, s.elr_el[s.el]);
  return 0;
}

// ERETAA, ERETAB
u64 eret_authenticated(CpuState& s, u64 key, u64, u64, u64) {
  exception_return(s, authenticate(s, s.elr_el[s.el], s.x[31], static_cast<PacKey>(key)));
  return 0;
}

u64 hvc(CpuState& s, u64, u64, u64, u64) { return s.env->firmware_call(s, false) ? 0 : undefined(s); }
u64 smc(CpuState& s, u64, u64, u64, u64) { return s.env->firmware_call(s, true) ? 0 : undefined(s); }
u64 semihosting(CpuState& s, u64, u64, u64, u64) { return s.env->semihosting(s) ? 0 : undefined(s); }

u64 send_event(CpuState& s, u64, u64, u64, u64) {
  s.env->send_event(s);
  return 0;
}

u64 tlbi(CpuState& s, u64 key, u64 operand, u64, u64) {
  TlbiOp op;
  const unsigned op2 = static_cast<unsigned>(bits(key, 2, 0));
  op.scope = tlbi_scope(op2);
  const u64 crm = bits(key, 6, 3);  // 1 OS, 2 range IS, 3 IS, 5 range OS, 6 range, 7
  op.broadcast = crm < 6;
  op.last_level = op2 >= 5;
  op.asid = static_cast<u16>(bits(operand, 63, 48));
  if (!bit(s.reg(SysReg::TCR_EL1), 36)) op.asid &= 0xff;                  // TCR_EL1.AS: 8-bit ASIDs
  op.va = static_cast<u64>(sign_extend(bits(operand, 43, 0) << 12, 56));  // TTL, above it, is a hint
  if ((crm == 2 || crm == 5 || crm == 6) && !tlbi_range(operand, op)) return 0;
  s.env->tlb_invalidate(s, op);
  return 0;
}

u64 at(CpuState& s, u64 op, u64 va, u64, u64) {
  s.reg(SysReg::PAR_EL1) = s.env->address_translate(s, static_cast<AtOp>(op), va);
  return 0;
}

u64 ic(CpuState& s, u64 all, u64 va, u64, u64) {
  s.env->instruction_cache_invalidate(s, all != 0, va);
  return 0;
}

u64 dc(CpuState& s, u64 va, u64 needs_write, u64, u64) {
  s.env->data_cache_op(s, va, needs_write != 0);
  return 0;
}

}  // namespace ferry::cpu::helper
