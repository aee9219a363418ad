// What the identification registers advertise is implemented, and what is implemented is advertised: each row of
// cpu/features.def against an instruction or control bit of it, each non-zero field against the rows.
#include <map>

#include "cpu/exceptions.h"
#include "cpu/features.h"
#include "cpu/models.h"
#include "cpu/sysregs.h"
#include "frontend/insn.h"
#include "ir/builder.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::cpu;

namespace {

struct Sign {
  enum Kind {
    Instruction,  // word is UNDEFINED without the feature
    Bits,         // bits of a register are writable with it alone
    Elsewhere     // behaviour that `where` checks
  } kind;
  u64 value;
  SysReg reg = SysReg::SCTLR_EL1;
  const char* where = "";
};
constexpr Sign insn(u32 word) { return {Sign::Instruction, word}; }
constexpr Sign bits_of(SysReg reg, u64 bits) { return {Sign::Bits, bits, reg}; }
constexpr Sign elsewhere(const char* where) { return {Sign::Elsewhere, 0, SysReg::SCTLR_EL1, where}; }

const std::map<Feature, Sign>& signs() {
  using enum Feature;
  static const std::map<Feature, Sign> table = {
      {LSE, insn(0xb8200041)},        // ldadd w0, w1, [x2]
      {RDM, insn(0x2e428420)},        // sqrdmlah v0.4h, v1.4h, v2.4h
      {SHA512, insn(0xce628020)},     // sha512h q0, q1, v2.2d
      {SHA3, insn(0xce020c20)},       // eor3 v0.16b, v1.16b, v2.16b, v3.16b
      {SM3, insn(0xce428020)},        // sm3tt1a v0.4s, v1.4s, v2.s[0]
      {SM4, insn(0xcec08420)},        // sm4e v0.4s, v1.4s
      {DotProd, insn(0x4e829420)},    // sdot v0.4s, v1.16b, v2.16b
      {FHM, insn(0x4e22ec20)},        // fmlal v0.4s, v1.4h, v2.4h
      {FlagM, insn(0xd500401f)},      // cfinv
      {FlagM2, insn(0xd500405f)},     // axflag
      {TLBIOS, insn(0xd5088120)},     // tlbi vae1os, x0
      {TLBIRANGE, insn(0xd5088620)},  // tlbi rvae1, x0
      {RNG, insn(0xd53b2400)},        // mrs x0, rndr
      {DPB, insn(0xd50b7c20)},        // dc cvap, x0
      {DPB2, insn(0xd50b7d20)},       // dc cvadp, x0
      {PAuth, insn(0xdac10020)},      // pacia x0, x1
      {PACQARMA5, elsewhere("tests/cpu/pauth.cpp")},
      {PACIMP, elsewhere("tests/cpu/pauth.cpp")},
      {GPA_QARMA5, elsewhere("tests/guest/extensions")},
      {GPA_IMP, elsewhere("tests/insn/pauth.txt")},
      {JSCVT, insn(0x1e7e0000)},               // fjcvtzs w0, d0
      {FCMA, insn(0x6e82e420)},                // fcadd v0.4s, v1.4s, v2.4s, #90
      {LRCPC, insn(0xb8bfc020)},               // ldapr w0, [x1]
      {LRCPC2, insn(0x99400020)},              // ldapur w0, [x1]
      {FRINTTS, insn(0x1e284020)},             // frint32z s0, s1
      {SB, insn(0xd50330ff)},                  // sb
      {SPECRES, insn(0xd50b7380)},             // cfp rctx, x0
      {BF16, insn(0x6e42fc20)},                // bfdot v0.4s, v1.8h, v2.8h
      {I8MM, insn(0x4e82a420)},                // smmla v0.4s, v1.16b, v2.16b
      {FP16, insn(0x1ee22820)},                // fadd h0, h1, h2
      {AdvSIMDHP, elsewhere("rows of FP16")},  // comes and goes with it
      {DIT, insn(0xd503415f)},                 // msr dit, #1
      {SSBS, bits_of(SysReg::SCTLR_EL1, u64{1} << 44)},
      {SSBS2, insn(0xd503413f)},  // msr ssbs, #1
      {ECV, insn(0xd53be0a0)},    // mrs x0, cntpctss_el0
      {PAN, insn(0xd500419f)},    // msr pan, #1
      {PAN2, insn(0xd5087900)},   // at s1e1rp, x0
      {PAN3, bits_of(SysReg::SCTLR_EL1, u64{1} << 57)},
      {UAO, insn(0xd500417f)},  // msr uao, #1
      {BTI, bits_of(SysReg::SCTLR_EL1, u64{3} << 35)},
      {HAF, bits_of(SysReg::TCR_EL1, u64{1} << 39)},
      {HAFDBS, bits_of(SysReg::TCR_EL1, u64{1} << 40)},
      {HPDS, bits_of(SysReg::TCR_EL1, u64{3} << 41)},
      {HPDS2, bits_of(SysReg::TCR_EL1, u64{0xff} << 43)},
      {E0PD, bits_of(SysReg::TCR_EL1, u64{3} << 55)},
      {CnP, bits_of(SysReg::TTBR0_EL1, 1)},
      {CSV2, elsewhere("nothing is speculated")},
      {CSV3, elsewhere("nothing is speculated")},
      {DGH, elsewhere("a hint")},
      {TTST, elsewhere("tests/guest/extensions")},
      {TTL, elsewhere("tests/guest/extensions: the hint is not taken for an address")},
      {LSE2, elsewhere("tests/insn: unaligned accesses within 16 bytes")},
  };
  return table;
}

bool is_undefined(u32 word, FeatureSet features) {
  ir::Block block;
  ir::Builder b(block);
  Mode mode;
  mode.set_el(1);
  mode.set_sp_sel(1);
  frontend::Context c{.b = b, .mode = mode, .features = features};
  frontend::decode(word)(c, word);
  return !block.insts.empty() && block.exit().op == ir::Op::ExitException && block.exit().imm >> 26 == kEcUnknown;
}

u64 field(const CpuState& s, const FeatureInfo& f) {
  for (const SysRegInfo& r : sysregs())
    if (r.name == f.id_register) return s.reg(r.reg) >> f.shift & 15;
  return ~u64{0};
}

struct Core {
  std::unique_ptr<CpuState> s = std::make_unique<CpuState>();
  explicit Core(const Model& m) { reset(*s, m, 0, 1); }
};
Model named(std::string_view name) { return *make_model(name); }

bool is_id_register(const SysRegInfo& r) { return r.name.starts_with("ID_AA64"); }

}  // namespace

