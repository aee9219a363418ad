// Writes x86-64 instructions into a scratch buffer. The forms that make up most of the code (moves, two-operand
// arithmetic, jumps) are encoded here, since that costs a few stores; everything else goes through asmjit's assembler
// on the same buffer.
#pragma once
#include <asmjit/x86.h>

#include <cstring>
#include <span>
#include <vector>

#include "core/check.h"
#include "jit/baseline/host.h"

namespace ferry::jit::baseline {

// Conditions as the low four bits of jcc, setcc and cmovcc opcodes.
enum class Cond : u8 { O, NO, B, AE, E, NE, BE, A, S, NS, P, NP, L, GE, LE, G };
constexpr Cond invert(Cond c) { return static_cast<Cond>(static_cast<u8>(c) ^ 1); }

// The /digit of opcode 81 and, times 8 plus 1, the opcode of the register form.
enum class Alu : u8 { Add, Or, Adc, Sbb, And, Sub, Xor, Cmp };
enum class Shift : u8 { Rol = 0, Ror = 1, Shl = 4, Shr = 5, Sar = 7 };

struct MemRef {
  u8 base;
  i32 disp = 0;
  u8 index = 0xff;
  u8 scale = 0;  // log2
};

inline asmjit::x86::Gp gp(bool wide, unsigned r) {
  return wide ? static_cast<asmjit::x86::Gp>(asmjit::x86::gpq(r)) : static_cast<asmjit::x86::Gp>(asmjit::x86::gpd(r));
}

class Emitter {
 public:
  Emitter();
  Emitter(const Emitter&) = delete;

  asmjit::x86::Assembler as;  // for what has no form below

  void start() {
    as._bufferPtr = as._bufferData;
    outside_.clear();
  }
  u32 here() const { return static_cast<u32>(as._bufferPtr - as._bufferData); }
  const u8* data() const { return as._bufferData; }
  u8* at(u32 offset) { return as._bufferData + offset; }
  usize room() const { return static_cast<usize>(as._bufferEnd - as._bufferPtr); }

  void byte(unsigned v) { *as._bufferPtr++ = static_cast<u8>(v); }
  void word32(u32 v) {
    std::memcpy(as._bufferPtr, &v, 4);
    as._bufferPtr += 4;
  }
  void word64(u64 v) {
    std::memcpy(as._bufferPtr, &v, 8);
    as._bufferPtr += 8;
  }
  void nops(unsigned count);
  // Pads so that a rel32 after `opcode_bytes` more bytes stands on a multiple of four.
  void align_rel32(unsigned opcode_bytes) {
    const unsigned n = (0u - (here() + opcode_bytes)) & 3;
    if (n != 0) nops(n);
  }

  // Moves. wide = 64 bits; 32-bit writes clear the upper half.
  void mov(bool wide, unsigned to, unsigned from) { rr(0x8b, wide, to, from); }
  void load(bool wide, unsigned to, MemRef m) { rm(0x8b, wide, to, m); }
  void store(bool wide, MemRef m, unsigned from) { rm(0x89, wide, from, m); }
  void store_imm(bool wide, MemRef m, i32 imm) {
    rm(0xc7, wide, 0, m);
    word32(static_cast<u32>(imm));
  }
  void mov_imm(unsigned to, u64 imm);  // leaves the flags alone
  // An address of this process, always in eight bytes. Returns the offset of those.
  u32 mov_address(unsigned to, const void* address) {
    byte(to >= 8 ? 0x49 : 0x48);
    byte(0xb8 | (to & 7));
    word64(reinterpret_cast<u64>(address));
    return here() - 8;
  }
  void lea(bool wide, unsigned to, MemRef m) { rm(0x8d, wide, to, m); }

  void alu(Alu op, bool wide, unsigned to, unsigned from) {
    rr(static_cast<u8>(static_cast<u8>(op) * 8 + 3), wide, to, from);
  }
  void alu_load(Alu op, bool wide, unsigned to, MemRef m) {
    rm(static_cast<u8>(static_cast<u8>(op) * 8 + 3), wide, to, m);
  }
  void alu_imm(Alu op, bool wide, unsigned to, i32 imm);
  void alu_mem_imm(Alu op, bool wide, MemRef m, i32 imm);
  void test(bool wide, unsigned a, unsigned b) { rr(0x85, wide, a, b); }
  void test_imm(bool wide, unsigned a, i32 imm) {
    rr(0xf7, wide, 0, a);
    word32(static_cast<u32>(imm));
  }
  void shift_imm(Shift op, bool wide, unsigned to, unsigned amount) {
    rr(0xc1, wide, static_cast<unsigned>(op), to);
    byte(amount);
  }
  void shift_cl(Shift op, bool wide, unsigned to) { rr(0xd3, wide, static_cast<unsigned>(op), to); }
  void neg(bool wide, unsigned r) { rr(0xf7, wide, 3, r); }
  void not_(bool wide, unsigned r) { rr(0xf7, wide, 2, r); }
  void cmov(Cond c, bool wide, unsigned to, unsigned from) {
    rr0f(static_cast<u8>(0x40 + static_cast<u8>(c)), wide, to, from);
  }
  // setcc into the low byte; the rest of the register is left.
  void setcc(Cond c, unsigned r) {
    byte(0x40 | (r >> 3));
    byte(0x0f);
    byte(0x90 + static_cast<unsigned>(c));
    byte(0xc0 | (r & 7));
  }
  void movzx8(unsigned to, unsigned from) {
    byte(0x40 | (to >> 3) << 2 | (from >> 3));
    byte(0x0f);
    byte(0xb6);
    byte(0xc0 | (to & 7) << 3 | (from & 7));
  }
  void lahf() { byte(0x9f); }
  void sahf() { byte(0x9e); }
  void cmc() { byte(0xf5); }
  void ret() { byte(0xc3); }

