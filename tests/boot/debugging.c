// As the only program of a Linux guest: what a debugger does there. PTRACE_SINGLESTEP, hardware breakpoints and watchpoints by ptrace and by
// perf, and sampling by the PMU's overflow interrupt. Prints what is wrong, then how many checks there were.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <asm/ptrace.h>

static int checks, failed;
#define CHECK(condition, ...) \
  do { \
    ++checks; \
    if (!(condition)) { ++failed; printf("FAIL %s, line %d, %s: ", __func__, __LINE__, #condition); printf(__VA_ARGS__); printf("\n"); } \
  } while (0)

static pid_t child(void (*body)(void)) {
  const pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    body();
    _exit(0);
  }
  int status;
  waitpid(pid, &status, 0);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "%x", status);
  return pid;
}
static int resume(pid_t pid, int how) {
  int status;
  ptrace(how, pid, 0, 0);
  waitpid(pid, &status, 0);
  return status;
}
static void end(pid_t pid) {
  int status;
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
}
static uint64_t pc_of(pid_t pid) {
  struct user_regs_struct regs = {0};
  struct iovec v = {&regs, sizeof regs};
  ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v);
  return regs.pc;
}
static siginfo_t info_of(pid_t pid) {
  siginfo_t info = {0};
  ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
  return info;
}
static int set_debug(pid_t pid, int kind, uint64_t address, uint32_t control) {
  struct user_hwdebug_state state;
  struct iovec v = {&state, sizeof state};
  if (ptrace(PTRACE_GETREGSET, pid, kind, &v)) return -1;
  state.dbg_regs[0].addr = address;
  state.dbg_regs[0].ctrl = control;
  v.iov_len = offsetof(struct user_hwdebug_state, dbg_regs) + sizeof state.dbg_regs[0];
  return ptrace(PTRACE_SETREGSET, pid, kind, &v);
}

// A loop, a literal, an exclusive pair, a system call, a call.
extern char step_begin[], step_end[];
__asm__(".globl step_begin, step_end\n"
        "step_begin: mov x0, #0\n"
        "1: add x0, x0, #1\n cmp x0, #5\n b.ne 1b\n"
        "ldr x1, =step_word\n ldxr x2, [x1]\n add x2, x2, #1\n stxr w3, x2, [x1]\n"
        "mov x8, #172\n svc #0\n mov x9, x30\n bl step_call\n mov x30, x9\n"
        "step_end: ret\n step_call: ret\n .ltorg\n .data\n .balign 8\n step_word: .quad 7\n .text\n");
static void stepped(void) { __asm__ volatile("bl step_begin" ::: "x0", "x1", "x2", "x3", "x8", "x9", "x30", "memory"); }
static void single_steps(void) {
  const pid_t pid = child(stepped);
  int inside = 0, codes = 0;
  for (int n = 0; n < 1000; ++n) {
    const int status = resume(pid, PTRACE_SINGLESTEP);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) { CHECK(0, "status %x", status); return; }
    const uint64_t pc = pc_of(pid);
    if (pc < (uint64_t)step_begin || pc > (uint64_t)step_end) continue;
    ++inside;
    codes += info_of(pid).si_code == TRAP_TRACE;
    if (pc == (uint64_t)step_end) break;
  }
  // mov, 5 turns of three, nine more and the return; behind the system call the kernel reports its end, and then the step.
  CHECK(inside == 1 + 15 + 9 + 1 + 1, "%d stops", inside);
  CHECK(codes == inside - 1, "%d of %d", codes, inside);
  const int status = resume(pid, PTRACE_CONT);
  CHECK(WIFEXITED(status), "status %x", status);
}

static void __attribute__((noinline)) target(void) { __asm__ volatile("nop"); }
static void calls_target(void) { for (int i = 0; i < 3; ++i) target(); }
static void breakpoints(void) {
  const uint32_t control = 0xf << 5 | 2 << 1 | 1;
  const pid_t pid = child(calls_target);
  CHECK(set_debug(pid, NT_ARM_HW_BREAK, (uint64_t)target, control) == 0, "errno %d", errno);
  int status = 0, hits = 0;
  for (; hits < 5; ++hits) {
    status = resume(pid, PTRACE_CONT);
    if (!WIFSTOPPED(status)) break;
    const siginfo_t info = info_of(pid);
    CHECK(info.si_signo == SIGTRAP && info.si_code == TRAP_HWBKPT && pc_of(pid) == (uint64_t)target, "signal %d code %d", info.si_signo, info.si_code);
    // Out of the way for a step, as debuggers do it.
    set_debug(pid, NT_ARM_HW_BREAK, (uint64_t)target, control & ~1u);
    resume(pid, PTRACE_SINGLESTEP);
    CHECK(pc_of(pid) == (uint64_t)target + 4, "pc %lx", pc_of(pid));
    set_debug(pid, NT_ARM_HW_BREAK, (uint64_t)target, control);
  }
  CHECK(hits == 3, "%d hits, status %x", hits, status);
  if (hits == 5) end(pid);
}

