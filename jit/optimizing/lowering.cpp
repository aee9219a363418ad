// Lowering of a region: the function around the blocks, guest state in local variables, the order of things in a block.
#include "jit/optimizing/lowering.h"

#include <llvm/Analysis/AssumptionCache.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>
#include <llvm/Transforms/Utils/PromoteMemToReg.h>

#include <algorithm>

#include "core/check.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::Op;
using ir::Type;
using ir::Value;

namespace {

constexpr unsigned var_of(Pin p) { return p == Pin::Nzcv ? 64u : p == Pin::TlbRead ? 66u : static_cast<unsigned>(p); }

bool is_pinned(unsigned var) {
  for (const Pin p : kPinned)
    if (var_of(p) == var) return true;
  return false;
}

// Of a member of CpuState.
llvm::Align alignment_of(llvm::Type* t) {
  return llvm::Align(t->isVectorTy() ? 16 : t->isPointerTy() ? 8 : t->getPrimitiveSizeInBits() / 8);
}

}  // namespace

unsigned Lowering::pinned_var(Pin p) { return var_of(p); }

// Where preserve_none exists a block's values stay in registers and nothing is saved; elsewhere any convention with
// guaranteed tail calls does.
llvm::CallingConv::ID block_convention() {
#if defined(__x86_64__) || defined(__aarch64__)
  return llvm::CallingConv::PreserveNone;
#else
  return llvm::CallingConv::Tail;
#endif
}

llvm::FunctionType* block_type(llvm::LLVMContext& context) {
  std::vector<llvm::Type*> params = {llvm::PointerType::get(context, 0)};
  params.insert(params.end(), kPinned.size(), llvm::Type::getInt64Ty(context));
  return llvm::FunctionType::get(llvm::Type::getInt32Ty(context), params, false);
}

Lowering::Lowering(llvm::Module& module, const Region& region, Unit& unit, bool has_thunks,
                   const LoweringOptions& options)
    : module_(module),
      context_(module.getContext()),
      region_(region),
      unit_(unit),
      has_thunks_(has_thunks),
      data_(begin_data(module)),
      options_(options),
      b_(context_) {
  mode_.value = region.blocks[0].ir->mode;
  llvm::MDBuilder md(context_);
  llvm::MDNode* domain = md.createAnonymousAliasScopeDomain("ferry");
  state_scope_ = llvm::MDNode::get(context_, md.createAnonymousAliasScope(domain, "state"));
  guest_scope_ = llvm::MDNode::get(context_, md.createAnonymousAliasScope(domain, "guest"));
  cold_ = md.createBranchWeights(1 << 16, 1);
}

llvm::Function* Lowering::run(const std::string& name) {
  function_ = llvm::Function::Create(block_type(context_), llvm::Function::ExternalLinkage, name, module_);
  function_->setCallingConv(block_convention());
  function_->addFnAttr(llvm::Attribute::NoUnwind);
  state_ = function_->getArg(0);
  function_->addParamAttr(0, llvm::Attribute::NoUndef);
  originals_ = region_.blocks.size();
  peel();
  find_streams();
  unroll();
  scan();
  flow();
  flow_flags();
  make_entry();
  for (usize i = 0; i < region_.blocks.size(); ++i) lower_block(i);
  promote();
  finish_data(data_, unit_.data);
  return function_;
}

llvm::GlobalVariable* begin_data(llvm::Module& module) {
  return new llvm::GlobalVariable(module, llvm::Type::getInt8Ty(module.getContext()), /*isConstant=*/false,
                                  llvm::GlobalValue::ExternalLinkage, nullptr, "data");
}

// How long it is shows when all is lowered, so what stood for it until then is replaced. LLVM must not think that the
// bytes are what code will read.
void finish_data(llvm::GlobalVariable* data, const std::vector<u8>& bytes) {
  llvm::Constant* content = llvm::ConstantDataArray::get(data->getContext(), llvm::ArrayRef<u8>(bytes));
  auto* whole = new llvm::GlobalVariable(*data->getParent(), content->getType(), /*isConstant=*/false,
                                         llvm::GlobalValue::InternalLinkage, content, "words");
  whole->setSection(kDataSection);
  whole->setAlignment(llvm::Align(64));
  whole->setExternallyInitialized(true);
  data->replaceAllUsesWith(whole);
  data->eraseFromParent();
}

