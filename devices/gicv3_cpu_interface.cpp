// GICv3 CPU interface, the ICC_* system registers: Arm IHI 0069 chapter 4 (handling and prioritisation) and 12.2.
#include <algorithm>
#include <bit>

#include "core/log.h"
#include "devices/gicv3.h"
#include "devices/gicv3_registers.h"

namespace ferry::devices {
namespace {

constexpr u32 ICC_PMR_EL1 = sysreg_encoding(3, 0, 4, 6, 0), ICC_IAR0_EL1 = sysreg_encoding(3, 0, 12, 8, 0),
              ICC_EOIR0_EL1 = sysreg_encoding(3, 0, 12, 8, 1), ICC_HPPIR0_EL1 = sysreg_encoding(3, 0, 12, 8, 2),
              ICC_BPR0_EL1 = sysreg_encoding(3, 0, 12, 8, 3), ICC_AP0R0_EL1 = sysreg_encoding(3, 0, 12, 8, 4),
              ICC_AP1R0_EL1 = sysreg_encoding(3, 0, 12, 9, 0), ICC_DIR_EL1 = sysreg_encoding(3, 0, 12, 11, 1),
              ICC_RPR_EL1 = sysreg_encoding(3, 0, 12, 11, 3), ICC_SGI1R_EL1 = sysreg_encoding(3, 0, 12, 11, 5),
              ICC_ASGI1R_EL1 = sysreg_encoding(3, 0, 12, 11, 6), ICC_SGI0R_EL1 = sysreg_encoding(3, 0, 12, 11, 7),
              ICC_IAR1_EL1 = sysreg_encoding(3, 0, 12, 12, 0), ICC_EOIR1_EL1 = sysreg_encoding(3, 0, 12, 12, 1),
              ICC_HPPIR1_EL1 = sysreg_encoding(3, 0, 12, 12, 2), ICC_BPR1_EL1 = sysreg_encoding(3, 0, 12, 12, 3),
              ICC_CTLR_EL1 = sysreg_encoding(3, 0, 12, 12, 4), ICC_SRE_EL1 = sysreg_encoding(3, 0, 12, 12, 5),
              ICC_IGRPEN0_EL1 = sysreg_encoding(3, 0, 12, 12, 6), ICC_IGRPEN1_EL1 = sysreg_encoding(3, 0, 12, 12, 7),
              ICC_SRE_EL2 = sysreg_encoding(3, 4, 12, 9, 5), ICC_SRE_EL3 = sysreg_encoding(3, 6, 12, 12, 5);

constexpr unsigned kPriorityShift = 3;  // five implemented bits of eight
constexpr u64 kMinBpr0 = 2;             // every implemented bit is group priority
constexpr u64 kMinBpr1 = kMinBpr0 + 1;  // Group 1 counts from one higher (4.8.2)
constexpr u64 kCbpr = 1;

}  // namespace

u64 Gicv3::Cpu::running_priority() const {
  const u32 active = static_cast<u32>(ICC_AP0R0_EL1.get() | ICC_AP1R0_EL1.get());
  return active == 0 ? u64{kIdlePriority} : u64{static_cast<unsigned>(std::countr_zero(active))} << kPriorityShift;
}

u8 Gicv3::Cpu::group_priority_mask(Group group) const {
  const bool own = group == kGroup1 && !ICC_CTLR_EL1.test(kCbpr);
  const u64 point =
      own ? std::clamp<u64>(ICC_BPR1_EL1.get(), kMinBpr1, 7) - 1 : std::clamp<u64>(ICC_BPR0_EL1.get(), kMinBpr0, 7);
  return static_cast<u8>(0xff << (point + 1));
}

bool Gicv3::can_preempt(const Cpu& cpu, const Candidate& candidate) const {
  if (candidate.intid == kSpurious || candidate.priority >= cpu.ICC_PMR_EL1.get()) return false;
  const u64 running = cpu.running_priority();
  if (running == kIdlePriority) return true;
  const u8 mask = cpu.group_priority_mask(candidate.group);
  return (candidate.priority & mask) < (running & mask);
}

void Gicv3::change_active(Cpu& cpu, u32 intid, bool active) {
  const u64 mask = u64{1} << intid % 32;
  Register& active_bits = intid < 32 ? cpu.GICR_ISACTIVER0 : distributor_->GICD_ISACTIVER;
  Register& latched_bits = intid < 32 ? cpu.GICR_ISPENDR0 : distributor_->GICD_ISPENDR;
  const unsigned index = intid < 32 ? 0 : intid / 32 - 1;
  active_bits.assign(mask, active, index);
  // A level that is still high stays pending by itself.
  if (active) latched_bits.assign(mask, false, index);
}

// ICC_IAR0_EL1, ICC_IAR1_EL1
u64 Gicv3::acknowledge(Cpu& cpu, Group group) {
  const Candidate candidate = best(cpu);
  if (!can_preempt(cpu, candidate) || candidate.group != group) return kSpurious;
  change_active(cpu, candidate.intid, true);
  Register& active_priorities = group == kGroup0 ? cpu.ICC_AP0R0_EL1 : cpu.ICC_AP1R0_EL1;
  const unsigned level = (candidate.priority & cpu.group_priority_mask(group)) >> kPriorityShift;
  active_priorities.assign(u64{1} << level, true);
  // Another vCPU may have been signalled for it only if routing changed in between: its own update follows from the
  // state.
  if (candidate.intid >= 32) update_all();
  return candidate.intid;
}

// ICC_HPPIR0_EL1, ICC_HPPIR1_EL1: whatever the priority mask and the running priority.
u64 Gicv3::highest_pending(const Cpu& cpu, Group group) const {
  const Candidate candidate = best(cpu);
  return candidate.group == group ? candidate.intid : kSpurious;
}

// ICC_EOIR0_EL1, ICC_EOIR1_EL1
void Gicv3::end_of_interrupt(Cpu& cpu, Group group, u64 value) {
  const u32 intid = static_cast<u32>(bits(value, 23, 0));
  if (!exists(intid)) {
    if (intid < 1020 || intid > kSpurious) guest_error("{}: end of interrupt {}, which does not exist", name(), intid);
    return;
  }
  const u64 group0 = cpu.ICC_AP0R0_EL1.get(), group1 = cpu.ICC_AP1R0_EL1.get();
  const u64 own = group == kGroup0 ? group0 : group1, other = group == kGroup0 ? group1 : group0;
  const bool highest_is_ours = own != 0 && (other == 0 || std::countr_zero(own) <= std::countr_zero(other));
  if (!highest_is_ours) {
    // UNPREDICTABLE: chose to ignore an end that does not match the highest active priority's group.
    guest_error("{}: end of interrupt {} of group {}, which is not the running one", name(), intid,
                static_cast<int>(group));
    return;
  }
  (group == kGroup0 ? cpu.ICC_AP0R0_EL1 : cpu.ICC_AP1R0_EL1).set(own & (own - 1));
  if (!cpu.drop_by_eoi_only()) change_active(cpu, intid, false);
  if (intid >= 32) update_all();
}

// ICC_DIR_EL1
void Gicv3::deactivate(Cpu& cpu, u64 value) {
  const u32 intid = static_cast<u32>(bits(value, 23, 0));
  if (!cpu.drop_by_eoi_only()) {
    // UNPREDICTABLE: chose to ignore it when EOImode is 0.
    guest_error("{}: ICC_DIR_EL1 write while EOImode is 0", name());
    return;
  }
  if (!exists(intid)) {
    guest_error("{}: deactivation of interrupt {}, which does not exist", name(), intid);
    return;
  }
  change_active(cpu, intid, false);
  if (intid >= 32) update_all();
}

// ICC_SGI0R_EL1, ICC_SGI1R_EL1
void Gicv3::send_sgi(const Cpu& from, Group group, u64 value) {
  const u32 mask = u32{1} << bits(value, 27, 24);
  const u32 cluster =
      static_cast<u32>(bits(value, 55, 48) << 24 | bits(value, 39, 32) << 16 | bits(value, 23, 16) << 8);
  const u64 range = bits(value, 47, 44);
  for (const auto& target : cpus_) {
    bool meant = false;
    if (bit(value, 40)) {
      meant = target.get() != &from;
    } else {
      const u32 aff0 = target->affinity & 0xff;
      meant = (target->affinity & ~u32{0xff}) == cluster && aff0 / 16 == range && bit(value, aff0 % 16);
    }
    // 12.2: forwarded only if the target has it in the same group.
    const bool grouped = target->GICR_IGROUPR0.test(mask) == (group == kGroup1);
    if (!meant || !grouped) continue;
    target->GICR_ISPENDR0.assign(mask, true);
    update(*target);
  }
}

bool Gicv3::read_sysreg(unsigned vcpu, u32 encoding, CpuAccess access, u64& value) {
  if (access.el == 0 || vcpu >= cpus_.size()) return false;
  const std::lock_guard lock(mutex());
  Cpu& cpu = *cpus_[vcpu];
  switch (encoding) {
    case ICC_PMR_EL1: value = cpu.ICC_PMR_EL1.get(); break;
    case ICC_IAR0_EL1: value = acknowledge(cpu, kGroup0); break;
    case ICC_IAR1_EL1: value = acknowledge(cpu, kGroup1); break;
    case ICC_HPPIR0_EL1: value = highest_pending(cpu, kGroup0); break;
    case ICC_HPPIR1_EL1: value = highest_pending(cpu, kGroup1); break;
    case ICC_BPR0_EL1: value = cpu.ICC_BPR0_EL1.get(); break;
    case ICC_BPR1_EL1:
      value = cpu.ICC_CTLR_EL1.test(kCbpr) ? std::min<u64>(cpu.ICC_BPR0_EL1.get() + 1, 7) : cpu.ICC_BPR1_EL1.get();
      break;
    case ICC_AP0R0_EL1: value = cpu.ICC_AP0R0_EL1.get(); break;
    case ICC_AP1R0_EL1: value = cpu.ICC_AP1R0_EL1.get(); break;
    case ICC_RPR_EL1: value = cpu.running_priority(); break;
    case ICC_CTLR_EL1: value = cpu.ICC_CTLR_EL1.get(); break;
    case ICC_SRE_EL1: value = 7; break;  // system registers only, bypass disabled: fixed
    case ICC_IGRPEN0_EL1: value = cpu.ICC_IGRPEN0_EL1.get(); break;
    case ICC_IGRPEN1_EL1: value = cpu.ICC_IGRPEN1_EL1.get(); break;
    case ICC_SRE_EL2:
      if (access.el < 2) return false;
      value = 0xf;
      break;
    case ICC_SRE_EL3:
      if (access.el < 3) return false;
      value = 0xf;
      break;
    default: return false;
  }
  // Only an acknowledge changes anything.
  if (encoding == ICC_IAR0_EL1 || encoding == ICC_IAR1_EL1) update(cpu);
  return true;
}

bool Gicv3::write_sysreg(unsigned vcpu, u32 encoding, CpuAccess access, u64 value) {
  if (access.el == 0 || vcpu >= cpus_.size()) return false;
  const std::lock_guard lock(mutex());
  Cpu& cpu = *cpus_[vcpu];
  const auto store = [value](Register& reg) { reg.set((reg.get() & ~reg.writable()) | (value & reg.writable())); };
  switch (encoding) {
    case ICC_PMR_EL1: store(cpu.ICC_PMR_EL1); break;
    case ICC_EOIR0_EL1: end_of_interrupt(cpu, kGroup0, value); break;
    case ICC_EOIR1_EL1: end_of_interrupt(cpu, kGroup1, value); break;
    case ICC_BPR0_EL1: cpu.ICC_BPR0_EL1.set(std::max(value & 7, kMinBpr0)); break;
    case ICC_BPR1_EL1:
      if (!cpu.ICC_CTLR_EL1.test(kCbpr)) cpu.ICC_BPR1_EL1.set(std::max(value & 7, kMinBpr1));
      break;
    case ICC_AP0R0_EL1: store(cpu.ICC_AP0R0_EL1); break;
    case ICC_AP1R0_EL1: store(cpu.ICC_AP1R0_EL1); break;
    case ICC_DIR_EL1: deactivate(cpu, value); break;
    case ICC_SGI0R_EL1: send_sgi(cpu, kGroup0, value); break;
    case ICC_SGI1R_EL1: send_sgi(cpu, kGroup1, value); break;
    case ICC_ASGI1R_EL1: break;  // the other Security state, which does not exist
    case ICC_CTLR_EL1: store(cpu.ICC_CTLR_EL1); break;
    case ICC_SRE_EL1: break;
    case ICC_IGRPEN0_EL1: store(cpu.ICC_IGRPEN0_EL1); break;
    case ICC_IGRPEN1_EL1: store(cpu.ICC_IGRPEN1_EL1); break;
    case ICC_SRE_EL2: return access.el >= 2;
    case ICC_SRE_EL3: return access.el >= 3;
    default: return false;
  }
  update(cpu);
  return true;
}

}  // namespace ferry::devices
