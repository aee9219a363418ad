// The controls that trap EL0 (and EL1): every register and instruction that each of them governs, with the control off and on;
// instructions at the wrong level; FIQ and IRQ vectors; the performance monitors' interrupt; watchpoints on cache maintenance.
//   name: what happened: ok, or ESR   (all ESR bits: the ISS carries the encoding, the register and the direction)
#include "../common/print.h"
struct run {
  u64 x[4], pc, spsr, sp, vector, esr, elr, far, spsr_out, sp_out;
};
void run_case(struct run *r);
extern char c_slot[], c_count[], c_spin[], c_unmask[], c_fiq_window[], c_wfe_twice[];
#define EL0 0x3c0u
#define EL1T 0x3c4u
#define EL1H 0x3c5u
#define MSR(reg, v) __asm__ volatile("msr " reg ", %0; isb" ::"r"((u64)(v)) : "memory")
#define MRS(reg) ({ u64 v_; __asm__ volatile("mrs %0, " reg : "=r"(v_)); v_; })
static u64 data[64] __attribute__((aligned(512)));
static struct run last;
static void go(char *code, u64 spsr, u64 x0, u64 x1) {
  last = (struct run){{x0, x1, 0, 0}, (u64)code, spsr, (u64)data, 99, 0, 0, 0, 0, 0};
  run_case(&last);
}
static void show(void) {
  put(' ');
  if (last.vector % 4 == 1) { text("irq"); return; }
  if (last.vector % 4 == 2) { text("fiq"); return; }
  if ((last.esr >> 26) == 0x15) { text("ok"); return; }
  hex(last.esr);
  if (last.elr != (u64)c_slot) { text("!elr"); hex(last.elr - (u64)c_slot); }
}
static void place(u32 word) {
  *(volatile u32 *)c_slot = word;
  __asm__ volatile("dc cvau, %0; dsb sy; ic ivau, %0; dsb sy; isb" ::"r"(c_slot) : "memory");
}
static void try(u32 word, u64 spsr) {
  place(word);
  go(c_slot, spsr, 0, (u64)data);
  show();
}
// The register in x1 (address of data) or its value in x1.
#define R(op0, op1, crn, crm, op2) (0xd5200001u | (u32)(op0) << 19 | (op1) << 16 | (crn) << 12 | (crm) << 8 | (op2) << 5)
#define W(op0, op1, crn, crm, op2) (0xd5000001u | (u32)(op0) << 19 | (op1) << 16 | (crn) << 12 | (crm) << 8 | (op2) << 5)
#define RT(word, rt) (((word) & ~31u) | (rt))
struct insn { const char *name; u32 word; };
static void each(const char *what, const struct insn *list, unsigned count) {
  text(what); put(':');
  for (unsigned i = 0; i < count; ++i) { put(' '); text(list[i].name); try(list[i].word, EL0); }
  put('\n');
}
#define EACH(what, list) each(what, list, sizeof list / sizeof *list)

