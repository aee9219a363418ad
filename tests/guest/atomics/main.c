// Exclusives and single-instruction atomics where they are not plain: every alignment within and across 16 bytes and pages, Device memory,
// devices, read-only, watched and executed pages, other views of the same memory, and another processor's stores between the two of a pair.
//   name address: what happened: ok and the result, or ESR (FAR where it is not the address); then the memory
#include "../common/print.h"
struct run {
  u64 x[4], pc, spsr, sp, vector, esr, elr, far, spsr_out, sp_out;
};
void run_case(struct run *r);
void helper(void);
#define ATOMICS(F) F(ldxr) F(ldaxrb) F(ldxrh) F(ldxrw) F(ldxp) F(ldxpw) F(stxr) F(stlxrb) F(stxp) F(ldar) F(ldarh) F(stlr) F(stlrw) F(ldapr) F(ldapur) F(stlur) \
  F(ldadd) F(ldaddalb) F(ldsmaxh) F(stclr) F(swp) F(swpaw) F(cas) F(caslw) F(casp) F(caspw)
#define PAIRS(F) F(simple) F(twice) F(alone) F(other_address) F(other_size) F(clrex) F(store) F(load) F(second_load) F(abandoned) F(two) F(two_words) \
  F(two_changed_high) F(one_of_two) F(unscaled) F(acquire_byte)
#define ATOMIC_CODE(n) extern char a_##n[];
#define PAIR_CODE(n) extern char e_##n[];
ATOMICS(ATOMIC_CODE)
PAIRS(PAIR_CODE)
extern char e_first_half[], e_second_half[], e_failing_store[], e_foreign[], e_foreign_pair[], e_sleep[];
struct named { const char *name; char *code; };
#define ATOMIC_ROW(n) {#n, a_##n},
#define PAIR_ROW(n) {#n, e_##n},
static const struct named atomics[] = {ATOMICS(ATOMIC_ROW)}, pairs[] = {PAIRS(PAIR_ROW)};
#define COUNT(list) (sizeof list / sizeof *list)
#define EL0 0x3c0u
#define EL1H 0x3c5u
#define MSR(reg, v) __asm__ volatile("msr " reg ", %0; isb" ::"r"((u64)(v)) : "memory")
#define MRS(reg) ({ u64 v_; __asm__ volatile("mrs %0, " reg : "=r"(v_)); v_; })

#define DATA 0x41000000ul
#define ALIAS 0x41001000ul      // the same memory as DATA
#define READ_ONLY 0x41002000ul
#define DEVICE 0x41003000ul     // RAM with a Device memory type
#define MMIO 0x41004000ul       // the real-time clock
#define UNCACHED 0x41005000ul
#define CODE 0x41006000ul
#define NO_FLAG 0x41007000ul
#define NOWHERE 0x41008000ul    // physical memory that is not there
#define KERNEL 0x41009000ul
#define LAST 0x4100a000ul       // the next page is not mapped
#define UXN (1ul << 54)
#define PXN (1ul << 53)
#define AF (1ul << 10)
#define SH (3ul << 8)
#define AP(n) ((u64)(n) << 6)
#define ATTR(n) ((u64)(n) << 2)
static u64 l1[512] __attribute__((aligned(4096))), l2[512] __attribute__((aligned(4096))), l3[512] __attribute__((aligned(4096)));
static void page(u64 va, u64 pa, u64 attributes) { l3[va >> 12 & 511] = pa | attributes | 3; }
static void map(void) {
  const u64 plain = AF | SH | AP(1) | UXN | PXN;
  l1[0] = 0 | AF | ATTR(1) | UXN | PXN | 1;
  l1[1] = (u64)l2 | 3;
  for (u64 i = 0; i < 8; ++i) l2[i] = (0x40000000ul + (i << 21)) | AF | SH | UXN | 1;
  l2[2] = 0x40400000ul | AF | SH | AP(3) | 1;  // cases: read-only for both
  l2[8] = (u64)l3 | 3;
  page(DATA, DATA, plain);
  page(ALIAS, DATA, plain);
  page(READ_ONLY, 0x41002000ul, AF | SH | AP(3) | UXN | PXN);
  page(DEVICE, 0x41003000ul, plain | ATTR(1));
  page(MMIO, 0x09010000ul, plain | ATTR(1));
  page(UNCACHED, 0x41005000ul, plain | ATTR(2));
  page(CODE, 0x41006000ul, AF | SH | AP(0) | UXN);
  page(NO_FLAG, 0x41007000ul, SH | AP(1) | UXN | PXN);
  page(NOWHERE, 0x2000000000ul, plain);
  page(KERNEL, 0x41009000ul, AF | SH | UXN | PXN);
  page(LAST, 0x4100a000ul, plain);
  MSR("mair_el1", 0x4400ff);
  MSR("tcr_el1", 25 | (1ul << 23) | (1ul << 8) | (1ul << 10) | (3ul << 12) | (2ul << 32));
  MSR("ttbr0_el1", l1);
  __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; isb");
  MSR("sctlr_el1", MRS("sctlr_el1") | 1 | 4 | (1 << 12));
}

