// What must hold across processors beyond the shapes: counters, accesses of 16 bytes, code and translations that
// change.
#pragma once

#ifndef CROSSINGS
#define CROSSINGS 4000
#endif

// A name of one word is the weakened twin of those that begin with it: Arm allows what they count.
struct crossing {
  const char* name;
  int needs;  // 1: FEAT_LSE, 2: FEAT_LSE2
  unsigned count;
  void (*body)(unsigned cpu, unsigned unused);
  u64 (*wrong)(void);  // what Arm forbids, counted
};

extern u64 tables[3][512];
static unsigned cpus;
static void barrier(void);

static struct {
  volatile u64 a, b;
  u64 pad[14];
} shared __attribute__((aligned(128)));
static volatile u64 flag __attribute__((aligned(128)));
static u64 bad[8];
static unsigned char pages[2][4096] __attribute__((aligned(4096)));
static u32 code[1024] __attribute__((aligned(4096)));

static void crossing_prepare(void) {
  shared.a = shared.b = flag = 0;
  for (unsigned k = 0; k < 8; ++k) bad[k] = 0;
}
static u64 all_bad(void) {
  u64 sum = 0;
  for (unsigned k = 0; k < 8; ++k) sum += bad[k];
  return sum;
}

// --- Counters: nothing may be lost ---

