// Loads and stores through the slow paths: sizes, page crossing, alignment, permissions and their syndromes, devices.
#include "tests/catch.h"
#include "tests/softmmu/machine.h"

using namespace ferry;
using namespace ferry::softmmu;
using namespace ferry::softmmu::test;

namespace {

constexpr u64 kA = kRamBase + 0x5000, kB = kRamBase + 0x9000;
constexpr u32 kWrite = 1u << 6;

// 0x1000 and 0x2000 lie on pages that are not neighbours; 0x3000 is absent, 0x4000 read-only, 0x5000 Device, 0x6000 the
// device window, 0x7000 the user's, 0x8000 the user's read-only.
struct Mapped : Machine {
  Tables low = tables(), high = tables();
  explicit Mapped(u64 sctlr = 1) {
    low.map(0x1000, kA | kPage | kNormal);
    low.map(0x2000, kB | kPage | kNormal);
    low.map(0x4000, (kRamBase + 0xa000) | kPage | kNormal | kReadOnly);
    low.map(0x5000, (kRamBase + 0xb000) | kPage | kDevice);
    low.map(0x6000, kMmio | kPage | kDevice);
    low.map(0x7000, (kRamBase + 0xc000) | kPage | kNormal | kUser);
    low.map(0x8000, (kRamBase + 0xd000) | kPage | kNormal | kUser | kReadOnly);
    enable(low, high, 1, sctlr);
  }
  void check_abort(u32 iss, u64 far) {
    CHECK(s.fault != 0);
    CHECK(s.exception.ec == 0x24);
    CHECK(s.exception.iss == iss);
    CHECK(s.exception.far_valid);
    CHECK(s.exception.far == far);
  }
  u64 load_as(u64 va, MemInfo info) {
    s.fault = 0;
    return mmu->load(va, access(info));
  }
  u64 store_as(u64 va, MemInfo info, u64 v0, u64 v1 = 0) {
    s.fault = 0;
    info.write = true;
    return mmu->store(va, access(info), v0, v1);
  }
};

}  // namespace

