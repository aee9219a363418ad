// What the soft MMU costs off the fast path: selections as an exception does them, misses, device accesses, exclusives,
// maintenance.
#include <benchmark/benchmark.h>

#include "cpu/access.h"
#include "softmmu/mmu.h"
#include "softmmu/physical_reader.h"
#include "softmmu/walk.h"

namespace {

using namespace ferry;
using namespace ferry::softmmu;
using cpu::SysReg;

constexpr u64 kRam = 0x4000'0000, kTables = kRam + (32 << 20), kHigh = 0xffff'8000'0000'0000, kPages = 4096;

struct NullDevice final : MmioHandler {
  u64 read(u64, unsigned) override { return 0; }
  void write(u64, unsigned, u64) override {}
};

// 16 MiB of 4 KiB pages in both halves, a device page below them; two ASIDs over the same tables, as KPTI has them.
struct Machine {
  AddressSpace space;
  NullDevice device;
  std::unique_ptr<cpu::CpuState> state = std::make_unique<cpu::CpuState>();
  cpu::CpuState& s = *state;
  std::unique_ptr<Mmu> mmu;

  Machine() {
    static_cast<void>(space.add_ram("ram", kRam, 64 << 20));
    for (u64 i = 0; i < 40; ++i) static_cast<void>(space.add_mmio("device", 0x900'0000 + i * 0x1000, 0x1000, device));
    mmu = std::make_unique<Mmu>(s, space);
    for (u64 half = 0; half < 2; ++half) {
      const u64 base = kTables + half * (1 << 20);
      put(base, (base + 0x1000) | 3);
      put(base + 0x1000, (base + 0x2000) | 3);
      for (u64 i = 0; i < kPages; ++i) {
        const u64 table = base + 0x3000 + (i >> 9) * 0x1000;
        put(base + 0x2000 + 8 * (i >> 9), table | 3);
        put(table + 8 * (i & 511), (kRam + (i << 12)) | 0x403 | 1u << 11 | 1u << 6);
      }
      put(base + 0x3000, 0x900'5000 | 0x403 | 1u << 2);
    }
    s.reg(SysReg::ID_AA64MMFR0_EL1) = 4;
    s.reg(SysReg::MAIR_EL1) = 0xff;
    s.reg(SysReg::TCR_EL1) = 16 | u64{16} << 16 | u64{2} << 30 | u64{5} << 32 | u64{1} << 36 | u64{1} << 22;
    s.reg(SysReg::SCTLR_EL1) = 1;
    s.reg(SysReg::TTBR0_EL1) = kTables;
    kernel();
  }
  void put(u64 pa, u64 v) { static_cast<void>(space.write(pa, &v, 8)); }
  void enter(u8 el, u64 asid) {
    s.el = el;
    s.reg(SysReg::TTBR1_EL1) = (kTables + (1 << 20)) | asid << 48;
    mmu->select();
  }
  void kernel() { enter(1, 2); }
  void user() { enter(0, 3); }
};

constexpr u32 access(MemInfo info) { return make_access(info.encode(), 0); }

// A system call under KPTI: EL0 -> trampoline (user ASID at EL1) -> kernel ASID, and back.
void kpti_call(benchmark::State& state) {
  Machine m;
  for (auto _ : state) {
    m.enter(1, 3);
    benchmark::DoNotOptimize(m.mmu->exec_key(kHigh));
    m.kernel();
    benchmark::DoNotOptimize(m.mmu->exec_key(kHigh));
    m.enter(1, 3);
    benchmark::DoNotOptimize(m.mmu->exec_key(kHigh));
    m.user();
    benchmark::DoNotOptimize(m.mmu->exec_key(0x1000));
  }
}
BENCHMARK(kpti_call);

void select_unchanged(benchmark::State& state) {
  Machine m;
  for (auto _ : state) m.mmu->select();
}
BENCHMARK(select_unchanged);

// Walks alone: four levels, the descriptors in RAM.
void walk_four_levels(benchmark::State& state) {
  Machine m;
  PhysicalReader reader(m.space);
  Regime regime = regime_el10(m.s.reg(SysReg::SCTLR_EL1), m.s.reg(SysReg::TCR_EL1), kTables, kTables, 0xff, 44);
  u64 i = 0;
  for (auto _ : state) {
    i = (i + 1) % kPages;
    const Translation t = walk(regime, i << 12, reader);
    benchmark::DoNotOptimize(t);
  }
}
BENCHMARK(walk_four_levels);

// A page that shares its entry with another one in use: the bank's second table has it.
void load_conflict(benchmark::State& state) {
  Machine m;
  u64 i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(m.mmu->load(++i % 2 == 0 ? 0x1000 : kHigh + 0x1000, access({})));
}
BENCHMARK(load_conflict);

// Loads that miss: four descriptors, a table entry.
void load_miss(benchmark::State& state) {
  Machine m;
  u64 i = 0;
  for (auto _ : state) {
    if (++i == kPages) {
      state.PauseTiming();
      m.mmu->tlb_invalidate({.scope = cpu::TlbiOp::Scope::All});
      state.ResumeTiming();
      i = 1;
    }
    benchmark::DoNotOptimize(m.mmu->load(i << 12, access({})));
  }
}
BENCHMARK(load_miss)->Iterations(1 << 20);

void load_crossing(benchmark::State& state) {
  Machine m;
  for (auto _ : state) benchmark::DoNotOptimize(m.mmu->load(0x1ffc, access({})));
}
BENCHMARK(load_crossing);

void device_load(benchmark::State& state) {
  Machine m;
  for (auto _ : state) benchmark::DoNotOptimize(m.mmu->load(0x10, access({.size_log2 = 2})));
}
BENCHMARK(device_load);

void exclusive_pair(benchmark::State& state) {
  Machine m;
  for (auto _ : state) {
    const u64 v = m.mmu->load(0x1008, access({.exclusive = true, .aligned = true}));
    benchmark::DoNotOptimize(
        m.mmu->store(0x1008, access({.exclusive = true, .aligned = true, .write = true}), v + 1, 0));
  }
}
BENCHMARK(exclusive_pair);

void atomic_add(benchmark::State& state) {
  Machine m;
  for (auto _ : state)
    benchmark::DoNotOptimize(
        m.mmu->atomic(0x1008, access({.aligned = true, .write = true}), static_cast<u64>(RmwKind::Add), 1, 0));
}
BENCHMARK(atomic_add);

// A page taken away and touched again, with the kernel in between: what copy-on-write costs.
void tlbi_and_return(benchmark::State& state) {
  Machine m;
  for (auto _ : state) {
    m.kernel();
    m.mmu->tlb_invalidate({.scope = cpu::TlbiOp::Scope::Va, .last_level = true, .asid = 2, .va = 0x5000});
    m.mmu->tlb_invalidate({.scope = cpu::TlbiOp::Scope::Va, .last_level = true, .asid = 3, .va = 0x5000});
    m.user();
    benchmark::DoNotOptimize(m.mmu->exec_key(0x1000));
    benchmark::DoNotOptimize(m.mmu->load(0x5000, access({})));
  }
}
BENCHMARK(tlbi_and_return);

// ASID maintenance of a process with `range` pages in its bank.
void tlbi_asid(benchmark::State& state) {
  Machine m;
  for (auto _ : state) {
    state.PauseTiming();
    for (u64 i = 1; i <= static_cast<u64>(state.range(0)); ++i) m.mmu->load(i << 12, access({}));
    state.ResumeTiming();
    m.mmu->tlb_invalidate({.scope = cpu::TlbiOp::Scope::Asid, .asid = 2});
  }
}
BENCHMARK(tlbi_asid)->Arg(16)->Arg(512)->Arg(4000)->Iterations(2000);

void shield(benchmark::State& state) {
  Machine m;
  for (auto _ : state) {
    m.mmu->store(0x7000, access({.write = true}), 1, 0);
    m.mmu->shield(kRam + 0x7000);
  }
}
BENCHMARK(shield);

void fetch_hit(benchmark::State& state) {
  Machine m;
  m.user();
  for (auto _ : state) benchmark::DoNotOptimize(m.mmu->fetch(0x5000));
}
BENCHMARK(fetch_hit);

}  // namespace