#define COUNTER(name, instructions)                                                         \
  static void name(unsigned cpu, unsigned unused) {                                         \
    (void)cpu, (void)unused;                                                                \
    for (unsigned i = 0; i < CROSSINGS; ++i)                                                \
      __asm__ volatile(instructions ::"r"(&shared.a)                                        \
                       : "memory", "cc", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11"); \
  }
COUNTER(count_plain, "ldr x4, [%0]\n add x4, x4, #1\n str x4, [%0]")
COUNTER(count_exclusive, "1: ldxr x4, [%0]\n add x4, x4, #1\n stxr w5, x4, [%0]\n cbnz w5, 1b")
COUNTER(count_exclusive_ordered, "1: ldaxr w4, [%0]\n add w4, w4, #1\n stlxr w5, w4, [%0]\n cbnz w5, 1b")
COUNTER(count_exclusive_byte, "1: ldxrb w4, [%0]\n add w4, w4, #1\n stxrb w5, w4, [%0]\n cbnz w5, 1b")
COUNTER(count_exclusive_pair,
        "1: ldxp x4, x6, [%0]\n add x4, x4, #1\n add x6, x6, #1\n stxp w5, x4, x6, [%0]\n cbnz w5, 1b")
COUNTER(count_exclusive_pair_words,
        "1: ldaxp w4, w6, [%0]\n add w4, w4, #1\n add w6, w6, #1\n stlxp w5, w4, w6, [%0]\n cbnz w5, 1b")
COUNTER(count_ldadd, "mov x4, #1\n ldadd x4, x5, [%0]")
COUNTER(count_stadd_half, "mov w4, #1\n staddlh w4, [%0]")
COUNTER(count_cas, "ldr x4, [%0]\n1: mov x6, x4\n add x5, x4, #1\n cas x4, x5, [%0]\n cmp x4, x6\n b.ne 1b")
COUNTER(count_casp,
        "ldp x4, x5, [%0]\n1: mov x8, x4\n mov x9, x5\n add x6, x4, #1\n add x7, x5, #1\n caspal x4, x5, x6, x7, [%0]\n"
        "cmp x4, x8\n ccmp x5, x9, #0, eq\n b.ne 1b")
COUNTER(count_unaligned, "mov w4, #1\n add x5, %0, #3\n ldaddal w4, w4, [x5]")
COUNTER(count_unaligned_exclusive,
        "add x5, %0, #5\n1: ldxr w4, [x5]\n add w4, w4, #1\n stxr w6, w4, [x5]\n cbnz w6, 1b")

static u64 missing(u64 got, u64 mask) { return ((u64)cpus * CROSSINGS - got) & mask; }
static u64 wrong_a(void) { return missing(shared.a, ~0ul); }
static u64 wrong_byte(void) { return missing(shared.a, 0xff) + (shared.a >> 8); }
static u64 wrong_half(void) { return missing(shared.a, 0xffff) + (shared.a >> 16); }
static u64 wrong_pair(void) { return missing(shared.a, ~0ul) + missing(shared.b, ~0ul); }
static u64 wrong_words(void) { return missing(shared.a & 0xffffffff, ~0ul) + missing(shared.a >> 32, ~0ul); }
static u64 wrong_at_3(void) { return missing(shared.a >> 24, 0xffffffff); }
static u64 wrong_at_5(void) { return missing((shared.a >> 40 | shared.b << 24) & 0xffffffff, ~0ul); }

// A lock made of exclusives, and one of CASA and STLR, around a counter without any.
static void lock_exclusive(unsigned cpu, unsigned unused) {
  (void)cpu, (void)unused;
  for (unsigned i = 0; i < CROSSINGS; ++i) {
    __asm__ volatile(
        "1: ldaxr w4, [%0]\n cbnz w4, 2f\n stxr w5, %w1, [%0]\n cbz w5, 3f\n2: yield\n b 1b\n3:" ::"r"(&shared.b),
        "r"(1)
        : "memory", "x4", "x5");
    shared.a = shared.a + 1;
    __asm__ volatile("stlr wzr, [%0]" ::"r"(&shared.b) : "memory");
  }
}
static void lock_cas(unsigned cpu, unsigned unused) {
  (void)cpu, (void)unused;
  for (unsigned i = 0; i < CROSSINGS; ++i) {
    __asm__ volatile("1: mov w4, #0\n casa w4, %w1, [%0]\n cbz w4, 2f\n yield\n b 1b\n2:" ::"r"(&shared.b), "r"(1)
                     : "memory", "x4");
    shared.a = shared.a + 1;
    __asm__ volatile("stlr wzr, [%0]" ::"r"(&shared.b) : "memory");
  }
}

// --- Tearing: one writes twice the same number, the others must never see two ---

#define TEARING(name, write, read)                                                                             \
  static void name(unsigned cpu, unsigned unused) {                                                            \
    (void)unused;                                                                                              \
    for (u64 i = 1; i <= CROSSINGS * 4; ++i) {                                                                 \
      u64 a = i, b = i;                                                                                        \
      if (cpu == 0)                                                                                            \
        __asm__ volatile(write ::"r"(&shared.a), "r"(i) : "memory", "cc", "x4", "x5", "x6", "x7", "x8", "x9"); \
      else                                                                                                     \
        __asm__ volatile(read                                                                                  \
                         : "=&r"(a), "=&r"(b)                                                                  \
                         : "r"(&shared.a)                                                                      \
                         : "memory", "cc", "x4", "x5", "x6", "x7", "x8", "x9");                                \
      if (a != b) ++bad[cpu];                                                                                  \
    }                                                                                                          \
  }
#define WRITE_STXP "1: ldxp x4, x5, [%0]\n stxp w6, %1, %1, [%0]\n cbnz w6, 1b"
#define READ_LDXP "1: ldxp %0, %1, [%2]\n stxp w6, %0, %1, [%2]\n cbnz w6, 1b"
#define READ_CASP \
  "mov x4, #-1\n mov x5, #-1\n mov x6, #0\n mov x7, #0\n casp x4, x5, x6, x7, [%2]\n mov %0, x4\n mov %1, x5"
#define WRITE_CASP "ldp x4, x5, [%0]\n mov x6, %1\n mov x7, %1\n casp x4, x5, x6, x7, [%0]"
TEARING(tear_plain, "str %1, [%0]\n str %1, [%0, #8]", "ldr %0, [%2]\n ldr %1, [%2, #8]")
TEARING(tear_exclusive, WRITE_STXP, READ_LDXP)
TEARING(tear_casp, WRITE_CASP, READ_CASP)
TEARING(tear_pair, "stp %1, %1, [%0]", "ldp %0, %1, [%2]")
TEARING(tear_pair_casp, WRITE_CASP, "ldp %0, %1, [%2]")
TEARING(tear_pair_words, "add x4, %0, #4\n stp %w1, %w1, [x4]", "add x4, %2, #4\n ldp %w0, %w1, [x4]")
TEARING(tear_vector, ".arch armv8.4-a\n fmov d0, %1\n mov v0.d[1], %1\n str q0, [%0]",
        ".arch armv8.4-a\n ldr q1, [%2]\n fmov %0, d1\n mov %1, v1.d[1]")
TEARING(tear_unaligned, "orr x4, %1, %1, lsl #32\n add x5, %0, #3\n str x4, [x5]",
        "add x5, %2, #3\n ldr x4, [x5]\n mov %w0, w4\n lsr %1, x4, #32")
TEARING(tear_unaligned_ordered, "orr x4, %1, %1, lsl #32\n add x5, %0, #5\n stlr x4, [x5]",
        "add x5, %2, #5\n ldar x4, [x5]\n mov %w0, w4\n lsr %1, x4, #32")

// --- Code: the first processor changes an instruction, IC IVAU, DSB; who sees the flag and does ISB runs the new one
// ---

#define MOV_W0(n) (0x52800000u | ((u32)(n) & 0xffff) << 5)
static void publish(u32* at, u32 word) {
  *(volatile u32*)at = word;
  __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" ::"r"(at) : "memory");
}
#define CODE_CHANGES (CROSSINGS / 40 + 10)
static int weakened;  // a twin is being run
static void change_code(unsigned cpu, unsigned unused) {
  (void)unused;
  u32 (*function)(void) = (u32(*)(void))code;
  if (cpu == 0) {
    code[1] = 0xd65f03c0;
    publish(&code[1], 0xd65f03c0);
    for (u32 n = 1; n <= CODE_CHANGES; ++n) {
      if (weakened) {
        *(volatile u32*)code = MOV_W0(n);
      } else {
        publish(code, MOV_W0(n));
        if (function() != n) ++bad[0];
      }
      __atomic_store_n(&flag, n, __ATOMIC_RELEASE);
      for (unsigned wait = 0; wait < 20; ++wait) __asm__ volatile("yield");
    }
    return;
  }
  for (u64 seen = 0; seen < CODE_CHANGES;) {
    seen = __atomic_load_n(&flag, __ATOMIC_ACQUIRE);
    if (seen == 0) continue;
    if (!weakened) __asm__ volatile("isb" ::: "memory");
    if (function() < seen) ++bad[cpu];
  }
}

// --- Translations: break before make, TLBI, DSB; who sees the flag sees the new page, for loads and for stores ---

#define WINDOW ((volatile u64*)0x80000000)
#define PAGE_CHANGES (CROSSINGS / 40 + 10)
static void map(const void* page) {
  volatile u64* entry = &tables[2][0];
  *entry = 0;
  if (!weakened) __asm__ volatile("dsb ish\n tlbi vaae1is, %0\n dsb ish" ::"r"((u64)WINDOW >> 12) : "memory");
  *entry = (u64)page | 0x707;
  __asm__ volatile("dsb ish\n isb" ::: "memory");
}
static void change_pages(unsigned cpu, unsigned unused) {
  (void)unused;
  if (cpu == 0) {
    for (u64 n = 1; n <= PAGE_CHANGES; ++n) {
      volatile u64* next = (volatile u64*)pages[n & 1];
      next[0] = n;
      // Who has seen change n - 1 writes to the page of that time, never to the one before, which is the next again.
      for (unsigned k = 1; k < cpus; ++k)
        if (n > 1 && next[k] >= n - 1) ++bad[0];
      map((const void*)next);
      __atomic_store_n(&flag, n, __ATOMIC_RELEASE);
      for (unsigned wait = 0; wait < 20; ++wait) __asm__ volatile("yield");
    }
    return;
  }
  for (u64 seen = 0; seen < PAGE_CHANGES;) {
    seen = __atomic_load_n(&flag, __ATOMIC_ACQUIRE);
    if (seen == 0) continue;
    if (WINDOW[0] < seen) ++bad[cpu];
    WINDOW[cpu] = seen;
  }
}
static void prepare_pages(unsigned cpu, unsigned unused) {
  if (cpu == 0) {
    for (unsigned k = 0; k < sizeof pages; ++k) ((volatile unsigned char*)pages)[k] = 0;
    tables[2][0] = 0;  // the twin has left old translations
    __asm__ volatile("dsb ish\n tlbi vmalle1is\n dsb ish\n isb" ::: "memory");
  }
  barrier();
  change_pages(cpu, unused);
}

static const struct crossing crossings[] = {
    {"counter", 0, CROSSINGS, count_plain, wrong_a},
    {"lock", 0, CROSSINGS, count_plain, wrong_a},
    {"tearing", 0, CROSSINGS * 4, tear_plain, all_bad},
    {"code", 0, CODE_CHANGES, change_code, all_bad},
    {"page", 0, PAGE_CHANGES, prepare_pages, all_bad},
    {"counter-exclusive", 0, CROSSINGS, count_exclusive, wrong_a},
    {"counter-exclusive-ordered", 0, CROSSINGS, count_exclusive_ordered, wrong_a},
    {"counter-exclusive-byte", 0, CROSSINGS, count_exclusive_byte, wrong_byte},
    {"counter-exclusive-pair", 0, CROSSINGS, count_exclusive_pair, wrong_pair},
    {"counter-exclusive-words", 0, CROSSINGS, count_exclusive_pair_words, wrong_words},
    {"counter-ldadd", 1, CROSSINGS, count_ldadd, wrong_a},
    {"counter-staddlh", 1, CROSSINGS, count_stadd_half, wrong_half},
    {"counter-cas", 1, CROSSINGS, count_cas, wrong_a},
    {"counter-casp", 1, CROSSINGS, count_casp, wrong_pair},
    {"counter-unaligned", 2, CROSSINGS, count_unaligned, wrong_at_3},
    {"counter-unaligned-exclusive", 2, CROSSINGS, count_unaligned_exclusive, wrong_at_5},
    {"lock-exclusive", 0, CROSSINGS, lock_exclusive, wrong_a},
    {"lock-cas", 1, CROSSINGS, lock_cas, wrong_a},
    {"tearing-exclusive", 0, CROSSINGS * 4, tear_exclusive, all_bad},
    {"tearing-casp", 1, CROSSINGS * 4, tear_casp, all_bad},
    {"tearing-ldp", 2, CROSSINGS * 4, tear_pair, all_bad},
    {"tearing-ldp-casp", 2, CROSSINGS * 4, tear_pair_casp, all_bad},
    {"tearing-ldp-words", 2, CROSSINGS * 4, tear_pair_words, all_bad},
    {"tearing-ldr-q", 2, CROSSINGS * 4, tear_vector, all_bad},
    {"tearing-unaligned", 2, CROSSINGS * 4, tear_unaligned, all_bad},
    {"tearing-unaligned-ordered", 2, CROSSINGS * 4, tear_unaligned_ordered, all_bad},
    {"code-change", 0, CODE_CHANGES, change_code, all_bad},
    {"page-change", 0, PAGE_CHANGES, prepare_pages, all_bad},
};
