// Lowering of exclusives, read-modify-writes and DC ZVA: an inline probe, a locked instruction of the host, and a slow
// path out of line. What is not 1, 2, 4, 8 or 16 aligned bytes of plain memory goes the slow way.
//
// The monitor is the host address, the size and the value (cpu/state.h); a store exclusive is a compare and swap with
// that value. The lock prefix stays with one processor too: devices write guest memory from threads of their own.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {
namespace {

constexpr i32 kMonitorHost = FERRY_STATE(monitor_host), kMonitorSize = FERRY_STATE(monitor_size),
              kMonitorValue = FERRY_STATE(monitor_value);

}  // namespace

// Whether an access of these kinds has an inline form here.
bool Compiler::inline_atomic(const Inst& d) const {
  const MemInfo m = MemInfo::decode(d.imm);
  if (d.op == Op::ZeroBlock) return mode_.mmu() != 0;  // Device memory, as all is then, refuses it
  if (mode_.big_endian() != 0) return false;
  if (d.op == Op::CasPair) return m.size_log2 == 3 && cpu_.avx;
  if (d.op != Op::AtomicRmw) return true;
  // Minimum and maximum have no small conditional moves.
  return (d.aux & kRmwReversed) == 0 && (m.size_log2 >= 2 || static_cast<RmwKind>(d.aux) < RmwKind::SMax);
}

// lock op [m], reg for a pair of opcodes 0f xx (bytes) and 0f xx + 1.
void Compiler::locked(u8 op, unsigned size_log2, u8 reg, MemRef m) {
  e_.byte(0xf0);
  if (size_log2 == 1) e_.byte(0x66);
  e_.rm0f(size_log2 == 0 ? op : static_cast<u8>(op + 1), size_log2 == 3, reg, m, size_log2 == 0);
}

void Compiler::zero_extend(unsigned size_log2, u8 to, u8 from) {
  if (size_log2 == 0) return e_.movzx8(to, from);
  if (size_log2 == 1) return e_.rr0f(0xb7, false, to, from);
  e_.mov(size_log2 == 3, to, from);
}

// The probe of an access with a value in a register; afterwards w holds the host address.
void Compiler::probe_host(const Address& a, MemInfo m, u8 u, u8 w, SlowAccess& s) {
  const int table = m.unprivileged ? -1 : guest_reg(kGpr, m.write ? kGuestTlbWrite : kGuestTlbRead);
  s.table = table < 0 ? u8{0xff} : static_cast<u8>(table);
  u32& left = accesses_[m.write ? 1 : 0];
  if (left > 0) --left;
  probe(a, m, u, w, s);
  e_.lea(true, w, {a.base, a.disp, u, 0});
}

void Compiler::load_exclusive(Value v, const Inst& d) {
  const MemInfo m = MemInfo::decode(d.imm);
  const bool pair = d.op == Op::LoadPair;
  const Value twin = pair ? values_[v].twin : ir::kNoValue;
  const Address a = address(d.args[0]);
  SlowAccess s = slow_access(d, MemHelper::Load, a);
  const u8 u = alloc_temp(kGpr), w = alloc_temp(kGpr);
  const u8 second = twin != ir::kNoValue ? alloc_temp(kGpr) : u8{0};
  const u8 wide = m.bytes() == 16 ? alloc_temp(kXmm) : u8{0};
  s.dirty = snapshot();
  lock(kGpr, a.base);
  consume(d.args[0]);
  const u8 to = define(v, u, mask(a.base) | mask(w));
  s.to[0] = static_cast<i8>(to);
  if (twin != ir::kNoValue) s.to[1] = static_cast<i8>(define(twin, second, mask(a.base) | mask(w) | mask(to)));
  probe_host(a, m, u, w, s);
  e_.store(true, {kStateReg, kMonitorHost}, w);
  e_.store_imm(false, {kStateReg, kMonitorSize}, static_cast<i32>(m.bytes()));
  if (m.bytes() == 16) {
    e_.sse_mem(0, 0x28, wide, {w, 0});
    e_.sse_mem(0, 0x29, wide, {kStateReg, kMonitorValue});
    e_.load(true, to, {kStateReg, kMonitorValue});
    if (twin != ir::kNoValue) e_.load(true, static_cast<u8>(s.to[1]), {kStateReg, kMonitorValue + 8});
  } else if (pair) {
    e_.load(true, w, {w, 0});
    e_.store(true, {kStateReg, kMonitorValue}, w);
    e_.mov(false, to, w);
    if (twin != ir::kNoValue) {
      e_.mov(true, static_cast<u8>(s.to[1]), w);
      e_.shift_imm(Shift::Shr, true, static_cast<u8>(s.to[1]), 32);
    }
  } else {
    load_element({w, 0}, m, m.size_log2 == 3 ? Type::I64 : Type::I32, to);
    e_.store(true, {kStateReg, kMonitorValue}, to);
  }
  s.resume = e_.here();
  values_[v].clean = true;
  if (twin != ir::kNoValue) values_[twin].clean = true;
  slow_.push_back(s);
}

