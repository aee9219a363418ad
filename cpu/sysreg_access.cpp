// Reading and writing system registers by their rows.
#include "cpu/environment.h"
#include "cpu/exceptions.h"
#include "cpu/sysreg_custom.h"
#include "cpu/sysregs.h"

namespace ferry::cpu {
namespace {

u64 read_special(const CpuState& s, SysReg r) {
  switch (r) {
    case SysReg::SPSR_EL1: return s.spsr_el[1];
    case SysReg::SPSR_EL2: return s.spsr_el[2];
    case SysReg::SPSR_EL3: return s.spsr_el[3];
    case SysReg::ELR_EL1: return s.elr_el[1];
    case SysReg::ELR_EL2: return s.elr_el[2];
    case SysReg::ELR_EL3: return s.elr_el[3];
    case SysReg::SP_EL0: return banked_sp(s, 0);
    case SysReg::SP_EL1: return banked_sp(s, 1);
    case SysReg::SP_EL2: return banked_sp(s, 2);
    case SysReg::SPSel: return s.sp_sel;
    case SysReg::CurrentEL: return u64{s.el} << 2;
    case SysReg::NZCV: return nzcv_to_arch(s.nzcv);
    case SysReg::DAIF: return s.daif;
    case SysReg::PAN: return u64{s.pan} << 22;
    case SysReg::UAO: return u64{s.uao} << 23;
    case SysReg::DIT: return u64{s.dit} << 24;
    case SysReg::SSBS: return u64{s.ssbs} << 12;
    case SysReg::FPCR: return s.fpcr;
    case SysReg::FPSR: return s.fpsr;
    default: return 0;
  }
}

void apply_effect(CpuState& s, SysRegEffect effect) {
  switch (effect) {
    case SysRegEffect::None:
    case SysRegEffect::Time: return;
    case SysRegEffect::Mode: update_mode(s); return;
    case SysRegEffect::Regime: update_mode(s); [[fallthrough]];
    case SysRegEffect::Translation:
      if (s.env != nullptr) s.env->translation_changed(s);
      return;
  }
}

void write_special(CpuState& s, SysReg r, u64 value) {
  const u32 low = static_cast<u32>(value);
  switch (r) {
    case SysReg::SPSR_EL1: s.spsr_el[1] = low; return;
    case SysReg::SPSR_EL2: s.spsr_el[2] = low; return;
    case SysReg::SPSR_EL3: s.spsr_el[3] = low; return;
    case SysReg::ELR_EL1: s.elr_el[1] = value; return;
    case SysReg::ELR_EL2: s.elr_el[2] = value; return;
    case SysReg::ELR_EL3: s.elr_el[3] = value; return;
    case SysReg::SP_EL0: set_banked_sp(s, 0, value); return;
    case SysReg::SP_EL1: set_banked_sp(s, 1, value); return;
    case SysReg::SP_EL2: set_banked_sp(s, 2, value); return;
    case SysReg::SPSel:
      select_sp(s, s.el, low & 1);
      update_mode(s);
      return;
    case SysReg::NZCV: s.nzcv = nzcv_from_arch(value); return;
    case SysReg::DAIF:
      s.daif = low & kDaifMask;
      update_mode(s);
      return;
    case SysReg::PAN: s.pan = bit(low, 22); return apply_effect(s, SysRegEffect::Regime);
    case SysReg::UAO: s.uao = bit(low, 23); return apply_effect(s, SysRegEffect::Regime);
    case SysReg::DIT: s.dit = bit(low, 24); return;
    case SysReg::SSBS: s.ssbs = bit(low, 12); return;
    case SysReg::FPCR:
      s.fpcr = low & (kFpcrMask | (s.features.has(Feature::FP16) ? kFpcrFz16 : 0));
      update_mode(s);
      return;
    case SysReg::FPSR: s.fpsr = low & kFpsrMask; return;
    default: return;
  }
}

u64 read_gic(CpuState& s, SysReg r) {
  u64 value = 0;
  return s.env != nullptr && s.env->gic_read(s, sysreg_info(r).key, value) ? value : 0;
}

}  // namespace

u64 read_sysreg(CpuState& s, SysReg r) {
  switch (sysreg_info(r).kind) {
    case SysRegKind::Stored:
    case SysRegKind::Const: return s.reg(r);
    case SysRegKind::Custom: return read_custom(s, r);
    case SysRegKind::Special: return read_special(s, r);
    case SysRegKind::Gic: return read_gic(s, r);
  }
  return 0;
}

void write_sysreg(CpuState& s, SysReg r, u64 value) {
  const SysRegInfo& info = sysreg_info(r);
  if ((r >= SysReg::DBGWVR0_EL1 && r <= SysReg::DBGWCR3_EL1) || r == SysReg::MDSCR_EL1) ++s.watch_changes;
  const u64 writable = writable_bits(info, s.features);
  const u64 kept = (s.reg(r) & ~writable) | (value & writable);
  switch (info.kind) {
    case SysRegKind::Stored: s.reg(r) = kept; break;
    case SysRegKind::Const: return;
    case SysRegKind::Custom: write_custom(s, r, value & writable); break;
    case SysRegKind::Special: write_special(s, r, value); return;
    case SysRegKind::Gic:
      if (s.env != nullptr) s.env->gic_write(s, info.key, value);
      break;
  }
  apply_effect(s, info.effect);
}

}  // namespace ferry::cpu
