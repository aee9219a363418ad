// Helpers that the host has instructions for: AES, carry-less products, SHA-1, SHA-256, CRC-32C. The same instructions
// as in the baseline.
#include <llvm/IR/IntrinsicsX86.h>

#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using cpu::Helper;
using ir::Inst;
using ir::Op;
namespace In = llvm::Intrinsic;

// The helper's result; nullptr: it is to be called.
Lowering::V Lowering::native_helper(const Inst& d) {
  const auto helper = static_cast<Helper>(d.imm);
  switch (helper) {
    case Helper::aese:
    case Helper::aesd:
    case Helper::aesmc:
    case Helper::aesimc: return options_.host_has_aes ? aes(d, helper) : nullptr;
    case Helper::simd_pmull64:
      if (!options_.host_has_pclmul) return nullptr;
      return b_.CreateIntrinsic(In::x86_pclmulqdq, {}, {arg(d, 0), arg(d, 1), b_.getInt8(0)});
    case Helper::crc32c: return options_.host_has_crc32 ? crc32c(d) : nullptr;
    case Helper::sha1c: return options_.host_has_sha ? sha1_rounds(d, 0) : nullptr;
    case Helper::sha1p: return options_.host_has_sha ? sha1_rounds(d, 1) : nullptr;
    case Helper::sha1m: return options_.host_has_sha ? sha1_rounds(d, 2) : nullptr;
    case Helper::sha256h: return options_.host_has_sha ? sha256_rounds(d, true) : nullptr;
    case Helper::sha256h2: return options_.host_has_sha ? sha256_rounds(d, false) : nullptr;
    case Helper::sha256su0:
    case Helper::sha256su1: return options_.host_has_sha ? sha256_schedule(d) : nullptr;
    default: return nullptr;
  }
}

Lowering::V Lowering::aes(const Inst& d, Helper helper) {
  V a = arg(d, 0), zero = llvm::Constant::getNullValue(a->getType());
  if (d.arg_count() == 2) a = b_.CreateXor(a, arg(d, 1));
  const auto round = [&](In::ID id, V x) { return b_.CreateIntrinsic(id, {}, {x, zero}); };
  switch (helper) {
    case Helper::aese: return round(In::x86_aesni_aesenclast, a);
    case Helper::aesd: return round(In::x86_aesni_aesdeclast, a);
    case Helper::aesmc:  // a whole round after half of its inverse leaves MixColumns
      return round(In::x86_aesni_aesenc, round(In::x86_aesni_aesdeclast, a));
    default: return b_.CreateIntrinsic(In::x86_aesni_aesimc, {}, {a});
  }
}

// CRC32CB, CRC32CH, CRC32CW, CRC32CX
Lowering::V Lowering::crc32c(const Inst& d) {
  if (inst(d.args[2]).op != Op::Const) return nullptr;
  V crc = b_.CreateZExtOrTrunc(arg(d, 0), b_.getInt32Ty()), data = arg(d, 1);
  const auto step = [&](In::ID id, llvm::Type* t) {
    return b_.CreateIntrinsic(id, {}, {crc, b_.CreateZExtOrTrunc(data, t)});
  };
  switch (inst(d.args[2]).imm) {
    case 1: return step(In::x86_sse42_crc32_32_8, b_.getInt8Ty());
    case 2: return step(In::x86_sse42_crc32_32_16, b_.getInt16Ty());
    case 4: return step(In::x86_sse42_crc32_32_32, b_.getInt32Ty());
    default: break;
  }
  crc = b_.CreateZExt(crc, b_.getInt64Ty());
  return b_.CreateTrunc(step(In::x86_sse42_crc32_64_64, b_.getInt64Ty()), b_.getInt32Ty());
}

// Four rounds. The host keeps A in the top word, takes E with the first schedule word, and adds the constant that Arm's
// schedule words already hold.
Lowering::V Lowering::sha1_rounds(const Inst& d, unsigned function) {
  static constexpr u32 kConstants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc};
  const std::vector<int> reversed = {3, 2, 1, 0};
  V a = as_lanes(shuffle(arg(d, 0), arg(d, 0), 2, reversed), 2);
  V e = b_.CreateInsertElement(llvm::Constant::getNullValue(a->getType()),
                               b_.CreateExtractElement(as_lanes(arg(d, 1), 2), u64{0}), u64{0});
  V words = b_.CreateSub(as_lanes(arg(d, 2), 2), b_.CreateVectorSplat(4, i32c(kConstants[function])));
  words = as_v128(b_.CreateAdd(words, e));
  words = as_lanes(shuffle(words, words, 2, reversed), 2);
  V r = as_v128(b_.CreateIntrinsic(In::x86_sha1rnds4, {}, {a, words, b_.getInt8(static_cast<u8>(function))}));
  return shuffle(r, r, 2, reversed);
}

// Four rounds. The host has ABEF and CDGH, A and C in the top words.
Lowering::V Lowering::sha256_rounds(const Inst& d, bool first_half) {
  const std::vector<int> reversed = {3, 2, 1, 0}, low = {0, 2}, high = {1, 3};
  V abcd = arg(d, first_half ? 0 : 1), efgh = arg(d, first_half ? 1 : 0), m = arg(d, 2);
  V dcba = shuffle(abcd, abcd, 2, reversed), hgfe = shuffle(efgh, efgh, 2, reversed);
  const auto rounds = [&](V x, V y, V w) {
    return as_v128(b_.CreateIntrinsic(In::x86_sha256rnds2, {}, {as_lanes(x, 2), as_lanes(y, 2), as_lanes(w, 2)}));
  };
  V cdgh = shuffle(hgfe, dcba, 3, low), abef = shuffle(hgfe, dcba, 3, high);
  V first = rounds(cdgh, abef, m);
  V second = rounds(abef, first, shuffle(m, m, 3, {1, 1}));
  V r = shuffle(first, second, 3, first_half ? high : low);
  return shuffle(r, r, 2, reversed);
}

// SHA256SU0, SHA256SU1
Lowering::V Lowering::sha256_schedule(const Inst& d) {
  V a = as_lanes(arg(d, 0), 2), b = arg(d, 1);
  if (d.arg_count() == 2) return as_v128(b_.CreateIntrinsic(In::x86_sha256msg1, {}, {a, as_lanes(b, 2)}));
  V m = arg(d, 2);
  V sum = b_.CreateAdd(as_lanes(shuffle(b, m, 2, {1, 2, 3, 4}), 2), a);
  return as_v128(b_.CreateIntrinsic(In::x86_sha256msg2, {}, {sum, as_lanes(m, 2)}));
}

}  // namespace ferry::jit::optimizing
