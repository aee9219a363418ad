// Raises every kind of exception that a kernel sees, at EL1 and EL0, and prints what the PE says about each:
//   name: vector, ESR, ELR relative to the case, FAR, SPSR, x0
#include "../common/print.h"
struct run {
  u64 x[4], pc, spsr, sp, vector, esr, elr, far, spsr_out, sp_out;
};
void run_case(struct run *r);
#define CODE(n) extern char n[];
#define ALL(F) F(c_svc) F(c_brk) F(c_hlt) F(c_udf) F(c_hvc) F(c_smc) F(c_dcps) F(c_eret) F(c_wfi) F(c_wfe) F(c_fp) F(c_fpcr) F(c_simd_load) F(c_sp_load) \
  F(c_sp_store) F(c_br) F(c_load) F(c_loadb) F(c_store) F(c_storeb) F(c_ldp) F(c_stp) F(c_ldrsw_post) F(c_ldxr) F(c_stxr) F(c_ldar) F(c_stlrh) F(c_ldtr) \
  F(c_sttr) F(c_zva) F(c_ivac) F(c_cvac) F(c_civac) F(c_ivau) F(c_prfm) F(c_daif) F(c_tlbi) F(c_cntvct) F(c_ctr) F(c_midr) F(c_nops) F(c_step_ldxr) \
  F(c_step_load) F(c_step_branch) F(c_spin) F(c_wfi_masked) F(c_unmask) F(c_unmask_nothing) F(c_ldp_q) F(c_tagged)
ALL(CODE)
static const struct { const char *name; char *code; } cases[] = {
#define ROW(n) {#n, n},
  ALL(ROW)
};
#define EL0 0x3c0u
#define EL1T 0x3c4u
#define EL1H 0x3c5u
#define GOOD 0x40600000ul
#define MSR(reg, v) __asm__ volatile("msr " reg ", %0; isb" ::"r"((u64)(v)) : "memory")
#define MRS(reg) ({ u64 v_; __asm__ volatile("mrs %0, " reg : "=r"(v_)); v_; })

static struct run last;
static void report(const char *what, const char *name, int with_x0) {
  text(what); put(' '); text(name); text(": ");
  decimal((unsigned)last.vector); text(" esr "); hex(last.esr); text(" elr "); hex(last.elr); text(" far "); hex(last.far);
  text(" spsr "); hex(last.spsr_out);
  if (with_x0) { text(" x0 "); hex(last.x[0]); }
  put('\n');
}
static const char *name_of(char *code) {
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; ++i) if (cases[i].code == code) return cases[i].name + 2;
  return "?";
}
static void run(const char *what, char *code, u64 spsr, u64 x0, u64 x1, u64 sp) {
  last = (struct run){{x0, x1, 0, 0}, (u64)code, spsr, sp, 99, 0, 0, 0, 0, 0};
  run_case(&last);
  last.elr -= (u64)code;
  report(what, name_of(code), last.vector % 4 == 0 && (last.esr >> 26) == 0x15);
}
static void each_level(char *code, u64 x0, u64 x1) {
  run("el0", code, EL0, x0, x1, GOOD + 0x100);
  run("el1t", code, EL1T, x0, x1, GOOD + 0x100);
  run("el1h", code, EL1H, x0, x1, GOOD + 0x100);
}

