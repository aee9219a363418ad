#include "jit/optimizing/optimizing.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <mutex>
#include <unordered_map>
#include <vector>

#include "jit/generated_call.h"
#include "jit/optimizing/codegen.h"
#include "jit/optimizing/heap.h"
#include "jit/optimizing/lowering.h"
#include "jit/optimizing/session.h"
#include "jit/region_code.h"

namespace ferry::jit {

using optimizing::block_convention;
using optimizing::block_type;
using optimizing::Codegen;
using optimizing::Lowering;
using optimizing::LoweringOptions;
using optimizing::Session;
using optimizing::Unit;

namespace {

#if defined(__x86_64__)
// A slow path that leaves the caller's registers alone, so that the fast path around it keeps them: the address of
// MemHelper `helper` is taken from the state at each call.
llvm::Function* make_thunk(llvm::Module& module, const std::string& name, MemHelper helper, usize words) {
  llvm::LLVMContext& c = module.getContext();
  llvm::IRBuilder<> b(c);
  std::vector<llvm::Type*> params = {b.getPtrTy(), b.getInt64Ty(), b.getInt32Ty()};
  params.insert(params.end(), words, b.getInt64Ty());
  llvm::FunctionType* type = llvm::FunctionType::get(b.getInt64Ty(), params, false);
  llvm::Function* f = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
  f->setCallingConv(llvm::CallingConv::PreserveAll);
  f->addFnAttr(llvm::Attribute::NoUnwind);
  b.SetInsertPoint(llvm::BasicBlock::Create(c, "", f));
  llvm::Value* table = b.CreateLoad(
      b.getPtrTy(), b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), f->getArg(0), offsetof(cpu::CpuState, mem_helpers)));
  llvm::Value* target =
      b.CreateLoad(b.getPtrTy(), b.CreateConstInBoundsGEP1_64(b.getPtrTy(), table, static_cast<u64>(helper)));
  std::vector<llvm::Value*> args;
  for (llvm::Argument& a : f->args()) args.push_back(&a);
  llvm::Value* fp = b.CreateAlloca(b.getInt32Ty());
  optimizing::store_host_fp(b, fp);
  llvm::CallInst* call = b.CreateCall(type, target, args);
  call->setDoesNotThrow();
  optimizing::load_host_fp(b, fp);
  b.CreateRet(call);
  return f;
}

// The same for ops that run by their meaning.
llvm::Function* make_evaluate_thunk(llvm::Module& module, const std::string& name) {
  llvm::LLVMContext& c = module.getContext();
  llvm::IRBuilder<> b(c);
  llvm::GlobalVariable* data = optimizing::begin_data(module);
  llvm::FunctionType* type = llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy(), b.getPtrTy(), b.getPtrTy()}, false);
  llvm::Function* f = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
  f->setCallingConv(llvm::CallingConv::PreserveAll);
  f->addFnAttr(llvm::Attribute::NoUnwind);
  b.SetInsertPoint(llvm::BasicBlock::Create(c, "", f));
  llvm::Value* fp = b.CreateAlloca(b.getInt32Ty());
  optimizing::store_host_fp(b, fp);
  llvm::Value* target = optimizing::load_word(b, data, b.getPtrTy(),
                                              offsetof(RegionWords, calls) + offsetof(RegionCalls, plain_evaluate));
  b.CreateCall(type, target, {f->getArg(0), f->getArg(1), f->getArg(2)})->setDoesNotThrow();
  optimizing::load_host_fp(b, fp);
  b.CreateRetVoid();
  optimizing::finish_data(data, std::vector<u8>(sizeof(RegionWords)));
  return f;
}
#endif

