// How often blocks ran, from their counters.
#include "runtime/executions.h"

#include <array>

#include "tests/catch.h"

using namespace ferry;
using runtime::Executions;

TEST_CASE("executions: a block counts by the branch it ends with") {
  struct Case {
    u32 last;
    u64 Executions::* kind;  // null: none
  };
  const Case c = GENERATE(values<Case>({{0xd65f03c0, &Executions::returns},   // ret
                                        {0xd65f0bff, &Executions::returns},   // retaa
                                        {0xd65f0fff, &Executions::returns},   // retab
                                        {0xd65f0020, &Executions::indirect},  // ret x1
                                        {0xd61f0200, &Executions::indirect},  // br x16
                                        {0xd63f0020, &Executions::indirect},  // blr x1
                                        {0xd71f0a11, &Executions::indirect},  // braa x16, x17
                                        {0x14000001, &Executions::direct},    // b
                                        {0x94000001, &Executions::direct},    // bl
                                        {0x54000020, &Executions::direct},    // b.eq
                                        {0xb4000020, &Executions::direct},    // cbz
                                        {0x36000020, &Executions::direct},    // tbz
                                        {0x91000400, &Executions::direct},    // add: into the next block
                                        {0xd69f03e0, nullptr},                // eret
                                        {0xd4000001, nullptr},                // svc
                                        {0xd5033fdf, nullptr}}));             // isb
  Executions e;
  e.add(std::array<u32, 2>{0xd503201f, c.last}, 10);
  CHECK(e.blocks == 10);
  CHECK(e.insns == 20);
  CHECK(e.direct + e.indirect + e.returns == (c.kind == nullptr ? 0 : 10));
  if (c.kind != nullptr) CHECK(e.*c.kind == 10);
}
