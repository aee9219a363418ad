// Several processors: power, exclusives, interrupts between them, events, timers, TLB maintenance and code that another
// one changes. Every line printed is the same in every run; counts of what must never happen are zero.
#include "../common/print.h"

#define kCpus 4

extern char secondary[], changing[];
extern int call_changing(void);
extern u64 level1[512], level2[512], level3[512], pages[1024];

#define SHARED(type, name) static volatile type name __attribute__((aligned(64)))
#define barrier(op) __asm__ volatile(op ::: "memory")

static inline u64 load_acquire(volatile u64* p) {
  u64 v;
  __asm__ volatile("ldar %0, %1" : "=r"(v) : "Q"(*p) : "memory");
  return v;
}
static inline void store_release(volatile u64* p, u64 v) { __asm__ volatile("stlr %1, %0" : "=Q"(*p) : "r"(v) : "memory"); }
static inline u64 add(volatile u64* p, u64 n) {
  u64 old, next;
  u32 failed;
  do {
    __asm__ volatile("ldaxr %0, %3\n add %1, %0, %4\n stlxr %w2, %1, %3"
                     : "=&r"(old), "=&r"(next), "=&r"(failed), "+Q"(*p)
                     : "r"(n)
                     : "memory");
  } while (failed);
  return old;
}
static inline unsigned self(void) {
  u64 v;
  __asm__ volatile("mrs %0, tpidr_el1" : "=r"(v));
  return (unsigned)v;
}
static inline void wait_a_little(void) { barrier("yield"); }