// Where exits go that are not linked: a block that stores what is pinned and leaves.
llvm::Function* make_next(llvm::Module& module, const std::string& name) {
  llvm::LLVMContext& c = module.getContext();
  llvm::IRBuilder<> b(c);
  llvm::Function* f = llvm::Function::Create(block_type(c), llvm::Function::ExternalLinkage, name, module);
  f->setCallingConv(block_convention());
  f->addFnAttr(llvm::Attribute::NoUnwind);
  b.SetInsertPoint(llvm::BasicBlock::Create(c, "", f));
  for (usize i = 0; i < kPinned.size(); ++i) {
    llvm::Value* value = f->getArg(static_cast<unsigned>(i + 1));
    if (kPinned[i] == Pin::Nzcv) value = b.CreateTrunc(value, b.getInt32Ty());
    b.CreateStore(value, b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), f->getArg(0), pin_offset(kPinned[i])));
  }
  b.CreateRet(b.getInt32(static_cast<u32>(ExitReason::Next)));
  return f;
}

// From C++ into translated code: loads what is pinned and calls the entry.
llvm::Function* make_enter(llvm::Module& module, const std::string& name) {
  llvm::LLVMContext& c = module.getContext();
  llvm::IRBuilder<> b(c);
  llvm::FunctionType* type = llvm::FunctionType::get(b.getInt32Ty(), {b.getPtrTy(), b.getPtrTy()}, false);
  llvm::Function* f = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
  f->addFnAttr(llvm::Attribute::NoUnwind);
  b.SetInsertPoint(llvm::BasicBlock::Create(c, "", f));
  std::vector<llvm::Value*> args = {f->getArg(0)};
  for (const Pin p : kPinned) {
    llvm::Type* t = p == Pin::Nzcv ? b.getInt32Ty() : b.getInt64Ty();
    llvm::Value* v = b.CreateLoad(t, b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), f->getArg(0), pin_offset(p)));
    args.push_back(b.CreateZExt(v, b.getInt64Ty()));
  }
  llvm::CallInst* call = b.CreateCall(block_type(c), f->getArg(1), args);
  call->setCallingConv(block_convention());
  call->setDoesNotThrow();
  b.CreateRet(call);
  return f;
}

}  // namespace

struct Optimizing::Impl {
  // Builds a module with one function and compiles it. Code without an entry: that would take more than `room` bytes of
  // heap.
  template <class F>
  Result<Session::Code> make(F build, u64 room = ~u64{0}) {
    llvm::orc::ThreadSafeContext context(std::make_unique<llvm::LLVMContext>());
    auto module = codegen->new_module(*context.getContext());
    const std::string name = "f" + std::to_string(names++);
    build(*module, name);
    const u64 taken = optimizing::heap_to_compile(*module);
    if (taken > room) return Session::Code{};
    count_heap(taken);
    return session->add({std::move(module), std::move(context)}, name);
  }
  bool has_thunks() const { return calls.evaluate != nullptr; }
  LoweringOptions options(const Region& region) const {
    return {.write_through = level == 0 && region.blocks.size() == 1,
            .window = window,
            .host_has_ssse3 = codegen->host_has("ssse3"),
            .host_has_fma = codegen->host_has("fma"),
            .host_has_cx16 = codegen->host_has("cx16"),
            .host_has_aes = codegen->host_has("aes"),
            .host_has_pclmul = codegen->host_has("pclmul"),
            .host_has_sha = codegen->host_has("sha"),
            .host_has_crc32 = codegen->host_has("sse4.2")};
  }

