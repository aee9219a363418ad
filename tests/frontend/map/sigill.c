/* For each instruction word on stdin: 'U' when it raises SIGILL, 'A' when not, '?' when it cannot be tried. Built for
 * aarch64-linux; runs on an Arm host or under a user-mode emulator. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

static uint32_t* code;
static sigjmp_buf back;
static volatile int caught;
static uint8_t scratch[1 << 20] __attribute__((aligned(4096)));

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  caught = number == SIGILL && info->si_addr == (void*)code ? 'U' : 'A';
  siglongjmp(back, 1);
}

void enter(void* code, void* base);
__asm__(
    ".globl enter\nenter:\n  mov x30, x0\n  mov sp, x1\n"
    "  mov x0, x1\n  mov x2, x1\n  mov x3, x1\n  mov x4, x1\n  mov x5, x1\n  mov x6, x1\n  mov x7, x1\n  mov x8, x1\n"
    "  mov x9, x1\n  mov x10, x1\n  mov x11, x1\n  mov x12, x1\n  mov x13, x1\n  mov x14, x1\n  mov x15, x1\n"
    "  mov x16, x1\n  mov x17, x1\n  mov x18, x1\n  mov x19, x1\n  mov x20, x1\n  mov x21, x1\n  mov x22, x1\n"
    "  mov x23, x1\n  mov x24, x1\n  mov x25, x1\n  mov x26, x1\n  mov x27, x1\n  mov x28, x1\n  mov x29, x1\n"
    "  br x30\n");

static char try(uint32_t word) {
  if ((word & 0xffe0001f) == 0xd4000001) return '?'; /* SVC */
  code[0] = word;
  code[1] = 0xd4200000; /* BRK */
  __builtin___clear_cache((char*)code, (char*)(code + 2));
  const struct itimerval on = {.it_value = {.tv_usec = 200000}}, off = {.it_value = {.tv_sec = 0}};
  caught = 'A';
  setitimer(ITIMER_REAL, &on, NULL);
  uint64_t tp;
  __asm__ volatile("mrs %0, tpidr_el0" : "=r"(tp));
  if (sigsetjmp(back, 1) == 0) enter(code, scratch + sizeof scratch / 2);
  setitimer(ITIMER_REAL, &off, NULL);
  return (char)caught;
}

int main(void) {
  code = mmap((void*)0x10000000, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (code == MAP_FAILED) return 1;
  for (unsigned i = 0; i < 16384; ++i) code[i] = 0xd4200000;
  code += 8192;
  static char stack[65536];
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGALRM, SIGFPE};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; ++i) sigaction(signals[i], &action, NULL);
  for (uint32_t word; fread(&word, sizeof word, 1, stdin) == 1;) putchar(try(word));
  putchar('\n');
  return 0;
}