// The compare of w with the monitor; jumps that are to be bound where the store has failed.
void Compiler::check_monitor(u8 w, unsigned bytes, u32 (&open)[2]) {
  e_.alu_load(Alu::Cmp, true, w, {kStateReg, kMonitorHost});
  open[0] = e_.jcc(Cond::NE);
  e_.alu_mem_imm(Alu::Cmp, false, {kStateReg, kMonitorSize}, static_cast<i32>(bytes));
  open[1] = e_.jcc(Cond::NE);
}

void Compiler::end_store_exclusive(SlowAccess& s, u8 result, const u32 (&open)[2]) {
  e_.setcc(Cond::NE, result);
  for (const u32 jump : open) e_.bind(jump);
  e_.store_imm(false, {kStateReg, kMonitorSize}, 0);
  s.resume = e_.here();
  slow_.push_back(s);
}

void Compiler::store_exclusive(Value v, const Inst& d) {
  const MemInfo m = MemInfo::decode(d.imm);
  if (m.bytes() == 16) return store_exclusive_wide(v, d);
  take(RAX);
  const Address a = address(d.args[0]);
  SlowAccess s = slow_access(d, MemHelper::Store, a);
  u8 value[2] = {};
  u32 avoid = mask(RAX) | mask(a.base);
  for (unsigned n = 0; n + 1 < d.arg_count(); ++n) {
    value[n] = use(d.args[n + 1]);
    s.value[n] = {SlowValue::Gpr, value[n], 0};
    avoid |= mask(value[n]);
  }
  s.xmm_live = files_[kXmm].used != 0;
  const u8 u = alloc_temp(kGpr), w = alloc_temp(kGpr);
  const u8 joined = m.pair ? alloc_temp(kGpr) : value[0];
  s.dirty = snapshot();
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
  const u8 result = define(v, u, avoid | mask(w) | mask(joined));
  s.to[0] = static_cast<i8>(result);
  probe_host(a, m, u, w, s);
  if (m.pair) {
    e_.mov(true, joined, value[1]);
    e_.shift_imm(Shift::Shl, true, joined, 32);
    e_.mov(false, u, value[0]);
    e_.alu(Alu::Or, true, joined, u);
  }
  e_.mov_imm(result, 1);
  u32 open[2];
  check_monitor(w, m.bytes(), open);
  e_.load(true, RAX, {kStateReg, kMonitorValue});
  locked(0xb0, m.pair ? 3 : m.size_log2, joined, {w, 0});
  end_store_exclusive(s, result, open);
}

// The operands are done with, the result will be in RAX, and w is the host's address.
void Compiler::probe_to_rax(Value v, const Inst& d, const Address& a, u8 w, SlowAccess& s) {
  s.dirty = snapshot();
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
  bind(v, RAX);
  values_[v].clean = true;
  s.to[0] = static_cast<i8>(RAX);
  probe_host(a, MemInfo::decode(d.imm), RAX, w, s);
}

// STXP of doublewords: cmpxchg16b, which takes four registers.
void Compiler::store_exclusive_wide(Value v, const Inst& d) {
  for (const u8 r : {RAX, RCX, RDX, RBX}) take(r);
  const Address a = address(d.args[0]);
  SlowAccess s = slow_access(d, MemHelper::Store, a);
  for (unsigned n = 0; n < 2; ++n) s.value[n] = {SlowValue::Gpr, use(d.args[n + 1]), 0};
  s.xmm_live = files_[kXmm].used != 0;
  const u8 w = alloc_temp(kGpr);
  probe_to_rax(v, d, a, w, s);
  e_.mov(true, RBX, s.value[0].reg);
  e_.mov(true, RCX, s.value[1].reg);
  e_.mov_imm(RAX, 1);
  u32 open[2];
  check_monitor(w, 16, open);
  e_.load(true, RAX, {kStateReg, kMonitorValue});
  e_.load(true, RDX, {kStateReg, kMonitorValue + 8});
  e_.byte(0xf0);
  e_.rm0f(0xc7, true, 1, {w, 0});
  e_.mov_imm(RAX, 0);  // leaves the flags alone
  end_store_exclusive(s, RAX, open);
}

