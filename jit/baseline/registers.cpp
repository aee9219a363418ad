// The local register allocator of the baseline compiler: which host register holds what, spills, cached guest
// registers.
#include <bit>

#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {
namespace {

constexpr unsigned lowest(u32 m) { return static_cast<unsigned>(std::countr_zero(m)); }
constexpr unsigned highest(u32 m) { return 31u - static_cast<unsigned>(std::countl_zero(m)); }

constexpr i32 vector_offset(unsigned guest) { return static_cast<i32>(offsetof(cpu::CpuState, v) + 16 * guest); }

}  // namespace

void Compiler::reset_registers() {
  for (unsigned c = 0; c < 2; ++c) {
    RegFile& f = files_[c];
    f = RegFile{};
    f.allocatable = c == kGpr ? kAllocatable : 0xffff;
    for (Value& h : f.head) h = ir::kNoValue;
    for (i8& r : guest_reg_[c]) r = -1;
  }
  for (usize i = 0; i < kPinned.size(); ++i)
    guest_reg_[kGpr][static_cast<usize>(kPinned[i])] = static_cast<i8>(kAbiRegs[i + 1]);
  slot_refs_.clear();
  free_slots_.clear();
  dirty_pool_.clear();
}

u8 Compiler::alloc(Class c, u32 avoid) {
  RegFile& f = files_[c];
  u32 free = f.allocatable & ~f.used & ~f.locked & ~avoid;
  if (free == 0) {
    make_room(c, avoid);
    free = f.allocatable & ~f.used & ~f.locked & ~avoid;
  }
  const u8 r = static_cast<u8>(highest(free));
  lock(c, r);
  return r;
}

// For use within one op: from the other end, where the fixed-purpose registers are.
u8 Compiler::alloc_temp(Class c, u32 avoid) {
  RegFile& f = files_[c];
  const u32 free = f.allocatable & ~f.used & ~f.locked & ~avoid;
  if (free == 0) return alloc(c, avoid);
  const u8 r = static_cast<u8>(lowest(free));
  lock(c, r);
  return r;
}

// Empties one register: a clean guest copy, else a dirty one, else values go to the frame; in turn.
void Compiler::make_room(Class c, u32 avoid) {
  RegFile& f = files_[c];
  const u32 candidates = f.allocatable & ~f.locked & ~avoid;
  ASSERT(candidates != 0, "an op needs more registers than there are");
  int best = -1;
  int best_cost = 3;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned r = (f.next_victim + i) & 15;
    if ((candidates & mask(r)) == 0) continue;
    const int cost = busy(c, static_cast<u8>(r)) ? 2 : (f.dirty & mask(r)) != 0 ? 1 : 0;
    if (cost < best_cost) {
      best = static_cast<int>(r);
      best_cost = cost;
      if (cost == 0) break;
    }
  }
  const u8 victim = static_cast<u8>(best);
  f.next_victim = static_cast<u8>((victim + 1) & 15);
  if ((f.has_guest & mask(victim)) != 0) drop_guest(c, victim, true);
  if (busy(c, victim)) evacuate(c, victim, true);
}

void Compiler::bind(Value v, u8 reg) {
  const Class c = class_of(type_of(v));
  ValueInfo& i = values_[v];
  i.where = Where::Reg;
  i.reg = reg;
  i.next = files_[c].head[reg];
  files_[c].head[reg] = v;
  files_[c].used |= mask(reg);
}

void Compiler::unbind(Value v) {
  const Class c = class_of(type_of(v));
  ValueInfo& i = values_[v];
  RegFile& f = files_[c];
  Value* link = &f.head[i.reg];
  while (*link != v) link = &values_[*link].next;
  *link = i.next;
  i.next = ir::kNoValue;
  i.where = Where::None;
  if (f.head[i.reg] == ir::kNoValue && (f.has_guest & mask(i.reg)) == 0) f.used &= ~mask(i.reg);
}

void Compiler::consume(Value v) {
  ValueInfo& i = values_[v];
  ASSERT(i.uses != 0, "a value is used more often than was counted");
  if (--i.uses == 0) kill(v);
}