  // Jumps inside the block: a rel32 that bind() fills in. Return the offset of the rel32.
  u32 jmp() {
    byte(0xe9);
    word32(0);
    return here() - 4;
  }
  u32 jcc(Cond c) {
    byte(0x0f);
    byte(0x80 + static_cast<unsigned>(c));
    word32(0);
    return here() - 4;
  }
  void bind(u32 rel) { bind(rel, here()); }
  void bind(u32 rel, u32 target) {
    const u32 d = target - (rel + 4);
    std::memcpy(at(rel), &d, 4);
  }
  // Jumps and calls to a place in code memory; base() is where offset 0 will run.
  void set_base(const u8* base) { base_ = base; }
  const u8* base() const { return base_; }
  // Offsets of the rel32 of every one of these, since start(): what must change when the code moves.
  std::span<const u32> outside() const { return outside_; }
  void jmp_to(const void* target) {
    byte(0xe9);
    rel_to(target);
  }
  void jcc_to(Cond c, const void* target) {
    byte(0x0f);
    byte(0x80 + static_cast<unsigned>(c));
    rel_to(target);
  }
  void call_to(const void* target) {
    byte(0xe8);
    rel_to(target);
  }
  void jmp_mem(MemRef m) { rm(0xff, false, 4, m); }
  void call_mem(MemRef m) { rm(0xff, false, 2, m); }
  void jmp_reg(unsigned r) { rr(0xff, false, 4, r); }
  void call_reg(unsigned r) { rr(0xff, false, 2, r); }

  // Raw forms: one-byte and 0f-prefixed opcodes with ModRM.
  void rr(u8 op, bool wide, unsigned reg, unsigned rm) {
    const unsigned rex = (wide ? 8u : 0u) | (reg >> 3) << 2 | (rm >> 3);
    if (rex != 0) byte(0x40 | rex);
    byte(op);
    byte(0xc0 | (reg & 7) << 3 | (rm & 7));
  }
  void rr0f(u8 op, bool wide, unsigned reg, unsigned rm) {
    const unsigned rex = (wide ? 8u : 0u) | (reg >> 3) << 2 | (rm >> 3);
    if (rex != 0) byte(0x40 | rex);
    byte(0x0f);
    byte(op);
    byte(0xc0 | (reg & 7) << 3 | (rm & 7));
  }
  void rm(u8 op, bool wide, unsigned reg, MemRef m, bool force_rex = false) {
    rex_mem(wide, reg, m, force_rex);
    byte(op);
    modrm(reg, m);
  }
  void rm0f(u8 op, bool wide, unsigned reg, MemRef m, bool force_rex = false) {
    rex_mem(wide, reg, m, force_rex);
    byte(0x0f);
    byte(op);
    modrm(reg, m);
  }
  // With a mandatory prefix (66, f2, f3; 0 = none): SSE forms.
  void sse(u8 prefix, u8 op, unsigned reg, unsigned rm, bool wide = false) {
    if (prefix != 0) byte(prefix);
    rr0f(op, wide, reg, rm);
  }
  void sse_mem(u8 prefix, u8 op, unsigned reg, MemRef m, bool wide = false) {
    if (prefix != 0) byte(prefix);
    rm0f(op, wide, reg, m);
  }

 private:
  void rel_to(const void* target) {
    outside_.push_back(here());
    const i64 d = static_cast<const u8*>(target) - (base_ + here() + 4);
    word32(static_cast<u32>(d));
  }
  void rex_mem(bool wide, unsigned reg, MemRef m, bool force) {
    const unsigned x = m.index == 0xff ? 0 : m.index >> 3;
    const unsigned rex = (wide ? 8u : 0u) | (reg >> 3) << 2 | x << 1 | unsigned{m.base} >> 3;
    if (rex != 0 || force) byte(0x40 | rex);
  }
  void modrm(unsigned reg, MemRef m);

  asmjit::CodeHolder code_;
  const u8* base_ = nullptr;
  std::vector<u32> outside_;
};

}  // namespace ferry::jit::baseline