namespace {

// The condition of a comparison of the old value with the operand under which the operand is the new value.
Cond takes_operand(RmwKind kind) {
  switch (kind) {
    case RmwKind::SMax: return Cond::L;
    case RmwKind::SMin: return Cond::G;
    case RmwKind::UMax: return Cond::B;
    default: return Cond::A;
  }
}

}  // namespace

// new := kind(RAX, operand)
void Compiler::rmw_step(RmwKind kind, bool w, u8 to, u8 operand) {
  switch (kind) {
    case RmwKind::Clr:
      e_.mov(w, to, operand);
      e_.not_(w, to);
      return e_.alu(Alu::And, w, to, RAX);
    case RmwKind::Eor: e_.mov(w, to, operand); return e_.alu(Alu::Xor, w, to, RAX);
    case RmwKind::Set: e_.mov(w, to, operand); return e_.alu(Alu::Or, w, to, RAX);
    default:
      e_.mov(w, to, RAX);
      e_.alu(Alu::Cmp, w, RAX, operand);
      return e_.cmov(takes_operand(kind), w, to, operand);
  }
}

void Compiler::read_modify_write(Value v, const Inst& d) {
  const MemInfo m = MemInfo::decode(d.imm);
  const RmwKind kind = static_cast<RmwKind>(d.aux);
  const unsigned size = m.size_log2;
  const bool loops = kind != RmwKind::Add && kind != RmwKind::Swap;
  if (loops) take(RAX);
  const Address a = address(d.args[0]);
  SlowAccess s = slow_access(d, MemHelper::Atomic, a);
  const u8 operand = use(d.args[1]);
  s.value[0] = {SlowValue::Gpr, operand, 0};
  s.kind = d.aux;
  s.xmm_live = files_[kXmm].used != 0;
  const u8 u = alloc_temp(kGpr), w = alloc_temp(kGpr);
  s.dirty = snapshot();
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
  u8 result = RAX;
  if (loops)
    bind(v, RAX);
  else
    result = define(v, u, mask(a.base) | mask(operand) | mask(w));
  s.to[0] = static_cast<i8>(result);
  probe_host(a, m, u, w, s);
  const MemRef at{w, 0};
  if (kind == RmwKind::Add) {
    e_.mov(size == 3, result, operand);
    locked(0xc0, size, result, at);
  } else if (kind == RmwKind::Swap) {
    e_.mov(size == 3, result, operand);
    if (size == 1) e_.byte(0x66);
    e_.rm(size == 0 ? 0x86 : 0x87, size == 3, result, at, size == 0);  // locks by itself
  } else {
    load_element(at, {.size_log2 = m.size_log2}, Type::I32, RAX);
    const u32 again = e_.here();
    rmw_step(kind, size == 3, u, operand);
    locked(0xb0, size, u, at);
    e_.bind(e_.jcc(Cond::NE), again);
  }
  if (!loops && size < 2) zero_extend(size, result, result);
  s.resume = e_.here();
  values_[v].clean = true;
  slow_.push_back(s);
}

void Compiler::compare_and_swap(Value v, const Inst& d) {
  const MemInfo m = MemInfo::decode(d.imm);
  take(RAX);
  const Address a = address(d.args[0]);
  SlowAccess s = slow_access(d, MemHelper::Atomic, a);
  s.kind = kRmwCas;
  for (unsigned n = 0; n < 2; ++n) s.value[n] = {SlowValue::Gpr, use(d.args[n + 1]), 0};
  s.xmm_live = files_[kXmm].used != 0;
  const u8 w = alloc_temp(kGpr);
  probe_to_rax(v, d, a, w, s);
  zero_extend(m.size_log2, RAX, s.value[0].reg);
  locked(0xb0, m.size_log2, s.value[1].reg, {w, 0});
  s.resume = e_.here();
  slow_.push_back(s);
}

