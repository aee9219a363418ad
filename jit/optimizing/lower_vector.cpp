// Lowering of vector ops without floating point. ir/eval_vector.cpp is their meaning.
#include <llvm/IR/IntrinsicsX86.h>

#include <algorithm>

#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::Op;
using ir::Type;
namespace In = llvm::Intrinsic;

Lowering::V Lowering::as_lanes(V v, unsigned lane) {
  return b_.CreateBitCast(v, llvm::FixedVectorType::get(b_.getIntNTy(8u << lane), 16u >> lane));
}

Lowering::V Lowering::as_v128(V v) { return b_.CreateBitCast(v, type(Type::V128)); }

Lowering::V Lowering::shuffle(V a, V b, unsigned lane, const std::vector<int>& indices) {
  return as_v128(b_.CreateShuffleVector(as_lanes(a, lane), as_lanes(b, lane), indices));
}

Lowering::V Lowering::permute(const Inst& d) {
  const int n = 16 >> d.lane, half = n / 2;
  std::vector<int> x(static_cast<usize>(n));
  for (int i = 0; i < n; ++i) {
    int& to = x[static_cast<usize>(i)];
    const int of_b = (i & 1) != 0 ? n : 0;
    switch (d.op) {
      case Op::VZip1: to = of_b + i / 2; break;
      case Op::VZip2: to = of_b + half + i / 2; break;
      case Op::VUzp1: to = 2 * i; break;
      case Op::VUzp2: to = 2 * i + 1; break;
      case Op::VTrn1: to = of_b != 0 ? n + i - 1 : i; break;
      case Op::VTrn2: to = of_b != 0 ? n + i : i + 1; break;
      default: UNREACHABLE("not a permutation");
    }
  }
  return shuffle(arg(d, 0), arg(d, 1), d.lane, x);
}

// USHL, SSHL: the signed low byte of each lane of b is the amount; to the right when negative.
Lowering::V Lowering::shift_by_register(const Inst& d, bool is_signed) {
  V a = as_lanes(arg(d, 0), d.lane), b = as_lanes(arg(d, 1), d.lane);
  const unsigned bits = 8u << d.lane;
  llvm::Type* t = a->getType();
  const auto splat = [&](u64 n) { return llvm::ConstantInt::get(t, n); };
  V left = bits == 8 ? b : b_.CreateAShr(b_.CreateShl(b, bits - 8), bits - 8);
  V right = b_.CreateNeg(left);
  V shifted_left = b_.CreateSelect(b_.CreateICmpULT(left, splat(bits)),
                                   b_.CreateShl(a, b_.CreateAnd(left, splat(bits - 1))), splat(0));
  V shifted_right = nullptr;
  if (is_signed)
    shifted_right = b_.CreateAShr(a, b_.CreateBinaryIntrinsic(In::umin, right, splat(bits - 1)));
  else
    shifted_right = b_.CreateSelect(b_.CreateICmpULT(right, splat(bits)),
                                    b_.CreateLShr(a, b_.CreateAnd(right, splat(bits - 1))), splat(0));
  return as_v128(b_.CreateSelect(b_.CreateICmpSGE(left, splat(0)), shifted_left, shifted_right));
}

Lowering::V Lowering::table_lookup(const Inst& d) {
  if (!options_.host_has_ssse3) return nullptr;
  V index = as_lanes(arg(d, 1), 0);
  V clamped = b_.CreateBinaryIntrinsic(
      In::uadd_sat, index, llvm::ConstantInt::get(index->getType(), 0x70));  // from 16 on the top bit is set
  return as_v128(b_.CreateIntrinsic(In::x86_ssse3_pshuf_b_128, {}, {as_lanes(arg(d, 0), 0), clamped}));
}

