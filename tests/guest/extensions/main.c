// The features of `-cpu max` that belong to the system: pointer authentication by QARMA5, branch targets, PAN, UAO, hardware access flag and
// dirty state, table sizes, TLB maintenance. Prints what the PE makes of each, a line a case.
#include "../common/print.h"
struct run {
  u64 x[4], pc, spsr, sp, vector, esr, elr, far, spsr_out, sp_out;
};
void run_case(struct run *r);
#define CODE(n) extern char n[];
#define ALL(F) F(c_svc) F(c_brk) F(c_hlt) F(c_load) F(c_store) F(c_ldtr) F(c_sttr) F(c_swap) F(c_br0) F(c_blr) F(c_br16) F(c_br17) F(c_ret) F(c_braaz) \
  F(c_blrabz) F(c_braa16) F(c_retaa) F(c_retab_bad) F(c_eretaa) F(c_ldraa) F(c_ldrab_pre) F(c_ldraa_bad) F(c_bti) F(c_bti_c) F(c_bti_j) F(c_bti_jc) \
  F(c_paciasp) F(c_pacibsp) F(c_nop) F(c_pan) F(c_uao) F(c_dit) F(c_ssbs) F(c_msr_flags) F(c_cfp) F(c_dvp) F(c_cpp) F(c_cvap) F(c_cvadp) F(c_sb) \
  F(c_rndr) F(c_rndrrs) F(c_key) F(c_cntpctss) F(c_cntvctss) F(c_at_rp) F(c_at_wp) F(c_dgh)
ALL(CODE)
static const struct { const char *name; char *code; } cases[] = {
#define ROW(n) {#n, n},
  ALL(ROW)
};
#define EL0 0x3c0u
#define EL1H 0x3c5u
#define DATA 0x40600000ul
#define GUARDED 0x40000000ul  // from a case to its twin in the guarded alias
#define MSR(reg, v) __asm__ volatile("msr " reg ", %0; isb" ::"r"((u64)(v)) : "memory")
#define MRS(reg) ({ u64 v_; __asm__ volatile("mrs %0, " reg : "=r"(v_)); v_; })

static struct run last;
static u64 base;
static const char *name_of(char *code) {
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; ++i) if (cases[i].code == code) return cases[i].name + 2;
  return "?";
}
// ELR is shown relative to where it should be.
static void run_at(const char *what, char *code, u64 offset, u64 spsr, u64 x0, u64 x1) {
  last = (struct run){{x0, x1, 0, 0}, (u64)code + offset, spsr, DATA + 0x8000, 99, 0, 0, 0, 0, 0};
  run_case(&last);
  text(what); put(' '); text(name_of(code)); text(": ");
  decimal((unsigned)last.vector); text(" esr "); hex(last.esr);
  text(" elr "); hex(last.elr - base); text(" far "); hex(last.far); text(" spsr "); hex(last.spsr_out);
  text(" x0 "); hex(last.x[0]); text(" x1 "); hex(last.x[1]);
  put('\n');
}
static void run(const char *what, char *code, u64 spsr, u64 x0, u64 x1) {
  base = (u64)code;
  run_at(what, code, 0, spsr, x0, x1);
}

static u64 l0[512] __attribute__((aligned(4096))), l1[512] __attribute__((aligned(4096))), l2[512] __attribute__((aligned(4096))),
    l2b[512] __attribute__((aligned(4096))), l3[512] __attribute__((aligned(4096))), small_table[32] __attribute__((aligned(4096)));
