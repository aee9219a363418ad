// Flags across a region: what sets them leaves its operands and a kind in local variables; the packed form is made
// where it is read or written back.
#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::Op;
using ir::Type;
using ir::Value;

Op op_of(FlagKind kind) {
  if (kind == FlagKind::Sub32 || kind == FlagKind::Sub64) return Op::SubNzcv;
  return kind == FlagKind::Add32 || kind == FlagKind::Add64 ? Op::AddNzcv : Op::LogicNzcv;
}

// What flags are that this op makes, of operands of this type.
FlagKind kind_of(Op op, Type t) {
  const bool wide = t == Type::I64;
  if (op == Op::SubNzcv) return wide ? FlagKind::Sub64 : FlagKind::Sub32;
  if (op == Op::AddNzcv) return wide ? FlagKind::Add64 : FlagKind::Add32;
  if (op == Op::LogicNzcv) return wide ? FlagKind::Logic64 : FlagKind::Logic32;
  return FlagKind::Packed;
}

// Which kind each block finds. A region where somebody reads flags of no certain kind keeps them packed throughout, and
// so does what is compiled without passes.
void Lowering::flow_flags() {
  if (!used_[kVarNzcv] || options_.write_through) return;
  for (usize i = 0; i < blocks_.size(); ++i) {
    const ir::Block& block = *region_.blocks[i].ir;
    BlockInfo& info = blocks_[i];
    for (const Inst& d : block.insts) {
      if (d.op == Op::GetNzcv && info.flags_out == FlagKind::Unknown) info.reads_flags = true;
      if (d.op == Op::SetNzcv) {
        const Inst& from = block.insts[d.args[0]];
        info.flags_out = kind_of(from.op, from.arg_count() > 0 ? block.insts[from.args[0]].result_type() : Type::I32);
      }
      if (sees_state(block, d)) info.flags_out = FlagKind::Packed;
    }
  }
  blocks_[0].flags_in = FlagKind::Packed;
  for (bool changed = true; changed;) {
    changed = false;
    for (usize i = 0; i < blocks_.size(); ++i) {
      const BlockInfo& from = blocks_[i];
      const FlagKind out = from.flags_out != FlagKind::Unknown ? from.flags_out : from.flags_in;
      if (out == FlagKind::Unknown) continue;
      for (const usize to : successors(i)) {
        FlagKind& in = blocks_[to].flags_in;
        const FlagKind merged = in == FlagKind::Unknown || in == out ? out : FlagKind::Dynamic;
        changed = changed || merged != in;
        in = merged;
      }
    }
  }
  lazy_flags_ = true;
  for (BlockInfo& info : blocks_) {
    if (info.flags_in == FlagKind::Unknown) info.flags_in = FlagKind::Packed;  // cannot be reached
    if (info.flags_in == FlagKind::Dynamic && info.reads_flags) lazy_flags_ = false;
  }
  for (unsigned var = kVarInState; lazy_flags_ && var < kVarCount; ++var) used_.set(var);
}

// SetNzcv.
void Lowering::set_flags(Value v) {
  const Inst& from = inst(v);
  FlagKind kind = FlagKind::Packed;
  if (lazy_flags_) kind = kind_of(from.op, from.arg_count() > 0 ? arg_type(from, 0) : Type::I32);
  if (kind != flags_) finish_fault_exit();  // which writes flags of one kind
  if (lazy_flags_) b_.CreateStore(i32c(static_cast<u32>(kind)), vars_[kVarFlagKind]);
  flags_ = kind;
  if (kind == FlagKind::Packed) return set(kVarNzcv, values_[v]);
  b_.CreateStore(b_.CreateZExt(arg(from, 0), b_.getInt64Ty()), vars_[kVarFlagA]);
  if (from.arg_count() > 1) b_.CreateStore(b_.CreateZExt(arg(from, 1), b_.getInt64Ty()), vars_[kVarFlagB]);
  dirty_.set(kVarNzcv);
}

Lowering::V Lowering::pack(FlagKind kind, V a, V b) {
  const bool wide = kind == FlagKind::Sub64 || kind == FlagKind::Add64 || kind == FlagKind::Logic64;
  llvm::Type* t = wide ? b_.getInt64Ty() : b_.getInt32Ty();
  return flags_of(op_of(kind), b_.CreateTrunc(a, t), b_.CreateTrunc(b, t));
}

// The flags as CpuState holds them. rare: small code rather than fast code.
Lowering::V Lowering::packed_flags(bool rare) {
  if (flags_ == FlagKind::Packed) return get(kVarNzcv);
  if (flags_ != FlagKind::Dynamic && !rare) return pack(flags_, get(kVarFlagA), get(kVarFlagB));
  llvm::FunctionType* f = llvm::FunctionType::get(
      b_.getInt32Ty(), {b_.getInt32Ty(), b_.getInt64Ty(), b_.getInt64Ty(), b_.getInt32Ty()}, false);
  V kind = flags_ == FlagKind::Dynamic ? get(kVarFlagKind) : i32c(static_cast<u32>(flags_));
  llvm::CallInst* call = b_.CreateCall(f, called(offsetof(RegionCalls, pack_flags)),
                                       {kind, get(kVarFlagA), get(kVarFlagB), get(kVarNzcv)});
  call->setDoesNotThrow();
  call->setDoesNotAccessMemory();
  return call;
}

}  // namespace ferry::jit::optimizing
