// Lowering of floating point to the host's own instructions, where they can be proved equal to Arm's: an x86-64 host,
// FPCR all zero. The contract is the baseline's (jit/abi.h): MXCSR's sticky flags stand for FPSR's until they are
// folded; NaN results (default NaN, choice of NaN) and results equal to the smallest normal (the host tests tininess
// after rounding) go to the exact functions, out of line; no host instruction here raises a flag that Arm would not.
//
// LLVM sees constrained intrinsics with strict exceptions: it neither moves, merges nor removes them, and compiles each
// to one instruction. Comparisons in checks are constrained too: one that moved could raise a flag too many.
#include <llvm/IR/IntrinsicInst.h>

#include "cpu/nzcv.h"
#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::FpRound;
using ir::Inst;
using ir::Op;
using ir::Type;
using ir::Value;
namespace In = llvm::Intrinsic;
using Cmp = llvm::CmpInst;

namespace {

constexpr u32 kMinNormal32 = 0x00800000;
constexpr u64 kMinNormal64 = 0x0010000000000000;

// To integral; the host's instruction of each suppresses the inexact flag but rint's. 0: no such rounding.
In::ID round_intrinsic(u8 round) {
  switch (static_cast<FpRound>(round)) {
    case FpRound::TieEven: return In::experimental_constrained_roundeven;
    case FpRound::PlusInf: return In::experimental_constrained_ceil;
    case FpRound::MinusInf: return In::experimental_constrained_floor;
    case FpRound::Zero: return In::experimental_constrained_trunc;
    case FpRound::Current: return In::experimental_constrained_nearbyint;
    case FpRound::CurrentExact: return In::experimental_constrained_rint;
    case FpRound::TieAway: break;
  }
  return In::not_intrinsic;
}

}  // namespace

bool Lowering::native_fp() const { return options_.host_has_fma && mode_.fpcr() == 0; }

// From here on the builder's FP instructions are constrained.
void Lowering::begin_fp() {
  function_->addFnAttr(llvm::Attribute::StrictFP);
  b_.setIsFPConstrained(true);
  b_.setDefaultConstrainedExcept(llvm::fp::ebStrict);
  b_.setDefaultConstrainedRounding(llvm::RoundingMode::NearestTiesToEven);
}

Lowering::V Lowering::fp_call(In::ID id, std::initializer_list<V> args) {
  const bool rounds = id != In::experimental_constrained_ceil && id != In::experimental_constrained_floor &&
                      id != In::experimental_constrained_trunc && id != In::experimental_constrained_roundeven;
  llvm::Function* f = llvm::Intrinsic::getDeclaration(&module_, id, {(*args.begin())->getType()});
  std::vector<V> all(args);
  const auto word = [&](const char* text) {
    return llvm::MetadataAsValue::get(context_, llvm::MDString::get(context_, text));
  };
  if (rounds) all.push_back(word("round.tonearest"));
  all.push_back(word("fpexcept.strict"));
  llvm::CallInst* call = b_.CreateCall(f, all);
  call->addFnAttr(llvm::Attribute::StrictFP);
  return call;
}

Lowering::V Lowering::fp_compare(unsigned predicate, V a, V b, bool signals) {
  const auto p = static_cast<Cmp::Predicate>(predicate);
  return signals ? b_.CreateFCmpS(p, a, b) : b_.CreateFCmp(p, a, b);
}

// An i1: some lane of a condition holds.
Lowering::V Lowering::any(V condition) {
  llvm::Type* t = condition->getType();
  if (!t->isVectorTy()) return condition;
  const unsigned n = llvm::cast<llvm::FixedVectorType>(t)->getNumElements();
  return b_.CreateICmpNE(b_.CreateBitCast(condition, b_.getIntNTy(n)), llvm::ConstantInt::get(b_.getIntNTy(n), 0));
}

// An i1: the result is NaN, or (tiny) may have been tiny before rounding.
Lowering::V Lowering::needs_exact(V r, bool tiny) {
  return any(tiny ? nan_or_least(r) : fp_compare(Cmp::FCMP_UNO, r, r, false));
}

