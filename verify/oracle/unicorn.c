/* The oracle on Unicorn (protocol.h): runs the cases at EL0's registers of an emulated AArch64 processor.
 * usage: ferry-oracle-unicorn MODEL. Unicorn is under the GPL: this program is never linked to ferry, which only talks to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unicorn/unicorn.h>
#include <unistd.h>

#include "protocol.h"

enum { kPage = 4096, kRegisters = 31 + 32 + 5 };
static const uint32_t kBrk = 0xd42001e0;
static OracleShared* shared;
static uc_engine* uc;
static uint32_t signal_of_case;

static void die(const char* why, uc_err error) {
  fprintf(stderr, "oracle: %s: %s\n", why, error == UC_ERR_OK ? "" : uc_strerror(error));
  exit(1);
}
static void need(const char* what, uc_err error) {
  if (error != UC_ERR_OK) die(what, error);
}

/* Exception numbers of the emulated processor: 1 undefined, 4 data abort, 7 BRK. */
static void on_exception(uc_engine* engine, uint32_t number, void* unused) {
  (void)unused;
  signal_of_case = number == 1 ? kOracleSigill : number == 4 ? kOracleSigsegv : kOracleSigtrap;
  uc_emu_stop(engine);
}

static bool on_bad_memory(uc_engine* engine, uc_mem_type type, uint64_t address, int size, int64_t value, void* unused) {
  (void)engine, (void)size, (void)value, (void)unused;
  (void)address;
  signal_of_case = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT ? kOracleSigtrap : kOracleSigsegv;
  return false;
}

static int ids[kRegisters];
static void* places[kRegisters];

/* One call reads or writes all registers: general, vector, then the rest. */
static void set_ids(void) {
  int n = 0;
  for (int i = 0; i < 29; ++i) ids[n++] = UC_ARM64_REG_X0 + i;
  ids[n++] = UC_ARM64_REG_X29;
  ids[n++] = UC_ARM64_REG_X30;
  for (int i = 0; i < 32; ++i) ids[n++] = UC_ARM64_REG_Q0 + i;
  ids[n++] = UC_ARM64_REG_SP;
  ids[n++] = UC_ARM64_REG_PC;
  ids[n++] = UC_ARM64_REG_NZCV;
  ids[n++] = UC_ARM64_REG_FPCR;
  ids[n++] = UC_ARM64_REG_FPSR;
}

static uint64_t nzcv, fpcr, fpsr;
static void set_places(OracleState* s) {
  int n = 0;
  for (int i = 0; i < 31; ++i) places[n++] = &s->x[i];
  for (int i = 0; i < 32; ++i) places[n++] = s->v[i];
  places[n++] = &s->sp;
  places[n++] = &s->pc;
  places[n++] = &nzcv;
  places[n++] = &fpcr;
  places[n++] = &fpsr;
}

static uc_cpu_arm64 model_of(const char* name) {
  if (strcmp(name, "cortex-a53") == 0) return UC_CPU_ARM64_A53;
  if (strcmp(name, "cortex-a72") == 0) return UC_CPU_ARM64_A72;
  return strcmp(name, "max") == 0 ? UC_CPU_ARM64_MAX : UC_CPU_ARM64_A57;
}

static void set_up(const char* model) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0);
  if (shared == MAP_FAILED) die("no shared file: it is for `ferry verify` to start", UC_ERR_OK);
  need("no emulator", uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &uc));
  need("no such model", uc_ctl_set_cpu_model(uc, model_of(model)));
  need("no code page", uc_mem_map(uc, kOracleCodePage, kPage, UC_PROT_READ | UC_PROT_EXEC));
  need("no memory", uc_mem_map(uc, kOracleMemory, kOracleMemoryBytes, UC_PROT_READ | UC_PROT_WRITE));
  for (uint64_t at = 0; at < kPage; at += 4) need("no code", uc_mem_write(uc, kOracleCodePage + at, &kBrk, 4));
  uc_hook hook;
  need("no hook", uc_hook_add(uc, &hook, UC_HOOK_INTR, (void*)on_exception, NULL, 1, 0));
  need("no hook", uc_hook_add(uc, &hook, UC_HOOK_MEM_INVALID, (void*)on_bad_memory, NULL, 1, 0));
  /* CPACR_EL1.FPEN: FP and SIMD do not trap. */
  uint64_t enabled = 3u << 20;
  need("no FP", uc_reg_write(uc, UC_ARM64_REG_CPACR_EL1, &enabled));
  set_ids();
}

static void place(const OracleRequest* r) {
  uint32_t code[kOracleMaxWords + 1];
  for (unsigned i = 0; i <= kOracleMaxWords; ++i) code[i] = i < r->words ? r->word[i] : kBrk;
  need("no code", uc_mem_write(uc, kOracleCode, code, sizeof code));
  need("no cache to drop", uc_ctl_remove_cache(uc, kOracleCodePage, kOracleCodePage + kPage));
}

static void run_case(const OracleRequest* r, OracleState* s, uint8_t* window) {
  static const uint8_t zeroes[kOracleMemoryBytes];
  if (r->memory) {
    need("no memory", uc_mem_write(uc, kOracleMemory, zeroes, kOracleMemoryBytes));
    need("no memory", uc_mem_write(uc, kOracleMemory + kOracleWindowOffset, window, kOracleWindowBytes));
  }
  const uint64_t end = kOracleCode + 4 * (uint64_t)r->words;
  s->pc = kOracleCode;
  nzcv = s->nzcv;
  fpcr = s->fpcr;
  fpsr = s->fpsr;
  set_places(s);
  need("no registers", uc_reg_write_batch(uc, ids, places, kRegisters));
  signal_of_case = 0;
  const uc_err error = uc_emu_start(uc, kOracleCode, end, 1000000, 0);
  need("no registers", uc_reg_read_batch(uc, ids, places, kRegisters));
  s->nzcv = (uint32_t)nzcv;
  s->fpcr = (uint32_t)fpcr;
  s->fpsr = (uint32_t)fpsr;
  if (signal_of_case == 0) {
    if (error == UC_ERR_OK) signal_of_case = s->pc == end ? kOracleSigtrap : kOracleSigalrm;
    else if (error == UC_ERR_INSN_INVALID || error == UC_ERR_EXCEPTION) signal_of_case = kOracleSigill;
    else signal_of_case = kOracleSigsegv;
  }
  s->signal = signal_of_case;
  if (r->memory) need("no memory", uc_mem_read(uc, kOracleMemory + kOracleWindowOffset, window, kOracleWindowBytes));
}

int main(int argc, char** argv) {
  set_up(argc > 1 ? argv[1] : "cortex-a57");
  char letter = kOracleHelloInexact;
  while (write(1, &letter, 1) == 1 && read(0, &letter, 1) == 1 && letter == kOracleGo) {
    const OracleRequest* r = &shared->request;
    if (r->version != kOracleVersion || r->words == 0 || r->words > kOracleMaxWords || r->states > kOracleMaxStates) die("bad request", UC_ERR_OK);
    place(r);
    for (unsigned i = 0; i < r->states; ++i) run_case(r, &shared->state[i], shared->window[i]);
    letter = kOracleDone;
  }
  uc_close(uc);
  return 0;
}
