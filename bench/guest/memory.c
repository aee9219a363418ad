/* Memory: copies, latency, translation, two threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static uint64_t copy_and_set(void) {
  enum { kSize = 1 << 20 };
  static uint8_t a[kSize], b[kSize];
  for (int i = 0; i < kSize; ++i) a[i] = (uint8_t)(i * 3);
  for (int round = 0; round < 400; ++round) {
    memcpy(b, a, kSize);
    memset(a, round, kSize / 2);
    memmove(a + 1, b, kSize - 1);
  }
  uint64_t sum = 0;
  for (int i = 0; i < kSize; i += 4093) sum = mix(sum, a[i] + 256u * b[i]);
  return sum;
}

static void shuffled_cycle(uint32_t* next, uint32_t count, uint32_t stride) {
  uint32_t* order = malloc(count * sizeof *order);
  if (!order) give_up("malloc");
  uint64_t seed = 21;
  for (uint32_t i = 0; i < count; ++i) order[i] = i;
  for (uint32_t i = count - 1; i > 0; --i) {
    const uint32_t j = (uint32_t)(next_random(&seed) % (i + 1)), t = order[i];
    order[i] = order[j], order[j] = t;
  }
  for (uint32_t i = 0; i < count; ++i) next[order[i] * stride] = order[(i + 1) % count] * stride;
  free(order);
}
static uint64_t walk(uint32_t count, uint32_t stride, uint32_t steps) {
  static uint32_t* next;
  next = malloc((uint64_t)count * stride * sizeof *next);
  if (!next) give_up("malloc");
  shuffled_cycle(next, count, stride);
  uint32_t at = 0;
  uint64_t sum = 0;
  for (uint32_t i = 0; i < steps; ++i) at = next[at], sum += at;
  free(next);
  return sum;
}
/* 64 MiB of 64-byte lines, and one word on each of 8,192 pages: past a cache, past a TLB. */
static uint64_t pointer_chase(void) { return walk(1 << 20, 16, 3000000); }
static uint64_t tlb_thrash(void) { return walk(8192, 1024 + 16, 6000000); }

static atomic_ulong counter;
static void* count_up(void* unused) {
  (void)unused;
  for (int i = 0; i < 1000000; ++i) atomic_fetch_add(&counter, 1);
  return 0;
}
static uint64_t two_thread_atomics(void) {
  pthread_t other;
  counter = 0;
  if (pthread_create(&other, 0, count_up, 0)) give_up("pthread_create");
  count_up(0);
  pthread_join(other, 0);
  return counter;
}

static __attribute__((noinline)) uint64_t deep(unsigned n, uint64_t x) {
  volatile uint64_t here = x + n;
  return n == 0 ? here : deep(n - 1, x ^ here) + here;
}
static uint64_t deep_recursion(void) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < 300; ++i) sum = mix(sum, deep(20000, i));
  return sum;
}

const row memory_rows[] = {{"memory", "copy-and-set", copy_and_set},
                           {"memory", "pointer-chase", pointer_chase},
                           {"memory", "tlb-thrash", tlb_thrash},
                           {"memory", "deep-recursion", deep_recursion},
                           {"memory", "two-thread-atomics", two_thread_atomics},
                           {0, 0, 0}};
