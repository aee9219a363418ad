// SYS: cache maintenance, address translation and TLB maintenance (Arm ARM DDI 0487, C5.3 to C5.5).
#include "cpu/environment.h"
#include "cpu/exceptions.h"
#include "cpu/sysregs.h"
#include "frontend/system.h"

namespace ferry::frontend {
namespace {

using cpu::AtOp;
using cpu::Feature;
using cpu::Helper;
using ir::Type;
using ir::Value;

void call(Context& c, Helper h, Value a, Value b) { c.b.call(static_cast<u32>(h), Type::None, a, b); }

// The semantics get the value of Xt and the encoding.
using SysFn = void (*)(Context&, Value xt, u32 key);

void ic_all(Context& c, Value, u32) { call(c, Helper::ic, c.b.imm64(1), c.b.imm64(0)); }
void ic_va(Context& c, Value xt, u32) { call(c, Helper::ic, c.b.imm64(0), xt); }
// By set and way: caches are transparent here.
void dc_set_way(Context&, Value, u32) {}
void dc_read(Context& c, Value xt, u32) { call(c, Helper::dc, xt, c.b.imm64(0)); }
void dc_invalidate(Context& c, Value xt, u32) { call(c, Helper::dc, xt, c.b.imm64(1)); }
void dc_zero(Context& c, Value xt, u32) {
  ir::MemInfo m;
  m.write = m.zero_block = true;
  c.b.emit({.op = ir::Op::ZeroBlock, .args = ir::args(xt), .imm = m.encode()});
}
template <AtOp Op>
void at(Context& c, Value xt, u32) {
  call(c, Helper::at, c.b.imm64(static_cast<u64>(Op)), xt);
}
void tlbi(Context& c, Value xt, u32 key) { call(c, Helper::tlbi, c.b.imm64(key), xt); }

// CFP, DVP, CPP: there are no predictions to restrict.
void restrict_prediction(Context&, Value, u32) {}

struct SysRow {
  u32 key;
  const char* name;
  SysFn emit;
  unsigned min_el;
  u32 trap = 0;  // kEl0Trap... that sends it to EL1 from EL0
  cpu::Feature feature = cpu::Feature::Base;
};

constexpr u32 sys_key(unsigned op1, unsigned crn, unsigned crm, unsigned op2) {
  return cpu::sysreg_key(1, op1, crn, crm, op2);
}

constexpr SysRow kRows[] = {
    {sys_key(0, 7, 1, 0), "IC IALLUIS", ic_all, 1},
    {sys_key(0, 7, 5, 0), "IC IALLU", ic_all, 1},
    {sys_key(3, 7, 5, 1), "IC IVAU", ic_va, 0, cpu::kEl0TrapUci},
    {sys_key(0, 7, 6, 1), "DC IVAC", dc_invalidate, 1},
    {sys_key(0, 7, 6, 2), "DC ISW", dc_set_way, 1},
    {sys_key(0, 7, 10, 2), "DC CSW", dc_set_way, 1},
    {sys_key(0, 7, 14, 2), "DC CISW", dc_set_way, 1},
    {sys_key(3, 7, 4, 1), "DC ZVA", dc_zero, 0, cpu::kEl0TrapDze},
    {sys_key(3, 7, 10, 1), "DC CVAC", dc_read, 0, cpu::kEl0TrapUci},
    {sys_key(3, 7, 11, 1), "DC CVAU", dc_read, 0, cpu::kEl0TrapUci},
    {sys_key(3, 7, 14, 1), "DC CIVAC", dc_read, 0, cpu::kEl0TrapUci},
    {sys_key(3, 7, 12, 1), "DC CVAP", dc_read, 0, cpu::kEl0TrapUci, Feature::DPB},
    {sys_key(3, 7, 13, 1), "DC CVADP", dc_read, 0, cpu::kEl0TrapUci, Feature::DPB2},
    {sys_key(3, 7, 3, 4), "CFP RCTX", restrict_prediction, 0, cpu::kEl0TrapRctx, Feature::SPECRES},
    {sys_key(3, 7, 3, 5), "DVP RCTX", restrict_prediction, 0, cpu::kEl0TrapRctx, Feature::SPECRES},
    {sys_key(3, 7, 3, 7), "CPP RCTX", restrict_prediction, 0, cpu::kEl0TrapRctx, Feature::SPECRES},
    {sys_key(0, 7, 8, 0), "AT S1E1R", at<AtOp::S1E1R>, 1},
    {sys_key(0, 7, 8, 1), "AT S1E1W", at<AtOp::S1E1W>, 1},
    {sys_key(0, 7, 8, 2), "AT S1E0R", at<AtOp::S1E0R>, 1},
    {sys_key(0, 7, 8, 3), "AT S1E0W", at<AtOp::S1E0W>, 1},
    {sys_key(0, 7, 9, 0), "AT S1E1RP", at<AtOp::S1E1RP>, 1, 0, Feature::PAN2},
    {sys_key(0, 7, 9, 1), "AT S1E1WP", at<AtOp::S1E1WP>, 1, 0, Feature::PAN2},
    // EL2: AT S1E2*, S12E*; EL3: AT S1E3*
    {sys_key(0, 8, 3, 0), "TLBI VMALLE1IS", tlbi, 1},
    {sys_key(0, 8, 3, 1), "TLBI VAE1IS", tlbi, 1},
    {sys_key(0, 8, 3, 2), "TLBI ASIDE1IS", tlbi, 1},
    {sys_key(0, 8, 3, 3), "TLBI VAAE1IS", tlbi, 1},
    {sys_key(0, 8, 3, 5), "TLBI VALE1IS", tlbi, 1},
    {sys_key(0, 8, 3, 7), "TLBI VAALE1IS", tlbi, 1},
    {sys_key(0, 8, 7, 0), "TLBI VMALLE1", tlbi, 1},
    {sys_key(0, 8, 7, 1), "TLBI VAE1", tlbi, 1},
    {sys_key(0, 8, 7, 2), "TLBI ASIDE1", tlbi, 1},
    {sys_key(0, 8, 7, 3), "TLBI VAAE1", tlbi, 1},
    {sys_key(0, 8, 7, 5), "TLBI VALE1", tlbi, 1},
    {sys_key(0, 8, 7, 7), "TLBI VAALE1", tlbi, 1},
    {sys_key(0, 8, 1, 0), "TLBI VMALLE1OS", tlbi, 1, 0, Feature::TLBIOS},
    {sys_key(0, 8, 1, 1), "TLBI VAE1OS", tlbi, 1, 0, Feature::TLBIOS},
    {sys_key(0, 8, 1, 2), "TLBI ASIDE1OS", tlbi, 1, 0, Feature::TLBIOS},
    {sys_key(0, 8, 1, 3), "TLBI VAAE1OS", tlbi, 1, 0, Feature::TLBIOS},
    {sys_key(0, 8, 1, 5), "TLBI VALE1OS", tlbi, 1, 0, Feature::TLBIOS},
    {sys_key(0, 8, 1, 7), "TLBI VAALE1OS", tlbi, 1, 0, Feature::TLBIOS},
    {sys_key(0, 8, 2, 1), "TLBI RVAE1IS", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 2, 3), "TLBI RVAAE1IS", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 2, 5), "TLBI RVALE1IS", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 2, 7), "TLBI RVAALE1IS", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 5, 1), "TLBI RVAE1OS", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 5, 3), "TLBI RVAAE1OS", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 5, 5), "TLBI RVALE1OS", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 5, 7), "TLBI RVAALE1OS", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 6, 1), "TLBI RVAE1", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 6, 3), "TLBI RVAAE1", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 6, 5), "TLBI RVALE1", tlbi, 1, 0, Feature::TLBIRANGE},
    {sys_key(0, 8, 6, 7), "TLBI RVAALE1", tlbi, 1, 0, Feature::TLBIRANGE},
    // EL2: TLBI ALLE1, IPAS2E1, VAE2 ...
};

const SysRow* find(u32 key) {
  for (const SysRow& r : kRows)
    if (r.key == key) return &r;
  return nullptr;
}

}  // namespace

// SYS
void emit_sys(Context& c, u32 word) {
  const SysRow* r = find(system_key(word));
  if (r == nullptr || !c.has(r->feature) || c.mode.el() < r->min_el) return c.undefined();
  const unsigned rt = word & 31;
  if ((c.mode.el0_traps() & r->trap) != 0) return c.exception(cpu::kEcSysReg, cpu::sysreg_iss(r->key, rt, false));
  r->emit(c, c.x(Type::I64, rt), r->key);
}

}  // namespace ferry::frontend
