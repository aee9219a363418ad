#include "jit/optimizing/session.h"

#include <llvm/ExecutionEngine/JITLink/JITLink.h>
#include <llvm/ExecutionEngine/JITLink/x86_64.h>
#include <llvm/ExecutionEngine/Orc/ExecutionUtils.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/IRCompileLayer.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>

#include <mutex>
#include <unordered_map>

#include "jit/code_memory.h"
#include "jit/optimizing/codegen.h"
#include "jit/optimizing/lowering.h"
#include "jit/slab.h"

namespace ferry::jit::optimizing {

namespace orc = llvm::orc;
namespace jitlink = llvm::jitlink;

namespace {

constexpr u64 kTidyEvery = 64;  // modules between two looks for names that nobody uses any more

// JITLink's view of the code memory. Everything of an object (code and constants) goes into one range.
class Memory final : public jitlink::JITLinkMemoryManager {
 public:
  explicit Memory(CodeMemory memory)
      : memory_(std::move(memory)),
        capacity_(memory_.available()),
        exec_(memory_.next()),
        write_(memory_.allocate(capacity_)),
        slab_(capacity_) {}

  void allocate(const jitlink::JITLinkDylib*, jitlink::LinkGraph& graph, OnAllocatedFunction done) override {
    jitlink::BasicLayout layout(graph);
    usize size = 0, align = 16;
    for (auto& segment : layout.segments()) {
      const usize a = segment.second.Alignment.value();
      align = std::max(align, a);
      size = (size + a - 1) & ~(a - 1);
      size += segment.second.ContentSize + segment.second.ZeroFillSize;
    }
    usize at = Slab::kNone;
    {
      std::lock_guard lock(mutex_);
      at = slab_.allocate(std::max<usize>((size + 15) & ~usize{15}, 16), align);
      if (at != Slab::kNone) {
        last_ = at;
        last_end_ = at + size;
        last_align_ = align;
      }
    }
    if (at == Slab::kNone) return done(llvm::createStringError("code memory: full"));
    usize offset = at;
    std::memset(write_ + at, 0, size);  // between the segments too: the same module is the same bytes
    for (auto& segment : layout.segments()) {
      const usize a = segment.second.Alignment.value();
      offset = (offset + a - 1) & ~(a - 1);
      segment.second.Addr = orc::ExecutorAddr::fromPtr(exec_ + offset);
      segment.second.WorkingMem = reinterpret_cast<char*>(write_ + offset);
      offset += segment.second.ContentSize + segment.second.ZeroFillSize;
    }
    if (auto error = layout.apply()) {
      give_back(at);
      return done(std::move(error));
    }
    done(std::make_unique<InFlight>(*this, graph, at));
  }

  void deallocate(std::vector<FinalizedAlloc> all, OnDeallocatedFunction done) override {
    for (FinalizedAlloc& a : all) give_back(static_cast<usize>(a.release().getValue()));
    done(llvm::Error::success());
  }

  // The range that was taken last.
  const u8* last_end() const {
    std::lock_guard lock(mutex_);
    return exec_ + last_end_;
  }
  usize last_align() const {
    std::lock_guard lock(mutex_);
    return last_align_;
  }
  const u8* last_begin() const {
    std::lock_guard lock(mutex_);
    return exec_ + last_;
  }
  u8* writable(const u8* code) const { return write_ + (code - exec_); }
  usize last_size() const {
    std::lock_guard lock(mutex_);
    return slab_.size_of(last_);
  }
  usize used() const {
    std::lock_guard lock(mutex_);
    return slab_.used();
  }
  usize capacity() const { return capacity_; }
  const u8* begin() const { return exec_; }

 private:
  class InFlight final : public InFlightAlloc {
   public:
    InFlight(Memory& memory, jitlink::LinkGraph& graph, usize at) : memory_(memory), graph_(graph), at_(at) {}
    void abandon(OnAbandonedFunction done) override {
      memory_.give_back(at_);
      done(llvm::Error::success());
    }
    void finalize(OnFinalizedFunction done) override {
      if (auto actions = orc::shared::runFinalizeActions(graph_.allocActions()); !actions)
        return done(actions.takeError());
      char* first = reinterpret_cast<char*>(const_cast<u8*>(memory_.exec_ + at_));
      __builtin___clear_cache(first, first + memory_.last_size());
      done(FinalizedAlloc(orc::ExecutorAddr(at_)));
    }

   private:
    Memory& memory_;
    jitlink::LinkGraph& graph_;
    usize at_;
  };

