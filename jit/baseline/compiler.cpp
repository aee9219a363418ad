#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

HostFeatures HostFeatures::detect() {
  using F = asmjit::CpuFeatures::X86;
  const auto& f = asmjit::CpuInfo::host().features().x86();
  HostFeatures h;
  h.avx = f.hasAVX();
  h.avx2 = f.hasAVX2();
  h.fma = f.hasFMA();
  h.bmi = f.hasBMI();
  h.bmi2 = f.hasBMI2();
  h.lzcnt = f.hasLZCNT();
  h.pclmul = f.hasPCLMULQDQ();
  h.aes = f.hasAESNI();
  h.sse42 = f.hasSSE4_2();
  h.sha = h.avx && f.hasSHA();
  static_cast<void>(sizeof(F));
  return h;
}

bool Compiler::is_const(Value v, u64* bits) const {
  if (inst(v).op != Op::Const) return false;
  if (bits != nullptr) *bits = inst(v).imm;
  return true;
}

// A constant that an instruction of its type can carry as a sign-extended 32-bit immediate.
bool Compiler::is_imm32(Value v, i32* imm) const {
  const Inst& d = inst(v);
  if (d.op != Op::Const) return false;
  const i32 low = static_cast<i32>(static_cast<u32>(d.imm));
  *imm = low;
  return d.type == Type::I32 || static_cast<u64>(i64{low}) == d.imm;
}

void Compiler::analyse() {
  const usize count = block_->insts.size();
  values_.assign(count, ValueInfo{});
  accesses_[0] = accesses_[1] = 0;
  flags_wanted_ = 0;
  Pending& pending = pending_;
  pending.barrier();
  for (usize n = count; n-- > 0;) {
    const Value v = static_cast<Value>(n);
    const Inst& d = inst(v);
    const ir::Effect effect = ir::info(d.op).effect;
    ValueInfo& info = values_[v];
    if (info.hint >= 0 && !pending.holds(class_of(type_of(v)), static_cast<unsigned>(info.hint), v)) info.hint = -1;
    switch (effect) {
      case ir::Effect::Pure:
        if (info.uses == 0) continue;
        if (d.op == Op::Second) values_[d.args[0]].twin = v;
        break;
      case ir::Effect::Read:
        if (info.uses == 0) continue;
        if (d.op == Op::GetX) pending.forget(kGpr, d.aux);
        if (d.op == Op::GetV || d.op == Op::GetF) pending.forget(kXmm, d.aux);
        if (d.op == Op::GetNzcv) pending.forget(kGpr, kGuestNzcv);
        break;
      case ir::Effect::Write: {
        const Class c = d.op == Op::SetV || d.op == Op::SetF ? kXmm : kGpr;
        const unsigned guest = d.op == Op::SetNzcv ? kGuestNzcv : d.aux;
        if (d.op == Op::SetX || d.op == Op::SetV || d.op == Op::SetNzcv) {
          values_[d.args[0]].hint = static_cast<i8>(guest);
          pending.set(c, guest, d.args[0]);
        } else if (d.op == Op::SetF) {
          pending.forget(c, guest);
        }
        break;
      }
      case ir::Effect::Mem:
      case ir::Effect::Call:
      case ir::Effect::Exit: pending.barrier(); break;
      case ir::Effect::Fp: break;
    }
    const unsigned args = d.arg_count();
    for (unsigned a = 0; a < args; ++a) ++values_[d.args[a]].uses;
    if (effect == ir::Effect::Mem && args > 0) {
      ++values_[d.args[0]].address_uses;
      const MemInfo m = MemInfo::decode(d.imm);
      if (!m.unprivileged) ++accesses_[m.write ? 1 : 0];
    }
  }
}

void Compiler::compile(const ir::Block& block, const u8* base, LinkSite* const* sites, const i32* counter) {
  block_ = &block;
  link_sites_ = sites;
  mode_.value = block.mode;
  exit_count_ = 0;
  exits_[0] = exits_[1] = {};
  counter_address_ = 0;
  insn_index_ = insns_started_ = 0;
  slow_.clear();
  checks_.clear();
  rare_calls_.clear();
  slow_counters_.clear();
  slow_fp_.clear();
  faults_.clear();
  tails_.clear();
  pool_.clear();
  jumps_to_unlinked_.clear();
  reset_registers();
  analyse();
  e_.start();
  e_.set_base(base);
  if (counter != nullptr) {
    counter_address_ = e_.mov_address(RAX, counter);
    e_.alu_mem_imm(Alu::Sub, false, {RAX, 0}, 1);
    tails_.push_back({e_.jcc(Cond::S), static_cast<i32>(block.page_offset),
                      stubs_.leave_at[static_cast<usize>(ExitReason::Hot)], 0});
  }
  if (mode_.virtual_time() != 0) {
    const i32 n = static_cast<i32>(block.insn_count);
    e_.alu_mem_imm(Alu::Sub, false, {kStateReg, FERRY_STATE(budget)}, n);
    tails_.push_back({e_.jcc(Cond::S), static_cast<i32>(block.page_offset),
                      stubs_.leave_at[static_cast<usize>(ExitReason::Poll)], n});
  }
  for (Value v = 0; v < block.insts.size(); ++v) {
    lower(v);
    ASSERT(e_.room() > 4096, "the code of a block outgrew its buffer");
  }
  finish();
  ++stats_.blocks;
  stats_.guest_insns += block.insn_count;
  stats_.host_bytes += e_.here();
}

