/* The oracle for qemu-aarch64, or for a real Arm Linux host: runs A64 instructions on whatever executes this program and reports the state they
 * leave (protocol.h). Built for aarch64-linux, static, with -Wl,-Ttext-segment=0x0c000000 -Wl,--defsym=case_code=0x10000100.
 *
 * Instructions that write TPIDR_EL0 are not for this oracle: it is the one place to put a register at the end.
 * With FERRY_WRONG_ORACLE it takes every ADD (immediate) for SUB: what the tests of `ferry verify` must find. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "protocol.h"

enum { kCodeBytes = 65536 };
static uint32_t* const code_page = (uint32_t*)kOracleCodePage;
static uint32_t* const code = (uint32_t*)kOracleCode;
static uint8_t* const memory = (uint8_t*)kOracleMemory;
static const uint32_t kBrk = 0xd42001e0;

static OracleShared* shared;
__attribute__((used)) OracleState* current; /* where the case that runs leaves its state */
static volatile unsigned position;          /* of the case that runs */
static jmp_buf back;
/* A signal takes fifty times as long as a case, and a word that is UNDEFINED is so in every state. So the word on which
 * kBelieved states ended with SIGILL, one a request, becomes a branch to leave_undefined, which says the same. */
enum { kBelieved = 4 };
static unsigned undefined_at, undefined_times; /* index of the word, and on how many states */

_Static_assert(offsetof(OracleState, sp) == 248 && offsetof(OracleState, nzcv) == 272 && offsetof(OracleState, signal) == 284 && offsetof(OracleState, v) == 288, "enter and leave count on it");

/* Loads everything and goes to the code; the branch behind the code comes back to `leave`, which stores everything and returns from enter. */
void enter(const OracleState* s);
void leave(void);
void leave_undefined(void);
uint64_t host_frame[16];
__asm__(
    ".globl enter\n"
    "enter:\n"
    "  adrp x1, host_frame\n  add x1, x1, :lo12:host_frame\n"
    "  stp x19, x20, [x1]\n  stp x21, x22, [x1, #16]\n  stp x23, x24, [x1, #32]\n  stp x25, x26, [x1, #48]\n"
    "  stp x27, x28, [x1, #64]\n  stp x29, x30, [x1, #80]\n"
    "  mov x2, sp\n  mrs x3, tpidr_el0\n  stp x2, x3, [x1, #96]\n"
    "  ldr w1, [x0, #276]\n  msr fpcr, x1\n"
    "  ldr w1, [x0, #280]\n  msr fpsr, x1\n"
    "  ldr w1, [x0, #272]\n  msr nzcv, x1\n"
    "  add x1, x0, #288\n"
    "  ldp q0, q1, [x1, #0]\n  ldp q2, q3, [x1, #32]\n  ldp q4, q5, [x1, #64]\n  ldp q6, q7, [x1, #96]\n"
    "  ldp q8, q9, [x1, #128]\n  ldp q10, q11, [x1, #160]\n  ldp q12, q13, [x1, #192]\n  ldp q14, q15, [x1, #224]\n"
    "  ldp q16, q17, [x1, #256]\n  ldp q18, q19, [x1, #288]\n  ldp q20, q21, [x1, #320]\n  ldp q22, q23, [x1, #352]\n"
    "  ldp q24, q25, [x1, #384]\n  ldp q26, q27, [x1, #416]\n  ldp q28, q29, [x1, #448]\n  ldp q30, q31, [x1, #480]\n"
    "  ldr x1, [x0, #248]\n  mov sp, x1\n"
    "  ldp x2, x3, [x0, #16]\n  ldp x4, x5, [x0, #32]\n  ldp x6, x7, [x0, #48]\n  ldp x8, x9, [x0, #64]\n"
    "  ldp x10, x11, [x0, #80]\n  ldp x12, x13, [x0, #96]\n  ldp x14, x15, [x0, #112]\n  ldp x16, x17, [x0, #128]\n"
    "  ldp x18, x19, [x0, #144]\n  ldp x20, x21, [x0, #160]\n  ldp x22, x23, [x0, #176]\n  ldp x24, x25, [x0, #192]\n"
    "  ldp x26, x27, [x0, #208]\n  ldp x28, x29, [x0, #224]\n  ldr x30, [x0, #240]\n"
    "  ldp x0, x1, [x0]\n"
    "  clrex\n"
    "  b case_code\n"
    ".globl leave\n"
    "leave:\n"
    "  msr tpidr_el0, x0\n"
    "  adrp x0, current\n  ldr x0, [x0, :lo12:current]\n"
    "  str x1, [x0, #8]\n  mrs x1, tpidr_el0\n  str x1, [x0]\n"
    "  mov w1, #5\n" /* SIGTRAP */
    "1:\n"
    "  str w1, [x0, #284]\n"
    "  stp x2, x3, [x0, #16]\n  stp x4, x5, [x0, #32]\n  stp x6, x7, [x0, #48]\n  stp x8, x9, [x0, #64]\n"
    "  stp x10, x11, [x0, #80]\n  stp x12, x13, [x0, #96]\n  stp x14, x15, [x0, #112]\n  stp x16, x17, [x0, #128]\n"
    "  stp x18, x19, [x0, #144]\n  stp x20, x21, [x0, #160]\n  stp x22, x23, [x0, #176]\n  stp x24, x25, [x0, #192]\n"
    "  stp x26, x27, [x0, #208]\n  stp x28, x29, [x0, #224]\n  mov x1, sp\n  stp x30, x1, [x0, #240]\n"
    "  mrs x1, nzcv\n  str w1, [x0, #272]\n  mrs x1, fpcr\n  str w1, [x0, #276]\n  mrs x1, fpsr\n  str w1, [x0, #280]\n"
    "  add x1, x0, #288\n"
    "  stp q0, q1, [x1, #0]\n  stp q2, q3, [x1, #32]\n  stp q4, q5, [x1, #64]\n  stp q6, q7, [x1, #96]\n"
    "  stp q8, q9, [x1, #128]\n  stp q10, q11, [x1, #160]\n  stp q12, q13, [x1, #192]\n  stp q14, q15, [x1, #224]\n"
    "  stp q16, q17, [x1, #256]\n  stp q18, q19, [x1, #288]\n  stp q20, q21, [x1, #320]\n  stp q22, q23, [x1, #352]\n"
    "  stp q24, q25, [x1, #384]\n  stp q26, q27, [x1, #416]\n  stp q28, q29, [x1, #448]\n  stp q30, q31, [x1, #480]\n"
    "  adrp x1, host_frame\n  add x1, x1, :lo12:host_frame\n"
    "  ldp x19, x20, [x1]\n  ldp x21, x22, [x1, #16]\n  ldp x23, x24, [x1, #32]\n  ldp x25, x26, [x1, #48]\n"
    "  ldp x27, x28, [x1, #64]\n  ldp x29, x30, [x1, #80]\n"
    "  ldp x2, x3, [x1, #96]\n  mov sp, x2\n  msr tpidr_el0, x3\n"
    "  msr fpcr, xzr\n"
    "  ret\n"
    ".globl leave_undefined\n"
    "leave_undefined:\n"
    "  msr tpidr_el0, x0\n"
    "  adrp x0, current\n  ldr x0, [x0, :lo12:current]\n"
    "  str x1, [x0, #8]\n  mrs x1, tpidr_el0\n  str x1, [x0]\n"
    "  mov w1, #4\n" /* SIGILL */
    "  b 1b\n");

