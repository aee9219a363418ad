// Lowering of integer ops, flags and conditions. ir/eval.cpp is their meaning.
#include "cpu/nzcv.h"
#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::Op;
using ir::Type;
using ir::Value;
using llvm::Intrinsic::ID;
namespace In = llvm::Intrinsic;

Lowering::V Lowering::reverse_bytes(V a, unsigned container_bits) {
  const unsigned w = a->getType()->getIntegerBitWidth();
  if (container_bits == w) return b_.CreateUnaryIntrinsic(In::bswap, a);
  llvm::Type* lanes = llvm::FixedVectorType::get(b_.getIntNTy(container_bits), w / container_bits);
  return b_.CreateBitCast(b_.CreateUnaryIntrinsic(In::bswap, b_.CreateBitCast(a, lanes)), a->getType());
}

// x / 0 = 0, MIN / -1 = MIN: the divisor is made harmless first.
Lowering::V Lowering::divide(const Inst& d, bool is_signed) {
  V a = arg(d, 0), b = arg(d, 1);
  llvm::Type* t = a->getType();
  V zero = llvm::ConstantInt::get(t, 0), one = llvm::ConstantInt::get(t, 1);
  V by_zero = b_.CreateICmpEQ(b, zero);
  if (!is_signed) return b_.CreateSelect(by_zero, zero, b_.CreateUDiv(a, b_.CreateSelect(by_zero, one, b)));
  V by_minus_one = b_.CreateICmpEQ(b, llvm::Constant::getAllOnesValue(t));
  V quotient = b_.CreateSDiv(a, b_.CreateSelect(b_.CreateOr(by_zero, by_minus_one), one, b));
  return b_.CreateSelect(by_zero, zero, b_.CreateSelect(by_minus_one, b_.CreateNeg(a), quotient));
}

// nullptr: not a scalar op.
Lowering::V Lowering::scalar(const Inst& d) {
  V a = arg_if_any(d, 0), b = arg_if_any(d, 1);
  llvm::Type* t = type(d.type);
  const unsigned w = ir::width(d.type);
  const auto amount = [&] { return b_.CreateAnd(b, llvm::ConstantInt::get(t, w - 1)); };
  switch (d.op) {
    case Op::Const: {
      llvm::Constant* bits = llvm::ConstantInt::get(b_.getIntNTy(w), d.imm & low_mask(w));
      return ir::is_float(d.type) ? llvm::ConstantExpr::getBitCast(bits, t) : bits;
    }
    case Op::Add: return b_.CreateAdd(a, b);
    case Op::Sub: return b_.CreateSub(a, b);
    case Op::Mul: return b_.CreateMul(a, b);
    case Op::UMulH:
    case Op::SMulH: {
      const bool s = d.op == Op::SMulH;
      llvm::Type* wide = b_.getInt128Ty();
      V product = b_.CreateMul(b_.CreateIntCast(a, wide, s), b_.CreateIntCast(b, wide, s));
      return b_.CreateTrunc(b_.CreateLShr(product, 64), t);
    }
    case Op::UDiv: return divide(d, false);
    case Op::SDiv: return divide(d, true);
    case Op::And: return b_.CreateAnd(a, b);
    case Op::Or: return b_.CreateOr(a, b);
    case Op::Xor: return b_.CreateXor(a, b);
    case Op::AndNot: return b_.CreateAnd(a, b_.CreateNot(b));
    case Op::OrNot: return b_.CreateOr(a, b_.CreateNot(b));
    case Op::Not: return b_.CreateNot(a);
    case Op::Neg: return b_.CreateNeg(a);
    case Op::Shl: return b_.CreateShl(a, amount());
    case Op::Shr: return b_.CreateLShr(a, amount());
    case Op::Sar: return b_.CreateAShr(a, amount());
    case Op::Ror: return b_.CreateIntrinsic(In::fshr, {t}, {a, a, b});
    case Op::Extr: return b_.CreateIntrinsic(In::fshr, {t}, {a, b, llvm::ConstantInt::get(t, d.imm)});
    case Op::Clz: return b_.CreateBinaryIntrinsic(In::ctlz, a, b_.getFalse());
    case Op::Cls: {
      V changes = b_.CreateAnd(b_.CreateXor(a, b_.CreateLShr(a, 1)), llvm::ConstantInt::get(t, low_mask(w) >> 1));
      return b_.CreateSub(b_.CreateBinaryIntrinsic(In::ctlz, changes, b_.getFalse()), llvm::ConstantInt::get(t, 1));
    }
    case Op::Rbit: return b_.CreateUnaryIntrinsic(In::bitreverse, a);
    case Op::Rev: return reverse_bytes(a, w);
    case Op::Rev16: return reverse_bytes(a, 16);
    case Op::Rev32: return reverse_bytes(a, 32);
    case Op::Sext: return b_.CreateAShr(b_.CreateShl(a, w - d.imm), w - d.imm);
    case Op::Zext: return b_.CreateAnd(a, llvm::ConstantInt::get(t, low_mask(static_cast<unsigned>(d.imm))));
    case Op::Trunc: return b_.CreateTrunc(a, b_.getInt32Ty());
    case Op::ZextW: return b_.CreateZExt(a, b_.getInt64Ty());
    case Op::SextW: return b_.CreateSExt(a, b_.getInt64Ty());
    case Op::Select: return b_.CreateSelect(b_.CreateICmpNE(a, i32c(0)), b, arg(d, 2));
    case Op::FNeg: return b_.CreateFNeg(a);
    case Op::FAbs: return b_.CreateUnaryIntrinsic(In::fabs, a);
    case Op::FBits:
    case Op::FFromBits: return b_.CreateBitCast(a, t);
    default: return flags_op(d);
  }
}