void Compiler::kill(Value v) {
  ValueInfo& i = values_[v];
  if (i.where == Where::Reg) {
    unbind(v);
  } else if (i.where == Where::Slot) {
    if (--slot_refs_[i.slot] == 0) free_slots_.push_back(i.slot);
  }
  i.where = Where::None;
  if (!i.holds) return;
  i.holds = false;
  if (i.twin != ir::kNoValue) return consume(i.twin);  // joined flags hold their result instead of the operands
  const Inst& d = inst(v);
  if (d.op == Op::Add || d.op == Op::Sub)
    return consume(d.args[i.holds_second ? 1 : 0]);  // address: the other operand is a constant
  for (unsigned n = 0; n < d.arg_count(); ++n) consume(d.args[n]);
}

u8 Compiler::use(Value v) {
  ValueInfo& i = values_[v];
  const Class c = class_of(type_of(v));
  switch (i.where) {
    case Where::Reg: break;
    case Where::Const: load_const(v); break;
    case Where::Lazy: {
      const u32 before = files_[kGpr].locked;
      materialise(v);
      files_[kGpr].locked = before;
      break;
    }
    case Where::Slot: {
      const u8 r = alloc(c);
      if (c == kGpr)
        e_.load(true, r, {RSP, spill_slot(i.slot)});
      else
        e_.sse_mem(0, 0x28, r, {RSP, spill_slot(i.slot)});
      if (--slot_refs_[i.slot] == 0) free_slots_.push_back(i.slot);
      bind(v, r);
      break;
    }
    case Where::None: UNREACHABLE("a value is used before it is made");
  }
  lock(c, i.reg);
  return i.reg;
}

u8 Compiler::use_clean(Value v) {
  const u8 r = use(v);
  ValueInfo& i = values_[v];
  if (type_of(v) != Type::I32 || i.clean) return r;
  const u8 to = alloc(kGpr);
  e_.mov(false, to, r);
  unbind(v);
  bind(v, to);
  i.clean = true;
  return to;
}

u8 Compiler::define(Value v, int reuse, u32 avoid, int reuse2) {
  const Class c = class_of(type_of(v));
  RegFile& f = files_[c];
  ValueInfo& i = values_[v];
  int r = -1;
  if (i.hint >= 0) {
    const int g = guest_reg_[c][i.hint];
    // The old guest value is dead: its register may be overwritten, unless a value still lives there.
    if (g >= 0 && (avoid & mask(static_cast<unsigned>(g))) == 0 && !busy(c, static_cast<u8>(g))) {
      const bool pinned = c == kGpr && (kPinMask & mask(static_cast<unsigned>(g))) != 0;
      if (pinned || g == reuse || g == reuse2) {
        r = g;
        if (!pinned) drop_guest(c, static_cast<u8>(g), false);
      }
    }
  }
  for (const int candidate : {reuse, reuse2}) {
    if (r >= 0 || candidate < 0) continue;
    const u32 m = mask(static_cast<unsigned>(candidate));
    if ((f.allocatable & m) != 0 && (avoid & m) == 0 && !busy(c, static_cast<u8>(candidate)) && (f.has_guest & m) == 0)
      r = candidate;
  }
  const u8 reg = r >= 0 ? static_cast<u8>(r) : alloc(c, avoid);
  lock(c, reg);
  bind(v, reg);
  i.clean = type_of(v) == Type::I32;
  return reg;
}

void Compiler::move(Class c, u8 to, u8 from) {
  if (to == from) return;
  if (c == kGpr)
    e_.mov(true, to, from);
  else
    e_.sse(0, 0x28, to, from);  // movaps
}

// The values of a register go to another one, or to the frame. Constants and what is in the frame already cost nothing.
void Compiler::evacuate(Class c, u8 reg, bool to_memory) {
  RegFile& f = files_[c];
  u8 to = 0;
  bool have = false;
  u16 slot = 0;
  while (f.head[reg] != ir::kNoValue) {
    const Value v = f.head[reg];
    unbind(v);
    ValueInfo& i = values_[v];
    if (inst(v).op == Op::Const || inst(v).op == Op::VConst) {
      i.where = Where::Const;
      continue;
    }
    if (!have) {
      have = true;
      if (to_memory) {
        slot = new_slot();
        if (c == kGpr)
          e_.store(true, {RSP, spill_slot(slot)}, reg);
        else
          e_.sse_mem(0, 0x29, reg, {RSP, spill_slot(slot)});
      } else {
        const u32 was_locked = f.locked;
        lock(c, reg);
        to = alloc(c);
        f.locked = was_locked | mask(to);
        move(c, to, reg);
      }
    }
    if (to_memory) {
      i.where = Where::Slot;
      i.slot = slot;
      ++slot_refs_[slot];
    } else {
      bind(v, to);
    }
  }
}

