// ferry verify --lockstep. Two machines side by side: equal ones to the end, and a fault in one tier narrowed to its
// instruction.
#include "verify/lockstep.h"
#include "jit/tiers.h"
#include "machines/machine.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::verify;

namespace {

constexpr u64 kBase = 0x40000000;

// A loop over the registers that ends by PSCI SYSTEM_OFF: 20,000 times around, a store in it, an EOR in the
// 15,000th only.
constexpr u32 kProgram[] = {
    0xd289c400,  // mov x0, #20000
    0xd2a80201,  // mov x1, #0x40100000
    0xd2827102,  // mov x2, #5000
    0xf1000400,  // loop: subs x0, x0, #1
    0x8b000063,  // add x3, x3, x0
    0xf9000023,  // str x3, [x1]
    0xeb02001f,  // cmp x0, x2
    0x54000041,  // b.ne +8
    0xca000084,  // eor x4, x4, x0
    0xb5ffff40,  // cbnz x0, loop
    0xd2800100,  // mov x0, #8
    0xf2b08000,  // movk x0, #0x8400, lsl #16
    0xd4000002,  // hvc #0
};

using Fault = void (*)(ir::Inst&);

// A compiler that compiles other blocks than it was given.
class WrongTier final : public jit::Tier {
 public:
  WrongTier(std::unique_ptr<jit::Tier> tier, Fault fault) : tier_(std::move(tier)), fault_(fault) {}
  Result<jit::CompiledCode> compile(const ir::Block& block, void* owner) override {
    ir::Block wrong = block;
    for (ir::Inst& i : wrong.insts) fault_(i);
    return tier_->compile(wrong, owner);
  }
  void link(jit::LinkSite& site, const void* target, u64 context) override { tier_->link(site, target, context); }
  void unlink(jit::LinkSite& site) override { tier_->unlink(site); }
  void release(jit::CompiledCode& code) override { tier_->release(code); }
  void reset() override { tier_->reset(); }
  u32 enter(cpu::CpuState& s, const void* entry) override { return tier_->enter(s, entry); }
  usize used() const override { return tier_->used(); }
  usize capacity() const override { return tier_->capacity(); }
  const void* code_begin() const override { return tier_->code_begin(); }

 private:
  std::unique_ptr<jit::Tier> tier_;
  Fault fault_;
};

class Side final : public LockstepSide {
 public:
  Side(Tier tier, bool short_blocks, Fault fault) {
    settings_.tier = tier;
    if (short_blocks) settings_.block_limit = 1;
    machines::LaunchRecord record;
    record.ram_size = u64{16} << 20;
    record.virtual_time = true;
    record.seed = 1;
    record.serials.clear();
    for (usize i = 0; i < std::size(kProgram); ++i) {
      machines::LoaderSpec& word = record.loaders.emplace_back();
      word.address = kBase + 0x80000 + 4 * i;
      word.data = kProgram[i];
      word.data_length = 4;
      if (i == 0) word.cpu_num = 0;
    }
    auto machine = machines::Machine::create(record, {.settings = &settings_});
    REQUIRE(machine.ok());
    machine_ = std::move(*machine);
    if (fault == nullptr) return;
    auto compiler = jit::make_compiler(settings_);
    REQUIRE(compiler.ok());
    machine_->system().translator().set_compiler(std::make_unique<WrongTier>(std::move(*compiler), fault));
  }
  runtime::System& system() override { return machine_->system(); }

 private:
  Settings settings_;
  std::unique_ptr<machines::Machine> machine_;
};

std::string host_text(const void*, usize) { return "HOST CODE\n"; }

LockstepResult run(Fault fault, LockstepOptions options) {
  options.tier = Tier::Baseline;
  Lockstep lockstep(
      [&](bool reference, bool short_blocks) -> Result<std::unique_ptr<LockstepSide>> {
        const Tier tier = reference ? Tier::Interp : Tier::Baseline;
        return std::unique_ptr<LockstepSide>(std::make_unique<Side>(tier, short_blocks, reference ? nullptr : fault));
      },
      options, host_text);
  auto result = lockstep.run();
  REQUIRE(result.ok());
  return *result;
}

void wrong_eor(ir::Inst& i) {
  if (i.op == ir::Op::Xor) i.op = ir::Op::Or, i.args[1] = i.args[0];
}
// Stores the address instead of the value: nothing shows in registers.
void wrong_store(ir::Inst& i) {
  if (i.op == ir::Op::Store) i.args[1] = i.args[0];
}

}  // namespace

TEST_CASE("two tiers go the same way to the end") {
  if (!jit::tier_available(Tier::Baseline)) return;
  const LockstepResult result = run(nullptr, {.quantum = 1000, .memory_every = 8});
  INFO(result.report);
  CHECK(result.end == LockstepResult::End::Same);
  CHECK(result.why == "the guest ended");
  CHECK(result.looks > 90);
  CHECK(result.memory_looks > 10);
  CHECK(result.instructions > 100'000);
}

TEST_CASE("the run ends at its limit") {
  if (!jit::tier_available(Tier::Baseline)) return;
  const LockstepResult result = run(nullptr, {.quantum = 1000, .limit = 50'000});
  CHECK(result.end == LockstepResult::End::Same);
  CHECK(result.why == "the limit");
  CHECK(result.instructions == 50'000);
}

TEST_CASE("a wrong instruction deep in a guest is narrowed to itself") {
  if (!jit::tier_available(Tier::Baseline)) return;
  const LockstepResult result = run(wrong_eor, {.quantum = 20'000});
  REQUIRE(result.end == LockstepResult::End::Difference);
  INFO(result.report);
  CHECK(result.report.find("in one instruction\n") != std::string::npos);
  CHECK(result.report.find("eor x4, x4, x0") != std::string::npos);
  CHECK(result.report.find("\n* x4 ") != std::string::npos);
  for (const char* part : {"IR as translated\n", "IR after the passes\n", "host code\n"})
    CHECK(result.report.find(part) != std::string::npos);
}

TEST_CASE("a wrong store is found in memory and narrowed") {
  if (!jit::tier_available(Tier::Baseline)) return;
  const LockstepResult result = run(wrong_store, {.quantum = 20'000, .memory_every = 2});
  REQUIRE(result.end == LockstepResult::End::Difference);
  INFO(result.report);
  CHECK(result.report.find("str x3, [x1]") != std::string::npos);
  CHECK(result.report.find("* memory at physical 40100000") != std::string::npos);
}
