// Litmus tests of the memory model on several processors: the shapes of shapes.txt (tests.inc), and counters, tearing, code and
// translation changes that cross processors. Prints one line a test; litmus_test.py judges them.
#include "../common/print.h"
__asm__(".arch armv8.4-a");  // what the tests use; the rest is for any processor

// A test runs at least once, then until it has run BATCHES times and its threads have met MEETINGS times, or TEST_MS
// are over. A twin goes on until it shows something or TWIN_MS are over. Nothing begins when TOTAL_MS are over.
#ifndef BATCHES
#define BATCHES 4
#endif
#ifndef INSTANCES
#define INSTANCES 256
#endif
#ifndef MEETINGS
#define MEETINGS (BATCHES * INSTANCES / 4)
#endif
#ifndef TEST_MS
#define TEST_MS 500
#endif
#ifndef TWIN_MS
#define TWIN_MS 10000
#endif
#ifndef TOTAL_MS
#define TOTAL_MS ~0ul
#endif
#ifndef PASSES
#define PASSES 1
#endif
#ifndef HOST_CPUS
#define HOST_CPUS 2
#endif
#define MAX_CPUS 8

struct test {
  const char *name, *variant;
  int threads;
  int reads[4];
  int forbidden;  // Arm forbids the relaxed outcome
  int host_shows; // the host could show it if nothing kept order
  int (*relaxed)(const u32 *memory, const u32 *results);
  void (*run[4])(u32 *x, u32 *y, u32 *z, u32 *results, u32 *scratch);
};
#include "tests.inc"
#include "crossing.h"

static void number(u64 v) {
  if (v >= 10) number(v / 10);
  put((char)('0' + v % 10));
}

// --- Random numbers, waiting ---

static struct { u64 state, pad[15]; } seeds[MAX_CPUS] __attribute__((aligned(128)));
static u64 random_number(unsigned cpu) {
  u64 z = seeds[cpu].state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

struct word {
  volatile u32 value;
  u32 pad[31];
};
static struct word arrived __attribute__((aligned(128))), phase, stage[MAX_CPUS], mail[MAX_CPUS], finished;
static unsigned cpus = 1;

static u64 milliseconds(void) {
  u64 count, hertz;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
  __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hertz));
  return count * 1000 / hertz;
}

static void barrier(void) {
  u32 was = phase.value;
  if (__atomic_add_fetch(&arrived.value, 1, __ATOMIC_SEQ_CST) == cpus) {
    arrived.value = 0;
    __atomic_store_n(&phase.value, was + 1, __ATOMIC_RELEASE);
  }
  while (__atomic_load_n(&phase.value, __ATOMIC_ACQUIRE) == was) __asm__ volatile("yield");
}

// Who has nothing to do sleeps: the host's processors are for those that have.
static void sleep_until(const struct word *word, u32 value) {
  for (unsigned spins = 0; __atomic_load_n(&word->value, __ATOMIC_ACQUIRE) != value; ++spins)
    if (spins > 500) __asm__ volatile("wfe");
}

// --- The shapes ---

static u32 memory[INSTANCES][3][32] __attribute__((aligned(4096)));
static u32 results[INSTANCES][4][32] __attribute__((aligned(4096)));
static u32 scratch[MAX_CPUS][32] __attribute__((aligned(128)));
static unsigned char placement[INSTANCES], met[INSTANCES][4];
static const struct test *volatile current;
static volatile unsigned rotation;
static volatile int over;
static void (*volatile body)(unsigned cpu, unsigned count);

// Locations in lines of their own, in one line, or the second and third in one.
static u32 *location(unsigned i, unsigned which) {
  switch (placement[i] & 3) {
    case 0: return &memory[i][0][which * 2];
    case 1: return &memory[i][which == 0 ? 0 : 1][which];
    default: return &memory[i][which][0];
  }
}