static void controller(void) {
  volatile u32 *dist = (volatile u32 *)0x08000000, *redist = (volatile u32 *)0x080a0000;
  dist[0] = 0x13;
  redist[0x14 / 4] &= ~2u;
  while (redist[0x14 / 4] & 4) {}
  redist[0x10080 / 4] = ~0u;
  redist[0x10100 / 4] = 1u << 30;  // the physical timer
  MSR("S3_0_C12_C12_5", 7);
  MSR("S3_0_C4_C6_0", 0xff);
  MSR("S3_0_C12_C12_7", 1);  // IGRPEN1
  MSR("S3_0_C12_C12_6", 1);  // IGRPEN0
}
static void sctlr(void) {
  static const struct insn list[] = {
    {"ctr", R(3, 3, 0, 0, 1)}, {"dczid", R(3, 3, 0, 0, 7)}, {"ivau", W(1, 3, 7, 5, 1)}, {"cvac", W(1, 3, 7, 10, 1)}, {"cvau", W(1, 3, 7, 11, 1)}, {"civac", W(1, 3, 7, 14, 1)},
    {"zva", W(1, 3, 7, 4, 1)}, {"wfi", 0xd503207f}, {"daifset", 0xd50340df}, {"daifclr", 0xd50340ff}, {"rdaif", R(3, 3, 4, 2, 1)}, {"wdaif", RT(W(3, 3, 4, 2, 1), 31)},
    {"daifset15", 0xd5034fdf}, {"rdaif x30", RT(R(3, 3, 4, 2, 1), 30)}, {"ctr xzr", RT(R(3, 3, 0, 0, 1), 31)}};
  static const struct { const char *name; u64 bit; } bits[] = {{"UCI", 26}, {"UCT", 15}, {"DZE", 14}, {"nTWI", 16}, {"nTWE", 18}, {"UMA", 9}};
  u64 s = MRS("sctlr_el1"), all = 1ul << 26 | 1ul << 15 | 1ul << 14 | 1ul << 16 | 1ul << 18 | 1ul << 9;
  static const struct insn waits[] = {{"wfi", 0xd503207f}, {"wfe", 0xd503205f}};
  MSR("sctlr_el1", MRS("sctlr_el1") & ~(1ul << 16 | 1ul << 18));
  EACH("nothing to wait for", waits);  // the ERET has set the event register, and WFE goes on
  go(c_wfe_twice, EL0, 0, 0);
  text("no event:"); last.elr += c_slot - c_wfe_twice; show(); put('\n');
  MSR("cntp_tval_el0", 1);
  MSR("cntp_ctl_el0", 1);  // WFI has something to wake for
  while (!(MRS("isr_el1") & 0x80)) {}
  EACH("an interrupt is pending", waits);
  MSR("sctlr_el1", s | all);
  EACH("all of SCTLR", list);
  MSR("sctlr_el1", s & ~all);
  EACH("none of SCTLR", list);
  for (unsigned i = 0; i < 6; ++i) {
    MSR("sctlr_el1", (s & ~all) | 1ul << bits[i].bit);
    EACH(bits[i].name, list);
  }
  MSR("sctlr_el1", s);
  MSR("cntp_ctl_el0", 0);
}
static void timers(void) {
  static const struct insn list[] = {
    {"frq", R(3, 3, 14, 0, 0)}, {"wfrq", W(3, 3, 14, 0, 0)}, {"pct", R(3, 3, 14, 0, 1)}, {"vct", R(3, 3, 14, 0, 2)}, {"ptval", R(3, 3, 14, 2, 0)}, {"wptval", W(3, 3, 14, 2, 0)},
    {"pctl", R(3, 3, 14, 2, 1)}, {"wpctl", RT(W(3, 3, 14, 2, 1), 31)}, {"pcval", R(3, 3, 14, 2, 2)}, {"wpcval", W(3, 3, 14, 2, 2)}, {"vtval", R(3, 3, 14, 3, 0)},
    {"wvtval", W(3, 3, 14, 3, 0)}, {"vctl", R(3, 3, 14, 3, 1)}, {"wvctl", RT(W(3, 3, 14, 3, 1), 31)}, {"vcval", R(3, 3, 14, 3, 2)}, {"wvcval", W(3, 3, 14, 3, 2)},
    {"wpct", W(3, 3, 14, 0, 1)}, {"kctl", R(3, 0, 14, 1, 0)}};
  static const struct { const char *name; u64 value; } controls[] = {{"CNTKCTL 0", 0}, {"EL0PCTEN", 1}, {"EL0VCTEN", 2}, {"EL0VTEN", 0x100}, {"EL0PTEN", 0x200}, {"all of CNTKCTL", 0x303}};
  for (unsigned i = 0; i < 6; ++i) {
    MSR("cntkctl_el1", controls[i].value);
    EACH(controls[i].name, list);
  }
  MSR("cntkctl_el1", 0);
}
static void monitors(void) {
  static const struct insn list[] = {
    {"pmcr", R(3, 3, 9, 12, 0)}, {"wpmcr", RT(W(3, 3, 9, 12, 0), 31)}, {"cntenset", R(3, 3, 9, 12, 1)}, {"cntenclr", RT(W(3, 3, 9, 12, 2), 31)}, {"ovsclr", R(3, 3, 9, 12, 3)},
    {"swinc", RT(W(3, 3, 9, 12, 4), 31)}, {"rswinc", R(3, 3, 9, 12, 4)}, {"selr", R(3, 3, 9, 12, 5)}, {"wselr", RT(W(3, 3, 9, 12, 5), 31)}, {"ceid0", R(3, 3, 9, 12, 6)},
    {"ceid1", R(3, 3, 9, 12, 7)}, {"ccntr", R(3, 3, 9, 13, 0)}, {"wccntr", RT(W(3, 3, 9, 13, 0), 31)}, {"xevtyper", R(3, 3, 9, 13, 1)}, {"wxevtyper", RT(W(3, 3, 9, 13, 1), 31)},
    {"xevcntr", R(3, 3, 9, 13, 2)}, {"wxevcntr", RT(W(3, 3, 9, 13, 2), 31)}, {"userenr", R(3, 3, 9, 14, 0)}, {"wuserenr", W(3, 3, 9, 14, 0)}, {"intenset", R(3, 0, 9, 14, 1)},
    {"ovsset", R(3, 3, 9, 14, 3)}, {"evcntr0", R(3, 3, 14, 8, 0)}, {"wevcntr5", RT(W(3, 3, 14, 8, 5), 31)}, {"evtyper0", R(3, 3, 14, 12, 0)}, {"wevtyper5", RT(W(3, 3, 14, 12, 5), 31)},
    {"ccfiltr", R(3, 3, 14, 15, 7)}};
  static const struct { const char *name; u64 value; } controls[] = {{"PMUSERENR 0", 0}, {"EN", 1}, {"SW", 2}, {"CR", 4}, {"ER", 8}, {"SW CR ER", 14}};
  MSR("pmselr_el0", 0);
  for (unsigned i = 0; i < 6; ++i) {
    MSR("pmuserenr_el0", controls[i].value);
    EACH(controls[i].name, list);
  }
  MSR("pmuserenr_el0", 0);
}
static void debug(void) {
  static const struct insn list[] = {{"dccsr", R(2, 3, 0, 1, 0)}, {"dtr", R(2, 3, 0, 4, 0)}, {"dtrrx", R(2, 3, 0, 5, 0)}, {"dtrtx", W(2, 3, 0, 5, 0)}, {"wdtr", W(2, 3, 0, 4, 0)},
                                     {"dscr", R(2, 0, 0, 2, 2)}, {"wdccsr", W(2, 3, 0, 1, 0)}};
  MSR("mdscr_el1", 0);
  EACH("MDSCR 0", list);
  MSR("mdscr_el1", 1 << 12);
  EACH("TDCC", list);
  MSR("mdscr_el1", 0);
}
static void levels(void) {
  static const struct insn list[] = {
    {"eret", 0xd69f03e0}, {"drps", 0xd6bf03e0}, {"hvc", 0xd4000002}, {"dcps1", 0xd4a00001}, {"dcps2", 0xd4a00002}, {"dcps3", 0xd4a00003}, {"hlt", 0xd4400000}, {"hlt f000", 0xd45e0000},
    {"spsel", 0xd50040bf}, {"spsel1", 0xd50041bf}, {"currentel", R(3, 0, 4, 2, 2)}, {"wcurrentel", W(3, 0, 4, 2, 2)}, {"sp_el0", R(3, 0, 4, 1, 0)}, {"sp_el1", R(3, 4, 4, 1, 0)},
    {"nzcv", R(3, 3, 4, 2, 0)}, {"wnzcv", W(3, 3, 4, 2, 0)}, {"midr", R(3, 0, 0, 0, 0)}, {"isar6+", R(3, 0, 0, 7, 7)}, {"tpidrro", R(3, 3, 13, 0, 3)}, {"wtpidrro", W(3, 3, 13, 0, 3)},
    {"tlbi", W(1, 0, 8, 7, 0)}, {"at", W(1, 0, 7, 8, 0)}, {"sysl", 0xd5280001}, {"sys 3_11", W(1, 3, 11, 0, 0)}, {"sys 3_15", W(1, 3, 15, 0, 0)}, {"l2ctlr", R(3, 1, 11, 0, 2)},
    {"impdef 3_0_15", R(3, 0, 15, 0, 0)}, {"op0 0", 0xd5000001}, {"barrier 0", 0xd503301f}, {"barrier 1", 0xd503303f}, {"barrier 3", 0xd503307f}, {"barrier 7", 0xd50330ff}, {"clrex 7", 0xd503375f},
    {"dsb 0", 0xd503309f}, {"dsb 1", 0xd503319f}, {"dmb 4", 0xd50334bf}, {"isb 3", 0xd50333df}, {"hint 127", 0xd5032fff}, {"hint rt", 0xd5032000}, {"brk", 0xd4200000 | 0xffff << 5},
    {"udf 7", 7}, {"sve", 0x04200000}, {"sme", 0xc0800000}, {"pan", 0xd500409f}, {"uao", 0xd500407f}, {"dit", 0xd503415f}};
  for (unsigned i = 0; i < sizeof list / sizeof *list; ++i) {
    text("levels, "); text(list[i].name); put(':');
    try(list[i].word, EL0);
    if (list[i].word == 0xd69f03e0 || list[i].word == 0xd4000002 || list[i].word == W(1, 0, 8, 7, 0)) { put('\n'); continue; }
    try(list[i].word, EL1H);
    if (list[i].word == R(3, 0, 4, 1, 0)) try(list[i].word, EL1T);
    put('\n');
  }
}
static void interrupts(void) {
  volatile u32 *dist = (volatile u32 *)0x08000000, *redist = (volatile u32 *)0x080a0000;
  for (unsigned group = 0; group < 2; ++group) {
    dist[0] = 0x13;
    redist[0x10080 / 4] = group ? ~0u : 0;
    redist[0x10100 / 4] = 1u << 30;
    MSR("cntp_tval_el0", 1000);
    MSR("cntp_ctl_el0", 1);
    while (!(MRS("isr_el1") & 0xc0)) {}
    static const struct { const char *name; u64 spsr; } from[] = {{"el0", 0}, {"el1t", 4}, {"el1h", 5}, {"el0 I", 0x80}, {"el0 F", 0x40}, {"el1h IF", 0xc5}, {"el1t A", 0x304}};
    for (unsigned i = 0; i < 7; ++i) {
      place(0xd503201f);
      go(c_slot, from[i].spsr, 0, 0);
      text(group ? "group 1 " : "group 0 "); text(from[i].name); put(':'); show();
      text(" vector "); decimal((unsigned)last.vector); text(" spsr "); hex(last.spsr_out); text(" elr "); hex(last.elr - (u64)c_slot); put('\n');
    }
    go(group ? c_unmask : c_fiq_window, EL1H, 0, 0);
    text("unmasked:"); show(); text(" vector "); decimal((unsigned)last.vector); text(" spsr "); hex(last.spsr_out); put('\n');
    text("isr "); hex(MRS("isr_el1")); put('\n');
    MSR("cntp_ctl_el0", 0);
    text("isr "); hex(MRS("isr_el1")); put('\n');
  }
}
static void pmu_line(const char *what) {
  volatile u32 *redist = (volatile u32 *)0x080a0000;
  text("pmu, "); text(what); text(": pending "); decimal(redist[0x10200 / 4] >> 23 & 1); text(" isr "); hex(MRS("isr_el1") & 0x80);
  text(" ovs "); hex(MRS("pmovsset_el0")); put('\n');
}
// Interrupt 23, level-sensitive.
static void overflow(void) {
  volatile u32 *redist = (volatile u32 *)0x080a0000;
  redist[0x10100 / 4] = 1u << 23;
  MSR("pmcr_el0", 6);
  MSR("pmintenset_el1", 0);
  MSR("pmccfiltr_el0", 0);
  MSR("pmovsclr_el0", ~0u);
  pmu_line("idle");
  MSR("pmevtyper0_el0", 0);  // SW_INCR
  MSR("pmevcntr0_el0", 0xfffffffe);
  MSR("pmcntenset_el0", 1);
  MSR("pmintenset_el1", 1);
  MSR("pmcr_el0", 1);
  MSR("pmswinc_el0", 1);
  pmu_line("before the last increment");
  MSR("pmswinc_el0", 1);
  pmu_line("software increment");
  go(c_count, 0x340, 1, 0); show(); put('\n');
  MSR("pmcr_el0", 0);
  pmu_line("PMCR.E off");
  MSR("pmcr_el0", 1);
  MSR("pmintenclr_el1", 1);
  pmu_line("not enabled");
  MSR("pmintenset_el1", 1);
  pmu_line("enabled again");
  MSR("pmovsclr_el0", 1);
  pmu_line("cleared");
  MSR("pmovsset_el0", 1);
  pmu_line("set");
  MSR("pmovsclr_el0", 1);
  // Counter 1 counts the overflows of counter 0, and has two to go.
  MSR("pmintenset_el1", 2);
  MSR("pmintenclr_el1", 1);
  MSR("pmevtyper1_el0", 0x1e);
  MSR("pmevcntr0_el0", 0xffffffff);
  MSR("pmevcntr1_el0", 0xfffffffe);
  MSR("pmcntenset_el0", 2);
  MSR("pmswinc_el0", 1);
  pmu_line("chained");
  text("counters "); hex(MRS("pmevcntr0_el0")); put(' '); hex(MRS("pmevcntr1_el0")); put('\n');
  MSR("pmevcntr0_el0", 0xffffffff);
  MSR("pmswinc_el0", 1);
  pmu_line("chained, overflow");
  MSR("pmovsclr_el0", ~0u);
  MSR("pmintenclr_el1", 2);
  MSR("pmcntenclr_el0", 3);
  // The cycle counter at 32 bits, at EL0 only; it overflows while EL0 runs.
  MSR("pmintenset_el1", 1ul << 31);
  MSR("pmccfiltr_el0", 1ul << 31);
  MSR("pmccntr_el0", 0xffffffff - 20000);
  MSR("pmcntenset_el0", 1ul << 31);
  go(c_count, EL1H, 100000, 0);
  pmu_line("filtered at EL1");
  go(c_spin, 0x340, 0, 0);
  text("cycles at el0:"); show(); put('\n');
  pmu_line("cycles");
  MSR("pmovsclr_el0", 1ul << 31);
  MSR("pmcr_el0", 0x41);
  MSR("pmccntr_el0", 0xffffffff);
  go(c_count, 0x3c0, 1000, 0);
  pmu_line("PMCR.LC");
  MSR("pmccntr_el0", ~0ul);
  go(c_count, 0x3c0, 1000, 0);
  pmu_line("64 bits");
  MSR("pmcr_el0", 0);
  MSR("pmintenclr_el1", ~0u);
  MSR("pmovsclr_el0", ~0u);
  pmu_line("off");
}
static void watched(void) {
  static const struct insn list[] = {{"ivac", W(1, 0, 7, 6, 1)}, {"cvac", W(1, 3, 7, 10, 1)}, {"cvau", W(1, 3, 7, 11, 1)}, {"civac", W(1, 3, 7, 14, 1)}, {"zva", W(1, 3, 7, 4, 1)},
                                     {"ivau", W(1, 3, 7, 5, 1)}, {"prfm", 0xf9800020}, {"at", W(1, 0, 7, 8, 1)}};
  MSR("oslar_el1", 0);
  MSR("mdscr_el1", 0xa000);
  MSR("dbgwvr0_el1", (u64)data);
  for (unsigned kind = 1; kind < 4; ++kind) {
    MSR("dbgwcr0_el1", 1 << 5 | kind << 3 | 3 << 1 | 1);  // the first byte of the line
    for (unsigned i = 0; i < 8; ++i) {
      place(list[i].word);
      go(c_slot, 0x1c5, 0, (u64)data + 0x18);
      text("watch "); decimal(kind); put(' '); text(list[i].name); put(':'); show();
      if (last.far) { text(" far "); hex(last.far - (u64)data); }
      put('\n');
    }
  }
  MSR("dbgwcr0_el1", 0);
  MSR("mdscr_el1", 0);
}
static void breakpoints(void) {
  static u64 contexts[] = {0, 7, 8};
  MSR("dbgbvr0_el1", c_slot);
  MSR("mdscr_el1", 0x8000);
  place(0xd503201f);
  for (unsigned bas = 0; bas < 16; bas += 3) {
    MSR("dbgbcr0_el1", bas << 5 | 2 << 1 | 1);
    go(c_slot, EL0, 0, 0);
    text("breakpoint, BAS "); hex(bas); put(':'); show(); put('\n');
  }
  MSR("dbgbcr0_el1", 5ul << 16 | 1 << 20 | 0xf << 5 | 2 << 1 | 1);  // linked to breakpoint 5
  MSR("dbgbvr5_el1", 7);
  MSR("dbgbcr5_el1", 3 << 20 | 0xf << 5 | 1);
  for (unsigned i = 0; i < 3; ++i) {
    MSR("contextidr_el1", contexts[i]);
    go(c_slot, EL0, 0, 0);
    text("breakpoint, linked, context "); hex(contexts[i]); put(':'); show(); put('\n');
  }
  MSR("contextidr_el1", 7);
  MSR("dbgbcr0_el1", 0);
  MSR("dbgbcr5_el1", 2 << 20 | 0xf << 5 | 2 << 1 | 1);  // unlinked context match
  go(c_slot, EL0, 0, 0);
  text("breakpoint, context:"); show(); put('\n');
  MSR("contextidr_el1", 8);
  go(c_slot, EL0, 0, 0);
  text("breakpoint, another context:"); show(); put('\n');
  MSR("dbgbcr5_el1", 0);
  MSR("contextidr_el1", 0);
  MSR("dbgbcr0_el1", 0xf << 5 | 3 << 1 | 1);
  go(c_slot, EL0 | 1 << 20, 0, 0);
  text("breakpoint and illegal state:"); show(); put('\n');
  MSR("oslar_el1", 1);
  go(c_slot, EL0, 0, 0);
  text("breakpoint, OS lock:"); show(); put('\n');
  MSR("oslar_el1", 0);
  place(0xd4200000);
  go(c_slot, EL0, 0, 0);
  text("breakpoint on brk:"); show(); put('\n');
  MSR("dbgbcr0_el1", 0);
  MSR("mdscr_el1", 0);
}
int main(void) {
  controller();
  sctlr();
  timers();
  monitors();
  debug();
  levels();
  interrupts();
  overflow();
  watched();
  breakpoints();
  text("done\n");
  return 0;
}
