// Every form of every computing op, and random blocks of them, in the optimizing tier against the interpreter.
#include "jit/tiers.h"
#ifdef FERRY_HAS_OPTIMIZING
#include "blocks.h"
#include "jit/load_optimizing.h"
#include "kept_region.h"

namespace ferry::jit::test {

TEST_CASE("optimizing: random blocks") {
  for (const unsigned level : {0u, 1u, 2u}) {
    auto tier = std::move(*make_optimizing(64 << 20, level));
    if (level == 1 && kRegionsAreKept) tier = std::make_unique<KeptRegion>(std::move(tier), 64 << 20);
    check_random_blocks(*tier, from_environment("FERRY_RANDOM_BLOCKS", 240) / 3,
                        from_environment("FERRY_SEED", 11 + level));
  }
}

TEST_CASE("optimizing: every form of every computing op") {
  auto tier = std::move(*make_optimizing(64 << 20, 1));
  check_every_form(*tier, static_cast<unsigned>(from_environment("FERRY_FORM_STEP", 11)),
                   from_environment("FERRY_SEED", 1));
}

}  // namespace ferry::jit::test
#endif
