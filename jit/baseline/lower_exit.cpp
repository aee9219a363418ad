// Lowering of exits: dirty guest registers are stored, then a jump that Tier::link patches, or a way to the dispatcher.
#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

void Compiler::lower_exit(const Inst& d) {
  switch (d.op) {
    case Op::ExitNext:
      write_back();
      if (d.aux != 0) pay_attention(static_cast<i32>(d.imm));
      return direct_exit(static_cast<i32>(d.imm), false);
    case Op::ExitCall: write_back(); return direct_exit(ir::first_offset(d.imm), true);
    case Op::ExitIf: return exit_if(d);
    case Op::ExitIndirect: return exit_indirect(d);
    case Op::ExitException: return exit_exception(d);
    case Op::ExitDispatch: {
      write_back();
      const ExitReason reason = dispatch_exit(static_cast<ir::DispatchReason>(d.aux));
      return leave_at(static_cast<i32>(d.imm), stubs_.leave_at[static_cast<usize>(reason)]);
    }
    case Op::ExitPc: write_back(); return e_.jmp_to(stubs_.context);
    default: UNREACHABLE("not an exit");
  }
}

void Compiler::leave_at(i32 offset, const void* stub) {
  e_.mov_imm(RAX, static_cast<u32>(offset));
  e_.jmp_to(stub);
}

unsigned Compiler::new_exit(i32 offset, bool is_call) {
  ExitSite& x = exits_[exit_count_];
  x = {};
  x.offset = offset;
  x.is_call = is_call;
  x.cross_page = offset < 0 || offset > 0xfff;
  return exit_count_++;
}

// A backward exit polls, unless time is virtual and every block checks its budget.
bool Compiler::polls(i32 offset) const {
  return mode_.virtual_time() == 0 && offset <= static_cast<i32>(block_->page_offset);
}

// Whether nothing stands between the decision and the patched jump.
bool Compiler::is_simple(i32 offset) const { return !polls(offset) && offset >= 0 && offset <= 0xfff; }

// Leaves for the dispatcher when something waits for this vCPU to look.
void Compiler::pay_attention(i32 offset) {
  e_.load(false, RAX, {kStateReg, FERRY_STATE(budget)});
  e_.alu_load(Alu::Or, false, RAX, {kStateReg, FERRY_STATE(attention)});
  tails_.push_back({e_.jcc(Cond::S), offset, stubs_.leave_at[static_cast<usize>(ExitReason::Context)], 0});
}

void Compiler::direct_exit(i32 offset, bool is_call) {
  const unsigned n = new_exit(offset, is_call);
  ExitSite& x = exits_[n];
  if (polls(offset)) {
    e_.alu_mem_imm(Alu::Cmp, false, {kStateReg, FERRY_STATE(budget)}, 0);
    tails_.push_back({e_.jcc(Cond::L), offset, stubs_.leave_at[static_cast<usize>(ExitReason::Poll)], 0});
  }
  if (x.cross_page) {
    // Valid only while what the target was linked for is in force; an unlinked exit's word matches nothing.
    e_.byte(0x48);  // mov rax, [rip + slot]
    e_.byte(0x8b);
    e_.byte(0x05);
    x.slot_fixup = e_.here();
    e_.word32(0);
    e_.alu_load(Alu::Cmp, true, RAX, {kStateReg, FERRY_STATE(context)});
    jumps_to_unlinked_.push_back({e_.jcc(Cond::NE), n});
    e_.alu_mem_imm(Alu::Add, true, {kStateReg, FERRY_STATE(pc_page)}, offset & ~0xfff);
  }
  e_.align_rel32(1);
  x.patch = e_.jmp();
  jumps_to_unlinked_.push_back({x.patch, n, true});
}

