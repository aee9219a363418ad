#include "jit/baseline/stubs.h"

#include "jit/interpreter/interpreter.h"
#include "jit/tier.h"

namespace ferry::jit::baseline {
namespace {

// What the fallback stub calls: one op by its meaning. slots: result, then operands.
void evaluate(cpu::CpuState* s, const ir::Inst* inst, U128* slots) {
  slots[0] = eval_inst(*s, *inst, slots[1], slots[2], slots[3]);
}

class StubWriter {
 public:
  explicit StubWriter(CodeMemory& memory) : base_(memory.next()) {
    e_.start();
    e_.set_base(base_);
  }

  Stubs write() {
    Stubs s;
    s.first = base_;
    s.enter = reinterpret_cast<u32 (*)(cpu::CpuState*, const void*)>(reinterpret_cast<std::uintptr_t>(enter()));
    for (usize r = 0; r < std::size(s.leave_at); ++r) s.leave_at[r] = leave_at(static_cast<ExitReason>(r));
    s.fault = leave(ExitReason::Fault);
    s.context = leave(ExitReason::Context);
    s.next = next();
    for (u32 btype = 0; btype < 4; ++btype) {
      s.indirect[btype] = leave_rax(ExitReason::Indirect, btype);
      s.indirect_poll[btype] = leave_rax(ExitReason::Poll, btype);
    }
    for (unsigned xmm = 0; xmm < 2; ++xmm) {
      for (u8 h = 0; h < static_cast<u8>(MemHelper::kCount); ++h)
        s.mem[h][xmm] = mem(static_cast<MemHelper>(h), kXmmKept[xmm]);
    }
    for (unsigned kept = 0; kept < 3; ++kept) {
      s.helper[kept] = helper(kXmmKept[kept]);
      s.fallback[kept] = fallback(kXmmKept[kept]);
    }
    s.fold_fpsr = fold_fpsr();
    return s;
  }
  const Emitter& emitter() const { return e_; }

 private:
  static constexpr Reg kCalleeSaved[] = {RBX, RBP, R12, R13, R14, R15};
  static constexpr Reg kSaved[] = {RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11};
  static constexpr i32 kXmmArea = 16 * 16;
  static constexpr unsigned kXmmKept[] = {16, 0, 8};  // the first XMM register that is kept, by form
  // The stub's frame: XMM registers, then the nine others, rounded up so that the call is aligned (RSP is 0 mod 16 at
  // its entry).
  static constexpr i32 kSaveBytes = kXmmArea + 80;

  const u8* here() {
    e_.nops((0u - e_.here()) & 15);
    return base_ + e_.here();
  }
  void pins(bool store) {
    for (usize i = 0; i < kPinned.size(); ++i) {
      const bool w = kPinned[i] != Pin::Nzcv;
      const MemRef m{kStateReg, static_cast<i32>(pin_offset(kPinned[i]))};
      if (store)
        e_.store(w, m, kAbiRegs[i + 1]);
      else
        e_.load(w, kAbiRegs[i + 1], m);
    }
  }

  const u8* enter() {
    const u8* at = here();
    for (Reg r : kCalleeSaved) {
      if (r >= 8) e_.byte(0x41);
      e_.byte(0x50 | (r & 7));
    }
    e_.alu_imm(Alu::Sub, true, RSP, kFrameBytes + 8);
    e_.mov(true, kStateReg, RDI);
    e_.mov(true, RAX, RSI);
    pins(false);
    e_.call_reg(RAX);
    e_.alu_imm(Alu::Add, true, RSP, kFrameBytes + 8);
    for (usize i = std::size(kCalleeSaved); i-- > 0;) {
      if (kCalleeSaved[i] >= 8) e_.byte(0x41);
      e_.byte(0x58 | (kCalleeSaved[i] & 7));
    }
    e_.ret();
    return at;
  }

  const u8* leave(ExitReason reason) {
    const u8* at = here();
    pins(true);
    e_.mov_imm(RAX, static_cast<u64>(reason));
    e_.ret();
    return at;
  }
  const u8* leave_rax(ExitReason reason, u32 btype) {
    const u8* at = here();
    if (btype != 0) {
      e_.rm(0xc6, false, 0, {kStateReg, FERRY_STATE(btype)});  // mov byte
      e_.byte(btype);
    }
    e_.store(true, {kStateReg, FERRY_STATE(pc)}, RAX);
    pins(true);
    e_.mov_imm(RAX, static_cast<u64>(reason));
    e_.ret();
    return at;
  }
  const u8* leave_at(ExitReason reason) {
    const u8* at = here();
    e_.rr(0x63, true, RAX, RAX);  // movsxd
    e_.alu_load(Alu::Add, true, RAX, {kStateReg, FERRY_STATE(pc_page)});
    leave_rax_body(reason);
    return at;
  }
  void leave_rax_body(ExitReason reason) {
    e_.store(true, {kStateReg, FERRY_STATE(pc)}, RAX);
    pins(true);
    e_.mov_imm(RAX, static_cast<u64>(reason));
    e_.ret();
  }
  const u8* next() {
    const u8* at = here();
    e_.store(true, {kStateReg, FERRY_STATE(link_site)}, RAX);
    e_.rm(0x63, true, RAX, {RAX, static_cast<i32>(offsetof(LinkSite, offset))});
    e_.alu_load(Alu::Add, true, RAX, {kStateReg, FERRY_STATE(pc_page)});
    leave_rax_body(ExitReason::Next);
    return at;
  }

