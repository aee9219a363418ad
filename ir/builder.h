// Builder: appends typed instructions to a Block. Constants and algebraic identities are folded here, so frontend files
// write the manual's meaning and need not special-case immediates.
#pragma once
#include "core/check.h"
#include "ir/block.h"

namespace ferry::ir {

class Builder {
 public:
  explicit Builder(Block& block) : block_(block) {}

  Block& block() { return block_; }
  const Inst& inst(Value v) const { return block_.insts[v]; }
  Type type(Value v) const { return block_.insts[v].result_type(); }

  // The general form: checks the signature of ops.def, folds what is constant, appends.
  Value emit(const Inst& inst);

  Value constant(Type type, u64 bits) { return emit({.op = Op::Const, .type = type, .imm = bits}); }
  Value imm32(u32 v) { return constant(Type::I32, v); }
  Value imm64(u64 v) { return constant(Type::I64, v); }
  Value vconst(u64 half) { return emit({.op = Op::VConst, .type = Type::V128, .imm = half}); }
  // Whether v is a Const; its bits.
  bool is_const(Value v, u64* bits = nullptr) const {
    if (inst(v).op != Op::Const) return false;
    if (bits != nullptr) *bits = inst(v).imm;
    return true;
  }

  void insn(u32 word, u32 word_index) { emit({.op = Op::Insn, .imm = insn_marker(word, word_index)}); }

  // State. get_x, set_x take 0..30, or 31 for SP; XZR is the frontend's business.
  Value get_x(Type t, unsigned n) { return emit({.op = Op::GetX, .type = t, .aux = static_cast<u8>(n)}); }
  void set_x(unsigned n, Value v) {
    emit({.op = Op::SetX, .type = type(v), .aux = static_cast<u8>(n), .args = args(v)});
  }
  Value get_v(unsigned n) { return emit({.op = Op::GetV, .type = Type::V128, .aux = static_cast<u8>(n)}); }
  void set_v(unsigned n, Value v) {
    emit({.op = Op::SetV, .type = Type::V128, .aux = static_cast<u8>(n), .args = args(v)});
  }
  Value get_f(Type t, unsigned n) { return emit({.op = Op::GetF, .type = t, .aux = static_cast<u8>(n)}); }
  void set_f(unsigned n, Value v) {
    emit({.op = Op::SetF, .type = type(v), .aux = static_cast<u8>(n), .args = args(v)});
  }
  Value get_nzcv() { return emit({.op = Op::GetNzcv, .type = Type::I32}); }
  void set_nzcv(Value v) { emit({.op = Op::SetNzcv, .type = Type::I32, .args = args(v)}); }
  Value pc_page() { return emit({.op = Op::PcPage, .type = Type::I64}); }
  Value load_state(Type t, usize offset) { return emit({.op = Op::LoadState, .type = t, .imm = offset}); }
  void store_state(usize offset, Value v) {
    emit({.op = Op::StoreState, .type = type(v), .args = args(v), .imm = offset});
  }

  // Ops whose T is the type of the first operand; imm and aux as ops.def says for the op.
  Value unary(Op op, Value a, u64 imm = 0, u8 aux = 0) {
    return emit({.op = op, .type = type(a), .aux = aux, .args = args(a), .imm = imm});
  }
  Value binary(Op op, Value a, Value b, u64 imm = 0, u8 aux = 0) {
    return emit({.op = op, .type = type(a), .aux = aux, .args = args(a, b), .imm = imm});
  }
  Value ternary(Op op, Value a, Value b, Value c, u64 imm = 0) {
    return emit({.op = op, .type = type(a), .args = args(a, b, c), .imm = imm});
  }

  Value add(Value a, Value b) { return binary(Op::Add, a, b); }
  Value sub(Value a, Value b) { return binary(Op::Sub, a, b); }
  Value mul(Value a, Value b) { return binary(Op::Mul, a, b); }
  Value and_(Value a, Value b) { return binary(Op::And, a, b); }
  Value or_(Value a, Value b) { return binary(Op::Or, a, b); }
  Value xor_(Value a, Value b) { return binary(Op::Xor, a, b); }
  Value not_(Value a) { return unary(Op::Not, a); }
  Value neg(Value a) { return unary(Op::Neg, a); }
  Value shl(Value a, Value b) { return binary(Op::Shl, a, b); }
  Value shr(Value a, Value b) { return binary(Op::Shr, a, b); }
  Value sar(Value a, Value b) { return binary(Op::Sar, a, b); }
  Value ror(Value a, Value b) { return binary(Op::Ror, a, b); }
  Value add_imm(Value a, u64 n) { return add(a, constant(type(a), n)); }
  Value and_imm(Value a, u64 n) { return and_(a, constant(type(a), n)); }
  Value shl_imm(Value a, unsigned n) { return shl(a, constant(type(a), n)); }
  Value shr_imm(Value a, unsigned n) { return shr(a, constant(type(a), n)); }
  Value sar_imm(Value a, unsigned n) { return sar(a, constant(type(a), n)); }
  Value sext(Value a, unsigned from_bits) { return unary(Op::Sext, a, from_bits); }
  Value zext(Value a, unsigned from_bits) { return unary(Op::Zext, a, from_bits); }
  Value trunc(Value a) {
    return type(a) == Type::I32 ? a : emit({.op = Op::Trunc, .type = Type::I32, .args = args(a)});
  }
  Value zext_w(Value a) {
    return type(a) == Type::I64 ? a : emit({.op = Op::ZextW, .type = Type::I64, .args = args(a)});
  }
  Value sext_w(Value a) {
    return type(a) == Type::I64 ? a : emit({.op = Op::SextW, .type = Type::I64, .args = args(a)});
  }
  Value cmp(CmpKind kind, Value a, Value b) { return binary(Op::Cmp, a, b, 0, static_cast<u8>(kind)); }
  Value select(Value cond, Value a, Value b) {
    return emit({.op = Op::Select, .type = type(a), .args = args(cond, a, b)});
  }

