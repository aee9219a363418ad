#include "tests/frontend/map/llvm.h"

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

#include <array>
#include <mutex>

#include "core/check.h"

extern "C" {
void LLVMInitializeAArch64TargetInfo();
void LLVMInitializeAArch64TargetMC();
void LLVMInitializeAArch64Disassembler();
}

namespace ferry::map {

struct LlvmDecoder::Parts {
  llvm::MCTargetOptions options;
  std::unique_ptr<llvm::MCRegisterInfo> registers;
  std::unique_ptr<llvm::MCAsmInfo> assembler;
  std::unique_ptr<llvm::MCInstrInfo> instructions;
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget;
  std::unique_ptr<llvm::MCContext> context;
  std::unique_ptr<llvm::MCDisassembler> disassembler;
  llvm::MCInst inst;
};

LlvmDecoder::LlvmDecoder(const std::string& features) : parts_(std::make_unique<Parts>()) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64Disassembler();
  });
  const std::string triple = "aarch64-none-elf";
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  ASSERT(target != nullptr, "LLVM has no AArch64");
  Parts& p = *parts_;
  p.registers.reset(target->createMCRegInfo(triple));
  p.assembler.reset(target->createMCAsmInfo(*p.registers, triple, p.options));
  p.instructions.reset(target->createMCInstrInfo());
  p.subtarget.reset(target->createMCSubtargetInfo(triple, "", features));
  p.context =
      std::make_unique<llvm::MCContext>(llvm::Triple(triple), p.assembler.get(), p.registers.get(), p.subtarget.get());
  p.disassembler.reset(target->createMCDisassembler(*p.subtarget, *p.context));
  ASSERT(p.disassembler != nullptr, "LLVM has no AArch64 disassembler");
}
LlvmDecoder::~LlvmDecoder() = default;
LlvmDecoder::LlvmDecoder(LlvmDecoder&&) noexcept = default;

unsigned LlvmDecoder::opcode(u32 word) {
  Parts& p = *parts_;
  const std::array<u8, 4> bytes = {static_cast<u8>(word), static_cast<u8>(word >> 8), static_cast<u8>(word >> 16),
                                   static_cast<u8>(word >> 24)};
  u64 size = 0;
  p.inst.clear();
  const auto status = p.disassembler->getInstruction(p.inst, size, bytes, 0, llvm::nulls());
  return status == llvm::MCDisassembler::Fail ? 0 : p.inst.getOpcode();
}

std::string LlvmDecoder::name(unsigned opcode) const { return parts_->instructions->getName(opcode).str(); }

}  // namespace ferry::map