// CASP of doublewords
void Compiler::compare_and_swap_pair(Value v, const Inst& d) {
  for (const u8 r : {RAX, RCX, RDX, RBX}) take(r);
  const Address a = address(d.args[0]);
  SlowAccess s = slow_access(d, MemHelper::Atomic, a);
  s.kind = kRmwCas;
  s.type = Type::V128;
  for (unsigned n = 0; n < 2; ++n) s.value[n] = {SlowValue::Xmm, use(d.args[n + 1]), 0};
  s.xmm_live = true;
  const u8 w = alloc_temp(kGpr), to = alloc(kXmm);
  s.dirty = snapshot();
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
  bind(v, to);
  s.to[0] = static_cast<i8>(to);
  probe_host(a, MemInfo::decode(d.imm), RAX, w, s);
  using namespace asmjit::x86;
  const Xmm expected = xmm(s.value[0].reg), desired = xmm(s.value[1].reg), found = xmm(to);
  e_.as.movq(rax, expected);
  e_.as.pextrq(rdx, expected, 1);
  e_.as.movq(rbx, desired);
  e_.as.pextrq(rcx, desired, 1);
  e_.byte(0xf0);
  e_.rm0f(0xc7, true, 1, {w, 0});
  e_.as.movq(found, rax);
  e_.as.pinsrq(found, rdx, 1);
  s.resume = e_.here();
  slow_.push_back(s);
}

void Compiler::zero_block(Value, const Inst& d) {
  const Address a = address(d.args[0]);
  SlowAccess s = slow_access(d, MemHelper::ZeroBlock, a);
  const u8 u = alloc_temp(kGpr), w = alloc_temp(kGpr), zero = alloc_temp(kXmm);
  s.xmm_live = files_[kXmm].used != 0;
  s.dirty = snapshot();
  // Rounding down stays in the page: the probe is for the byte that the address names.
  probe_host(a, {.size_log2 = 0, .write = true}, u, w, s);
  e_.lea(true, w, {a.base, a.disp});
  e_.alu_imm(Alu::And, true, w, -64);
  e_.sse(0, 0x57, zero, zero);
  for (i32 i = 0; i < 64; i += 16) e_.sse_mem(0, 0x11, zero, {w, i, u, 0});
  s.resume = e_.here();
  slow_.push_back(s);
  consume(d.args[0]);
}

// --- Pairs that are one access (FEAT_LSE2) ---

bool Compiler::is_joined_pair(const Inst& d) const {
  const MemInfo m = MemInfo::decode(d.imm);
  return m.pair && m.within_16 && !m.exclusive && ir::is_int(d.type) && mode_.ordered() != 0 &&
         (m.size_log2 == 2 || cpu_.avx);
}

// [m] to two registers; x is a vector register.
void Compiler::load_joined(MemRef m, MemInfo info, u8 first, u8 second, u8 x) {
  if (info.size_log2 == 3) {
    e_.sse_mem(0, 0x10, x, m);
    e_.as.movq(asmjit::x86::gpq(first), asmjit::x86::xmm(x));
    return static_cast<void>(e_.as.pextrq(asmjit::x86::gpq(second), asmjit::x86::xmm(x), 1));
  }
  e_.load(true, second, m);
  if (info.sign) {
    e_.rr(0x63, true, first, second);
    return e_.shift_imm(Shift::Sar, true, second, 32);
  }
  e_.mov(false, first, second);
  e_.shift_imm(Shift::Shr, true, second, 32);
}

// x: a vector register for doublewords, a general one for words.
void Compiler::store_joined(MemRef m, MemInfo info, u8 first, u8 second, u8 scratch, u8 x) {
  if (info.size_log2 == 3) {
    e_.as.movq(asmjit::x86::xmm(x), asmjit::x86::gpq(first));
    e_.as.pinsrq(asmjit::x86::xmm(x), asmjit::x86::gpq(second), 1);
    return e_.sse_mem(0, 0x11, x, m);
  }
  e_.mov(true, scratch, second);
  e_.shift_imm(Shift::Shl, true, scratch, 32);
  e_.mov(false, x, first);
  e_.alu(Alu::Or, true, scratch, x);
  e_.store(true, m, scratch);
}

}  // namespace ferry::jit::baseline
