// forward_state: a read of a register whose value is already known in the block becomes that value. Rebuilds the block through the
// Builder, so what becomes constant is folded on the way.
#include <algorithm>

#include "ir/builder.h"
#include "ir/passes.h"

namespace ferry::ir {
namespace {

class Forward {
 public:
  Forward(const Block& in, CallEffectsFn effects) : in_(in), effects_(effects), b_(out_) {
    forget();
  }

  std::vector<Inst> run() {
    out_.insts.reserve(in_.insts.size() + 8);
    map_.assign(in_.insts.size(), kNoValue);
    for (usize i = 0; i < in_.insts.size(); ++i) {
      Inst inst = in_.insts[i];
      for (unsigned n = 0; n < inst.arg_count(); ++n) inst.args[n] = map_[inst.args[n]];
      map_[i] = visit(inst);
    }
    return std::move(out_.insts);
  }

 private:
  Value visit(const Inst& inst) {
    switch (inst.op) {
      case Op::GetX: return read(x_[inst.aux], inst);
      case Op::SetX: x_[inst.aux] = {inst.args[0], false}; break;
      case Op::GetV:
      case Op::GetF: return read(v_[inst.aux], inst);
      case Op::SetV:
      case Op::SetF: v_[inst.aux] = {inst.args[0], false}; break;
      case Op::GetNzcv: return read(nzcv_, inst);
      case Op::SetNzcv: nzcv_ = {inst.args[0], false}; break;
      case Op::PcPage: return read(pc_page_, inst);
      case Op::Call:
        if (effects_(inst.imm).writes_state) forget();
        break;
      default: break;
    }
    return b_.emit(inst);
  }

  // What is known of a register: its value, or (partial) just its low part, because a narrow read gave it. A narrow write is not partial:
  // it zeroed the rest.
  struct Known {
    Value value = kNoValue;
    bool partial = false;
  };

  // The known value as the type that is read, or the read itself, remembered.
  Value read(Known& known, const Inst& inst) {
    const Type have = known.value == kNoValue ? Type::None : b_.type(known.value);
    if (have == inst.type) return known.value;
    if (have == Type::None || (known.partial && width(inst.type) > width(have))) {
      known = {b_.emit(inst), inst.type == Type::I32 || inst.op == Op::GetF};
      return known.value;
    }
    if (inst.type == Type::I32) return b_.trunc(known.value);
    if (inst.type == Type::I64) return b_.zext_w(known.value);
    if (inst.op == Op::GetV) return b_.convert(Op::VFromF, Type::V128, known.value);
    if (have == Type::V128) return b_.convert(Op::VToF, inst.type, known.value);
    // A scalar of the other width: through the vector.
    return b_.convert(Op::VToF, inst.type, b_.convert(Op::VFromF, Type::V128, known.value));
  }

  void forget() {
    x_.fill({});
    v_.fill({});
    nzcv_ = {};
  }

  const Block& in_;
  CallEffectsFn effects_;
  Block out_;
  Builder b_;
  std::vector<Value> map_;
  std::array<Known, 32> x_, v_;
  Known nzcv_;
  Known pc_page_;
};

}  // namespace

void forward_state(Block& block, CallEffectsFn effects) { block.insts = Forward(block, effects).run(); }

}  // namespace ferry::ir