void Compiler::exit_if(const Inst& d) {
  const i32 taken = ir::first_offset(d.imm), other = ir::second_offset(d.imm);
  prepare_condition(d.args[0]);
  write_back();
  Cond c = emit_condition(d.args[0]);
  // The side that needs no more than a jump goes first, as the conditional jump itself.
  const bool swap = !is_simple(taken) && is_simple(other);
  const i32 first = swap ? other : taken, second = swap ? taken : other;
  if (swap) c = invert(c);
  if (is_simple(first)) {
    const unsigned n = new_exit(first, false);
    e_.align_rel32(2);
    exits_[n].patch = e_.jcc(c);
    jumps_to_unlinked_.push_back({exits_[n].patch, n, true});
    direct_exit(second, false);
  } else {
    const u32 not_first = e_.jcc(invert(c));
    direct_exit(first, false);
    e_.bind(not_first);
    direct_exit(second, false);
  }
  consume(d.args[0]);
}

// The jump cache: an entry answers for one VA in one context.
void Compiler::exit_indirect(const Inst& d) {
  const u8 target = use(d.args[0]);
  const unsigned btype = ir::indirect_btype(d.aux);
  write_back();
  if (target != RAX) e_.mov(true, RAX, target);
  static_assert(sizeof(cpu::JumpEntry) == 32 && cpu::kJumpEntries == 1u << cpu::kJumpBits);
  e_.mov(false, RCX, RAX);
  e_.alu_imm(Alu::And, false, RCX, static_cast<i32>((cpu::kJumpEntries - 1) << 2));
  e_.shift_imm(Shift::Shl, false, RCX, 3);  // VA<13:2> times 32
  e_.alu_load(Alu::Add, true, RCX, {kStateReg, FERRY_STATE(jump_cache)});
  e_.alu_load(Alu::Cmp, true, RAX, {RCX, offsetof(cpu::JumpEntry, va)});
  e_.jcc_to(Cond::NE, stubs_.indirect[btype]);
  e_.load(true, RDX, {kStateReg, FERRY_STATE(context)});
  e_.alu_load(Alu::Cmp, true, RDX, {RCX, offsetof(cpu::JumpEntry, context)});
  e_.jcc_to(Cond::NE, stubs_.indirect[btype]);
  if (btype != 0) {                                                   // may such a branch land there?
    e_.rm(0xf6, false, 0, {RCX, offsetof(cpu::JumpEntry, landing)});  // test byte
    e_.byte(1u << btype);
    e_.jcc_to(Cond::E, stubs_.indirect[btype]);
  }
  // In virtual time the target's block asks; but what comes between has to see BTYPE, which that block does not know.
  const bool real = mode_.virtual_time() == 0;
  if (real || btype != 0) {
    e_.alu_mem_imm(Alu::Cmp, false, {kStateReg, FERRY_STATE(budget)}, real ? 0 : 1);
    e_.jcc_to(Cond::L, stubs_.indirect_poll[btype]);
  }
  e_.alu_imm(Alu::And, true, RAX, -4096);
  e_.store(true, {kStateReg, FERRY_STATE(pc_page)}, RAX);
  e_.jmp_mem({RCX, offsetof(cpu::JumpEntry, code)});
  consume(d.args[0]);
}

void Compiler::exit_exception(const Inst& d) {
  write_back();
  using E = cpu::ExceptionInfo;
  const i32 at = FERRY_STATE(exception);
  static_assert(offsetof(E, kind) == 0 && offsetof(E, target_el) == 1 && offsetof(E, return_to_next) == 2 &&
                offsetof(E, far_valid) == 3);
  e_.store_imm(false, {kStateReg, at}, d.aux != 0 ? 0x10000 : 0);  // synchronous, default EL, return_to_next
  const auto field = [&](usize offset, u64 value) {
    e_.store_imm(false, {kStateReg, at + static_cast<i32>(offset)}, static_cast<i32>(static_cast<u32>(value)));
  };
  field(offsetof(E, ec), bits(d.imm, 31, 26));
  field(offsetof(E, iss), bits(d.imm, 24, 0));
  e_.rm(0xc6, false, 0, {kStateReg, at + static_cast<i32>(offsetof(E, il))});
  e_.byte(bit(d.imm, 25) ? 1 : 0);
  e_.store_imm(true, {kStateReg, at + static_cast<i32>(offsetof(E, far))}, 0);
  leave_at(static_cast<i32>(4 * insn_index_), stubs_.leave_at[static_cast<usize>(ExitReason::Exception)]);
}

}  // namespace ferry::jit::baseline
