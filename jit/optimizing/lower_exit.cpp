// Lowering of exits: edges inside the region are jumps; others write back what memory lacks and tail-call what they are
// linked to, or leave.
#include <algorithm>
#include <utility>

#include "core/check.h"
#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::Op;

namespace {

i64 start_of(const RegionBlock& b) { return i64{b.page_delta} + b.ir->page_offset; }

}  // namespace

// The block at a distance from the entry's page, or -1. Of an entry that is there twice, the loop's head, which comes
// last. Never a copy of an unrolled loop's.
int Lowering::find_block(i64 relative) const {
  for (usize i = originals_; i-- > 0;)
    if (start_of(region_.blocks[i]) == relative) return static_cast<int>(i);
  return -1;
}

std::vector<usize> Lowering::successors(usize index) const {
  const RegionBlock& from = region_.blocks[index];
  const Inst& d = from.ir->exit();
  std::vector<i64> offsets;
  if (d.op == Op::ExitNext) offsets = {static_cast<i64>(d.imm)};
  if (d.op == Op::ExitCall) offsets = {ir::first_offset(d.imm)};
  if (d.op == Op::ExitIf) offsets = {ir::first_offset(d.imm), ir::second_offset(d.imm)};
  std::vector<usize> to;
  for (const i64 offset : offsets)
    if (const int n = find_block(from.page_delta + offset); n >= 0) to.push_back(static_cast<usize>(n));
  if (d.op == Op::ExitIndirect)
    for (const usize n : return_targets(index)) to.push_back(n);
  for (usize& n : to) n = next_of(index, n);
  for (const Unrolled& loop : unrolled_)  // which begins with a choice between the block and its first copy
    if (std::find(to.begin(), to.end(), loop.block) != to.end()) to.push_back(loop.first);
  return to;
}

// Where a return in this block may come back to inside the region: behind its calls, those in its own page first.
std::vector<usize> Lowering::return_targets(usize index) const {
  std::vector<usize> to;
  const RegionBlock& from = region_.blocks[index];
  const Inst& d = from.ir->exit();
  if (d.op != Op::ExitIndirect || ir::indirect_kind(d.aux) != ir::IndirectKind::Return) return to;
  for (const bool near : {true, false}) {
    for (const RegionBlock& b : region_.blocks) {
      const Inst& e = b.ir->exit();
      if (e.op != Op::ExitCall || (b.page_delta == from.page_delta) != near) continue;
      const int n = find_block(b.page_delta + i64{ir::second_offset(e.imm)});
      if (n >= 0 && std::find(to.begin(), to.end(), static_cast<usize>(n)) == to.end() && to.size() < 4)
        to.push_back(static_cast<usize>(n));
    }
  }
  return to;
}

// An i1: nothing wants this vCPU outside.
Lowering::V Lowering::no_poll_wanted(u32 at_least) {
  // Volatile, not atomic: LLVM compiles it to an operand of the comparison.
  V budget = b_.CreateAlignedLoad(b_.getInt32Ty(), state_ptr(offsetof(cpu::CpuState, budget)), llvm::Align(4),
                                  /*isVolatile=*/true);
  return b_.CreateICmpSGE(budget, i32c(at_least));
}

// Virtual time: the block's length goes off the budget; one that would overrun is left before its first instruction.
void Lowering::take_budget() {
  V p = state_ptr(offsetof(cpu::CpuState, budget));
  const auto store = [&](V value) {
    llvm::StoreInst* s = b_.CreateAlignedStore(value, p, llvm::Align(4));
    s->setAtomic(llvm::AtomicOrdering::Monotonic);
  };
  llvm::LoadInst* budget = b_.CreateAlignedLoad(b_.getInt32Ty(), p, llvm::Align(4));
  budget->setAtomic(llvm::AtomicOrdering::Monotonic);
  V left = b_.CreateSub(budget, i32c(block().insn_count));
  llvm::BasicBlock* over = unlikely(b_.CreateICmpSGE(left, i32c(0)), "overrun");
  llvm::BasicBlock* go_on = b_.GetInsertBlock();
  b_.SetInsertPoint(over);
  leave(ExitReason::Poll, pc_at(static_cast<i32>(block().page_offset)));
  b_.SetInsertPoint(go_on);
  store(left);
}

