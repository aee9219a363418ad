// Big-endian data at EL0 (SCTLR_EL1.E0E): every kind of access, aligned, unaligned, across pages, to the devices, and in a loop that is hot.
//   name offset: x0 x1 x2 x3, then the memory as little-endian EL1 sees it
#include "../common/print.h"
struct run {
  u64 x[4], pc, spsr, sp, vector, esr, elr, far, spsr_out, sp_out;
};
void run_case(struct run *r);
#define ALL(F) F(ldr) F(ldrw) F(ldrh) F(ldrb) F(ldrsw) F(ldrsh) F(ldur) F(ldp) F(ldpw) F(ldpsw) F(ldnp) F(ldar) F(ldarh) F(ldxr) F(ldxp) F(ldxpw) F(ldapr) F(literal) \
  F(literalw) F(str) F(strw) F(strh) F(stur) F(stp) F(stpw) F(stlr) F(exclusive) F(exclusive_pair) F(exclusive_words) F(exclusive_half) F(ldadd) F(ldaddw) F(ldumaxh) \
  F(swp) F(swpb) F(cas) F(casp) F(caspw) F(casp_fails) F(zva) F(ldrq) F(ldrd) F(ldrs) F(ldrhh) F(ldpq) F(ldpd) F(ldps) F(ldurq) F(literalq) F(ld1b) F(ld1h) F(ld1s) F(ld1d) \
  F(ld1one) F(ld2h) F(ld3s) F(ld4b) F(ld4d) F(ld1lane) F(ld2lane) F(ld1r) F(ld4r) F(strq) F(strd) F(strhh) F(stpq) F(stps) F(sturq) F(st1b) F(st1h) F(st1s) F(st1d) \
  F(st2h) F(st3s) F(st4b) F(st1lane) F(st3lane)
#define CODE(n) extern char m_##n[];
ALL(CODE)
static const struct { const char *name; char *code; } cases[] = {
#define ROW(n) {#n, m_##n},
  ALL(ROW)
};
#define MSR(reg, v) __asm__ volatile("msr " reg ", %0; isb" ::"r"((u64)(v)) : "memory")
#define MRS(reg) ({ u64 v_; __asm__ volatile("mrs %0, " reg : "=r"(v_)); v_; })
#define UXN (1ul << 54)
#define PXN (1ul << 53)
#define AF (1ul << 10)
#define SH (3ul << 8)
#define AP(n) ((u64)(n) << 6)
#define DATA 0x41000000ul  // two pages that are not neighbours in physical memory
static u64 l1[512] __attribute__((aligned(4096))), l2[512] __attribute__((aligned(4096))), l3[512] __attribute__((aligned(4096)));
static void map(void) {
  const u64 plain = AF | SH | AP(1) | UXN | PXN | 3;
  l1[0] = 0 | AF | (1ul << 2) | AP(1) | UXN | PXN | 1;
  l1[1] = (u64)l2 | 3;
  for (u64 i = 0; i < 8; ++i) l2[i] = (0x40000000ul + (i << 21)) | AF | SH | UXN | 1;
  l2[2] = 0x40400000ul | AF | SH | AP(3) | 1;
  l2[8] = (u64)l3 | 3;
  l3[0] = 0x41004000ul | plain;
  l3[1] = 0x41002000ul | plain;
  MSR("mair_el1", 0x00ff);
  MSR("tcr_el1", 25 | (1ul << 23) | (1ul << 8) | (1ul << 10) | (3ul << 12) | (2ul << 32));
  MSR("ttbr0_el1", l1);
  __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; isb");
  MSR("sctlr_el1", MRS("sctlr_el1") | 1 | 4 | (1 << 12) | (1 << 14));
}
static struct run last;
static void go(char *code, u64 x0, u64 x1, u64 x2, u64 x3) {
  last = (struct run){{x0, x1, x2, x3}, (u64)code, 0x3c0, DATA + 0x800, 99, 0, 0, 0, 0, 0};
  run_case(&last);
}
static void results(void) {
  if ((last.esr >> 26) != 0x15) { put(' '); hex(last.esr); put('@'); hex(last.far); return; }
  for (unsigned i = 0; i < 4; ++i) { put(' '); hex(last.x[i]); }
}
static void fill(u64 at) { for (u64 i = 0; i < 80; ++i) ((volatile unsigned char *)at)[i] = (unsigned char)(0x80 + 3 * i); }
static void all(u64 base, unsigned step) {
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; ++i)
    for (u64 offset = 0; offset < 16; offset += step) {
      fill(base);
      go(cases[i].code, 0, base + offset, 0x0102030405060708, 0xf1f2f3f4f5f6f7f8);
      last.x[1] -= last.x[1] == base + offset ? base : 0;
      text(cases[i].name); put('+'); hex(offset); put(':'); results(); text(" |");
      unsigned changed = 0;
      for (unsigned k = 0; k < 80; ++k) {
        const unsigned char now = ((volatile unsigned char *)base)[k];
        if (now == (unsigned char)(0x80 + 3 * k)) continue;
        if (!changed || k != changed + 1) { text(" ["); hex(k); put(']'); }
        changed = k;
        put("0123456789abcdef"[now >> 4]); put("0123456789abcdef"[now & 15]);
      }
      put('\n');
    }
}
int main(void) {
  map();
  const u64 sctlr = MRS("sctlr_el1");
  for (unsigned big = 0; big < 2; ++big) {
    MSR("sctlr_el1", (sctlr & ~(1ul << 24)) | (u64)big << 24);
    text(big ? "big-endian\n" : "little-endian\n");
    all(DATA + 0x100, 5);
    text("across pages\n");
    all(DATA + 0x1000 - 3, 16);
    // The identification registers of the real-time clock, and its match register.
    go(m_ldrw, 0, 0x09010fe0, 0, 0); text("device ldrw:"); results(); put('\n');
    go(m_ldpw, 0, 0x09010fe0, 0, 0); text("device ldpw:"); results(); put('\n');
    go(m_strw, 0, 0x09010004, 0x12345678, 0); text("device strw:"); results(); put(' '); hex(*(volatile u32 *)0x09010004); put('\n');
  }
  text("done\n");
  return 0;
}