Lowering::V Lowering::pack_flags(V sum, V carry, V overflow) {
  const auto place = [&](V flag, unsigned position) {
    V wide = b_.CreateZExt(flag, b_.getInt32Ty());
    return position == 0 ? wide : b_.CreateShl(wide, position);
  };
  V zero = llvm::ConstantInt::get(sum->getType(), 0);
  V packed =
      b_.CreateOr(place(b_.CreateICmpSLT(sum, zero), cpu::kNzcvN), place(b_.CreateICmpEQ(sum, zero), cpu::kNzcvZ));
  if (carry != nullptr) packed = b_.CreateOr(packed, place(carry, cpu::kNzcvC));
  if (overflow != nullptr) packed = b_.CreateOr(packed, place(overflow, cpu::kNzcvV));
  return packed;
}

// AddNzcv, SubNzcv, LogicNzcv.
Lowering::V Lowering::flags_of(Op op, V a, V b) {
  if (op == Op::LogicNzcv) return pack_flags(a, nullptr, nullptr);
  const bool add = op == Op::AddNzcv;
  V sum = add ? b_.CreateAdd(a, b) : b_.CreateSub(a, b);
  V carry = add ? b_.CreateICmpULT(sum, a) : b_.CreateICmpUGE(a, b);
  V signs = b_.CreateAnd(b_.CreateXor(a, add ? sum : b), b_.CreateXor(add ? b : a, sum));
  return pack_flags(sum, carry, b_.CreateICmpSLT(signs, llvm::ConstantInt::get(a->getType(), 0)));
}

Lowering::V Lowering::flags_op(const Inst& d) {
  static constexpr llvm::CmpInst::Predicate kCompare[] = {llvm::CmpInst::ICMP_EQ,  llvm::CmpInst::ICMP_NE,
                                                          llvm::CmpInst::ICMP_SLT, llvm::CmpInst::ICMP_SLE,
                                                          llvm::CmpInst::ICMP_ULT, llvm::CmpInst::ICMP_ULE};
  static constexpr struct {
    unsigned packed, arch;
  } kBits[] = {{cpu::kNzcvN, 31}, {cpu::kNzcvZ, 30}, {cpu::kNzcvC, 29}, {cpu::kNzcvV, 28}};
  V a = arg_if_any(d, 0), b = arg_if_any(d, 1);
  V zero = a->getType()->isIntegerTy() ? llvm::ConstantInt::get(a->getType(), 0) : nullptr;
  const auto negative = [&](V v) { return b_.CreateICmpSLT(v, zero); };
  switch (d.op) {
    case Op::Cmp: return b_.CreateZExt(b_.CreateICmp(kCompare[d.aux], a, b), b_.getInt32Ty());
    case Op::AddNzcv:
    case Op::SubNzcv:
    case Op::LogicNzcv: return flags_of(d.op, a, b);
    case Op::Adc:
    case Op::Sbc:
    case Op::AdcNzcv:
    case Op::SbcNzcv: {
      if (d.op == Op::Sbc || d.op == Op::SbcNzcv) b = b_.CreateNot(b);
      V carry_in = b_.CreateZExt(b_.CreateAnd(b_.CreateLShr(arg(d, 2), cpu::kNzcvC), 1), a->getType());
      V partial = b_.CreateAdd(a, b), sum = b_.CreateAdd(partial, carry_in);
      if (d.op == Op::Adc || d.op == Op::Sbc) return sum;
      V carry = b_.CreateOr(b_.CreateICmpULT(partial, a), b_.CreateICmpULT(sum, partial));
      return pack_flags(sum, carry, negative(b_.CreateAnd(b_.CreateXor(a, sum), b_.CreateXor(b, sum))));
    }
    case Op::CondHolds: return b_.CreateZExt(condition(d.aux, d.args[0]), b_.getInt32Ty());
    case Op::NzcvToArch:
    case Op::NzcvFromArch: {
      const bool to_arch = d.op == Op::NzcvToArch;
      V from = b_.CreateZExtOrTrunc(a, b_.getInt32Ty()), packed = i32c(0);
      for (const auto& f : kBits) {
        V flag = b_.CreateAnd(b_.CreateLShr(from, to_arch ? f.packed : f.arch), 1);
        packed = b_.CreateOr(packed, b_.CreateShl(flag, to_arch ? f.arch : f.packed));
      }
      return b_.CreateZExt(packed, type(to_arch ? Type::I64 : Type::I32));
    }
    default: return nullptr;
  }
}