TEST_CASE("each feature has its sign where it is advertised, and not where it is not") {
  const Core old(named("cortex-a57"));
  const FeatureSet none;
  for (const FeatureInfo& f : features()) {
    INFO(f.name);
    const auto it = signs().find(f.feature);
    REQUIRE(it != signs().end());
    const Sign& sign = it->second;
    const bool there = f.in_max || f.optional;
    FeatureSet set = none;
    set.add(f.feature);
    if (sign.kind == Sign::Instruction) {
      CHECK(is_undefined(static_cast<u32>(sign.value), none));
      CHECK(is_undefined(static_cast<u32>(sign.value), set) != there);
    } else if (sign.kind == Sign::Bits) {
      const SysRegInfo& r = sysreg_info(sign.reg);
      CHECK((writable_bits(r, none) & sign.value) == 0);
      CHECK(((writable_bits(r, set) & sign.value) == sign.value) == there);
    } else {
      CHECK(std::string_view(sign.where) != "");
    }
    if (f.feature != Feature::FP16 && f.feature != Feature::AdvSIMDHP)
      CHECK(field(*old.s, f) < (f.value != 0 ? f.value : 1));
  }
}

TEST_CASE("a feature switched off goes from the registers, with those that include it") {
  for (const FeatureInfo& f : features()) {
    if (!f.in_max || f.feature == Feature::PACIMP || f.feature == Feature::GPA_IMP) continue;
    std::string name(f.name);
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    INFO(name);
    auto model = make_model("max," + name + "=off");
    REQUIRE(model.ok());
    CHECK_FALSE(model->features.has(f.feature));
    const Core core(*model);
    const Core base(named("cortex-a57"));
    if (f.value != 0) CHECK(field(*core.s, f) < std::max(f.value, field(*base.s, f) + 1));
  }
}

