// Lowering of calls: helpers that see the guest's state, helpers that see only operands, and the fallback for ops
// without native code.
#include <bit>

#include "cpu/sysregs.h"
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

using cpu::HelperInfo;

void Compiler::lower_call(Value v, const Inst& d) {
  if (d.op == Op::CallIf) return call_if(v, d);
  const HelperInfo& helper = cpu::helper_info(static_cast<cpu::Helper>(d.imm));
  if (d.imm == static_cast<u64>(cpu::Helper::check_sp_alignment)) return check_alignment(d);
  if (native_helper(v, d) || read_counter(v, d)) return;
  if ((helper.effects & cpu::kState) != 0)
    call_state(v, d, helper);
  else
    call_slow(v, d, helper);
}

// An operand into memory at RSP + at; whole: all 16 bytes are read.
void Compiler::store_arg(Value v, i32 at, bool whole) {
  const Type t = type_of(v);
  u64 bits = 0;
  if (ir::is_int(t)) {
    i32 imm = 0;
    if (is_const(v, &bits) && is_imm32(v, &imm) && (t == Type::I64 || imm >= 0))
      e_.store_imm(true, {RSP, at}, imm);
    else
      e_.store(true, {RSP, at}, use_clean(v));
    if (whole) e_.store_imm(true, {RSP, at + 8}, 0);
    return;
  }
  const u8 r = use(v);
  if (t == Type::V128) return e_.sse_mem(0, 0x29, r, {RSP, at});
  if (t == Type::F64) {
    e_.sse_mem(0x66, 0xd6, r, {RSP, at});
  } else {
    e_.store_imm(true, {RSP, at}, 0);
    e_.sse_mem(0xf3, 0x11, r, {RSP, at});
  }
  if (whole) e_.store_imm(true, {RSP, at + 8}, 0);
}

// Before most accesses through SP: only a misaligned one calls.
void Compiler::check_alignment(const Inst& d) {
  const u8 r = use(d.args[0]);
  e_.test_imm(false, r, 15);
  const u32 jump = e_.jcc(Cond::NE);
  checks_.push_back({jump, e_.here(), r, files_[kXmm].used != 0, static_cast<u32>(d.imm), site(), snapshot()});
  consume(d.args[0]);
}

void Compiler::emit_check(const SlowCheck& c) {
  e_.bind(c.jump);
  e_.store(true, {RSP, arg_slot(1)}, c.reg);
  e_.store_imm(true, {RSP, arg_slot(0)}, static_cast<i32>(c.helper));
  e_.store_imm(false, {kStateReg, FERRY_STATE(site)}, static_cast<i32>(c.site));
  e_.call_to(stubs_.helper[c.xmm_live ? 1 : 0]);
  emit_fault_check(c.dirty);
  const u32 back = e_.jmp();
  e_.bind(back, c.resume);
}

// The form of a stub that keeps the XMM registers in use. They are handed out from 15 down.
unsigned Compiler::xmm_form() const {
  const u32 used = files_[kXmm].used;
  return used == 0 ? 0 : (used & 0xff) != 0 ? 1 : 2;
}

// A value, unless a condition that rarely holds asks for a helper's: that call is out of line.
void Compiler::call_if(Value v, const Inst& d) {
  prepare_condition(d.args[0]);
  const u8 fast = use(d.args[1]), a = use(d.args[2]), b = use(d.args[3]);
  consume(d.args[1]);
  const u8 to = define(v, fast, mask(a) | mask(b));
  if (to != fast) e_.mov(true, to, fast);
  const u32 jump = e_.jcc(emit_condition(d.args[0]));
  rare_calls_.push_back({jump, e_.here(), to, a, b, d.aux, files_[kXmm].used != 0, static_cast<u32>(d.imm)});
  consume(d.args[0]);
  consume(d.args[2]);
  consume(d.args[3]);
}

void Compiler::emit_rare_call(const RareCall& c) {
  e_.bind(c.jump);
  e_.store_imm(true, {RSP, arg_slot(0)}, static_cast<i32>(c.helper));
  e_.store(true, {RSP, arg_slot(1)}, c.a);
  e_.store(true, {RSP, arg_slot(2)}, c.b);
  e_.store_imm(true, {RSP, arg_slot(3)}, c.aux);
  e_.call_to(stubs_.helper[c.xmm_live ? 1 : 0]);
  e_.load(true, c.to, {RSP, arg_slot(0)});
  const u32 back = e_.jmp();
  e_.bind(back, c.resume);
}