static struct run last;
static void go(char *code, u64 spsr, u64 x0, u64 x1, u64 x2, u64 x3) {
  last = (struct run){{x0, x1, x2, x3}, (u64)code, spsr, DATA + 0x800, 99, 0, 0, 0, 0, 0};
  run_case(&last);
}
static int is_ok(void) { return (last.esr >> 26) == 0x15; }
static void show(u64 address) {
  put(' ');
  if (is_ok()) { text("ok "); hex(last.x[0]); return; }
  hex(last.esr);
  if (last.far != address) { put('@'); hex(last.far); }
}
#define OLD 0x1122334455667788ul
#define NEW 0x99aabbccddeeff01ul
static void fill(u64 pa) {  // through the alias at EL1: the pages are flat but for a few
  volatile u64 *at = (volatile u64 *)pa;
  at[0] = at[1] = at[2] = at[3] = at[4] = at[5] = OLD;
}
static void memory(u64 va) {
  for (volatile u64 *at = (volatile u64 *)va, i = 0; i < 3; ++i) { put(' '); hex(at[i]); }
}

// One letter for each offset from a 16-byte boundary: k as with a plain address, a an alignment fault, x another fault.
static void alignment(const char *what, u64 base) {
  for (unsigned i = 0; i < COUNT(atomics); ++i) {
    text(what); put(' '); text(atomics[i].name); text(": ");
    for (u64 offset = 0; offset < 16; ++offset) {
      fill(base);
      go(atomics[i].code, EL0, OLD, base + 16 + offset, NEW, 1);
      if (is_ok()) put('k');
      else if ((last.esr & 0x3f) == 0x21 && (last.esr >> 26) == 0x24) put(last.esr >> 6 & 1 ? 'A' : 'a');
      else if ((last.esr >> 26) == 0) { text("undefined"); break; }
      else put('x');
    }
    put('\n');
  }
}
static void within(void) {
  alignment("normal", DATA + 0x100);
  const u64 sctlr = MRS("sctlr_el1");
  MSR("sctlr_el1", sctlr | 1 << 6);
  alignment("nAA", DATA + 0x100);
  MSR("sctlr_el1", sctlr | 2);
  alignment("A", DATA + 0x100);
  MSR("sctlr_el1", sctlr);
  alignment("device", DEVICE + 0x100);
}
// What the bytes are after an access that is not aligned.
static void bytes(void) {
  static const u64 offsets[] = {0, 1, 3, 4, 7, 8};
  for (unsigned i = 0; i < COUNT(atomics); ++i)
    for (unsigned o = 0; o < COUNT(offsets); ++o) {
      const u64 at = DATA + 0x200;
      fill(at);
      go(atomics[i].code, EL0, OLD, at + offsets[o], NEW, 1);
      text("bytes "); text(atomics[i].name); put('+'); hex(offsets[o]); put(':'); show(at + offsets[o]); memory(at); put('\n');
    }
}
static void pages(void) {
  static const struct { const char *name; u64 va; } list[] = {{"read-only", READ_ONLY + 0x40}, {"device", DEVICE + 0x40}, {"mmio", MMIO + 8}, {"uncached", UNCACHED + 0x40},
    {"no flag", NO_FLAG + 0x40}, {"nowhere", NOWHERE + 0x40}, {"kernel", KERNEL + 0x40}, {"unmapped", 0x4100b040}, {"read-only, unaligned", READ_ONLY + 0x4f},
    {"kernel, unaligned", KERNEL + 0x4f}, {"page end", DATA + 0xfff}, {"last page end", LAST + 0xffc}};
  for (unsigned p = 0; p < COUNT(list); ++p)
    for (unsigned i = 0; i < COUNT(atomics); ++i) {
      text(list[p].name); put(' '); text(atomics[i].name); put(':');
      go(atomics[i].code, EL0, 0, list[p].va, NEW, 1);
      show(list[p].va);
      put('\n');
    }
}
static void exclusive_pairs(void) {
  static const struct { const char *name; u64 va; } list[] = {{"normal", DATA + 0x300}, {"uncached", UNCACHED + 0x300}, {"device", DEVICE + 0x300}};
  for (unsigned p = 0; p < COUNT(list); ++p)
    for (unsigned i = 0; i < COUNT(pairs); ++i) {
      const u64 at = list[p].va;
      fill(at);
      const int address = pairs[i].code == e_other_address || pairs[i].code == e_load || pairs[i].code == e_second_load || pairs[i].code == e_abandoned;
      go(pairs[i].code, EL0, 9, at, NEW, address ? at + 16 : OLD + 1);
      text("pair, "); text(list[p].name); put(' '); text(pairs[i].name); put(':'); show(at); text(" x3 "); hex(address ? 0 : last.x[3]); memory(at); put('\n');
    }
  const u64 at = DATA + 0x340;
  fill(at);
  go(e_other_address, EL0, 9, at, NEW, at + 0x1000);
  text("through the alias:"); show(at); memory(at); put('\n');
  for (unsigned same = 0; same < 2; ++same) {
    fill(at);
    go(e_first_half, EL0, 9, at, NEW, 0);
    if (same) *(volatile u64 *)(at + 0x1000) = OLD;
    go(e_second_half, EL0, 9, at, NEW, 0);
    text("exception between:"); show(at); memory(at); put('\n');
  }
  // ERET clears the monitor that EL1 set.
  __asm__ volatile("ldxr x9, [%0]" ::"r"(at) : "x9");
  go(e_second_half, EL0, 9, at, NEW, 0);
  text("eret between:"); show(at); memory(at); put('\n');
  go(e_failing_store, EL0, 9, at, NEW, READ_ONLY + 0x40);
  text("read-only:"); show(READ_ONLY + 0x40); put('\n');
  go(e_failing_store, EL0, 9, at, NEW, at + 4);
  text("unaligned:"); show(at + 4); put('\n');
}
static void foreign(void) {
  register u64 x0 __asm__("x0") = 0xc4000003, x1 __asm__("x1") = 1, x2 __asm__("x2") = (u64)helper, x3 __asm__("x3") = 0;
  __asm__ volatile("hvc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3) : "memory");
  const u64 at = DATA + 0x400;
  for (unsigned i = 0; i < 20; ++i) {
    fill(at);
    go(e_foreign, EL0, 9, at, NEW, OLD ^ 1ul << i);
    if (i < 2 || !is_ok() || last.x[0] != 1) { text("foreign store:"); show(at); memory(at); put('\n'); }
    fill(at);
    go(e_foreign_pair, EL0, 9, at, NEW, OLD ^ 1ul << i);
    if (i < 2 || !is_ok() || last.x[0] != 1) { text("foreign store to a pair:"); show(at); memory(at); put('\n'); }
    fill(at);
    go(e_sleep, EL0, 9, at, OLD, i);
    if (last.x[0] != i) { text("wfe:"); show(at); put('\n'); }
  }
}
static void watched(void) {
  static const char *const kinds[] = {"", "loads", "stores", "both"};
  MSR("oslar_el1", 0);
  MSR("mdscr_el1", 0x8000);
  MSR("dbgwvr0_el1", DATA + 0x508);
  for (u64 kind = 1; kind < 4; ++kind) {
    MSR("dbgwcr0_el1", 0xf0 << 5 | kind << 3 | 2 << 1 | 1);  // bytes 4 to 7 of the doubleword
    for (unsigned i = 0; i < COUNT(atomics); ++i)
      for (u64 offset = 0; offset < 16; offset += 8) {
        const u64 at = DATA + 0x500 + offset;
        if (offset && atomics[i].code == a_ldxp) continue;
        fill(DATA + 0x500);
        go(atomics[i].code, EL0, 0, at, NEW, 1);
        text("watched "); text(kinds[kind]); put(' '); text(atomics[i].name); put('+'); hex(offset); put(':'); show(at); memory(DATA + 0x500); put('\n');
      }
    fill(DATA + 0x500);
    go(e_simple, EL0, 9, DATA + 0x508, NEW, 0);
    text("watched pair:"); show(DATA + 0x508); memory(DATA + 0x500); put('\n');
  }
  MSR("dbgwcr0_el1", 0);
  MSR("mdscr_el1", 0);
}
// The number that the function returns is changed by atomics to the page that it runs from.
static u64 call(void) {
  __asm__ volatile("dc cvau, %0; dsb ish; ic ivau, %0; dsb ish; isb" ::"r"(CODE) : "memory");
  return ((u64(*)(void))CODE)();
}
static void executed(void) {
  volatile u32 *code = (volatile u32 *)CODE;
  code[0] = 0xd2800000;  // mov x0, #0
  code[1] = 0xd65f03c0;  // ret
  for (unsigned i = 0; i < 6; ++i) {
    u64 before = call();
    go(e_simple, EL1H, 9, CODE, 0xd65f03c0ul << 32 | (0xd2800000 | (2 * i + 1) << 5), 0);
    u64 status = last.x[0], after = call();
    text("executed: "); hex(before); put(' '); hex(status); put(' '); hex(after);
    go(a_ldadd, EL1H, 9, CODE, 1 << 5, 0);
    put(' '); hex(last.esr >> 26); put(' '); hex(call()); put('\n');
  }
}
int main(void) {
  map();
  within();
  bytes();
  pages();
  exclusive_pairs();
  foreign();
  watched();
  executed();
  text("done\n");
  return 0;
}