// The processors of an instance wait for each other. Those that run at once on the host have met: each has seen that the
// others wait, and been seen, within a moment. One that the host has put to sleep is waited for, not met. More than the
// host has processors never meet; they wait now and then, as each wait costs turns of the host's scheduler.
static int meet(unsigned cpu, unsigned first, unsigned threads, unsigned i) {
  const int crowded = threads > HOST_CPUS;
  const unsigned patience = crowded ? 1 : 2048;
  int met = 1;
  if (crowded && i % 16 != 0) return 0;
  stage[cpu].value = 2 * i + 1;
  for (unsigned k = 0; k < threads; ++k) {
    const struct word *other = &stage[(first + k) % cpus];
    for (unsigned spins = 1; other->value < 2 * i + 1; ++spins)
      if (spins % patience == 0) __asm__ volatile("yield");
  }
  stage[cpu].value = 2 * i + 2;
  for (unsigned k = 0; k < threads; ++k) {
    const struct word *other = &stage[(first + k) % cpus];
    unsigned spins = 0;
    while (other->value < 2 * i + 2 && spins < 300) ++spins;
    if (spins == 300) met = 0;
  }
  return met;
}

static void run_thread(unsigned cpu, const struct test *t) {
  const unsigned thread = (cpu + cpus - rotation) % cpus;
  for (unsigned i = 0; i < INSTANCES; ++i) {
    met[i][thread] = (unsigned char)meet(cpu, rotation, (unsigned)t->threads, i);
    u64 r = random_number(cpu);
    for (volatile unsigned wait = (r & 1) ? (r >> 8) & 15 : 0; wait > 0; --wait) {}
    t->run[thread](location(i, 0), location(i, 1), location(i, 2), results[i][thread], scratch[cpu]);
  }
}

static void do_work(unsigned cpu) {
  if (body)
    body(cpu, 0);
  else
    run_thread(cpu, current);
}

// On the first processor: `count` processors, from `rotation` on, do the work.
static void round_of(unsigned count) {
  const unsigned mine = (cpus - rotation) % cpus < count;
  finished.value = 0;
  for (unsigned k = 0; k < count; ++k) {
    const unsigned cpu = (rotation + k) % cpus;
    if (cpu != 0) __atomic_store_n(&mail[cpu].value, 1, __ATOMIC_RELEASE);
  }
  __asm__ volatile("dsb ish\n sev" ::: "memory");
  if (mine) do_work(0);
  sleep_until(&finished, count - mine);
}

static u64 start;
static unsigned late;  // tests that were not begun

static void report(const char *name, const char *variant, int threads, int forbidden, int shows, u64 count, u64 together,
                   u64 relaxed) {
  text(name), put(' '), text(variant), put(' '), number((u64)threads);
  text(forbidden ? " forbidden " : " allowed "), text(shows ? "host-shows " : "host-hides ");
  number(count), put(' '), number(together), put(' '), number(relaxed), put('\n');
}

static int needs(const char *variant, const char *start) {
  while (*start)
    if (*variant++ != *start++) return 0;
  return 1;
}

static void run_shape(const struct test *t) {
#ifdef ONLY
  if (!needs(t->name, ONLY)) return;
#endif
  u64 isar0, isar1;
  __asm__("mrs %0, id_aa64isar0_el1" : "=r"(isar0));
  __asm__("mrs %0, id_aa64isar1_el1" : "=r"(isar1));
  if (needs(t->variant, "lse") && ((isar0 >> 20) & 15) == 0) return;
  if (needs(t->variant, "rel-acq-pc") && ((isar1 >> 20) & 15) == 0) return;
  if (needs(t->variant, "rel-acq-u") && ((isar1 >> 20) & 15) < 2) return;
  if (milliseconds() - start > TOTAL_MS) {
    ++late;
    return;
  }
  u64 relaxed = 0, together = 0;
  current = t;
  body = 0;
  // A twin goes on until it shows something, within reason. More threads than the host has processors never meet.
  const int can_meet = t->threads <= HOST_CPUS;
  const int is_twin = t->host_shows && can_meet && needs(t->variant, "plain");
  const u64 began = milliseconds();
  u64 batch = 0, spent = 0;
  do {
    for (unsigned i = 0; i < INSTANCES; ++i) {
      placement[i] = (unsigned char)random_number(0);
      for (unsigned k = 0; k < 3; ++k)
        for (unsigned j = 0; j < 8; ++j) memory[i][k][j] = 0;
    }
    for (unsigned k = 0; k < MAX_CPUS; ++k) stage[k].value = 0;
    rotation = (unsigned)(random_number(0) % cpus);
    round_of((unsigned)t->threads);
    for (unsigned i = 0; i < INSTANCES; ++i) {
      u32 m[3], r[8];
      unsigned n = 0;
      int all = 1;
      for (unsigned k = 0; k < 3; ++k) m[k] = *location(i, k);
      for (int k = 0; k < t->threads; ++k) {
        for (int j = 0; j < t->reads[k]; ++j) r[n++] = results[i][k][j];
        all &= met[i][k];
      }
      together += (u64)all;
      relaxed += (u64)t->relaxed(m, r);
    }
    ++batch;
    spent = milliseconds() - began;
  } while (((batch < BATCHES || (can_meet && together < MEETINGS)) && spent < TEST_MS) || (is_twin && relaxed == 0 && spent < TWIN_MS));
  report(t->name, t->variant, t->threads, t->forbidden, t->host_shows, batch * INSTANCES, together, relaxed);
}

