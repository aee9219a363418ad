// Lowering of exclusives, read-modify-writes and DC ZVA: an inline probe, an atomic instruction of LLVM's, and a slow
// path out of line. All of them are sequentially consistent, which on a TSO host is what a locked instruction is.
#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::MemInfo;
using ir::Op;
using ir::RmwKind;
using ir::Type;
using ir::Value;

namespace {

using llvm::AtomicOrdering;
using Rmw = llvm::AtomicRMWInst;

constexpr usize kMonitorHost = offsetof(cpu::CpuState, monitor_host),
                kMonitorSize = offsetof(cpu::CpuState, monitor_size),
                kMonitorValue = offsetof(cpu::CpuState, monitor_value);

Rmw::BinOp operation(RmwKind kind) {
  switch (kind) {
    case RmwKind::Swap: return Rmw::Xchg;
    case RmwKind::Add: return Rmw::Add;
    case RmwKind::Clr: return Rmw::And;
    case RmwKind::Eor: return Rmw::Xor;
    case RmwKind::Set: return Rmw::Or;
    case RmwKind::SMax: return Rmw::Max;
    case RmwKind::SMin: return Rmw::Min;
    case RmwKind::UMax: return Rmw::UMax;
    case RmwKind::UMin: return Rmw::UMin;
  }
  return Rmw::Xchg;
}

}  // namespace

bool Lowering::inline_atomic(const Inst& d) const {
  const MemInfo m = MemInfo::decode(d.imm);
  if (d.op == Op::ZeroBlock) return mode_.mmu() != 0;  // Device memory, as all is then, refuses it
  if (mode_.big_endian() != 0) return false;
  return m.bytes() < 16 || options_.host_has_cx16;
}

// Two elements in one value, the first in the low half.
Lowering::V Lowering::join_pair(V low, V high, unsigned element_bits) {
  llvm::Type* wide = b_.getIntNTy(2 * element_bits);
  low = b_.CreateZExt(b_.CreateTrunc(low, b_.getIntNTy(element_bits)), wide);
  high = b_.CreateZExt(b_.CreateTrunc(high, b_.getIntNTy(element_bits)), wide);
  return b_.CreateOr(low, b_.CreateShl(high, element_bits));
}

// The halves of the V128 operand of a CasPair, joined.
Lowering::V Lowering::pair_operand(V v, unsigned element_bits) {
  v = as_lanes(v, 3);
  return join_pair(b_.CreateExtractElement(v, u64{0}), b_.CreateExtractElement(v, u64{1}), element_bits);
}

// Compare and swap: the old value, and whether it stored.
Lowering::V Lowering::exchange(V p, V expected, V desired, V& stored) {
  const unsigned bytes = expected->getType()->getIntegerBitWidth() / 8;
  llvm::AtomicCmpXchgInst* x =
      b_.CreateAtomicCmpXchg(p, expected, desired, llvm::Align(bytes), AtomicOrdering::SequentiallyConsistent,
                             AtomicOrdering::SequentiallyConsistent);
  x->setVolatile(true);
  stored = b_.CreateExtractValue(x, 1);
  return b_.CreateExtractValue(x, 0);
}

void Lowering::load_exclusive(V p, const Inst& d, V out[2]) {
  const MemInfo m = MemInfo::decode(d.imm);
  store_state(b_.CreatePtrToInt(p, b_.getInt64Ty()), kMonitorHost);
  store_state(i32c(m.bytes()), kMonitorSize);
  if (!m.pair) {
    out[0] = load_guest(p, m, d.type);
    return store_state(b_.CreateZExt(out[0], b_.getInt64Ty()), kMonitorValue);
  }
  V whole = load_joined(p, m, d.type, out);
  store_state(whole, kMonitorValue);
}

// A pair as one access. Returns all of it.
Lowering::V Lowering::load_joined(V p, MemInfo m, Type t, V out[2]) {
  if (m.size_log2 == 3) {
    V whole = load_guest(p, {.size_log2 = 4}, Type::V128), lanes = as_lanes(whole, 3);
    for (unsigned n = 0; n < 2; ++n) out[n] = b_.CreateExtractElement(lanes, u64{n});
    return whole;
  }
  V whole = load_guest(p, {.size_log2 = 3}, Type::I64);
  out[0] = b_.CreateIntCast(b_.CreateTrunc(whole, b_.getInt32Ty()), type(t), m.sign);
  out[1] = b_.CreateIntCast(b_.CreateTrunc(b_.CreateLShr(whole, 32), b_.getInt32Ty()), type(t), m.sign);
  return whole;
}

void Lowering::store_joined(V p, MemInfo m, V first, V second) {
  if (m.size_log2 == 2) return store_guest(p, {.size_log2 = 3}, join_pair(first, second, 32));
  V lanes = llvm::PoisonValue::get(llvm::FixedVectorType::get(b_.getInt64Ty(), 2));
  lanes = b_.CreateInsertElement(b_.CreateInsertElement(lanes, first, u64{0}), second, u64{1});
  store_guest(p, {.size_log2 = 4}, as_v128(lanes));
}

