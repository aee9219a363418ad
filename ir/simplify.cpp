#include "ir/simplify.h"

#include "ir/eval.h"

namespace ferry::ir {
namespace {

// Pure scalar ops whose operands are all constant; those without operands are constants already.
bool foldable(const Block& block, const Inst& inst) {
  const unsigned count = inst.arg_count();
  if (count == 0) return false;
  for (unsigned i = 0; i < count; ++i)
    if (block.insts[inst.args[i]].op != Op::Const) return false;
  const Type result = inst.result_type();
  return inst.op != Op::Second && result != Type::V128 && result != Type::None;
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
    case Op::Add:
    case Op::Or:
    case Op::Xor:
      if (is_constant(block, a, 0)) return b;
      [[fallthrough]];
    case Op::Sub:
    case Op::Shl:
    case Op::Shr:
    case Op::Sar:
    case Op::Ror:
    case Op::AndNot: return is_constant(block, b, 0) ? a : kNoValue;
    case Op::And:
      if (is_constant(block, a, ones)) return b;
      return is_constant(block, b, ones) ? a : kNoValue;
    case Op::Zext:
    case Op::Sext: return inst.imm == width(inst.type) ? a : kNoValue;
    case Op::Trunc: {
      const Inst& from = block.insts[a];
      return from.op == Op::ZextW || from.op == Op::SextW ? from.args[0] : kNoValue;
    }
    case Op::VZeroUpper: return block.insts[a].op == Op::VZeroUpper ? a : kNoValue;
    default: return kNoValue;
  }
}

}  // namespace

Value simplify_pure(const Block& block, Inst& inst) {
  if (foldable(block, inst)) {
    U128 v[3];
    for (unsigned i = 0; i < inst.arg_count(); ++i) v[i].lo = block.insts[inst.args[i]].imm;
    inst = {.op = Op::Const, .type = inst.result_type(), .imm = eval_pure(inst, v[0], v[1], v[2]).lo};
    return kNoValue;
  }
  return identity(block, inst);
}

}  // namespace ferry::ir
