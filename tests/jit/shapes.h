// Every form of every op that computes something (Pure and Fp), found by asking the verifier: types, lanes, immediates.
// A new op is tested unasked.
#pragma once
#include <vector>

#include "ir/block.h"
#include "ir/verify.h"

namespace ferry::jit::test {

inline ir::Type operand_type(const ir::Inst& inst, unsigned n) {
  switch (ir::info(inst.op).operands[n]) {
    case 'T': return inst.type;
    case 'F': return inst.from;
    case 'W': return ir::Type::I32;
    case 'X': return ir::Type::I64;
    default: return ir::Type::V128;
  }
}

// Whether a form is well-formed, given operands of the right types.
inline bool well_formed(ir::Inst inst) {
  ir::Block b;
  for (unsigned n = 0; n < ir::info(inst.op).operands.size(); ++n) {
    const ir::Type t = operand_type(inst, n);
    if (t == ir::Type::None) return false;
    b.insts.push_back(t == ir::Type::V128 ? ir::Inst{.op = ir::Op::VConst, .type = t}
                                          : ir::Inst{.op = ir::Op::Const, .type = t});
    inst.args[n] = n;
  }
  return ir::verify_inst(b, inst).empty();
}

inline std::vector<ir::Inst> all_shapes() {
  using ir::Op;
  using ir::Type;
  static constexpr Type kTypes[] = {Type::I32, Type::I64, Type::F32, Type::F64, Type::V128};
  std::vector<ir::Inst> shapes;
  for (usize o = 0; o < ir::kOpCount; ++o) {
    const Op op = static_cast<Op>(o);
    const ir::OpInfo& info = ir::info(op);
    if (info.effect != ir::Effect::Pure && info.effect != ir::Effect::Fp) continue;
    if (op == Op::Second || op == Op::Const || op == Op::VConst) continue;
    const bool vector = info.operands.find('V') != std::string_view::npos || info.result == 'V';
    const bool has_t = info.result == 'T' || info.operands.find('T') != std::string_view::npos;
    const bool has_from = info.operands.find('F') != std::string_view::npos;
    const bool by_lanes = vector && info.effect == ir::Effect::Fp;
    for (Type t : kTypes) {
      if (!has_t && t != (info.result == 'V' ? Type::V128 : Type::I64)) continue;
      if (has_t && t == Type::V128 && op != Op::Select) continue;
      for (Type from : kTypes) {
        if (!has_from && from != Type::I32) continue;
        if (has_from && from == Type::V128) continue;
        for (u8 lane = 0; lane < (vector ? 4 : 1); ++lane) {
          const bool takes_imm = op == Op::Sext || op == Op::Zext || op == Op::Extr || op == Op::VShl ||
                                 op == Op::VUShr || op == Op::VSShr || op == Op::VDupLane || op == Op::VInsert ||
                                 op == Op::VExtract || op == Op::VExt || op == Op::VRev || by_lanes;
          const bool takes_round = op == Op::FRound || op == Op::FToS || op == Op::FToU || op == Op::VFToS ||
                                   op == Op::VFToU || op == Op::VFRound;
          const unsigned aux_count = op == Op::Cmp ? 6 : op == Op::CondHolds ? 16 : takes_round ? 7 : 1;
          for (u64 imm = 0; imm <= (takes_imm ? 64 : 0); ++imm) {
            if (by_lanes && imm != (16u >> lane) && imm != (8u >> lane) && imm != 1) continue;
            for (u8 aux = 0; aux < aux_count; ++aux) {
              ir::Inst inst{
                  .op = op, .type = t, .from = has_from ? from : Type::None, .lane = lane, .aux = aux, .imm = imm};
              if (well_formed(inst)) shapes.push_back(inst);
            }
          }
        }
      }
    }
  }
  return shapes;
}

}  // namespace ferry::jit::test
