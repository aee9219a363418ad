// Every form of every computing op, and random blocks of them, in the baseline against the interpreter.
#include "blocks.h"
#include "jit/baseline/baseline.h"
#include "kept.h"

namespace ferry::jit::test {

TEST_CASE("baseline: random blocks") {
  auto tier = std::move(*Baseline::create(64 << 20));
  check_random_blocks(*tier, from_environment("FERRY_RANDOM_BLOCKS", 4000), from_environment("FERRY_SEED", 7));
}

TEST_CASE("baseline: every form of every computing op") {
  auto tier = std::move(*Baseline::create(64 << 20));
  check_every_form(*tier, 1, from_environment("FERRY_SEED", 1));
}

TEST_CASE("baseline: random blocks and every form, as kept code") {
  Kept tier(64 << 20);
  check_random_blocks(tier, from_environment("FERRY_RANDOM_BLOCKS", 1000), from_environment("FERRY_SEED", 8));
  check_every_form(tier, 1, from_environment("FERRY_SEED", 1));
}

TEST_CASE("baseline: kept bytes are the same wherever the code was compiled, and damaged ones are refused") {
  auto tier = std::move(*Baseline::create(1 << 20));
  ir::Block block;
  block.insn_count = 1;
  ir::Builder b(block);
  b.insn(0, 0);
  b.exit_if(b.get_x(ir::Type::I32, 3), 0x40, -0x2000);
  std::vector<u8> first, second;
  REQUIRE(tier->compile(block, nullptr).ok());
  REQUIRE(tier->save(first));
  REQUIRE(tier->compile(block, nullptr).ok());
  REQUIRE(tier->save(second));
  CHECK(first == second);
  for (usize size = 0; size < first.size(); ++size) CHECK(!tier->place({first.data(), size}, nullptr).ok());
  first.push_back(0);
  CHECK(!tier->place(first, nullptr).ok());
  CHECK(tier->place(second, nullptr).ok());
  auto counted = std::move(*Baseline::create(1 << 20, 100));
  CHECK(!counted->place(second, nullptr).ok());
}

}  // namespace ferry::jit::test