llvm::Value* load_word(llvm::IRBuilder<>& b, llvm::GlobalVariable* data, llvm::Type* type, usize offset) {
  llvm::Value* at = llvm::ConstantExpr::getGetElementPtr(b.getInt8Ty(), data, b.getInt64(offset));
  llvm::LoadInst* l = b.CreateAlignedLoad(type, at, llvm::Align(8));
  l->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(b.getContext(), {}));
  return l;
}

llvm::Type* Lowering::type(Type t) {
  switch (t) {
    case Type::I32: return b_.getInt32Ty();
    case Type::I64: return b_.getInt64Ty();
    case Type::F32: return b_.getFloatTy();
    case Type::F64: return b_.getDoubleTy();
    case Type::V128: return llvm::FixedVectorType::get(b_.getInt64Ty(), 2);
    case Type::None: break;
  }
  return b_.getVoidTy();
}

llvm::Type* Lowering::var_type(unsigned var) {
  if (var >= kVarV && var < kVarNzcv) return type(Type::V128);
  if (var == kVarNzcv || var == kVarFlagKind) return b_.getInt32Ty();
  return b_.getInt64Ty();
}

usize Lowering::var_offset(unsigned var) {
  if (var < kVarV) return offsetof(cpu::CpuState, x) + 8 * var;
  if (var < kVarNzcv) return offsetof(cpu::CpuState, v) + 16 * (var - kVarV);
  if (var == kVarNzcv) return offsetof(cpu::CpuState, nzcv);
  if (var == kVarPcPage) return offsetof(cpu::CpuState, pc_page);
  return offsetof(cpu::CpuState, tlb_read);
}

Lowering::V Lowering::get(unsigned var) { return b_.CreateLoad(var_type(var), vars_[var]); }

void Lowering::set(unsigned var, V value) {
  b_.CreateStore(value, vars_[var]);
  if (options_.write_through && !is_pinned(var)) {
    store_state(value, var_offset(var));
  } else {
    dirty_.set(var);
  }
}

Lowering::V Lowering::state_ptr(usize offset) { return b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), state_, offset); }

Lowering::V Lowering::load_state(llvm::Type* t, usize offset) {
  llvm::LoadInst* l = b_.CreateAlignedLoad(t, state_ptr(offset), alignment_of(t));
  l->setMetadata(llvm::LLVMContext::MD_alias_scope, state_scope_);
  l->setMetadata(llvm::LLVMContext::MD_noalias, guest_scope_);
  return l;
}

void Lowering::store_state(V value, usize offset) {
  llvm::Type* t = value->getType();
  llvm::StoreInst* s = b_.CreateAlignedStore(value, state_ptr(offset), alignment_of(t));
  s->setMetadata(llvm::LLVMContext::MD_alias_scope, state_scope_);
  s->setMetadata(llvm::LLVMContext::MD_noalias, guest_scope_);
}

Lowering::V Lowering::data_at(usize offset) {
  return llvm::ConstantExpr::getGetElementPtr(b_.getInt8Ty(), data_, b_.getInt64(offset));
}

// A function of RegionCalls.
Lowering::V Lowering::called(usize offset_in_calls) {
  return load_word(b_, data_, b_.getPtrTy(), offsetof(RegionWords, calls) + offset_in_calls);
}

llvm::BasicBlock* Lowering::new_block(const char* name) { return llvm::BasicBlock::Create(context_, name, function_); }

llvm::BasicBlock* Lowering::unlikely(V not_cond, const char* name) {
  llvm::BasicBlock* go_on = new_block("");
  llvm::BasicBlock* rare = new_block(name);
  b_.CreateCondBr(not_cond, go_on, rare, cold_);
  b_.SetInsertPoint(go_on);
  return rare;
}

// A loop that begins with the entry gets a head of its own: what is not known on the way into the region, the kind of
// flags above all, then need not be carried around the loop.
void Lowering::peel() {
  constexpr u32 kMaxInsns = 32;
  const RegionBlock entry = region_.blocks[0];
  if (options_.write_through || entry.ir->insn_count > kMaxInsns) return;
  for (usize i = 0; i < region_.blocks.size(); ++i) {
    const std::vector<usize> to = successors(i);
    if (std::find(to.begin(), to.end(), usize{0}) == to.end()) continue;
    region_.blocks.push_back(entry);
    ++originals_;
    return;
  }
}

