#include <thread>

#include "devices/interrupt_controller.h"
#include "tests/devices/fixture.h"

using namespace ferry;
using namespace ferry::devices;
using namespace ferry::devices::testing;

namespace {

constexpr u32 PMR = sysreg_encoding(3, 0, 4, 6, 0), IAR0 = sysreg_encoding(3, 0, 12, 8, 0),
              EOIR0 = sysreg_encoding(3, 0, 12, 8, 1), BPR0 = sysreg_encoding(3, 0, 12, 8, 3),
              AP1R0 = sysreg_encoding(3, 0, 12, 9, 0), DIR = sysreg_encoding(3, 0, 12, 11, 1),
              RPR = sysreg_encoding(3, 0, 12, 11, 3), SGI1R = sysreg_encoding(3, 0, 12, 11, 5),
              SGI0R = sysreg_encoding(3, 0, 12, 11, 7), IAR1 = sysreg_encoding(3, 0, 12, 12, 0),
              EOIR1 = sysreg_encoding(3, 0, 12, 12, 1), HPPIR1 = sysreg_encoding(3, 0, 12, 12, 2),
              BPR1 = sysreg_encoding(3, 0, 12, 12, 3), CTLR = sysreg_encoding(3, 0, 12, 12, 4),
              SRE = sysreg_encoding(3, 0, 12, 12, 5), IGRPEN0 = sysreg_encoding(3, 0, 12, 12, 6),
              IGRPEN1 = sysreg_encoding(3, 0, 12, 12, 7), SRE_EL2 = sysreg_encoding(3, 4, 12, 9, 5);

// Everything enabled as a kernel does: all interrupts Group 1, priority 0xa0, the mask at 0xf0, four vCPUs.
struct Gic : Bench {
  InterruptController* ic;
  Gic() {
    make("arm,gic-v3");
    ic = device->interrupt_controller();
    REQUIRE(ic != nullptr);
    write(0x0000, 0x3);
    for (u64 n = 1; n < 9; ++n) write(0x80 + 4 * n, 0xffffffff);
    for (u64 n = 32; n < 288; n += 4) write(0x400 + n, 0xa0a0a0a0);
    for (unsigned cpu = 0; cpu < 4; ++cpu) {
      redist(cpu, 0x80, 0xffffffff);
      for (u64 n = 0; n < 32; n += 4) redist(cpu, 0x400 + n, 0xa0a0a0a0);
      set(cpu, PMR, 0xf0);
      set(cpu, IGRPEN1, 1);
      set(cpu, IGRPEN0, 1);
    }
  }
  void redist(unsigned cpu, u64 offset, u64 value, unsigned size = 4) {
    write(cpu * 0x20000 + 0x10000 + offset, value, size, 1);
  }
  u64 redist(unsigned cpu, u64 offset) { return read(cpu * 0x20000 + 0x10000 + offset, 4, 1); }
  void set(unsigned cpu, u32 reg, u64 value) { REQUIRE(ic->write_sysreg(cpu, reg, {}, value)); }
  u64 get(unsigned cpu, u32 reg) {
    u64 value = 0;
    REQUIRE(ic->read_sysreg(cpu, reg, {}, value));
    return value;
  }
  bool irq(unsigned cpu) { return (cpus[cpu].lines & kCpuLineIrq) != 0; }
  bool fiq(unsigned cpu) { return (cpus[cpu].lines & kCpuLineFiq) != 0; }
  IrqLine spi(u32 n) {
    const u32 cells[] = {0, n, 4};
    auto line = ic->line(cells, 0);
    REQUIRE(line.ok());
    return *line;
  }
  void enable(u32 intid) { write(0x100 + 4 * (intid / 32), u64{1} << intid % 32); }
  void priority(u32 intid, u8 value) { write(0x400 + intid, value, 1); }
};

}  // namespace

TEST_CASE("gicv3: the type registers tell what there is") {
  Gic g;
  CHECK((g.read(4) & 0x1f) == 8);       // 288 INTIDs
  CHECK((g.read(4) & (1 << 17)) == 0);  // no LPIs
  CHECK((g.read(4) & (1 << 10)) == 0);  // one Security state
  CHECK((g.read(0) & 0x50) == 0x50);    // ARE and DS stay
  CHECK((g.read(0xffe8) & 0xf0) == 0x30);
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    const u64 typer = g.read(cpu * 0x20000 + 8, 8, 1);
    CHECK(typer >> 32 == cpu);
    CHECK((typer & 0x10) == (cpu == 3 ? 0x10 : 0));
    CHECK((typer & 1) == 0);
    CHECK(g.read(cpu * 0x20000 + 0xc, 4, 1) == cpu);
    CHECK((g.read(cpu * 0x20000 + 0xffe8, 4, 1) & 0xf0) == 0x30);
  }
  CHECK(g.get(0, SRE) == 7);
  CHECK((g.get(0, CTLR) & 0x700) == 0x400);
}

