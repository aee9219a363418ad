#include "jit/interpreter/interpreter.h"

#include <atomic>
#include <cstring>

#include "core/check.h"
#include "ir/eval.h"
#include "jit/eval_fp.h"

namespace ferry::jit {
namespace {

using cpu::CpuState;
using ir::Inst;
using ir::MemInfo;
using ir::Op;
using ir::Type;

template <class F>
F mem_helper(const CpuState& s, MemHelper which) {
  return reinterpret_cast<F>(const_cast<void*>(s.mem_helpers[static_cast<usize>(which)]));
}

// One run of one block.
class Run {
 public:
  Run(CpuState& s, const ir::Block& block, U128* values) : s_(s), block_(block), v_(values) {}

  ExitReason run() {
    const usize count = block_.insts.size();
    for (usize i = 0; i + 1 < count; ++i) {
      const Inst& inst = block_.insts[i];
      if (!step(inst, v_[i])) return ExitReason::Fault;
    }
    return leave(block_.insts[count - 1]);
  }

 private:
  const U128& arg(const Inst& inst, unsigned n) const { return v_[inst.args[n]]; }
  U128 arg_or_zero(const Inst& inst, unsigned n) const {
    return inst.args[n] == ir::kNoValue ? U128{} : v_[inst.args[n]];
  }
  u64 lo(const Inst& inst, unsigned n) const { return v_[inst.args[n]].lo; }
  // The flags of a - b; a and b have nothing above the width.
  static u32 flags_of_sub(u64 a, u64 b, unsigned width) {
    const u64 r = (a - b) & low_mask(width);
    return make_nzcv(bit(r, width - 1), r == 0, a >= b, bit((a ^ b) & (a ^ r), width - 1));
  }
  // Host address of a plain access that hits the table, or null. What needs care (pairs, order, alignment checks, page
  // crossing) misses.
  u8* probe(const cpu::TlbEntry* table, u64 va, const MemInfo& m, u64 forbidden) const {
    if ((forbidden & kSlowBits) != 0 || m.size_log2 > 3 || (va & ((1u << m.size_log2) - 1)) != 0) return nullptr;
    const cpu::TlbEntry& entry = table[(va >> 12) & (cpu::kTlbEntries - 1)];
    return entry.tag == (va & ~u64{0xfff}) ? reinterpret_cast<u8*>(va + entry.addend) : nullptr;
  }
  static constexpr u64 kSlowBits = MemInfo{.size_log2 = 0,
                                           .pair = true,
                                           .unprivileged = true,
                                           .exclusive = true,
                                           .aligned = true,
                                           .zero_block = true,
                                           .order = Order::Both}
                                       .encode();

  u32 site() const { return cpu::make_site(index_, block_.insn_count - started_); }
  u32 access(const Inst& inst) const { return make_access(inst.imm, site()); }

  bool step(const Inst& inst, U128& out) {
    const u64 mask = inst.type == Type::I32 || inst.type == Type::F32 ? 0xffffffff : ~u64{0};
    switch (inst.op) {
      case Op::Insn:
        index_ = ir::marker_index(inst.imm);
        ++started_;
        return true;
      case Op::Const: out = {inst.imm, 0}; return true;
      case Op::GetX: out = {s_.x[inst.aux] & mask, 0}; return true;
      case Op::SetX: s_.x[inst.aux] = arg(inst, 0).lo; return true;
      case Op::Add: out = {(arg(inst, 0).lo + arg(inst, 1).lo) & mask, 0}; return true;
      case Op::GetV: out = s_.v[inst.aux]; return true;
      case Op::SetV: s_.v[inst.aux] = arg(inst, 0); return true;
      case Op::GetF: out = {s_.v[inst.aux].lo & mask, 0}; return true;
      case Op::SetF: s_.v[inst.aux] = {arg(inst, 0).lo, 0}; return true;
      case Op::GetNzcv: out = {s_.nzcv, 0}; return true;
      case Op::SetNzcv: s_.nzcv = static_cast<u32>(arg(inst, 0).lo); return true;
      case Op::PcPage: out = {s_.pc_page, 0}; return true;
      case Op::LoadState: load_state(inst, out); return true;
      case Op::StoreState: store_state(inst); return true;
      case Op::Second: out = v_[block_.insts.size() + inst.args[0]]; return true;
      case Op::Fence: fence(static_cast<ir::FenceKind>(inst.aux)); return true;
      case Op::Call: return call(inst, out);
      case Op::CallIf:
        out.lo = lo(inst, 0) == 0 ? lo(inst, 1) : s_.helpers[inst.imm](s_, lo(inst, 2), lo(inst, 3), inst.aux, 0);
        return true;
      case Op::Load:
      case Op::LoadPair: return load(inst, out);
      case Op::Store:
      case Op::StorePair:
      case Op::StoreEx:
      case Op::StoreExPair: return store(inst, out);
      case Op::AtomicRmw:
      case Op::Cas:
      case Op::CasPair: return atomic(inst, out);
      case Op::ZeroBlock:
        mem_helper<ZeroBlockFn>(s_, MemHelper::ZeroBlock)(s_, arg(inst, 0).lo, access(inst));
        return s_.fault == 0;
      case Op::Sub: out.lo = (lo(inst, 0) - lo(inst, 1)) & mask; return true;
      case Op::And: out.lo = lo(inst, 0) & lo(inst, 1); return true;
      case Op::Or: out.lo = lo(inst, 0) | lo(inst, 1); return true;
      case Op::Xor: out.lo = lo(inst, 0) ^ lo(inst, 1); return true;
      case Op::Shl: out.lo = (lo(inst, 0) << (lo(inst, 1) & (ir::width(inst.type) - 1))) & mask; return true;
      case Op::Shr: out.lo = lo(inst, 0) >> (lo(inst, 1) & (ir::width(inst.type) - 1)); return true;
      case Op::Zext: out.lo = lo(inst, 0) & low_mask(static_cast<unsigned>(inst.imm)); return true;
      case Op::Sext:
        out.lo = static_cast<u64>(sign_extend(lo(inst, 0), static_cast<unsigned>(inst.imm))) & mask;
        return true;
      case Op::Trunc: out.lo = lo(inst, 0) & 0xffffffff; return true;
      case Op::ZextW: out.lo = lo(inst, 0); return true;
      case Op::CondHolds: out.lo = condition_holds(inst.aux, static_cast<u32>(lo(inst, 0))) ? 1 : 0; return true;
      case Op::Select: out = lo(inst, 0) != 0 ? arg(inst, 1) : arg(inst, 2); return true;
      case Op::SubNzcv: out.lo = flags_of_sub(lo(inst, 0), lo(inst, 1), ir::width(inst.type)); return true;
      case Op::LogicNzcv:
        out.lo = make_nzcv(bit(lo(inst, 0), ir::width(inst.type) - 1), lo(inst, 0) == 0, false, false);
        return true;
      default: out = eval_inst(s_, inst, arg_or_zero(inst, 0), arg_or_zero(inst, 1), arg_or_zero(inst, 2)); return true;
    }
  }

