// Each feature that the identification registers advertise works, and what they do not is UNDEFINED, a NOP or without effect. Prints
// "NAME has|lacks FEATURE: right|WRONG ..." a line a probe; features_test.py reads it.
#include "../common/print.h"
u64 access_el1(void *code, u64 in, u64 *esr);
#define MSR(reg, v) __asm__ volatile("msr " reg ", %0; isb" ::"r"((u64)(v)) : "memory")
#define MRS(reg) ({ u64 v_; __asm__ volatile("mrs %0, " reg : "=r"(v_)); v_; })

static u64 l1[512] __attribute__((aligned(4096))), l2[512] __attribute__((aligned(4096))), l3[512] __attribute__((aligned(4096))),
    small_table[64] __attribute__((aligned(4096))), data[512] __attribute__((aligned(4096)));
#define GP (1ul << 50)
#define DBM (1ul << 51)
#define AF (1ul << 10)
#define SH (3ul << 8)
#define AP(n) ((u64)(n) << 6)
#define TCR (25 | (16ul << 16) | (1ul << 8) | (1ul << 10) | (3ul << 12) | (2ul << 30) | (1ul << 24) | (1ul << 26) | (3ul << 28) | (2ul << 32))
#define ALIAS 0x40000000ul   // to the guarded alias of memory
#define PAGE 0xc0000000ul    // the page that l3[0] maps
static void flush(void) { __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; isb" ::: "memory"); }
static void map(void) {
  l1[0] = AF | (1ul << 2) | 1;  // devices
  l1[1] = 0x40000000ul | AF | SH | 1;
  l1[2] = 0x40000000ul | AF | SH | GP | 1;
  l1[3] = (u64)l2 | 3;
  l2[0] = (u64)l3 | 3;
  MSR("mair_el1", 0x00ff);
  MSR("tcr_el1", TCR);
  MSR("ttbr0_el1", l1);
  MSR("ttbr1_el1", small_table);
  flush();
  MSR("sctlr_el1", MRS("sctlr_el1") | 1 | 4 | 1 << 12 | 1 << 23);
}

#define NONE 99u
#define UNDEFINED 0u
#define ABORT 0x25u
static u64 esr, out;
// Whether the probe raised an exception of class ec, or none (and then, with check, left X1 at value).
static void judge(const char *probe, const char *feature, int has, unsigned ec, int check, u64 value) {
  const unsigned got = esr ? (unsigned)(esr >> 26) : NONE;
  const int right = got == ec && (!check || got != NONE || out == value);
  text(probe); text(has ? " has " : " lacks "); text(feature); text(right ? ": right" : ": WRONG class ");
  if (!right) { decimal(got); text(" instead of "); decimal(ec); text(" x1 "); hex(out); }
  put('\n');
}
static int field(u64 id, unsigned shift, unsigned least) { return ((id >> shift) & 15) >= least; }
static void run(void *code, u64 in) { out = access_el1(code, in, &esr); }

static u64 isar0, isar1, pfr0, pfr1, mmfr0, mmfr1, mmfr2;
static void read_ids(void) {
  isar0 = MRS("id_aa64isar0_el1"); isar1 = MRS("id_aa64isar1_el1"); pfr0 = MRS("id_aa64pfr0_el1"); pfr1 = MRS("id_aa64pfr1_el1");
  mmfr0 = MRS("id_aa64mmfr0_el1"); mmfr1 = MRS("id_aa64mmfr1_el1"); mmfr2 = MRS("id_aa64mmfr2_el1");
}
// An encoding that is UNDEFINED without the feature.
#define EXISTS(probe, feature, id, shift, least) { \
    extern char p_##probe[]; const int has = field(id, shift, least); run(p_##probe, (u64)data); judge(#probe, #feature, has, has ? NONE : UNDEFINED, 0, 0); }
// A bit that can be set with the feature alone, or X1 = 1 with it and 0 without.
#define DOES(probe, feature, id, shift, least) { \
    extern char p_##probe[]; const int has = field(id, shift, least); run(p_##probe, (u64)data); judge(#probe, #feature, has, NONE, 1, has ? 1 : 0); }

static void instructions(void) {
  EXISTS(LSE, LSE, isar0, 20, 2) EXISTS(RDM, RDM, isar0, 28, 1) EXISTS(SHA512, SHA512, isar0, 12, 2) EXISTS(SHA3, SHA3, isar0, 32, 1)
  EXISTS(SM3, SM3, isar0, 36, 1) EXISTS(SM4, SM4, isar0, 40, 1) EXISTS(DotProd, DotProd, isar0, 44, 1) EXISTS(FHM, FHM, isar0, 48, 1)
  EXISTS(FlagM, FlagM, isar0, 52, 1) EXISTS(FlagM_rmif, FlagM, isar0, 52, 1) EXISTS(FlagM_setf8, FlagM, isar0, 52, 1)
  EXISTS(FlagM2, FlagM2, isar0, 52, 2) EXISTS(TLBIOS, TLBIOS, isar0, 56, 1) EXISTS(TLBIOS_va, TLBIOS, isar0, 56, 1)
  EXISTS(TLBIRANGE, TLBIRANGE, isar0, 56, 2) EXISTS(TLBIRANGE_os, TLBIRANGE, isar0, 56, 2) EXISTS(RNG, RNG, isar0, 60, 1)
  EXISTS(RNG_rs, RNG, isar0, 60, 1) EXISTS(DPB, DPB, isar1, 0, 1) EXISTS(DPB2, DPB2, isar1, 0, 2)
  const u64 pauth = (isar1 >> 4 & 15) | (isar1 >> 8 & 15), generic = (isar1 >> 24 & 15) | (isar1 >> 28 & 15);
  EXISTS(PAuth, PAuth, pauth, 0, 1) EXISTS(PAuth_key, PAuth, pauth, 0, 1) EXISTS(PAuth_strip, PAuth, pauth, 0, 1) EXISTS(PAuth_load, PAuth, pauth, 0, 1)
  EXISTS(GPA, PAuth, generic, 0, 1) DOES(PAuth_bit, PAuth, pauth, 0, 1) DOES(PAuth_tbid, PAuth, pauth, 0, 1) DOES(PAuth_hint, PAuth, pauth, 0, 1)
  EXISTS(JSCVT, JSCVT, isar1, 12, 1) EXISTS(FCMA, FCMA, isar1, 16, 1) EXISTS(LRCPC, LRCPC, isar1, 20, 1) EXISTS(LRCPC2, LRCPC2, isar1, 20, 2)
  EXISTS(LRCPC2_store, LRCPC2, isar1, 20, 2) EXISTS(FRINTTS, FRINTTS, isar1, 32, 1) EXISTS(SB, SB, isar1, 36, 1) EXISTS(SPECRES, SPECRES, isar1, 40, 1)
  EXISTS(SPECRES_dvp, SPECRES, isar1, 40, 1) EXISTS(SPECRES_cpp, SPECRES, isar1, 40, 1) DOES(SPECRES_bit, SPECRES, isar1, 40, 1)
  EXISTS(BF16, BF16, isar1, 44, 1) EXISTS(BF16_scalar, BF16, isar1, 44, 1) EXISTS(I8MM, I8MM, isar1, 52, 1) EXISTS(I8MM_usdot, I8MM, isar1, 52, 1)
  EXISTS(FP16, FP16, pfr0, 16, 1) EXISTS(AdvSIMDHP, AdvSIMDHP, pfr0, 20, 1) DOES(FP16_fz16, FP16, pfr0, 16, 1)
}
static void system(void) {
  EXISTS(DIT, DIT, pfr0, 48, 1) EXISTS(DIT_set, DIT, pfr0, 48, 1) EXISTS(SSBS2, SSBS2, pfr1, 4, 2) EXISTS(SSBS2_set, SSBS2, pfr1, 4, 2)
  DOES(SSBS, SSBS, pfr1, 4, 1) EXISTS(ECV, ECV, mmfr0, 60, 1) EXISTS(ECV_physical, ECV, mmfr0, 60, 1) EXISTS(PAN, PAN, mmfr1, 20, 1)
  EXISTS(PAN_set, PAN, mmfr1, 20, 1) EXISTS(PAN2, PAN2, mmfr1, 20, 2) DOES(PAN3, PAN3, mmfr1, 20, 3) EXISTS(UAO, UAO, mmfr2, 4, 1)
  EXISTS(UAO_set, UAO, mmfr2, 4, 1) DOES(BTI_bit, BTI, pfr1, 0, 1) DOES(HAF_bit, HAF, mmfr1, 0, 1) DOES(HAFDBS_bit, HAFDBS, mmfr1, 0, 2)
  DOES(HPDS_bit, HPDS, mmfr1, 12, 1) DOES(HPDS2_bit, HPDS2, mmfr1, 12, 2) DOES(E0PD_bit, E0PD, mmfr2, 60, 1) DOES(CnP, CnP, mmfr2, 0, 1)
}

extern char p_load[], p_store[], p_ordered[], p_pan_load[], p_uao_load[], p_BTI[];
static void page(u64 bits) {
  l3[0] = (u64)data | SH | bits | 3;
  flush();
}
static void translation(void) {
  int has = field(pfr1, 0, 1);
  run(p_BTI, 0);
  judge("branch_to_guarded", "BTI", has, has ? 0x0d : NONE, 0, 0);

  has = field(mmfr1, 20, 1);
  page(AF | AP(1));
  run(p_pan_load, PAGE);
  judge("load_of_user_page", "PAN", has, has ? ABORT : UNDEFINED, 0, 0);
  has = field(mmfr2, 4, 1);
  page(AF);
  run(p_uao_load, PAGE);
  judge("ldtr_of_kernel_page", "UAO", has, has ? NONE : UNDEFINED, 0, 0);

  MSR("tcr_el1", TCR | 3ul << 39);  // HA, HD
  has = field(mmfr1, 0, 1);
  page(0);
  run(p_load, PAGE);
  judge("load_without_flag", "HAF", has, has ? NONE : ABORT, 0, 0);
  esr = 0; out = l3[0] >> 10 & 1;
  judge("flag_in_memory", "HAF", has, NONE, 1, has ? 1 : 0);
  has = field(mmfr1, 0, 2);
  page(AF | AP(2) | DBM);
  run(p_store, PAGE);
  judge("store_to_clean", "HAFDBS", has, has ? NONE : ABORT, 0, 0);
  esr = 0; out = l3[0] >> 7 & 1;
  judge("dirty_in_memory", "HAFDBS", has, NONE, 1, has ? 0 : 1);
  MSR("tcr_el1", TCR);

  has = field(mmfr1, 12, 1);
  page(AF);
  l2[0] |= 1ul << 62;  // APTable: read-only below
  MSR("tcr_el1", TCR | 1ul << 41);
  flush();
  run(p_store, PAGE);
  judge("store_below_aptable", "HPDS", has, has ? NONE : ABORT, 0, 0);
  l2[0] &= ~(1ul << 62);
  MSR("tcr_el1", TCR);

  // T1SZ = 48: 64 KiB, one table of level 3.
  has = field(mmfr2, 28, 1);
  for (u64 i = 0; i < 16; ++i) small_table[i] = (u64)data | AF | SH | 3;
  MSR("tcr_el1", (TCR & ~(63ul << 16)) | 48ul << 16);
  flush();
  run(p_load, 0xffffffffffff3000);
  judge("load_through_small_table", "TTST", has, has ? NONE : ABORT, 0, 0);
  MSR("tcr_el1", TCR);
  flush();

  has = field(mmfr2, 32, 1);
  run(p_ordered, (u64)data + 4);
  judge("ldar_within_16_bytes", "LSE2", has, has ? NONE : ABORT, 0, 0);
  run(p_ordered, (u64)data + 12);
  judge("ldar_across_16_bytes", "LSE2", has, ABORT, 0, 0);
}

int main(void) {
  read_ids();
  map();
  instructions();
  system();
  translation();
  text("done\n");
  return 0;
}
