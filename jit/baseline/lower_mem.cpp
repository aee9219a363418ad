// Lowering of guest memory accesses: an inline probe of the shadow TLB, the access, and a slow path out of line.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {
namespace {

constexpr i32 kPageMask = -4096;
constexpr unsigned kEntryShift = 12 - 4;  // VA to byte offset of the entry
constexpr i32 kEntryMask = static_cast<i32>((cpu::kTlbEntries - 1) << 4);
static_assert(sizeof(cpu::TlbEntry) == 16);

}  // namespace

void Compiler::lower_mem(Value v, const Inst& d) {
  const MemInfo m = MemInfo::decode(d.imm);
  // Byte order other than the host's is the slow path's business.
  const bool inline_form = mode_.big_endian() == 0;
  switch (d.op) {
    case Op::Fence: return fence(d);
    case Op::Load:
    case Op::LoadPair:
      if (!inline_form) return helper_access(v, d);
      return m.exclusive ? load_exclusive(v, d) : load(v, d);
    case Op::Store:
    case Op::StorePair: return inline_form ? store(v, d) : helper_access(v, d);
    default: break;
  }
  if (!inline_atomic(d)) return helper_access(v, d);
  switch (d.op) {
    case Op::StoreEx:
    case Op::StoreExPair: return store_exclusive(v, d);
    case Op::AtomicRmw: return read_modify_write(v, d);
    case Op::Cas: return compare_and_swap(v, d);
    case Op::CasPair: return compare_and_swap_pair(v, d);
    default: return zero_block(v, d);
  }
}

Compiler::Address Compiler::address(Value a) {
  if (values_[a].where != Where::Lazy) return {a, use(a), 0};
  const Inst& d = inst(a);
  const bool second = values_[a].holds_second;
  const Value base = d.args[second ? 1 : 0];
  const i32 imm = static_cast<i32>(static_cast<u32>(inst(d.args[second ? 0 : 1]).imm));
  return {base, use(base), d.op == Op::Add ? imm : -imm};
}

Compiler::SlowAccess Compiler::slow_access(const Inst& d, MemHelper helper, const Address& a) {
  SlowAccess s;
  s.helper = helper;
  s.info = MemInfo::decode(d.imm);
  s.type = d.type;
  s.base = a.base;
  s.disp = a.disp;
  s.xmm_live = files_[kXmm].used != 0;
  s.access = access(d);
  return s;
}

// The register that holds the table, or 0xff: taken from memory.
u8 Compiler::table_register(MemInfo m) {
  if (m.unprivileged) return 0xff;
  const unsigned guest = m.write ? kGuestTlbWrite : kGuestTlbRead;
  u32& left = accesses_[m.write ? 1 : 0];
  if (left > 0) --left;
  const int r = guest_reg(kGpr, guest);
  if (r >= 0) {
    lock(kGpr, static_cast<u8>(r));
    return static_cast<u8>(r);
  }
  return left > 0 ? read_guest(kGpr, guest) : u8{0xff};
}

void Compiler::probe(const Address& a, MemInfo m, u8 u, u8 w, SlowAccess& slow) {
  const i32 bytes = static_cast<i32>(m.bytes()), element = 1 << m.size_log2;
  // The tag is compared with the page of the last byte, so that an access that crosses misses; alignment that is
  // required stays in it.
  i32 to_last = bytes - 1, tag_mask = kPageMask;
  if (m.aligned) {
    to_last = 0;
    tag_mask |= bytes - 1;
  } else if (mode_.align_check() != 0) {
    to_last = bytes - element;
    tag_mask |= element - 1;
  }
  if (a.disp == 0)
    e_.mov(false, u, a.base);
  else
    e_.lea(false, u, {a.base, a.disp});
  e_.shift_imm(Shift::Shr, false, u, kEntryShift);
  e_.alu_imm(Alu::And, false, u, kEntryMask);
  if (slow.table != 0xff)
    e_.alu(Alu::Add, true, u, slow.table);
  else if (m.unprivileged)
    e_.alu_load(Alu::Add, true, u, {kStateReg, m.write ? FERRY_STATE(tlb_unpriv_write) : FERRY_STATE(tlb_unpriv_read)});
  else
    e_.alu_load(Alu::Add, true, u, {kStateReg, m.write ? FERRY_STATE(tlb_write) : FERRY_STATE(tlb_read)});
  if (a.disp + to_last == 0)
    e_.mov(true, w, a.base);
  else
    e_.lea(true, w, {a.base, a.disp + to_last});
  e_.alu_imm(Alu::And, true, w, tag_mask);
  e_.alu_load(Alu::Cmp, true, w, {u, 0});
  slow.jump = e_.jcc(Cond::NE);
  e_.load(true, u, {u, 8});
}