// Lane by lane: NaN, or of the smallest normal number's size.
Lowering::V Lowering::nan_or_least(V r) {
  llvm::Type* t = r->getType();
  llvm::Type* scalar = t->getScalarType();
  llvm::Constant* least = llvm::ConstantFP::get(
      context_, scalar->isFloatTy() ? llvm::APFloat(llvm::APFloat::IEEEsingle(), llvm::APInt(32, kMinNormal32))
                                    : llvm::APFloat(llvm::APFloat::IEEEdouble(), llvm::APInt(64, kMinNormal64)));
  if (auto* v = llvm::dyn_cast<llvm::FixedVectorType>(t))
    least = llvm::ConstantVector::getSplat(v->getElementCount(), least);
  return fp_compare(Cmp::FCMP_UEQ, b_.CreateUnaryIntrinsic(In::fabs, r), least, false);
}

// `fast` unless `rare` holds (nullptr: never): then the op's exact function.
Lowering::V Lowering::or_exact(const Inst& d, V rare, V fast) {
  if (rare == nullptr) return fast;
  return or_exact(d, rare, [fast] { return fast; });
}

template <class F>
Lowering::V Lowering::or_exact(const Inst& d, V rare, F make_fast) {
  llvm::BasicBlock* exact = unlikely(b_.CreateNot(rare), "exact");
  V fast = make_fast();
  llvm::BasicBlock* fast_end = b_.GetInsertBlock();
  llvm::BasicBlock* join = new_block("");
  b_.CreateBr(join);
  b_.SetInsertPoint(exact);
  V slow = evaluate(d);
  if (slow->getType() != fast->getType()) slow = b_.CreateBitCast(slow, fast->getType());
  llvm::BasicBlock* slow_end = b_.GetInsertBlock();
  b_.CreateBr(join);
  b_.SetInsertPoint(join);
  llvm::PHINode* phi = b_.CreatePHI(fast->getType(), 2);
  phi->addIncoming(fast, fast_end);
  phi->addIncoming(slow, slow_end);
  return phi;
}

// Add, subtract, multiply, divide, square root, fused multiply-add, of scalars or vectors; nullptr: another op. tiny:
// whether the result can have been tiny before rounding.
Lowering::V Lowering::arithmetic(Op op, V a, V b, V c, bool& tiny) {
  tiny = false;
  switch (op) {
    case Op::FAdd:
    case Op::VFAdd: return fp_call(In::experimental_constrained_fadd, {a, b});
    case Op::FSub:
    case Op::VFSub: return fp_call(In::experimental_constrained_fsub, {a, b});
    case Op::FSqrt:
    case Op::VFSqrt: return fp_call(In::experimental_constrained_sqrt, {a});
    default: break;
  }
  tiny = true;
  switch (op) {
    case Op::FMul:
    case Op::FNMul:
    case Op::VFMul: return fp_call(In::experimental_constrained_fmul, {a, b});
    case Op::FDiv:
    case Op::VFDiv: return fp_call(In::experimental_constrained_fdiv, {a, b});
    case Op::FMadd:
    case Op::VFMla: return fp_call(In::experimental_constrained_fma, {b, c, a});
    default: return nullptr;
  }
}

// Equal operands are the same bits, or zeroes of either sign: AND is the larger, OR the smaller.
Lowering::V Lowering::max_min(Op op, V a, V b, V& rare) {
  const bool is_max = op == Op::FMax || op == Op::FMaxNm || op == Op::VFMax || op == Op::VFMaxNm;
  rare = any(fp_compare(Cmp::FCMP_UNO, a, b, false));
  llvm::Type* t = a->getType();
  llvm::Type* bits = t->isVectorTy() ? type(Type::V128) : b_.getIntNTy(t->getScalarSizeInBits());
  V x = b_.CreateBitCast(a, bits), y = b_.CreateBitCast(b, bits);
  V same = b_.CreateBitCast(is_max ? b_.CreateAnd(x, y) : b_.CreateOr(x, y), t);
  V greater = fp_compare(Cmp::FCMP_OGT, a, b, false), less = fp_compare(Cmp::FCMP_OLT, a, b, false);
  return b_.CreateSelect(greater, is_max ? a : b, b_.CreateSelect(less, is_max ? b : a, same));
}