  void load_state(const Inst& inst, U128& out) const {
    const u8* p = reinterpret_cast<const u8*>(&s_) + inst.imm;
    out = {};
    std::memcpy(&out.lo, p, ir::width(inst.type) / 8);
  }
  void store_state(const Inst& inst) {
    u8* p = reinterpret_cast<u8*>(&s_) + inst.imm;
    std::memcpy(p, &arg(inst, 0).lo, ir::width(inst.type) / 8);
  }

  static void fence(ir::FenceKind kind) {
    switch (kind) {
      case ir::FenceKind::Load: std::atomic_thread_fence(std::memory_order_acquire); return;
      case ir::FenceKind::Store: std::atomic_thread_fence(std::memory_order_release); return;
      case ir::FenceKind::Full: std::atomic_thread_fence(std::memory_order_seq_cst); return;
    }
  }

  bool call(const Inst& inst, U128& out) {
    const cpu::HelperInfo& helper = cpu::helper_info(static_cast<cpu::Helper>(inst.imm));
    u64 scalars[4] = {};
    unsigned ns = 0, nv = 0;
    for (unsigned i = 0; i < inst.arg_count(); ++i) {
      if (block_.insts[inst.args[i]].result_type() == Type::V128)
        s_.vargs[nv++] = arg(inst, i);
      else
        scalars[ns++] = arg(inst, i).lo;
    }
    s_.site = site();
    const u64 r = helper.function(s_, scalars[0], scalars[1], scalars[2], scalars[3]);
    if ((helper.effects & cpu::kFault) != 0 && s_.fault != 0) return false;
    if (inst.type == Type::V128)
      out = s_.vargs[0];
    else
      out = {ir::width(inst.type) == 32 ? r & 0xffffffff : r, 0};
    return true;
  }

  bool load(const Inst& inst, U128& out) {
    const MemInfo m = MemInfo::decode(inst.imm);
    if (const u8* host = probe(s_.tlb_read, arg(inst, 0).lo, m, inst.imm)) {
      out = {extend(inst, m, read_host(host, m.size_log2)), 0};
      return true;
    }
    const u64 r = mem_helper<LoadFn>(s_, MemHelper::Load)(s_, arg(inst, 0).lo, access(inst));
    if (s_.fault != 0) return false;
    if (inst.op == Op::LoadPair) {
      U128& other = v_[block_.insts.size() + static_cast<usize>(&inst - block_.insts.data())];
      if (m.size_log2 == 4) {
        out = s_.vargs[0];
        other = s_.vargs[1];
      } else {
        out = {extend(inst, m, s_.vargs[0].lo), 0};
        other = {extend(inst, m, s_.vargs[0].hi), 0};
      }
      return true;
    }
    out = m.size_log2 == 4 ? s_.vargs[0] : U128{extend(inst, m, r), 0};
    return true;
  }

  static u64 extend(const Inst& inst, MemInfo m, u64 v) {
    if (!m.sign) return v;
    const u64 wide = static_cast<u64>(sign_extend(v, 8u << m.size_log2));
    return inst.type == Type::I32 ? wide & 0xffffffff : wide;
  }