static u64 l1[512] __attribute__((aligned(4096))), l2[512] __attribute__((aligned(4096))), l3[512] __attribute__((aligned(4096)));
#define UXN (1ul << 54)
#define PXN (1ul << 53)
#define AF (1ul << 10)
#define SH (3ul << 8)
#define AP(n) ((u64)(n) << 6)
static void map(void) {
  l1[0] = 0 | AF | (1ul << 2) | UXN | PXN | 1;  // devices
  l1[1] = (u64)l2 | 3;
  for (u64 i = 0; i < 8; ++i) l2[i] = (0x40000000ul + (i << 21)) | AF | SH | UXN | 1;
  l2[2] = 0x40400000ul | AF | SH | AP(3) | 1;             // cases: read-only for both
  l2[3] = 0x40600000ul | AF | SH | AP(1) | UXN | PXN | 1;  // data for both
  l2[4] = 0x40800000ul | AF | SH | AP(2) | UXN | PXN | 1;  // read-only, EL1
  l2[5] = 0x40a00000ul | SH | AP(1) | 1;                  // access flag clear
  l2[6] = 0;
  l2[7] = 0x40e00000ul | AF | SH | AP(3) | UXN | PXN | 1;  // read-only for both
  l2[8] = (u64)l3 | 3;
  l3[0] = 0x41000000ul | AF | SH | AP(1) | UXN | PXN | 3;
  l3[1] = 0;
  l3[2] = 0x41002000ul | AF | SH | AP(3) | UXN | PXN | 3;
  l3[3] = 0x41003000ul | AF | SH | AP(1) | UXN | PXN | 3;
  l3[4] = 0x41004000ul | AF | SH | UXN | PXN | 3;          // EL1 only
  l3[5] = 0x41005000ul | AF | SH | AP(1) | UXN | PXN | 1;  // reserved descriptor
  l3[6] = 0x1000041006000ul | AF | SH | AP(1) | 3;         // address too big
  l1[2] = 0;
  l1[3] = 0x10000000c0000000ul;
  MSR("mair_el1", 0x00ff);
  MSR("tcr_el1", 25 | (25ul << 16) | (1ul << 23) | (1ul << 8) | (1ul << 10) | (3ul << 12) | (4ul << 32));
  MSR("ttbr0_el1", l1);
  __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; isb");
  MSR("sctlr_el1", MRS("sctlr_el1") | 1 | 4 | (1 << 12));
}

