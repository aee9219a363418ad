/* The benchmark programs that run in a guest and, from the same source, on the host: one row a program.
 * A row's function does a fixed amount of work and returns a checksum of its results, the same on every machine. */
#ifndef FERRY_BENCH_GUEST_SUITE_H
#define FERRY_BENCH_GUEST_SUITE_H
#include <stdint.h>

typedef struct {
  const char *kind, *name;
  uint64_t (*run)(void);
} row;

extern const row integer_rows[], fp_rows[], crypto_rows[], memory_rows[], thread_rows[], system_rows[], code_rows[];

/* A fixed pseudo-random sequence (xorshift64*). */
static inline uint64_t next_random(uint64_t* s) {
  *s ^= *s >> 12, *s ^= *s << 25, *s ^= *s >> 27;
  return *s * 0x2545f4914f6cdd1dull;
}
static inline uint64_t mix(uint64_t sum, uint64_t v) { return (sum ^ v) * 0x100000001b3ull; }
/* Ends the program with a word: a benchmark that cannot run must not print a time. */
_Noreturn void give_up(const char* what);
double seconds_now(void);
/* Which form of the crypto rows runs on this processor, in words. */
const char* crypto_form(void);
#endif
