// dead: values nobody uses go away, and register or flag writes that are overwritten before anything can see them.
#include <algorithm>

#include "ir/builder.h"
#include "ir/passes.h"

namespace ferry::ir {
namespace {

// Walking backward: registers that are overwritten later, with nothing in between that could look.
class Overwritten {
 public:
  // A write that goes away is one that returns true.
  bool write(const Inst& inst) {
    switch (inst.op) {
      case Op::SetX: return take(x_, bit_of(inst));
      case Op::SetV:
      case Op::SetF: return take(v_, bit_of(inst));
      case Op::SetNzcv: return take(nzcv_, 1);
      default: return false;
    }
  }
  void read(const Inst& inst) {
    switch (inst.op) {
      case Op::GetX: x_ &= ~bit_of(inst); break;
      case Op::GetV:
      case Op::GetF: v_ &= ~bit_of(inst); break;
      case Op::GetNzcv: nzcv_ = 0; break;
      default: break;
    }
  }
  void observe() { x_ = v_ = nzcv_ = 0; }

 private:
  static u64 bit_of(const Inst& inst) { return u64{1} << (inst.aux & 63); }
  static bool take(u64& set, u64 one) {
    const bool was = (set & one) != 0;
    set |= one;
    return was;
  }
  u64 x_ = 0, v_ = 0, nzcv_ = 0;
};

}  // namespace

void dead(Block& block, CallEffectsFn effects) {
  const usize count = block.insts.size();
  static thread_local std::vector<Value> scratch;
  scratch.assign(count, 0);
  Value* const map = scratch.data();  // not 0: wanted; then where it went
  Inst* const insts = block.insts.data();
  Overwritten overwritten;
  for (usize i = count; i-- > 0;) {
    const Inst& inst = insts[i];
    switch (effect_of(inst.op)) {
      case Effect::Pure:
        if (map[i] == 0) continue;
        break;
      case Effect::Read:
        if (map[i] == 0) continue;
        overwritten.read(inst);
        break;
      case Effect::Write:
        if (overwritten.write(inst)) continue;
        break;
      case Effect::Call: {
        const CallEffects e = effects(inst.imm);
        if (e.pure && map[i] == 0) continue;
        if (e.reads_state || e.may_fault) overwritten.observe();
        break;
      }
      case Effect::Mem:
      case Effect::Exit: overwritten.observe(); break;
      case Effect::Fp: break;
    }
    map[i] = 1;
    const unsigned operands = inst.arg_count();
    for (unsigned n = 0; n < operands; ++n) map[inst.args[n]] = 1;
  }
  usize to = 0;
  for (usize i = 0; i < count; ++i) {
    if (map[i] == 0) continue;
    map[i] = static_cast<Value>(to);
    Inst& inst = insts[to];
    if (to++ == i) continue;  // nothing has gone yet: its operands stay where they are
    inst = insts[i];
    const unsigned operands = inst.arg_count();
    for (unsigned n = 0; n < operands; ++n) inst.args[n] = map[inst.args[n]];
  }
  block.insts.resize(to);
}

}  // namespace ferry::ir