void Lowering::leave(ExitReason reason, V pc) {
  write_back(true);
  if (pc != nullptr) store_state(pc, offsetof(cpu::CpuState, pc));
  b_.CreateRet(i32c(static_cast<u32>(reason)));
}

// Where accesses that fault leave, one place for many: what is dirty at the last of them is written, which for those
// before it is what memory holds already.
llvm::BasicBlock* Lowering::fault_exit() {
  if (fault_exit_ == nullptr) fault_exit_ = new_block("fault");
  return fault_exit_;
}

void Lowering::finish_fault_exit() {
  if (fault_exit_ == nullptr) return;
  llvm::BasicBlock* go_on = b_.GetInsertBlock();
  b_.SetInsertPoint(std::exchange(fault_exit_, nullptr));
  leave(ExitReason::Fault, nullptr);
  b_.SetInsertPoint(go_on);
}

void Lowering::tail_call(V target) {
  std::vector<V> args = {state_};
  for (usize i = 0; i < kPinned.size(); ++i) {
    V value = get(pinned_var(kPinned[i]));
    args.push_back(b_.CreateZExt(value, b_.getInt64Ty()));
  }
  llvm::CallInst* call = b_.CreateCall(block_type(context_), target, args);
  call->setCallingConv(block_convention());
  call->setTailCallKind(llvm::CallInst::TCK_MustTail);
  call->setDoesNotThrow();
  b_.CreateRet(call);
}

// An i1: edges between pages of the region hold.
Lowering::V Lowering::in_context() {
  return b_.CreateICmpEQ(load_state(b_.getInt64Ty(), offsetof(cpu::CpuState, context)),
                         load_word(b_, data_, b_.getInt64Ty(), offsetof(RegionWords, context)));
}

// Leaves for the dispatcher when something waits for this vCPU to look.
void Lowering::pay_attention(i32 offset) {
  V attention = load_state(b_.getInt32Ty(), offsetof(cpu::CpuState, attention));
  V quiet = b_.CreateAnd(no_poll_wanted(), b_.CreateICmpSGE(attention, i32c(0)));
  llvm::BasicBlock* look = unlikely(quiet, "look");
  llvm::BasicBlock* go_on = b_.GetInsertBlock();
  b_.SetInsertPoint(look);
  leave(ExitReason::Context, pc_at(offset));
  b_.SetInsertPoint(go_on);
}

// A direct exit of the current block.
void Lowering::edge(i32 offset, bool is_call) {
  const RegionBlock& from = region_.blocks[current_];
  const int inside = find_block(i64{from.page_delta} + offset);
  if (inside >= 0)
    if (const usize next = next_of(current_, static_cast<usize>(inside)); next != static_cast<usize>(inside)) {
      b_.CreateBr(blocks_[next].start);
      return;
    }
  if (mode_.virtual_time() == 0 && offset <= static_cast<i32>(block().page_offset)) {
    llvm::BasicBlock* poll = unlikely(no_poll_wanted(), "poll");
    llvm::BasicBlock* go_on = b_.GetInsertBlock();
    b_.SetInsertPoint(poll);
    leave(ExitReason::Poll, pc_at(offset));
    b_.SetInsertPoint(go_on);
  }
  if (inside < 0) return external(offset, is_call);
  const usize to = static_cast<usize>(inside);
  const i32 step = region_.blocks[to].page_delta - from.page_delta;
  if (step != 0) {
    V valid = in_context();
    llvm::BasicBlock* stale = unlikely(valid, "stale");
    llvm::BasicBlock* go_on = b_.GetInsertBlock();
    b_.SetInsertPoint(stale);
    external(offset, is_call);  // as if it were not of the region
    b_.SetInsertPoint(go_on);
  }
  enter_page(step);
  b_.CreateBr(blocks_[to].start);
}

