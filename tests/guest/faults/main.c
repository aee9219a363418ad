// Every fault of stage 1 translation, at every level of every granule that the processor has, for loads, stores, unprivileged
// accesses and fetches of EL0 and EL1, and for AT; then ranges, Device memory, pages crossed, and which fault comes first.
//   name: ld0 ld1 st0 st1 ldt stt if0 if1 | s1e1r s1e1w s1e0r s1e0w    (ESR without IL, `ok`; PAR_EL1; FAR where it is not the address)
#include "../common/print.h"
struct run {
  u64 x[4], pc, spsr, sp, vector, esr, elr, far, spsr_out, sp_out;
};
void run_case(struct run *r);
extern char c_svc[], c_load[], c_store[], c_storeb[], c_ldtr[], c_sttr[], c_br[], c_ldp[], c_stp[], c_ldxr[], c_stxr[], c_zva[], c_sp_load[], c_ldar[],
    c_stlrh[], c_ivac[], c_cvac[], c_civac[], c_ivau[], c_prfm[], c_ldrq[], c_strq[], c_ld1s[], c_ld1b[], c_st1h[], c_st1d[], c_ld2s[], c_st4b[],
    c_ld1_lane[], c_ld3r[], c_strw[], c_ldpw[], c_stpq[], c_ldxp[], c_stlxr[], c_ldarb[], c_s1e1r[], c_s1e1w[], c_s1e0r[], c_s1e0w[];
#define EL0 0x3c0u
#define EL1H 0x3c5u
#define MSR(reg, v) __asm__ volatile("msr " reg ", %0; isb" ::"r"((u64)(v)) : "memory")
#define MRS(reg) ({ u64 v_; __asm__ volatile("mrs %0, " reg : "=r"(v_)); v_; })
#define GOOD 0x40600000ul   // data that the tests may touch
#define NOWHERE 0x2000000000ul  // physical: nothing is there on the board
#define UXN (1ul << 54)
#define PXN (1ul << 53)
#define AF (1ul << 10)
#define SH (3ul << 8)
#define AP(n) ((u64)(n) << 6)
#define DEVICE (1ul << 2)
#define LEAF (AF | SH | AP(1))