void Compiler::load_element(MemRef m, MemInfo info, Type type, u8 to) {
  switch (type) {
    case Type::F32: return e_.sse_mem(0xf3, 0x10, to, m);
    case Type::F64: return e_.sse_mem(0xf2, 0x10, to, m);
    case Type::V128: return e_.sse_mem(0, 0x10, to, m);
    default: break;
  }
  const bool wide_sign = info.sign && type == Type::I64;
  switch (info.size_log2) {
    case 0: return e_.rm0f(info.sign ? 0xbe : 0xb6, wide_sign, to, m);
    case 1: return e_.rm0f(info.sign ? 0xbf : 0xb7, wide_sign, to, m);
    case 2: return wide_sign ? e_.rm(0x63, true, to, m) : e_.load(false, to, m);
    default: return e_.load(true, to, m);
  }
}

void Compiler::load(Value v, const Inst& d) {
  const MemInfo m = MemInfo::decode(d.imm);
  const Class c = class_of(d.type);
  const bool pair = d.op == Op::LoadPair;
  const Value twin = pair ? values_[v].twin : ir::kNoValue;
  const Address a = address(d.args[0]);
  SlowAccess s = slow_access(d, MemHelper::Load, a);
  s.table = table_register(m);
  const u8 u = alloc_temp(kGpr), w = alloc_temp(kGpr);
  int to[2] = {c == kXmm ? int{alloc(kXmm)} : pair ? int{w} : int{u}, u};
  if (twin != ir::kNoValue && c == kXmm) to[1] = alloc(kXmm);
  const bool joined = twin != ir::kNoValue && is_joined_pair(d);
  const u8 wide = joined && m.size_log2 == 3 ? alloc_temp(kXmm) : u8{0};
  // No register changes hands after this on the way to the access: the slow path starts from here.
  s.dirty = snapshot();
  lock(kGpr, a.base);
  consume(d.args[0]);
  s.to[0] = static_cast<i8>(define(v, to[0], pair && c == kGpr ? mask(a.base) | mask(u) : 0));
  if (twin != ir::kNoValue) s.to[1] = static_cast<i8>(define(twin, to[1]));
  probe(a, m, u, w, s);
  const u8 first = static_cast<u8>(s.to[0]), second = static_cast<u8>(s.to[1]);
  if (joined)
    load_joined({a.base, a.disp, u, 0}, m, first, second, wide);
  else
    load_element({a.base, a.disp, u, 0}, m, d.type, first);
  if (twin != ir::kNoValue && !joined) load_element({a.base, a.disp + (1 << m.size_log2), u, 0}, m, d.type, second);
  s.resume = e_.here();
  values_[v].clean = d.type != Type::V128;
  if (twin != ir::kNoValue) values_[twin].clean = d.type != Type::V128;
  slow_.push_back(s);
}

Compiler::SlowValue Compiler::slow_value(Value v) {
  const Inst& d = inst(v);
  if (d.op == Op::Const && ir::is_int(d.type) && values_[v].where == Where::Const && is_imm32(v, &scratch_imm_))
    return {SlowValue::Imm, 0, d.imm};
  const Class c = class_of(type_of(v));
  return {c == kGpr ? SlowValue::Gpr : SlowValue::Xmm, use(v), 0};
}

