#include "jit/baseline/emitter.h"

namespace ferry::jit::baseline {
namespace {

constexpr usize kBufferBytes =
    4 << 20;  // far above what kMaxBlockInsns instructions can need; only what is touched costs memory

}  // namespace

Emitter::Emitter() {
  asmjit::Environment env(asmjit::Arch::kX64);
  bool ok = code_.init(env) == asmjit::kErrorOk;
  ok = ok && code_.reserveBuffer(&code_.textSection()->buffer(), kBufferBytes) == asmjit::kErrorOk;
  ok = ok && code_.attach(&as) == asmjit::kErrorOk;
  ASSERT(ok, "asmjit could not start an assembler");
}

void Emitter::nops(unsigned count) {
  static constexpr u8 kNops[4][3] = {{}, {0x90, 0, 0}, {0x66, 0x90, 0}, {0x0f, 0x1f, 0x00}};
  for (; count > 3; count -= 3) {
    std::memcpy(as._bufferPtr, kNops[3], 3);
    as._bufferPtr += 3;
  }
  std::memcpy(as._bufferPtr, kNops[count], 3);
  as._bufferPtr += count;
}

void Emitter::mov_imm(unsigned to, u64 imm) {
  if (imm <= 0xffffffff) {
    if (to >= 8) byte(0x41);
    byte(0xb8 | (to & 7));
    word32(static_cast<u32>(imm));
  } else if (static_cast<i64>(imm) == static_cast<i32>(imm)) {
    rr(0xc7, true, 0, to);
    word32(static_cast<u32>(imm));
  } else {
    byte(to >= 8 ? 0x49 : 0x48);
    byte(0xb8 | (to & 7));
    word64(imm);
  }
}

void Emitter::alu_imm(Alu op, bool wide, unsigned to, i32 imm) {
  const bool small = imm == static_cast<i8>(imm);
  rr(small ? 0x83 : 0x81, wide, static_cast<unsigned>(op), to);
  if (small)
    byte(static_cast<u8>(imm));
  else
    word32(static_cast<u32>(imm));
}

void Emitter::alu_mem_imm(Alu op, bool wide, MemRef m, i32 imm) {
  const bool small = imm == static_cast<i8>(imm);
  rm(small ? 0x83 : 0x81, wide, static_cast<unsigned>(op), m);
  if (small)
    byte(static_cast<u8>(imm));
  else
    word32(static_cast<u32>(imm));
}

void Emitter::modrm(unsigned reg, MemRef m) {
  const unsigned base = m.base & 7u;
  const bool small = m.disp == static_cast<i8>(m.disp);
  // RBP and R13 as base need a displacement.
  const unsigned mod = m.disp == 0 && base != 5 ? 0u : small ? 1u : 2u;
  if (m.index != 0xff) {
    byte(mod << 6 | (reg & 7) << 3 | 4);
    byte(unsigned{m.scale} << 6 | (m.index & 7u) << 3 | base);
  } else if (base == 4) {
    byte(mod << 6 | (reg & 7) << 3 | 4);
    byte(0x24);
  } else {
    byte(mod << 6 | (reg & 7) << 3 | base);
  }
  if (mod == 1) byte(static_cast<u8>(m.disp));
  if (mod == 2) word32(static_cast<u32>(m.disp));
}

}  // namespace ferry::jit::baseline
