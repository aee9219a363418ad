// Guest code for tests of the translator.
#pragma once
#include <cstring>
#include <initializer_list>

#include "runtime/translator.h"

namespace ferry::runtime::testing {

constexpr u64 kPa = 0x40000000;

// Two pages of code at kPa, and one vCPU that is never inside.
struct Code final : CodeSource {
  alignas(4096) u8 bytes[8192] = {};
  u64 version = 0;
  const u8* code_page(u64 pa) override { return pa - kPa < sizeof bytes ? bytes + (pa - kPa) : nullptr; }
  void shield(u64) override {}
  u64 withdraw() override { return ++version; }
  bool quiescent(u64) override { return true; }
  void wait_quiescent(u64) override {}
  void put(u64 offset, std::initializer_list<u32> words) {
    for (const u32 w : words) {
      std::memcpy(bytes + offset, &w, 4);
      offset += 4;
    }
  }
};

}  // namespace ferry::runtime::testing