TEST_CASE("gicv3: a level-sensitive SPI is pending while its wire is high") {
  Gic g;
  g.enable(33);
  const IrqLine line = g.spi(1);
  line.set(true);
  CHECK(g.irq(0));
  CHECK_FALSE(g.fiq(0));
  CHECK_FALSE(g.irq(1));
  CHECK(g.get(0, HPPIR1) == 33);
  CHECK(g.get(0, IAR1) == 33);
  CHECK_FALSE(g.irq(0));
  CHECK(g.get(0, RPR) == 0xa0);
  CHECK(g.get(0, IAR1) == 1023);
  g.set(0, EOIR1, 33);
  CHECK(g.irq(0));  // still high
  CHECK(g.get(0, IAR1) == 33);
  line.set(false);
  g.set(0, EOIR1, 33);
  CHECK_FALSE(g.irq(0));
  CHECK(g.get(0, RPR) == 0xff);
  CHECK(g.get(0, IAR1) == 1023);
}

TEST_CASE("gicv3: an edge-triggered SPI stays pending after its wire fell, and comes once") {
  Gic g;
  g.write(0xc08, 2u << 2);  // INTID 33
  g.enable(33);
  const IrqLine line = g.spi(1);
  line.set(true);
  line.set(false);
  CHECK(g.irq(0));
  CHECK(g.get(0, IAR1) == 33);
  line.set(true);  // a new edge while active
  CHECK_FALSE(g.irq(0));
  g.set(0, EOIR1, 33);
  CHECK(g.irq(0));
  CHECK(g.get(0, IAR1) == 33);
  g.set(0, EOIR1, 33);
  CHECK_FALSE(g.irq(0));
}

TEST_CASE("gicv3: enable, group, distributor and priority mask each hold an interrupt back") {
  Gic g;
  g.spi(1).set(true);
  CHECK_FALSE(g.irq(0));
  g.enable(33);
  CHECK(g.irq(0));
  g.set(0, PMR, 0xa0);
  CHECK_FALSE(g.irq(0));
  g.set(0, PMR, 0xa8);
  CHECK(g.irq(0));
  g.set(0, IGRPEN1, 0);
  CHECK_FALSE(g.irq(0));
  g.set(0, IGRPEN1, 1);
  g.write(0, 1);
  CHECK_FALSE(g.irq(0));
  g.write(0, 3);
  CHECK(g.irq(0));
  g.write(0x184, 2);
  CHECK_FALSE(g.irq(0));
  CHECK(g.read(0x204) == 2);  // pending all the time
}

TEST_CASE("gicv3: Group 0 is signalled as FIQ and acknowledged by its own register") {
  Gic g;
  g.write(0x84, 0xfffffffd);
  g.enable(33);
  g.spi(1).set(true);
  CHECK(g.fiq(0));
  CHECK_FALSE(g.irq(0));
  CHECK(g.get(0, IAR1) == 1023);
  CHECK(g.get(0, IAR0) == 33);
  CHECK_FALSE(g.fiq(0));
  g.set(0, EOIR1, 33);  // the wrong group: ignored
  CHECK(g.get(0, RPR) == 0xa0);
  g.set(0, EOIR0, 33);
  CHECK(g.fiq(0));
}

TEST_CASE("gicv3: higher priorities preempt, equal ones wait, nesting unwinds in order") {
  Gic g;
  for (const u32 n : {33u, 34u, 35u}) g.enable(n);
  g.priority(33, 0xa0);
  g.priority(34, 0x40);
  g.priority(35, 0xa0);
  g.spi(1).set(true);
  CHECK(g.get(0, IAR1) == 33);
  g.spi(3).set(true);
  CHECK_FALSE(g.irq(0));
  g.spi(2).set(true);
  CHECK(g.irq(0));
  CHECK(g.get(0, IAR1) == 34);
  CHECK(g.get(0, RPR) == 0x40);
  CHECK(g.get(0, AP1R0) == ((1u << (0xa0 >> 3)) | (1u << (0x40 >> 3))));
  g.spi(2).set(false);
  g.set(0, EOIR1, 34);
  CHECK(g.get(0, RPR) == 0xa0);
  g.spi(1).set(false);
  g.set(0, EOIR1, 33);
  CHECK(g.get(0, IAR1) == 35);
}