static u64 psci(u64 function, u64 a, u64 b, u64 c) {
  register u64 x0 __asm__("x0") = function;
  register u64 x1 __asm__("x1") = a;
  register u64 x2 __asm__("x2") = b;
  register u64 x3 __asm__("x3") = c;
  __asm__ volatile("hvc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
#define CPU_ON 0xc4000003
#define CPU_OFF 0x84000002
#define AFFINITY_INFO 0xc4000004
#define CPU_SUSPEND 0xc4000001
#define SYSTEM_OFF 0x84000008

static void say(const char* what, u64 value) {
  text(what);
  text(": ");
  if (value >> 63) {
    put('-');
    value = -value;
  }
  char digits[20];
  int n = 0;
  do digits[n++] = (char)('0' + value % 10);
  while (value /= 10);
  while (n) put(digits[--n]);
  put('\n');
}

void unexpected_exception(unsigned vector) {
  u64 esr, elr, far;
  __asm__ volatile("mrs %0, esr_el1\n mrs %1, elr_el1\n mrs %2, far_el1" : "=r"(esr), "=r"(elr), "=r"(far));
  text("unexpected exception ");
  decimal(vector);
  text(" esr ");
  hex(esr);
  text(" elr ");
  hex(elr);
  text(" far ");
  hex(far);
  put('\n');
  psci(SYSTEM_OFF, 0, 0, 0);
}

// Device memory below 1 GiB, RAM above, and the pages of level3 at 2 GiB.
void make_tables(void) {
  level1[0] = 0x401;                  // a block, AF, Device-nGnRnE
  level1[1] = 0x40000000 | 0x70d;     // AF, inner shareable, Normal
  level1[2] = (u64)level2 | 3;
  level2[0] = (u64)level3 | 3;
}

// --- all wait for each other ---

SHARED(u64, arrived);
static void meet(void) {
  const u64 goal = (add(&arrived, 1) / kCpus + 1) * kCpus;
  while (load_acquire(&arrived) < goal) wait_a_little();
}

// --- the interrupt controller ---

static volatile u32* const gicd = (volatile u32*)0x08000000;
static volatile u32* const gicr = (volatile u32*)0x080a0000;
SHARED(u64, taken[kCpus][32]);
SHARED(u64, spurious);
SHARED(u64, answer_to);  // SGI 2 is answered to this processor with SGI 3, if below kCpus

static void gic_begin(unsigned cpu) {
  volatile u32* rd = gicr + cpu * 0x8000;
  volatile u32* sgi = rd + 0x4000;
  if (cpu == 0) gicd[0] = 0x12;
  rd[5] &= ~2u;                     // GICR_WAKER
  sgi[0x80 / 4] = ~0u;              // group 1
  sgi[0x100 / 4] = 0xffff | 1u << 27;
  __asm__ volatile("msr s3_0_c4_c6_0, %0\n msr s3_0_c12_c12_7, %1\n isb" ::"r"(0xf0ul), "r"(1ul));  // PMR, IGRPEN1
  barrier("msr daifclr, #2");
}
static void send(u64 sgi1r) { __asm__ volatile("dsb ish\n msr s3_0_c12_c11_5, %0\n isb" ::"r"(sgi1r) : "memory"); }
static void send_to(unsigned cpu, unsigned number) { send((u64)number << 24 | 1u << cpu); }

void on_irq(void) {
  u64 intid;
  __asm__ volatile("mrs %0, s3_0_c12_c12_0" : "=r"(intid)::"memory");
  if (intid > 31) {
    add(&spurious, 1);
    return;
  }
  const unsigned me = self();
  if (intid == 27) __asm__ volatile("msr cntv_ctl_el0, %0\n isb" ::"r"(0ul));
  store_release(&taken[me][intid], taken[me][intid] + 1);
  if (intid == 2) send_to((unsigned)answer_to, 3);
  __asm__ volatile("msr s3_0_c12_c12_1, %0\n isb" ::"r"(intid) : "memory");
}
// Sleeps until this processor has taken the interrupt so often.
static void wait_taken(unsigned number, u64 times) {
  while (1) {
    barrier("msr daifset, #2");
    const int done = taken[self()][number] >= times;
    if (!done) barrier("wfi");
    barrier("msr daifclr, #2");
    if (done) return;
  }
}

// --- power ---

SHARED(u64, started[kCpus]);
SHARED(u64, affinity[kCpus]);
SHARED(u64, again);

static void power_on_all(void) {
  say("PSCI processor 1 before", psci(AFFINITY_INFO, 1, 0, 0));
  say("CPU_ON of nobody", psci(CPU_ON, 0x100, (u64)secondary, 0));
  say("CPU_ON of itself", psci(CPU_ON, 0, (u64)secondary, 0));
  for (unsigned i = 1; i < kCpus; ++i) {
    say("CPU_ON", psci(CPU_ON, i, (u64)secondary, i));
    // ON_PENDING or ALREADY_ON; QEMU takes it.
    const u64 twice = psci(CPU_ON, i, (u64)secondary, i);
    if (twice != (u64)-4 && twice != (u64)-5 && twice != 0) say("CPU_ON twice", twice);
    while (!load_acquire(&started[i])) wait_a_little();
    say("CPU_ON of one that runs", psci(CPU_ON, i, (u64)secondary, i));
    say("its affinity", affinity[i] & 0xff00ffffff);
    say("PSCI processor", psci(AFFINITY_INFO, i, 0, 0));
  }
}

// --- tests that all take part in ---

SHARED(u64, counter);
SHARED(u64, lock);
SHARED(u64, guarded);
#define kAdds 1000
static void exclusives(void) {
  for (int i = 0; i < kAdds; ++i) {
    add(&counter, 1);
    u64 seen;
    u32 failed;
    __asm__ volatile(
        "sevl\n"
        "1: wfe\n"
        "2: ldaxr %0, %2\n cbnz %0, 1b\n stxr %w1, %3, %2\n cbnz %w1, 2b"
        : "=&r"(seen), "=&r"(failed), "+Q"(lock)
        : "r"(1ul)
        : "memory");
    guarded = guarded + 1;
    store_release(&lock, 0);
  }
}

#define kRounds 100
static void ping_pong(unsigned me) {
  if (me == 0) {
    answer_to = 0;
    for (unsigned i = 1; i <= kRounds; ++i) {
      send_to(1 + i % (kCpus - 1), 2);
      wait_taken(3, i);
    }
  }
  meet();
  if (me == 1) send(1ul << 40 | 4ul << 24);  // to all but itself
  if (me != 1) wait_taken(4, 1);
  meet();
  if (me == 2) send(5ul << 24 | 0xf);  // to a list with itself
  wait_taken(5, 1);
  meet();
  if (me == 3) send(6ul << 24 | 1ul << 16 | 0xf);  // to processors of another cluster: there are none
  meet();
}

SHARED(u64, turn);
static void events(unsigned me) {
  for (u64 i = 0; i < 50; ++i) {
    while (load_acquire(&turn) % kCpus != me) barrier("wfe");
    store_release(&turn, turn + 1);
    barrier("dsb ish\n sev");
  }
}

static void timers(unsigned me) {
  u64 now;
  __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(now));
  __asm__ volatile("msr cntv_cval_el0, %0\n msr cntv_ctl_el0, %1\n isb" ::"r"(now + 20000 * (me + 1)), "r"(1ul));
  wait_taken(27, 1);
}

// The window's page changes; whoever has read the number of a round reads that round's page or a later one.
static volatile u64* const window = (volatile u64*)0x80003000;
SHARED(u64, round);
SHARED(u64, stale);
static void map(u64 page) {
  level3[3] = 0;
  barrier("dsb ishst");
  __asm__ volatile("tlbi vae1is, %0\n dsb ish" ::"r"((u64)window >> 12) : "memory");
  level3[3] = page | 0x70f;
  barrier("dsb ishst\n isb");
}
#define kMaps 100
static void remap(unsigned me) {
  if (me == 0) {
    for (u64 i = 1; i <= kMaps; ++i) {
      // Readers stay off the window while it is unmapped: an odd round.
      store_release(&round, 2 * i - 1);
      while (load_acquire(&arrived) % kCpus != kCpus - 1) wait_a_little();
      volatile u64* const page = pages + 512 * (i % 2);
      *page = i;
      map((u64)page);
      store_release(&round, 2 * i);
      meet();
      meet();
    }
    return;
  }
  for (u64 i = 1; i <= kMaps; ++i) {
    if (i > 1)  // what is cached now is the old page
      for (int k = 0; k < 10; ++k)
        if (*window != i - 1) add(&stale, 1);
    meet();
    while (load_acquire(&round) != 2 * i) wait_a_little();
    if (*window != i) add(&stale, 1);
    meet();
  }
}

// Without a meeting: readers run the function all the time.
SHARED(u64, version);
SHARED(u64, old_code);
SHARED(u64, future_code);
#define kVersions 150
static void change_code(unsigned me) {
  if (me == 0) {
    for (u64 i = 1; i <= kVersions; ++i) {
      *(volatile u32*)changing = 0x52800000 | (u32)i << 5;  // movz w0, #i
      __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" ::"r"(changing) : "memory");
      store_release(&version, i);
      if ((u64)call_changing() != i) add(&old_code, 1);
      for (int k = 0; k < 200; ++k) wait_a_little();
    }
    return;
  }
  u64 seen;
  do {
    seen = load_acquire(&version);
    barrier("isb");
    const u64 got = (u64)call_changing();
    if (got < seen) add(&old_code, 1);
    barrier("dmb ish");
    if (got > load_acquire(&version) + 1) add(&future_code, 1);
  } while (seen < kVersions);
}

static void power_cycle(unsigned me) {
  if (me == 2) {
    barrier("msr daifset, #2");
    store_release(&again, 1);
    psci(CPU_OFF, 0, 0, 0);
    text("CPU_OFF came back\n");
  }
  if (me != 0) return;
  for (int i = 0; i < 20; ++i) {
    while (load_acquire(&again) != 1 || psci(AFFINITY_INFO, 2, 0, 0) != 1) wait_a_little();
    store_release(&again, 0);
    const u64 status = psci(CPU_ON, 2, (u64)secondary, 2);
    if (status) say("CPU_ON after CPU_OFF", status);
  }
  while (load_acquire(&again) != 21) wait_a_little();
  say("off and on", 20);
}

SHARED(u64, cycles);
void cpu_main(unsigned me) {
  __asm__ volatile("mrs %0, mpidr_el1" : "=r"(affinity[me]));
  gic_begin(me);
  if (me == 2 && load_acquire(&started[2])) {  // after CPU_OFF
    if (++cycles == 20) {
      store_release(&again, 21);
      while (1) barrier("wfi");
    }
    power_cycle(me);
  }
  store_release(&started[me], 1);
  if (me == 0) power_on_all();
  meet();

  exclusives();
  meet();
  if (me == 0) {
    say("added", counter);
    say("guarded", guarded);
  }
  ping_pong(me);
  if (me == 0) {
    say("answers", taken[0][3]);
    u64 asked = 0;
    for (int i = 1; i < kCpus; ++i) asked += taken[i][2];
    say("asked", asked);
    for (int i = 0; i < kCpus; ++i) {
      say("to all but the sender", taken[i][4]);
      say("to a list", taken[i][5]);
      say("to another cluster", taken[i][6]);
    }
  }
  events(me);
  meet();
  if (me == 0) say("turns", turn);
  timers(me);
  meet();
  if (me == 0) {
    u64 all = 0;
    for (int i = 0; i < kCpus; ++i) all += taken[i][27];
    say("timers", all);
  }
  remap(me);
  meet();
  if (me == 0) say("stale translations", stale);
  change_code(me);
  meet();
  if (me == 0) {
    say("old code", old_code);
    say("code from the future", future_code);
  }
  meet();
  power_cycle(me);
  if (me == 3) {
    barrier("msr daifset, #2");
    psci(CPU_OFF, 0, 0, 0);
  }
  if (me == 0) {
    // Last, and of one that nobody needs any more: QEMU starts it.
    while (psci(AFFINITY_INFO, 3, 0, 0) != 1) wait_a_little();
    say("CPU_ON outside memory", psci(CPU_ON, 3, 0x1000000000000, 0));
    answer_to = kCpus;
    barrier("msr daifset, #2");
    send_to(0, 7);
    say("CPU_SUSPEND", psci(CPU_SUSPEND, 0, 0, 0));
    barrier("msr daifclr, #2");
    wait_taken(7, 1);
    say("spurious", spurious);
    text("processor 1 switches off\n");
    send_to(1, 8);
  }
  if (me == 1) {
    wait_taken(8, 1);
    psci(SYSTEM_OFF, 0, 0, 0);
  }
}
