// Streams of a loop: the pages that its accesses keep over its iterations.
#include "jit/tiers.h"
#ifdef FERRY_HAS_OPTIMIZING
#include "regions.h"

namespace ferry::jit::test {
namespace {

// A machine whose pages that are in the TLBs lie each by itself in the host's memory, other bytes around them. What its
// slow paths do, they do to `memory`.
struct Scattered : Machine {
  static constexpr usize kApart = 3 * 4096;
  std::vector<u8> host = std::vector<u8>(kPages * kApart, 0xee);

  Scattered() {
    for (usize p = 0; p < kPages; ++p)
      for (const usize at : {usize{0}, cpu::kTlbEntries}) {
        cpu::TlbEntry& e = tables[at + ((kBase >> 12) + p) % cpu::kTlbEntries];
        if (e.tag != cpu::kTlbInvalid) e.addend = reinterpret_cast<u64>(page(p)) - e.tag;
      }
    mem_helpers[0] = reinterpret_cast<const void*>(&load);
    mem_helpers[1] = reinterpret_cast<const void*>(&store);
  }
  u8* page(usize p) { return host.data() + (kPages - 1 - p) * kApart + 4096; }
  void scatter() {
    for (usize p = 0; p < kPages; ++p)
      if (p % 4 < 2) std::memcpy(page(p), memory.data() + 4096 * p, 4096);
  }
  void gather() {
    for (usize p = 0; p < kPages; ++p)
      if (p % 4 < 2) std::memcpy(memory.data() + 4096 * p, page(p), 4096);
  }
  static u64 load(cpu::CpuState& s, u64 va, u32 access) {
    static_cast<Scattered&>(of(s)).gather();
    return slow_load(s, va, access);
  }
  static u64 store(cpu::CpuState& s, u64 va, u32 access, u64 v0, u64 v1) {
    auto& m = static_cast<Scattered&>(of(s));
    m.gather();
    const u64 r = slow_store(s, va, access, v0, v1);
    m.scatter();
    return r;
  }
};

// One turn: `count` accesses of any size off registers that go on by any small step, up or down, and a sum of what was
// loaded; floating point among them. x0 counts turns. In real time a loop of one block runs several turns at once.
Blocks random_loop(Random& r, u64 count, bool virtual_time) {
  Blocks loop;
  loop.mode.set_virtual_time(virtual_time ? 1 : 0);
  const auto body = [&](Builder& b) {
    for (u64 n = 0; n < count; ++n) {
      const unsigned base = 1 + static_cast<unsigned>(r.below(4));
      const Value at = b.add_imm(b.get_x(Type::I64, base), r.below(32));
      const MemInfo info{.size_log2 = static_cast<u8>(r.below(5)), .pair = r.below(4) == 0 && n % 2 == 0};
      const Type t = info.size_log2 == 4 ? Type::V128 : info.size_log2 == 3 ? Type::I64 : Type::I32;
      const unsigned data = 20 + static_cast<unsigned>(r.below(4));
      if (info.size_log2 == 3 && r.below(2) != 0) {
        const Value product = b.binary(Op::FMul, b.load(Type::F64, at, {.size_log2 = 3}), b.get_f(Type::F64, data));
        b.set_f(24, b.binary(Op::FAdd, product, b.get_f(Type::F64, 24)));
        if (r.below(2) != 0) b.store(at, b.get_f(Type::F64, 24), {.size_log2 = 3});
        continue;
      }
      if (info.size_log2 == 4 && !info.pair && r.below(2) != 0)
        b.set_v(data, b.load(t, at, info));
      else if (info.size_log2 == 4)
        b.store(at, b.get_v(data), {.size_log2 = 4});
      else if (r.below(2) != 0)
        b.set_x(data, b.load(t, at, {.size_log2 = info.size_log2}));
      else
        b.store(at, b.get_x(t, data), {.size_log2 = info.size_log2});
    }
    b.set_x(5, b.add(b.get_x(Type::I64, 5), b.get_x(Type::I64, 20)));
    for (unsigned base = 1; base < 5; ++base)
      if (r.below(4) != 0) bump(b, base, r.below(40) - 20);
    if (r.below(8) == 0) b.set_x(1, b.zext_w(b.get_x(Type::I32, 1)));  // no stream that is certain
    bump(b, 0, ~u64{0});
  };
  const auto again = [](Builder& b) {
    b.exit_if(b.cmp(ir::CmpKind::Ne, b.get_x(Type::I64, 0), b.imm64(0)), 0x44, 0x80);
  };
  loop.add(0x40, 1, [](Builder& b) { b.exit_next(0x44); });
  if (r.below(2) != 0) {
    loop.add(0x44, 4, [&](Builder& b) { body(b), again(b); });
  } else {
    loop.add(0x44, 3, [&](Builder& b) { body(b), b.exit_next(0x50); });
    loop.add(0x50, 1, again);
  }
  return loop;
}

}  // namespace

TEST_CASE("region: a loop's streams go from page to page, and are forgotten behind any slow path") {
  const bool slow = GENERATE(false, true);
  auto tier = make();
  Machine m;
  Blocks r;
  r.add(0x40, 1, [](Builder& b) { b.exit_next(0x44); });
  r.add(0x44, 4, [](Builder& b) {
    const Value from = b.get_x(Type::I64, 5), to = b.get_x(Type::I64, 7);
    const Value word = b.load(Type::I64, from, {});
    b.store(b.get_x(Type::I64, 6), word, {});
    b.store(to, word, {});  // of a share: the next access is that of the same place
    b.set_x(20, b.add(b.get_x(Type::I64, 20), b.load(Type::I64, b.add_imm(to, 0), {})));
    b.set_x(5, b.add_imm(from, 8));
    b.set_x(7, b.add_imm(to, static_cast<u64>(-8)));
    const Value left = b.add_imm(b.get_x(Type::I64, 0), static_cast<u64>(-1));
    b.set_x(0, left);
    b.exit_if(b.cmp(ir::CmpKind::Ne, left, b.imm64(0)), 0x44, 0x80);
  });
  const CompiledCode code = compile(*tier, r);
  constexpr u64 kWords = 512;
  std::array<u64, kMemBytes / 8> words{};
  for (u64 i = 0; i < kWords; ++i) words[128 + i] = 3 * i + 1;  // over the border of the first two pages
  std::memcpy(m.memory.data(), words.data(), kMemBytes);
  m.s.x[0] = kWords;
  m.s.x[5] = kBase + 128 * 8;
  m.s.x[6] = kBase + (slow ? 0x2000 : 0x4000);  // memory, but in no table; or in the tables
  m.s.x[7] = kBase + 0x5000 + 256 * 8;          // downwards into the page before, that of x6 for the other half
  m.s.budget = 1 << 20;
  // Behind the slow path the pages lie elsewhere, one more time with each call.
  std::deque<std::array<u8, kMemBytes>> copies;
  m.on_slow_call = [&] {
    if (copies.size() >= 8) return;
    u8* const before = copies.empty() ? m.memory.data() : copies.back().data();
    std::memcpy(copies.emplace_back().data(), before, kMemBytes);
    std::memset(before, 0xff, kMemBytes);
    for (cpu::TlbEntry& e : m.tables)
      if (e.tag != cpu::kTlbInvalid)
        e.addend += reinterpret_cast<u64>(copies.back().data()) - reinterpret_cast<u64>(before);
  };
  CHECK(enter(*tier, m, code) == ExitReason::Next);
  CHECK(m.slow_calls == (slow ? kWords : 0));
  u64 sum = 0;
  for (u64 i = 0; i < kWords; ++i) sum += 3 * i + 1;
  CHECK(m.s.x[20] == sum);
  CHECK(m.s.x[5] == kBase + (128 + kWords) * 8);
  const u8* const end = copies.empty() ? m.memory.data() : copies.back().data();
  u64 first = 0, last = 0;
  std::memcpy(&first, end + 0x5000 + 256 * 8, 8);
  std::memcpy(&last, end + 0x5000 + 256 * 8 - 8 * (kWords - 1), 8);
  CHECK(first == 1);
  CHECK(last == 3 * (kWords - 1) + 1);
}

TEST_CASE("region: an access that goes back over a stream's page takes both pages' bytes") {
  auto tier = make();
  Blocks r;
  r.add(0x40, 1, [](Builder& b) { b.exit_next(0x44); });
  r.add(0x44, 2, [](Builder& b) {
    b.set_x(20, b.add(b.get_x(Type::I64, 20), b.load(Type::I64, b.get_x(Type::I64, 5), {})));
    bump(b, 5, static_cast<u64>(-3));
    bump(b, 0, ~u64{0});
    b.exit_if(b.cmp(ir::CmpKind::Ne, b.get_x(Type::I64, 0), b.imm64(0)), 0x44, 0x80);
  });
  const CompiledCode code = compile(*tier, r);
  Scattered m;
  Random random(7);
  for (u8& byte : m.memory) byte = static_cast<u8>(random());
  m.scatter();
  constexpr u64 kTurns = 20, kFrom = 0x1000 + 27;
  u64 sum = 0;
  for (u64 turn = 0; turn < kTurns; ++turn) {
    u64 word = 0;
    std::memcpy(&word, m.memory.data() + kFrom - 3 * turn, 8);
    sum += word;
  }
  m.s.x[0] = kTurns;
  m.s.x[5] = kBase + kFrom;
  m.s.x[20] = 0;
  CHECK(enter(*tier, m, code) == ExitReason::Next);
  CHECK(m.s.x[20] == sum);
  CHECK(m.slow_calls == 2);  // the two that lie in both pages
}

TEST_CASE("region: a loop that begins at no canonical address faults") {
  auto tier = make();
  Blocks r;
  r.add(0x40, 1, [](Builder& b) {
    const Value at = b.get_x(Type::I64, 5);
    b.set_x(20, b.load(Type::I64, at, {.size_log2 = 3}));
    b.set_x(5, b.add_imm(at, 8));
    b.exit_if(b.cmp(ir::CmpKind::Ne, at, b.imm64(0)), 0x40, 0x80);
  });
  const CompiledCode code = compile(*tier, r);
  for (const u64 va : {u64{1} << 55, u64{0xff80000000000010}, u64{1} << 63, u64{0x10}}) {
    Machine m;
    m.s.x[5] = va;
    CHECK(enter(*tier, m, code) == ExitReason::Fault);
    CHECK(m.s.exception.far == va);
  }
}

// Guards against a step of nothing for a register that the first iteration makes narrow (MOV Wn, Wn).
TEST_CASE("region: an address that the first iteration cuts to 32 bits is another in the second") {
  auto tier = make();
  Blocks r;
  r.add(0x40, 1, [](Builder& b) { b.exit_next(0x44); });
  r.add(0x44, 3, [](Builder& b) {
    b.set_x(20, b.add(b.get_x(Type::I64, 20), b.load(Type::I64, b.get_x(Type::I64, 5), {})));
    b.set_x(5, b.get_x(Type::I32, 5));
    bump(b, 0, ~u64{0});
    b.exit_if(b.cmp(ir::CmpKind::Ne, b.get_x(Type::I64, 0), b.imm64(0)), 0x44, 0x80);
  });
  const CompiledCode code = compile(*tier, r);
  Machine m;
  m.s.x[0] = 8;
  m.s.x[5] = kBase + 0x100;
  CHECK(enter(*tier, m, code) == ExitReason::Fault);
  CHECK(m.s.x[0] == 7);
  CHECK(m.s.exception.far == static_cast<u32>(kBase + 0x100));
}

TEST_CASE("region: random loops of accesses do what the interpreter does, wherever their pages lie") {
  const unsigned level = GENERATE(0u, 1u, 2u);
  auto tier = std::move(*make_optimizing(16 << 20, level));
  Random r(from_environment("FERRY_SEED", 9) + level);
  Interpreter interpreter;
  Machine want;
  Scattered got;
  for (u64 n = 0; n < from_environment("FERRY_RANDOM_REGIONS", 60) / 2; ++n) {
    const bool virtual_time = n % 3 == 0;
    const Blocks loop = random_loop(r, 1 + r.below(4), virtual_time);
    CompiledCode code = compile(*tier, loop);
    for (unsigned run = 0; run < 12; ++run) {
      randomise(want, r);
      want.s.mode = loop.mode;
      want.s.pc_page = kBase;
      want.s.x[0] = 1 + r.below(200);
      // Around the borders of 0 and 1, 4 and 5, of 1 and 2 (in no table) and before 4 (a fault).
      static constexpr u64 kBorders[] = {0x1000, 0x1000, 0x5000, 0x2000, 0x4000};
      for (unsigned base = 1; base < 5; ++base) want.s.x[base] = kBase + kBorders[r.below(5)] + r.below(600) - 300;
      got.copy_guest(want);
      got.scatter();
      want.s.budget = got.s.budget = virtual_time ? static_cast<i32>(r.below(4000)) : 1 << 20;
      const bool polls = !virtual_time && r.below(3) == 0;  // each time it looks
      if (polls) got.s.budget = -1;
      const ExitReason a = interpret(interpreter, want, loop);
      ExitReason b = enter(*tier, got, code);
      while (polls && b == ExitReason::Poll && got.s.pc == kBase + 0x44) b = enter(*tier, got, code);
      got.gather();
      std::string text;
      for (const Block& block : loop.blocks) text += ir::print(block);
      INFO("loop " << n << ", run " << run << "\n" << text);
      REQUIRE(a == b);
      if (virtual_time) REQUIRE(want.s.budget == got.s.budget);
      if (a != ExitReason::Fault) REQUIRE(want.s.pc == got.s.pc);
      REQUIRE(difference(want, got) == "");
    }
    give_back(*tier, code);
  }
}

}  // namespace ferry::jit::test
#endif