// MRS of the system counter in real time: the machine's clock as core/time_scale.h describes it.
bool Compiler::read_counter(Value v, const Inst& d) {
  SlowCounter c;
  if (d.imm != static_cast<u64>(cpu::Helper::mrs) || mode_.virtual_time() != 0 || !is_const(d.args[0], &c.reg) ||
      !is_const(d.args[1], &c.iss) || !cpu::is_counter(static_cast<cpu::SysReg>(c.reg)))
    return false;
  const bool is_virtual = cpu::is_virtual_counter(static_cast<cpu::SysReg>(c.reg));
  for (unsigned n = 0; n < 2; ++n) consume(d.args[n]);
  for (const Reg r : {RAX, RCX, RDX}) take(r);
  const u8 sequence = alloc_temp(kGpr);
  c.site = site();
  c.dirty = snapshot();
  c.xmm_form = xmm_form();
  const auto slow_if = [&](Cond cond) { c.jumps[c.count++] = e_.jcc(cond); };
  const auto in_scale = [](usize offset) { return MemRef{RCX, static_cast<i32>(offset)}; };
  if (mode_.el() == 0) {  // CNTKCTL_EL1.EL0VCTEN, EL0PCTEN
    e_.rm(0xf6, false, 0, {kStateReg, static_cast<i32>(cpu::sysreg_offset(cpu::SysReg::CNTKCTL_EL1))});  // test byte
    e_.byte(is_virtual ? 2 : 1);
    slow_if(Cond::E);
  }
  e_.load(true, RCX, {kStateReg, FERRY_STATE(time_scale)});
  e_.test(true, RCX, RCX);
  slow_if(Cond::E);
  e_.load(true, sequence, in_scale(offsetof(TimeScale, sequence)));
  for (const unsigned byte : {0x0fu, 0xaeu, 0xe8u, 0x0fu, 0x31u}) e_.byte(byte);  // lfence; rdtsc
  e_.shift_imm(Shift::Shl, true, RDX, 32);
  e_.alu(Alu::Or, true, RAX, RDX);
  e_.alu_load(Alu::Sub, true, RAX, in_scale(offsetof(TimeScale, ticks)));
  e_.alu_load(Alu::Cmp, true, RAX, in_scale(offsetof(TimeScale, span)));
  slow_if(Cond::AE);
  e_.as.imul(asmjit::x86::rax, asmjit::x86::qword_ptr(asmjit::x86::rcx, offsetof(TimeScale, rate)));
  e_.shift_imm(Shift::Shr, true, RAX, TimeScale::kRateShift);
  e_.alu_load(Alu::Add, true, RAX, in_scale(offsetof(TimeScale, ns)));
  e_.test_imm(false, sequence, 1);
  slow_if(Cond::NE);
  e_.alu_load(Alu::Cmp, true, sequence, in_scale(offsetof(TimeScale, sequence)));
  slow_if(Cond::NE);
  e_.load(false, RCX, {kStateReg, FERRY_STATE(counter_shift)});
  e_.shift_cl(Shift::Shr, true, RAX);
  if (is_virtual)
    e_.alu_load(Alu::Sub, true, RAX, {kStateReg, static_cast<i32>(cpu::sysreg_offset(cpu::SysReg::CNTVOFF_EL2))});
  c.to = RAX;
  c.resume = e_.here();
  slow_counters_.push_back(c);
  if (values_[v].uses != 0) bind(v, RAX);
  return true;
}