void Compiler::store_element(MemRef m, MemInfo info, Type type, const SlowValue& from) {
  if (from.kind == SlowValue::Imm) {
    const i32 imm = static_cast<i32>(static_cast<u32>(from.imm));
    switch (info.size_log2) {
      case 0: e_.rm(0xc6, false, 0, m); return e_.byte(static_cast<u8>(imm));
      case 1:
        e_.byte(0x66);
        e_.rm(0xc7, false, 0, m);
        e_.byte(static_cast<u8>(imm));
        return e_.byte(static_cast<u8>(imm >> 8));
      default: return e_.store_imm(info.size_log2 == 3, m, imm);
    }
  }
  switch (type) {
    case Type::F32: return e_.sse_mem(0xf3, 0x11, from.reg, m);
    case Type::F64: return e_.sse_mem(0xf2, 0x11, from.reg, m);
    case Type::V128: return e_.sse_mem(0, 0x11, from.reg, m);
    default: break;
  }
  switch (info.size_log2) {
    case 0: return e_.rm(0x88, false, from.reg, m, true);
    case 1: e_.byte(0x66); return e_.store(false, m, from.reg);
    default: return e_.store(info.size_log2 == 3, m, from.reg);
  }
}

void Compiler::store(Value, const Inst& d) {
  const MemInfo m = MemInfo::decode(d.imm);
  const Address a = address(d.args[0]);
  const bool pair = d.op == Op::StorePair;
  SlowAccess s = slow_access(d, MemHelper::Store, a);
  const bool joined = is_joined_pair(d);
  for (unsigned n = 0; n < (pair ? 2 : 1); ++n)
    s.value[n] = joined ? SlowValue{SlowValue::Gpr, use(d.args[n + 1]), 0} : slow_value(d.args[n + 1]);
  s.xmm_live = files_[kXmm].used != 0;
  s.table = table_register(m);
  const u8 u = alloc_temp(kGpr), w = alloc_temp(kGpr);
  const u8 extra = joined ? alloc_temp(m.size_log2 == 3 ? kXmm : kGpr) : u8{0};
  s.dirty = snapshot();
  probe(a, m, u, w, s);
  if (joined)
    store_joined({a.base, a.disp, u, 0}, m, s.value[0].reg, s.value[1].reg, w, extra);
  else
    store_element({a.base, a.disp, u, 0}, m, d.type, s.value[0]);
  if (pair && !joined) store_element({a.base, a.disp + (1 << m.size_log2), u, 0}, m, d.type, s.value[1]);
  s.resume = e_.here();
  slow_.push_back(s);
  // Release before a later acquire: on this host only a locked operation keeps them in order.
  if ((m.order == Order::Release || m.order == Order::Both) && mode_.ordered() != 0) full_fence();
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
}

void Compiler::helper_access(Value v, const Inst& d) {
  MemHelper helper = MemHelper::Atomic;
  if (d.op == Op::Load || d.op == Op::LoadPair) helper = MemHelper::Load;
  if (d.op == Op::Store || d.op == Op::StorePair || d.op == Op::StoreEx || d.op == Op::StoreExPair)
    helper = MemHelper::Store;
  if (d.op == Op::ZeroBlock) helper = MemHelper::ZeroBlock;
  const Address a = address(d.args[0]);
  SlowAccess s = slow_access(d, helper, a);
  s.type = d.arg_count() > 1 ? type_of(d.args[1]) : d.type;
  const unsigned values = d.arg_count() - 1;
  for (unsigned n = 0; n < values; ++n) s.value[n] = slow_value(d.args[n + 1]);
  if (helper == MemHelper::Atomic) s.kind = d.op == Op::AtomicRmw ? u64{d.aux} : kRmwCas;
  const Type result = d.result_type();
  const Value twin = d.op == Op::LoadPair ? values_[v].twin : ir::kNoValue;
  int to[2] = {-1, -1};
  if (result != Type::None) to[0] = alloc(class_of(result));
  if (twin != ir::kNoValue) to[1] = alloc(class_of(result));
  s.xmm_live = files_[kXmm].used != 0;
  s.dirty = snapshot();
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
  if (result != Type::None) {
    s.to[0] = static_cast<i8>(define(v, to[0]));
    values_[v].clean = true;
  }
  if (twin != ir::kNoValue) {
    s.to[1] = static_cast<i8>(define(twin, to[1]));
    values_[twin].clean = true;
  }
  s.result = result;
  s.inlined = false;
  emit_slow(s);
}