TEST_CASE("elements of every size, zero-extended, and pairs") {
  Mapped m;
  for (unsigned i = 0; i < 64; ++i) *m.at(kA + i) = static_cast<u8>(0xf0 + i);
  CHECK(m.load(0x1001, 0) == 0xf1);
  CHECK(m.load(0x1001, 1) == 0xf2f1);
  CHECK(m.load(0x1001, 2) == 0xf4f3f2f1);
  CHECK(m.load(0x1001, 3) == 0xf8f7f6f5f4f3f2f1);
  m.load_as(0x1000, {.size_log2 = 4});
  CHECK(m.s.vargs[0] == U128{0xf7f6f5f4f3f2f1f0, 0xfffefdfcfbfaf9f8});
  m.load_as(0x1004, {.size_log2 = 2, .pair = true});
  CHECK(m.s.vargs[0] == U128{0xf7f6f5f4, 0xfbfaf9f8});
  m.load_as(0x1000, {.size_log2 = 3, .pair = true});
  CHECK(m.s.vargs[0] == U128{0xf7f6f5f4f3f2f1f0, 0xfffefdfcfbfaf9f8});
  m.load_as(0x1000, {.size_log2 = 4, .pair = true});
  CHECK(m.s.vargs[1] == U128{0x0706050403020100, 0x0f0e0d0c0b0a0908});

  m.store_as(0x1008, {.size_log2 = 2, .pair = true}, 0xffff'ffff'0000'0001, 2);
  CHECK(m.word(kA + 8) == 0x0000'0002'0000'0001);
  m.s.vargs[0] = {1, 2};
  m.s.vargs[1] = {3, 4};
  m.store_as(0x1010, {.size_log2 = 4, .pair = true}, 0);
  CHECK(m.word(kA + 0x10) == 1);
  CHECK(m.word(kA + 0x18) == 2);
  CHECK(m.word(kA + 0x20) == 3);
  CHECK(m.word(kA + 0x28) == 4);
  CHECK(*m.at(kA + 0x30) == 0x20);
  m.store_as(0x1010, {.size_log2 = 4}, 0);
  CHECK(m.word(kA + 0x20) == 3);
}

TEST_CASE("an access across pages takes each part from its own page") {
  Mapped m;
  m.store(0x1ffd, 0x8877665544332211);
  CHECK(m.s.fault == 0);
  CHECK(*m.at(kA + 0xffd) == 0x11);
  CHECK(*m.at(kA + 0xfff) == 0x33);
  CHECK(*m.at(kB) == 0x44);
  CHECK(*m.at(kB + 4) == 0x88);
  CHECK(m.load(0x1ffd) == 0x8877665544332211);
  m.s.vargs[0] = {1, 2};
  m.s.vargs[1] = {3, 4};
  m.store_as(0x1fe8, {.size_log2 = 4, .pair = true}, 0);
  CHECK(m.word(kA + 0xff8) == 3);
  CHECK(m.word(kB) == 4);
}

TEST_CASE("a store across pages that faults on the second writes nothing; FAR names the page that faulted") {
  Mapped m;
  m.word(kB + 0xff8) = 0x5555;
  m.store(0x2ffc, ~u64{0});
  m.check_abort(0x07 | kWrite, 0x3000);
  CHECK(m.word(kB + 0xff8) == 0x5555);
  m.load(0x2fff, 1);
  m.check_abort(0x07, 0x3000);
  m.store(0x3ffc, ~u64{0});  // the first is absent, the second read-only: the first decides
  m.check_abort(0x07 | kWrite, 0x3ffc);
}

TEST_CASE("permission faults carry level and WnR") {
  Mapped m;
  m.load(0x4008);
  CHECK(m.s.fault == 0);
  m.store(0x4008, 1);
  m.check_abort(0x0f | kWrite, 0x4008);
  m.s.el = 0;
  m.mmu->select();
  m.load(0x1000);
  m.check_abort(0x0f, 0x1000);
  m.load(0x7000);
  CHECK(m.s.fault == 0);
  m.store(0x8000, 1);
  m.check_abort(0x0f | kWrite, 0x8000);
}

TEST_CASE("PAN keeps EL1 from what EL0 can read, but not the unprivileged loads and stores") {
  Mapped m;
  m.load(0x7000);
  CHECK(m.s.fault == 0);
  m.s.pan = 1;
  m.mmu->select();
  m.load(0x7000);
  m.check_abort(0x0f, 0x7000);
  m.store(0x7000, 1);
  m.check_abort(0x0f | kWrite, 0x7000);
  m.load(0x8000);
  m.check_abort(0x0f, 0x8000);
  m.load(0x1000);
  CHECK(m.s.fault == 0);
  m.word(kRamBase + 0xc008) = 99;
  CHECK(m.load_as(0x7008, {.unprivileged = true}) == 99);
  CHECK(m.s.fault == 0);
  // The table that translated code probes for LDTR is the user's bank now, also after the next selection.
  CHECK(m.s.tlb_unpriv_read[tlb_index(0x7000)].tag == 0x7000);
  CHECK_FALSE(m.in_read_table(0x7000));
  m.s.pan = 0;
  m.mmu->select();
  m.s.pan = 1;
  m.mmu->select();
  CHECK(m.s.tlb_unpriv_read[tlb_index(0x7000)].tag == 0x7000);
}

TEST_CASE("unprivileged accesses see memory as EL0 does, or as EL1 with UAO") {
  Mapped m;
  m.load_as(0x1000, {.unprivileged = true});
  m.check_abort(0x0f, 0x1000);
  m.store_as(0x8000, {.unprivileged = true}, 1);
  m.check_abort(0x0f | kWrite, 0x8000);
  m.s.uao = 1;
  m.mmu->select();
  m.load_as(0x1000, {.unprivileged = true});
  CHECK(m.s.fault == 0);
  CHECK(m.s.tlb_unpriv_read == m.s.tlb_read);
}

TEST_CASE("alignment: Device memory by element, ordered and exclusive by the whole, everything with SCTLR.A") {
  Mapped m;
  m.load(0x1001);
  CHECK(m.s.fault == 0);
  m.load(0x5004);
  m.check_abort(0x21, 0x5004);
  m.store(0x5004, 1);
  m.check_abort(0x21 | kWrite, 0x5004);
  m.load_as(0x5004, {.size_log2 = 2, .pair = true});
  CHECK(m.s.fault == 0);
  m.load_as(0x1004, {.size_log2 = 2, .pair = true, .exclusive = true, .aligned = true});
  m.check_abort(0x21, 0x1004);
  m.load_as(0x1004, {.aligned = true, .order = Order::Acquire});
  m.check_abort(0x21, 0x1004);
  // An alignment fault of the instruction comes before a translation fault.
  m.load_as(0x3004, {.aligned = true, .order = Order::Acquire});
  m.check_abort(0x21, 0x3004);

  Mapped strict(1 | 2);
  strict.load(0x1004);
  strict.check_abort(0x21, 0x1004);
  strict.store(0x1004, 1);
  strict.check_abort(0x21 | kWrite, 0x1004);
  strict.load_as(0x1004, {.size_log2 = 2, .pair = true});
  CHECK(strict.s.fault == 0);
}

TEST_CASE("the site of the description is kept for whoever takes the fault") {
  Mapped m;
  m.mmu->load(0x3000, Machine::access({}, cpu::make_site(17, 3)));
  CHECK(cpu::site_index(m.s.site) == 17);
  CHECK(cpu::site_after(m.s.site) == 3);
}

TEST_CASE("device accesses keep their size and order; vectors go in eights") {
  Mapped m;
  using A = FakeDevice::Access;
  CHECK(m.load(0x6004, 2) == 0x11223344);
  m.store(0x6008, 0xaabb, 0);
  CHECK(m.device.seen == std::vector<A>{{false, 4, 4, 0}, {true, 8, 1, 0xbb}});
  m.device.seen.clear();
  m.load_as(0x6010, {.size_log2 = 4});
  CHECK(m.device.seen == std::vector<A>{{false, 0x10, 8, 0}, {false, 0x18, 8, 0}});
  CHECK(m.s.vargs[0] == U128{0x1122334455667788, 0x1122334455667788});
  m.device.seen.clear();
  m.store_as(0x6010, {.size_log2 = 2, .pair = true}, 1, 2);
  CHECK(m.device.seen == std::vector<A>{{true, 0x10, 4, 1}, {true, 0x14, 4, 2}});
  CHECK_FALSE(m.in_read_table(0x6000));
  CHECK_FALSE(m.in_write_table(0x6000));
  m.load_as(0x6000, {.exclusive = true, .aligned = true});
  m.check_abort(0x35, 0x6000);
}

TEST_CASE("Device memory that is RAM works, outside the tables") {
  Mapped m;
  m.store(0x5008, 77);
  CHECK(m.load(0x5008) == 77);
  CHECK_FALSE(m.in_read_table(0x5000));
  CHECK_FALSE(m.in_write_table(0x5000));
}

TEST_CASE("ROM reads as memory and ignores stores") {
  Machine m;
  Region* rom = *m.space.add_rom("rom", 0, 0x1000);
  *reinterpret_cast<u64*>(rom->ram->host()) = 123;
  Tables low = m.tables(), high = m.tables();
  low.map(0x1000, 0 | kPage | kNormal);
  m.enable(low, high);
  m.store(0x1000, 5);
  CHECK(m.s.fault == 0);
  CHECK(m.load(0x1000) == 123);
  CHECK(m.in_read_table(0x1000));
  CHECK_FALSE(m.in_write_table(0x1000));
}

TEST_CASE("DC ZVA zeroes its 64 bytes; Device memory refuses it") {
  Mapped m;
  for (unsigned i = 0; i < 256; ++i) *m.at(kA + i) = 0xff;
  m.s.fault = 0;
  m.mmu->zero_block(0x1055, Machine::access({.write = true, .zero_block = true}));
  CHECK(m.s.fault == 0);
  CHECK(*m.at(kA + 0x3f) == 0xff);
  for (unsigned i = 0x40; i < 0x80; ++i) CHECK(*m.at(kA + i) == 0);
  CHECK(*m.at(kA + 0x80) == 0xff);
  m.mmu->zero_block(0x5010, Machine::access({.write = true, .zero_block = true}));
  m.check_abort(0x21 | kWrite, 0x5010);
  m.s.fault = 0;
  m.mmu->zero_block(0x3010, Machine::access({.write = true, .zero_block = true}));
  m.check_abort(0x07 | kWrite, 0x3010);
}

TEST_CASE("data cache maintenance by VA reports its faults as such") {
  Mapped m;
  m.s.fault = 0;
  m.mmu->data_cache_op(0x1000, false);
  CHECK(m.s.fault == 0);
  m.mmu->data_cache_op(0x3000, false);
  m.check_abort(0x07 | kWrite | 1u << 8, 0x3000);
  m.s.fault = 0;
  m.s.el = 0;
  m.mmu->select();
  m.mmu->data_cache_op(0x1000, false);
  m.check_abort(0x0f | kWrite | 1u << 8, 0x1000);
}

TEST_CASE("AT fills PAR with the address and attributes, or the fault") {
  Mapped m;
  using cpu::AtOp;
  CHECK(m.mmu->address_translate(AtOp::S1E1R, 0x1234) == (kA | u64{0xff} << 56 | 1u << 9 | 1u << 11));
  CHECK(m.mmu->address_translate(AtOp::S1E1R, 0x5000) == ((kRamBase + 0xb000) | 2u << 7 | 1u << 9 | 1u << 11));
  CHECK(m.mmu->address_translate(AtOp::S1E1W, 0x4000) == (1 | 0x0f << 1 | 1u << 11));
  CHECK(m.mmu->address_translate(AtOp::S1E1R, 0x3000) == (1 | 0x07 << 1 | 1u << 11));
  CHECK((m.mmu->address_translate(AtOp::S1E0R, 0x7000) & 1) == 0);
  CHECK(m.mmu->address_translate(AtOp::S1E0R, 0x1000) == (1 | 0x0f << 1 | 1u << 11));
  CHECK(m.mmu->address_translate(AtOp::S1E0W, 0x8000) == (1 | 0x0f << 1 | 1u << 11));
  m.s.pan = 1;
  CHECK((m.mmu->address_translate(AtOp::S1E1R, 0x7000) & 1) == 0);
  CHECK((m.mmu->address_translate(AtOp::S1E1RP, 0x7000) & 1) == 1);
  CHECK(m.s.fault == 0);
}