  // What a compilation takes beside what is kept.
  void count_heap(u64 taken) {
    std::lock_guard lock(mutex);
    heap_peak = std::max(heap_peak, heap_kept + heap_held + taken);
  }
  // Bytes of heap that a compilation may take; 0: none are left.
  u64 heap_room() const {
    std::lock_guard lock(mutex);
    return heap_limit - std::min(heap_limit, heap_kept + heap_held);
  }
  // Placed code as it would run anywhere. Before it is bound.
  RegionImage image_of(const Session::Code& code) const {
    RegionImage image;
    const u8* const from = session->writable(code.begin);
    image.bytes.assign(from, from + static_cast<usize>(static_cast<const u8*>(code.entry) - code.begin) + code.text);
    image.align = code.align;
    image.entry = static_cast<u32>(static_cast<const u8*>(code.entry) - code.begin);
    image.text = code.text;
    image.data = code.data == nullptr ? 0 : static_cast<u32>(code.data - from);
    image.data_size = code.data_size;
    for (const FaultEntry& f : code.faults)
      image.faults.push_back({static_cast<u32>(f.pc - reinterpret_cast<u64>(code.begin)),
                              static_cast<u32>(f.label - reinterpret_cast<u64>(code.begin))});
    return image;
  }
  // A function that regions call.
  template <class F>
  const void* make_called(F build) {
    auto code = make(build);
    if (!code) return nullptr;
    calls_movable = calls_movable && code->movable;
    save_part(image_of(*code), saved_calls);
    if (code->data != nullptr) bind_data(code->data, {}, calls, ~u64{0}, nullptr);
    return code->entry;
  }
  struct Kept {
    std::vector<LinkSite> sites;
    u64 heap = 0;  // bytes, as heap.h counts them
  };

  std::unique_ptr<Codegen> codegen;
  std::unique_ptr<Session> session;
  unsigned level = 1;
  bool window = false;
  u64 names = 0;
  RegionCalls calls = plain_region_calls();
  bool calls_movable = true;
  std::vector<u8> saved_calls;
  std::vector<u8> saved;  // what was compiled last; empty: it cannot be moved
  u32 (*enter)(cpu::CpuState*, const void*) = nullptr;
  std::mutex compile_mutex;             // codegen, names, saved; held through a compilation
  mutable std::mutex mutex;             // units, stats, heap_kept, heap_held, heap_peak
  std::unordered_map<u64, Kept> units;  // by CompiledCode::id
  u64 heap_limit = ~u64{0}, heap_kept = 0, heap_held = 0, heap_peak = 0;
  OptimizingStats stats;
};

