// Lowering of calls: helpers, and ops that run by their meaning.
#include <llvm/IR/IntrinsicsX86.h>

#include <cstring>

#include "cpu/sysregs.h"
#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::Op;
using ir::Type;
using ir::Value;

void store_host_fp([[maybe_unused]] llvm::IRBuilder<>& b, [[maybe_unused]] llvm::Value* to) {
#if defined(__x86_64__)
  b.CreateIntrinsic(llvm::Intrinsic::x86_sse_stmxcsr, {}, {to});
#endif
}

void load_host_fp([[maybe_unused]] llvm::IRBuilder<>& b, [[maybe_unused]] llvm::Value* from) {
#if defined(__x86_64__)
  b.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {}, {from});
#endif
}

// Around calls of C++, which may raise flags of its own.
void Lowering::save_host_fp() { store_host_fp(b_, host_fp_); }
void Lowering::restore_host_fp() { load_host_fp(b_, host_fp_); }

// The flags that the host has collected go to FPSR, for what reads or replaces it.
void Lowering::fold_fpsr() {
#if defined(__x86_64__)
  store_host_fp(b_, host_fp_);
  V word = b_.CreateAlignedLoad(b_.getInt32Ty(), host_fp_, llvm::Align(4));
  V flags = b_.CreateOr(b_.CreateAnd(word, 1), b_.CreateAnd(b_.CreateLShr(word, 1), 0x1e));
  store_state(b_.CreateOr(load_state(b_.getInt32Ty(), offsetof(cpu::CpuState, fpsr)), flags),
              offsetof(cpu::CpuState, fpsr));
  b_.CreateAlignedStore(i32c(kHostFpClean), host_fp_, llvm::Align(4));
  load_host_fp(b_, host_fp_);
#endif
}

// A value of type t from the low bits of a word.
Lowering::V Lowering::from_raw(V raw, Type t) {
  V bits = b_.CreateTrunc(raw, b_.getIntNTy(ir::width(t)));
  return ir::is_float(t) ? b_.CreateBitCast(bits, type(t)) : bits;
}

// An address of a helper, from the state's table.
Lowering::V Lowering::helper_address(u64 helper) {
  V table = load_state(b_.getPtrTy(), offsetof(cpu::CpuState, helpers));
  return b_.CreateAlignedLoad(b_.getPtrTy(), b_.CreateConstInBoundsGEP1_64(b_.getPtrTy(), table, helper),
                              llvm::Align(8));
}

// A value, unless a condition that rarely holds asks for a helper's.
void Lowering::call_if(Value v, const Inst& d) {
  V fast = arg(d, 1);
  llvm::BasicBlock* rare = unlikely(b_.CreateICmpEQ(arg(d, 0), i32c(0)), "rare");
  llvm::BasicBlock* common = b_.GetInsertBlock();
  llvm::BasicBlock* both = new_block("both");
  b_.CreateBr(both);
  b_.SetInsertPoint(rare);
  llvm::Type* word = b_.getInt64Ty();
  llvm::FunctionType* f = llvm::FunctionType::get(word, {b_.getPtrTy(), word, word, word, word}, false);
  llvm::CallInst* call = b_.CreateCall(f, helper_address(d.imm), {state_, arg(d, 2), arg(d, 3), i64c(d.aux), i64c(0)});
  call->setDoesNotThrow();
  forget_streams();
  b_.CreateBr(both);
  b_.SetInsertPoint(both);
  llvm::PHINode* phi = b_.CreatePHI(word, 2);
  phi->addIncoming(fast, common);
  phi->addIncoming(call, rare);
  values_[v] = phi;
}

// MRS of the system counter in real time: neither guest registers nor the host's FP flags matter to it.
bool Lowering::is_counter_read(const ir::Block& block, const Inst& d) {
#if defined(__x86_64__)
  if (d.op != Op::Call || d.imm != static_cast<u64>(cpu::Helper::mrs) || cpu::Mode{block.mode}.virtual_time() != 0)
    return false;
  const Inst &reg = block.insts[d.args[0]], &iss = block.insts[d.args[1]];
  return reg.op == Op::Const && iss.op == Op::Const && cpu::is_counter(static_cast<cpu::SysReg>(reg.imm));
#else
  static_cast<void>(block);
  static_cast<void>(d);
  return false;
#endif
}