void Lowering::enter_page(i32 step) {
  if (step == 0) return;
  V page = pc_at(step);
  b_.CreateStore(page, vars_[kVarPcPage]);
  store_state(page, offsetof(cpu::CpuState, pc_page));
}

// A direct exit out of the region, by a slot that Tier::link fills.
void Lowering::external(i32 offset, bool is_call) {
  const bool cross_page = offset < 0 || offset > 0xfff;
  const usize words = (unit_.data.size() + 7) & ~usize{7};
  unit_.data.resize(words + sizeof(ExitWords));
  unit_.exits.push_back({.offset = offset,
                         .words = static_cast<u32>(words),
                         .cross_page = static_cast<u8>(cross_page ? 1 : 0),
                         .is_call = static_cast<u8>(is_call ? 1 : 0)});
  const auto load = [&](llvm::Type* t, usize word) {
    llvm::LoadInst* l = b_.CreateAlignedLoad(t, data_at(words + word), llvm::Align(8));
    l->setAtomic(llvm::AtomicOrdering::Acquire);
    return l;
  };
  write_back(false);
  llvm::BasicBlock* stale = nullptr;
  if (cross_page) {
    V valid = b_.CreateICmpEQ(load(b_.getInt64Ty(), offsetof(ExitWords, context)),
                              load_state(b_.getInt64Ty(), offsetof(cpu::CpuState, context)));
    stale = unlikely(valid, "stale");
  }
  V target = load(b_.getPtrTy(), offsetof(ExitWords, target));
  llvm::BasicBlock* unlinked = unlikely(b_.CreateIsNotNull(target), "unlinked");
  if (cross_page) store_state(pc_at(offset & ~0xfff), offsetof(cpu::CpuState, pc_page));
  tail_call(target);
  b_.SetInsertPoint(unlinked);
  if (stale != nullptr) {
    b_.CreateBr(stale);
    b_.SetInsertPoint(stale);
  }
  store_state(load_word(b_, data_, b_.getPtrTy(), words + offsetof(ExitWords, site)),
              offsetof(cpu::CpuState, link_site));
  store_state(pc_at(offset), offsetof(cpu::CpuState, pc));
  tail_call(called(offsetof(RegionCalls, next)));
}

void Lowering::lower_exit(const Inst& d) {
  switch (d.op) {
    case Op::ExitNext:
      if (d.aux != 0) pay_attention(static_cast<i32>(d.imm));
      return edge(static_cast<i32>(d.imm), false);
    case Op::ExitCall: return edge(ir::first_offset(d.imm), true);
    case Op::ExitIf: {
      llvm::BasicBlock* taken = new_block("taken");
      llvm::BasicBlock* other = new_block("other");
      b_.CreateCondBr(b_.CreateICmpNE(arg(d, 0), i32c(0)), taken, other);
      b_.SetInsertPoint(taken);
      edge(ir::first_offset(d.imm), false);
      b_.SetInsertPoint(other);
      return edge(ir::second_offset(d.imm), false);
    }
    case Op::ExitIndirect: return exit_indirect(d);
    case Op::ExitException: return exit_exception(d);
    case Op::ExitDispatch:
      return leave(dispatch_exit(static_cast<ir::DispatchReason>(d.aux)), pc_at(static_cast<i32>(d.imm)));
    case Op::ExitPc: return leave(ExitReason::Context, nullptr);
    default: UNREACHABLE("not an exit");
  }
}

