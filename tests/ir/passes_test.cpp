#include "ir/passes.h"

#include "ir/builder.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::ir;

namespace {

CallEffects everything(u64) { return {.reads_state = true, .writes_state = true, .may_fault = true, .pure = false}; }

usize count(const Block& block, Op op) {
  usize n = 0;
  for (const Inst& i : block.insts) n += i.op == op ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("register values are forwarded and overwritten writes removed") {
  Block block;
  Builder b(block);
  block.insn_count = 1;
  b.insn(0, 0);
  const Value x1 = b.get_x(Type::I64, 1);
  b.set_x(2, b.add_imm(x1, 1));
  b.set_x(2, b.add_imm(b.get_x(Type::I64, 2), 1));
  b.set_nzcv(b.flags(Op::LogicNzcv, x1));
  b.set_nzcv(b.flags(Op::LogicNzcv, b.get_x(Type::I32, 2)));
  b.exit_next(4);
  CHECK(optimize(block, everything, true).empty());
  INFO(print(block));
  CHECK(count(block, Op::SetX) == 1);
  CHECK(count(block, Op::SetNzcv) == 1);
  CHECK(count(block, Op::GetX) == 1);
}

TEST_CASE("what a fault could show is kept") {
  Block block;
  Builder b(block);
  block.insn_count = 1;
  b.insn(0, 0);
  const Value x1 = b.get_x(Type::I64, 1);
  b.set_x(2, x1);
  b.load(Type::I64, x1, {});
  b.set_x(2, b.imm64(0));
  b.exit_next(4);
  CHECK(optimize(block, everything, true).empty());
  CHECK(count(block, Op::SetX) == 2);
  CHECK(count(block, Op::Load) == 1);
}

TEST_CASE("a narrow read does not stand for a wide one, a narrow write does") {
  Block block;
  Builder b(block);
  block.insn_count = 1;
  b.insn(0, 0);
  const Value low = b.get_x(Type::I32, 1);
  b.set_x(2, b.get_x(Type::I64, 1));
  b.set_x(3, low);
  b.set_x(4, b.get_x(Type::I64, 3));
  const Value f = b.get_f(Type::F32, 0);
  b.set_v(1, b.get_v(0));
  b.set_f(2, f);
  b.set_v(3, b.get_v(2));
  b.exit_next(4);
  CHECK(optimize(block, everything, true).empty());
  INFO(print(block));
  CHECK(count(block, Op::GetX) == 2);
  CHECK(count(block, Op::ZextW) == 1);
  CHECK(count(block, Op::GetV) == 1);
  CHECK(count(block, Op::VFromF) == 1);
}