// A call around which all guest state is in memory.
bool Lowering::sees_state(const ir::Block& block, const Inst& d) {
  return d.op == Op::Call && (cpu::helper_info(static_cast<cpu::Helper>(d.imm)).effects & cpu::kState) != 0 &&
         !is_counter_read(block, d);
}

// The machine's clock as core/time_scale.h describes it, by the helper where that does not hold.
Lowering::V Lowering::read_counter(const Inst& d) {
  const auto reg = static_cast<cpu::SysReg>(inst(d.args[0]).imm);
  const bool is_virtual = cpu::is_virtual_counter(reg);
  llvm::Type* const word = b_.getInt64Ty();
  llvm::BasicBlock* const slow = new_block("slow_counter");
  const auto slow_unless = [&](V ok) {
    llvm::BasicBlock* go_on = new_block("");
    b_.CreateCondBr(ok, go_on, slow, cold_);
    b_.SetInsertPoint(go_on);
  };
  const auto state_word = [&](cpu::SysReg r) { return load_state(word, cpu::sysreg_offset(r)); };
  if (mode_.el() == 0)  // EL0VCTEN, EL0PCTEN
    slow_unless(b_.CreateICmpNE(b_.CreateAnd(state_word(cpu::SysReg::CNTKCTL_EL1), is_virtual ? 2 : 1), i64c(0)));
  V scale = load_state(b_.getPtrTy(), offsetof(cpu::CpuState, time_scale));
  slow_unless(b_.CreateIsNotNull(scale));
  const auto field = [&](usize offset) {
    llvm::LoadInst* l =
        b_.CreateAlignedLoad(word, b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), scale, offset), llvm::Align(8));
    l->setAtomic(llvm::AtomicOrdering::Acquire);
    return l;
  };
  V sequence = field(offsetof(TimeScale, sequence));
  V from = field(offsetof(TimeScale, ticks)), ns = field(offsetof(TimeScale, ns));
  V rate = field(offsetof(TimeScale, rate)), span = field(offsetof(TimeScale, span));
#if defined(__x86_64__)
  b_.CreateIntrinsic(llvm::Intrinsic::x86_sse2_lfence, {}, {});
#endif
  V passed = b_.CreateSub(b_.CreateIntrinsic(llvm::Intrinsic::readcyclecounter, {}, {}), from);
  V same = b_.CreateICmpEQ(field(offsetof(TimeScale, sequence)), sequence);
  V even = b_.CreateICmpEQ(b_.CreateAnd(sequence, 1), i64c(0));
  slow_unless(b_.CreateAnd(b_.CreateAnd(same, even), b_.CreateICmpULT(passed, span)));
  V now = b_.CreateAdd(ns, b_.CreateLShr(b_.CreateMul(passed, rate), u64{TimeScale::kRateShift}));
  V shift = b_.CreateZExt(load_state(b_.getInt32Ty(), offsetof(cpu::CpuState, counter_shift)), word);
  V fast = b_.CreateLShr(now, b_.CreateAnd(shift, 63));
  if (is_virtual) fast = b_.CreateSub(fast, state_word(cpu::SysReg::CNTVOFF_EL2));
  llvm::BasicBlock* const common = b_.GetInsertBlock();
  llvm::BasicBlock* const both = new_block("both");
  b_.CreateBr(both);

  b_.SetInsertPoint(slow);
  store_state(i32c(site()), offsetof(cpu::CpuState, site));
  llvm::FunctionType* f = llvm::FunctionType::get(word, {b_.getPtrTy(), word, word, word, word}, false);
  llvm::CallInst* call = b_.CreateCall(f, helper_address(d.imm), {state_, arg(d, 0), arg(d, 1), i64c(0), i64c(0)});
  call->setDoesNotThrow();
  check_fault();
  llvm::BasicBlock* const from_slow = b_.GetInsertBlock();
  b_.CreateBr(both);

  b_.SetInsertPoint(both);
  llvm::PHINode* phi = b_.CreatePHI(word, 2);
  phi->addIncoming(fast, common);
  phi->addIncoming(call, from_slow);
  return phi;
}

void Lowering::lower_call(Value v, const Inst& d) {
  if (d.op == Op::CallIf) return call_if(v, d);
  if (V r = native_helper(d)) {
    values_[v] = r;
    return;
  }
  if (is_counter_read(block(), d)) {
    values_[v] = read_counter(d);
    return;
  }
  if (d.imm != static_cast<u64>(cpu::Helper::check_sp_alignment)) return call_helper(v, d);
  // Before most accesses through SP: only a misaligned one calls.
  llvm::BasicBlock* misaligned = unlikely(b_.CreateICmpEQ(b_.CreateAnd(arg(d, 0), 15), i64c(0)), "misaligned");
  llvm::BasicBlock* aligned = b_.GetInsertBlock();
  b_.SetInsertPoint(misaligned);
  call_helper(v, d);
  b_.CreateBr(aligned);
  b_.SetInsertPoint(aligned);
}