  // Flag ops (AddNzcv ... LogicNzcv, FCmp, FCmpE) and Adc, Sbc.
  Value flags(Op op, Value a, Value b = kNoValue, Value nzcv = kNoValue) {
    return emit({.op = op, .type = type(a), .args = args(a, b, nzcv)});
  }
  Value cond_holds(unsigned cond, Value nzcv) {
    return emit({.op = Op::CondHolds, .type = Type::I32, .aux = static_cast<u8>(cond), .args = args(nzcv)});
  }

  // Memory.
  Value load(Type t, Value address, MemInfo m) {
    return emit({.op = Op::Load, .type = t, .args = args(address), .imm = m.encode()});
  }
  void store(Value address, Value v, MemInfo m) {
    m.write = true;
    emit({.op = Op::Store, .type = type(v), .args = args(address, v), .imm = m.encode()});
  }
  // The element at the lower address; the other is second(result).
  Value load_pair(Type t, Value address, MemInfo m) {
    m.pair = true;
    return emit({.op = Op::LoadPair, .type = t, .args = args(address), .imm = m.encode()});
  }
  Value second(Value pair) { return unary(Op::Second, pair); }
  void store_pair(Value address, Value a, Value b, MemInfo m) {
    m.pair = m.write = true;
    emit({.op = Op::StorePair, .type = type(a), .args = args(address, a, b), .imm = m.encode()});
  }
  void fence(FenceKind kind) { emit({.op = Op::Fence, .aux = static_cast<u8>(kind)}); }

  // Vectors: every op of type V128 with lane, imm, aux as ops.def says.
  Value vec(Op op, unsigned lane, Value a, Value b = kNoValue, Value c = kNoValue, u64 imm = 0, u8 aux = 0) {
    return emit(
        {.op = op, .type = Type::V128, .lane = static_cast<u8>(lane), .aux = aux, .args = args(a, b, c), .imm = imm});
  }
  Value vextract(unsigned lane, Value v, unsigned index) {
    return emit({.op = Op::VExtract, .type = Type::I64, .lane = static_cast<u8>(lane), .args = args(v), .imm = index});
  }
  Value zero_upper(Value v) { return unary(Op::VZeroUpper, v); }

  // Conversions: FCvt, FToS, FToU, SToF, UToF, FBits, FFromBits, VFromF, VToF.
  Value convert(Op op, Type to, Value a, u8 aux = 0) {
    return emit({.op = op, .type = to, .from = type(a), .aux = aux, .args = args(a)});
  }

  // helper = cpu::Helper; result None for those that return nothing.
  Value call(u32 helper, Type result, Value a = kNoValue, Value b = kNoValue, Value c = kNoValue, Value d = kNoValue) {
    return emit({.op = Op::Call, .type = result, .args = args(a, b, c, d), .imm = helper});
  }
  // cond != 0 ? helper(a, b, aux) : otherwise; a pure helper.
  Value call_if(u32 helper, Value cond, Value otherwise, Value a, Value b, unsigned aux) {
    return emit({.op = Op::CallIf,
                 .type = Type::I64,
                 .aux = static_cast<u8>(aux),
                 .args = args(cond, otherwise, a, b),
                 .imm = helper});
  }

  // Exits.
  void exit_next(i64 offset) { emit({.op = Op::ExitNext, .imm = static_cast<u64>(offset)}); }
  void exit_attentive(i64 offset) { emit({.op = Op::ExitNext, .aux = 1, .imm = static_cast<u64>(offset)}); }
  void exit_if(Value cond, i32 taken, i32 not_taken) {
    emit({.op = Op::ExitIf, .args = args(cond), .imm = exit_offsets(taken, not_taken)});
  }
  void exit_call(i32 target, i32 ret) { emit({.op = Op::ExitCall, .imm = exit_offsets(target, ret)}); }
  void exit_indirect(IndirectKind kind, Value target, i64 ret = 0, unsigned btype = 0) {
    emit({.op = Op::ExitIndirect,
          .type = Type::I64,
          .aux = indirect_aux(kind, btype),
          .args = args(target),
          .imm = static_cast<u64>(ret)});
  }
  void exit_exception(u32 esr, bool return_to_next) {
    emit({.op = Op::ExitException, .aux = static_cast<u8>(return_to_next ? 1 : 0), .imm = esr});
  }
  void exit_dispatch(i64 offset, DispatchReason reason) {
    emit({.op = Op::ExitDispatch, .aux = static_cast<u8>(reason), .imm = static_cast<u64>(offset)});
  }
  void exit_pc() { emit({.op = Op::ExitPc}); }

 private:
  Block& block_;
};

}  // namespace ferry::ir
