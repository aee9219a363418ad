// A guest that writes garbage everywhere: no combination of registers, tables and accesses may do more than fault. (Run
// with ASan too.)
#include <random>

#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;

namespace {

struct Garbage : Machine {
  std::mt19937_64 random;
  FakeDevice small;
  explicit Garbage(u64 seed) : random(seed) {
    REQUIRE(space.add_mmio("small", 0x0a00'0000, 0x200, small).ok());
    REQUIRE(space.add_rom("rom", 0, 0x2000).ok());
    // Tables over everything: a descriptor may lead to RAM (tables again), devices, ROM, or nowhere.
    for (u64 i = 0; i < kRamSize / 8; ++i) word(kRamBase + 8 * i) = descriptor();
  }
  u64 below(u64 n) { return random() % n; }
  u64 descriptor() {
    const u64 r = random();
    const u64 targets[] = {kRamBase + (r % kRamSize), kMmio, 0x0a00'0000, 0, 0x0a00'0000 + (r & 0xf000), r};
    const u64 target = targets[below(6)] & low_mask(48) & ~kPageOffset;
    const u64 attributes =
        (random() & 0xfff) | (below(2) != 0 ? kAf | 3 : 1) | (below(4) == 0 ? random() & ~low_mask(48) : 0);
    return target | attributes;
  }
  void registers() {
    const u64 r = random();
    s.reg(SysReg::TTBR0_EL1) = below(8) == 0 ? random() : (kRamBase + below(kRamSize)) | below(6) << 48;
    s.reg(SysReg::TTBR1_EL1) = below(8) == 0 ? random() : (kRamBase + below(kRamSize)) | below(6) << 48;
    s.reg(SysReg::TCR_EL1) =
        below(4) == 0 ? r : kTcr ^ (r & (u64{1} << 7 | u64{1} << 23 | u64{0xc00'0c003f} | u64{7} << 36));
    s.reg(SysReg::MAIR_EL1) = below(2) != 0 ? random() : kMair;
    s.reg(SysReg::SCTLR_EL1) = below(8) == 0 ? random() : 1 | (r & 2);
    s.el = static_cast<u8>(below(2));
    s.pan = static_cast<u8>(below(2));
    s.uao = static_cast<u8>(below(2));
    mmu->select();
  }
  u64 address() {
    const u64 r = random();
    switch (below(6)) {
      case 0: return r;
      case 1: return r & 0xff'ffff;
      case 2: return r | 0xffff'0000'0000'0000;
      case 3: return (r & 0x1f'ffff'f000) - 4;
      case 4: return kRamBase + r % kRamSize;
      default: return r & 0x0000'ffff'ffff'ffff;
    }
  }
  MemInfo info(bool write) {
    const u64 r = random();
    MemInfo m{.size_log2 = static_cast<u8>(below(5)), .pair = bit(r, 0), .unprivileged = bit(r, 1), .write = write};
    if (bit(r, 2)) m.aligned = true;
    if (bit(r, 3)) m.order = static_cast<Order>(below(4));
    // The frontend makes exclusives up to 16 bytes in all, always aligned.
    if (bit(r, 4) && m.bytes() <= 16 && m.size_log2 < 4) m.exclusive = m.aligned = true;
    return m;
  }
  void step() {
    const u64 va = address();
    s.fault = 0;
    switch (below(12)) {
      case 0: return registers();
      case 1: mmu->fetch(va); break;
      case 2: mmu->address_translate(static_cast<cpu::AtOp>(below(12)), va); break;
      case 3: mmu->data_cache_op(va, below(2) != 0); break;
      case 4:
        mmu->tlb_invalidate({.scope = static_cast<cpu::TlbiOp::Scope>(below(6)),
                             .regime_el = static_cast<u8>(1 + below(3)),
                             .asid = static_cast<u16>(below(6)),
                             .va = va,
                             .range_pages = below(8) == 0 ? random() : 1 + below(100)});
        return;
      case 5: mmu->zero_block(va, access({.write = true, .zero_block = true})); break;
      case 6: {
        MemInfo m{.size_log2 = static_cast<u8>(below(4)), .aligned = true, .write = true};
        m.pair = m.size_log2 >= 2 && below(3) == 0;
        mmu->atomic(va, access(m), m.pair || below(3) == 0 ? kRmwCas : below(9), random(), random());
        break;
      }
      case 7:
      case 8: mmu->store(va, access(info(true)), random(), random()); break;
      case 9: mmu->shield(address() & ~kPageOffset); return;
      case 10: mmu->exec_key(va); return;
      default: mmu->load(va, access(info(false))); break;
    }
    if (s.fault != 0) {
      const u32 code = s.exception.iss & 0x3f;
      REQUIRE((s.exception.ec == 0x24 || s.exception.ec == 0x20));
      REQUIRE((code <= 0x0f || code == 0x10 || (code >= 0x14 && code <= 0x17) || code == 0x21 || code == 0x35));
      ++faults;
    } else {
      ++passed;
    }
  }
  u64 faults = 0, passed = 0;
};

}  // namespace

TEST_CASE("garbage in registers, tables and accesses ends in faults at most") {
  const u64 seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  Garbage g(seed);
  for (int i = 0; i < 150'000; ++i) g.step();
  // Both ends are met, or this tests nothing.
  CHECK(g.faults > 10'000);
  CHECK(g.passed > 10'000);
}