  static u64 read_host(const u8* host, unsigned size_log2) {
    switch (size_log2) {
      case 0: return __atomic_load_n(host, __ATOMIC_RELAXED);
      case 1: return __atomic_load_n(reinterpret_cast<const u16*>(host), __ATOMIC_RELAXED);
      case 2: return __atomic_load_n(reinterpret_cast<const u32*>(host), __ATOMIC_RELAXED);
      default: return __atomic_load_n(reinterpret_cast<const u64*>(host), __ATOMIC_RELAXED);
    }
  }
  static void write_host(u8* host, unsigned size_log2, u64 v) {
    switch (size_log2) {
      case 0: __atomic_store_n(host, static_cast<u8>(v), __ATOMIC_RELAXED); return;
      case 1: __atomic_store_n(reinterpret_cast<u16*>(host), static_cast<u16>(v), __ATOMIC_RELAXED); return;
      case 2: __atomic_store_n(reinterpret_cast<u32*>(host), static_cast<u32>(v), __ATOMIC_RELAXED); return;
      default: __atomic_store_n(reinterpret_cast<u64*>(host), v, __ATOMIC_RELAXED); return;
    }
  }

  bool store(const Inst& inst, U128& out) {
    const U128 a = arg(inst, 1), b = arg_or_zero(inst, 2);
    const MemInfo m = MemInfo::decode(inst.imm);
    if (u8* host = probe(s_.tlb_write, arg(inst, 0).lo, m, inst.imm)) {
      write_host(host, m.size_log2, a.lo);
      return true;
    }
    if (m.size_log2 == 4) {
      s_.vargs[0] = a;
      s_.vargs[1] = b;
    }
    out = {mem_helper<StoreFn>(s_, MemHelper::Store)(s_, arg(inst, 0).lo, access(inst), a.lo, b.lo), 0};
    return s_.fault == 0;
  }

  bool atomic(const Inst& inst, U128& out) {
    const U128 a = arg(inst, 1), b = arg_or_zero(inst, 2);
    const MemInfo m = MemInfo::decode(inst.imm);
    const bool pair = inst.op == Op::CasPair;
    if (pair) {
      s_.vargs[0] = a;
      s_.vargs[1] = b;
    }
    const u64 kind = inst.op == Op::AtomicRmw ? inst.aux : 16;
    const u64 r = mem_helper<AtomicFn>(s_, MemHelper::Atomic)(s_, arg(inst, 0).lo, access(inst), kind, a.lo, b.lo);
    if (s_.fault != 0) return false;
    out = pair ? s_.vargs[0] : U128{extend(inst, m, r), 0};
    return true;
  }

  ExitReason leave(const Inst& inst) {
    const u64 page = s_.pc_page;
    switch (inst.op) {
      case Op::ExitNext: s_.pc = page + inst.imm; return inst.aux != 0 ? ExitReason::Context : ExitReason::Next;
      case Op::ExitIf: {
        const i32 offset = arg(inst, 0).lo != 0 ? ir::first_offset(inst.imm) : ir::second_offset(inst.imm);
        s_.pc = page + static_cast<u64>(i64{offset});
        return ExitReason::Next;
      }
      case Op::ExitCall: s_.pc = page + static_cast<u64>(i64{ir::first_offset(inst.imm)}); return ExitReason::Next;
      case Op::ExitIndirect:
        s_.pc = arg(inst, 0).lo;
        s_.btype = static_cast<u8>(ir::indirect_btype(inst.aux));
        return s_.btype == 0 ? ExitReason::Next : ExitReason::Indirect;
      case Op::ExitException:
        s_.exception = {};
        s_.exception.ec = static_cast<u32>(bits(inst.imm, 31, 26));
        s_.exception.iss = static_cast<u32>(bits(inst.imm, 24, 0));
        s_.exception.il = bit(inst.imm, 25);
        s_.exception.return_to_next = inst.aux != 0;
        s_.pc = page + 4 * u64{index_};
        return ExitReason::Exception;
      case Op::ExitDispatch: s_.pc = page + inst.imm; return dispatch_exit(static_cast<ir::DispatchReason>(inst.aux));
      case Op::ExitPc: return ExitReason::Context;
      default: UNREACHABLE("block does not end in an exit");
    }
  }

  CpuState& s_;
  const ir::Block& block_;
  U128* v_;  // one value an instruction, then the second value of each LoadPair
  u32 index_ = 0;
  u32 started_ = 0;
};

}  // namespace

U128 eval_inst(CpuState& s, const Inst& inst, const U128& a, const U128& b, const U128& c) {
  return ir::info(inst.op).effect == ir::Effect::Fp ? eval_fp(s, inst, a, b, c) : ir::eval_pure(inst, a, b, c);
}

ExitReason Interpreter::run(CpuState& s, const ir::Block& block) {
  // The upper half of the array holds the second values of load pairs.
  if (values_.size() < 2 * block.insts.size()) values_.resize(2 * block.insts.size());
  return Run(s, block, values_.data()).run();
}

}  // namespace ferry::jit