TEST_CASE("gicv3: the binary point decides what may preempt") {
  Gic g;
  g.enable(33);
  g.enable(34);
  g.priority(33, 0xa8);
  g.priority(34, 0xa0);
  CHECK(g.get(0, BPR0) == 2);
  CHECK(g.get(0, BPR1) == 3);
  g.set(0, BPR1, 0);
  CHECK(g.get(0, BPR1) == 3);  // the smallest
  g.set(0, BPR1, 5);           // group priority is bits 7 to 5
  g.spi(1).set(true);
  CHECK(g.get(0, IAR1) == 33);
  CHECK(g.get(0, RPR) == 0xa0);
  g.spi(2).set(true);
  CHECK_FALSE(g.irq(0));
  g.set(0, BPR1, 3);
  CHECK_FALSE(g.irq(0));  // the running priority was taken with the old point
  g.set(0, CTLR, 1);      // CBPR: Group 1 uses BPR0, and reads it plus one
  g.set(0, BPR0, 6);
  CHECK(g.get(0, BPR1) == 7);
}

TEST_CASE("gicv3: among equals the lowest INTID comes first") {
  Gic g;
  for (const u32 n : {40u, 33u, 100u}) {
    g.enable(n);
    g.spi(n - 32).set(true);
  }
  CHECK(g.get(0, IAR1) == 33);
}

TEST_CASE("gicv3: with EOImode set, priority drops first and DIR deactivates") {
  Gic g;
  g.enable(33);
  g.set(0, CTLR, 2);
  g.spi(1).set(true);
  CHECK(g.get(0, IAR1) == 33);
  g.set(0, EOIR1, 33);
  CHECK(g.get(0, RPR) == 0xff);
  CHECK_FALSE(g.irq(0));  // active still
  CHECK(g.read(0x304) == 2);
  g.set(0, DIR, 33);
  CHECK(g.read(0x304) == 0);
  CHECK(g.irq(0));
}

TEST_CASE("gicv3: an SPI goes where its router points, by affinity") {
  Gic g;
  g.enable(33);
  g.spi(1).set(true);
  g.write(0x6100 + 8, 2, 8);
  CHECK_FALSE(g.irq(0));
  CHECK(g.irq(2));
  g.write(0x6100 + 8, 0x100, 8);  // nobody
  for (unsigned cpu = 0; cpu < 4; ++cpu) CHECK_FALSE(g.irq(cpu));
  g.write(0x6100 + 8, 1, 4);
  CHECK(g.irq(1));
  CHECK(g.get(1, IAR1) == 33);
  g.set(1, EOIR1, 33);
  CHECK(g.irq(1));
}

TEST_CASE("gicv3: private interrupts belong to one vCPU") {
  Gic g;
  const IrqLine timer = g.ic->private_line(2, 14);
  for (unsigned cpu = 0; cpu < 4; ++cpu) g.redist(cpu, 0x100, 1u << 30);
  timer.set(true);
  CHECK(g.irq(2));
  CHECK_FALSE(g.irq(0));
  CHECK(g.redist(2, 0x200) == 1u << 30);
  CHECK(g.redist(0, 0x200) == 0);
  CHECK(g.get(2, IAR1) == 30);
  timer.set(false);
  g.set(2, EOIR1, 30);
  CHECK_FALSE(g.irq(2));
}

TEST_CASE("gicv3: SGIs reach the list, all others, and only targets of the same group") {
  Gic g;
  for (unsigned cpu = 0; cpu < 4; ++cpu) g.redist(cpu, 0x100, 0xffff);
  g.set(0, SGI1R, u64{5} << 24 | 0b1010);
  CHECK_FALSE(g.irq(0));
  CHECK(g.irq(1));
  CHECK_FALSE(g.irq(2));
  CHECK(g.irq(3));
  CHECK(g.get(1, IAR1) == 5);
  g.set(1, EOIR1, 5);
  CHECK_FALSE(g.irq(1));
  g.set(1, SGI1R, u64{1} << 40 | u64{7} << 24);
  CHECK(g.irq(0));
  CHECK_FALSE(g.irq(1));
  CHECK(g.irq(2));
  CHECK(g.get(2, IAR1) == 7);
  g.set(0, SGI0R, u64{3} << 24 | 0b0010);  // is Group 1 over there
  CHECK_FALSE(g.fiq(1));
  CHECK_FALSE(g.irq(1));
  g.redist(1, 0x80, 0xfffffff7);
  g.set(0, SGI0R, u64{3} << 24 | 0b0010);
  CHECK(g.fiq(1));
  g.set(0, SGI1R, u64{1} << 44 | u64{9} << 24 | 1);  // Aff0 16 to 31: nobody
  CHECK(g.get(0, IAR1) == 7);
}

TEST_CASE("gicv3: pending and active bits can be set and cleared by hand") {
  Gic g;
  g.enable(40);
  g.write(0x204, 1u << 8);
  CHECK(g.irq(0));
  g.write(0x284, 1u << 8);
  CHECK_FALSE(g.irq(0));
  g.write(0x304, 1u << 8);
  g.write(0x204, 1u << 8);
  CHECK_FALSE(g.irq(0));
  g.write(0x384, 1u << 8);
  CHECK(g.irq(0));
}