  // Keeps RAX, the only register it uses.
  const u8* fold_fpsr() {
    namespace x86 = asmjit::x86;
    const u8* at = here();
    const MemRef flags{RSP, arg_slot(0) + 8}, kept{RSP, arg_slot(7) + 8};
    e_.store(true, kept, RAX);
    e_.load(false, RAX, flags);
    e_.shift_imm(Shift::Shr, false, RAX, 1);
    e_.alu_imm(Alu::And, false, RAX, 0x1e);
    e_.rm(0x09, false, RAX, {kStateReg, FERRY_STATE(fpsr)});  // or
    e_.load(false, RAX, flags);
    e_.alu_imm(Alu::And, false, RAX, 1);
    e_.rm(0x09, false, RAX, {kStateReg, FERRY_STATE(fpsr)});
    e_.store_imm(false, flags, static_cast<i32>(kMxcsr));
    e_.as.ldmxcsr(x86::dword_ptr(x86::rsp, flags.disp));
    e_.load(true, RAX, kept);
    e_.ret();
    return at;
  }

  // Argument slot n as seen inside a slow-call stub.
  static MemRef slot(int n) { return {RSP, arg_slot(n) + 8 + kSaveBytes}; }
  void save(unsigned first_xmm, bool restore) {
    int at = kXmmArea;
    for (Reg r : kSaved) {
      const MemRef m{RSP, at};
      if (restore)
        e_.load(true, r, m);
      else
        e_.store(true, m, r);
      at += 8;
    }
    for (u8 i = static_cast<u8>(first_xmm); i < 16; ++i)
      e_.sse_mem(0, restore ? 0x28 : 0x29, i, {RSP, 16 * i});  // movaps
  }
  const u8* begin_slow(unsigned first_xmm) {
    const u8* at = here();
    e_.alu_imm(Alu::Sub, true, RSP, kSaveBytes);
    save(first_xmm, false);
    return at;
  }
  // C++ that may compute in floating point (devices) leaves the guest's flags alone: restored when changed.
  void mxcsr(bool restore) {
    namespace x86 = asmjit::x86;
    const i32 kept = kSaveBytes - 8, now = kSaveBytes - 4;
    e_.as.stmxcsr(x86::dword_ptr(x86::rsp, restore ? now : kept));
    if (!restore) return;
    e_.load(false, RAX, {RSP, kept});
    e_.alu_load(Alu::Cmp, false, RAX, {RSP, now});
    const u32 same = e_.jcc(Cond::E);
    e_.as.ldmxcsr(x86::dword_ptr(x86::rsp, kept));
    e_.bind(same);
  }
  void end_slow(unsigned first_xmm) {
    save(first_xmm, true);
    e_.lea(true, RSP, {RSP, kSaveBytes});
    e_.alu_mem_imm(Alu::Cmp, false, {kStateReg, FERRY_STATE(fault)}, 0);
    e_.ret();
  }
  void load_args() {
    static constexpr Reg kArgs[] = {RSI, RDX, RCX, R8, R9};
    e_.mov(true, RDI, kStateReg);
    for (int i = 0; i < 5; ++i) e_.load(true, kArgs[i], slot(i + 1));
  }

  const u8* mem(MemHelper which, unsigned first_xmm) {
    const u8* at = begin_slow(first_xmm);
    mxcsr(false);
    load_args();
    e_.load(true, RAX, {kStateReg, FERRY_STATE(mem_helpers)});
    e_.call_mem({RAX, 8 * static_cast<i32>(which)});
    e_.store(true, slot(0), RAX);
    mxcsr(true);
    end_slow(first_xmm);
    return at;
  }
  const u8* helper(unsigned first_xmm) {
    const u8* at = begin_slow(first_xmm);
    e_.load(true, RAX, slot(0));
    load_args();
    e_.load(true, R10, {kStateReg, FERRY_STATE(helpers)});
    e_.call_mem({R10, 0, RAX, 3});
    e_.store(true, slot(0), RAX);
    end_slow(first_xmm);
    return at;
  }
  const u8* fallback(unsigned first_xmm) {
    const u8* at = begin_slow(first_xmm);
    e_.mov(true, RDI, kStateReg);
    e_.load(true, RSI, slot(0));
    e_.lea(true, RDX, slot(0));
    e_.mov_imm(RAX, reinterpret_cast<u64>(&evaluate));
    e_.call_reg(RAX);
    end_slow(first_xmm);
    return at;
  }

  Emitter e_;
  const u8* base_;
};

}  // namespace

Result<Stubs> make_stubs(CodeMemory& memory) {
  StubWriter writer(memory);
  const Stubs stubs = writer.write();
  u8* at = memory.allocate(writer.emitter().here());
  if (at == nullptr) return Error{"code memory: too small for the stubs, expected at least 64 KiB"};
  std::memcpy(at, writer.emitter().data(), writer.emitter().here());
  memory.keep();
  return stubs;
}

}  // namespace ferry::jit::baseline
