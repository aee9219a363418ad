// Regions: several blocks as one function. Loops, exits and links, polls, virtual time, faults inside, edges between
// pages, returns; and random regions against the interpreter running their blocks one by one.
#include "jit/tiers.h"
#ifdef FERRY_HAS_OPTIMIZING
#include "regions.h"

namespace ferry::jit::test {
namespace {

// 0x40: x0 += 1, x20 += 3, flags of x0 - x1; loops until they are equal, then goes to 0x80.
Blocks counting_loop(cpu::Mode mode = {}) {
  Blocks r;
  r.mode = mode;
  r.add(0x40, 3, [](Builder& b) {
    bump(b, 0, 1);
    bump(b, 20, 3);
    b.set_nzcv(b.flags(Op::SubNzcv, b.get_x(Type::I64, 0), b.get_x(Type::I64, 1)));
    b.exit_next(0x4c);
  });
  r.add(0x4c, 1, [](Builder& b) { b.exit_if(b.cond_holds(1, b.get_nzcv()), 0x40, 0x80); });
  return r;
}

}  // namespace

TEST_CASE("region: a loop stays inside, its exit is a link site") {
  auto tier = make();
  Machine m;
  const CompiledCode code = compile(*tier, counting_loop());
  REQUIRE(code.links.size() == 1);
  CHECK(code.links[0]->offset == 0x80);
  m.s.x[1] = 1000;
  CHECK(enter(*tier, m, code) == ExitReason::Next);
  CHECK(m.s.x[0] == 1000);
  CHECK(m.s.x[20] == 3000);
  CHECK(m.s.pc == kBase + 0x80);
  CHECK(m.s.link_site == code.links[0]);
  CHECK(m.s.nzcv == cpu::make_nzcv(false, true, true, false));

  Blocks next;
  next.add(0x80, 1, [](Builder& b) {
    bump(b, 20, 1);
    b.exit_next(0xc0);
  });
  const CompiledCode after = compile(*tier, next);
  m.s.x[0] = 998;
  tier->link(*code.links[0], after.entry, 0);
  CHECK(enter(*tier, m, code) == ExitReason::Next);
  CHECK(m.s.pc == kBase + 0xc0);
  CHECK(m.s.x[20] == 3007);
  m.s.x[0] = 999;
  tier->unlink(*code.links[0]);
  CHECK(enter(*tier, m, code) == ExitReason::Next);
  CHECK(m.s.link_site == code.links[0]);
  CHECK(m.s.x[20] == 3010);
}

TEST_CASE("region: a loop polls at its backward edge, with everything written back") {
  auto tier = make();
  Machine m;
  const CompiledCode code = compile(*tier, counting_loop());
  m.s.x[1] = 10;
  m.s.budget = -1;
  for (u64 turn = 1; turn < 10; ++turn) {
    CHECK(enter(*tier, m, code) == ExitReason::Poll);
    CHECK(m.s.pc == kBase + 0x40);
    CHECK(m.s.x[0] == turn);
    CHECK(m.s.x[20] == 3 * turn);
    CHECK(m.s.nzcv == cpu::make_nzcv(true, false, false, false));
  }
  CHECK(enter(*tier, m, code) == ExitReason::Next);
}

TEST_CASE("region: virtual time ends before the block that would overrun, whatever the budget") {
  auto tier = make();
  cpu::Mode mode;
  mode.set_virtual_time(1);
  const CompiledCode code = compile(*tier, counting_loop(mode));
  for (i32 budget = 0; budget < 40; ++budget) {
    Machine m;
    m.s.x[1] = 1000;
    m.s.budget = budget;
    CHECK(enter(*tier, m, code) == ExitReason::Poll);
    const i32 turns = budget / 4, rest = budget % 4;
    CHECK(m.s.x[0] == static_cast<u64>(turns) + (rest == 3 ? 1 : 0));
    CHECK(m.s.pc == kBase + (rest == 3 ? 0x4c : 0x40));
    CHECK(m.s.budget == (rest == 3 ? 0 : rest));
  }
}

TEST_CASE("region: a fault inside names its instruction and keeps what earlier turns wrote") {
  auto tier = make();
  Machine m;
  Blocks r;
  r.add(0x40, 1, [](Builder& b) {
    bump(b, 21, 1);
    b.set_nzcv(b.flags(Op::AddNzcv, b.get_x(Type::I32, 21), b.constant(Type::I32, 0xfffffffe)));
    b.exit_next(0x44);
  });
  r.add(0x44, 3, [](Builder& b) {
    b.set_x(22, b.load(Type::I64, b.get_x(Type::I64, 5), {}));
    bump(b, 5, 0x400);
    b.exit_next(0x40);
  });
  const CompiledCode code = compile(*tier, r);
  for (u64 page = 0; page < 3; ++page) m.memory[page * 4096] = static_cast<u8>(page + 1);
  m.s.x[5] = kBase;
  m.s.x[21] = 0;
  CHECK(enter(*tier, m, code) == ExitReason::Fault);
  CHECK(m.s.exception.far == kBase + 0x3000);
  CHECK(m.s.x[5] == kBase + 0x3000);
  CHECK(m.s.x[21] == 13);
  CHECK(m.s.x[22] == 0);
  CHECK(m.s.nzcv == cpu::make_nzcv(false, false, true, false));
  CHECK(cpu::site_index(m.s.site) == 0x44 / 4 + 2);
  CHECK(m.s.pc_page == kBase);
}

TEST_CASE("region: accesses that share a probe ask again behind any access's slow path") {
  auto tier = make();
  Machine m;
  Blocks r;
  r.add(0x40, 1, [](Builder& b) {
    const Value base = b.get_x(Type::I64, 5);
    b.set_x(20, b.load(Type::I64, base, {}));
    b.store(b.get_x(Type::I64, 6), b.get_x(Type::I64, 20), {});
    b.set_x(21, b.load(Type::I64, b.add_imm(base, 8), {}));
    b.exit_next(0x80);
  });
  const CompiledCode code = compile(*tier, r);
  m.s.x[5] = kBase + 16;
  m.s.x[6] = kBase + 0x2000;  // memory, but in no table
  m.memory[16] = 7;
  m.memory[24] = 9;
  CHECK(enter(*tier, m, code) == ExitReason::Next);
  CHECK(m.slow_calls == 1);
  CHECK(m.s.x[21] == 9);
  CHECK(m.memory[0x2000] == 7);
  // Now the store's slow path takes the other page out of the tables, as a device may.
  m.on_slow_call = [&m] { m.tables.assign(m.tables.size(), {cpu::kTlbInvalid, 0}); };
  m.s.tlb_read = m.tables.data();
  m.slow_calls = 0;
  CHECK(enter(*tier, m, code) == ExitReason::Next);
  CHECK(m.slow_calls == 2);
  CHECK(m.s.x[21] == 9);
}

TEST_CASE("region: an edge to another page holds for the region's context and moves the page") {
  auto tier = make();
  Machine m;
  Blocks r;
  r.region.context = m.s.context;
  r.add(0xff8, 2, [](Builder& b) {
    bump(b, 0, 1);
    b.exit_next(0x1000);
  });
  r.add(
      0, 1,
      [](Builder& b) {
        bump(b, 3, 1);
        b.exit_if(b.cmp(ir::CmpKind::Ne, b.get_x(Type::I64, 3), b.imm64(5)), -8, 0x20);
      },
      0x1000);
  const CompiledCode code = compile(*tier, r);
  m.s.x[3] = 0;
  CHECK(enter(*tier, m, code) == ExitReason::Next);
  CHECK(m.s.pc == kBase + 0x1020);
  CHECK(m.s.pc_page == kBase + 0x1000);
  CHECK(m.s.x[0] == 5);
  CHECK(m.s.x[3] == 5);
  m.s.pc_page = kBase;
  m.s.context++;
  CHECK(enter(*tier, m, code) == ExitReason::Next);  // a link like any other
  CHECK(m.s.pc == kBase + 0x1000);
  CHECK(m.s.pc_page == kBase);
  CHECK(m.s.x[0] == 6);
  CHECK(m.s.x[3] == 5);
  REQUIRE(m.s.link_site != nullptr);
  CHECK(static_cast<LinkSite*>(m.s.link_site)->cross_page);
}

TEST_CASE("region: a call into another page and its return stay inside while the context holds") {
  auto tier = make();
  Machine m;
  Blocks r;
  r.region.context = m.s.context;
  r.add(0x40, 1, [](Builder& b) {
    b.set_x(30, b.add_imm(b.pc_page(), 0x44));
    b.exit_call(-0x1f00, 0x44);
  });
  r.add(0x44, 1, [](Builder& b) {
    bump(b, 6, 1);
    b.exit_if(b.cmp(ir::CmpKind::Ne, b.get_x(Type::I64, 6), b.imm64(4)), 0x40, 0x48);
  });
  r.add(
      0x100, 1,
      [](Builder& b) {
        bump(b, 7, 2);
        b.exit_indirect(ir::IndirectKind::Return, b.get_x(Type::I64, 30));
      },
      -0x2000);
  const CompiledCode code = compile(*tier, r);
  m.s.x[6] = m.s.x[7] = 0;
  CHECK(enter(*tier, m, code) == ExitReason::Next);
  CHECK(m.s.pc == kBase + 0x48);
  CHECK(m.s.pc_page == kBase);
  CHECK(m.s.x[6] == 4);
  CHECK(m.s.x[7] == 8);
  // A return whose context is another one does not take the short way.
  std::swap(r.region.blocks[0], r.region.blocks[2]);
  for (RegionBlock& b : r.region.blocks) b.page_delta += 0x2000;
  const CompiledCode callee = compile(*tier, r);
  m.s.context++;
  m.s.pc_page = kBase - 0x2000;
  m.s.x[30] = kBase + 0x44;
  CHECK(enter(*tier, m, callee) == ExitReason::Indirect);
  CHECK(m.s.pc == kBase + 0x44);
  CHECK(m.s.x[6] == 4);
}

TEST_CASE("region: a call and its return stay inside; a return elsewhere goes by the jump cache") {
  auto tier = make();
  Machine m;
  Blocks r;
  r.add(0x40, 1, [](Builder& b) {
    b.set_x(30, b.add_imm(b.pc_page(), 0x44));
    b.exit_call(0x100, 0x44);
  });
  r.add(0x44, 1, [](Builder& b) {
    bump(b, 6, 1);
    b.exit_if(b.cmp(ir::CmpKind::Ne, b.get_x(Type::I64, 6), b.imm64(4)), 0x40, 0x48);
  });
  r.add(0x100, 1, [](Builder& b) {
    bump(b, 7, 2);
    b.exit_indirect(ir::IndirectKind::Return, b.get_x(Type::I64, 30));
  });
  const CompiledCode code = compile(*tier, r);
  m.s.x[6] = m.s.x[7] = 0;
  CHECK(enter(*tier, m, code) == ExitReason::Next);
  CHECK(m.s.pc == kBase + 0x48);
  CHECK(m.s.x[6] == 4);
  CHECK(m.s.x[7] == 8);
  // The same function as the entry, with a return address from outside.
  std::swap(r.region.blocks[0], r.region.blocks[2]);
  const CompiledCode callee = compile(*tier, r);
  m.s.x[30] = kBase + 0x2000;
  CHECK(enter(*tier, m, callee) == ExitReason::Indirect);
  CHECK(m.s.pc == kBase + 0x2000);
}

TEST_CASE("region: random regions do what the interpreter does with their blocks") {
  const unsigned level = GENERATE(0u, 1u, 2u);
  auto tier = std::move(*make_optimizing(16 << 20, level));
  if (level == 1 && kRegionsAreKept) tier = std::make_unique<KeptRegion>(std::move(tier), 16 << 20);
  Random r(from_environment("FERRY_SEED", 5) + level);
  const std::vector<Inst> shapes = all_shapes();
  Interpreter interpreter;
  Machine want, got;
  for (u64 n = 0; n < from_environment("FERRY_RANDOM_REGIONS", 60) / 3; ++n) {
    Blocks blocks;
    blocks.mode.set_mmu(1);
    blocks.mode.set_virtual_time(1);
    const u64 count = 2 + r.below(6);
    Generator generator(r, shapes);
    for (u64 i = 0; i < count; ++i) {
      const auto target = [&] { return static_cast<i32>(0x80 * r.below(count + (r.below(4) == 0 ? 1 : 0))); };
      Block& block = blocks.blocks.emplace_back(generator.make(static_cast<u32>(0x80 * i), 6, [&](Builder& b) {
        if (r.below(4) == 0) return b.exit_next(target());
        const Value c = generator.condition(b);
        const i32 first = target();
        b.exit_if(c, first, target());
      }));
      block.mode = blocks.mode.value;
      REQUIRE(ir::verify(block) == "");
      if (n % 2 != 0) REQUIRE(ir::optimize(block, no_calls, true) == "");
      blocks.region.blocks.push_back({&block, 0});
    }
    CompiledCode code = compile(*tier, blocks);
    for (unsigned run = 0; run < 12; ++run) {
      randomise(want, r);
      want.s.mode = blocks.mode;
      want.s.pc_page = kBase;
      got.copy_guest(want);
      want.s.budget = got.s.budget = static_cast<i32>(r.below(200));
      const ExitReason a = interpret(interpreter, want, blocks), b = enter(*tier, got, code);
      std::string text;
      for (const Block& block : blocks.blocks) text += ir::print(block);
      INFO("region " << n << ", run " << run << "\n" << text);
      REQUIRE(a == b);
      REQUIRE(want.s.budget == got.s.budget);
      if (a != ExitReason::Fault) REQUIRE(want.s.pc == got.s.pc);
      REQUIRE(difference(want, got) == "");
    }
    give_back(*tier, code);
  }
}

}  // namespace ferry::jit::test
#endif
