// forward_state: a read of a register whose value is already known in the block becomes that value; what becomes
// constant by that is folded. In place: an instruction that is no longer needed becomes an unused constant, for
// `dead` to take away.
#include "ir/passes.h"
#include "ir/simplify.h"

namespace ferry::ir {
namespace {

constexpr Inst kRemoved = {.op = Op::Const, .type = Type::I64};

class Forward {
 public:
  Forward(Block& block, CallEffectsFn effects, std::vector<Value>& map) : block_(block), effects_(effects), map_(map) {}

  void run() {
    const usize count = block_.insts.size();
    map_.resize(count);
    for (usize i = 0; i < count; ++i) {
      Inst& inst = block_.insts[i];
      const unsigned operands = inst.arg_count();
      changed_ = false;
      for (unsigned n = 0; n < operands; ++n) {
        const Value was = inst.args[n];
        changed_ |= (map_[was] & kChanged) != 0;
        inst.args[n] = map_[was] & ~kChanged;
      }
      const Value self = static_cast<Value>(i), stands = visit(inst, self);
      map_[i] = stands | (changed_ || stands != self ? kChanged : 0);
    }
  }

 private:
  // What is known of a register: its value, or (partial) just its low part, because a narrow read gave it. A narrow
  // write is not partial: it zeroed the rest.
  struct Known {
    Value value = kNoValue;
    bool partial = false;
  };

  Value visit(Inst& inst, Value self) {
    switch (inst.op) {
      case Op::GetX: return read(x_[inst.aux], inst, self);
      case Op::SetX: x_[inst.aux] = {inst.args[0], false}; return self;
      case Op::GetV:
      case Op::GetF: return read(v_[inst.aux], inst, self);
      case Op::SetV:
      case Op::SetF: v_[inst.aux] = {inst.args[0], false}; return self;
      case Op::GetNzcv: return read(nzcv_, inst, self);
      case Op::SetNzcv: nzcv_ = {inst.args[0], false}; return self;
      case Op::PcPage: return read(pc_page_, inst, self);
      case Op::Call:
        if (effects_(inst.imm).writes_state) forget();
        return self;
      default: return simple(inst, self);
    }
  }

  // The builder has simplified what stands on values that are as they were.
  Value simple(Inst& inst, Value self) {
    if (!changed_) return self;
    const Value same = simplify(block_, inst);
    return same == kNoValue ? self : same;
  }

  // The known value as the type that is read, or the read itself, remembered.
  Value read(Known& known, Inst& inst, Value self) {
    const Type have = known.value == kNoValue ? Type::None : block_.insts[known.value].result_type(), want = inst.type;
    if (have == want || (inst.op == Op::GetV && have == Type::V128)) {
      inst = kRemoved;
      return known.value;
    }
    if (have == Type::None || (known.partial && width(want) > width(have))) {
      known = {self, inst.type == Type::I32 || inst.op == Op::GetF};
      return self;
    }
    const Args of_known = args(known.value);
    changed_ = true;
    if (want == Type::I32)
      inst = {.op = Op::Trunc, .type = Type::I32, .args = of_known};
    else if (want == Type::I64)
      inst = {.op = Op::ZextW, .type = Type::I64, .args = of_known};
    else if (want == Type::V128)
      inst = {.op = Op::VFromF, .type = Type::V128, .from = have, .args = of_known};
    else if (have == Type::V128)
      inst = {.op = Op::VToF, .type = want, .from = have, .args = of_known};
    else
      return self;  // a scalar of the other width: rare, left to the register
    return simple(inst, self);
  }

  void forget() {
    x_.fill({});
    v_.fill({});
    nzcv_ = {};
  }

  static constexpr Value kChanged = Value{1} << 31;

  Block& block_;
  CallEffectsFn effects_;
  std::vector<Value>& map_;  // by instruction: the value that stands for it; kChanged: not what it was built as
  bool changed_ = false;     // an operand of the current instruction, or itself
  std::array<Known, 32> x_, v_;
  Known nzcv_;
  Known pc_page_;
};

}  // namespace

void forward_state(Block& block, CallEffectsFn effects) {
  static thread_local std::vector<Value> map;
  Forward(block, effects, map).run();
}

}  // namespace ferry::ir
