// The walk itself (AArch64.TranslationTableWalk, shared/translation), stage 1: a template, so that the reader of the
// processor's own memory is inlined into it.
#pragma once
#include "softmmu/walk.h"

namespace ferry::softmmu {

namespace detail {

// What the tables above a leaf take away: APTable, UXNTable (XNTable), PXNTable.
struct Inherited {
  bool no_el0 = false, read_only = false, uxn = false, pxn = false;
};

inline Translation failed(Translation t, FaultKind kind, unsigned level) {
  t.fault = {.kind = kind, .level = static_cast<u8>(level)};
  return t;
}

// Translation is off: VA is PA, data is Device-nGnRnE, nothing is protected.
inline Translation flat(const Regime& regime, u64 va) {
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
inline bool in_range(const Regime& regime, const Range& range, u64 va) {
  const unsigned top = range.top_byte_ignored ? 55 : 63;
  const u64 high = bits(va, top, range.input_bits);
  return high == (regime.two_ranges && bit(va, 55) ? low_mask(top - range.input_bits + 1) : 0);
}

inline u8 permissions_of(const Regime& regime, u64 leaf, const Inherited& above) {
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

inline bool is_block_level(unsigned granule, unsigned level) { return level == 2 || (granule == 12 && level == 1); }

inline u64 byte_swap(u64 v) { return __builtin_bswap64(v); }

}  // namespace detail

template <class Reader>
Translation walk_with(const Regime& regime, u64 va, Reader& reader) {
  using namespace detail;
  if (!regime.enabled) return flat(regime, va);
  Translation t;
  const Range& range = regime.range[regime.two_ranges && bit(va, 55) ? 1 : 0];
  // UNPREDICTABLE: chose a level 0 translation fault for TxSZ outside 16 to 39 (48; 47 with 64 KiB granules).
  const unsigned least = regime.min_input_bits == 16 && range.granule == 16 ? 17 : regime.min_input_bits;
  if (range.input_bits < least || range.input_bits > 48 || !in_range(regime, range, va) || range.walk_disabled)
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

    t.needs_flag = !bit(descriptor, 10);
    if (t.needs_flag && !regime.hardware_access) return failed(t, FaultKind::AccessFlag, level);
    // DBM: a clean page is as good as writable, hardware clears AP[2] at the first write.
    const bool modifiable = regime.hardware_dirty && bit(descriptor, 51);
    t.clean = modifiable && bit(descriptor, 7);
    t.pa = output | (va & low_mask(shift));
    t.size_log2 = static_cast<u8>(shift);
    t.level = static_cast<u8>(level);
    t.permissions = permissions_of(regime, t.clean ? descriptor & ~u64{0x80} : descriptor, above);
    t.attributes = static_cast<u8>(regime.mair >> (8 * bits(descriptor, 4, 2)));
    t.shareability = static_cast<u8>(bits(descriptor, 9, 8));
    t.guarded = bit(descriptor, 50);
    t.global = !regime.two_ranges || !bit(descriptor, 11);
    return t;
  }
}

}  // namespace ferry::softmmu
