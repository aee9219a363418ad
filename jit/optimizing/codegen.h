// From an LLVM module to an object file in memory: one TargetMachine and one set of analysis managers, reused.
#pragma once
#include <llvm/IR/Module.h>
#include <llvm/Support/MemoryBuffer.h>

#include <memory>

#include "core/result.h"
#include "core/types.h"

namespace ferry::jit::optimizing {

u64 now_ns();

class Codegen {
 public:
  // level: 0..3, which passes run and how hard code generation tries.
  static Result<std::unique_ptr<Codegen>> create(unsigned level);
  ~Codegen();

  std::unique_ptr<llvm::Module> new_module(llvm::LLVMContext& context);
  bool host_has(const char* feature) const;
  // What the host puts before the names of C functions; 0: nothing.
  char global_prefix() const;
  // Optimizes the module and makes an object file of it. One at a time.
  std::unique_ptr<llvm::MemoryBuffer> object_of(llvm::Module& module);
  // Spent in object_of so far.
  u64 compile_ns() const;

 private:
  struct Impl;
  explicit Codegen(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferry::jit::optimizing
