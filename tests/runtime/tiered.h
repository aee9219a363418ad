// A translator with its compile thread, for tests of tiering.
#pragma once
#include <memory>

#include "core/settings.h"
#include "jit/tiers.h"
#include "tests/catch.h"
#include "tests/runtime/code_bytes.h"

namespace ferry::runtime::testing {

struct Tiered {
  Settings settings;
  Code code;
  Stats stats;
  std::unique_ptr<Translator> translator;

  // change: of the settings, before anything is made.
  template <class Change>
  explicit Tiered(Change change) {
    settings.tier = Tier::Tiered;
    settings.llvm_threshold = 10;
    settings.code_cache = 8 << 20;
    change(settings);
    translator = std::make_unique<Translator>(settings, code);
    auto compiler = jit::make_compiler(settings);
    REQUIRE(compiler.ok());
    translator->set_compiler(std::move(*compiler));
    translator->start_tiering([] {});
  }
  ~Tiered() { translator->stop_tiering(); }
};

}  // namespace ferry::runtime::testing