void Compiler::emit_slow_counter(const SlowCounter& c) {
  for (unsigned n = 0; n < c.count; ++n) e_.bind(c.jumps[n]);
  e_.store_imm(true, {RSP, arg_slot(0)}, static_cast<i32>(cpu::Helper::mrs));
  e_.store_imm(true, {RSP, arg_slot(1)}, static_cast<i32>(c.reg));
  e_.store_imm(true, {RSP, arg_slot(2)}, static_cast<i32>(c.iss));
  e_.store_imm(false, {kStateReg, FERRY_STATE(site)}, static_cast<i32>(c.site));
  e_.call_to(stubs_.helper[c.xmm_form]);
  emit_fault_check(c.dirty);
  e_.load(true, c.to, {RSP, arg_slot(0)});
  const u32 back = e_.jmp();
  e_.bind(back, c.resume);
}

// Reads no guest state: the registers stay as they are around the call.
void Compiler::call_slow(Value v, const Inst& d, const HelperInfo& helper) {
  int scalars = 0, vectors = 0;
  for (unsigned n = 0; n < d.arg_count(); ++n) {
    if (type_of(d.args[n]) == Type::V128)
      e_.sse_mem(0, 0x29, use(d.args[n]), {kStateReg, FERRY_STATE(vargs) + 16 * vectors++});
    else
      store_arg(d.args[n], arg_slot(1 + scalars++), false);
  }
  e_.store_imm(true, {RSP, arg_slot(0)}, static_cast<i32>(d.imm));
  const Type result = d.result_type();
  const int to = result == Type::None ? -1 : int{alloc(class_of(result))};
  const bool faults = (helper.effects & cpu::kFault) != 0;
  if (faults) e_.store_imm(false, {kStateReg, FERRY_STATE(site)}, static_cast<i32>(site()));
  const Snapshot dirty = faults ? snapshot() : Snapshot{};
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
  e_.call_to(stubs_.helper[xmm_form()]);
  if (faults) emit_fault_check(dirty);
  if (result != Type::None) load_result(v, to, result);
}

void Compiler::load_result(Value v, int to, Type result) {
  const u8 r = define(v, to);
  const MemRef slot{RSP, arg_slot(0)};
  switch (result) {
    case Type::I32: e_.load(false, r, slot); break;
    case Type::I64: e_.load(true, r, slot); break;
    case Type::F32: e_.sse_mem(0xf3, 0x10, r, slot); break;
    case Type::F64: e_.sse_mem(0xf2, 0x10, r, slot); break;
    case Type::V128: e_.sse_mem(0, 0x28, r, {kStateReg, FERRY_STATE(vargs)}); break;
    case Type::None: break;
  }
  values_[v].clean = result != Type::V128;
}

// One op by its meaning.
void Compiler::fallback(Value v, const Inst& d) {
  ++stats_.fallbacks[static_cast<usize>(d.op)];
  for (unsigned n = 0; n < d.arg_count(); ++n) store_arg(d.args[n], arg_slot(1 + static_cast<int>(n)), true);
  const Type result = d.result_type();
  const u8 to = alloc(class_of(result));
  const u8 t = alloc_temp(kGpr);
  e_.byte(t >= 8 ? 0x4c : 0x48);  // lea t, [rip + the op]
  e_.byte(0x8d);
  e_.byte(0x05u | (t & 7u) << 3);
  static_assert(sizeof(Inst) <= sizeof(PoolEntry::bytes));
  pool_ref(&d, sizeof(Inst));
  e_.store(true, {RSP, arg_slot(0)}, t);
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
  e_.call_to(stubs_.fallback[xmm_form()]);
  if (result != Type::V128) return load_result(v, to, result);
  e_.sse_mem(0, 0x28, define(v, to), {RSP, arg_slot(0)});
}

// Everything that a call may overwrite and that is still needed goes to the frame.
void Compiler::spill_caller_saved() {
  for (const Class c : {kGpr, kXmm}) {
    const u32 saved = c == kGpr ? kCallerSaved | kPinMask : 0xffff;
    for (u32 m = saved; m != 0; m &= m - 1) {
      const u8 r = static_cast<u8>(std::countr_zero(m));
      if (busy(c, r)) evacuate(c, r, true);
    }
  }
}

