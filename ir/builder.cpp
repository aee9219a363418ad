#include "ir/builder.h"

#include "ir/eval.h"
#include "ir/verify.h"

namespace ferry::ir {
namespace {

bool foldable(const Block& block, const Inst& inst) {
  if (info(inst.op).effect != Effect::Pure || inst.op == Op::Second || inst.op == Op::Const) return false;
  const Type result = inst.result_type();
  if (result == Type::V128 || result == Type::None || inst.arg_count() == 0) return false;
  for (unsigned i = 0; i < inst.arg_count(); ++i)
    if (block.insts[inst.args[i]].op != Op::Const) return false;
  return true;
}

bool is_constant(const Block& block, Value v, u64 bits) {
  const Inst& i = block.insts[v];
  return i.op == Op::Const && i.imm == bits;
}

// x op 0 = x, x & ~0 = x and their like; kNoValue when there is nothing to gain.
Value identity(const Block& block, const Inst& inst) {
  const Value a = inst.args[0], b = inst.args[1];
  const u64 ones = low_mask(width(inst.type) == 32 ? 32 : 64);
  switch (inst.op) {
    case Op::Add: case Op::Or: case Op::Xor:
      if (is_constant(block, a, 0)) return b;
      [[fallthrough]];
    case Op::Sub: case Op::Shl: case Op::Shr: case Op::Sar: case Op::Ror: case Op::AndNot:
      return is_constant(block, b, 0) ? a : kNoValue;
    case Op::And:
      if (is_constant(block, a, ones)) return b;
      return is_constant(block, b, ones) ? a : kNoValue;
    case Op::Zext: case Op::Sext: return inst.imm == width(inst.type) ? a : kNoValue;
    case Op::Trunc: {
      const Inst& from = block.insts[a];
      return from.op == Op::ZextW || from.op == Op::SextW ? from.args[0] : kNoValue;
    }
    case Op::VZeroUpper: return block.insts[a].op == Op::VZeroUpper ? a : kNoValue;
    default: return kNoValue;
  }
}

}  // namespace

Value Builder::emit(const Inst& inst) {
#ifndef __OPTIMIZE__  // every translated instruction comes through here; optimised builds verify on demand (ir.verify)
  ASSERT(verify_inst(block_, inst).empty(), "instruction does not fit its row in ops.def");
#endif
  if (foldable(block_, inst)) {
    U128 v[3];
    for (unsigned i = 0; i < inst.arg_count(); ++i) v[i].lo = block_.insts[inst.args[i]].imm;
    return emit({.op = Op::Const, .type = inst.result_type(), .imm = eval_pure(inst, v[0], v[1], v[2]).lo});
  }
  if (info(inst.op).effect == Effect::Pure)
    if (const Value same = identity(block_, inst); same != kNoValue) return same;
  block_.insts.push_back(inst);
  return static_cast<Value>(block_.insts.size() - 1);
}

}  // namespace ferry::ir
