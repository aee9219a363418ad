// Branches (Arm ARM DDI 0487, C4.1.3); exception generation and system instructions of the same class are in
// system.cpp.
#include <capstone/arm64.h>

#include "frontend/operands.h"
#include "frontend/pattern.h"
#include "frontend/pauth.h"

namespace ferry::frontend {
namespace {

using cpu::Feature;
using cpu::PacKey;
using ir::CmpKind;
using ir::IndirectKind;
using ir::Type;
using ir::Value;

constexpr u64 kBelowTag = low_mask(56);

// AArch64.BranchAddr: the address tag of an indirect target is not part of the PC where TBI is on for its half.
Value branch_address(Context& c, Value target) {
  ir::Builder& b = c.b;
  const u32 tbi = c.mode.tbi();
  if (tbi == 0) return target;
  if (c.mode.el() >= 2) return (tbi & 1) != 0 ? b.and_imm(target, kBelowTag) : target;
  const Value untagged = b.sext(target, 56);
  if (tbi == 3) return untagged;
  const Value high_half = b.cmp(CmpKind::Slt, untagged, b.imm64(0));
  return tbi == 1 ? b.select(high_half, target, untagged) : b.select(high_half, untagged, target);
}

i32 byte_offset(unsigned imm, unsigned width) { return static_cast<i32>(sign_extend(imm, width) * 4); }

// B.cond
void b_cond(Context& c, unsigned imm19, unsigned cond) {
  const i32 offset = byte_offset(imm19, 19);
  if (cond >= 14) {
    c.b.exit_next(c.target(offset));
  } else {
    c.b.exit_if(c.b.cond_holds(cond, c.b.get_nzcv()), c.target(offset), c.target(4));
  }
  c.ended = true;
}

// B
void branch(Context& c, unsigned imm26) {
  c.b.exit_next(c.target(byte_offset(imm26, 26)));
  c.ended = true;
}

// BL
void branch_link(Context& c, unsigned imm26) {
  c.b.set_x(30, c.pc_plus(4));
  c.b.exit_call(c.target(byte_offset(imm26, 26)), c.target(4));
  c.ended = true;
}

// CBZ, CBNZ
template <CmpKind Kind>
void compare_branch(Context& c, unsigned sf, unsigned imm19, unsigned t) {
  const Type type = reg_type(sf);
  c.b.exit_if(c.b.cmp(Kind, c.x(type, t), c.b.constant(type, 0)), c.target(byte_offset(imm19, 19)), c.target(4));
  c.ended = true;
}

// TBZ, TBNZ
template <CmpKind Kind>
void test_branch(Context& c, unsigned b5, unsigned b40, unsigned imm14, unsigned t) {
  const Type type = reg_type(b5);
  const Value tested = c.b.and_imm(c.x(type, t), u64{1} << (b5 << 5 | b40));
  c.b.exit_if(c.b.cmp(Kind, tested, c.b.constant(type, 0)), c.target(byte_offset(imm14, 14)), c.target(4));
  c.ended = true;
}

// PSTATE.BTYPE after a branch through register n: indirect_aux().
unsigned branch_type(Context& c, IndirectKind kind, unsigned n) {
  if (!c.has(Feature::BTI) || kind == IndirectKind::Return) return 0;
  if (kind == IndirectKind::Call) return 2;
  return n == 16 || n == 17 ? 1 : 3;
}

template <IndirectKind Kind>
void branch_to(Context& c, Value address, unsigned n) {
  const Value target = branch_address(c, address);
  if constexpr (Kind == IndirectKind::Call) c.b.set_x(30, c.pc_plus(4));
  c.b.exit_indirect(Kind, target, Kind == IndirectKind::Call ? c.target(4) : 0, branch_type(c, Kind, n));
  c.ended = true;
}

// BR, BLR, RET
template <IndirectKind Kind>
void branch_register(Context& c, unsigned n) {
  branch_to<Kind>(c, c.x(Type::I64, n), n);
}

// BRAA, BRAB, BLRAA, BLRAB
template <IndirectKind Kind>
void branch_authenticated(Context& c, unsigned key, unsigned n, unsigned m) {
  branch_to<Kind>(c, authenticate(c, c.x(Type::I64, n), c.x_sp(Type::I64, m), static_cast<PacKey>(key)), n);
}

// BRAAZ, BRABZ, BLRAAZ, BLRABZ
template <IndirectKind Kind>
void branch_authenticated_zero(Context& c, unsigned key, unsigned n) {
  branch_to<Kind>(c, authenticate(c, c.x(Type::I64, n), c.b.imm64(0), static_cast<PacKey>(key)), n);
}

// RETAA, RETAB
void return_authenticated(Context& c, unsigned key) {
  const Value address = authenticate(c, c.x(Type::I64, 30), c.x_sp(Type::I64, 31), static_cast<PacKey>(key));
  branch_to<IndirectKind::Return>(c, address, 30);
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // Conditional branch (immediate)
    row<"0101010 0 iiiiiiiiiiiiiiiiiii 0 cccc", b_cond>(ARM64_INS_B, "B.cond"),
    // FEAT_HBC: BC.cond
    // Unconditional branch (register)
    row<"1101011 0000 11111 000000 nnnnn 00000", branch_register<IndirectKind::Jump>>(ARM64_INS_BR, "BR"),
    row<"1101011 0001 11111 000000 nnnnn 00000", branch_register<IndirectKind::Call>>(ARM64_INS_BLR, "BLR"),
    row<"1101011 0010 11111 000000 nnnnn 00000", branch_register<IndirectKind::Return>>(ARM64_INS_RET, "RET"),
    row<"1101011 0000 11111 00001 k nnnnn 11111", branch_authenticated_zero<IndirectKind::Jump>, Feature::PAuth>("BRAAZ"),
    row<"1101011 0001 11111 00001 k nnnnn 11111", branch_authenticated_zero<IndirectKind::Call>, Feature::PAuth>("BLRAAZ"),
    row<"1101011 0010 11111 00001 k 11111 11111", return_authenticated, Feature::PAuth>("RETAA"),
    row<"1101011 1000 11111 00001 k nnnnn mmmmm", branch_authenticated<IndirectKind::Jump>, Feature::PAuth>("BRAA"),
    row<"1101011 1001 11111 00001 k nnnnn mmmmm", branch_authenticated<IndirectKind::Call>, Feature::PAuth>("BLRAA"),
    // ERET, ERETAA, ERETAB, DRPS: system.cpp
    // Unconditional branch (immediate)
    row<"0 00101 iiiiiiiiiiiiiiiiiiiiiiiiii", branch>(ARM64_INS_B, "B"),
    row<"1 00101 iiiiiiiiiiiiiiiiiiiiiiiiii", branch_link>(ARM64_INS_BL, "BL"),
    // Compare and branch (immediate)
    row<"z 011010 0 iiiiiiiiiiiiiiiiiii ttttt", compare_branch<CmpKind::Eq>>(ARM64_INS_CBZ, "CBZ"),
    row<"z 011010 1 iiiiiiiiiiiiiiiiiii ttttt", compare_branch<CmpKind::Ne>>(ARM64_INS_CBNZ, "CBNZ"),
    // Test and branch (immediate)
    row<"h 011011 0 lllll iiiiiiiiiiiiii ttttt", test_branch<CmpKind::Eq>>(ARM64_INS_TBZ, "TBZ"),
    row<"h 011011 1 lllll iiiiiiiiiiiiii ttttt", test_branch<CmpKind::Ne>>(ARM64_INS_TBNZ, "TBNZ"),
};
// clang-format on

// Exception generation, hints, barriers, PSTATE, system registers; and ERET, DRPS of the branch (register) group.
bool is_system(u32 word) { return (word & 0xfe000000) == 0xd4000000 || (word & 0xffc00000) == 0xd6800000; }

}  // namespace

std::span<const Row> branch_rows() { return kRows; }

EmitFn find_branch_exception_system(unsigned id, u32 word) {
  return is_system(word) ? find_system(id, word) : find_emit(kRows, id, word);
}

}  // namespace ferry::frontend
