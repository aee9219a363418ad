/* Two threads: one counter, one lock, one queue. The harness runs these on one processor and on two. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "suite.h"

static uint64_t with_other(void* (*function)(void*)) {
  pthread_t other;
  void* result = 0;
  if (pthread_create(&other, 0, function, 0)) give_up("pthread_create");
  function(&other); /* not null: this is the second thread */
  pthread_join(other, &result);
  return (uint64_t)(uintptr_t)result;
}

static atomic_ulong counter;
static void* count_up(void* unused) {
  (void)unused;
  for (int i = 0; i < 10000000; ++i) atomic_fetch_add(&counter, 1);
  return 0;
}
static uint64_t two_thread_atomics(void) {
  counter = 0;
  with_other(count_up);
  return counter;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t guarded[8];
static void* count_guarded(void* unused) {
  (void)unused;
  for (int i = 0; i < 3000000; ++i) {
    pthread_mutex_lock(&lock);
    for (unsigned k = 0; k < 8; ++k) guarded[k] += k + 1;
    pthread_mutex_unlock(&lock);
  }
  return 0;
}
static uint64_t two_thread_mutex(void) {
  for (unsigned k = 0; k < 8; ++k) guarded[k] = 0;
  with_other(count_guarded);
  uint64_t sum = 0;
  for (unsigned k = 0; k < 8; ++k) sum = mix(sum, guarded[k]);
  return sum;
}

/* A ring between one writer and one reader: store-release, load-acquire. */
enum { kRing = 4096, kItems = 10000000 };
static uint64_t ring[kRing];
static atomic_uint written, taken;
static void* pass_on(void* writer) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < kItems; ++i) {
    if (writer) {
      while (i - atomic_load_explicit(&taken, memory_order_acquire) == kRing) sched_yield();
      ring[i % kRing] = i * 2654435761u;
      atomic_store_explicit(&written, i + 1, memory_order_release);
    } else {
      while (atomic_load_explicit(&written, memory_order_acquire) == i) sched_yield();
      sum = mix(sum, ring[i % kRing]);
      atomic_store_explicit(&taken, i + 1, memory_order_release);
    }
  }
  return (void*)(uintptr_t)sum;
}
static uint64_t two_thread_queue(void) {
  written = taken = 0;
  return with_other(pass_on);
}

const row thread_rows[] = {{"threads", "two-thread-atomics", two_thread_atomics},
                           {"threads", "two-thread-mutex", two_thread_mutex},
                           {"threads", "two-thread-queue", two_thread_queue},
                           {0, 0, 0}};
