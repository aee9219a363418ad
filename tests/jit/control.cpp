// What each compiled tier must do alike: how compiled blocks leave and meet: links within and across pages, the jump
// cache, polls, virtual time, faults, exceptions, helpers.
#include "ir/builder.h"
#include "jit/tiers.h"
#include "machine.h"
#include "tests/catch.h"
#ifdef FERRY_HAS_BASELINE
#include "kept.h"
#endif

namespace ferry::jit::test {
namespace {

using ir::Block;
using ir::Builder;
using ir::Op;
using ir::Type;
using ir::Value;

// A block at an offset of the page that adds to a register, then leaves as the callback says.
template <class Leave>
CompiledCode adder(jit::Tier& tier, u32 offset, unsigned reg, u64 n, Leave leave, cpu::Mode mode = {}) {
  Block block;
  block.page_offset = offset;
  block.insn_count = 1;
  block.mode = mode.value;
  Builder b(block);
  b.insn(0, offset / 4);
  b.set_x(reg, b.add_imm(b.get_x(Type::I64, reg), n));
  leave(b);
  auto code = tier.compile(block, nullptr);
  REQUIRE(code.ok());
  return *code;
}

// The compiler of each tier that this build has, one after the other: every test runs with each.
// The second is the baseline with code that was kept.
std::unique_ptr<jit::Tier> make() {
  const ferry::Tier which = GENERATE(ferry::Tier::Baseline, ferry::Tier::Tiered, ferry::Tier::Llvm);
#ifdef FERRY_HAS_BASELINE
  if (which == ferry::Tier::Tiered) return std::make_unique<Kept>(1 << 17);
  constexpr ferry::Tier kAlways = ferry::Tier::Baseline;
#else
  constexpr ferry::Tier kAlways = ferry::Tier::Llvm;
#endif
  Settings settings;
  settings.tier = tier_available(which) ? which : kAlways;
  settings.code_cache = 1 << 17;
  auto tier = make_compiler(settings);
  REQUIRE(tier.ok());
  return std::move(*tier);
}

ExitReason enter(jit::Tier& tier, Machine& m, const CompiledCode& code) {
  return static_cast<ExitReason>(tier.enter(m.s, code.entry));
}

}  // namespace

TEST_CASE("compiled blocks: an unlinked exit names its site, a linked one goes there") {
  auto tier = make();
  Machine m;
  CompiledCode a = adder(*tier, 0, 0, 1, [](Builder& b) { b.exit_next(0x40); });
  CompiledCode c = adder(*tier, 0x40, 20, 5, [](Builder& b) { b.exit_next(0x80); });
  REQUIRE(a.links.size() == 1);
  CHECK_FALSE(a.links[0]->cross_page);
  CHECK(a.links[0]->offset == 0x40);
  CHECK(enter(*tier, m, a) == ExitReason::Next);
  CHECK(m.s.pc == kBase + 0x40);
  CHECK(m.s.link_site == a.links[0]);
  CHECK(m.s.x[0] == 1);
  tier->link(*a.links[0], c.entry, 0);
  CHECK(enter(*tier, m, a) == ExitReason::Next);
  CHECK(m.s.link_site == c.links[0]);
  CHECK(m.s.pc == kBase + 0x80);
  CHECK(m.s.x[0] == 2);
  CHECK(m.s.x[20] == 5);
  tier->unlink(*a.links[0]);
  CHECK(enter(*tier, m, a) == ExitReason::Next);
  CHECK(m.s.link_site == a.links[0]);
  CHECK(m.s.x[20] == 5);
}

TEST_CASE("compiled blocks: both sides of a conditional exit link") {
  for (const bool backward : {false, true}) {
    auto tier = make();
    Machine m;
    const auto leave = [&](Builder& b) {
      b.exit_if(b.cmp(ir::CmpKind::Ne, b.get_x(Type::I64, 1), b.imm64(0)), backward ? 0x20 : 0x100, 0x44);
    };
    CompiledCode a = adder(*tier, 0x40, 0, 1, leave);
    CompiledCode taken = adder(*tier, backward ? 0x20 : 0x100, 2, 1, [](Builder& b) { b.exit_next(0x200); });
    CompiledCode other = adder(*tier, 0x44, 3, 1, [](Builder& b) { b.exit_next(0x300); });
    REQUIRE(a.links.size() == 2);
    for (LinkSite* site : a.links) tier->link(*site, site->offset == 0x44 ? other.entry : taken.entry, 0);
    m.s.x[1] = 7;
    enter(*tier, m, a);
    CHECK(m.s.pc == kBase + 0x200);
    m.s.x[1] = 0;
    enter(*tier, m, a);
    CHECK(m.s.pc == kBase + 0x300);
    CHECK(m.s.x[2] == 1);
    CHECK(m.s.x[3] == 1);
  }
}

TEST_CASE("compiled blocks: a cross-page link holds for one context and moves the page") {
  auto tier = make();
  Machine m;
  CompiledCode a = adder(*tier, 0xff0, 0, 1, [](Builder& b) { b.exit_next(0x2010); });
  CompiledCode c = adder(*tier, 0x10, 1, 1, [](Builder& b) { b.exit_next(0x80); });
  REQUIRE(a.links[0]->cross_page);
  CHECK(enter(*tier, m, a) == ExitReason::Next);
  CHECK(m.s.pc == kBase + 0x2010);
  CHECK(m.s.pc_page == kBase);
  tier->link(*a.links[0], c.entry, m.s.context);
  CHECK(enter(*tier, m, a) == ExitReason::Next);
  CHECK(m.s.pc == kBase + 0x2080);
  CHECK(m.s.pc_page == kBase + 0x2000);
  CHECK(m.s.x[1] == 1);
  m.s.pc_page = kBase;
  m.s.context++;
  CHECK(enter(*tier, m, a) == ExitReason::Next);
  CHECK(m.s.link_site == a.links[0]);
  CHECK(m.s.pc == kBase + 0x2010);
  CHECK(m.s.x[1] == 1);
}

TEST_CASE("compiled blocks: backward exits poll, forward ones do not") {
  auto tier = make();
  Machine m;
  CompiledCode loop = adder(*tier, 0x40, 0, 1, [](Builder& b) { b.exit_next(0x40); });
  for (LinkSite* site : loop.links) tier->link(*site, loop.entry, 0);  // none where a jump to itself needs no link
  m.s.budget = -1;
  CHECK(enter(*tier, m, loop) == ExitReason::Poll);
  CHECK(m.s.pc == kBase + 0x40);
  CHECK(m.s.x[0] == 1);
  CompiledCode forward = adder(*tier, 0x40, 0, 1, [](Builder& b) { b.exit_next(0x44); });
  CHECK(enter(*tier, m, forward) == ExitReason::Next);
}

TEST_CASE("compiled blocks: in virtual time a block that overruns the budget is left before its first instruction") {
  auto tier = make();
  Machine m;
  cpu::Mode mode;
  mode.set_virtual_time(1);
  CompiledCode loop = adder(*tier, 0x40, 0, 1, [](Builder& b) { b.exit_next(0x40); }, mode);
  for (LinkSite* site : loop.links) tier->link(*site, loop.entry, 0);  // none where a jump to itself needs no link
  m.s.budget = 10;
  CHECK(enter(*tier, m, loop) == ExitReason::Poll);
  CHECK(m.s.pc == kBase + 0x40);
  CHECK(m.s.x[0] == 10);
  CHECK(m.s.budget == 0);
}

TEST_CASE("compiled blocks: indirect exits go through the jump cache") {
  auto tier = make();
  Machine m;
  const u64 target = kBase + 0x5678;
  CompiledCode a =
      adder(*tier, 0, 0, 1, [](Builder& b) { b.exit_indirect(ir::IndirectKind::Return, b.get_x(Type::I64, 30)); });
  CompiledCode c = adder(*tier, 0x678, 1, 1, [](Builder& b) { b.exit_next(0x80); });
  m.s.x[30] = target;
  CHECK(enter(*tier, m, a) == ExitReason::Indirect);
  CHECK(m.s.pc == target);
  cpu::JumpEntry& entry = m.jumps[(target >> 2) & (cpu::kJumpEntries - 1)];
  entry = {target, m.s.context, c.entry, 0};
  CHECK(enter(*tier, m, a) == ExitReason::Next);
  CHECK(m.s.pc_page == kBase + 0x5000);
  CHECK(m.s.pc == kBase + 0x5080);
  CHECK(m.s.x[1] == 1);
  SECTION("not in another context") {
    m.s.context++;
    CHECK(enter(*tier, m, a) == ExitReason::Indirect);
    CHECK(m.s.x[1] == 1);
  }
  SECTION("not for another address of the same entry") {
    m.s.x[30] = target + 4 * cpu::kJumpEntries;
    CHECK(enter(*tier, m, a) == ExitReason::Indirect);
    CHECK(m.s.pc == m.s.x[30]);
  }
  SECTION("it polls") {
    m.s.budget = -5;
    CHECK(enter(*tier, m, a) == ExitReason::Poll);
    CHECK(m.s.pc == target);
    CHECK(m.s.x[1] == 1);
  }
}

TEST_CASE("compiled blocks: in virtual time a branch that sets BTYPE is left with it when nothing more may run") {
  auto tier = make();
  Machine m;
  cpu::Mode mode;
  mode.set_virtual_time(1);
  const auto branch = [&](unsigned btype) {
    return adder(
        *tier, 0, 0, 1, [&](Builder& b) { b.exit_indirect(ir::IndirectKind::Jump, b.get_x(Type::I64, 2), 0, btype); },
        mode);
  };
  const CompiledCode call = branch(2), jump = branch(1);
  const CompiledCode there = adder(*tier, 0x678, 1, 1, [](Builder& b) { b.exit_next(0x80); }, mode);
  const u64 target = kBase + 0x678;
  m.s.x[1] = 0;
  m.s.x[2] = target;
  m.jumps[(target >> 2) & (cpu::kJumpEntries - 1)] = {target, m.s.context, there.entry, u64{1} << 2};
  m.s.budget = 1;
  CHECK(enter(*tier, m, call) == ExitReason::Poll);
  CHECK(m.s.pc == target);
  CHECK(m.s.btype == 2);
  CHECK(m.s.budget == 0);
  m.s.btype = 0;
  m.s.budget = 2;
  CHECK(enter(*tier, m, call) == ExitReason::Next);
  CHECK(m.s.btype == 0);
  CHECK(m.s.x[1] == 1);
  m.s.budget = 2;  // one that may not land there
  CHECK(enter(*tier, m, jump) == ExitReason::Indirect);
  CHECK(m.s.btype == 1);
}

TEST_CASE("compiled blocks: a fault leaves with what was written before it and names the instruction") {
  auto tier = make();
  Machine m;
  Block block;
  block.insn_count = 3;
  Builder b(block);
  b.insn(0, 5);
  b.set_x(0, b.imm64(11));
  b.set_x(20, b.imm64(22));
  b.set_nzcv(b.flags(Op::SubNzcv, b.get_x(Type::I64, 3), b.imm64(1)));
  b.insn(0, 6);
  b.set_x(20, b.load(Type::I64, b.get_x(Type::I64, 20 - 1), {}));
  b.insn(0, 7);
  b.set_x(0, b.imm64(33));
  b.exit_next(32);
  auto code = tier->compile(block, nullptr);
  REQUIRE(code.ok());
  m.s.x[19] = kBase + 3 * 4096;
  m.s.x[3] = 1;
  CHECK(enter(*tier, m, *code) == ExitReason::Fault);
  CHECK(m.s.x[0] == 11);
  CHECK(m.s.x[20] == 22);
  CHECK(m.s.nzcv == cpu::make_nzcv(false, true, true, false));
  CHECK(cpu::site_index(m.s.site) == 6);
  CHECK(cpu::site_after(m.s.site) == 1);
  CHECK(m.s.exception.far == kBase + 3 * 4096);
}

TEST_CASE("compiled blocks: accesses in the TLB take no slow path") {
  auto tier = make();
  Machine m;
  Block block;
  block.insn_count = 1;
  Builder b(block);
  b.insn(0, 0);
  const Value base = b.get_x(Type::I64, 5);
  b.store(base, b.imm64(0x1122334455667788), {});
  b.set_x(6, b.load(Type::I64, b.add_imm(base, 1), {.size_log2 = 1}));
  b.exit_next(4);
  auto code = tier->compile(block, nullptr);
  m.s.x[5] = kBase + 0x100;
  enter(*tier, m, *code);
  CHECK(m.s.x[6] == 0x6677);
  CHECK(m.slow_calls == 0);
  m.s.x[5] = kBase + 0xffc;  // crosses a page
  enter(*tier, m, *code);
  CHECK(m.s.x[6] == 0x6677);
  CHECK(m.slow_calls == 1);
}

TEST_CASE("compiled blocks: exception and dispatch exits") {
  auto tier = make();
  Machine m;
  CompiledCode svc =
      adder(*tier, 0x20, 0, 1, [](Builder& b) { b.exit_exception(0x15u << 26 | 1u << 25 | 0x42, true); });
  CHECK(enter(*tier, m, svc) == ExitReason::Exception);
  CHECK(m.s.pc == kBase + 0x20);
  CHECK(m.s.exception.ec == 0x15);
  CHECK(m.s.exception.iss == 0x42);
  CHECK(m.s.exception.il);
  CHECK(m.s.exception.return_to_next);
  CompiledCode wfi = adder(*tier, 0x20, 0, 1, [](Builder& b) { b.exit_dispatch(0x24, ir::DispatchReason::Wfi); });
  CHECK(enter(*tier, m, wfi) == ExitReason::Wfi);
  CHECK(m.s.pc == kBase + 0x24);
  CHECK(m.s.x[0] == 2);
}

TEST_CASE("compiled blocks: full code memory is an error, reset makes room") {
  auto tier = make();
  unsigned blocks = 0;
  Block block;
  block.insn_count = 1;
  Builder b(block);
  b.insn(0, 0);
  b.exit_next(4);
  for (;; ++blocks) {
    auto code = tier->compile(block, nullptr);
    if (!code) break;
  }
  CHECK(blocks > 100);
  tier->reset();
  CHECK(tier->compile(block, nullptr).ok());
}

}  // namespace ferry::jit::test