static void basic(void) {
  char *list[] = {c_svc, c_brk, c_hlt, c_udf, c_smc, c_dcps};
  for (unsigned i = 0; i < sizeof list / sizeof *list; ++i) each_level(list[i], 0, 0);
  run("el0", c_hvc, EL0, 0, 0, 0);
  run("el0", c_eret, EL0, 0, 0, 0);
  char *user[] = {c_daif, c_tlbi, c_cntvct, c_ctr, c_midr, c_ivau, c_cvac, c_civac, c_zva, c_ivac};
  for (unsigned i = 0; i < sizeof user / sizeof *user; ++i) run("el0", user[i], EL0, 0, GOOD, 0);
  u64 sctlr = MRS("sctlr_el1");
  MSR("sctlr_el1", sctlr & ~(1ul << 16 | 1ul << 18));
  run("el0 trapped", c_wfi, EL0, 0, 0, 0);
  MSR("sctlr_el1", sctlr);
}
static void floating_point(void) {
  for (u64 fpen = 0; fpen < 4; ++fpen) {
    MSR("cpacr_el1", fpen << 20);
    text("fpen "); hex(fpen); put('\n');
    run("el0", c_fp, EL0, 0, 0, 0);
    run("el1h", c_fp, EL1H, 0, 0, 0);
    run("el0", c_fpcr, EL0, 0, 0, 0);
    run("el1h", c_simd_load, EL1H, 0, 0x40c00000, 0);
  }
}
static void alignment(void) {
  run("el0 sp", c_sp_load, EL0, 0, 0, GOOD + 8);
  run("el1h sp", c_sp_store, EL1H, 0, 0, GOOD + 4);
  run("el1t sp", c_sp_load, EL1T, 0, 0, GOOD + 1);
  u64 sctlr = MRS("sctlr_el1");
  MSR("sctlr_el1", sctlr & ~0x18ul);
  run("el0 sp unchecked", c_sp_load, EL0, 0, 0, GOOD + 8);
  MSR("sctlr_el1", sctlr | 2);
  run("el0 a", c_load, EL0, 0, GOOD + 1, GOOD);
  run("el1h a", c_store, EL1H, 0, GOOD + 4, GOOD);
  run("el0 a", c_ldp, EL0, 0, GOOD + 8, GOOD);
  MSR("sctlr_el1", sctlr);
  run("el0", c_ldxr, EL0, 0, GOOD + 4, GOOD);
  run("el0", c_stxr, EL0, 0, GOOD + 4, GOOD);
  run("el0", c_ldar, EL0, 0, GOOD + 2, GOOD);
  run("el0", c_stlrh, EL0, 0, GOOD + 1, GOOD);
  run("el0", c_load, EL0, 0, GOOD + 1, GOOD);
  run("el0", c_br, EL0, GOOD + 2, 0, GOOD);
  run("el1h", c_br, EL1H, (u64)c_svc + 1, 0, GOOD);
  run("el1h eret", c_svc + 3, EL1H, 0, 0, GOOD);
  run("el0 eret", c_svc + 2, EL0, 0, 0, GOOD);
}
static void aborts(void) {
  static const u64 addresses[] = {GOOD, 0x40800000, 0x40a00000, 0x40c00010, 0x40e00008, 0x41000ffc, 0x41001000, 0x41002004, 0x41004008, 0x41005000,
                                  0x41006000, 0x40200000, 0x80000000, 0xc0000000, 0x8000000000, 0xffff000000000000, 0xff00000040600000};
  char *list[] = {c_load, c_storeb, c_stp, c_ldrsw_post, c_ldtr, c_sttr, c_ldxr, c_zva, c_cvac, c_prfm};
  u64 sctlr = MRS("sctlr_el1");
  MSR("sctlr_el1", sctlr | 1ul << 26 | 1ul << 14);
  for (unsigned i = 0; i < sizeof list / sizeof *list; ++i)
    for (unsigned a = 0; a < sizeof addresses / sizeof *addresses; ++a) {
      if (addresses[a] == 0x40200000 && list[i] != c_load) continue;
      if (list[i] == c_ldxr && (addresses[a] & 7)) continue;
      hex(addresses[a]); put(' ');
      run("el0", list[i], EL0, 0, addresses[a], GOOD);
      if (addresses[a] == 0x40200000) continue;
      hex(addresses[a]); put(' ');
      run("el1h", list[i], EL1H, 0, addresses[a], GOOD);
    }
  run("el1h", c_ivac, EL1H, 0, 0x40800000, GOOD);
  run("el1h", c_ivac, EL1H, 0, 0x40c00000, GOOD);
  MSR("sctlr_el1", sctlr);
  for (unsigned a = 0; a < sizeof addresses / sizeof *addresses; ++a) {
    if (addresses[a] == 0x40200000) continue;
    hex(addresses[a] & ~3ul); put(' ');
    run("el0 fetch", c_br, EL0, addresses[a] & ~3ul, 0, GOOD);
    hex(addresses[a] & ~3ul); put(' ');
    run("el1h fetch", c_br, EL1H, addresses[a] & ~3ul, 0, GOOD);
  }
}
#define AT(op, va) ({ __asm__ volatile("at " op ", %0; isb" ::"r"((u64)(va))); MRS("par_el1"); })
static void translate(void) {
  static const u64 addresses[] = {GOOD + 0x123, 0x40800000, 0x40a00000, 0x40c00010, 0x40e00008, 0x41000ffc, 0x41001000, 0x41002004, 0x09000000, 0x41005000};
  for (unsigned a = 0; a < sizeof addresses / sizeof *addresses; ++a) {
    text("at "); hex(addresses[a]);
    put(' '); hex(AT("s1e1r", addresses[a]));
    put(' '); hex(AT("s1e1w", addresses[a]));
    put(' '); hex(AT("s1e0r", addresses[a]));
    put(' '); hex(AT("s1e0w", addresses[a])); put('\n');
  }
}
static void illegal(void) {
  static const u64 bad[] = {0x3c1, 0x3c2, 0x3c6, 0x3c8, 0x3c9, 0x3cd, 0x3d0, 0x3d3, 0x3df, 0x600003c1, 0x1003c5, 0x1003c0, 0x2003c1};
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; ++i) {
    text("spsr "); hex(bad[i]); put(' ');
    run("illegal", c_svc, bad[i], 0, 0, GOOD);
  }
}
static void stepping(void) {
  MSR("oslar_el1", 0);
  MSR("mdscr_el1", 1);
  run("step el0", c_nops, EL0 | 1 << 21, 0, 0, GOOD);
  run("step el0", c_nops, EL0, 0, 0, GOOD);
  run("step el0", c_svc, EL0 | 1 << 21, 0, 0, GOOD);
  run("step el0", c_step_load, EL0 | 1 << 21, 0, GOOD, GOOD);
  run("step el0 abort", c_step_load, EL0 | 1 << 21, 0, 0x40c00000, GOOD);
  run("step el0", c_step_branch, EL0 | 1 << 21, 0, 0, GOOD);
  run("step el0", c_brk, EL0 | 1 << 21, 0, 0, GOOD);
  run("step el0", c_udf, EL0 | 1 << 21, 0, 0, GOOD);
  run("not stepped el1", c_nops, EL1H | 1 << 21, 0, 0, GOOD);
  MSR("mdscr_el1", 0x2001);
  run("step el1", c_nops, (EL1H & ~0x200u) | 1 << 21, 0, 0, GOOD);
  run("masked el1", c_nops, EL1H | 1 << 21, 0, 0, GOOD);
  run("step el1", c_svc, (EL1H & ~0x200u) | 1 << 21, 0, 0, GOOD);
  MSR("mdscr_el1", 0);
  run("off", c_nops, EL0 | 1 << 21, 0, 0, GOOD);
}
static void breakpoints(void) {
  MSR("dbgbvr0_el1", c_nops + 4);
  MSR("dbgbcr0_el1", 0x1e5);  // EL0
  MSR("mdscr_el1", 0x8000);
  run("breakpoint el0", c_nops, EL0, 0, 0, GOOD);
  run("breakpoint el1", c_nops, EL1H & ~0x200u, 0, 0, GOOD);
  MSR("dbgbcr0_el1", 0x1e3);  // EL1
  run("breakpoint el0", c_nops, EL0, 0, 0, GOOD);
  MSR("mdscr_el1", 0xa000);
  run("breakpoint el1", c_nops, EL1H & ~0x200u, 0, 0, GOOD);
  run("breakpoint el1 masked", c_nops, EL1H, 0, 0, GOOD);
  MSR("dbgbcr0_el1", 0);
  MSR("mdscr_el1", 0x8000);
  MSR("dbgwvr0_el1", GOOD);
  MSR("dbgwcr0_el1", 0xff << 5 | 3 << 3 | 2 << 1 | 1);  // EL0, loads and stores, 8 bytes
  run("watchpoint el0", c_load, EL0, 0, GOOD, GOOD);
  run("watchpoint el0", c_storeb, EL0, 0, GOOD + 7, GOOD);
  run("watchpoint el0 beside", c_storeb, EL0, 0, GOOD + 8, GOOD);
  run("watchpoint el0 pair", c_ldp, EL0, 0, GOOD, GOOD);
  run("watchpoint el0 second of a pair", c_ldp, EL0, 0, GOOD - 8 + 0x100, GOOD);
  run("watchpoint el0 unaligned", c_load, EL0, 0, GOOD + 5, GOOD);
  run("watchpoint el0 exclusive", c_ldxr, EL0, 0, GOOD, GOOD);
  run("watchpoint el0 aborts first", c_load, EL0, 0, 0x40c00000, GOOD);
  run("watchpoint el1 unprivileged", c_ldtr, EL1H & ~0x200u, 0, GOOD, GOOD);
  run("watchpoint el1", c_load, EL1H & ~0x200u, 0, GOOD, GOOD);
  MSR("dbgwcr0_el1", 0x0f << 5 | 2 << 3 | 2 << 1 | 1);  // stores to the low word
  run("watchpoint store", c_load, EL0, 0, GOOD, GOOD);
  run("watchpoint store", c_storeb, EL0, 0, GOOD + 4, GOOD);
  run("watchpoint store", c_store, EL0, 0, GOOD, GOOD);
  MSR("dbgwvr0_el1", GOOD + 0x40);
  MSR("dbgwcr0_el1", 6ul << 24 | 0xff << 5 | 3 << 3 | 3 << 1 | 1);  // 64 bytes, both levels
  run("watchpoint masked", c_storeb, EL0, 0, GOOD + 0x3f, GOOD);
  run("watchpoint masked", c_storeb, EL0, 0, GOOD + 0x7f, GOOD);
  run("watchpoint masked", c_storeb, EL0, 0, GOOD + 0x80, GOOD);
  run("watchpoint masked el1", c_store, EL1H & ~0x200u, 0, GOOD + 0x48, GOOD);
  MSR("mdscr_el1", 0xa000);
  run("watchpoint masked el1 kde", c_store, EL1H & ~0x200u, 0, GOOD + 0x48, GOOD);
  MSR("dbgwcr0_el1", 0);
  MSR("mdscr_el1", 0);
}
static void interrupts(void) {
  volatile u32 *dist = (volatile u32 *)0x08000000, *redist = (volatile u32 *)0x080a0000;
  dist[0] = 0x12;                               // affinity routing, group 1
  redist[0x14 / 4] &= ~2u;                      // awake
  while (redist[0x14 / 4] & 4) {}
  redist[0x10080 / 4] = ~0u;                    // group 1
  redist[0x10100 / 4] = 1u << 30;               // PPI 14: the physical timer
  MSR("S3_0_C12_C12_5", 7);
  MSR("S3_0_C4_C6_0", 0xff);
  MSR("S3_0_C12_C12_7", 1);
  MSR("cntp_tval_el0", 1000);
  MSR("cntp_ctl_el0", 1);
  run("irq el0", c_spin, 0, 0, 0, GOOD);
  text("iar "); hex(MRS("S3_0_C12_C12_0")); text(" ctl "); hex(MRS("cntp_ctl_el0")); put('\n');
  MSR("cntp_ctl_el0", 0);
  MSR("S3_0_C12_C12_1", 30);
  MSR("cntp_tval_el0", 100000);
  MSR("cntp_ctl_el0", 1);
  run("wfi wakes", c_wfi_masked, EL1H, 0, 0, GOOD);
  text("isr "); hex(last.x[0]); put('\n');
  run("irq el1", c_unmask, EL1H, 0, 0, GOOD);
  run("irq el1t", c_unmask, EL1T, 0, 0, GOOD);
  MSR("cntp_ctl_el0", 3);
  run("no irq", c_unmask_nothing, EL1H, 0, 0, GOOD);
  MSR("cntp_ctl_el0", 0);
  run("wfe", c_wfe, EL0, 0, 0, GOOD);
}
static void tags(void) {
  u64 tcr = MRS("tcr_el1");
  MSR("tcr_el1", tcr | 1ul << 37);
  run("tag load", c_load, EL0, 0, 0xab00000000000000ul | GOOD, GOOD);
  run("tag fault", c_load, EL0, 0, 0xab00000040c00000ul, GOOD);
  run("tag branch", c_br, EL0, 0xab00000000000000ul | (u64)c_svc, 0, GOOD);
  last = (struct run){{0}, 0x5500000000000000ul | (u64)c_tagged, EL0, GOOD, 0, 0, 0, 0, 0, 0};
  run_case(&last);
  report("tag", "eret", 0);
  MSR("tcr_el1", tcr);
  last = (struct run){{0}, 0x5500000000000000ul | (u64)c_tagged, EL0, GOOD, 0, 0, 0, 0, 0, 0};
  run_case(&last);
  report("no tag", "eret", 0);
}
int main(void) {
  map();
  basic();
  floating_point();
  alignment();
  aborts();
  translate();
  illegal();
  stepping();
  breakpoints();
  interrupts();
  tags();
  text("done\n");
  return 0;
}