extern char text_end[];
static u64 low1[512] __attribute__((aligned(4096))), low2[512] __attribute__((aligned(4096))), low3[512] __attribute__((aligned(4096)));
static void map_low(void) {
  low1[0] = 0 | AF | DEVICE | UXN | PXN | 1;
  low1[1] = (u64)low2 | 3;
  for (u64 i = 0; i < 512; ++i) low2[i] = (0x40000000ul + (i << 21)) | AF | SH | UXN | 1;
  low2[1] = (u64)low3 | 3;  // this program: code is read-only, so that it runs under WXN
  for (u64 i = 0; i < 512; ++i) {
    u64 page = 0x40200000ul + (i << 12);
    low3[i] = page | AF | SH | UXN | (page < (u64)text_end ? AP(2) : PXN) | 3;
  }
  low2[2] = 0x40400000ul | AF | SH | AP(3) | 1;              // cases
  low2[3] = GOOD | AF | SH | AP(1) | UXN | PXN | 1;
  MSR("mair_el1", 0x00ff);
}
static unsigned granule;  // log2
static unsigned t1sz;
static u64 tcr_extra;
#define TCR0 (25ul | (1ul << 8) | (1ul << 10) | (3ul << 12) | (4ul << 32))
static void set_tcr(void) {
  u64 tg1 = granule == 12 ? 2 : granule == 14 ? 1 : 3;
  MSR("tcr_el1", TCR0 | (u64)t1sz << 16 | 1ul << 24 | 1ul << 26 | 3ul << 28 | tg1 << 30 | tcr_extra);
  __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; isb");
}
static u64 *table(unsigned level) { return (u64 *)(0x42000000ul + level * 0x10000ul); }
static unsigned shift_of(unsigned level) { return granule + (granule - 3) * (3 - level); }
static unsigned first_level(void) { return 4 - (64 - t1sz - 4) / (granule - 3); }
static u64 va(void) {
  u64 v = ~0ul << (64 - t1sz) | 0x600000;
  for (unsigned l = first_level(); l < 3; ++l) if (shift_of(l) > 22) v |= 1ul << shift_of(l);
  return v;
}
static u64 *entry(unsigned level) {
  unsigned s = shift_of(level), top = level == first_level() ? 64 - t1sz : s + granule - 3;
  return &table(level)[(va() >> s) & ((1ul << (top - s)) - 1)];
}
// The page or block at `level` that contains GOOD at va().
static u64 output(unsigned level) { return 0x40000000ul | (0x600000ul & ~((1ul << shift_of(level)) - 1)); }
static void leaf(unsigned level, u64 attributes) { *entry(level) = output(level) | attributes | (level == 3 ? 3 : 1); }
static void chain(unsigned to, u64 attributes) {
  for (unsigned l = first_level(); l < to; ++l) *entry(l) = (u64)table(l + 1) | 3;
  leaf(to, attributes);
}
static void flush(void) { __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; isb"); }

static struct run last;
static void go(char *code, u64 spsr, u64 x0, u64 x1) {
  last = (struct run){{x0, x1, 0, 0}, (u64)code, spsr, GOOD + 0x100, 99, 0, 0, 0, 0, 0};
  run_case(&last);
}
static void result(u64 address) {
  put(' ');
  if ((last.esr >> 26) == 0x15) { text("ok"); return; }
  hex(last.esr & ~(1ul << 25));
  if (!(last.esr >> 25 & 1)) text("!il");
  if (last.far != address) { put('@'); hex(last.far); }
  if (last.vector != ((last.spsr_out & 15) ? 4 : 8)) { text("!vector"); decimal((unsigned)last.vector); }
}
static void one(char *code, u64 spsr, u64 address) { go(code, spsr, 0, address); result(address); }
static void fetch(u64 spsr, u64 address) { go(c_br, spsr, address, 0); result(address); if ((last.esr >> 26) != 0x15 && last.elr != address) { text("!elr"); hex(last.elr); } }
// PAR_EL1, or the exception that the instruction takes.
static void translate(char *code, u64 a) {
  go(code, EL1H, 0, a);
  if ((last.esr >> 26) != 0x15) return result(a);
  put(' ');
  hex(last.x[0]);
}
static void accesses(u64 a) {
  one(c_load, EL0, a + 0x40); one(c_load, EL1H, a + 0x40); one(c_store, EL0, a + 0x40); one(c_store, EL1H, a + 0x40);
  one(c_ldtr, EL1H, a + 0x40); one(c_sttr, EL1H, a + 0x40);
  fetch(EL0, a); fetch(EL1H, a);
}
static void row(const char *name, unsigned level) {
  u64 a = va();
  flush();
  decimal(granule); text(" level "); decimal(level); put(' '); text(name); put(':');
  accesses(a);
  text(" |");
  translate(c_s1e1r, a); translate(c_s1e1w, a); translate(c_s1e0r, a); translate(c_s1e0w, a);
  put('\n');
}
static int is_block(unsigned level) { return level == 3 || level == 2 || (granule == 12 && level == 1); }
static void levels(void) {
  for (unsigned l = first_level(); l <= 3; ++l) {
    chain(3, LEAF);
    *entry(l) = 0;
    row("invalid", l);
    *entry(l) = ~3ul | 2;
    row("invalid, other bits set", l);
    if (!is_block(l) || l == 3) {
      *entry(l) = output(l) | LEAF | 1;
      row("block where none may be", l);
    }
    if (l < 3) {
      *entry(l) = (u64)table(l + 1) | 1ul << 47 | 3;
      row("table beyond the physical address size", l);
      *entry(l) = NOWHERE | 3;
      row("table where nothing is", l + 1);
      static const struct { const char *name; u64 bit; } above[] = {{"APTable no EL0", 1ul << 61}, {"APTable read-only", 1ul << 62}, {"UXNTable", 1ul << 60}, {"PXNTable", 1ul << 59}};
      for (unsigned i = 0; i < 4; ++i) {
        chain(3, i == 3 ? LEAF | AP(2) : LEAF);
        *entry(l) = (u64)table(l + 1) | above[i].bit | 3;
        row(above[i].name, l);
      }
    }
    if (!is_block(l)) continue;
    chain(l, LEAF & ~AF);
    row("access flag", l);
    chain(l, LEAF & ~AF & ~AP(1));
    row("access flag, and no permission", l);
    chain(l, LEAF | 1ul << 47);
    row("output beyond the physical address size", l);
    for (unsigned ap = 0; ap < 4; ++ap) {
      static const char *const names[] = {"AP 00", "AP 01", "AP 10", "AP 11"};
      chain(l, AF | SH | AP(ap));
      row(names[ap], l);
    }
    chain(l, LEAF | UXN);
    row("UXN", l);
    chain(l, AF | SH | AP(3) | PXN);
    row("PXN", l);
    *entry(l) = NOWHERE | LEAF | (l == 3 ? 3 : 1);
    row("nothing is there", l);
  }
}
static void ranges(void) {
  chain(3, LEAF);
  u64 a = va();
  tcr_extra = 1ul << 23;
  set_tcr();
  text("EPD1:"); accesses(a); put('\n');
  tcr_extra = 0;
  set_tcr();
  text("outside:"); accesses(a & ~(1ul << 60)); put('\n');
  text("hole:"); accesses(0x0001000000000000ul); put('\n');
  text("hole high:"); accesses(0xfffeff0000600000ul); put('\n');
  text("tagged:"); accesses(a & ~(0xfful << 56)); put('\n');
  tcr_extra = 1ul << 38;
  set_tcr();
  text("tagged, TBI1:"); accesses(a & ~(0xfful << 56)); put('\n');
  *entry(3) = 0;
  flush();
  text("tagged, TBI1, invalid:"); accesses(a & ~(0xaaul << 56)); put('\n');
  tcr_extra = 0;
  set_tcr();
  MSR("ttbr1_el1", (u64)table(first_level()) | 1ul << 47);
  flush();
  text("TTBR1 beyond the physical address size:"); accesses(a); put('\n');
  MSR("ttbr1_el1", NOWHERE);
  flush();
  text("TTBR1 where nothing is:"); accesses(a); put('\n');
  for (t1sz = 17; t1sz <= 39; t1sz += granule == 12 ? 3 : 5) {
    set_tcr();
    MSR("ttbr1_el1", table(first_level()));
    chain(3, LEAF);
    decimal(t1sz); put(' '); row("T1SZ", first_level());
    *entry(first_level()) = 0;
    decimal(t1sz); put(' '); row("T1SZ, invalid", first_level());
    text("outside:"); accesses(va() & ~(1ul << (64 - t1sz))); put('\n');
  }
  t1sz = 16;
  set_tcr();
  MSR("ttbr1_el1", table(first_level()));
}
static void wxn(void) {
  u64 sctlr = MRS("sctlr_el1");
  MSR("sctlr_el1", sctlr | 1ul << 19);
  for (unsigned ap = 0; ap < 4; ++ap) {
    chain(3, AF | SH | AP(ap));
    row("WXN", ap);
  }
  MSR("sctlr_el1", sctlr);
}
static void each_size(const char *what, u64 a) {
  static struct { const char *name; char *code; } list[] = {{"ldr", c_load}, {"str", c_store}, {"strw", c_strw}, {"ldp", c_ldp}, {"ldpw", c_ldpw}, {"stp", c_stp},
    {"ldrq", c_ldrq}, {"strq", c_strq}, {"stpq", c_stpq}, {"ld1.4s", c_ld1s}, {"ld1.16b", c_ld1b}, {"st1.8h", c_st1h}, {"st1.2d", c_st1d}, {"ld2.4s", c_ld2s},
    {"st4.16b", c_st4b}, {"ld1.s[]", c_ld1_lane}, {"ld3r.4h", c_ld3r}, {"ldar", c_ldar}, {"stlrh", c_stlrh}, {"ldarb", c_ldarb}, {"ldxr", c_ldxr}, {"stxr", c_stxr},
    {"ldxp", c_ldxp}, {"zva", c_zva}, {"prfm", c_prfm}, {"cvac", c_cvac}};
  u64 sctlr = MRS("sctlr_el1");
  MSR("sctlr_el1", sctlr | 1ul << 26 | 1ul << 14);
  for (unsigned i = 0; i < sizeof list / sizeof *list; ++i) {
    text(what); put(' '); text(list[i].name); put(':');
    for (unsigned o = 1; o < 16; o = o < 2 ? o + 1 : o * 2) one(list[i].code, EL0, a + o);
    put('\n');
  }
  MSR("sctlr_el1", sctlr);
}
static void alignment(void) {
  u64 a = va();
  chain(3, LEAF);
  flush();
  each_size("normal", a + 0x40);
  u64 sctlr = MRS("sctlr_el1");
  MSR("sctlr_el1", sctlr | 2);
  each_size("normal, A", a + 0x40);
  *entry(3) = 0;
  flush();
  each_size("invalid, A", a + 0x40);
  MSR("sctlr_el1", sctlr);
  each_size("invalid", a + 0x40);
  chain(3, LEAF | DEVICE);
  flush();
  each_size("device", a + 0x40);
  chain(3, AF | SH | DEVICE | AP(0));
  flush();
  each_size("device, no permission", a + 0x40);
  chain(3, AF | SH | DEVICE | AP(3));
  flush();
  each_size("device, read-only", a + 0x40);
  chain(3, (LEAF & ~AF) | DEVICE);
  flush();
  each_size("device, access flag", a + 0x40);
}
static void crossing(void) {
  u64 page = 1ul << granule, a = va();
  chain(3, LEAF);
  u64 *next = entry(3) + 1;
  // loads and stores of EL0: x, x, ldp, stp; EL1: q, stp q; EL0: ld2, st4; EL1: ldtr; EL0: a byte, which does not cross
  static const struct { const char *name; u64 attributes; } second[] = {{"invalid", 0}, {"read-only", AF | SH | AP(3) | 3}, {"access flag", SH | AP(1) | 3}, {"device", LEAF | DEVICE | 3}, {"nowhere", 0}};
  for (unsigned i = 0; i < 5; ++i) {
    *next = second[i].attributes ? second[i].attributes | (output(3) + page) : 0;
    if (i == 4) *next = NOWHERE | LEAF | 3;
    flush();
    text("into "); text(second[i].name); put(':');
    one(c_load, EL0, a + page - 4); one(c_store, EL0, a + page - 1); one(c_ldp, EL0, a + page - 8); one(c_stp, EL0, a + page - 9);
    one(c_ldrq, EL1H, a + page - 8); one(c_stpq, EL1H, a + page - 16); one(c_ld2s, EL0, a + page - 4); one(c_st4b, EL0, a + page - 40);
    one(c_ldtr, EL1H, a + page - 2); one(c_storeb, EL0, a + page - 1);
    put('\n');
  }
  *next = 0;
}
static void maintenance(void) {
  static struct { const char *name; char *code; } list[] = {{"zva", c_zva}, {"cvac", c_cvac}, {"civac", c_civac}, {"ivac", c_ivac}, {"ivau", c_ivau}, {"prfm", c_prfm}};
  u64 sctlr = MRS("sctlr_el1");
  MSR("sctlr_el1", sctlr | 1ul << 26 | 1ul << 14);
  for (unsigned kind = 0; kind < 7; ++kind) {
    static const char *const names[] = {"invalid", "access flag", "AP 00", "AP 01", "AP 10", "AP 11", "address size"};
    chain(3, kind == 1 ? LEAF & ~AF : kind == 6 ? LEAF | 1ul << 47 : AF | SH | AP((kind - 2) & 3));
    if (kind == 0) *entry(3) = 0;
    flush();
    for (unsigned i = 0; i < 6; ++i) {
      text("maintenance, "); text(names[kind]); put(' '); text(list[i].name); put(':');
      one(list[i].code, EL0, va() + 0x47); one(list[i].code, EL1H, va() + 0x47);
      put('\n');
    }
  }
  MSR("sctlr_el1", sctlr);
}
static void first_come(void) {
  u64 a = va(), sctlr = MRS("sctlr_el1");
  chain(3, LEAF);
  *entry(3) = 0;
  flush();
  text("misaligned and unmapped fetch:"); fetch(EL0, a + 2); fetch(EL1H, a + 1); put('\n');
  text("illegal state and unmapped fetch:"); go((char *)a, EL0 | 1 << 20, 0, 0); result(a); put('\n');
  text("illegal state and misaligned:"); go((char *)a + 2, EL0 | 1 << 20, 0, 0); result(a + 2); put('\n');
  text("illegal state and svc:"); go(c_svc, EL0 | 1 << 20, 0, 0); result(0); put('\n');
  last = (struct run){{0}, (u64)c_sp_load, EL0, a + 8, 99, 0, 0, 0, 0, 0};
  run_case(&last);
  text("misaligned and unmapped SP:"); result(0); put('\n');
  MSR("sctlr_el1", sctlr & ~0x18ul);
  last = (struct run){{0}, (u64)c_sp_load, EL0, a + 8, 99, 0, 0, 0, 0, 0};
  run_case(&last);
  text("unmapped SP:"); result(a + 8); put('\n');
  MSR("sctlr_el1", sctlr);
}
static void off(void) {
  u64 sctlr = MRS("sctlr_el1");
  MSR("sctlr_el1", sctlr & ~1ul);
  each_size("off", GOOD + 0x40);
  text("off, nothing there:"); accesses(NOWHERE); put('\n');
  text("off, beyond the physical address size:"); accesses(1ul << 47); accesses(~0ul << 48 | 0x1000); put('\n');
  text("off, unaligned instruction:"); fetch(EL0, GOOD + 2); put('\n');
  MSR("sctlr_el1", sctlr);
}
int main(void) {
  map_low();
  MSR("ttbr0_el1", low1);
  t1sz = 16;
  granule = 12;
  MSR("ttbr1_el1", table(first_level()));
  set_tcr();
  MSR("sctlr_el1", MRS("sctlr_el1") | 1 | 4 | (1 << 12));
  *(volatile u32 *)GOOD = 0xd4000001;  // svc #0, for the fetches
  __asm__ volatile("dc cvau, %0; dsb sy; ic iallu; dsb sy; isb" ::"r"(GOOD));
  u64 mmfr0 = MRS("id_aa64mmfr0_el1");
  for (granule = 12; granule <= 16; granule += 2) {
    if (granule == 14 && !(mmfr0 >> 20 & 15)) continue;
    for (u64 *p = table(0); p < table(4); ++p) *p = 0;
    MSR("ttbr1_el1", table(first_level()));
    set_tcr();
    levels();
    ranges();
    wxn();
    crossing();
  }
  granule = 12;
  MSR("ttbr1_el1", table(first_level()));
  set_tcr();
  alignment();
  maintenance();
  first_come();
  off();
  text("done\n");
  return 0;
}