// A return to a place inside the region is recognised; the rest goes by the jump cache, whose entries answer for one VA
// in one context.
void Lowering::exit_indirect(const Inst& d) {
  V target = arg(d, 0);
  const unsigned btype = ir::indirect_btype(d.aux);
  const auto leave_with = [&](ExitReason reason) {
    if (btype != 0) store_state(b_.getInt8(static_cast<u8>(btype)), offsetof(cpu::CpuState, btype));
    leave(reason, target);
  };
  llvm::BasicBlock* poll = nullptr;
  // In virtual time the target's block asks; but what comes between has to see BTYPE, which that block does not know.
  const bool real = mode_.virtual_time() == 0;
  if (real || btype != 0) poll = unlikely(no_poll_wanted(real ? 0 : 1), "poll");
  for (const usize n : return_targets(current_)) {
    llvm::BasicBlock* next = new_block("");
    const i32 step = region_.blocks[n].page_delta - region_.blocks[current_].page_delta;
    V same = b_.CreateICmpEQ(target, pc_at(step + static_cast<i32>(region_.blocks[n].ir->page_offset)));
    if (step == 0) {
      b_.CreateCondBr(same, blocks_[n].start, next);
    } else {
      llvm::BasicBlock* there = new_block("return");
      b_.CreateCondBr(b_.CreateAnd(same, in_context()), there, next);
      b_.SetInsertPoint(there);
      enter_page(step);
      b_.CreateBr(blocks_[n].start);
    }
    b_.SetInsertPoint(next);
  }
  static_assert(sizeof(cpu::JumpEntry) == 32);
  V index = b_.CreateShl(b_.CreateAnd(target, (cpu::kJumpEntries - 1) << 2), 3);
  V entry = b_.CreateGEP(b_.getInt8Ty(), load_state(b_.getPtrTy(), offsetof(cpu::CpuState, jump_cache)), index);
  const auto field = [&](llvm::Type* t, usize offset) {
    return b_.CreateAlignedLoad(t, b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), entry, offset), llvm::Align(8));
  };
  V same_va = b_.CreateICmpEQ(field(b_.getInt64Ty(), offsetof(cpu::JumpEntry, va)), target);
  V same_context = b_.CreateICmpEQ(field(b_.getInt64Ty(), offsetof(cpu::JumpEntry, context)),
                                   load_state(b_.getInt64Ty(), offsetof(cpu::CpuState, context)));
  V hit = b_.CreateAnd(same_va, same_context);
  if (btype != 0)
    hit = b_.CreateAnd(
        hit, b_.CreateICmpNE(b_.CreateAnd(field(b_.getInt64Ty(), offsetof(cpu::JumpEntry, landing)), u64{1} << btype),
                             i64c(0)));
  llvm::BasicBlock* miss = unlikely(hit, "miss");
  write_back(false);
  store_state(b_.CreateAnd(target, ~u64{0xfff}), offsetof(cpu::CpuState, pc_page));
  tail_call(field(b_.getPtrTy(), offsetof(cpu::JumpEntry, code)));
  b_.SetInsertPoint(miss);
  leave_with(ExitReason::Indirect);
  if (poll == nullptr) return;
  b_.SetInsertPoint(poll);
  leave_with(ExitReason::Poll);
}

void Lowering::exit_exception(const Inst& d) {
  using E = cpu::ExceptionInfo;
  const usize at = offsetof(cpu::CpuState, exception);
  static_assert(offsetof(E, kind) == 0 && offsetof(E, target_el) == 1 && offsetof(E, return_to_next) == 2 &&
                offsetof(E, far_valid) == 3);
  const auto byte = [&](usize offset, bool value) { store_state(b_.getInt8(value ? 1 : 0), at + offset); };
  byte(offsetof(E, kind), false);  // synchronous
  byte(offsetof(E, target_el), false);
  byte(offsetof(E, return_to_next), d.aux != 0);
  byte(offsetof(E, far_valid), false);
  store_state(i32c(static_cast<u32>(bits(d.imm, 31, 26))), at + offsetof(E, ec));
  store_state(i32c(static_cast<u32>(bits(d.imm, 24, 0))), at + offsetof(E, iss));
  byte(offsetof(E, il), bit(d.imm, 25));
  store_state(i64c(0), at + offsetof(E, far));
  leave(ExitReason::Exception, pc_at(static_cast<i32>(4 * insn_index_)));
}

}  // namespace ferry::jit::optimizing