// Accesses around a watched part of the second doubleword.
static volatile uint64_t watched[8] __attribute__((aligned(64)));
static unsigned at, size, is_store;
static void accesses(void) {
  volatile char *p = (volatile char *)watched + at;
  switch (size | is_store << 8) {
    case 1: (void)*p; break;
    case 4: (void)*(volatile uint32_t *)p; break;
    case 8: (void)*(volatile uint64_t *)p; break;
    case 16: __asm__ volatile("ldp x0, x1, [%0]" ::"r"(p) : "x0", "x1"); break;
    case 1 | 256: *p = 1; break;
    case 4 | 256: *(volatile uint32_t *)p = 1; break;
    case 8 | 256: *(volatile uint64_t *)p = 1; break;
    case 16 | 256: __asm__ volatile("stp xzr, xzr, [%0]" ::"r"(p) : "memory"); break;
  }
}
static void watch(unsigned length, unsigned kind) {
  const unsigned first = 16 - length;  // the last `length` bytes of the doubleword
  const uint32_t control = (((1u << length) - 1) << (first & 7)) << 5 | kind << 3 | 2 << 1 | 1;
  const pid_t pid = child(accesses);
  CHECK(set_debug(pid, NT_ARM_HW_WATCH, (uint64_t)watched + 8, control) == 0, "errno %d", errno);
  const int status = resume(pid, PTRACE_CONT);
  const int hit = WIFSTOPPED(status), expected = (kind & (is_store ? 2 : 1)) != 0 && at < 16 && at + size > first;
  CHECK(hit == expected, "size %u at %u, %s, kind %u, %u watched: hit %d", size, at, is_store ? "store" : "load", kind, length, hit);
  if (!hit) return;
  const siginfo_t info = info_of(pid);
  const uint64_t address = (uint64_t)info.si_addr - (uint64_t)watched;
  CHECK(info.si_code == TRAP_HWBKPT && address >= 8 && address < 16, "code %d at %lx", info.si_code, address);
  end(pid);
}
static void watchpoints(void) {
  static const unsigned sizes[] = {1, 4, 8, 16};
  for (at = 0; at < 20; at += 3)
    for (unsigned i = 0; i < 4; ++i)
      for (is_store = 0; is_store < 2; ++is_store) {
        size = sizes[i];
        watch(1u << (at + i) % 4, 1 + (at / 3 + i + is_store) % 3);
      }
}

static int open_event(struct perf_event_attr attr) {
  attr.size = sizeof attr;
  attr.exclude_kernel = 1;
  return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}
static volatile int samples;
static void on_sample(int number) {
  (void)number;
  samples = samples + 1;
}
static void events(void) {
  uint64_t count = 0;
  int fd = open_event((struct perf_event_attr){.type = PERF_TYPE_BREAKPOINT, .bp_type = HW_BREAKPOINT_W, .bp_addr = (uint64_t)&watched[3], .bp_len = 8});
  CHECK(fd >= 0, "errno %d", errno);
  for (unsigned i = 0; i < 7; ++i) watched[3] = watched[2] = i;
  CHECK(read(fd, &count, 8) == 8 && count == 7, "%lu writes", count);
  close(fd);
  fd = open_event((struct perf_event_attr){.type = PERF_TYPE_BREAKPOINT, .bp_type = HW_BREAKPOINT_X, .bp_addr = (uint64_t)target, .bp_len = 8});
  CHECK(fd >= 0, "errno %d", errno);
  for (int i = 0; i < 7; ++i) target();
  CHECK(read(fd, &count, 8) == 8 && count == 7, "%lu calls", count);
  close(fd);
  signal(SIGIO, on_sample);
  fd = open_event((struct perf_event_attr){.type = PERF_TYPE_HARDWARE, .config = PERF_COUNT_HW_CPU_CYCLES, .sample_period = 100000});
  CHECK(fd >= 0, "errno %d", errno);
  fcntl(fd, F_SETOWN, getpid());
  fcntl(fd, F_SETFL, O_ASYNC);
  for (volatile long i = 0; samples == 0 && i < 1000000000; ++i) {}
  CHECK(samples > 0, "no overflow");
  close(fd);
}

int main(void) {
  const pid_t pid = fork();
  if (pid != 0) {
    int status;
    waitpid(pid, &status, 0);
    printf("debugging: status %x\n", status);
    reboot(RB_POWER_OFF);
  }
  setvbuf(stdout, 0, _IOLBF, 0);
  single_steps();
  breakpoints();
  watchpoints();
  events();
  printf("debugging: %d checks, %d failed\n", checks, failed);
  return failed != 0;
}