static void on_signal(int number, siginfo_t* info, void* context) {
  const mcontext_t* m = &((ucontext_t*)context)->uc_mcontext;
  OracleState* s = current;
  memcpy(s->x, m->regs, sizeof s->x);
  s->sp = m->sp;
  s->pc = m->pc;
  s->far = (uint64_t)info->si_addr;
  s->nzcv = (uint32_t)m->pstate & 0xf0000000u;
  s->signal = (uint32_t)number;
  const struct _aarch64_ctx* c = (const struct _aarch64_ctx*)m->__reserved;
  while (c->magic != 0 && c->magic != FPSIMD_MAGIC) c = (const struct _aarch64_ctx*)((const char*)c + c->size);
  if (c->magic == FPSIMD_MAGIC) {
    const struct fpsimd_context* f = (const struct fpsimd_context*)c;
    memcpy(s->v, f->vregs, sizeof s->v);
    s->fpcr = f->fpcr;
    s->fpsr = f->fpsr;
  }
  longjmp(back, 1);
}

static void die(const char* why) {
  fprintf(stderr, "oracle: %s\n", why);
  exit(1);
}

static void set_up(void) {
  const int fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  if (mmap(code_page, kCodeBytes, PROT_READ | PROT_WRITE | PROT_EXEC, fixed, -1, 0) != code_page) die("no room for code");
  if (mmap(memory, kOracleMemoryBytes, PROT_READ | PROT_WRITE, fixed, -1, 0) != memory) die("no room for memory");
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0);
  if (shared == MAP_FAILED) die("no shared file: it is for `ferry verify` to start");
  for (unsigned i = 0; i < kCodeBytes / 4; ++i) code_page[i] = kBrk;
  static char stack[65536];
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGALRM};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; ++i) sigaction(signals[i], &action, NULL);
}

