// From an LLVM module to code in a CodeMemory: one TargetMachine and one set of analysis managers, reused; the object
// file goes through memory.
#pragma once
#include <llvm/IR/Module.h>

#include <memory>
#include <mutex>

#include "core/result.h"
#include "jit/code_memory.h"

namespace ferry::jit::optimizing {

class Codegen {
 public:
  // level: 0..3, which passes run and how hard code generation tries.
  static Result<std::unique_ptr<Codegen>> create(unsigned level);
  ~Codegen();

  std::unique_ptr<llvm::Module> new_module(llvm::LLVMContext& context);
  bool host_has(const char* feature) const;
  // Optimizes the module and makes an object file of it.
  std::string object_of(llvm::Module& module);
  struct Placed {
    const void* entry = nullptr;  // executable address of `name`
    u32 size = 0;
  };
  // Places an object in code memory; fails when that is full. The caller holds whatever guards the memory.
  static Result<Placed> place(const std::string& object, const char* name, CodeMemory& memory);

 private:
  struct Impl;
  explicit Codegen(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferry::jit::optimizing