// nullptr: has no native form here.
Lowering::V Lowering::vector(const Inst& d) {
  const unsigned lane = d.lane, bits = 8u << lane, count = 16u >> lane;
  const unsigned imm = static_cast<unsigned>(d.imm);
  V va = arg_if_any(d, 0), vb = arg_if_any(d, 1);
  V zero = llvm::Constant::getNullValue(type(Type::V128));
  const auto a = [&] { return as_lanes(va, lane); };
  const auto b = [&] { return as_lanes(vb, lane); };
  const auto splat = [&](u64 n) {
    return llvm::ConstantInt::get(llvm::FixedVectorType::get(b_.getIntNTy(bits), count), n);
  };
  const auto mask = [&](llvm::CmpInst::Predicate p) {
    return as_v128(b_.CreateSExt(b_.CreateICmp(p, a(), b()), a()->getType()));
  };
  const auto both = [&](In::ID id) { return as_v128(b_.CreateBinaryIntrinsic(id, a(), b())); };
  const auto range = [](int from, int n) {
    std::vector<int> x(static_cast<usize>(n));
    for (int i = 0; i < n; ++i) x[static_cast<usize>(i)] = from + i;
    return x;
  };
  switch (d.op) {
    case Op::VConst: return llvm::ConstantInt::get(type(Type::V128), d.imm);
    case Op::VZeroUpper: return b_.CreateInsertElement(va, i64c(0), u64{1});
    case Op::VAnd: return b_.CreateAnd(va, vb);
    case Op::VOr: return b_.CreateOr(va, vb);
    case Op::VXor: return b_.CreateXor(va, vb);
    case Op::VAndNot: return b_.CreateAnd(va, b_.CreateNot(vb));
    case Op::VOrNot: return b_.CreateOr(va, b_.CreateNot(vb));
    case Op::VNot: return b_.CreateNot(va);
    case Op::VBsl: return b_.CreateOr(b_.CreateAnd(va, vb), b_.CreateAnd(b_.CreateNot(va), arg(d, 2)));
    case Op::VAdd: return as_v128(b_.CreateAdd(a(), b()));
    case Op::VSub: return as_v128(b_.CreateSub(a(), b()));
    case Op::VMul: return as_v128(b_.CreateMul(a(), b()));
    case Op::VNeg: return as_v128(b_.CreateNeg(a()));
    case Op::VAbs: return as_v128(b_.CreateBinaryIntrinsic(In::abs, a(), b_.getFalse()));
    case Op::VShl: return as_v128(b_.CreateShl(a(), splat(imm)));
    case Op::VUShr: return imm >= bits ? zero : as_v128(b_.CreateLShr(a(), splat(imm)));
    case Op::VSShr: return as_v128(b_.CreateAShr(a(), splat(std::min(imm, bits - 1))));
    case Op::VUShlReg: return shift_by_register(d, false);
    case Op::VSShlReg: return shift_by_register(d, true);
    case Op::VCmpEq: return mask(llvm::CmpInst::ICMP_EQ);
    case Op::VCmpGt: return mask(llvm::CmpInst::ICMP_SGT);
    case Op::VCmpGe: return mask(llvm::CmpInst::ICMP_SGE);
    case Op::VCmpHi: return mask(llvm::CmpInst::ICMP_UGT);
    case Op::VCmpHs: return mask(llvm::CmpInst::ICMP_UGE);
    case Op::VSMax: return both(In::smax);
    case Op::VSMin: return both(In::smin);
    case Op::VUMax: return both(In::umax);
    case Op::VUMin: return both(In::umin);
    case Op::VAddP: {
      std::vector<int> even(count), odd(count);
      for (unsigned i = 0; i < count; ++i) odd[i] = (even[i] = static_cast<int>(2 * i)) + 1;
      return as_v128(b_.CreateAdd(b_.CreateShuffleVector(a(), b(), even), b_.CreateShuffleVector(a(), b(), odd)));
    }
    case Op::VDup: return as_v128(b_.CreateVectorSplat(count, b_.CreateTrunc(va, b_.getIntNTy(bits))));
    case Op::VDupLane: return shuffle(va, va, lane, std::vector<int>(count, static_cast<int>(imm)));
    case Op::VInsert: return as_v128(b_.CreateInsertElement(a(), b_.CreateTrunc(vb, b_.getIntNTy(bits)), u64{imm}));
    case Op::VExtract: return b_.CreateZExt(b_.CreateExtractElement(a(), u64{imm}), b_.getInt64Ty());
    case Op::VExt: return shuffle(va, vb, 0, range(static_cast<int>(imm), 16));
    case Op::VZip1:
    case Op::VZip2:
    case Op::VUzp1:
    case Op::VUzp2:
    case Op::VTrn1:
    case Op::VTrn2: return permute(d);
    case Op::VRev: {
      const unsigned per = 1u << (imm - lane);
      std::vector<int> x(count);
      for (unsigned i = 0; i < count; ++i) x[i] = static_cast<int>(i / per * per + per - 1 - i % per);
      return shuffle(va, va, lane, x);
    }
    case Op::VNarrow: {
      V low = b_.CreateTrunc(as_lanes(va, lane + 1), llvm::FixedVectorType::get(b_.getIntNTy(bits), count / 2));
      return as_v128(
          b_.CreateShuffleVector(low, llvm::Constant::getNullValue(low->getType()), range(0, static_cast<int>(count))));
    }
    case Op::VSWiden:
    case Op::VUWiden: {
      V low = b_.CreateShuffleVector(a(), a(), range(0, static_cast<int>(count / 2)));
      return as_v128(
          b_.CreateIntCast(low, llvm::FixedVectorType::get(b_.getIntNTy(2 * bits), count / 2), d.op == Op::VSWiden));
    }
    case Op::VCnt: return as_v128(b_.CreateUnaryIntrinsic(In::ctpop, as_lanes(va, 0)));
    case Op::VFromPair: return b_.CreateInsertElement(b_.CreateInsertElement(zero, va, u64{0}), vb, u64{1});
    case Op::VFromF:
      return as_v128(b_.CreateInsertElement(
          llvm::Constant::getNullValue(llvm::FixedVectorType::get(va->getType(), d.from == Type::F32 ? 4 : 2)), va,
          u64{0}));
    case Op::VToF:
      return b_.CreateExtractElement(
          b_.CreateBitCast(va, llvm::FixedVectorType::get(type(d.type), d.type == Type::F32 ? 4 : 2)), u64{0});
    case Op::VTbl1: return table_lookup(d);
    case Op::VFNeg: return as_v128(b_.CreateXor(a(), splat(u64{1} << (bits - 1))));
    case Op::VFAbs: return as_v128(b_.CreateAnd(a(), splat(low_mask(bits) >> 1)));
    default: return nullptr;
  }
}

}  // namespace ferry::jit::optimizing
