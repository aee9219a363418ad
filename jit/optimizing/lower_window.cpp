// Lowering of EL0's accesses through the host-MMU window (softmmu/window.h): one compare of the address's high bits,
// then the access, which the host's MMU checks.
//
// An access is inline assembly that may leave for a label (callbr), since only so LLVM knows that the slow path can be
// reached from there; the assembly lists the instruction and the label (Session::kFaultSection). A host access that
// faults has done nothing: a load leaves its register, and a store that crosses into a page where it faults has written
// no byte, since both translations are made before any (Intel SDM vol. 3, 6.5: faults are reported with the state of
// before the instruction; AMD APM vol. 2, 8.1.3). Of a pair of stores the second could fault alone, so a pair that
// crosses pages goes another way.
#include <llvm/IR/InlineAsm.h>

#include "jit/optimizing/lowering.h"
#include "jit/optimizing/session.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::MemInfo;
using ir::Op;
using ir::Type;

// Alignment that faults and order beyond the host's own are the probe's business.
bool Lowering::uses_window(MemInfo m) const {
  return options_.window && mode_.el() == 0 && mode_.mmu() != 0 && mode_.align_check() == 0 && !m.aligned &&
         !m.within_16 && !m.unprivileged && (m.order == ir::Order::None || !ordered());
}

// Whether an address is made from the stack pointer or the frame pointer.
bool Lowering::is_on_stack(ir::Value v) const {
  for (unsigned depth = 0; depth < 4; ++depth) {
    const Inst& d = inst(v);
    if (d.op == Op::GetX) return d.aux == 31 || d.aux == 29;
    if (d.op != Op::Add && d.op != Op::Sub) return false;
    v = d.args[0];
  }
  return false;
}

// The host address of va, when a slice of the window holds it; other is where it goes on when none does. The slot that
// is looked at first is a guess.
Lowering::V Lowering::window_address(V va, bool top_first, llvm::BasicBlock* other) {
  const auto field = [&](unsigned slot, usize offset) {
    return load_state(b_.getInt64Ty(), offsetof(cpu::CpuState, window) + slot * sizeof(cpu::WindowSlot) + offset);
  };
  V slice = b_.CreateLShr(va, cpu::kWindowShift);
  const unsigned first = top_first ? 1 : 0;
  V is_first = b_.CreateICmpEQ(slice, field(first, offsetof(cpu::WindowSlot, tag)));
  llvm::BasicBlock* second_slot = unlikely(is_first, "second_slot");
  V first_addend = field(first, offsetof(cpu::WindowSlot, addend));
  llvm::BasicBlock* first_end = b_.GetInsertBlock();
  llvm::BasicBlock* found = new_block("window");
  b_.CreateBr(found);
  b_.SetInsertPoint(second_slot);
  V is_second = b_.CreateICmpEQ(slice, field(1 - first, offsetof(cpu::WindowSlot, tag)));
  llvm::BasicBlock* in_second = new_block("");
  b_.CreateCondBr(is_second, in_second, other);
  b_.SetInsertPoint(in_second);
  V second_addend = field(1 - first, offsetof(cpu::WindowSlot, addend));
  b_.CreateBr(found);
  b_.SetInsertPoint(found);
  llvm::PHINode* addend = b_.CreatePHI(b_.getInt64Ty(), 2);
  addend->addIncoming(first_addend, first_end);
  addend->addIncoming(second_addend, in_second);
  return b_.CreateIntToPtr(b_.CreateAdd(va, addend), b_.getPtrTy());
}

// Goes to other when an access of two pieces touches two pages.
void Lowering::leave_at_page_crossing(V va, u64 bytes, llvm::BasicBlock* other) {
  V in_page = b_.CreateAnd(va, i64c(0xfff));
  llvm::BasicBlock* go_on = new_block("");
  b_.CreateCondBr(b_.CreateICmpULE(in_page, i64c(0x1000 - bytes)), go_on, other, cold_);
  b_.SetInsertPoint(go_on);
}

