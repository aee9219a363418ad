// Lowering of constants and of moves between register files.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

// A constant into a register.
u8 Compiler::load_const(Value v) {
  const Inst& d = inst(v);
  const Type t = type_of(v);
  const u8 r = alloc(class_of(t));
  bind(v, r);
  values_[v].clean = true;
  if (ir::is_int(t)) {
    e_.mov_imm(r, t == Type::I32 ? d.imm & 0xffffffff : d.imm);
    return r;
  }
  const u64 bits = t == Type::F32 ? d.imm & 0xffffffff : d.imm;
  if (bits == 0) {
    e_.sse(0, 0x57, r, r);  // xorps
  } else if (t == Type::V128 && bits == ~u64{0}) {
    e_.sse(0x66, 0x76, r, r);  // pcmpeqd
  } else {
    pool_load(r, bits, t == Type::V128 ? bits : 0);
  }
  return r;
}

void Compiler::pool_load(u8 to, u64 lo, u64 hi) {
  const u64 both[2] = {lo, hi};
  if (to >= 8) e_.byte(0x44);
  e_.byte(0x0f);  // movaps to, [rip + constant]
  e_.byte(0x28);
  e_.byte(0x05u | (to & 7u) << 3);
  pool_ref(both, 16);
}

// Between integer, scalar and vector: no arithmetic.
bool Compiler::lower_move(Value v, const Inst& d) {
  const Value a = d.args[0];
  switch (d.op) {
    case Op::FBits: {
      const u8 ra = use(a);
      consume(a);
      e_.sse(0x66, 0x7e, ra, define(v), d.type == Type::I64);  // movd, movq: the register field is the source
      return true;
    }
    case Op::FFromBits: {
      const u8 ra = use(a);
      consume(a);
      e_.sse(0x66, 0x6e, define(v), ra, d.type == Type::F64);
      values_[v].clean = true;
      return true;
    }
    case Op::VToF: {  // the low lane of the same register
      const u8 ra = use(a);
      bind(v, ra);
      consume(a);
      return true;
    }
    case Op::VFromF: {
      const u8 ra = use(a);
      if (values_[a].clean) {
        bind(v, ra);
        consume(a);
        return true;
      }
      const u8 to = alloc(kXmm);
      if (d.from == Type::F64) {
        e_.sse(0xf3, 0x7e, to, ra);
      } else {
        e_.sse(0, 0x57, to, to);
        e_.sse(0xf3, 0x10, to, ra);
      }
      consume(a);
      bind(v, to);
      return true;
    }
    case Op::VZeroUpper: {
      const u8 ra = use(a);
      consume(a);
      e_.sse(0xf3, 0x7e, define(v, ra), ra);
      return true;
    }
    case Op::VFromPair: {
      const u8 ra = use(a), rb = use(d.args[1]);
      const u8 t = alloc(kXmm), to = alloc(kXmm);
      e_.sse(0x66, 0x6e, to, ra, true);
      e_.sse(0x66, 0x6e, t, rb, true);
      e_.sse(0x66, 0x6c, to, t);  // punpcklqdq
      consume(a);
      consume(d.args[1]);
      bind(v, to);
      return true;
    }
    default: return false;
  }
}

}  // namespace ferry::jit::baseline
