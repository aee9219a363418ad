// Pointer authentication: known answers of QARMA-64 and of AddPAC and Auth around it, and what the fast algorithm must
// be.
#include "cpu/pauth.h"

#include "tests/catch.h"
#include "tests/cpu/pe.h"

using namespace ferry;
using namespace ferry::cpu;

namespace {

constexpr u64 kEnableAll = 1u << 31 | 1u << 30 | 1u << 27 | 1u << 13;
constexpr u64 kSizes = 16 | 16 << 16;  // TCR_EL1: 48-bit addresses in both halves

void set_key(CpuState& s, PacKey key, u64 high, u64 low) {
  s.reg(pac_key_high(key)) = high;
  s.reg(pac_key_low(key)) = low;
}

struct PacPe : Pe {
  explicit PacPe(std::string_view model) {
    reset(s, *make_model(model), 0, 1);
    s.reg(SysReg::SCTLR_EL1) |= kEnableAll;
    s.reg(SysReg::TCR_EL1) = kSizes;
  }
};

}  // namespace

// R. Avanzi, The QARMA Block Cipher Family, IACR ToSC 2017(1), test vectors of QARMA-64 with r = 5 and sigma 2.
TEST_CASE("QARMA5 gives the paper's answer") {
  CHECK(qarma5(0xfb623599da6e8127, 0x477d469dec0b8762, 0x84be85ce9804e94b, 0xec2802d4e0a488e9) == 0xc003b93999b33765);
}

TEST_CASE("an authentication undoes a signature, and another modifier or key fails with the key's error code") {
  for (const char* model : {"max", "max,pauth-impdef=off"}) {
    for (const u64 tbi : {u64{0}, u64{1} << 37, u64{1} << 38, u64{3} << 37}) {
      PacPe pe(model);
      pe.s.reg(SysReg::TCR_EL1) |= tbi;
      for (unsigned k = 0; k < 4; ++k)
        set_key(pe.s, static_cast<PacKey>(k), 0x1111111111111111 * (k + 3), 0x0123456789abcdef * (k + 1));
      for (const u64 pointer : {u64{0x0000123456789abc}, u64{0xffff8000aabbccd0}}) {
        for (unsigned k = 0; k < 4; ++k) {
          const PacKey key = static_cast<PacKey>(k);
          INFO(model << " tbi " << tbi << " key " << k << " pointer " << pointer);
          const u64 with = add_pac(pe.s, pointer, 42, key);
          CHECK(authenticate(pe.s, with, 42, key) == pointer);
          CHECK(strip_pac(pe.s, with, k >= 2) == pointer);
          const bool top_ignored = (tbi >> (bit(pointer, 55) ? 38 : 37) & 1) != 0;
          const unsigned at = top_ignored ? 53 : 61;
          const u64 wrong = authenticate(pe.s, with ^ u64{1} << 50, 42, key);
          CHECK(wrong == ((pointer & ~(u64{3} << at)) | u64{k % 2 == 0 ? 1u : 2u} << at));
          CHECK((with & low_mask(48)) == (pointer & low_mask(48)));
          CHECK(bit(with, 55) == bit(pointer, 55));
        }
      }
    }
  }
}

TEST_CASE("disabled keys leave pointers alone") {
  PacPe pe("max");
  set_key(pe.s, PacKey::DA, 5, 7);
  pe.s.reg(SysReg::SCTLR_EL1) &= ~(u64{1} << 27);
  CHECK(add_pac(pe.s, 0x1234, 5, PacKey::DA) == 0x1234);
  CHECK(authenticate(pe.s, 0x00ab000000001234, 5, PacKey::DA) == 0x00ab000000001234);
}

TEST_CASE("every bit of pointer, modifier and key counts in the fast algorithm") {
  const u64 values[] = {0x0000123456789abc, 0x00000000deadbef0, 0xfedcba9876543210, 0x0f1e2d3c4b5a6978};
  constexpr u64 kField = 0xff7f000000000000;
  const u64 base = fast_pac(values[0], values[1], values[2], values[3]);
  for (unsigned input = 0; input < 4; ++input) {
    for (unsigned n = 0; n < 64; ++n) {
      if ((input == 0 && n >= 48) || (input == 3 && n == 0)) continue;  // of the low key bit 0 is not used
      u64 v[4] = {values[0], values[1], values[2], values[3]};
      v[input] ^= u64{1} << n;
      INFO("input " << input << " bit " << n);
      CHECK(((fast_pac(v[0], v[1], v[2], v[3]) ^ base) & kField) != 0);
    }
  }
}

TEST_CASE("Mode and the mask follow the controls") {
  PacPe pe("max");
  update_mode(pe.s);
  CHECK(pe.s.mode.pac() == 1);
  CHECK(pe.s.pac_mask == 0xffff000000000000);
  pe.s.reg(SysReg::TCR_EL1) |= u64{1} << 38;
  update_mode(pe.s);
  CHECK(pe.s.pac_mask == 0x00ff000000000000);
  pe.s.reg(SysReg::TCR_EL1) |= u64{1} << 52;  // TBID1: the byte is part of code addresses again
  update_mode(pe.s);
  CHECK(pe.s.pac_mask == 0xffff000000000000);
  pe.s.reg(SysReg::SCTLR_EL1) &= ~(u64{1} << 13);  // EnDB: not the key of return addresses
  update_mode(pe.s);
  CHECK(pe.s.mode.pac() == 1);
  pe.s.reg(SysReg::SCTLR_EL1) &= ~(u64{1} << 31);  // EnIA
  update_mode(pe.s);
  CHECK(pe.s.mode.pac() == 0);
  PacPe exact("max,pauth-impdef=off");
  update_mode(exact.s);
  CHECK(exact.s.mode.pac() == 0);
}