static uint32_t branch(const uint32_t* from, void (*to)(void)) {
  return 0x14000000u | ((uint32_t)(((intptr_t)to - (intptr_t)from) / 4) & 0x3ffffffu);
}

/* A case finds its code read-only, as in ferry: a store there is a data abort. */
static void protect_code(int access) {
  if (mprotect(code_page, kCodeBytes, access) != 0) die("the code page cannot be protected");
}

/* The words in place, and behind them the way back. */
static void place(const OracleRequest* r) {
  static unsigned before = kOracleMaxWords;
  protect_code(PROT_READ | PROT_WRITE);
  for (unsigned i = 0; i <= before; ++i) code[i] = kBrk;
  memcpy(code, r->word, 4 * r->words);
#ifdef FERRY_WRONG_ORACLE
  for (unsigned i = 0; i < r->words; ++i)
    if ((code[i] & 0x7f800000u) == 0x11000000u) code[i] |= 0x40000000u;
#endif
  code[r->words] = branch(code + r->words, leave);
  __builtin___clear_cache((char*)code, (char*)(code + (before > r->words ? before : r->words) + 1));
  protect_code(PROT_READ | PROT_EXEC);
  before = r->words;
  undefined_times = 0;
}

static void note_undefined(const OracleState* s, const OracleRequest* r) {
  const uint64_t at = (s->pc - kOracleCode) / 4;
  if (s->signal != SIGILL || at >= r->words || undefined_times == kBelieved) return;
  undefined_times = undefined_times != 0 && undefined_at == at ? undefined_times + 1 : 1;
  undefined_at = (unsigned)at;
  if (undefined_times != kBelieved) return;
  protect_code(PROT_READ | PROT_WRITE);
  code[at] = branch(code + at, leave_undefined);
  __builtin___clear_cache((char*)(code + at), (char*)(code + at + 1));
  protect_code(PROT_READ | PROT_EXEC);
}

/* Not memset, which zeroes by DC ZVA: a call of an emulator's helper each. */
static void zero(uint8_t* from, uint64_t bytes) {
  for (uint8_t* end = from + bytes; from != end; from += 128)
    __asm__ volatile(
        "movi v0.2d, #0\n  stp q0, q0, [%0]\n  stp q0, q0, [%0, #32]\n  stp q0, q0, [%0, #64]\n  stp q0, q0, [%0, #96]"
        :: "r"(from) : "v0", "memory");
}

static void run_cases(void) {
  const OracleRequest* r = &shared->request;
  place(r);
  const struct itimerval seconds = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 2}}, off = {.it_value = {.tv_sec = 0}};
  setitimer(ITIMER_REAL, &seconds, NULL);
  position = 0;
  /* A signal comes back here. d8 to d15 are the caller's too: the compiler must not keep anything in them across enter. */
  if (setjmp(back) != 0) {
    if (r->memory) memcpy(shared->window[position], memory + kOracleWindowOffset, kOracleWindowBytes);
    note_undefined(&shared->state[position], r);
    ++position;
  }
  for (; position < r->states; ++position) {
    OracleState* s = current = &shared->state[position];
    if (r->memory) {
      zero(memory, kOracleWindowOffset);
      memcpy(memory + kOracleWindowOffset, shared->window[position], kOracleWindowBytes);
      zero(memory + kOracleWindowOffset + kOracleWindowBytes, kOracleMemoryBytes - kOracleWindowOffset - kOracleWindowBytes);
    }
    enter(s);
    __asm__ volatile("" ::: "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "memory");
    s = current;
    s->pc = kOracleCode + 4 * (uint64_t)(s->signal == SIGILL ? undefined_at : r->words);
    s->far = 0;
    if (r->memory) memcpy(shared->window[position], memory + kOracleWindowOffset, kOracleWindowBytes);
  }
  setitimer(ITIMER_REAL, &off, NULL);
  __asm__ volatile("msr fpcr, xzr");
}

int main(void) {
  set_up();
  char letter = kOracleHello;
  while (write(1, &letter, 1) == 1 && read(0, &letter, 1) == 1 && letter == kOracleGo) {
    const OracleRequest* r = &shared->request;
    if (r->version != kOracleVersion || r->words == 0 || r->words > kOracleMaxWords || r->states > kOracleMaxStates) die("bad request");
    run_cases();
    letter = kOracleDone;
  }
  return 0;
}