TEST_CASE("-cpu max advertises each feature that it has, and nothing else beyond ARMv8.0") {
  for (const char* name : {"max", "max,pauth-impdef=off", "max,pauth=off"}) {
    const Model model = named(name);
    const Core core(model);
    Model bare = model;
    bare.features = {};
    const Core base(bare);
    std::map<std::pair<std::string_view, unsigned>, u64> expected;
    for (const FeatureInfo& f : features()) {
      if (!model.features.has(f.feature)) continue;
      INFO(name << ": " << f.name);
      CHECK((f.in_max || f.optional));
      CHECK(field(*core.s, f) >= f.value);
      u64& most = expected[{f.id_register, f.shift}];
      most = std::max(most, f.value);
    }
    for (const SysRegInfo& r : sysregs()) {
      if (!is_id_register(r)) continue;
      for (unsigned shift = 0; shift < 64; shift += 4) {
        const u64 with = core.s->reg(r.reg) >> shift & 15, without = base.s->reg(r.reg) >> shift & 15;
        const auto it = expected.find({r.name, shift});
        INFO(name << ": " << r.name << " from bit " << shift);
        CHECK(with == (it == expected.end() ? without : std::max(it->second, without)));
      }
    }
  }
}

TEST_CASE("the fields that every model has are those of ARMv8.0") {
  // Register, lowest bit, value: D17.2. EL0 and EL1 in AArch64 only, GIC system registers; 16-bit ASIDs, mixed-endian,
  // 48-bit addresses, Secure memory apart, 16 KiB granules; debug; AES with PMULL, SHA1, SHA256, CRC32.
  const std::map<std::pair<std::string_view, unsigned>, u64> known = {
      {{"ID_AA64PFR0_EL1", 0}, 1},   {{"ID_AA64PFR0_EL1", 4}, 1},   {{"ID_AA64PFR0_EL1", 24}, 1},
      {{"ID_AA64DFR0_EL1", 0}, 6},   {{"ID_AA64DFR0_EL1", 8}, 1},   {{"ID_AA64DFR0_EL1", 12}, 5},
      {{"ID_AA64DFR0_EL1", 20}, 3},  {{"ID_AA64DFR0_EL1", 28}, 1},  {{"ID_AA64ISAR0_EL1", 4}, 2},
      {{"ID_AA64ISAR0_EL1", 8}, 1},  {{"ID_AA64ISAR0_EL1", 12}, 1}, {{"ID_AA64ISAR0_EL1", 16}, 1},
      {{"ID_AA64MMFR0_EL1", 0}, 5},  {{"ID_AA64MMFR0_EL1", 4}, 2},  {{"ID_AA64MMFR0_EL1", 8}, 1},
      {{"ID_AA64MMFR0_EL1", 12}, 1}, {{"ID_AA64MMFR0_EL1", 20}, 1},
  };
  Model bare = named("max");
  bare.features = {};
  const Core core(bare);
  for (const SysRegInfo& r : sysregs()) {
    if (!is_id_register(r)) continue;
    for (unsigned shift = 0; shift < 64; shift += 4) {
      const auto it = known.find({r.name, shift});
      INFO(r.name << " from bit " << shift);
      CHECK((core.s->reg(r.reg) >> shift & 15) == (it == known.end() ? 0 : it->second));
    }
  }
}

TEST_CASE("-cpu's properties") {
  CHECK(make_model("max,pauth=off")->features.has(Feature::PAuth) == false);
  CHECK(make_model("max,pauth=off")->features.has(Feature::PACIMP) == false);
  CHECK(make_model("max")->features.has(Feature::PACIMP));
  CHECK(make_model("max,pauth-impdef=off")->features.has(Feature::PACQARMA5));
  CHECK(make_model("max,pauth-impdef=off")->features.has(Feature::PACIMP) == false);
  CHECK(make_model("max,sve=off,lpa2=off").ok());
  CHECK_FALSE(make_model("max,sve=on").ok());
  CHECK_FALSE(make_model("max,pauth").ok());
  CHECK_FALSE(make_model("cortex-a57,pauth=off").ok());
  CHECK_FALSE(make_model("cortex-a9").ok());
  auto mistyped = make_model("max,paut=off");
  REQUIRE_FALSE(mistyped.ok());
  CHECK(mistyped.error().message.find("did you mean pauth?") != std::string::npos);
  CHECK_FALSE(make_model("max,fp16=off")->features.has(Feature::AdvSIMDHP));
  CHECK(make_model("max,pan2=off")->features.has(Feature::PAN));
  CHECK_FALSE(make_model("max,pan2=off")->features.has(Feature::PAN3));
}