#define UXN (1ul << 54)
#define PXN (1ul << 53)
#define DBM (1ul << 51)
#define GP (1ul << 50)
#define AF (1ul << 10)
#define SH (3ul << 8)
#define AP(n) ((u64)(n) << 6)
#define TCR (16 | (16ul << 16) | (1ul << 8) | (1ul << 10) | (3ul << 12) | (2ul << 30) | (1ul << 24) | (1ul << 26) | (3ul << 28) | (5ul << 32))
// With the MMU off: it is mapped flat, so nothing moves.
static void set_tcr(u64 tcr, u64 *table) {
  const u64 sctlr = MRS("sctlr_el1");
  MSR("sctlr_el1", sctlr & ~1ul);
  MSR("ttbr0_el1", table);
  MSR("tcr_el1", tcr);
  __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; isb" ::: "memory");
  MSR("sctlr_el1", sctlr);
}
static void flush(void) { __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; isb" ::: "memory"); }
static void map(void) {
  l0[0] = (u64)l1 | 3;
  l1[0] = 0 | AF | (1ul << 2) | UXN | PXN | 1;  // devices
  l1[1] = (u64)l2 | 3;
  l1[2] = (u64)l2b | 3;
  for (u64 i = 0; i < 8; ++i) l2[i] = (0x40000000ul + (i << 21)) | AF | SH | UXN | 1;
  l2[2] = 0x40400000ul | AF | SH | AP(3) | 1;              // cases: read-only for both
  l2[3] = 0x40600000ul | AF | SH | AP(1) | UXN | PXN | 1;  // data for both
  l2[4] = 0x40800000ul | AF | SH | AP(0) | UXN | PXN | 1;  // data of EL1
  l2[8] = (u64)l3 | 3;
  l2b[2] = 0x40400000ul | AF | SH | AP(3) | GP | 1;
  MSR("mair_el1", 0x00ff);
  MSR("tcr_el1", TCR);
  MSR("ttbr0_el1", l0);
  MSR("ttbr1_el1", small_table);
  flush();
  MSR("sctlr_el1", MRS("sctlr_el1") | 1 | 4 | (1 << 12) | (1ul << 26));
}

// --- Pointer authentication ---

#define PAC(insn, p, m) ({ u64 v_ = (p); __asm__ volatile(".arch armv8.5-a\n" insn " %0, %1" : "+r"(v_) : "r"((u64)(m))); v_; })
#define PAC1(insn, p) ({ u64 v_ = (p); __asm__ volatile(".arch armv8.5-a\n" insn " %0" : "+r"(v_)); v_; })
static void number(const char *name, u64 v) { put(' '); text(name); put(' '); hex(v); }
static void keys(u64 seed) {
  u64 k[10];
  for (int i = 0; i < 10; ++i) k[i] = seed = seed * 6364136223846793005ul + 1442695040888963407ul;
  __asm__ volatile(".arch armv8.5-a\nmsr apiakeylo_el1, %0; msr apiakeyhi_el1, %1; msr apibkeylo_el1, %2; msr apibkeyhi_el1, %3" ::"r"(k[0]), "r"(k[1]), "r"(k[2]), "r"(k[3]));
  __asm__ volatile("msr apdakeylo_el1, %0; msr apdakeyhi_el1, %1; msr apdbkeylo_el1, %2; msr apdbkeyhi_el1, %3" ::"r"(k[4]), "r"(k[5]), "r"(k[6]), "r"(k[7]));
  __asm__ volatile("msr apgakeylo_el1, %0; msr apgakeyhi_el1, %1; isb" ::"r"(k[8]), "r"(k[9]));
}
#define ENABLE (1ul << 31 | 1ul << 30 | 1ul << 27 | 1ul << 13)
static const u64 pointers[] = {0, 0x0000123456789abc, 0xffff123456789abc, 0x0080000000001000, 0xff80000000001000, 0x5a00123456789abc, 0xa5ff123456789abc,
                               0x0001000000000000, 0x8000000000000000, 0x7fffffffffffffff, 0x00ff800000000000, 0xffffffffffffffff, 0x0040000000000010};
static const u64 modifiers[] = {0, 1, 0x123456789abcdef0, 0xffffffffffffffff};
static void pointer_line(u64 p, u64 m) {
  text("pac "); hex(p); put(' '); hex(m);
  const u64 ia = PAC("pacia", p, m), ib = PAC("pacib", p, m), da = PAC("pacda", p, m), db = PAC("pacdb", p, m);
  number("ia", ia); number("ib", ib); number("da", da); number("db", db);
  text(" aut"); number("ia", PAC("autia", ia, m)); number("ib", PAC("autib", ib, m)); number("da", PAC("autda", da, m)); number("db", PAC("autdb", db, m));
  text(" bad"); number("ia", PAC("autia", ib, m)); number("ib", PAC("autib", ib, m + 1)); number("da", PAC("autda", p, m)); number("db", PAC("autdb", db ^ 1, m));
  text(" strip"); number("i", PAC1("xpaci", ia)); number("d", PAC1("xpacd", db));
  number("ga", ({ u64 v_; __asm__ volatile(".arch armv8.5-a\npacga %0, %1, %2" : "=r"(v_) : "r"(p), "r"(m)); v_; }));
  put('\n');
}
static void pauth(void) {
  MSR("sctlr_el1", MRS("sctlr_el1") | ENABLE);
  static const u64 tcrs[] = {0, 1ul << 37, 1ul << 38, 3ul << 37, 3ul << 37 | 3ul << 51, 9, 9ul << 16 | 1ul << 37};
  for (unsigned t = 0; t < sizeof tcrs / sizeof *tcrs; ++t) {
    keys(t + 1);
    set_tcr(TCR + tcrs[t], t == 5 ? l1 : l0);  // 39-bit addresses begin at level 1
    text("tcr "); hex(tcrs[t]); put('\n');
    for (unsigned i = 0; i < sizeof pointers / sizeof *pointers; ++i)
      for (unsigned j = 0; j < (t == 0 ? 4u : 2u); ++j) pointer_line(pointers[i], modifiers[j]);
  }
  set_tcr(TCR, l0);
  for (u64 off = 0; off < 4; ++off) {
    static const u64 bits[] = {1ul << 31, 1ul << 30, 1ul << 27, 1ul << 13};
    MSR("sctlr_el1", MRS("sctlr_el1") & ~bits[off]);
    text("disabled "); decimal((unsigned)off); put('\n');
    pointer_line(0x0000123456789abc, 3);
    MSR("sctlr_el1", MRS("sctlr_el1") | ENABLE);
  }
  static char *const list[] = {c_braaz, c_blrabz, c_braa16, c_retaa, c_retab_bad};
  for (unsigned i = 0; i < sizeof list / sizeof *list; ++i) {
    run("el0", list[i], EL0, (u64)c_svc, 7);
    run("el1", list[i], EL1H, (u64)c_svc, 7);
  }
  static char *const loads[] = {c_ldraa, c_ldrab_pre, c_ldraa_bad, c_eretaa, c_key};
  for (unsigned i = 0; i < sizeof loads / sizeof *loads; ++i) {
    run("el0", loads[i], EL0, 0, DATA + 0x100);
    if (loads[i] != c_eretaa && loads[i] != c_key) run("el1", loads[i], EL1H, 0, DATA + 0x100);
  }
  MSR("sctlr_el1", MRS("sctlr_el1") & ~ENABLE);
}

// --- Branch target identification ---

static void bti(void) {
  static char *const branches[] = {c_br0, c_blr, c_br16, c_br17, c_ret, c_braaz};
  static char *const targets[] = {c_bti, c_bti_c, c_bti_j, c_bti_jc, c_paciasp, c_pacibsp, c_nop, c_brk, c_hlt};
  for (u64 level = 0; level < 2; ++level)
    for (u64 bt = 0; bt < 2; ++bt) {
      MSR("sctlr_el1", (MRS("sctlr_el1") & ~(3ul << 35)) | (bt ? 3ul << 35 : 0));
      for (u64 from = 0; from < 2; ++from)
        for (u64 to = 0; to < 2; ++to) {
          text("level "); decimal((unsigned)level); text(" bt "); decimal((unsigned)bt); text(" from "); decimal((unsigned)from);
          text(" to "); decimal((unsigned)to); put('\n');
          for (unsigned b = 0; b < sizeof branches / sizeof *branches; ++b)
            for (unsigned t = 0; t < sizeof targets / sizeof *targets; ++t)
              for (unsigned again = 0; again < (t == 1 && b < 2 ? 3u : 1u); ++again) {
                base = (u64)targets[t] + to * GUARDED;
                text(name_of(targets[t])); put(' ');
                run_at("by", branches[b], from * GUARDED, level ? EL1H : EL0, base, 0);
              }
        }
    }
  // What a return restores is checked like what a branch left.
  for (u64 btype = 0; btype < 4; ++btype) {
    base = (u64)c_nop + GUARDED;
    run_at("eret", c_nop, GUARDED, EL0 | btype << 10, 0, 0);
    base = (u64)c_bti_c + GUARDED;
    run_at("eret", c_bti_c, GUARDED, EL0 | btype << 10, 0, 0);
    base = (u64)c_nop;
    run_at("eret", c_nop, 0, EL0 | btype << 10, 0, 0);
    base = (u64)c_load;
    run_at("eret", c_load, 0, EL0 | btype << 10, 0, 0x41000000);
    base = 0x41000000;
    run_at("eret", (char *)0x41000000, 0, EL0 | btype << 10, 0, 0);  // an instruction abort keeps BTYPE
    base = (u64)c_nop + 2;
    run_at("eret", c_nop, 2, EL0 | btype << 10, 0, 0);
  }
  MSR("sctlr_el1", MRS("sctlr_el1") & ~(3ul << 35));
}

// --- PSTATE ---

static void pan(void) {
  const u64 sctlr = MRS("sctlr_el1");
  static char *const list[] = {c_load, c_store, c_ldtr, c_sttr, c_swap, c_at_rp, c_at_wp};
  for (u64 flags = 0; flags < 4; ++flags) {
    text("pan "); decimal((unsigned)(flags & 1)); text(" uao "); decimal((unsigned)(flags >> 1)); put('\n');
    for (unsigned i = 0; i < sizeof list / sizeof *list; ++i) {
      run("user page", list[i], EL1H | flags << 22, 0, DATA);
      run("kernel page", list[i], EL1H | flags << 22, 0, 0x40800000);
    }
  }
  for (u64 span = 0; span < 2; ++span) {
    MSR("sctlr_el1", (sctlr & ~(1ul << 23)) | span << 23);
    run("el0 span", c_svc, EL0, 0, 0);
    number("pan", MRS("s3_0_c4_c2_3")); number("uao", MRS("s3_0_c4_c2_4")); put('\n');
    run("el1 span", c_svc, EL1H | 3ul << 22, 0, 0);
    number("pan", MRS("s3_0_c4_c2_3")); number("uao", MRS("s3_0_c4_c2_4")); put('\n');
    __asm__ volatile(".arch armv8.5-a\nmsr pan, #0");
  }
  MSR("sctlr_el1", sctlr);
  run("el0", c_pan, EL0, 0, 0);
  run("el0", c_uao, EL0, 0, 0);
  run("el1", c_pan, EL1H, 0, 0);
  run("el1", c_uao, EL1H, 0, 0);
  __asm__ volatile(".arch armv8.5-a\nmsr pan, #0");
  for (u64 dssbs = 0; dssbs < 2; ++dssbs) {
    MSR("sctlr_el1", (sctlr & ~(1ul << 44)) | dssbs << 44);
    static char *const flags[] = {c_dit, c_ssbs, c_msr_flags, c_svc};
    for (unsigned i = 0; i < 4; ++i) {
      run("el0", flags[i], EL0, 0, 1ul << 24 | 1ul << 12);
      run("el1", flags[i], EL1H | 1ul << 24 | 1ul << 12, 0, 0);
      number("ssbs", MRS("s3_3_c4_c2_6")); number("dit", MRS("s3_3_c4_c2_5")); put('\n');
    }
  }
  MSR("sctlr_el1", sctlr);
}

static void small_ones(void) {
  const u64 sctlr = MRS("sctlr_el1");
  static char *const list[] = {c_cfp, c_dvp, c_cpp, c_cvap, c_cvadp, c_sb, c_rndr, c_rndrrs, c_cntpctss, c_cntvctss, c_dgh};
  MSR("cntkctl_el1", 0);
  for (u64 on = 0; on < 2; ++on) {
    MSR("sctlr_el1", on ? sctlr | 1ul << 10 | 1ul << 26 : sctlr & ~(1ul << 10 | 1ul << 26));
    MSR("cntkctl_el1", on * 3);
    for (unsigned i = 0; i < sizeof list / sizeof *list; ++i) {
      run("el0", list[i], EL0 | 1ul << 31, 0, DATA);
      run("el1", list[i], EL1H | 1ul << 31, 0, DATA);
    }
  }
  MSR("sctlr_el1", sctlr);
}

// --- Translation ---

static void page(u64 descriptor) {
  l3[0] = descriptor;
  flush();
}
static void descriptor(const char *what) {
  text(what); put(' '); hex(l3[0]); put('\n');
}
#define PAGE (0x40600000ul | SH | AP(1) | UXN | PXN | 3)
static void dirty(void) {
  const u64 va = 0x41000000;
  for (u64 control = 0; control < 4; ++control) {  // HA, HD
    MSR("tcr_el1", TCR | control << 39);
    text("ha "); decimal((unsigned)(control & 1)); text(" hd "); decimal((unsigned)(control >> 1)); put('\n');
    static char *const list[] = {c_load, c_store, c_swap};
    for (unsigned i = 0; i < 3; ++i) {
      page(PAGE);
      run("el0 no flag", list[i], EL0, 5, va);
      descriptor("now");
      page(PAGE | AP(2) | AF | DBM);
      run("el0 clean", list[i], EL0, 5, va);
      descriptor("now");
      run("el1 after it", list[i], EL1H, 5, va);
      descriptor("now");
      page(PAGE | AP(2) | DBM);
      run("el0 clean, no flag", list[i], EL0, 5, va);
      descriptor("now");
      page(PAGE | AP(2));
      run("el0 read-only", list[i], EL0, 5, va);
      descriptor("now");
      page((PAGE & ~AP(1)) | AP(2) | DBM);
      run("el0 not its own", list[i], EL0, 5, va);
      descriptor("now");
    }
    page((0x40400000ul | SH | AP(3) | 3));
    base = va;
    run_at("el0 fetch", (char *)va, (u64)c_svc - 0x40400000, EL0, 0, 0);
    descriptor("now");
  }
  MSR("tcr_el1", TCR);
}
static void sizes(void) {
  // TTBR1: one table of level 3 for 64 KiB at the very top.
  for (u64 i = 0; i < 16; ++i) small_table[i] = (0x40600000ul + (i << 12)) | AF | SH | AP(1) | UXN | PXN | 3;
  *(volatile u64 *)(DATA + 0x3008) = 0x1122334455667788;
  for (u64 t1sz = 47; t1sz < 50; ++t1sz) {
    MSR("tcr_el1", (TCR & ~(63ul << 16)) | t1sz << 16);
    flush();
    text("t1sz "); decimal((unsigned)t1sz); put('\n');
    run("el1", c_load, EL1H, 0, 0xffffffffffff3008);
    run("el1", c_load, EL1H, 0, 0xfffffffffffe3008);
  }
  for (u64 closed = 0; closed < 4; ++closed) {
    MSR("tcr_el1", (TCR & ~(63ul << 16)) | 48ul << 16 | closed << 55);
    flush();
    text("e0pd "); decimal((unsigned)closed); put('\n');
    run("el0", c_load, EL0, 0, 0xffffffffffff3008);
    run("el1", c_load, EL1H, 0, 0xffffffffffff3008);
    run("el1", c_ldtr, EL1H, 0, 0xffffffffffff3008);
  }
  MSR("tcr_el1", TCR);
  // Hierarchical permissions: EL0 has no access below this table, unless HPD0.
  l2[8] |= 1ul << 61;
  page(PAGE | AF);
  run("el0 aptable", c_load, EL0, 0, 0x41000000);
  MSR("tcr_el1", TCR | 1ul << 41);
  flush();
  run("el0 hpd", c_load, EL0, 0, 0x41000000);
  l2[8] &= ~(1ul << 61);
  MSR("tcr_el1", TCR);
  flush();
}
#define TLBI(name, operand) __asm__ volatile(".arch armv8.5-a\ndsb sy; tlbi " name ", %0; dsb sy; isb" ::"r"((u64)(operand)) : "memory")
static void invalidate(void) {
  volatile u64 *const a = (volatile u64 *)0x41000000;
  *(volatile u64 *)(DATA + 0x10000) = 0xaaaa;
  *(volatile u64 *)(DATA + 0x20000) = 0xbbbb;
  const u64 first = (PAGE | AF) + 0x10000, second = (PAGE | AF) + 0x20000;
  const u64 range = 0x41000ul | 1ul << 46;  // TG 4 KiB, two pages
#define TRY(name, operand) \
  page(first); text(name); number("before", *a); l3[0] = second; TLBI(name, operand); number("after", *a); put('\n');
  TRY("vae1os", 0x41000) TRY("vale1os", 0x41000) TRY("vaae1os", 0x41000) TRY("vaale1os", 0x41000) TRY("aside1os", 0)
  TRY("rvae1", range) TRY("rvale1", range) TRY("rvaae1", range) TRY("rvaale1", range) TRY("rvae1is", range) TRY("rvaale1is", range)
  TRY("rvae1os", range) TRY("rvaae1os", range)
  TRY("rvae1", 0x40a00ul | 1ul << 46 | 1ul << 44 | 31ul << 39)  // scale 1: 32 times 64 pages from 0x40a00000
  TRY("vae1", 0x41000 | 7ul << 44)                              // TTL: a page of 4 KiB
}

int main(void) {
  map();
  pauth();
  bti();
  pan();
  small_ones();
  dirty();
  sizes();
  invalidate();
  text("done\n");
  return 0;
}
