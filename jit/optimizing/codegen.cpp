#include "jit/optimizing/codegen.h"

#include <dlfcn.h>
#include <llvm/ExecutionEngine/RuntimeDyld.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/PassManager.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/SubtargetFeature.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/DCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/GVN.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Scalar/Sink.h>

#include <vector>

namespace ferry::jit::optimizing {

struct Codegen::Impl {
  unsigned level = 1;
  std::unique_ptr<llvm::TargetMachine> target;
  llvm::StringMap<bool> features;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::FunctionPassManager passes;

  void build_passes() {
    llvm::PassBuilder builder(target.get());
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(sccs);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, sccs, modules);
    if (level == 0) return;
    passes.addPass(llvm::EarlyCSEPass(level > 1));
    passes.addPass(llvm::SimplifyCFGPass());
    passes.addPass(llvm::InstCombinePass());
    if (level > 1) {
      passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), /*UseMemorySSA=*/true));
      passes.addPass(llvm::GVNPass());
      passes.addPass(llvm::InstCombinePass());
      passes.addPass(llvm::SimplifyCFGPass());
    }
    passes.addPass(llvm::SinkingPass());  // flags that only exits read
    passes.addPass(llvm::DCEPass());
  }
};

namespace {

// Sections go to code memory one after the other; they are written through one mapping and run in the other.
class Placer final : public llvm::RuntimeDyld::MemoryManager {
 public:
  explicit Placer(CodeMemory& memory) : memory_(memory) {}
  uint8_t* allocateCodeSection(uintptr_t size, unsigned alignment, unsigned, llvm::StringRef) override {
    return allocate(size, alignment);
  }
  uint8_t* allocateDataSection(uintptr_t size, unsigned alignment, unsigned, llvm::StringRef, bool) override {
    return allocate(size, alignment);
  }
  void registerEHFrames(uint8_t*, uint64_t, size_t) override {}
  void deregisterEHFrames() override {}
  bool finalizeMemory(std::string*) override { return false; }

  const std::vector<u8*>& sections() const { return sections_; }

 private:
  uint8_t* allocate(uintptr_t size, unsigned alignment) {
    const usize pad = (usize{0} - reinterpret_cast<std::uintptr_t>(memory_.next())) & (alignment - 1);
    u8* at = memory_.allocate(pad + (size == 0 ? 1 : size)) + pad;
    sections_.push_back(at);
    return at;
  }

  CodeMemory& memory_;
  std::vector<u8*> sections_;
};

// What code may call by name: nothing but the host's libraries (memory and mathematics functions that LLVM itself
// introduces).
class Symbols final : public llvm::LegacyJITSymbolResolver {
 public:
  llvm::JITSymbol findSymbolInLogicalDylib(const std::string&) override { return nullptr; }
  llvm::JITSymbol findSymbol(const std::string& name) override {
    return {reinterpret_cast<u64>(dlsym(RTLD_DEFAULT, name.c_str())), llvm::JITSymbolFlags::Exported};
  }
};

llvm::CodeGenOptLevel codegen_level(unsigned level) {
  static constexpr llvm::CodeGenOptLevel kLevels[] = {llvm::CodeGenOptLevel::None, llvm::CodeGenOptLevel::Less,
                                                      llvm::CodeGenOptLevel::Default,
                                                      llvm::CodeGenOptLevel::Aggressive};
  return kLevels[level];
}

}  // namespace

Codegen::Codegen(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Codegen::~Codegen() = default;

Result<std::unique_ptr<Codegen>> Codegen::create(unsigned level) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  auto impl = std::make_unique<Impl>();
  impl->level = level;
  impl->features = llvm::sys::getHostCPUFeatures();
  llvm::SubtargetFeatures features;
  for (const auto& f : impl->features) features.AddFeature(f.first(), f.second);
  const std::string triple = llvm::sys::getProcessTriple();
  std::string why;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, why);
  if (target == nullptr) return Error{"llvm: " + why};
  impl->target.reset(target->createTargetMachine(triple, llvm::sys::getHostCPUName(), features.getString(),
                                                 llvm::TargetOptions(), llvm::Reloc::PIC_, llvm::CodeModel::Small,
                                                 codegen_level(level), /*JIT=*/true));
  if (!impl->target) return Error{"llvm: no code generator for " + triple};
  impl->build_passes();
  return std::unique_ptr<Codegen>(new Codegen(std::move(impl)));
}

bool Codegen::host_has(const char* feature) const {
  const auto f = impl_->features.find(feature);
  return f != impl_->features.end() && f->second;
}

std::unique_ptr<llvm::Module> Codegen::new_module(llvm::LLVMContext& context) {
  auto module = std::make_unique<llvm::Module>("ferry", context);
  module->setDataLayout(impl_->target->createDataLayout());
  module->setTargetTriple(impl_->target->getTargetTriple().str());
  return module;
}

std::string Codegen::object_of(llvm::Module& module) {
  if (impl_->level > 0) {
    for (llvm::Function& f : module)
      if (!f.isDeclaration()) impl_->passes.run(f, impl_->functions);
    impl_->functions.clear();
    impl_->loops.clear();
    impl_->modules.clear();
  }
  llvm::SmallVector<char, 4096> bytes;
  llvm::raw_svector_ostream out(bytes);
  llvm::legacy::PassManager passes;
  llvm::MCContext* context = nullptr;
  const bool failed = impl_->target->addPassesToEmitMC(passes, context, out, /*DisableVerify=*/true);
  ASSERT(!failed, "LLVM cannot emit object code for its own host");
  passes.run(module);
  return {bytes.begin(), bytes.end()};
}

Result<Codegen::Placed> Codegen::place(const std::string& object, const char* name, CodeMemory& memory) {
  if (memory.available() < object.size() + 4096) return Error{"code memory: full"};
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "ferry"));
  ASSERT(static_cast<bool>(file), "LLVM does not read its own object file");
  const usize before = memory.used();
  Placer placer(memory);
  Symbols symbols;
  llvm::RuntimeDyld linker(placer, symbols);
  const auto loaded = linker.loadObject(**file);
  ASSERT(!linker.hasError(), "LLVM does not link its own object file");
  for (u8* section : placer.sections())
    linker.mapSectionAddress(section, reinterpret_cast<u64>(memory.executable(section)));
  linker.resolveRelocations();
  const u64 entry = linker.getSymbol(name).getAddress();
  ASSERT(entry != 0 && !linker.hasError(), "LLVM lost the function it compiled");
  Placed placed;
  placed.entry = reinterpret_cast<const void*>(entry);
  placed.size = static_cast<u32>(memory.used() - before);
  char* first = reinterpret_cast<char*>(const_cast<u8*>(memory.executable(memory.writable(placed.entry))));
  __builtin___clear_cache(first, first + placed.size);
  return placed;
}

}  // namespace ferry::jit::optimizing