Optimizing::Optimizing(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Optimizing::~Optimizing() = default;

Result<std::unique_ptr<Optimizing>> Optimizing::create(usize capacity, unsigned level, bool window, u64 heap) {
  auto impl = std::make_unique<Impl>();
  auto codegen = Codegen::create(level);
  if (!codegen) return codegen.error();
  impl->codegen = std::move(*codegen);
  auto session = Session::create(capacity, *impl->codegen);
  if (!session) return session.error();
  impl->session = std::move(*session);
  impl->level = level;
  impl->window = window;
  impl->heap_limit = heap;
  auto enter = impl->make(make_enter);
  if (!enter) return Error{"code memory: too small, expected at least 64 KiB"};
  impl->enter = reinterpret_cast<u32 (*)(cpu::CpuState*, const void*)>(reinterpret_cast<std::uintptr_t>(enter->entry));
  impl->calls.next = impl->make_called(make_next);
  bool fits = impl->calls.next != nullptr;
#if defined(__x86_64__)
  const auto thunk = [&](MemHelper helper, usize words) {
    return impl->make_called([=](llvm::Module& m, const std::string& name) { make_thunk(m, name, helper, words); });
  };
  impl->calls.load = thunk(MemHelper::Load, 0);
  impl->calls.store = thunk(MemHelper::Store, 2);
  impl->calls.evaluate = impl->make_called(make_evaluate_thunk);
  fits = fits && impl->calls.load != nullptr && impl->calls.store != nullptr && impl->calls.evaluate != nullptr;
#endif
  if (!fits) return Error{"code memory: too small, expected at least 64 KiB"};
  impl->session->keep();
  return std::unique_ptr<Optimizing>(new Optimizing(std::move(impl)));
}

Result<CompiledCode> Optimizing::compile(const ir::Block& block, void* owner) {
  if (impl_->heap_room() == 0) return Error{"compile heap: full"};
  return compile_within({{{&block, 0}}}, owner, ~u64{0});
}

Result<CompiledCode> Optimizing::compile_region(const Region& region, void* owner) {
  const u64 room = impl_->heap_room();
  if (optimizing::heap_to_lower(region) > room) return CompiledCode{};
  return compile_within(region, owner, room);
}

Result<CompiledCode> Optimizing::compile_within(const Region& region, void* owner, u64 room) {
  Impl& m = *impl_;
  std::lock_guard compiling(m.compile_mutex);
  const u64 start = optimizing::now_ns();
  Unit unit;
  u64 lowered = start;
  auto placed = m.make(
      [&](llvm::Module& module, const std::string& name) {
        Lowering(module, region, unit, m.has_thunks(), m.options(region)).run(name);
        lowered = optimizing::now_ns();
      },
      room);
  if (!placed) return placed.error();
  CompiledCode code;
  if (placed->entry == nullptr) return code;
  code.entry = placed->entry;
  code.size = placed->size;
  code.text = placed->text;
  code.id = placed->id;
  m.saved.clear();
  if (placed->movable && m.calls_movable) {
    RegionImage image = m.image_of(*placed);
    image.exits = unit.exits;
    image.insns = region.insn_count();
    save_image(image, m.saved);
  }
  Impl::Kept kept;
  if (placed->data != nullptr) kept.sites = bind_data(placed->data, unit.exits, m.calls, region.context, owner);
  for (LinkSite& site : kept.sites) code.links.push_back(&site);
  kept.heap = optimizing::heap_to_keep(unit, placed->faults.size());
  std::lock_guard lock(m.mutex);
  m.heap_kept += kept.heap;
  m.units.emplace(code.id, std::move(kept));
  ++m.stats.units;
  m.stats.guest_insns += region.insn_count();
  m.stats.host_bytes += code.size;
  m.stats.lower_ns += lowered - start;
  m.stats.emit_ns += placed->compile_ns;
  m.stats.place_ns += placed->link_ns;
  return code;
}

bool Optimizing::save_region(std::vector<u8>& out) {
  std::lock_guard compiling(impl_->compile_mutex);
  out.swap(impl_->saved);
  impl_->saved.clear();
  return !out.empty();
}

bool Optimizing::save_calls(std::vector<u8>& out) {
  if (!impl_->calls_movable) return false;
  out = impl_->saved_calls;
  return true;
}

void Optimizing::link(LinkSite& site, const void* target, u64 context) { link_exit(site, target, context); }
void Optimizing::unlink(LinkSite& site) { unlink_exit(site); }

void Optimizing::release(CompiledCode& code) {
  impl_->session->remove(code.id);
  std::lock_guard lock(impl_->mutex);
  if (const auto unit = impl_->units.find(code.id); unit != impl_->units.end()) {
    impl_->heap_kept -= unit->second.heap;
    impl_->units.erase(unit);
  }
  code = {};
}

void Optimizing::reset() {
  std::lock_guard compiling(impl_->compile_mutex);
  impl_->session->reset();
  std::lock_guard lock(impl_->mutex);
  impl_->units.clear();
  impl_->heap_kept = 0;
}

// The host's FP status is the guest's while translated code runs, as in the baseline.
FERRY_CALLS_GENERATED u32 Optimizing::enter(cpu::CpuState& s, const void* entry) {
#if defined(__x86_64__)
  const u32 host = _mm_getcsr();
  _mm_setcsr(optimizing::kHostFpClean);
  const u32 reason = impl_->enter(&s, entry);
  const u32 flags = _mm_getcsr();
  s.fpsr |= (flags & 1) | ((flags >> 1) & 0x1e);
  _mm_setcsr(host);
  return reason;
#else
  return impl_->enter(&s, entry);
#endif
}

usize Optimizing::regions() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->units.size();
}

u64 Optimizing::heap() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->heap_kept;
}

void Optimizing::hold_heap(u64 bytes) {
  std::lock_guard lock(impl_->mutex);
  impl_->heap_held = bytes;
}

u64 Optimizing::heap_peak() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->heap_peak;
}

usize Optimizing::used() const { return impl_->session->used(); }
usize Optimizing::capacity() const { return impl_->session->capacity(); }
const void* Optimizing::code_begin() const { return impl_->session->code_begin(); }

OptimizingStats Optimizing::stats() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->stats;
}

}  // namespace ferry::jit
