// AArch64.TranslationTableWalk and what it needs (shared/translation), for stage 1.
#include "softmmu/walk.h"

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

namespace {

// What the tables above a leaf take away: APTable, UXNTable (XNTable), PXNTable.
struct Inherited {
  bool no_el0 = false, read_only = false, uxn = false, pxn = false;
};

Translation failed(Translation t, FaultKind kind, unsigned level) {
  t.fault = {.kind = kind, .level = static_cast<u8>(level)};
  return t;
}

// Translation is off: VA is PA, data is Device-nGnRnE, nothing is protected.
Translation flat(const Regime& regime, u64 va) {
  Translation t;
  const bool top_byte_ignored = regime.range[regime.two_ranges && bit(va, 55) ? 1 : 0].top_byte_ignored;
  const u64 address = top_byte_ignored ? va & low_mask(56) : va;
  if ((address & ~low_mask(regime.pa_bits)) != 0) return failed(t, FaultKind::AddressSize, 0);
  t.pa = address;
  t.permissions = 0x3f;
  t.size_log2 = 64;
  t.shareability = 2;
  return t;
}

// Whether va lies in the range: the bits above input_bits repeat VA<55>, or are zero where there is one range.
bool in_range(const Regime& regime, const Range& range, u64 va) {
  const unsigned top = range.top_byte_ignored ? 55 : 63;
  const u64 high = bits(va, top, range.input_bits);
  return high == (regime.two_ranges && bit(va, 55) ? low_mask(top - range.input_bits + 1) : 0);
}

u8 permissions_of(const Regime& regime, u64 leaf, const Inherited& above) {
  const bool read_only = bit(leaf, 7) || above.read_only;
  const bool uxn = bit(leaf, 54) || above.uxn;
  const bool pxn = bit(leaf, 53) || above.pxn;
  unsigned p = kRead1;
  if (!read_only) p |= kWrite1;
  if (!regime.two_ranges) {  // AP[1] is RES1, bit 54 is XN
    if (!uxn && !(regime.write_implies_xn && !read_only)) p |= kExecute1;
    return static_cast<u8>(p);
  }
  if (bit(leaf, 6) && !above.no_el0) p |= kRead0 | (read_only ? 0u : unsigned{kWrite0});
  const auto writable_xn = [&](unsigned write) { return regime.write_implies_xn && (p & write) != 0; };
  if (!uxn && !writable_xn(kWrite0)) p |= kExecute0;
  // Memory that EL0 can write is never executable at EL1.
  if (!pxn && !writable_xn(kWrite1) && (p & kWrite0) == 0) p |= kExecute1;
  return static_cast<u8>(p);
}

bool is_block_level(unsigned granule, unsigned level) { return level == 2 || (granule == 12 && level == 1); }

u64 byte_swap(u64 v) { return __builtin_bswap64(v); }

}  // namespace

Translation walk(const Regime& regime, u64 va, TableReader& reader) {
  if (!regime.enabled) return flat(regime, va);
  Translation t;
  const Range& range = regime.range[regime.two_ranges && bit(va, 55) ? 1 : 0];
  // UNPREDICTABLE: chose a level 0 translation fault for TxSZ outside 16 to 39.
  if (range.input_bits < 25 || range.input_bits > 48 || !in_range(regime, range, va) || range.walk_disabled)
    return failed(t, FaultKind::Translation, 0);

  const unsigned granule = range.granule, stride = granule - 3;
  unsigned level = 4 - (range.input_bits - granule + stride - 1) / stride;
  t.first_level = static_cast<u8>(level);
  // The first table may be smaller than a granule; TTBR is aligned to its size.
  unsigned shift = granule + stride * (3 - level);
  u64 index = bits(va, range.input_bits - 1u, shift);
  u64 table = range.table & ~low_mask(range.input_bits - shift + 3);
  if ((range.table & low_mask(48) & ~low_mask(regime.pa_bits)) != 0) return failed(t, FaultKind::AddressSize, 0);

  Inherited above;
  for (;; ++level, shift -= stride, index = bits(va, shift + stride - 1, shift)) {
    const u64 at = table + 8 * index;
    u64 raw = 0;
    if (Fault fault = reader.read(at, raw)) {
      if (fault.kind == FaultKind::ExternalOnWalk) fault.level = static_cast<u8>(level);
      t.fault = fault;
      return t;
    }
    t.descriptor_pa[t.descriptors] = at;
    t.descriptor_value[t.descriptors++] = raw;
    const u64 descriptor = regime.big_endian_tables ? byte_swap(raw) : raw;

    const bool is_table = bit(descriptor, 1) && level < 3;
    const bool is_leaf = level == 3 ? bit(descriptor, 1) : !is_table && is_block_level(granule, level);
    if (!bit(descriptor, 0) || !(is_table || is_leaf)) return failed(t, FaultKind::Translation, level);
    const u64 output = descriptor & low_mask(48) & ~low_mask(is_table ? granule : shift);
    if ((output & ~low_mask(regime.pa_bits)) != 0) return failed(t, FaultKind::AddressSize, level);

    if (is_table) {
      table = output;
      if (!range.hierarchical_disabled) {
        above.no_el0 |= bit(descriptor, 61);
        above.read_only |= bit(descriptor, 62);
        above.uxn |= bit(descriptor, 60);
        above.pxn |= bit(descriptor, 59);
      }
      continue;
    }

    if (!bit(descriptor, 10)) return failed(t, FaultKind::AccessFlag, level);
    t.pa = output | (va & low_mask(shift));
    t.size_log2 = static_cast<u8>(shift);
    t.level = static_cast<u8>(level);
    t.permissions = permissions_of(regime, descriptor, above);
    t.attributes = static_cast<u8>(regime.mair >> (8 * bits(descriptor, 4, 2)));
    t.shareability = static_cast<u8>(bits(descriptor, 9, 8));
    t.global = !regime.two_ranges || !bit(descriptor, 11);
    return t;
  }
}

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
  r.range[0] = {.table = ttbr0 & low_mask(48) & ~u64{1},
                .input_bits = static_cast<u8>(64 - bits(tcr, 5, 0)),
                .granule = granule_of_tg0(bits(tcr, 15, 14)),
                .top_byte_ignored = bit(tcr, 37),
                .walk_disabled = bit(tcr, 7)};
  r.range[1] = {.table = ttbr1 & low_mask(48) & ~u64{1},
                .input_bits = static_cast<u8>(64 - bits(tcr, 21, 16)),
                .granule = granule_of_tg1(bits(tcr, 31, 30)),
                .top_byte_ignored = bit(tcr, 38),
                .walk_disabled = bit(tcr, 23)};
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
