#include "cpu/pauth.h"

#include <algorithm>

namespace ferry::cpu {
namespace {

constexpr u64 kTbi0 = u64{1} << 37, kTbi1 = u64{1} << 38, kTbid0 = u64{1} << 51, kTbid1 = u64{1} << 52;
constexpr u64 kEnable[] = {u64{1} << 31, u64{1} << 30, u64{1} << 27, u64{1} << 13};  // EnIA, EnIB, EnDA, EnDB

bool is_data(PacKey key) { return key == PacKey::DA || key == PacKey::DB; }

// EffectiveTBI of the EL1&0 regime for both halves; TBID takes instruction pointers out.
bool top_byte_ignored(const CpuState& s, bool high_half, bool data) {
  const u64 tcr = s.reg(SysReg::TCR_EL1);
  if (s.el >= 2) {  // EL2 and EL3 have one half: TBI bit 20, TBID bit 29
    const u64 own = s.reg(s.el == 2 ? SysReg::TCR_EL2 : SysReg::TCR_EL3);
    return bit(own, 20) && (data || !bit(own, 29));
  }
  return (tcr & (high_half ? kTbi1 : kTbi0)) != 0 && (data || (tcr & (high_half ? kTbid1 : kTbid0)) == 0);
}

// CalculateBottomPACBit. UNPREDICTABLE: chose the nearest legal TxSZ for one that is out of range.
unsigned bottom_bit(const CpuState& s, bool high_half) {
  const u64 tcr = s.reg(s.el == 2 ? SysReg::TCR_EL2 : s.el == 3 ? SysReg::TCR_EL3 : SysReg::TCR_EL1);
  const bool second = high_half && s.el < 2;
  const u64 size = second ? bits(tcr, 21, 16) : bits(tcr, 5, 0);
  const bool large_granule = second ? bits(tcr, 31, 30) == 3 : bits(tcr, 15, 14) == 1;
  const u64 most = s.features.has(Feature::TTST) ? (large_granule ? 47 : 48) : 39;
  return static_cast<unsigned>(64 - std::clamp<u64>(size, 16, most));
}

// The bits that extend the address, and hold the PAC; bit 55 is among them.
struct Extension {
  unsigned top;     // 55 or 63
  unsigned bottom;  // the lowest PAC bit
  u64 mask() const { return low_mask(top + 1) & ~low_mask(bottom); }
  u64 pac_mask() const { return mask() & ~(u64{1} << 55); }
  u64 extended(u64 pointer, bool ones) const { return ones ? pointer | mask() : pointer & ~mask(); }
};

Extension extension(const CpuState& s, u64 pointer, bool high_half, bool data) {
  return {top_byte_ignored(s, bit(pointer, 55), data) ? 55u : 63u, bottom_bit(s, high_half)};
}

u64 compute(const CpuState& s, u64 data, u64 modifier, SysReg high, SysReg low) {
  if (s.features.has(Feature::PACQARMA5)) return qarma5(data, modifier, s.reg(high), s.reg(low));
  return fast_pac(data, modifier, s.reg(high), s.reg(low));
}

bool enabled(const CpuState& s, PacKey key) {
  const SysReg sctlr = s.el <= 1 ? SysReg::SCTLR_EL1 : s.el == 2 ? SysReg::SCTLR_EL2 : SysReg::SCTLR_EL3;
  return (s.reg(sctlr) & kEnable[static_cast<unsigned>(key)]) != 0;
}

SysReg half_of_key(PacKey key, unsigned half) {
  static_assert(static_cast<unsigned>(SysReg::APDBKeyHi_EL1) == static_cast<unsigned>(SysReg::APIAKeyLo_EL1) + 7,
                "the key registers stand in the order of PacKey");
  return static_cast<SysReg>(static_cast<unsigned>(SysReg::APIAKeyLo_EL1) + 2 * static_cast<unsigned>(key) + half);
}

}  // namespace

SysReg pac_key_low(PacKey key) { return half_of_key(key, 0); }
SysReg pac_key_high(PacKey key) { return half_of_key(key, 1); }

u64 add_pac(const CpuState& s, u64 pointer, u64 modifier, PacKey key) {
  if (!enabled(s, key)) return pointer;
  const bool data = is_data(key);
  // Where tags are in use in a regime of two halves, bit 55 says which; otherwise the top bit.
  const bool tags =
      s.el < 2 ? top_byte_ignored(s, false, data) || top_byte_ignored(s, true, data) : top_byte_ignored(s, false, data);
  const bool half = bit(pointer, tags ? 55 : 63);
  const Extension e = extension(s, pointer, half, data);
  const u64 good = e.extended(pointer, half);
  u64 pac = compute(s, good, modifier, pac_key_high(key), pac_key_low(key));
  const u64 found = pointer & e.mask();
  if (found != 0 && found != e.mask()) pac ^= u64{1} << (e.top - 1);
  return (good & ~e.pac_mask()) | (pac & e.pac_mask());
}

u64 authenticate(const CpuState& s, u64 pointer, u64 modifier, PacKey key) {
  if (!enabled(s, key)) return pointer;
  const bool half = bit(pointer, 55);
  const Extension e = extension(s, pointer, half, is_data(key));
  const u64 original = e.extended(pointer, half);
  const u64 pac = compute(s, original, modifier, pac_key_high(key), pac_key_low(key));
  if (((pac ^ pointer) & e.pac_mask()) == 0) return original;
  // An address that cannot be valid: 0b01 for the A keys, 0b10 for the B keys, below the top bit of the extension.
  const u64 error = static_cast<unsigned>(key) % 2 == 0 ? 1 : 2;
  const unsigned at = e.top == 55 ? 53 : 61;
  return (original & ~(u64{3} << at)) | error << at;
}

u64 strip_pac(const CpuState& s, u64 pointer, bool data) {
  const bool half = bit(pointer, 55);
  return extension(s, pointer, half, data).extended(pointer, half);
}

u64 generic_pac(const CpuState& s, u64 x, u64 y) {
  return compute(s, x, y, SysReg::APGAKeyHi_EL1, SysReg::APGAKeyLo_EL1) & ~low_mask(32);
}

u64 pac_mask(const CpuState& s) {
  const bool half = s.el == 1;
  return extension(s, half ? ~u64{0} : 0, half, false).mask();
}

bool pac_is_inline(const CpuState& s) { return s.el < 2 && s.features.has(Feature::PACIMP) && enabled(s, PacKey::IA); }

namespace helper {

u64 pac(CpuState& s, u64 pointer, u64 modifier, u64 key, u64) {
  return add_pac(s, pointer, modifier, static_cast<PacKey>(key));
}
u64 aut(CpuState& s, u64 pointer, u64 modifier, u64 key, u64) {
  return authenticate(s, pointer, modifier, static_cast<PacKey>(key));
}
u64 xpac(CpuState& s, u64 pointer, u64 data, u64, u64) { return strip_pac(s, pointer, data != 0); }
u64 pacga(CpuState& s, u64 x, u64 y, u64, u64) { return generic_pac(s, x, y); }

}  // namespace helper
}  // namespace ferry::cpu