int Lowering::var_named(const Inst& d) {
  switch (d.op) {
    case Op::GetX:
    case Op::SetX: return d.aux;
    case Op::GetV:
    case Op::SetV:
    case Op::GetF:
    case Op::SetF: return static_cast<int>(kVarV + d.aux);
    case Op::GetNzcv:
    case Op::SetNzcv: return kVarNzcv;
    default: return -1;
  }
}

// Which variables there are, and what each block writes.
void Lowering::scan() {
  blocks_.resize(region_.blocks.size());
  used_.set(kVarPcPage);
  for (const Pin p : kPinned) used_.set(var_of(p));
  for (usize i = 0; i < blocks_.size(); ++i) {
    BlockInfo& info = blocks_[i];
    for (const Inst& d : region_.blocks[i].ir->insts) {
      const int var = var_named(d);
      if (ir::info(d.op).effect == ir::Effect::Mem) used_.set(kVarTlbRead);
      if (sees_state(*region_.blocks[i].ir, d)) {
        info.calls_state = true;
        info.written.reset();
      }
      if (var < 0) continue;
      used_.set(static_cast<usize>(var));
      if (ir::info(d.op).effect == ir::Effect::Write &&
          (!options_.write_through || is_pinned(static_cast<unsigned>(var))))
        info.written.set(static_cast<usize>(var));
    }
  }
}

// What memory may lack at the start of each block: the union over all ways there.
void Lowering::flow() {
  for (const Pin p : kPinned) blocks_[0].dirty_in.set(var_of(p));
  for (bool changed = true; changed;) {
    changed = false;
    for (usize i = 0; i < blocks_.size(); ++i) {
      const BlockInfo& from = blocks_[i];
      const Vars out = from.written | (from.calls_state ? Vars() : from.dirty_in);
      for (const usize to : successors(i)) {
        const Vars merged = blocks_[to].dirty_in | out;
        changed = changed || merged != blocks_[to].dirty_in;
        blocks_[to].dirty_in = merged;
      }
    }
  }
}

void Lowering::make_entry() {
  b_.SetInsertPoint(new_block("entry"));
  for (unsigned var = 0; var < kVarCount; ++var)
    if (used_[var]) vars_[var] = b_.CreateAlloca(var_type(var));
  make_streams();
  host_fp_ = b_.CreateAlloca(b_.getInt32Ty());
  slots_ = b_.CreateAlloca(type(Type::V128), i32c(4));
  for (unsigned var = 0; var < kVarInState; ++var)
    if (used_[var] && !is_pinned(var)) b_.CreateStore(load_state(var_type(var), var_offset(var)), vars_[var]);
  for (unsigned var = kVarInState; var < kVarCount; ++var)
    if (used_[var]) b_.CreateStore(llvm::ConstantInt::get(var_type(var), 0), vars_[var]);
  for (usize i = 0; i < kPinned.size(); ++i) {
    const unsigned var = var_of(kPinned[i]);
    V value = function_->getArg(static_cast<unsigned>(i + 1));
    if (var == kVarNzcv) value = b_.CreateTrunc(value, b_.getInt32Ty());
    b_.CreateStore(value, vars_[var]);
  }
  for (BlockInfo& info : blocks_) info.start = new_block("block");
  b_.CreateBr(blocks_[0].start);
}

void Lowering::lower_block(usize index) {
  current_ = index;
  const ir::Block& block = this->block();
  values_.assign(block.insts.size(), nullptr);
  seconds_.assign(block.insts.size(), nullptr);
  known_flags_.assign(block.insts.size(), {});
  dirty_ = blocks_[index].dirty_in;
  flags_ = lazy_flags_ ? blocks_[index].flags_in : FlagKind::Packed;
  insn_index_ = insns_started_ = 0;
  find_shares();
  b_.SetInsertPoint(blocks_[index].start);
  for (const Unrolled& loop : unrolled_)
    if (loop.block == index) check_ahead(loop);
  if (mode_.virtual_time() != 0) take_budget();
  of_group_.assign(block.insts.size(), false);
  set_in_group_.reset();
  for (Value v = 0; v < block.insts.size(); ++v) {
    if (must_settle(block.insts[v])) settle(v);
    lower(v, block.insts[v]);
    follow_group(v);
  }
  finish_fault_exit();
}