void Compiler::lower(Value v) {
  const Inst& d = inst(v);
  ValueInfo& info = values_[v];
  files_[kGpr].locked = files_[kXmm].locked = 0;
  if (flags_wanted_ != 0) pack_operands(d);
  const ir::Effect effect = ir::info(d.op).effect;
  switch (effect) {
    case ir::Effect::Read:
      if (info.uses != 0) lower_state(v, d);
      return;
    case ir::Effect::Write: return lower_state(v, d);
    case ir::Effect::Exit: return lower_exit(d);
    case ir::Effect::Mem: lower_mem(v, d); break;
    case ir::Effect::Call: lower_call(v, d); break;
    case ir::Effect::Pure:
      if (info.uses == 0) return;
      if (d.op == Op::Second) return consume(d.args[0]);
      if (info.where != Where::None) return;  // made together with an earlier one
      if (!lower_flags(v, d) && !lower_int(v, d) && !lower_move(v, d) && !lower_vector(v, d)) fallback(v, d);
      return;
    case ir::Effect::Fp:
      if (!lower_fp(v, d)) fallback(v, d);
      break;
  }
  // Results that nobody wants.
  if (info.uses == 0 && info.where != Where::None) kill(v);
}

// Flags that an op wants as a value are packed before anything else: that needs RAX, which later operands may occupy.
void Compiler::pack_operands(const Inst& d) {
  if (d.op == Op::CondHolds) return;
  for (unsigned n = 0; n < d.arg_count(); ++n) {
    const Value a = d.args[n];
    const Op op = inst(a).op;
    if (values_[a].where == Where::Lazy && (op == Op::SubNzcv || op == Op::AddNzcv || op == Op::LogicNzcv)) use(a);
  }
  files_[kGpr].locked = 0;
}

void Compiler::set_pinned(unsigned guest, Value v, Type t) {
  const u8 home = static_cast<u8>(kHome[guest]);
  ValueInfo& i = values_[v];
  lock(kGpr, home);
  u64 bits = 0;
  if (is_const(v, &bits) && i.where == Where::Const) {
    if (busy(kGpr, home)) evacuate(kGpr, home, false);
    e_.mov_imm(home, bits);
    return consume(v);
  }
  u8 r = use(v);
  if (r == home && (t == Type::I64 || i.clean)) return consume(v);
  if (busy(kGpr, home)) evacuate(kGpr, home, false);
  r = use(v);
  e_.mov(t == Type::I64, home, r);
  consume(v);
}

void Compiler::set_guest(Class c, unsigned guest, Value v, Type t) {
  if (c == kGpr && kHome[guest] >= 0) return set_pinned(guest, v, t);
  const int old = guest_reg(c, guest);
  if (old >= 0) drop_guest(c, static_cast<u8>(old), false);
  const u8 r = use(v);
  const RegFile& f = files_[c];
  const bool shared = (f.allocatable & mask(r)) == 0 || (f.has_guest & mask(r)) != 0;
  const bool dirty_upper = t != Type::I64 && t != Type::V128 && !values_[v].clean;
  if (!shared && !dirty_upper) {
    cache_guest(c, guest, r, true);
  } else {
    const u8 to = alloc(c);
    if (c == kGpr) {
      e_.mov(t == Type::I64, to, r);
    } else if (!dirty_upper) {
      move(kXmm, to, r);
    } else if (t == Type::F64) {
      e_.sse(0xf3, 0x7e, to, r);  // movq clears the upper half
    } else {
      e_.sse(0, 0x57, to, to);    // xorps
      e_.sse(0xf3, 0x10, to, r);  // movss into the low lane
    }
    cache_guest(c, guest, to, true);
  }
  consume(v);
}

