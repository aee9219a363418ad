/* Memory: copies, latency, translation, deep stacks. */
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

/* The C library's copy and fill at one size, 256 MiB of each: calls, then the library's loops, then the caches. */
static uint64_t copies_of(uint32_t size) {
  enum { kArea = 1 << 20 };
  const uint32_t area = size < kArea ? kArea : size;
  uint8_t *a = malloc(area), *b = malloc(area);
  if (!a || !b) give_up("malloc");
  for (uint32_t i = 0; i < area; ++i) a[i] = (uint8_t)(i * 3), b[i] = 0;
  for (uint32_t done = 0, at = 0; done < 256u << 20; done += size) {
    memcpy(b + at, a + area - size - at, size);
    memset(a + at, (int)(done >> 20), size);
    at = at + 2 * size <= area ? at + size : 0;
  }
  uint64_t sum = 0;
  for (uint32_t i = 0; i < area; i += 37) sum = mix(sum, a[i] + 256u * b[i]);
  free(a), free(b);
  return sum;
}
static uint64_t copy_64(void) { return copies_of(64); }
static uint64_t copy_1k(void) { return copies_of(1000); }
static uint64_t copy_16k(void) { return copies_of(16 << 10); }
static uint64_t copy_16m(void) { return copies_of(16 << 20); }

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

static __attribute__((noinline)) uint64_t deep(unsigned n, uint64_t x) {
  volatile uint64_t here = x + n;
  return n == 0 ? here : deep(n - 1, x ^ here) + here;
}
static uint64_t deep_recursion(void) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < 300; ++i) sum = mix(sum, deep(20000, i));
  return sum;
}

const row memory_rows[] = {{"memory", "copy-64", copy_64},
                           {"memory", "copy-1k", copy_1k},
                           {"memory", "copy-16k", copy_16k},
                           {"memory", "copy-16m", copy_16m},
                           {"memory", "copy-and-set", copy_and_set},
                           {"memory", "pointer-chase", pointer_chase},
                           {"memory", "tlb-thrash", tlb_thrash},
                           {"memory", "deep-recursion", deep_recursion},
                           {0, 0, 0}};
