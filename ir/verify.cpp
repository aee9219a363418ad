#include "ir/verify.h"

#include <fmt/format.h>

namespace ferry::ir {
namespace {

bool type_fits(char letter, const Inst& inst, Type t) {
  switch (letter) {
    case 'T': return t == inst.type;
    case 'F': return t == inst.from;
    case 'W': return t == Type::I32;
    case 'X': return t == Type::I64;
    case 'V': return t == Type::V128;
    case 'A': return t != Type::None;
    default: return false;
  }
}

// Which types the T of an op may be.
bool type_allowed(const Inst& inst) {
  const Type t = inst.type;
  switch (inst.op) {
    case Op::Insn:
    case Op::ExitNext:
    case Op::ExitIf:
    case Op::ExitCall:
    case Op::ExitIndirect:
    case Op::ExitException:
    case Op::ExitDispatch:
    case Op::ExitPc:
    case Op::Fence:
    case Op::ZeroBlock:
    case Op::Call: return true;
    case Op::Const: return t != Type::None && t != Type::V128;
    case Op::GetF:
    case Op::SetF:
    case Op::FAdd:
    case Op::FSub:
    case Op::FMul:
    case Op::FNMul:
    case Op::FDiv:
    case Op::FSqrt:
    case Op::FMadd:
    case Op::FMax:
    case Op::FMin:
    case Op::FMaxNm:
    case Op::FMinNm:
    case Op::FNeg:
    case Op::FAbs:
    case Op::FCmp:
    case Op::FCmpE:
    case Op::FRound: return is_float(t);
    case Op::FCvt: return is_float(t) && is_float(inst.from) && t != inst.from;
    case Op::FToS:
    case Op::FToU: return is_int(t) && is_float(inst.from);
    case Op::SToF:
    case Op::UToF: return is_float(t) && is_int(inst.from);
    case Op::FBits: return is_int(t) && is_float(inst.from) && width(t) == width(inst.from);
    case Op::FFromBits: return is_float(t) && is_int(inst.from) && width(t) == width(inst.from);
    case Op::VFromF: return is_float(inst.from);
    case Op::VToF: return is_float(t);
    case Op::Load:
    case Op::Store:
    case Op::LoadPair:
    case Op::StorePair:
    case Op::Second:
    case Op::Select:
    case Op::StoreEx:
    case Op::StoreExPair: return t != Type::None;
    default: break;
  }
  if (info(inst.op).result == 'T' || info(inst.op).operands.find('T') != std::string_view::npos)
    return is_int(t) || t == Type::V128;
  return true;
}

bool immediate_in_range(const Inst& inst) {
  const unsigned lane_bits = 8u << inst.lane;
  const unsigned lanes = 128 / lane_bits;
  switch (inst.op) {
    case Op::Sext:
    case Op::Zext: return inst.imm >= 1 && inst.imm <= width(inst.type);
    case Op::Extr: return inst.imm < width(inst.type);
    case Op::VShl: return inst.imm < lane_bits;
    case Op::VUShr:
    case Op::VSShr: return inst.imm >= 1 && inst.imm <= lane_bits;
    case Op::VDupLane:
    case Op::VInsert:
    case Op::VExtract: return inst.imm < lanes;
    case Op::VExt: return inst.imm < 16;
    case Op::VRev: return inst.imm > inst.lane && inst.imm <= 3;
    case Op::VNarrow:
    case Op::VSWiden:
    case Op::VUWiden:
    case Op::VMul:
    case Op::VSMax:
    case Op::VSMin:
    case Op::VUMax:
    case Op::VUMin: return inst.lane <= 2;
    case Op::VFAdd:
    case Op::VFSub:
    case Op::VFMul:
    case Op::VFDiv:
    case Op::VFSqrt:
    case Op::VFMla:
    case Op::VFMax:
    case Op::VFMin:
    case Op::VFMaxNm:
    case Op::VFMinNm:
    case Op::VFCmpEq:
    case Op::VFCmpGe:
    case Op::VFCmpGt:
    case Op::VFToS:
    case Op::VFToU:
    case Op::VSToF:
    case Op::VUToF:
    case Op::VFRound: return (inst.lane == 2 || inst.lane == 3) && inst.imm >= 1 && inst.imm <= lanes;
    case Op::VFNeg:
    case Op::VFAbs: return inst.lane == 2 || inst.lane == 3;
    case Op::GetX:
    case Op::SetX:
    case Op::GetV:
    case Op::SetV:
    case Op::GetF:
    case Op::SetF: return inst.aux < 32;
    case Op::CondHolds: return inst.aux < 16;
    default: return inst.lane <= 3;
  }
}

}  // namespace

std::string verify_inst(const Block& block, const Inst& inst) {
  const OpInfo& op = info(inst.op);
  if (!type_allowed(inst)) return fmt::format("{}: type {} is not allowed", op.name, static_cast<int>(inst.type));
  if (!immediate_in_range(inst))
    return fmt::format("{}: immediate {} or small operand {} out of range", op.name, inst.imm, inst.aux);
  const unsigned count = inst.arg_count();
  for (unsigned i = 0; i < inst.args.size(); ++i) {
    const Value v = inst.args[i];
    if (i >= count) {
      if (v != kNoValue) return fmt::format("{}: operand {} is one too many", op.name, i);
      continue;
    }
    if (v >= block.insts.size()) return fmt::format("{}: operand {} is not defined before its use", op.name, i);
    const Type t = block.insts[v].result_type();
    if (!type_fits(op.operands[i], inst, t)) return fmt::format("{}: operand {} has the wrong type", op.name, i);
  }
  if (inst.op == Op::Second && block.insts[inst.args[0]].op != Op::LoadPair) return "Second: operand is not a LoadPair";
  return {};
}

std::string verify(const Block& block) {
  if (block.insts.empty()) return "block is empty";
  Block prefix;
  prefix.insts.reserve(block.insts.size());
  u32 markers = 0;
  for (usize i = 0; i < block.insts.size(); ++i) {
    const Inst& inst = block.insts[i];
    if (std::string e = verify_inst(prefix, inst); !e.empty()) return fmt::format("%{}: {}", i, e);
    const bool last = i + 1 == block.insts.size();
    if ((info(inst.op).effect == Effect::Exit) != last)
      return fmt::format("%{}: {}", i, last ? "block does not end in an exit" : "exit before the end");
    markers += inst.op == Op::Insn ? 1 : 0;
    prefix.insts.push_back(inst);
  }
  if (markers != block.insn_count)
    return fmt::format("{} instruction markers, insn_count says {}", markers, block.insn_count);
  return {};
}

}  // namespace ferry::ir