static void run_crossing(const struct crossing *c) {
  u64 isar0, mmfr2;
  __asm__("mrs %0, id_aa64isar0_el1" : "=r"(isar0));
  __asm__("mrs %0, id_aa64mmfr2_el1" : "=r"(mmfr2));
  if (c->needs == 1 && ((isar0 >> 20) & 15) == 0) return;
  if (c->needs == 2 && ((mmfr2 >> 32) & 15) == 0) return;
  if (milliseconds() - start > TOTAL_MS) {
    ++late;
    return;
  }
  const char *end = c->name;
  while (*end && *end != '-') ++end;
  weakened = *end == 0;
  u64 wrong = 0, times = 0, spent = 0;
  const u64 began = milliseconds();
  body = c->body;
  rotation = 0;
  do {
    crossing_prepare();
    round_of(cpus);
    wrong += c->wrong();
    ++times;
    spent = milliseconds() - began;
  } while ((times < PASSES && spent < TEST_MS) || (weakened && wrong == 0 && spent < TWIN_MS && c->body != change_code));
  // Stores find code by themselves here: that code is old shows on hosts that run it directly.
  report(c->name, weakened ? "plain" : "crossing", (int)cpus, !weakened, c->body != change_code, c->count * times, 0, wrong);
  body = 0;
}

// --- Processors ---

void secondary_main(unsigned cpu) {
  __atomic_add_fetch(&arrived.value, 1, __ATOMIC_SEQ_CST);
  while (phase.value == 0) __asm__ volatile("yield");
  for (;;) {
    sleep_until(&mail[cpu], 1);
    if (over) return;
    mail[cpu].value = 0;
    do_work(cpu);
    __atomic_add_fetch(&finished.value, 1, __ATOMIC_SEQ_CST);
    __asm__ volatile("dsb ish\n sev" ::: "memory");
  }
}

void report_exception(u64 esr, u64 elr, u64 far) {
  text("exception "), hex(esr), put(' '), hex(elr), put(' '), hex(far), put('\n');
}

void secondary(void);
static long cpu_on(u64 mpidr, u64 context) {
  register u64 x0 __asm__("x0") = 0xc4000003;
  register u64 x1 __asm__("x1") = mpidr;
  register u64 x2 __asm__("x2") = (u64)secondary;
  register u64 x3 __asm__("x3") = context;
  __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
                   "x12", "x13", "x14", "x15", "x16", "x17");
  return (long)x0;
}

int main(void) {
  for (unsigned k = 0; k < MAX_CPUS; ++k) seeds[k].state = 0x1234567 * (k + 1);
  while (cpus < MAX_CPUS && cpu_on(cpus, cpus) == 0) ++cpus;
  while (__atomic_load_n(&arrived.value, __ATOMIC_ACQUIRE) != cpus - 1) __asm__ volatile("yield");
  arrived.value = 0;
  phase.value = 1;
  start = milliseconds();
  text("processors "), number(cpus), put('\n');
  for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; ++i)
    if ((unsigned)tests[i].threads <= cpus) run_shape(&tests[i]);
  for (unsigned i = 0; i < sizeof crossings / sizeof crossings[0]; ++i)
    if (cpus > 1) run_crossing(&crossings[i]);
  over = 1;
  text("late "), number(late), put('\n');
  text("end\n");
  return 0;
}