void Compiler::lower_state(Value v, const Inst& d) {
  switch (d.op) {
    case Op::Insn:
      insn_index_ = ir::marker_index(d.imm);
      ++insns_started_;
      return;
    case Op::GetX: return bind_guest(v, kGpr, d.aux, d.type == Type::I64);
    case Op::GetV:
    case Op::GetF: return bind_guest(v, kXmm, d.aux, false);
    case Op::GetNzcv: return bind_guest(v, kGpr, kGuestNzcv, true);
    case Op::PcPage: return bind_guest(v, kGpr, kGuestPcPage, true);
    case Op::SetX: return set_guest(kGpr, d.aux, d.args[0], d.type);
    case Op::SetV: return set_guest(kXmm, d.aux, d.args[0], Type::V128);
    case Op::SetF: return set_guest(kXmm, d.aux, d.args[0], d.type);
    case Op::SetNzcv: return set_guest(kGpr, kGuestNzcv, d.args[0], Type::I32);
    case Op::LoadState: {
      if (d.imm == offsetof(cpu::CpuState, fpsr)) fold_fpsr();
      const u8 r = define(v);
      e_.load(wide(d.type), r, {kStateReg, static_cast<i32>(d.imm)});
      return;
    }
    case Op::StoreState: {
      if (d.imm == offsetof(cpu::CpuState, fpsr)) fold_fpsr();
      const MemRef m{kStateReg, static_cast<i32>(d.imm)};
      i32 imm = 0;
      if (is_imm32(d.args[0], &imm))
        e_.store_imm(wide(d.type), m, imm);
      else
        e_.store(wide(d.type), m, use(d.args[0]));
      return consume(d.args[0]);
    }
    default: UNREACHABLE("not a state op");
  }
}

void Compiler::bind_guest(Value v, Class c, unsigned guest, bool clean) {
  bind(v, read_guest(c, guest));
  values_[v].clean = clean;
}

void Compiler::pool_ref(const void* bytes, u8 size) {
  PoolEntry p{e_.here(), size, {}};
  std::memcpy(p.bytes, bytes, size);
  pool_.push_back(p);
  e_.word32(0);
}

// What lies out of line: slow paths, fault exits, polls, unlinked exits; then data.
void Compiler::finish() {
  for (usize i = 0; i < slow_.size(); ++i) {
    e_.bind(slow_[i].jump);
    emit_slow(slow_[i]);
    const u32 back = e_.jmp();
    e_.bind(back, slow_[i].resume);
  }
  for (const SlowCheck& c : checks_) emit_check(c);
  for (const RareCall& c : rare_calls_) emit_rare_call(c);
  for (const SlowCounter& c : slow_counters_) emit_slow_counter(c);
  for (const SlowFp& s : slow_fp_) emit_slow_fp(s);
  for (const FaultExit& f : faults_) {
    e_.bind(f.jump);
    for (u32 k = 0; k < f.dirty.count; ++k) {
      const Dirty& w = dirty_pool_[f.dirty.first + k];
      store_guest(w.cls, w.guest, w.reg);
    }
    e_.jmp_to(stubs_.fault);
  }
  for (const Tail& t : tails_) {
    e_.bind(t.jump);
    if (t.give_back != 0) e_.alu_mem_imm(Alu::Add, false, {kStateReg, FERRY_STATE(budget)}, t.give_back);
    leave_at(t.offset, t.stub);
  }
  for (unsigned n = 0; n < exit_count_; ++n) {
    exits_[n].unlinked = e_.here();
    // From the patched jump, whose way to here has already moved the page.
    if (exits_[n].cross_page)
      e_.alu_mem_imm(Alu::Sub, true, {kStateReg, FERRY_STATE(pc_page)}, exits_[n].offset & ~0xfff);
    exits_[n].invalid = e_.here();
    exits_[n].site_address = e_.mov_address(RAX, link_sites_[n]);
    e_.jmp_to(stubs_.next);
  }
  for (const UnlinkedJump& j : jumps_to_unlinked_)
    e_.bind(j.rel, j.patched ? exits_[j.exit].unlinked : exits_[j.exit].invalid);
  const bool cross = exits_[0].cross_page || exits_[1].cross_page;
  if (!pool_.empty() || cross) {
    const u32 align = pool_.empty() ? 7 : 15;
    while ((e_.here() & align) != 0) e_.byte(0xcc);
  }
  for (const PoolEntry& p : pool_) {
    e_.bind(p.fixup);
    std::memcpy(e_.at(e_.here()), p.bytes, p.size);
    e_.as._bufferPtr += (p.size + 15u) & ~15u;
  }
  for (unsigned n = 0; n < exit_count_; ++n) {
    if (!exits_[n].cross_page) continue;
    exits_[n].context_slot = e_.here();
    e_.bind(exits_[n].slot_fixup);
    e_.word64(~u64{0});
  }
}

}  // namespace ferry::jit::baseline