void Lowering::call_helper(Value v, const Inst& d) {
  const cpu::HelperInfo& helper = cpu::helper_info(static_cast<cpu::Helper>(d.imm));
  const bool state = (helper.effects & cpu::kState) != 0, faults = (helper.effects & cpu::kFault) != 0;
  std::vector<V> args = {state_};
  usize vectors = 0;
  for (unsigned n = 0; n < d.arg_count(); ++n) {
    if (arg_type(d, n) == Type::V128)
      store_state(arg(d, n), offsetof(cpu::CpuState, vargs) + 16 * vectors++);
    else
      args.push_back(to_raw(arg(d, n)));
  }
  while (args.size() < 5) args.push_back(i64c(0));
  if (state) {
    write_back(true);
    fold_fpsr();
  }
  if (state || faults) store_state(i32c(site()), offsetof(cpu::CpuState, site));
  llvm::Type* word = b_.getInt64Ty();
  llvm::FunctionType* f = llvm::FunctionType::get(word, {b_.getPtrTy(), word, word, word, word}, false);
  V target = helper_address(d.imm);
  if (state)
    save_host_fp();  // the others are integer code: cpu/fp, cpu/simd and cpu/crypto leave the host's flags alone
  llvm::CallInst* call = b_.CreateCall(f, target, args);
  call->setDoesNotThrow();
  forget_streams();
  if (state) restore_host_fp();
  if (state) reload();
  if (faults) check_fault();
  if (d.type == Type::V128)
    values_[v] = load_state(type(Type::V128), offsetof(cpu::CpuState, vargs));
  else if (d.type != Type::None)
    values_[v] = from_raw(call, d.type);
}

namespace {

// The op as evaluate_op reads it, at an offset of the data. Its padding is zero: the same op has the same bytes.
usize add_op(std::vector<u8>& data, const Inst& d) {
  constexpr usize kAlign = alignof(Inst) > 8 ? alignof(Inst) : 8;
  const usize at = (data.size() + kAlign - 1) & ~(kAlign - 1);
  data.resize(at + sizeof(Inst));
  const auto put = [&](const auto& member) {
    const usize offset = static_cast<usize>(reinterpret_cast<const u8*>(&member) - reinterpret_cast<const u8*>(&d));
    std::memcpy(data.data() + at + offset, &member, sizeof(member));
  };
  put(d.op);
  put(d.type);
  put(d.from);
  put(d.lane);
  put(d.aux);
  put(d.args);
  put(d.imm);
  return at;
}

}  // namespace

// The op by its meaning: operands and result through the frame.
Lowering::V Lowering::evaluate(const Inst& d) {
  const V op = data_at(add_op(unit_.data, d));
  const auto slot = [&](unsigned n) { return b_.CreateConstInBoundsGEP1_64(type(Type::V128), slots_, n); };
  V zero = llvm::Constant::getNullValue(type(Type::V128));
  for (unsigned n = 0; n < d.arg_count(); ++n) {
    V a = arg(d, n);
    if (arg_type(d, n) != Type::V128) a = b_.CreateInsertElement(zero, to_raw(a), u64{0});
    b_.CreateAlignedStore(a, slot(n + 1), llvm::Align(16));
  }
  llvm::FunctionType* f = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getPtrTy(), b_.getPtrTy()}, false);
  const bool thunk = has_thunks_;
  if (!thunk) save_host_fp();
  llvm::CallInst* call = b_.CreateCall(
      f, called(thunk ? offsetof(RegionCalls, evaluate) : offsetof(RegionCalls, plain_evaluate)), {state_, op, slots_});
  if (thunk) call->setCallingConv(llvm::CallingConv::PreserveAll);
  call->setDoesNotThrow();
  if (!thunk) restore_host_fp();
  const Type t = d.result_type();
  if (t == Type::V128) return b_.CreateAlignedLoad(type(t), slot(0), llvm::Align(16));
  return from_raw(b_.CreateAlignedLoad(b_.getInt64Ty(), slot(0), llvm::Align(16)), t);
}

}  // namespace ferry::jit::optimizing