void Lowering::lower(Value v, const Inst& d) {
  switch (ir::info(d.op).effect) {
    case ir::Effect::Read:
    case ir::Effect::Write: return lower_state(v, d);
    case ir::Effect::Mem: return lower_mem(v, d);
    case ir::Effect::Call: return lower_call(v, d);
    case ir::Effect::Exit: return lower_exit(d);
    case ir::Effect::Fp: {
      V r = floating(d);
      values_[v] = r != nullptr ? r : evaluate(d);
      return;
    }
    case ir::Effect::Pure: break;
  }
  if (d.op == Op::Second) {
    values_[v] = seconds_[d.args[0]];
    return;
  }
  V r = scalar(d);
  if (r == nullptr) r = vector(d);
  values_[v] = r != nullptr ? r : evaluate(d);
}

void Lowering::lower_state(Value v, const Inst& d) {
  V zero = llvm::Constant::getNullValue(type(Type::V128));
  switch (d.op) {
    case Op::Insn:
      insn_index_ = ir::marker_index(d.imm);
      ++insns_started_;
      return;
    case Op::GetX: values_[v] = b_.CreateTrunc(get(d.aux), type(d.type)); return;
    case Op::SetX: return set(d.aux, b_.CreateZExt(arg(d, 0), b_.getInt64Ty()));
    case Op::GetV: values_[v] = get(kVarV + d.aux); return;
    case Op::SetV: return set(kVarV + d.aux, arg(d, 0));
    case Op::GetF:
      values_[v] = b_.CreateExtractElement(
          b_.CreateBitCast(get(kVarV + d.aux), llvm::FixedVectorType::get(type(d.type), d.type == Type::F32 ? 4 : 2)),
          u64{0});
      return;
    case Op::SetF: {
      V lanes = b_.CreateBitCast(zero, llvm::FixedVectorType::get(type(d.type), d.type == Type::F32 ? 4 : 2));
      return set(kVarV + d.aux, as_v128(b_.CreateInsertElement(lanes, arg(d, 0), u64{0})));
    }
    case Op::GetNzcv:
      values_[v] = packed_flags(false);
      if (flags_ != FlagKind::Packed && flags_ != FlagKind::Dynamic)
        known_flags_[v] = {flags_, get(kVarFlagA), get(kVarFlagB)};
      return;
    case Op::SetNzcv: return set_flags(d.args[0]);
    case Op::PcPage: values_[v] = get(kVarPcPage); return;
    case Op::LoadState:
      if (d.imm == offsetof(cpu::CpuState, fpsr)) fold_fpsr();
      values_[v] = load_state(type(d.type), d.imm);
      return;
    case Op::StoreState:
      if (d.imm == offsetof(cpu::CpuState, fpsr)) fold_fpsr();
      return store_state(arg(d, 0), d.imm);
    default: UNREACHABLE("not a state op");
  }
}

void Lowering::write_back(bool with_pins) {
  for (unsigned var = 0; var < kVarInState; ++var)
    if (dirty_[var] && var != kVarNzcv && (with_pins || !is_pinned(var))) store_state(get(var), var_offset(var));
  if (dirty_[kVarNzcv]) store_state(packed_flags(with_pins), offsetof(cpu::CpuState, nzcv));
}

void Lowering::reload() {
  finish_fault_exit();  // of what was dirty before
  for (unsigned var = 0; var < kVarInState; ++var)
    if (used_[var]) b_.CreateStore(load_state(var_type(var), var_offset(var)), vars_[var]);
  if (lazy_flags_) b_.CreateStore(i32c(static_cast<u32>(FlagKind::Packed)), vars_[kVarFlagKind]);
  flags_ = FlagKind::Packed;
  dirty_.reset();
}

void Lowering::promote() {
  llvm::EliminateUnreachableBlocks(*function_);
  std::vector<llvm::AllocaInst*> all;
  for (llvm::AllocaInst* a : vars_)
    if (a != nullptr) all.push_back(a);
  for (const Stream& stream : streams_) all.insert(all.end(), {stream.tag, stream.host});
  llvm::DominatorTree tree(*function_);
  llvm::PromoteMemToReg(all, tree);
}

}  // namespace ferry::jit::optimizing