// An i1. Flags whose operands are known are compared again: the packed form is then often dead.
Lowering::V Lowering::condition(unsigned cond, Value flags) {
  if (cond >= 14) return b_.getTrue();
  const Inst& d = inst(flags);
  KnownFlags known = known_flags_[flags];
  Op op = d.op;
  V a = arg_if_any(d, 0), b = arg_if_any(d, 1);
  if (op == Op::GetNzcv && known.kind != FlagKind::Packed) {
    const bool wide = known.kind == FlagKind::Sub64 || known.kind == FlagKind::Add64 || known.kind == FlagKind::Logic64;
    op = op_of(known.kind);
    a = b_.CreateTrunc(known.a, wide ? b_.getInt64Ty() : b_.getInt32Ty());
    b = b_.CreateTrunc(known.b, wide ? b_.getInt64Ty() : b_.getInt32Ty());
  }
  V r = nullptr;
  if (op == Op::SubNzcv) r = condition_of_sub(cond & ~1u, a, b);
  if (op == Op::LogicNzcv) r = condition_of_logic(cond & ~1u, a);
  if (op == Op::AddNzcv && (cond >> 1 == 0 || cond >> 1 == 2)) r = condition_of_logic(cond & ~1u, b_.CreateAdd(a, b));
  if ((op == Op::FCmp || op == Op::FCmpE) && native_fp()) r = condition_of_compare(cond & ~1u, a, b);
  if (r == nullptr) r = condition_of_packed(cond & ~1u, values_[flags]);
  return (cond & 1) != 0 ? b_.CreateNot(r) : r;
}

Lowering::V Lowering::condition_of_sub(unsigned cond, V a, V b) {
  switch (cond) {
    case 0: return b_.CreateICmpEQ(a, b);
    case 2: return b_.CreateICmpUGE(a, b);
    case 4: return b_.CreateICmpSLT(b_.CreateSub(a, b), llvm::ConstantInt::get(a->getType(), 0));
    case 6: return b_.CreateExtractValue(b_.CreateBinaryIntrinsic(In::ssub_with_overflow, a, b), 1);
    case 8: return b_.CreateICmpUGT(a, b);
    case 10: return b_.CreateICmpSGE(a, b);
    default: return b_.CreateICmpSGT(a, b);
  }
}

Lowering::V Lowering::condition_of_logic(unsigned cond, V a) {
  V zero = llvm::ConstantInt::get(a->getType(), 0);
  switch (cond) {
    case 0: return b_.CreateICmpEQ(a, zero);
    case 4: return b_.CreateICmpSLT(a, zero);
    case 10: return b_.CreateICmpSGE(a, zero);
    case 12: return b_.CreateICmpSGT(a, zero);
    default: return b_.getFalse();  // C and V are clear
  }
}

Lowering::V Lowering::condition_of_packed(unsigned cond, V flags) {
  const auto flag = [&](unsigned position) { return b_.CreateICmpNE(b_.CreateAnd(flags, 1u << position), i32c(0)); };
  switch (cond) {
    case 0: return flag(cpu::kNzcvZ);
    case 2: return flag(cpu::kNzcvC);
    case 4: return flag(cpu::kNzcvN);
    case 6: return flag(cpu::kNzcvV);
    case 8: return b_.CreateICmpEQ(b_.CreateAnd(flags, 1u << cpu::kNzcvC | 1u << cpu::kNzcvZ), i32c(1u << cpu::kNzcvC));
    default: break;
  }
  V same = b_.CreateICmpEQ(flag(cpu::kNzcvN), flag(cpu::kNzcvV));
  return cond == 10 ? same : b_.CreateAnd(same, b_.CreateNot(flag(cpu::kNzcvZ)));
}

}  // namespace ferry::jit::optimizing