// 0 when it stored, 1 when not.
Lowering::V Lowering::store_exclusive(V p, const Inst& d) {
  const MemInfo m = MemInfo::decode(d.imm);
  const unsigned bits = 8 * m.bytes();
  V same = b_.CreateICmpEQ(b_.CreatePtrToInt(p, b_.getInt64Ty()), load_state(b_.getInt64Ty(), kMonitorHost));
  same = b_.CreateAnd(same, b_.CreateICmpEQ(load_state(b_.getInt32Ty(), kMonitorSize), i32c(m.bytes())));
  llvm::BasicBlock* before = b_.GetInsertBlock();
  llvm::BasicBlock* held = new_block("held");
  llvm::BasicBlock* done = new_block("");
  b_.CreateCondBr(same, held, done);
  b_.SetInsertPoint(held);
  V desired = m.pair ? join_pair(arg(d, 1), arg(d, 2), bits / 2) : b_.CreateTrunc(arg(d, 1), b_.getIntNTy(bits));
  V expected = load_state(b_.getIntNTy(bits), kMonitorValue);
  V stored = nullptr;
  exchange(p, expected, desired, stored);
  V status = b_.CreateZExt(b_.CreateNot(stored), b_.getInt32Ty());
  llvm::BasicBlock* held_end = b_.GetInsertBlock();
  b_.CreateBr(done);
  b_.SetInsertPoint(done);
  llvm::PHINode* result = b_.CreatePHI(b_.getInt32Ty(), 2);
  result->addIncoming(i32c(1), before);
  result->addIncoming(status, held_end);
  store_state(i32c(0), kMonitorSize);
  return result;
}

Lowering::V Lowering::read_modify_write(V p, const Inst& d) {
  const MemInfo m = MemInfo::decode(d.imm);
  const RmwKind kind = static_cast<RmwKind>(d.aux);
  V operand = b_.CreateTrunc(arg(d, 1), b_.getIntNTy(8 * m.bytes()));
  if (kind == RmwKind::Clr) operand = b_.CreateNot(operand);
  Rmw* old =
      b_.CreateAtomicRMW(operation(kind), p, operand, llvm::Align(m.bytes()), AtomicOrdering::SequentiallyConsistent);
  old->setVolatile(true);
  return b_.CreateZExt(old, type(d.type));
}

Lowering::V Lowering::compare_and_swap(V p, const Inst& d) {
  const MemInfo m = MemInfo::decode(d.imm);
  V stored = nullptr;
  if (d.op == Op::Cas) {
    llvm::Type* t = b_.getIntNTy(8 * m.bytes());
    V old = exchange(p, b_.CreateTrunc(arg(d, 1), t), b_.CreateTrunc(arg(d, 2), t), stored);
    return b_.CreateZExt(old, type(d.type));
  }
  const unsigned bits = 8u << m.size_log2;
  V old = exchange(p, pair_operand(arg(d, 1), bits), pair_operand(arg(d, 2), bits), stored);
  V lanes = llvm::PoisonValue::get(llvm::FixedVectorType::get(b_.getInt64Ty(), 2));
  for (unsigned n = 0; n < 2; ++n) {
    V half = b_.CreateTrunc(b_.CreateLShr(old, u64{n} * bits), b_.getIntNTy(bits));
    lanes = b_.CreateInsertElement(lanes, b_.CreateZExt(half, b_.getInt64Ty()), u64{n});
  }
  return as_v128(lanes);
}

void Lowering::zero_block(V va, V addend) {
  V at = b_.CreateIntToPtr(b_.CreateAdd(b_.CreateAnd(va, i64c(~u64{63})), addend), b_.getPtrTy());
  V zero = llvm::Constant::getNullValue(type(Type::V128));
  for (u64 i = 0; i < 64; i += 16)
    store_guest(b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), at, i), {.size_log2 = 4}, zero);
}

void Lowering::atomic_access(Value v, const Inst& d) {
  const MemInfo m = d.op == Op::ZeroBlock ? MemInfo{.size_log2 = 0, .write = true} : MemInfo::decode(d.imm);
  V va = arg(d, 0), addend = nullptr;
  V hit = probe(va, m, addend);
  llvm::BasicBlock* slow = unlikely(hit, "slow");
  V p = b_.CreateIntToPtr(b_.CreateAdd(va, addend), b_.getPtrTy());
  V fast[2] = {}, other[2] = {};
  switch (d.op) {
    case Op::Load:
    case Op::LoadPair: load_exclusive(p, d, fast); break;
    case Op::StoreEx:
    case Op::StoreExPair: fast[0] = store_exclusive(p, d); break;
    case Op::AtomicRmw: fast[0] = read_modify_write(p, d); break;
    case Op::ZeroBlock: zero_block(va, addend); break;
    default: fast[0] = compare_and_swap(p, d); break;
  }
  llvm::BasicBlock* fast_end = b_.GetInsertBlock();
  llvm::BasicBlock* join = new_block("");
  b_.CreateBr(join);
  b_.SetInsertPoint(slow);
  helper_access(v, d);
  other[0] = values_[v];
  other[1] = seconds_[v];
  llvm::BasicBlock* slow_end = b_.GetInsertBlock();
  b_.CreateBr(join);
  b_.SetInsertPoint(join);
  for (unsigned n = 0; n < 2 && fast[n] != nullptr; ++n) {
    llvm::PHINode* phi = b_.CreatePHI(fast[n]->getType(), 2);
    phi->addIncoming(fast[n], fast_end);
    phi->addIncoming(other[n], slow_end);
    (n == 0 ? values_[v] : seconds_[v]) = phi;
  }
}

}  // namespace ferry::jit::optimizing