// May read and write any guest state: all of it is in memory around the call.
void Compiler::call_state(Value v, const Inst& d, const HelperInfo& helper) {
  static constexpr Reg kArgs[] = {RSI, RDX, RCX, R8};
  write_back();
  forget_guests();
  // Lazy operands are computed now; then everything lives in the frame, in constants or in callee-saved registers.
  for (unsigned n = 0; n < d.arg_count(); ++n)
    if (values_[d.args[n]].where == Where::Lazy) use(d.args[n]);
  spill_caller_saved();
  files_[kGpr].locked = files_[kXmm].locked = 0;
  store_pins();
  fold_fpsr();
  int scalars = 0, vectors = 0;
  for (unsigned n = 0; n < d.arg_count(); ++n) {
    const Value a = d.args[n];
    if (type_of(a) == Type::V128) {
      e_.sse_mem(0, 0x29, use(a), {kStateReg, FERRY_STATE(vargs) + 16 * vectors++});
      continue;
    }
    load_arg(a, kArgs[scalars++]);
  }
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
  spill_caller_saved();  // vector operands that came back from the frame and live on
  e_.store_imm(false, {kStateReg, FERRY_STATE(site)}, static_cast<i32>(site()));
  e_.mov(true, RDI, kStateReg);
  e_.load(true, RAX, {kStateReg, FERRY_STATE(helpers)});
  e_.alu_imm(Alu::Sub, true, RSP, 8);
  e_.call_mem({RAX, 8 * static_cast<i32>(d.imm)});
  e_.alu_imm(Alu::Add, true, RSP, 8);
  e_.store_imm(false, {RSP, arg_slot(1)}, static_cast<i32>(kMxcsr));
  e_.as.ldmxcsr(asmjit::x86::dword_ptr(asmjit::x86::rsp, arg_slot(1)));  // C++ may have raised flags of its own
  load_pins();
  if ((helper.effects & cpu::kFault) != 0) {
    e_.alu_mem_imm(Alu::Cmp, false, {kStateReg, FERRY_STATE(fault)}, 0);
    e_.jcc_to(Cond::NE, stubs_.fault);
  }
  const Type result = d.result_type();
  if (result == Type::None || values_[v].uses == 0) return;
  if (result == Type::V128) {
    e_.sse_mem(0, 0x28, define(v), {kStateReg, FERRY_STATE(vargs)});
  } else if (ir::is_int(result)) {
    lock(kGpr, RAX);
    if (result == Type::I32) e_.mov(false, RAX, RAX);
    bind(v, RAX);
    values_[v].clean = true;
  } else {
    const u8 r = define(v);
    e_.sse(0x66, 0x6e, r, RAX, result == Type::F64);  // movd, movq
    values_[v].clean = true;
  }
}

// A scalar operand from the frame, a callee-saved register or a constant into an argument register.
void Compiler::load_arg(Value a, u8 to) {
  const ValueInfo& i = values_[a];
  const Type t = type_of(a);
  const bool w = t == Type::I64 || t == Type::F64;
  lock(kGpr, to);
  if (i.where == Where::Slot) return e_.load(w, to, {RSP, spill_slot(i.slot)});
  if (i.where == Where::Const) return e_.mov_imm(to, w ? inst(a).imm : inst(a).imm & 0xffffffff);
  ASSERT(i.where == Where::Reg && ir::is_int(t), "operands of calls have been brought home");
  e_.mov(w, to, i.reg);
}

// The host's sticky flags into FPSR, for what reads it.
void Compiler::fold_fpsr() {
  e_.as.stmxcsr(asmjit::x86::dword_ptr(asmjit::x86::rsp, arg_slot(0)));
  e_.rm(0xf6, false, 0, {RSP, arg_slot(0)});  // test byte
  e_.byte(kMxcsrFlags);
  const u32 clean = e_.jcc(Cond::E);
  e_.call_to(stubs_.fold_fpsr);
  e_.bind(clean);
}

void Compiler::store_pins() {
  for (usize i = 0; i < kPinned.size(); ++i)
    e_.store(kPinned[i] != Pin::Nzcv, {kStateReg, static_cast<i32>(pin_offset(kPinned[i]))}, kAbiRegs[i + 1]);
}

void Compiler::load_pins() {
  for (usize i = 0; i < kPinned.size(); ++i)
    e_.load(kPinned[i] != Pin::Nzcv, kAbiRegs[i + 1], {kStateReg, static_cast<i32>(pin_offset(kPinned[i]))});
}

}  // namespace ferry::jit::baseline
