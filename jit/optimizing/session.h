// An ORC session over one code memory: modules are compiled and linked into it, each is removed alone.
//
// What stands between: IRCompileLayer (Codegen's passes and code generator) over ObjectLinkingLayer (JITLink) over a
// memory manager that takes ranges of the code memory, writes through one mapping and links for the other. A module
// costs no kernel mapping.
#pragma once
#include <llvm/ExecutionEngine/Orc/ThreadSafeModule.h>

#include <memory>
#include <vector>

#include "core/result.h"
#include "core/types.h"
#include "jit/fault_table.h"

namespace ferry::jit::optimizing {

class Codegen;

class Session {
 public:
  // capacity: bytes of code memory.
  static Result<std::unique_ptr<Session>> create(usize capacity, Codegen& codegen);
  ~Session();

  struct Code {
    const void* entry = nullptr;
    u32 size = 0;  // bytes of code memory
    u32 text = 0;  // from entry to their end
    u64 id = 0;
    u64 compile_ns = 0;              // passes and code generation
    u64 link_ns = 0;                 // the rest: linking and the session's own work
    std::vector<FaultEntry> faults;  // instructions that it listed
    const u8* begin = nullptr;       // all of it, [begin, begin + size)
    u32 align = 16;                  // of its place
    u8* data = nullptr;              // the content of kDataSection, to write; null: it has none
    u32 data_size = 0;
    bool movable = false;  // it runs as it stands wherever its bytes are
  };
  // The section in which code lists its instructions that may fault: pairs of 32-bit distances, from each word itself,
  // to the instruction and to where it goes on. What a module lists is in the fault table while the module is there.
  static constexpr const char* kFaultSection = ".ferry_faults";

  // Compiles the module and links it; its function `name` must be unlike any other in the session. Fails when code
  // memory is full. One at a time.
  Result<Code> add(llvm::orc::ThreadSafeModule module, const std::string& name);
  // Any thread, also while another adds.
  void remove(u64 id);
  // Everything since keep() goes; not while another thread adds.
  void keep();
  void reset();

  // Where code memory is written.
  const u8* writable(const u8* code) const;
  usize used() const;
  usize capacity() const;
  const void* code_begin() const;
  usize units() const;

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferry::jit::optimizing
