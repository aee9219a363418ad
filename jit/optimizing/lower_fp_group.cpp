// Checks of floating-point results, several at once.
//
// A result of the host's addition, multiplication, division, square root or fused multiply-add may be another NaN than
// Arm's, or of the smallest normal number's size with an underflow flag missing (lower_fp.cpp). Until something could
// see the one or the other (a store, an exit, a fault, a comparison, a call, FPSR) it goes on unchecked. Then one check
// asks about all of them, and what it finds suspicious is done once more, out of line, by the exact functions: every
// operation of the group in order, and every value and register that was made of one.
//
// That the host computed on with a wrong NaN does no harm: it has a NaN exactly where Arm has one, a quiet one, and an
// operation with a quiet NaN raises no flag that it would not raise with Arm's. So NaN need not be looked for in a
// result that another one of the group was made of, which is then NaN as well.
#include <llvm/IR/IntrinsicsX86.h>

#include <algorithm>

#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::Effect;
using ir::Inst;
using ir::Op;
using ir::Type;
using ir::Value;
namespace In = llvm::Intrinsic;
using Cmp = llvm::CmpInst;

namespace {

constexpr usize kMost = 24;  // results of a group
// From so many scalars on they are compared as vectors.
constexpr usize kPacked = 4;

}  // namespace

bool Lowering::is_grouped(const Inst& d) const {
  if (!native_fp()) return false;
  switch (d.op) {
    case Op::FAdd:
    case Op::FSub:
    case Op::FMul:
    case Op::FNMul:
    case Op::FDiv:
    case Op::FSqrt:
    case Op::FMadd: return true;
    case Op::VFAdd:
    case Op::VFSub:
    case Op::VFMul:
    case Op::VFDiv:
    case Op::VFSqrt:
    case Op::VFMla: return d.lane == 2 || d.lane == 3;
    default: return false;
  }
}

void Lowering::put_off(const Inst& d, V result, bool tiny) {
  const Value v = static_cast<Value>(&d - block().insts.data());
  group_.push_back({.value = v, .result = result, .tiny = tiny});
  of_group_[v] = true;
}

// Whether what comes next could see an unchecked result, or could not be done again.
bool Lowering::must_settle(const Inst& d) const {
  if (group_.empty()) return false;
  switch (ir::info(d.op).effect) {
    case Effect::Pure: return false;
    case Effect::Fp: return !is_grouped(d) || group_.size() >= kMost;
    case Effect::Read: {
      const int var = var_named(d);
      if (var >= 0) return set_in_group_[static_cast<usize>(var)];  // replay() would read what came later
      return d.op != Op::PcPage && d.op != Op::Insn;
    }
    case Effect::Write: return var_named(d) < 0 && d.op != Op::Insn;
    case Effect::Mem: {
      // In a copy of an unrolled loop's block a load cannot fault.
      const bool is_load = d.op == Op::Load || d.op == Op::LoadPair;
      return !is_load || origin_of(current_) == current_;
    }
    case Effect::Call:
    case Effect::Exit: break;
  }
  return true;
}

// After an instruction: whether it depends on the group.
void Lowering::follow_group(Value v) {
  if (group_.empty()) return;
  const Inst& d = inst(v);
  const Effect effect = ir::info(d.op).effect;
  if (effect == Effect::Write && var_named(d) >= 0) {
    const usize var = static_cast<usize>(var_named(d));
    if (set_in_group_[var]) of_group_[last_set_[var]] = false;  // only the last one is to be done again
    set_in_group_.set(var);
    last_set_[var] = v;
  }
  if (effect != Effect::Pure && effect != Effect::Write) return;
  for (unsigned n = 0; n < d.arg_count(); ++n)
    if (of_group_[d.args[n]]) of_group_[v] = true;
}

// Checks the group's results; `end` is the instruction that wants it.
void Lowering::settle(Value end) {
  llvm::BasicBlock* exact = new_block("exact");
  check_group(exact);
  llvm::BasicBlock* checked = b_.GetInsertBlock();
  llvm::BasicBlock* join = new_block("");
  b_.CreateBr(join);
  b_.SetInsertPoint(exact);
  const Value first = group_.front().value;
  const std::vector<V> fast(values_.begin() + first, values_.begin() + end);
  group_.clear();
  replay(end);
  llvm::BasicBlock* replayed = b_.GetInsertBlock();
  b_.CreateBr(join);
  b_.SetInsertPoint(join);
  for (Value v = first; v < end; ++v) {
    of_group_[v] = false;
    V was = fast[v - first];
    if (was == nullptr || was == values_[v]) continue;
    llvm::PHINode* phi = b_.CreatePHI(was->getType(), 2);
    phi->addIncoming(was, checked);
    phi->addIncoming(values_[v], replayed);
    values_[v] = phi;
  }
  set_in_group_.reset();
}