// nullptr: the exact function.
Lowering::V Lowering::floating(const Inst& d) {
  if (!native_fp()) return nullptr;
  begin_fp();
  V a = arg(d, 0), b = d.arg_count() > 1 ? arg(d, 1) : nullptr, c = d.arg_count() > 2 ? arg(d, 2) : nullptr;
  if (!ir::is_float(arg_type(d, 0)) && arg_type(d, 0) != Type::V128) return int_to_float(d);
  if (arg_type(d, 0) == Type::V128) return floating_vector(d);
  bool tiny = false;
  if (V r = arithmetic(d.op, a, b, c, tiny)) {
    put_off(d, r, tiny);
    return d.op == Op::FNMul ? b_.CreateFNeg(r) : r;
  }
  switch (d.op) {
    case Op::FMax:
    case Op::FMin:
    case Op::FMaxNm:
    case Op::FMinNm: {
      V rare = nullptr;
      V r = max_min(d.op, a, b, rare);
      return or_exact(d, rare, r);
    }
    case Op::FCvt: {
      V r = d.type == Type::F64 ? b_.CreateFPExt(a, type(d.type)) : b_.CreateFPTrunc(a, type(d.type));
      return or_exact(d, needs_exact(r, d.type == Type::F32), r);
    }
    case Op::FRound: {
      const In::ID id = round_intrinsic(d.aux);
      if (id == In::not_intrinsic) return nullptr;
      V r = fp_call(id, {a});
      return or_exact(d, needs_exact(r, false), r);
    }
    case Op::FCmp:
    case Op::FCmpE: return compare_flags(a, b, d.op == Op::FCmpE);
    case Op::FToS:
    case Op::FToU: return float_to_int(d);
    default: return nullptr;
  }
}

// FCMP, FCMPE: greater C; equal Z and C; less N; unordered C and V.
Lowering::V Lowering::compare_flags(V a, V b, bool signals) {
  V unordered = fp_compare(Cmp::FCMP_UNO, a, b, signals);
  V less = fp_compare(Cmp::FCMP_OLT, a, b, false), equal = fp_compare(Cmp::FCMP_OEQ, a, b, false);
  V flags = i32c(cpu::make_nzcv(false, false, true, false));
  flags = b_.CreateSelect(equal, i32c(cpu::make_nzcv(false, true, true, false)), flags);
  flags = b_.CreateSelect(less, i32c(cpu::make_nzcv(true, false, false, false)), flags);
  return b_.CreateSelect(unordered, i32c(cpu::make_nzcv(false, false, true, true)), flags);
}

// A condition of flags that FCMP made, compared once more; quiet, and what it raises has been raised.
Lowering::V Lowering::condition_of_compare(unsigned cond, V a, V b) {
  static constexpr Cmp::Predicate kPredicates[] = {Cmp::FCMP_OEQ, Cmp::FCMP_UGE, Cmp::FCMP_OLT, Cmp::FCMP_UNO,
                                                   Cmp::FCMP_UGT, Cmp::FCMP_OGE, Cmp::FCMP_OGT};
  return fp_compare(kPredicates[cond / 2], a, b, false);
}

Lowering::V Lowering::int_to_float(const Inst& d) {
  V a = arg(d, 0);
  V wide = d.op == Op::UToF && d.from == Type::I32 ? b_.CreateZExt(a, b_.getInt64Ty()) : a;
  const auto convert = [&] { return b_.CreateSIToFP(wide, type(d.type)); };
  if (d.op == Op::SToF || d.from == Type::I32) return convert();
  return or_exact(d, b_.CreateICmpSLT(a, i64c(0)), convert);
}

// Rounded to integral first, then converted, which is exact; a rounding that keeps silent is told by a conversion of
// the operand itself. What is not clearly in range goes to the exact function before anything is converted.
Lowering::V Lowering::float_to_int(const Inst& d) {
  const auto round = static_cast<FpRound>(d.aux);
  if (round == FpRound::TieAway) return nullptr;
  V a = arg(d, 0);
  const bool is_signed = d.op == Op::FToS;
  const unsigned bits = ir::width(d.type) - (is_signed || d.type == Type::I64 ? 1 : 0);
  const auto constant = [&](double n) { return llvm::ConstantFP::get(a->getType(), n); };
  const double limit = bits == 63 ? 0x1p63 : bits == 31 ? 0x1p31 : 0x1p32;
  V in_range = nullptr;
  if (is_signed) {
    // Half a unit less than the limit still rounds into it, or is slow needlessly.
    in_range = fp_compare(Cmp::FCMP_OLT, b_.CreateUnaryIntrinsic(In::fabs, a), constant(limit), false);
  } else {
    in_range = b_.CreateAnd(fp_compare(Cmp::FCMP_OGE, a, constant(0), false),
                            fp_compare(Cmp::FCMP_OLT, a, constant(limit), false));
  }
  if (round != FpRound::Zero && bits < 63)  // rounding up must stay in range
    in_range = b_.CreateAnd(in_range, fp_compare(Cmp::FCMP_OLE, a, constant(limit - 1), false));
  return or_exact(d, b_.CreateNot(in_range), [&] {
    // An unsigned result of 32 bits, and every unsigned one below 2^63, is a signed one of 64.
    llvm::Type* t = is_signed ? type(d.type) : b_.getInt64Ty();
    V direct = b_.CreateFPToSI(a, t);  // towards zero; raises inexact
    V r = round == FpRound::Zero ? direct : b_.CreateFPToSI(fp_call(round_intrinsic(d.aux), {a}), t);
    return b_.CreateTrunc(r, type(d.type));
  });
}

