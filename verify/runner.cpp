#include "verify/runner.h"

#include "core/check.h"
#include "jit/interpreter/interpreter.h"
#include "jit/tiers.h"

namespace ferry::verify {
namespace {

class InterpreterRunner final : public Runner {
 public:
  std::string_view name() const override { return "interpreter"; }
  Prepared prepare(const ir::Block&) override { return {}; }
  jit::ExitReason run(cpu::CpuState& s, const ir::Block& block, const void*) override {
    return interpreter_.run(s, block);
  }

 private:
  jit::Interpreter interpreter_;
};

class TierRunner final : public Runner {
 public:
  TierRunner(std::string_view name, std::unique_ptr<jit::Tier> tier) : name_(name), tier_(std::move(tier)) {}
  std::string_view name() const override { return name_; }
  void rest() override {
    if (tier_->used() > tier_->capacity() / 2) tier_->reset();
  }
  Prepared prepare(const ir::Block& block) override {
    auto code = tier_->compile(block, this);
    ASSERT(code.ok(), "code memory is full although it is emptied between sessions");
    return {code->entry, code->size};
  }
  jit::ExitReason run(cpu::CpuState& s, const ir::Block&, const void* prepared) override {
    return static_cast<jit::ExitReason>(tier_->enter(s, prepared));
  }

 private:
  std::string_view name_;
  std::unique_ptr<jit::Tier> tier_;
};

}  // namespace

std::unique_ptr<Runner> interpreter_runner() { return std::make_unique<InterpreterRunner>(); }

Settings runner_settings() {
  Settings settings;
  settings.code_cache = usize{16} << 20;
  settings.mem_window = ferry::Window::On;  // FlatMemory has one while its shadow TLB is empty
  return settings;
}

std::unique_ptr<Runner> make_runner(ferry::Tier tier, const Settings& base) {
  if (tier == ferry::Tier::Interp) return interpreter_runner();
  if (tier == ferry::Tier::Tiered || !jit::tier_available(tier)) return nullptr;
  Settings settings = base;
  settings.tier = tier;
  auto compiler = jit::make_compiler(settings);
  ASSERT(compiler.ok(), "a tier that is available cannot be made");
  return std::make_unique<TierRunner>(tier == ferry::Tier::Baseline ? "baseline" : "llvm", std::move(*compiler));
}

std::vector<std::unique_ptr<Runner>> all_runners(const Settings& settings) {
  std::vector<std::unique_ptr<Runner>> all;
  for (const ferry::Tier tier : {ferry::Tier::Interp, ferry::Tier::Baseline, ferry::Tier::Llvm})
    if (auto runner = make_runner(tier, settings)) all.push_back(std::move(runner));
  return all;
}

}  // namespace ferry::verify