TEST_CASE("gicv3: ends of interrupts that do not exist change nothing") {
  Gic g;
  g.enable(33);
  g.spi(1).set(true);
  CHECK(g.get(0, IAR1) == 33);
  for (const u64 n : {u64{288}, u64{1019}, u64{1020}, u64{1023}, u64{8192}, ~u64{0}}) g.set(0, EOIR1, n);
  CHECK(g.get(0, RPR) == 0xa0);
  g.set(0, CTLR, 2);
  for (const u64 n : {u64{288}, u64{1023}, ~u64{0}}) g.set(0, DIR, n);
  CHECK(g.read(0x304) == 2);
}

TEST_CASE("gicv3: registers that do not exist are UNDEFINED") {
  Gic g;
  u64 value = 0;
  CHECK_FALSE(g.ic->read_sysreg(0, sysreg_encoding(3, 0, 12, 8, 5), {}, value));  // AP0R1: five priority bits
  CHECK_FALSE(g.ic->read_sysreg(0, EOIR1, {}, value));
  CHECK_FALSE(g.ic->write_sysreg(0, IAR1, {}, 0));
  CHECK_FALSE(g.ic->read_sysreg(0, IAR1, {.el = 0}, value));
  CHECK_FALSE(g.ic->read_sysreg(0, SRE_EL2, {.el = 1}, value));
  CHECK(g.ic->read_sysreg(0, SRE_EL2, {.el = 2}, value));
  CHECK_FALSE(g.ic->read_sysreg(9, IAR1, {}, value));
}

TEST_CASE("gicv3: wrong specifiers are errors that say what was expected") {
  Gic g;
  const std::vector<std::vector<u32>> wrong = {{0, 256, 4}, {1, 16, 4}, {2, 0, 4}, {0, 1}, {}};
  for (const auto& cells : wrong) CHECK_FALSE(g.ic->line(cells, 0).ok());
  const u32 ppi[] = {1, 14, 0xf08};
  CHECK(g.ic->line(ppi, 3).ok());
  CHECK_FALSE(g.ic->line(ppi, 4).ok());
}

TEST_CASE("gicv3: the vCPU is told of each change of its lines, and of nothing else") {
  Gic g;
  unsigned told = 0;
  g.cpus[0].context = &told;
  g.cpus[0].notify = [](void* count) { ++*static_cast<unsigned*>(count); };
  g.enable(33);
  g.spi(1).set(true);
  CHECK(told == 1);
  g.spi(1).set(true);
  g.set(0, PMR, 0xf8);
  CHECK(told == 1);
  g.get(0, IAR1);
  CHECK(told == 2);
}

TEST_CASE("gicv3: a reset keeps the wires, a snapshot carries them") {
  Gic g;
  g.enable(33);
  g.spi(1).set(true);
  const auto data = g.saved();
  g.device->reset();
  CHECK_FALSE(g.irq(0));
  CHECK(g.read(0x204) == 2);
  Gic other;
  LoadArchive load(data);
  other.device->visit(load);
  REQUIRE(load.status().ok());
  CHECK(other.irq(0));
  CHECK(other.get(0, IAR1) == 33);
}

TEST_CASE("gicv3: wires and acknowledges from several threads lose no interrupt") {
  Gic g;
  for (u32 n = 32; n < 36; ++n) {
    g.write(0xc08, 0xaaaaaaaa);
    g.enable(n);
    g.write(0x6000 + 8 * n, n - 32, 8);
  }
  std::array<unsigned, 4> taken{};
  std::vector<std::thread> threads;
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    const IrqLine line = g.spi(cpu);
    threads.emplace_back([&g, &taken, line, cpu] {
      for (int i = 0; i < 2000; ++i) {
        line.set(true);
        line.set(false);
        u64 intid = 0;
        g.ic->read_sysreg(cpu, IAR1, {}, intid);
        if (intid == 32 + cpu) ++taken[cpu];
        g.ic->write_sysreg(cpu, EOIR1, {}, intid);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const unsigned count : taken) CHECK(count == 2000);
}

TEST_CASE("gicv3: a board without room for its vCPUs is refused") {
  Bench b;
  b.context.reg_sizes = {0x10000, 0x40000};
  CHECK_FALSE(find_model("arm,gic-v3")->make(b.context).ok());
  b.context.reg_sizes = {0x10000, 0x40000, 0x40000};
  auto made = find_model("arm,gic-v3")->make(b.context);
  REQUIRE(made.ok());
  CHECK(((*made)->regions()[1]->read(0x20008, 8) & 0x10) != 0);
  CHECK(((*made)->regions()[2]->read(0x00008, 8) >> 32) == 2);
}
