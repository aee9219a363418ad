// AArch64.TranslationTableWalk and what it needs (shared/translation), for stage 1.
#include "softmmu/walk_with.h"

#include <algorithm>

namespace ferry::softmmu {

u32 Fault::status_code() const {
  const u32 at_level = level & 3u;
  switch (kind) {
    case FaultKind::None: return 0;
    case FaultKind::AddressSize: return 0x00 | at_level;
    case FaultKind::Translation: return 0x04 | at_level;
    case FaultKind::AccessFlag: return 0x08 | at_level;
    case FaultKind::Permission: return 0x0c | at_level;
    case FaultKind::External: return 0x10;
    case FaultKind::ExternalOnWalk: return 0x14 | at_level;
    case FaultKind::Alignment: return 0x21;
    case FaultKind::UnsupportedAtomic: return 0x35;
  }
  return 0;
}

unsigned pa_bits_of(u64 encoding) {
  constexpr unsigned kBits[] = {32, 36, 40, 42, 44, 48};
  // Larger ones need features (52-bit addresses) that are not here.
  return kBits[std::min<u64>(encoding & 7, 5)];
}

Translation walk(const Regime& regime, u64 va, TableReader& reader) { return walk_with(regime, va, reader); }

namespace {

u8 granule_of_tg0(u64 encoding) { return encoding == 1 ? 16 : encoding == 2 ? 14 : 12; }
// IMPDEF: a reserved encoding behaves as 4 KiB.
u8 granule_of_tg1(u64 encoding) { return encoding == 3 ? 16 : encoding == 1 ? 14 : 12; }

}  // namespace

Regime regime_el10(u64 sctlr, u64 tcr, u64 ttbr0, u64 ttbr1, u64 mair, unsigned implemented_pa_bits) {
  Regime r;
  r.enabled = bit(sctlr, 0);
  r.big_endian_tables = bit(sctlr, 25);
  r.write_implies_xn = bit(sctlr, 19);
  r.pa_bits = static_cast<u8>(std::min(pa_bits_of(bits(tcr, 34, 32)), implemented_pa_bits));
  if (!r.enabled) r.pa_bits = static_cast<u8>(implemented_pa_bits);
  r.mair = mair;
  r.hardware_access = bit(tcr, 39);
  r.hardware_dirty = bit(tcr, 39) && bit(tcr, 40);
  r.execute_counts_for_pan = bit(sctlr, 57);
  r.range[0] = {.table = ttbr0 & low_mask(48) & ~u64{1},
                .input_bits = static_cast<u8>(64 - bits(tcr, 5, 0)),
                .granule = granule_of_tg0(bits(tcr, 15, 14)),
                .top_byte_ignored = bit(tcr, 37),
                .walk_disabled = bit(tcr, 7),
                .hierarchical_disabled = bit(tcr, 41),
                .closed_to_el0 = bit(tcr, 55),
                .instruction_tags = !bit(tcr, 51)};
  r.range[1] = {.table = ttbr1 & low_mask(48) & ~u64{1},
                .input_bits = static_cast<u8>(64 - bits(tcr, 21, 16)),
                .granule = granule_of_tg1(bits(tcr, 31, 30)),
                .top_byte_ignored = bit(tcr, 38),
                .walk_disabled = bit(tcr, 23),
                .hierarchical_disabled = bit(tcr, 42),
                .closed_to_el0 = bit(tcr, 56),
                .instruction_tags = !bit(tcr, 52)};
  return r;
}

Regime regime_el2_el3(u64 sctlr, u64 tcr, u64 ttbr0, u64 mair, unsigned implemented_pa_bits) {
  Regime r;
  r.two_ranges = false;
  r.enabled = bit(sctlr, 0);
  r.big_endian_tables = bit(sctlr, 25);
  r.write_implies_xn = bit(sctlr, 19);
  r.pa_bits = static_cast<u8>(std::min(pa_bits_of(bits(tcr, 18, 16)), implemented_pa_bits));
  if (!r.enabled) r.pa_bits = static_cast<u8>(implemented_pa_bits);
  r.mair = mair;
  r.range[0] = {.table = ttbr0 & low_mask(48) & ~u64{1},
                .input_bits = static_cast<u8>(64 - bits(tcr, 5, 0)),
                .granule = granule_of_tg0(bits(tcr, 15, 14)),
                .top_byte_ignored = bit(tcr, 20)};
  return r;
}

}  // namespace ferry::softmmu