// One host instruction that goes on at `fault` when it faults.
Lowering::V Lowering::faulting(const std::string& line, const std::string& constraints, llvm::Type* result,
                               llvm::Type* memory, V p, V value, llvm::BasicBlock* fault) {
  // Operands: what is stored or loaded, and the memory; then the label.
  const std::string text = "1:\n\t" + line + "\n\t.pushsection " + Session::kFaultSection +
                           ",\"a\",@progbits\n\t.long 1b-.\n\t.long ${2:l}-.\n\t.popsection";
  std::vector<V> args = {p};
  if (value != nullptr) args.push_back(value);
  std::vector<llvm::Type*> types;
  for (V a : args) types.push_back(a->getType());
  llvm::FunctionType* type = llvm::FunctionType::get(result, types, false);
  llvm::InlineAsm* code = llvm::InlineAsm::get(type, text, constraints, /*hasSideEffects=*/true);
  llvm::BasicBlock* go_on = new_block("");
  llvm::CallBrInst* call = b_.CreateCallBr(type, code, go_on, {fault}, args);
  call->addParamAttr(0, llvm::Attribute::get(context_, llvm::Attribute::ElementType, memory));
  call->setDoesNotThrow();
  call->setMemoryEffects(llvm::MemoryEffects::argMemOnly());
  call->setMetadata(llvm::LLVMContext::MD_alias_scope, guest_scope_);
  call->setMetadata(llvm::LLVMContext::MD_noalias, state_scope_);
  b_.SetInsertPoint(go_on);
  return call;
}

namespace {

std::string vector_move(u8 size_log2, bool avx) {
  static constexpr const char* kMoves[2][3] = {{"movss", "movsd", "movups"}, {"vmovss", "vmovsd", "vmovups"}};
  return std::string(kMoves[avx ? 1 : 0][size_log2 - 2]) + " $1, $0";
}

}  // namespace

Lowering::V Lowering::window_load(V p, MemInfo m, Type t, llvm::BasicBlock* fault) {
  const std::string constraints = ir::is_int(t) ? "=r,*m,!i" : "=x,*m,!i";
  if (!ir::is_int(t)) {
    const std::string line = vector_move(m.size_log2, options_.host_has_fma);
    return faulting(line, constraints, type(t), type(t), p, nullptr, fault);
  }
  static constexpr const char* kZero[] = {"movzbl $1, ${0:k}", "movzwl $1, ${0:k}", "movl $1, ${0:k}", "movq $1, $0"};
  static constexpr const char* kSign32[] = {"movsbl $1, ${0:k}", "movswl $1, ${0:k}", "movl $1, ${0:k}", "movq $1, $0"};
  static constexpr const char* kSign64[] = {"movsbq $1, $0", "movswq $1, $0", "movslq $1, $0", "movq $1, $0"};
  const char* line = (!m.sign ? kZero : t == Type::I32 ? kSign32 : kSign64)[m.size_log2];
  V wide = faulting(line, constraints, b_.getInt64Ty(), b_.getIntNTy(8u << m.size_log2), p, nullptr, fault);
  return b_.CreateTrunc(wide, type(t));
}

void Lowering::window_store(V p, MemInfo m, V value, llvm::BasicBlock* fault) {
  llvm::Type* t = value->getType();
  if (!t->isIntegerTy()) {
    const std::string line = vector_move(m.size_log2, options_.host_has_fma);
    faulting(line, "=*m,x,!i", b_.getVoidTy(), t, p, value, fault);
    return;
  }
  static constexpr const char* kStores[] = {"movb $1, $0", "movw $1, $0", "movl $1, $0", "movq $1, $0"};
  value = b_.CreateTrunc(value, b_.getIntNTy(8u << m.size_log2));
  faulting(kStores[m.size_log2], "=*m,re,!i", b_.getVoidTy(), value->getType(), p, value, fault);
}

}  // namespace ferry::jit::optimizing