  void give_back(usize at) {
    std::lock_guard lock(mutex_);
    slab_.release(at);
  }

  CodeMemory memory_;
  const usize capacity_;
  const u8* exec_;
  u8* write_;
  mutable std::mutex mutex_;  // slab_, last_
  Slab slab_;
  usize last_ = 0, last_end_ = 0, last_align_ = 16;
};

class Compiler final : public orc::IRCompileLayer::IRCompiler {
 public:
  explicit Compiler(Codegen& codegen) : IRCompiler(orc::IRSymbolMapper::ManglingOptions()), codegen_(codegen) {}
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> operator()(llvm::Module& module) override {
    return codegen_.object_of(module);
  }

 private:
  Codegen& codegen_;
};

// Whether what such an edge says is the same wherever the code lies, if its target lies with it.
bool is_relative(jitlink::Edge::Kind kind) {
  switch (kind) {
    case jitlink::Edge::KeepAlive:
    case jitlink::x86_64::Delta32:
    case jitlink::x86_64::Delta64:
    case jitlink::x86_64::NegDelta32:
    case jitlink::x86_64::NegDelta64:
    case jitlink::x86_64::PCRel32:
    case jitlink::x86_64::BranchPCRel32: return true;
    default: return false;
  }
}

bool is_movable(jitlink::LinkGraph& graph) {
  if (!graph.getTargetTriple().isX86()) return false;
  for (const jitlink::Block* block : graph.blocks())
    for (const jitlink::Edge& edge : block->edges())
      if (!is_relative(edge.getKind()) || !edge.getTarget().isDefined()) return false;
  return true;
}

// Reads of what is linked its fault sections, where its data is, and whether it can be moved.
class Reader final : public orc::ObjectLinkingLayer::Plugin {
 public:
  void modifyPassConfig(orc::MaterializationResponsibility&, jitlink::LinkGraph&,
                        jitlink::PassConfiguration& passes) override {
    passes.PrePrunePasses.push_back([](jitlink::LinkGraph& graph) {
      // Nobody refers to it, but it is needed.
      if (auto* section = graph.findSectionByName(Session::kFaultSection))
        for (jitlink::Block* block : section->blocks()) graph.addAnonymousSymbol(*block, 0, 0, false, true);
      return llvm::Error::success();
    });
    passes.PostFixupPasses.push_back([this](jitlink::LinkGraph& graph) {
      found_ = {};
      found_.movable = is_movable(graph);
      if (auto* data = graph.findSectionByName(kDataSection)) {
        for (const jitlink::Block* block : data->blocks()) {
          found_.movable = found_.movable && found_.data == nullptr;
          found_.data = block->getAddress().toPtr<const u8*>();
          found_.data_size = static_cast<u32>(block->getSize());
        }
      }
      if (auto* section = graph.findSectionByName(Session::kFaultSection))
        for (const jitlink::Block* block : section->blocks()) read(*block);
      return llvm::Error::success();
    });
  }
  llvm::Error notifyFailed(orc::MaterializationResponsibility&) override { return llvm::Error::success(); }
  llvm::Error notifyRemovingResources(orc::JITDylib&, orc::ResourceKey) override { return llvm::Error::success(); }
  void notifyTransferringResources(orc::JITDylib&, orc::ResourceKey, orc::ResourceKey) override {}

  struct Found {
    std::vector<FaultEntry> faults;
    const u8* data = nullptr;
    u32 data_size = 0;
    bool movable = false;
  };
  // What was linked since the last call. Modules are added one at a time.
  Found take() { return std::exchange(found_, {}); }

 private:
  void read(const jitlink::Block& block) {
    const llvm::ArrayRef<char> content = block.getContent();
    for (usize at = 0; at + 8 <= content.size(); at += 8) {
      i32 distance[2];
      std::memcpy(distance, content.data() + at, sizeof distance);
      const u64 here = block.getAddress().getValue() + at;
      found_.faults.push_back(
          {here + static_cast<u64>(i64{distance[0]}), here + 4 + static_cast<u64>(i64{distance[1]})});
    }
  }
  Found found_;
};

std::string text_of(llvm::Error error) { return llvm::toString(std::move(error)); }

}  // namespace

struct Session::Impl {
  Impl(std::unique_ptr<orc::ExecutorProcessControl> control, Memory& m, Codegen& g)
      : memory(m),
        codegen(g),
        session(std::move(control)),
        objects(session, m),
        modules(session, objects, std::make_unique<Compiler>(g)),
        dylib(session.createBareJITDylib("ferry")) {
    reader = std::make_shared<Reader>();
    objects.addPlugin(reader);
    // A full memory is told by what add() returns.
    session.setErrorReporter([](llvm::Error error) { llvm::consumeError(std::move(error)); });
  }
  ~Impl() {
    for (const auto& [id, m] : loaded) remove_faults(m.faults);
    llvm::consumeError(session.endSession());
  }