void Compiler::take(u8 reg) {
  RegFile& f = files_[kGpr];
  ASSERT((f.allocatable & mask(reg)) != 0, "a fixed-purpose register is pinned");
  lock(kGpr, reg);
  if ((f.has_guest & mask(reg)) != 0) drop_guest(kGpr, reg, true);
  if (busy(kGpr, reg)) evacuate(kGpr, reg, false);
}

u16 Compiler::new_slot() {
  if (!free_slots_.empty()) {
    const u16 s = free_slots_.back();
    free_slots_.pop_back();
    return s;
  }
  ASSERT(slot_refs_.size() < static_cast<usize>(kSpillSlots), "a block needs more spill slots than the frame has");
  slot_refs_.push_back(0);
  return static_cast<u16>(slot_refs_.size() - 1);
}

void Compiler::load_guest(Class c, unsigned guest, u8 reg) {
  if (c == kXmm)
    e_.sse_mem(0, 0x28, reg, {kStateReg, vector_offset(guest)});
  else
    e_.load(guest != kGuestNzcv, reg, {kStateReg, guest_offset(guest)});
}

void Compiler::store_guest(Class c, unsigned guest, u8 reg) {
  if (c == kXmm)
    e_.sse_mem(0, 0x29, reg, {kStateReg, vector_offset(guest)});
  else
    e_.store(guest != kGuestNzcv, {kStateReg, guest_offset(guest)}, reg);
}

void Compiler::drop_guest(Class c, u8 reg, bool store) {
  RegFile& f = files_[c];
  if (store && (f.dirty & mask(reg)) != 0) store_guest(c, f.guest[reg], reg);
  guest_reg_[c][f.guest[reg]] = -1;
  f.has_guest &= ~mask(reg);
  f.dirty &= ~mask(reg);
  if (!busy(c, reg)) f.used &= ~mask(reg);
}

void Compiler::cache_guest(Class c, unsigned guest, u8 reg, bool dirty) {
  RegFile& f = files_[c];
  f.guest[reg] = static_cast<u8>(guest);
  f.has_guest |= mask(reg);
  f.used |= mask(reg);
  if (dirty) f.dirty |= mask(reg);
  guest_reg_[c][guest] = static_cast<i8>(reg);
}

u8 Compiler::read_guest(Class c, unsigned guest) {
  const int r = guest_reg_[c][guest];
  if (r >= 0) {
    lock(c, static_cast<u8>(r));
    return static_cast<u8>(r);
  }
  const u8 reg = alloc(c);
  load_guest(c, guest, reg);
  cache_guest(c, guest, reg, false);
  return reg;
}

void Compiler::write_back() {
  for (const Class c : {kGpr, kXmm}) {
    RegFile& f = files_[c];
    for (u32 m = f.dirty; m != 0; m &= m - 1) {
      const u8 r = static_cast<u8>(lowest(m));
      store_guest(c, f.guest[r], r);
    }
    f.dirty = 0;
  }
}

void Compiler::forget_guests() {
  for (const Class c : {kGpr, kXmm})
    for (u32 m = files_[c].has_guest; m != 0; m &= m - 1) drop_guest(c, static_cast<u8>(lowest(m)), true);
}

Compiler::Snapshot Compiler::snapshot() {
  Snapshot s{static_cast<u32>(dirty_pool_.size()), 0};
  for (const Class c : {kGpr, kXmm}) {
    const RegFile& f = files_[c];
    for (u32 m = f.dirty; m != 0; m &= m - 1) {
      const u8 r = static_cast<u8>(lowest(m));
      dirty_pool_.push_back({c, f.guest[r], r});
    }
  }
  s.count = static_cast<u32>(dirty_pool_.size()) - s.first;
  return s;
}

}  // namespace ferry::jit::baseline