// What depends on the group, once more and exactly.
void Lowering::replay(Value end) {
  for (Value v = 0; v < end; ++v) {
    if (!of_group_[v]) continue;
    const Inst& d = inst(v);
    if (!is_grouped(d)) {
      lower(v, d);
      continue;
    }
    llvm::Type* t = values_[v]->getType();
    values_[v] = evaluate(d);
    if (values_[v]->getType() != t) values_[v] = b_.CreateBitCast(values_[v], t);
  }
}

// Whether a NaN in a result is one in a later result, too.
bool Lowering::is_covered(usize n) const {
  const Value v = group_[n].value;
  const Inst& d = inst(v);
  for (usize i = n + 1; i < group_.size(); ++i) {
    const Inst& later = inst(group_[i].value);
    if (later.result_type() != d.result_type()) continue;
    if (d.result_type() == Type::V128 && (later.lane != d.lane || later.imm != d.imm)) continue;
    for (unsigned k = 0; k < later.arg_count(); ++k) {
      const Inst& operand = inst(later.args[k]);
      if (later.args[k] == v || (operand.op == Op::FNeg && operand.args[0] == v)) return true;
    }
  }
  return false;
}

// Goes to `exact` unless every result is as Arm's. A branch right behind each comparison: the host has one set of
// flags.
void Lowering::check_group(llvm::BasicBlock* exact) {
  const auto check = [&](V rare) {
    llvm::BasicBlock* go_on = new_block("");
    b_.CreateCondBr(b_.CreateNot(rare), go_on, exact, cold_);
    b_.SetInsertPoint(go_on);
  };
  std::vector<V> scalars[2][2], vectors[2][2];  // by width, and whether only NaN matters
  for (usize n = 0; n < group_.size(); ++n) {
    const Unchecked& u = group_[n];
    if (!u.tiny && is_covered(n)) continue;
    llvm::Type* t = u.result->getType();
    const unsigned wide = t->getScalarType()->isDoubleTy() ? 1 : 0;
    (t->isVectorTy() ? vectors : scalars)[wide][u.tiny ? 0 : 1].push_back(u.result);
  }
  for (unsigned wide = 0; wide < 2; ++wide) {
    auto& [tiny, others] = scalars[wide];
    if (tiny.size() >= kPacked) {
      const unsigned lanes = wide != 0 ? 2 : 4;
      llvm::Type* t = llvm::FixedVectorType::get(tiny[0]->getType(), lanes);
      // Lanes that are left over take results of which only NaN matters, or one again.
      while (tiny.size() % lanes != 0) {
        tiny.push_back(others.empty() ? tiny.back() : others.back());
        if (!others.empty()) others.pop_back();
      }
      for (usize n = 0; n < tiny.size(); n += lanes) {
        V pack = llvm::PoisonValue::get(t);
        for (unsigned i = 0; i < lanes; ++i) pack = b_.CreateInsertElement(pack, tiny[n + i], u64{i});
        vectors[wide][0].push_back(pack);
      }
      tiny.clear();
    }
    for (V r : tiny) check(nan_or_least(r));
    for (usize n = 0; n < others.size(); n += 2)
      check(fp_compare(Cmp::FCMP_UNO, others[n], others[std::min(n + 1, others.size() - 1)], false));
  }
  std::vector<V> masks;
  for (auto& [tiny, others] : vectors) {
    for (V r : tiny) masks.push_back(nan_or_least(r));
    for (usize n = 0; n < others.size(); n += 2)
      masks.push_back(fp_compare(Cmp::FCMP_UNO, others[n], others[std::min(n + 1, others.size() - 1)], false));
  }
  if (!masks.empty()) check(any_of(masks));
}

// An i1: some lane of some of these holds.
Lowering::V Lowering::any_of(const std::vector<V>& masks) {
  if (masks.size() == 1) return any(masks[0]);
  V all = nullptr;
  for (V mask : masks) {
    auto* t = llvm::cast<llvm::FixedVectorType>(mask->getType());
    V lanes =
        b_.CreateSExt(mask, llvm::FixedVectorType::get(b_.getIntNTy(128 / t->getNumElements()), t->getNumElements()));
    lanes = as_v128(lanes);
    all = all == nullptr ? lanes : b_.CreateOr(all, lanes);
  }
#if defined(__x86_64__)
  return b_.CreateICmpEQ(b_.CreateIntrinsic(In::x86_sse41_ptestz, {}, {all, all}), i32c(0));
#else
  return b_.CreateICmpNE(b_.CreateBitCast(all, b_.getInt128Ty()), llvm::ConstantInt::get(b_.getInt128Ty(), 0));
#endif
}

}  // namespace ferry::jit::optimizing
