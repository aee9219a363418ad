#include "devices/gicv3.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "core/log.h"
#include "devices/gicv3_registers.h"

namespace ferry::devices {
namespace {

constexpr u64 kCpuFrames = 0x20000;  // RD and SGI frame of one vCPU

// The edge bits (odd ones) of two ICFGR registers, one bit an INTID.
u32 edge_bits(u64 low, u64 high) {
  const auto half = [](u64 config) {
    u32 x = static_cast<u32>(config >> 1) & 0x55555555;
    x = (x | x >> 1) & 0x33333333;
    x = (x | x >> 2) & 0x0f0f0f0f;
    x = (x | x >> 4) & 0x00ff00ff;
    return (x | x >> 8) & 0x0000ffff;
  };
  return half(low) | half(high) << 16;
}

// How a pair "set" and "clear" looks at one state, kept in the set register.
void pair(Register& set, Register& clear) {
  clear.on_read([&set](unsigned i) { return set.get(i); });
  clear.on_write([&set](const Register::Write& w) { set.assign(w.written, false, w.index); });
}

}  // namespace

Result<std::unique_ptr<Device>> Gicv3::make(const DeviceContext& context) {
  if (context.cpus.empty() || context.reg_sizes.size() < 2) {
    return Error{
        fmt::format("{}: {} windows and {} processors, expected a distributor, a redistributor region and a processor",
                    context.name, context.reg_sizes.size(), context.cpus.size())};
  }
  u64 frames = 0;
  for (usize i = 1; i < context.reg_sizes.size(); ++i) frames += context.reg_sizes[i] / kCpuFrames;
  if (frames < context.cpus.size()) {
    return Error{fmt::format("{}: redistributor regions for {} processors, expected room for {}", context.name, frames,
                             context.cpus.size())};
  }
  const u32 spis = context.cell("ferry,spis", 256);
  if (spis % 32 != 0 || spis == 0 || spis > 960) {
    return Error{fmt::format("{}: ferry,spis is {}, expected a multiple of 32 up to 960", context.name, spis)};
  }
  return std::unique_ptr<Device>(std::make_unique<Gicv3>(context));
}

Gicv3::Gicv3(const DeviceContext& context) : Device(context.name) {
  const unsigned spi_words = context.cell("ferry,spis", 256) / 32;
  words_ = spi_words + 1;
  distributor_ = std::make_unique<Distributor>(name(), spi_words);
  Distributor& d = *distributor_;
  add_region(d.bank);
  pair(d.GICD_ISENABLER, d.GICD_ICENABLER);
  pair(d.GICD_ISACTIVER, d.GICD_ICACTIVER);
  pair(d.GICD_ISPENDR, d.GICD_ICPENDR);
  const auto pending = [this](unsigned i) { return u64{spi_word(i + 1).pending()}; };
  d.GICD_ISPENDR.on_read(pending);
  d.GICD_ICPENDR.on_read(pending);
  d.GICD_IROUTER.on_write([this](const Register::Write&) { routes_stale_ = true; });

  usize next = 0;
  for (usize i = 1; i < context.reg_sizes.size(); ++i) {
    const usize room = static_cast<usize>(context.reg_sizes[i] / kCpuFrames);
    const usize count = std::min(room, context.cpus.size() - next);
    redistributors_.push_back(std::make_unique<RedistributorWindow>(*this, next, count));
    add_region(*redistributors_.back());
    for (usize k = 0; k < count; ++k, ++next) {
      const u32 usual = static_cast<u32>(next / 16 << 8 | next % 16);
      const u32 affinity = next < context.cpu_affinities.size() ? context.cpu_affinities[next] : usual;
      cpus_.push_back(
          std::make_unique<Cpu>(name(), static_cast<unsigned>(next), affinity, k + 1 == count, *context.cpus[next]));
    }
  }
  for (const auto& cpu : cpus_) {
    Cpu& c = *cpu;
    add_bank(c.rd);
    add_bank(c.sgi);
    add_bank(c.icc);
    c.GICR_WAKER.on_write([&c](const Register::Write& w) { c.GICR_WAKER.assign(4, (w.now & 2) != 0); });
    pair(c.GICR_ISENABLER0, c.GICR_ICENABLER0);
    pair(c.GICR_ISACTIVER0, c.GICR_ICACTIVER0);
    pair(c.GICR_ISPENDR0, c.GICR_ICPENDR0);
    const auto private_pending = [this, &c](unsigned) { return u64{private_word(c).pending()}; };
    c.GICR_ISPENDR0.on_read(private_pending);
    c.GICR_ICPENDR0.on_read(private_pending);
  }
  reset();
}

Gicv3::~Gicv3() = default;

void Gicv3::on_reset() { routes_stale_ = true; }

void Gicv3::visit_state(Archive& archive) {
  const auto levels = [&](std::string_view name, std::atomic<u32>& word) {
    u32 value = word.load(std::memory_order_relaxed);
    archive.field(name, value);
    word.store(value, std::memory_order_relaxed);
  };
  for (unsigned w = 1; w < words_; ++w) levels("spi_levels", spi_levels_[w]);
  for (const auto& cpu : cpus_) levels("ppi_levels", cpu->levels);
  if (archive.loading()) routes_stale_ = true;
}

void Gicv3::after_access() {
  if (routes_stale_) rebuild_routes();
  update_all();
}

// --- the wires ---

namespace {
constexpr u32 kCpuShift = 16;  // number of a private wire: vCPU in the high half, INTID in the low half
}

Result<IrqLine> Gicv3::line(std::span<const u32> specifier, unsigned vcpu) {
  if (specifier.size() < 3) {
    return Error{fmt::format("{}: an interrupt of {} cells, expected 3", name(), specifier.size())};
  }
  const u32 number = specifier[1];
  if (specifier[0] == 1) {
    if (number > 15 || vcpu >= cpus_.size()) {
      return Error{fmt::format("{}: private interrupt {} of processor {}, expected one of 0 to 15 of {} processors",
                               name(), number, vcpu, cpus_.size())};
    }
    return private_line(vcpu, number);
  }
  if (specifier[0] != 0 || number >= 32 * (words_ - 1)) {
    return Error{fmt::format("{}: interrupt type {} number {}, expected 0 (shared, below {}) or 1 (private, below 16)",
                             name(), specifier[0], number, 32 * (words_ - 1))};
  }
  return IrqLine([](void* gic, u32 n, bool level) { static_cast<Gicv3*>(gic)->set_input(n, level); }, this,
                 32 + number);
}

IrqLine Gicv3::private_line(unsigned vcpu, u32 ppi) {
  ASSERT(vcpu < cpus_.size() && ppi < 16, "a private interrupt of a processor that exists");
  return IrqLine([](void* gic, u32 n, bool level) { static_cast<Gicv3*>(gic)->set_input(n, level); }, this,
                 vcpu << kCpuShift | (16 + ppi));
}

void Gicv3::set_input(u32 number, bool level) {
  const u32 intid = number & low_mask(kCpuShift);
  Cpu& cpu = *cpus_[intid < 32 ? number >> kCpuShift : 0];
  std::atomic<u32>& word = intid < 32 ? cpu.levels : spi_levels_[intid / 32];
  const u32 mask = u32{1} << intid % 32;
  // One driver a wire, serialised by its own lock: an unchanged level needs no lock here.
  if (((word.load(std::memory_order_relaxed) & mask) != 0) == level) return;
  const std::lock_guard lock(mutex());
  log(LogCategory::kDevice, "{}: wire of INTID {} is {}", name(), intid, level ? "high" : "low");
  if (level) {
    word.fetch_or(mask, std::memory_order_relaxed);
    if (intid < 32) {
      if (private_word(cpu).edge & mask) cpu.GICR_ISPENDR0.assign(mask, true);
    } else if (spi_word(intid / 32).edge & mask) {
      distributor_->GICD_ISPENDR.assign(mask, true, intid / 32 - 1);
    }
  } else {
    word.fetch_and(~mask, std::memory_order_relaxed);
  }
  if (intid < 32) return update(cpu);
  for (const auto& each : cpus_) {
    if (each->routed[intid / 32] & mask) update(*each);
  }
}

// --- what is pending ---

Gicv3::Word Gicv3::spi_word(unsigned word) const {
  const Distributor& d = *distributor_;
  const unsigned i = word - 1;
  return {static_cast<u32>(d.GICD_IGROUPR.get(i)),
          static_cast<u32>(d.GICD_ISENABLER.get(i)),
          static_cast<u32>(d.GICD_ISPENDR.get(i)),
          static_cast<u32>(d.GICD_ISACTIVER.get(i)),
          spi_levels_[word].load(std::memory_order_relaxed),
          edge_bits(d.GICD_ICFGR.get(2 * i), d.GICD_ICFGR.get(2 * i + 1))};
}

Gicv3::Word Gicv3::private_word(const Cpu& c) const {
  return {static_cast<u32>(c.GICR_IGROUPR0.get()),  static_cast<u32>(c.GICR_ISENABLER0.get()),
          static_cast<u32>(c.GICR_ISPENDR0.get()),  static_cast<u32>(c.GICR_ISACTIVER0.get()),
          c.levels.load(std::memory_order_relaxed), edge_bits(c.GICR_ICFGR0.get(), c.GICR_ICFGR1.get())};
}

u8 Gicv3::priority_of(const Cpu& cpu, u32 intid) const {
  const u64 four = intid < 32 ? cpu.GICR_IPRIORITYR.get(intid / 4) : distributor_->GICD_IPRIORITYR.get(intid / 4 - 8);
  return static_cast<u8>(four >> 8 * (intid % 4));
}

void Gicv3::rebuild_routes() {
  routes_stale_ = false;
  for (const auto& cpu : cpus_) {
    cpu->routed.fill(0);
    for (u32 intid = 32; intid < 32 * words_; ++intid) {
      const u64 route = distributor_->GICD_IROUTER.get(intid - 32);
      const u32 affinity = static_cast<u32>(bits(route, 39, 32) << 24 | bits(route, 23, 0));
      if (affinity == cpu->affinity) cpu->routed[intid / 32] |= u32{1} << intid % 32;
    }
  }
}

// The pending interrupt of the highest priority that this vCPU's enabled groups let through; the lowest INTID among
// equals.
Gicv3::Candidate Gicv3::best(const Cpu& cpu) const {
  Candidate found;
  const bool group0 = distributor_->GICD_CTLR.test(1) && cpu.enabled(kGroup0);
  const bool group1 = distributor_->GICD_CTLR.test(2) && cpu.enabled(kGroup1);
  if (!group0 && !group1) return found;
  for (unsigned w = 0; w < words_; ++w) {
    if (w != 0 && cpu.routed[w] == 0) continue;
    const Word word = w == 0 ? private_word(cpu) : spi_word(w);
    u32 ready = word.pending() & word.enabled & ~word.active;
    ready &= (group1 ? word.group : 0) | (group0 ? ~word.group : 0);
    if (w != 0) ready &= cpu.routed[w];
    for (; ready != 0; ready &= ready - 1) {
      const unsigned index = static_cast<unsigned>(std::countr_zero(ready));
      const u8 priority = priority_of(cpu, 32 * w + index);
      if (priority < found.priority) found = {32 * w + index, priority, bit(word.group, index) ? kGroup1 : kGroup0};
    }
  }
  return found;
}

void Gicv3::update(Cpu& cpu) {
  const Candidate candidate = best(cpu);
  const bool signal = can_preempt(cpu, candidate);
  if (log_enabled(LogCategory::kDevice) && signal && (cpu.signals.lines & (kCpuLineIrq | kCpuLineFiq)) == 0) {
    log(LogCategory::kDevice, "{}: signals INTID {}, priority {:#x}, to processor {}", name(), candidate.intid,
        candidate.priority, cpu.index);
  }
  cpu.signals.set(kCpuLineFiq, signal && candidate.group == kGroup0);
  cpu.signals.set(kCpuLineIrq, signal && candidate.group == kGroup1);
}

void Gicv3::update_all() {
  for (const auto& cpu : cpus_) update(*cpu);
}

// --- the redistributors' windows ---

RegisterBank* Gicv3::RedistributorWindow::bank(u64& offset) const {
  const u64 index = offset / kCpuFrames;
  if (index >= count_) {
    guest_error("{}: access at {:#x} of the redistributors, where there is no processor", gic_.name(), offset);
    return nullptr;
  }
  Cpu& cpu = *gic_.cpus_[first_ + static_cast<usize>(index)];
  offset %= kCpuFrames;
  if (offset < kFrame) return &cpu.rd;
  offset -= kFrame;
  return &cpu.sgi;
}

u64 Gicv3::RedistributorWindow::read(u64 offset, unsigned size) {
  RegisterBank* found = bank(offset);
  u64 value = 0;
  if (found != nullptr) gic_.locked([&] { value = found->read(offset, size); });
  return value;
}

void Gicv3::RedistributorWindow::write(u64 offset, unsigned size, u64 value) {
  if (RegisterBank* found = bank(offset)) gic_.locked([&] { found->write(offset, size, value); });
}

}  // namespace ferry::devices
