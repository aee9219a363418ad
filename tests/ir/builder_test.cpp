#include "ir/builder.h"

#include "core/nzcv.h"
#include "ir/eval.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::ir;

TEST_CASE("constants are folded and identities removed") {
  Block block;
  Builder b(block);
  b.insn(0, 0);
  block.insn_count = 1;
  const Value x = b.get_x(Type::I64, 1);
  CHECK(b.add_imm(x, 0) == x);
  u64 v = 0;
  CHECK(b.is_const(b.add(b.imm64(40), b.imm64(2)), &v));
  CHECK(v == 42);
  CHECK(b.is_const(b.add(b.imm32(0xffffffff), b.imm32(2)), &v));
  CHECK(v == 1);
  b.exit_next(4);
  CHECK(verify(block).empty());
}

TEST_CASE("the verifier finds what ops.def forbids") {
  Block block;
  Builder b(block);
  b.insn(0, 0);
  block.insn_count = 1;
  const Value x = b.get_x(Type::I64, 1);
  const Value w = b.get_x(Type::I32, 1);
  CHECK_FALSE(verify_inst(block, {.op = Op::Add, .type = Type::I64, .args = args(x, w)}).empty());
  CHECK_FALSE(verify_inst(block, {.op = Op::Add, .type = Type::I64, .args = args(x)}).empty());
  CHECK_FALSE(verify_inst(block, {.op = Op::Add, .type = Type::I64, .args = args(x, 99)}).empty());
  CHECK_FALSE(verify_inst(block, {.op = Op::Sext, .type = Type::I64, .args = args(x), .imm = 65}).empty());
  CHECK(verify_inst(block, {.op = Op::Add, .type = Type::I64, .args = args(x, x)}).empty());
  CHECK_FALSE(verify(block).empty());  // no exit
}

TEST_CASE("AddWithCarry of the manual") {
  CHECK(add_with_carry(0x7fffffffffffffff, 1, false, 64).nzcv == make_nzcv(true, false, false, true));
  CHECK(add_with_carry(5, ~u64{5}, true, 64).nzcv == make_nzcv(false, true, true, false));
  CHECK(add_with_carry(0xffffffff, 1, false, 32).nzcv == make_nzcv(false, true, true, false));
  CHECK(add_with_carry(0x80000000, 0x80000000, false, 32).nzcv == make_nzcv(false, true, true, true));
}

TEST_CASE("condition codes") {
  const u32 eq = make_nzcv(false, true, true, false);
  CHECK(condition_holds(0, eq));
  CHECK_FALSE(condition_holds(1, eq));
  CHECK_FALSE(condition_holds(8, eq));
  CHECK(condition_holds(9, eq));
  CHECK(condition_holds(14, eq));
  CHECK(condition_holds(15, eq));
  CHECK(nzcv_from_arch(nzcv_to_arch(eq)) == eq);
}
