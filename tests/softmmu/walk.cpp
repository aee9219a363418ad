// The table walker on tables built by hand: each granule, each level, each fault.
#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;

namespace {

struct Reader final : TableReader {
  AddressSpace& space;
  explicit Reader(AddressSpace& s) : space(s) {}
  Fault read(u64 pa, u64& value) override {
    if (!space.read(pa, &value, 8)) return {.kind = FaultKind::ExternalOnWalk};
    return {};
  }
};

struct Walker {
  AddressSpace space;
  u64 next = 0x8000'0000;
  Regime regime;
  Walker() {
    REQUIRE(space.add_ram("ram", 0x8000'0000, 64 << 20).ok());
    regime.enabled = true;
    regime.mair = kMair;
  }
  Tables& tables(unsigned half, unsigned granule, unsigned input_bits) {
    made.push_back(std::make_unique<Tables>(space, next, granule, input_bits));
    regime.range[half] = {
        .table = made.back()->base(), .input_bits = static_cast<u8>(input_bits), .granule = static_cast<u8>(granule)};
    return *made.back();
  }
  Translation operator()(u64 va) {
    Reader reader(space);
    return walk(regime, va, reader);
  }
  u32 code(u64 va) { return (*this)(va).fault.status_code(); }
  std::vector<std::unique_ptr<Tables>> made;
};

}  // namespace

TEST_CASE("a page is found in every granule and every input size") {
  struct Row {
    unsigned granule, input_bits, first_level;
  };
  const Row rows[] = {{12, 48, 0}, {12, 40, 0}, {12, 39, 1}, {12, 36, 1}, {12, 31, 1}, {12, 30, 2}, {12, 25, 2},
                      {14, 48, 0}, {14, 47, 1}, {14, 39, 1}, {14, 36, 2}, {14, 32, 2}, {14, 25, 3}, {16, 48, 1},
                      {16, 42, 2}, {16, 36, 2}, {16, 30, 2}, {16, 29, 3}, {16, 25, 3}};
  for (const Row& row : rows) {
    for (unsigned half = 0; half < 2; ++half) {
      CAPTURE(row.granule, row.input_bits, half);
      Walker w;
      Tables& t = w.tables(half, row.granule, row.input_bits);
      const u64 va = (half != 0 ? ~low_mask(row.input_bits) : 0) | (0x0000'9a5a'f123'4567 & low_mask(row.input_bits));
      const u64 page = 0x0000'4321'0000'0000 | (0x7654'0000 & ~low_mask(row.granule));
      t.map(va, page | kPage | kNormal | kNotGlobal);
      const Translation r = w(va);
      REQUIRE_FALSE(r.fault);
      CHECK(r.pa == (page | (va & low_mask(row.granule))));
      CHECK(r.size_log2 == row.granule);
      CHECK(r.level == 3);
      CHECK(r.first_level == row.first_level);
      CHECK(r.descriptors == 4 - row.first_level);
      CHECK_FALSE(r.global);
      CHECK(r.attributes == 0xff);
    }
  }
}

TEST_CASE("blocks exist at the levels of their granule only") {
  struct Row {
    unsigned granule, level;
    bool valid;
  };
  const Row rows[] = {{12, 0, false}, {12, 1, true},  {12, 2, true}, {14, 1, false},
                      {14, 2, true},  {16, 1, false}, {16, 2, true}};
  for (const Row& row : rows) {
    CAPTURE(row.granule, row.level);
    Walker w;
    Tables& t = w.tables(0, row.granule, 48);
    const u64 va = 0x0000'1234'5678'9abc;
    const unsigned span = t.span(row.level);
    const u64 block = u64{1} << 46 & ~low_mask(span);
    t.map(va, block | kBlock | kNormal, row.level);
    const Translation r = w(va);
    if (row.valid) {
      REQUIRE_FALSE(r.fault);
      CHECK(r.pa == (block | (va & low_mask(span))));
      CHECK(r.size_log2 == span);
      CHECK(r.global);
    } else {
      CHECK(r.fault.status_code() == (0x04 | row.level));
    }
  }
}

TEST_CASE("invalid descriptors are translation faults at their level, a block encoding at level 3 as well") {
  for (unsigned level = 0; level < 4; ++level) {
    Walker w;
    Tables& t = w.tables(0, 12, 48);
    t.map(0x1000, 0x8100'0000 | kPage | kNormal);
    t.map(0x1000, 0x8100'0000 | kAf, level);  // bit 0 clear
    CHECK(w.code(0x1000) == (0x04 | level));
  }
  Walker w;
  w.tables(0, 12, 48).map(0x1000, 0x8100'0000 | kBlock | kAf);
  CHECK(w.code(0x1000) == 0x07);
}

TEST_CASE("addresses outside a range, disabled walks and bad sizes are level 0 translation faults") {
  Walker w;
  Tables& low = w.tables(0, 12, 39);
  Tables& high = w.tables(1, 12, 39);
  low.map(0x1000, 0x8100'0000 | kPage | kNormal);
  high.map(0xffff'ffff'ffff'f000, 0x8100'0000 | kPage | kNormal);
  CHECK(w.code(0x1000) == 0);
  CHECK(w.code(0xffff'ffff'ffff'f000) == 0);
  CHECK(w.code(u64{1} << 39 | 0x1000) == 0x04);
  CHECK(w.code(0xffff'ff7f'ffff'f000) == 0x04);
  CHECK(w.code(0xff00'0000'0000'1000) == 0x04);  // VA<55> = 0, top byte set
  w.regime.range[0].top_byte_ignored = true;
  CHECK(w.code(0xff00'0000'0000'1000) == 0);
  CHECK(w.code(0xff40'0000'0000'1000) == 0x04);
  w.regime.range[1].top_byte_ignored = true;
  CHECK(w.code(0x00ff'ffff'ffff'f000) == 0);
  w.regime.range[1].walk_disabled = true;
  CHECK(w.code(0xffff'ffff'ffff'f000) == 0x04);
  w.regime.range[0].input_bits = 49;
  CHECK(w.code(0x1000) == 0x04);
  w.regime.range[0].input_bits = 24;
  CHECK(w.code(0x1000) == 0x04);
}

TEST_CASE("output addresses past the PA size are address size faults at their level") {
  for (unsigned level = 0; level < 4; ++level) {
    Walker w;
    w.regime.pa_bits = 40;
    Tables& t = w.tables(0, 12, 48);
    t.map(0x1000, 0x8100'0000 | kPage | kNormal);
    CHECK(w.code(0x1000) == 0);
    const u64 slot = t.slot(0x1000, level);
    t.put(slot, t.get(slot) | u64{1} << 40);
    CHECK(w.code(0x1000) == level);
  }
  Walker w;
  w.regime.pa_bits = 40;
  w.tables(0, 12, 48);
  w.regime.range[0].table |= u64{1} << 40;
  CHECK(w.code(0x1000) == 0);
  CHECK(w(0x1000).fault.kind == FaultKind::AddressSize);
}

TEST_CASE("a clear access flag is an access flag fault at the level of the leaf") {
  Walker w;
  Tables& t = w.tables(0, 12, 48);
  t.map(0x1000, 0x8100'0000 | kPage);
  t.map(0x4000'0000, 0x8000'0000 | kBlock, 1);
  t.map(0x8020'0000, 0x8000'0000 | kBlock, 2);
  CHECK(w.code(0x1000) == 0x0b);
  CHECK(w.code(0x4000'0000) == 0x09);
  CHECK(w.code(0x8020'0000) == 0x0a);
}

TEST_CASE("a table where no memory is gives an external abort on the walk with the level of the access") {
  Walker w;
  Tables& t = w.tables(0, 12, 48);
  t.map(0x1000, 0x8100'0000 | kPage | kNormal);
  t.map(0x1000, 0x1000'0000 | kTable, 2);
  CHECK(w.code(0x1000) == (0x14 | 3));
  w.regime.range[0].table = 0x1000'0000;
  CHECK(w.code(0x1000) == 0x14);
}

TEST_CASE("permissions follow AP, XN, WXN and what the tables take away") {
  constexpr unsigned kAll = 0x3f;
  struct Row {
    u64 leaf, above;
    bool wxn;
    unsigned permissions;
  };
  constexpr u64 kApTableNoEl0 = u64{1} << 61, kApTableReadOnly = u64{1} << 62, kUxnTable = u64{1} << 60,
                kPxnTable = u64{1} << 59;
  const Row rows[] = {
      {0, 0, false, kRead1 | kWrite1 | kExecute1 | kExecute0},
      {kUser, 0, false, kRead1 | kWrite1 | kRead0 | kWrite0 | kExecute0},  // writable at EL0: not executable at EL1
      {kReadOnly, 0, false, kRead1 | kExecute1 | kExecute0},
      {kUser | kReadOnly, 0, false, kRead1 | kRead0 | kExecute1 | kExecute0},
      {kUser | kPxn, 0, false, kAll & ~unsigned{kExecute1}},
      {kUser | kReadOnly | kPxn, 0, false, kRead1 | kRead0 | kExecute0},
      {kUser | kReadOnly | kUxn, 0, false, kRead1 | kRead0 | kExecute1},
      {0, 0, true, kRead1 | kWrite1 | kExecute0},
      {kUser, 0, true, kRead1 | kWrite1 | kRead0 | kWrite0},
      {kUser | kReadOnly, 0, true, kRead1 | kRead0 | kExecute1 | kExecute0},
      {kUser, kApTableNoEl0, false, kRead1 | kWrite1 | kExecute1 | kExecute0},
      {kUser, kApTableReadOnly, false, kRead1 | kRead0 | kExecute1 | kExecute0},
      {kUser, kApTableReadOnly | kApTableNoEl0, false, kRead1 | kExecute1 | kExecute0},
      {kUser | kReadOnly, kUxnTable, false, kRead1 | kRead0 | kExecute1},
      {kUser | kReadOnly, kPxnTable, false, kRead1 | kRead0 | kExecute0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.leaf, row.above, row.wxn);
    for (unsigned level = 1; level <= 3; ++level) {  // the attribute may stand in any table above
      Walker w;
      w.regime.write_implies_xn = row.wxn;
      Tables& t = w.tables(0, 12, 48);
      t.map(0x1000, 0x8100'0000 | kPage | kNormal | row.leaf);
      const u64 slot = t.slot(0x1000, level - 1);
      t.put(slot, t.get(slot) | row.above);
      CHECK(unsigned{w(0x1000).permissions} == row.permissions);
      if (row.above != 0) {
        w.regime.range[0].hierarchical_disabled = true;
        CHECK(unsigned{w(0x1000).permissions} != row.permissions);
      }
    }
  }
}

TEST_CASE("a regime of one range takes AP[1] as set and bit 54 as XN") {
  Walker w;
  w.regime.two_ranges = false;
  Tables& t = w.tables(0, 12, 48);
  t.map(0x1000, 0x8100'0000 | kPage | kNormal);
  t.map(0x2000, 0x8100'0000 | kPage | kNormal | kUxn | kReadOnly);
  CHECK(unsigned{w(0x1000).permissions} == (kRead1 | kWrite1 | kExecute1));
  CHECK(unsigned{w(0x2000).permissions} == kRead1);
  CHECK(w(0x1000).global);
  CHECK(w.code(0xffff'ffff'ffff'f000) == 0x04);  // there is no upper range
}

TEST_CASE("tables may be big-endian") {
  Walker w;
  Tables& t = w.tables(0, 12, 39);
  t.map(0x1000, 0x8100'0000 | kPage | kNormal);
  for (unsigned level = 1; level < 4; ++level) {
    u64 pa = t.base();
    for (unsigned l = 1; l < level; ++l)
      pa = __builtin_bswap64(t.get(pa + 8 * bits(0x1000, t.span(l) + 8, t.span(l)))) & low_mask(48) & ~low_mask(12);
    pa += 8 * bits(0x1000, t.span(level) + 8, t.span(level));
    t.put(pa, __builtin_bswap64(t.get(pa)));
  }
  CHECK(w.code(0x1000) != 0);
  w.regime.big_endian_tables = true;
  CHECK(w(0x1008).pa == 0x8100'0008);
}

TEST_CASE("with translation off an address is itself, if the PA size holds it") {
  Walker w;
  w.regime.enabled = false;
  w.regime.pa_bits = 44;
  CHECK(w(0x123456789).pa == 0x123456789);
  CHECK(w(0x123456789).device());
  CHECK(w(u64{1} << 44).fault.kind == FaultKind::AddressSize);
  CHECK(w.code(u64{1} << 44) == 0);
  CHECK(w(0x7f00'0000'0000'1000).fault.kind == FaultKind::AddressSize);
  w.regime.range[0].top_byte_ignored = true;
  CHECK(w(0x7f00'0000'0000'1000).pa == 0x1000);
}

TEST_CASE("TCR_EL1 fields reach the regime") {
  const u64 tcr = 25 | u64{1} << 14 | u64{1} << 7 | u64{16} << 16 | u64{1} << 30 | u64{2} << 32 | u64{1} << 38;
  const Regime r = regime_el10(1 | u64{1} << 19, tcr, 0x1001, 0x5'0000'2000, 0, 48);
  CHECK(r.enabled);
  CHECK(r.write_implies_xn);
  CHECK(r.pa_bits == 40);
  CHECK(r.range[0].input_bits == 39);
  CHECK(r.range[0].granule == 16);
  CHECK(r.range[0].walk_disabled);
  CHECK(r.range[0].table == 0x1000);
  CHECK_FALSE(r.range[0].top_byte_ignored);
  CHECK(r.range[1].input_bits == 48);
  CHECK(r.range[1].granule == 14);
  CHECK(r.range[1].top_byte_ignored);
  CHECK(regime_el10(1, tcr | u64{5} << 32, 0, 0, 0, 44).pa_bits == 44);
}