namespace {

llvm::Type* lanes_type(llvm::IRBuilder<>& b, unsigned lane) {
  return lane == 3 ? llvm::FixedVectorType::get(b.getDoubleTy(), 2) : llvm::FixedVectorType::get(b.getFloatTy(), 4);
}

}  // namespace

// Lanes that do not take part (vectors of 64 bits, and scalars by vector ops) are made harmless, and zero in the
// result.
Lowering::V Lowering::floating_vector(const Inst& d) {
  if (d.lane != 2 && d.lane != 3) return nullptr;
  llvm::Type* t = lanes_type(b_, d.lane);
  const unsigned count = 16u >> d.lane, active = static_cast<unsigned>(d.imm);
  std::vector<int> indices(count);
  for (unsigned i = 0; i < count; ++i) indices[i] = static_cast<int>(i < active ? i : count + i);
  const auto masked = [&](V whole, double filler) {
    V others = llvm::ConstantFP::get(t, filler);
    V lanes = b_.CreateBitCast(whole, t);
    return active == count ? lanes : b_.CreateShuffleVector(lanes, others, indices);
  };
  V args[3] = {};
  for (unsigned n = 0; n < d.arg_count(); ++n) args[n] = masked(arg(d, n), d.op == Op::VFDiv && n == 1 ? 1 : 0);
  const auto finish = [&](V r) { return as_v128(masked(r, 0)); };
  V a = args[0], b = args[1];
  bool tiny = false;
  if (V r = arithmetic(d.op, a, b, args[2], tiny)) {
    put_off(d, r, tiny);
    return finish(r);
  }
  llvm::Type* ints = llvm::FixedVectorType::get(b_.getIntNTy(8u << d.lane), 16u >> d.lane);
  switch (d.op) {
    case Op::VFMax:
    case Op::VFMin:
    case Op::VFMaxNm:
    case Op::VFMinNm: {
      V rare = nullptr;
      V r = max_min(d.op, a, b, rare);
      return or_exact(d, rare, finish(r));
    }
    case Op::VFCmpEq: return finish(b_.CreateSExt(fp_compare(Cmp::FCMP_OEQ, a, b, false), ints));
    case Op::VFCmpGe: return finish(b_.CreateSExt(fp_compare(Cmp::FCMP_OGE, a, b, true), ints));
    case Op::VFCmpGt: return finish(b_.CreateSExt(fp_compare(Cmp::FCMP_OGT, a, b, true), ints));
    case Op::VFRound: {
      const In::ID id = round_intrinsic(d.aux);
      if (id == In::not_intrinsic) return nullptr;
      V r = fp_call(id, {a});
      return or_exact(d, needs_exact(r, false), finish(r));
    }
    case Op::VSToF: {
      if (d.lane == 2) return finish(b_.CreateSIToFP(b_.CreateBitCast(args[0], ints), t));
      V r = llvm::Constant::getNullValue(t);
      for (u64 i = 0; i < d.imm; ++i)
        r = b_.CreateInsertElement(r, b_.CreateSIToFP(b_.CreateExtractElement(arg(d, 0), i), b_.getDoubleTy()), i);
      return finish(r);
    }
    case Op::VFToS: {
      if (d.lane != 2 || static_cast<FpRound>(d.aux) != FpRound::Zero) return nullptr;
      V limit = llvm::ConstantFP::get(t, 0x1p31);
      V outside = any(fp_compare(Cmp::FCMP_UGE, b_.CreateUnaryIntrinsic(In::fabs, a), limit, false));
      return or_exact(d, outside, [&] { return finish(b_.CreateFPToSI(a, ints)); });
    }
    default: return nullptr;
  }
}

}  // namespace ferry::jit::optimizing
