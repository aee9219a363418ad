#include "jit/code_memory.h"

#include <sys/mman.h>

#include "tests/catch.h"

using namespace ferry;
using namespace ferry::jit;

TEST_CASE("code memories lie a rel32 apart, whatever is mapped between their creations") {
  auto first = CodeMemory::create(256 << 20);
  REQUIRE(first);
  const usize noise = usize{5} << 30;
  void* const between = mmap(nullptr, noise, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(between != MAP_FAILED);
  auto second = CodeMemory::create(256 << 20);
  REQUIRE(second);
  auto third = CodeMemory::create(64 << 10);
  REQUIRE(third);
  for (const CodeMemory* a : {&*first, &*second, &*third}) {
    for (const CodeMemory* b : {&*first, &*second, &*third}) {
      const i64 distance = b->next() + b->capacity() - a->next();
      CHECK(distance == static_cast<i32>(distance));
    }
  }
  munmap(between, noise);
}
