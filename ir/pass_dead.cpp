// dead_state: a register or flag write that is overwritten before anything can see it goes away. dead_code: so do
// values nobody uses.
#include <algorithm>

#include "ir/builder.h"
#include "ir/passes.h"

namespace ferry::ir {
namespace {

constexpr Inst kRemoved = {.op = Op::Const, .type = Type::I64};

}  // namespace

void dead_state(Block& block, CallEffectsFn effects) {
  // Bits: overwritten later, with nothing in between that could look.
  u64 x_dead = 0, v_dead = 0;
  bool nzcv_dead = false;
  for (usize i = block.insts.size(); i-- > 0;) {
    Inst& inst = block.insts[i];
    const u64 one = u64{1} << (inst.aux & 63);
    switch (inst.op) {
      case Op::SetX:
        if ((x_dead & one) != 0) inst = kRemoved;
        x_dead |= one;
        break;
      case Op::GetX: x_dead &= ~one; break;
      case Op::SetV:
      case Op::SetF:
        if ((v_dead & one) != 0) inst = kRemoved;
        v_dead |= one;
        break;
      case Op::GetV:
      case Op::GetF: v_dead &= ~one; break;
      case Op::SetNzcv:
        if (nzcv_dead) inst = kRemoved;
        nzcv_dead = true;
        break;
      case Op::GetNzcv: nzcv_dead = false; break;
      default: {
        const Effect effect = effect_of(inst.op);
        bool observes = effect == Effect::Mem || effect == Effect::Exit;
        if (effect == Effect::Call) {
          const CallEffects e = effects(inst.imm);
          observes = e.reads_state || e.may_fault;
        }
        if (observes) {
          x_dead = v_dead = 0;
          nzcv_dead = false;
        }
      }
    }
  }
}

void dead_code(Block& block, CallEffectsFn effects) {
  const usize count = block.insts.size();
  static thread_local std::vector<Value> map;
  map.assign(count, 0);
  for (usize i = count; i-- > 0;) {
    const Inst& inst = block.insts[i];
    const Effect effect = effect_of(inst.op);
    const bool removable =
        effect == Effect::Pure || effect == Effect::Read || (effect == Effect::Call && effects(inst.imm).pure);
    if (removable && map[i] == 0) continue;
    map[i] = 1;
    for (unsigned n = 0; n < inst.arg_count(); ++n) map[inst.args[n]] = 1;
  }
  usize to = 0;
  for (usize i = 0; i < count; ++i) {
    if (map[i] == 0) continue;
    Inst inst = block.insts[i];
    for (unsigned n = 0; n < inst.arg_count(); ++n) inst.args[n] = map[inst.args[n]];
    map[i] = static_cast<Value>(to);
    block.insts[to++] = inst;
  }
  block.insts.resize(to);
}

}  // namespace ferry::ir
