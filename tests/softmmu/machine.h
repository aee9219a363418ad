// A machine of one processor, RAM and tables built by hand, for the tests of the memory system.
#pragma once
#include <mutex>
#include <vector>

#include "core/ports.h"
#include "cpu/access.h"
#include "softmmu/mmu.h"

namespace ferry::softmmu::test {

using cpu::SysReg;

// Descriptor bits.
constexpr u64 kTable = 3, kPage = 3, kBlock = 1, kAf = 1u << 10, kNotGlobal = 1u << 11, kUser = 1u << 6,
              kReadOnly = 1u << 7;
constexpr u64 kPxn = u64{1} << 53, kUxn = u64{1} << 54;
constexpr u64 attr(unsigned index) { return u64{index} << 2; }
// MAIR: 0 = Normal write-back, 1 = Device-nGnRnE, 2 = Normal non-cacheable.
constexpr u64 kMair = 0x4400ff;
constexpr u64 kNormal = kAf | attr(0), kDevice = kAf | attr(1);

constexpr u64 kRamBase = 0x4000'0000, kRamSize = 32 << 20;
constexpr u64 kTables = kRamBase + (16 << 20);  // tables grow from here
constexpr u64 kMmio = 0x0900'0000;

struct FakeDevice final : MmioHandler {
  struct Access {
    bool write;
    u64 offset;
    unsigned size;
    u64 value;
    bool operator==(const Access&) const = default;
  };
  std::vector<Access> seen;
  u64 answer = 0x1122334455667788;
  u64 read(u64 offset, unsigned size) override {
    seen.push_back({false, offset, size, 0});
    return answer >> (8 * (offset % 8));
  }
  void write(u64 offset, unsigned size, u64 value) override { seen.push_back({true, offset, size, value}); }
};

struct FakeObserver final : CodeObserver {
  std::vector<u64> written;
  std::mutex mutex;
  std::vector<u64> ranges;
  void code_written(u64 pa_page) override {
    const std::lock_guard lock(mutex);
    written.push_back(pa_page);
  }
  void range_changed(u64 base, u64) override { ranges.push_back(base); }
};

// Stage 1 tables of one range, built on demand.
class Tables {
 public:
  Tables(AddressSpace& space, u64& next, unsigned granule, unsigned input_bits)
      : space_(space), next_(next), granule_(granule), input_bits_(input_bits) {
    const unsigned stride = granule - 3;
    first_level_ = 4 - (input_bits - granule + stride - 1) / stride;
    base_ = allocate();
  }
  u64 base() const { return base_; }
  unsigned span(unsigned level) const { return granule_ + (granule_ - 3) * (3 - level); }
  // Address of the descriptor of va at `level`; tables above it are made as needed, with the attributes `above`.
  u64 slot(u64 va, unsigned level, u64 above = 0) {
    u64 table = base_;
    for (unsigned at = first_level_;; ++at) {
      const u64 pa = table + 8 * bits(va, std::min(span(at) + granule_ - 4, input_bits_ - 1), span(at));
      if (at == level) return pa;
      u64 descriptor = get(pa);
      if ((descriptor & 1) == 0) put(pa, descriptor = allocate() | kTable | above);
      table = descriptor & low_mask(48) & ~low_mask(granule_);
    }
  }
  void map(u64 va, u64 descriptor, unsigned level = 3, u64 above = 0) { put(slot(va, level, above), descriptor); }
  u64 get(u64 pa) {
    u64 v = 0;
    if (!space_.read(pa, &v, 8)) throw std::out_of_range("descriptor outside RAM");
    return v;
  }
  void put(u64 pa, u64 v) {
    if (!space_.write(pa, &v, 8)) throw std::out_of_range("descriptor outside RAM");
  }

 private:
  u64 allocate() {
    const u64 size = u64{1} << granule_;
    next_ = (next_ + size - 1) & ~(size - 1);
    const u64 at = next_;
    next_ += size;
    return at;
  }
  AddressSpace& space_;
  u64& next_;
  unsigned granule_, input_bits_;
  unsigned first_level_;
  u64 base_ = 0;
};

struct Machine {
  AddressSpace space;
  FakeDevice device;
  FakeObserver observer;
  std::unique_ptr<cpu::CpuState> state = std::make_unique<cpu::CpuState>();
  cpu::CpuState& s = *state;
  std::unique_ptr<Mmu> mmu;
  u64 next_table = kTables;
  u8* ram = nullptr;

  Machine() {
    ram = (*space.add_ram("ram", kRamBase, kRamSize))->ram->host();
    REQUIRE(space.add_mmio("device", kMmio, 0x1000, device).ok());
    space.set_code_observer(&observer);
    mmu = std::make_unique<Mmu>(s, space);
    s.reg(SysReg::ID_AA64MMFR0_EL1) = 5;  // 48 bits
    s.reg(SysReg::MAIR_EL1) = kMair;
    s.el = 1;
    mmu->select();
  }

  // 4 KiB granules, 48 bits, both ranges. asid in TTBR0.
  static constexpr u64 kTcr = 16 | u64{16} << 16 | u64{2} << 30 | u64{5} << 32 | u64{1} << 36;
  void enable(Tables& low, Tables& high, u16 asid = 1, u64 sctlr = 1) {
    s.reg(SysReg::TTBR0_EL1) = low.base() | u64{asid} << 48;
    s.reg(SysReg::TTBR1_EL1) = high.base();
    s.reg(SysReg::TCR_EL1) = kTcr;
    s.reg(SysReg::SCTLR_EL1) = sctlr;
    mmu->select();
  }
  Tables tables(unsigned granule = 12, unsigned input_bits = 48) {
    return Tables(space, next_table, granule, input_bits);
  }

  static u32 access(MemInfo m, u32 site = 0) { return make_access(m.encode(), site); }
  u64 load(u64 va, u8 size_log2 = 3) {
    s.fault = 0;
    return mmu->load(va, access({.size_log2 = size_log2}));
  }
  void store(u64 va, u64 value, u8 size_log2 = 3) {
    s.fault = 0;
    mmu->store(va, access({.size_log2 = size_log2, .write = true}), value, 0);
  }
  bool in_read_table(u64 va) const { return s.tlb_read[tlb_index(va)].tag == (va & ~kPageOffset); }
  bool in_write_table(u64 va) const { return s.tlb_write[tlb_index(va)].tag == (va & ~kPageOffset); }
  u8* at(u64 pa) { return ram + (pa - kRamBase); }
  u64& word(u64 pa) { return *reinterpret_cast<u64*>(at(pa)); }
};

}  // namespace ferry::softmmu::test