  Memory& memory;  // the process control owns it
  Codegen& codegen;
  orc::ExecutionSession session;
  orc::ObjectLinkingLayer objects;
  orc::IRCompileLayer modules;
  orc::JITDylib& dylib;
  std::shared_ptr<Reader> reader;
  struct Loaded {
    orc::ResourceTrackerSP tracker;
    std::vector<FaultEntry> faults;
  };
  mutable std::mutex mutex;  // loaded, next_id
  std::unordered_map<u64, Loaded> loaded;
  u64 next_id = 1, first_id = 1;
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::create(usize capacity, Codegen& codegen) {
  auto code = CodeMemory::create(capacity);
  if (!code) return code.error();
  auto manager = std::make_unique<Memory>(std::move(*code));
  Memory& memory = *manager;
  auto control = orc::SelfExecutorProcessControl::Create(nullptr, nullptr, std::move(manager));
  if (!control) return Error{"llvm: " + text_of(control.takeError())};
  auto impl = std::make_unique<Impl>(std::move(*control), memory, codegen);
  // What code may call by name: the host's libraries, for the memory and mathematics functions that LLVM introduces.
  auto host = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(codegen.global_prefix());
  if (!host) return Error{"llvm: " + text_of(host.takeError())};
  impl->dylib.addGenerator(std::move(*host));
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

Result<Session::Code> Session::add(orc::ThreadSafeModule module, const std::string& name) {
  Impl& m = *impl_;
  const u64 start = now_ns();
  const u64 compiled_before = m.codegen.compile_ns();
  orc::ResourceTrackerSP tracker = m.dylib.createResourceTracker();
  if (auto error = m.modules.add(tracker, std::move(module))) return Error{"llvm: " + text_of(std::move(error))};
  auto symbol = m.session.lookup({&m.dylib}, name);
  Code code;
  std::lock_guard lock(m.mutex);
  code.id = m.next_id++;
  if (code.id % kTidyEvery == 0) m.session.getSymbolStringPool()->clearDeadEntries();
  if (!symbol) {
    m.reader->take();
    llvm::consumeError(symbol.takeError());
    llvm::consumeError(tracker->remove());
    return Error{"code memory: full"};
  }
  code.entry = symbol->getAddress().toPtr<const void*>();
  code.size = static_cast<u32>(m.memory.last_size());
  code.text = static_cast<u32>(m.memory.last_end() - static_cast<const u8*>(code.entry));
  code.compile_ns = m.codegen.compile_ns() - compiled_before;
  code.link_ns = now_ns() - start - code.compile_ns;
  Reader::Found found = m.reader->take();
  add_faults(found.faults);
  code.begin = m.memory.last_begin();
  code.align = static_cast<u32>(m.memory.last_align());
  code.data = found.data == nullptr ? nullptr : m.memory.writable(found.data);
  code.data_size = found.data_size;
  code.movable = found.movable;
  code.faults = found.faults;
  m.loaded.emplace(code.id, Impl::Loaded{std::move(tracker), std::move(found.faults)});
  return code;
}

void Session::remove(u64 id) {
  Impl::Loaded module;
  {
    std::lock_guard lock(impl_->mutex);
    const auto it = impl_->loaded.find(id);
    if (it == impl_->loaded.end()) return;
    module = std::move(it->second);
    impl_->loaded.erase(it);
  }
  remove_faults(module.faults);
  llvm::consumeError(module.tracker->remove());
}

void Session::keep() {
  std::lock_guard lock(impl_->mutex);
  impl_->first_id = impl_->next_id;
}

void Session::reset() {
  std::vector<u64> all;
  {
    std::lock_guard lock(impl_->mutex);
    for (const auto& [id, module] : impl_->loaded)
      if (id >= impl_->first_id) all.push_back(id);
  }
  for (const u64 id : all) remove(id);
  impl_->session.getSymbolStringPool()->clearDeadEntries();
}

const u8* Session::writable(const u8* code) const { return impl_->memory.writable(code); }
usize Session::used() const { return impl_->memory.used(); }
usize Session::capacity() const { return impl_->memory.capacity(); }
const void* Session::code_begin() const { return impl_->memory.begin(); }
usize Session::units() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->loaded.size();
}

}  // namespace ferry::jit::optimizing