// The call of a slow path: operands through the frame, so that no register has to move; all registers survive.
void Compiler::emit_slow(const SlowAccess& s) {
  const MemRef va{RSP, arg_slot(1)};
  e_.store(true, va, s.base);
  if (s.disp != 0) e_.alu_mem_imm(Alu::Add, true, va, s.disp);
  e_.store_imm(true, {RSP, arg_slot(2)}, static_cast<i32>(s.access));
  int at = 3;
  if (s.helper == MemHelper::Atomic) e_.store_imm(true, {RSP, arg_slot(at++)}, static_cast<i32>(s.kind));
  for (unsigned n = 0; n < 2; ++n) {
    const SlowValue& value = s.value[n];
    const MemRef slot{RSP, arg_slot(at + static_cast<int>(n))};
    switch (value.kind) {
      case SlowValue::None: break;
      case SlowValue::Gpr: e_.store(true, slot, value.reg); break;
      case SlowValue::Imm: e_.store_imm(true, slot, static_cast<i32>(static_cast<u32>(value.imm))); break;
      case SlowValue::Xmm:
        if (s.type == Type::V128)
          e_.sse_mem(0, 0x29, value.reg, {kStateReg, FERRY_STATE(vargs) + 16 * static_cast<i32>(n)});
        else
          e_.sse_mem(0x66, 0xd6, value.reg, slot);  // movq
        break;
    }
  }
  e_.call_to(stubs_.mem[static_cast<usize>(s.helper)][s.xmm_live ? 1 : 0]);
  emit_fault_check(s.dirty);
  for (unsigned n = 0; n < 2; ++n)
    if (s.to[n] >= 0) slow_result(s, n);
}

void Compiler::slow_result(const SlowAccess& s, unsigned n) {
  const Type type = s.inlined ? s.type : s.result;
  const i32 vargs = FERRY_STATE(vargs);
  MemRef m{RSP, arg_slot(0)};
  if (type == Type::V128)
    m = {kStateReg, vargs + 16 * static_cast<i32>(n)};
  else if (s.info.pair && s.helper == MemHelper::Load)
    m = {kStateReg, vargs + 8 * static_cast<i32>(n)};
  MemInfo element = s.info;
  if (s.helper == MemHelper::Store) element = {.size_log2 = 2};  // the status of a store exclusive
  load_element(m, element, type, static_cast<u8>(s.to[n]));
}

// After a slow call: ZF is clear when there is a fault.
void Compiler::emit_fault_check(const Snapshot& dirty) {
  if (dirty.count == 0) return e_.jcc_to(Cond::NE, stubs_.fault);
  faults_.push_back({e_.jcc(Cond::NE), dirty});
}

void Compiler::full_fence() {
  e_.byte(0xf0);  // lock or dword [rsp], 0
  e_.alu_mem_imm(Alu::Or, false, {RSP, 0}, 0);
}

// Loads and stores keep their order on this host, but for a store before a load.
void Compiler::fence(const Inst& d) {
  if (static_cast<ir::FenceKind>(d.aux) == ir::FenceKind::Full) full_fence();
}

}  // namespace ferry::jit::baseline
