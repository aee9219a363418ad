/* What an operating system does for a program: calls, pipes, processes, faults, protection, clocks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"

static uint64_t system_calls(void) {
  uint64_t sum = 0;
  for (int i = 0; i < 300000; ++i) sum += syscall(SYS_getppid) > 0;
  return sum;
}

static uint64_t pipe_ping_pong(void) {
  int there[2], back[2];
  if (pipe(there) || pipe(back)) give_up("pipe");
  const pid_t child = fork();
  if (child < 0) give_up("fork");
  char c = 0;
  if (child == 0) {
    while (read(there[0], &c, 1) == 1 && c) ++c, (void)!write(back[1], &c, 1);
    _exit(0);
  }
  uint64_t sum = 0;
  for (int i = 0; i < 10000; ++i) {
    c = (char)(1 + i % 100);
    if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1) give_up("pipe");
    sum += (uint64_t)c;
  }
  c = 0;
  (void)!write(there[1], &c, 1);
  waitpid(child, 0, 0);
  close(there[0]), close(there[1]), close(back[0]), close(back[1]);
  return sum;
}

static uint64_t fork_exec(void) {
  uint64_t sum = 0;
  for (int i = 0; i < 100; ++i) {
    const pid_t child = fork();
    if (child < 0) give_up("fork");
    if (child == 0) {
      execl("/proc/self/exe", "suite", "--exec", (char*)0);
      _exit(9);
    }
    int status = 1;
    waitpid(child, &status, 0);
    sum += WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  return sum;
}

static uint64_t page_faults(void) {
  enum { kPages = 4096 };
  uint64_t sum = 0;
  for (int round = 0; round < 8; ++round) {
    uint8_t* p = mmap(0, kPages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) give_up("mmap");
    for (int i = 0; i < kPages; ++i) p[i * 4096] = (uint8_t)i, sum += p[i * 4096 + 1] + 1u;
    munmap(p, kPages * 4096);
  }
  return sum;
}

static uint64_t protection(void) {
  uint8_t* p = mmap(0, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) give_up("mmap");
  uint64_t sum = 0;
  for (int i = 0; i < 40000; ++i) {
    if (mprotect(p + (i & 15) * 4096, 4096, PROT_READ)) give_up("mprotect");
    sum += p[(i & 15) * 4096];
    if (mprotect(p + (i & 15) * 4096, 4096, PROT_READ | PROT_WRITE)) give_up("mprotect");
    p[(i & 15) * 4096] = (uint8_t)i;
  }
  munmap(p, 16 * 4096);
  return sum;
}

static uint64_t clock_reads(void) {
  uint64_t sum = 0;
  struct timespec t, before = {0, 0};
  for (int i = 0; i < 1000000; ++i) {
    clock_gettime(CLOCK_MONOTONIC, &t);
    sum += t.tv_sec > before.tv_sec || (t.tv_sec == before.tv_sec && t.tv_nsec >= before.tv_nsec);
    before = t;
  }
  return sum;
}

static volatile sig_atomic_t signals;
static void on_signal(int number) {
  (void)number;
  ++signals;
}
static uint64_t signal_delivery(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, 0);
  signals = 0;
  for (int i = 0; i < 50000; ++i) raise(SIGUSR1);
  return (uint64_t)signals;
}

static uint64_t read_zero(void) {
  static char buffer[4096];
  const int f = open("/dev/zero", O_RDONLY);
  if (f < 0) give_up("/dev/zero");
  uint64_t sum = 0;
  for (int i = 0; i < 100000; ++i) sum += (uint64_t)read(f, buffer, sizeof buffer);
  close(f);
  return sum;
}

const row system_rows[] = {{"system", "system-calls", system_calls},
                           {"system", "pipe-ping-pong", pipe_ping_pong},
                           {"system", "fork-exec", fork_exec},
                           {"system", "page-faults", page_faults},
                           {"system", "mprotect", protection},
                           {"system", "clock-reads", clock_reads},
                           {"system", "signals", signal_delivery},
                           {"system", "read-zero", read_zero},
                           {0, 0, 0}};
