#include "jit/optimizing/codegen.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/PassManager.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
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

#include <chrono>
#include <cstdlib>
#include <mutex>

namespace ferry::jit::optimizing {

u64 now_ns() {
  return static_cast<u64>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

struct Codegen::Impl {
  unsigned level = 1;
  u64 compile_ns = 0;
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
    llvm::InitializeNativeTargetAsmParser();  // the window's accesses are inline assembly
  });
  auto impl = std::make_unique<Impl>();
  impl->level = level;
  // Tests that count host instructions name a processor, so that every host gives the same.
  const char* const named = std::getenv("FERRY_LLVM_CPU");
  const std::string cpu = named != nullptr ? named : llvm::sys::getHostCPUName().str();
  if (named == nullptr)
    impl->features = llvm::sys::getHostCPUFeatures();
  else
    for (const char* f : {"avx", "avx2", "bmi", "bmi2", "fma", "lzcnt", "popcnt", "sse4.1", "sse4.2"})
      impl->features[f] = true;
  llvm::SubtargetFeatures features;
  for (const auto& f : impl->features) features.AddFeature(f.first(), f.second);
  const std::string triple = llvm::sys::getProcessTriple();
  std::string why;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, why);
  if (target == nullptr) return Error{"llvm: " + why};
  impl->target.reset(target->createTargetMachine(triple, cpu, features.getString(), llvm::TargetOptions(),
                                                 llvm::Reloc::PIC_, llvm::CodeModel::Small, codegen_level(level),
                                                 /*JIT=*/true));
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

char Codegen::global_prefix() const { return impl_->target->createDataLayout().getGlobalPrefix(); }
u64 Codegen::compile_ns() const { return impl_->compile_ns; }

std::unique_ptr<llvm::MemoryBuffer> Codegen::object_of(llvm::Module& module) {
  const u64 start = now_ns();
  if (impl_->level > 0) {
    for (llvm::Function& f : module)
      if (!f.isDeclaration()) impl_->passes.run(f, impl_->functions);
    impl_->functions.clear();
    impl_->loops.clear();
    impl_->modules.clear();
  }
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  llvm::legacy::PassManager passes;
  llvm::MCContext* context = nullptr;
  const bool failed = impl_->target->addPassesToEmitMC(passes, context, out, /*DisableVerify=*/true);
  ASSERT(!failed, "LLVM cannot emit object code for its own host");
  passes.run(module);
  impl_->compile_ns += now_ns() - start;
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(bytes), /*RequiresNullTerminator=*/false);
}

}  // namespace ferry::jit::optimizing
