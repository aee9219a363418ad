// Every form of every computing op, and random blocks of them, in the baseline against the interpreter.
#include "blocks.h"
#include "jit/baseline/baseline.h"

namespace ferry::jit::test {

TEST_CASE("baseline: random blocks") {
  auto tier = std::move(*Baseline::create(64 << 20));
  check_random_blocks(*tier, from_environment("FERRY_RANDOM_BLOCKS", 4000), from_environment("FERRY_SEED", 7));
}

TEST_CASE("baseline: every form of every computing op") {
  auto tier = std::move(*Baseline::create(64 << 20));
  check_every_form(*tier, 1, from_environment("FERRY_SEED", 1));
}

}  // namespace ferry::jit::test
