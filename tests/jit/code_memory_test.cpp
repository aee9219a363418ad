#include "jit/code_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <vector>

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

TEST_CASE("what is written shows where it is executed, on both sides of the huge pages' bounds, also after a reset") {
  constexpr usize kCapacity = 7 << 20, kPiece = 100'000;  // its end is in the middle of a huge page
  auto memory = CodeMemory::create(kCapacity);
  REQUIRE(memory);
  for (unsigned round = 0; round < 2; ++round) {
    std::vector<const u8*> pieces;
    while (memory->available() >= kPiece) {
      const u8* const at = memory->next();
      u8* const to = memory->allocate(kPiece);
      REQUIRE(to != nullptr);
      REQUIRE(memory->executable(to) == at);
      std::fill_n(to, kPiece, static_cast<u8>(pieces.size() + round + 1));
      pieces.push_back(at);
    }
    CHECK(memory->allocate(kPiece + 64) == nullptr);
    for (usize i = 0; i < pieces.size(); ++i)
      CHECK(std::count(pieces[i], pieces[i] + kPiece, static_cast<u8>(i + round + 1)) == kPiece);
    memory->reset();
  }
}
