/* Code itself: written at run time, and met for the first time. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "suite.h"

/* Writes a function that returns a constant, makes it visible, calls it. */
static unsigned write_function(uint32_t* at, uint32_t value) {
#if defined(__aarch64__)
  at[0] = 0x52800000u | (value & 0xffff) << 5;       /* mov w0, #low */
  at[1] = 0x72a00000u | (value >> 16 & 0xffff) << 5; /* movk w0, #high, lsl #16 */
  at[2] = 0xd65f03c0u;                               /* ret */
  return 12;
#elif defined(__x86_64__)
  uint8_t* p = (uint8_t*)at;
  p[0] = 0xb8; /* mov eax, value */
  for (int i = 0; i < 4; ++i) p[1 + i] = (uint8_t)(value >> 8 * i);
  p[5] = 0xc3; /* ret */
  return 6;
#else
#error "no code for this processor"
#endif
}
static uint64_t written_code(void) {
  uint32_t* page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) give_up("mmap");
  uint64_t sum = 0;
  for (uint32_t i = 0; i < 30000; ++i) {
    uint32_t* at = page + (i % 32) * 16;
    const unsigned size = write_function(at, i * 2654435761u);
    __builtin___clear_cache((char*)at, (char*)at + size);
    sum = mix(sum, ((uint32_t(*)(void))(void*)at)());
  }
  munmap(page, 4096);
  return sum;
}

/* 4,096 functions of about 50 instructions each, every one called once. */
#define F(n)                                                             \
  static __attribute__((noinline)) uint64_t cold_##n(uint64_t a, uint64_t b) { \
    uint64_t c = a * (0x##n##u + 3) + b, d = b ^ (a << (0x##n##u % 31 + 1));   \
    if (c & 1) d += 0x##n##u * 17u; else c ^= d >> 3;                      \
    for (unsigned i = 0; i < (0x##n##u & 1) + 1; ++i) c = c * 5 + d, d = (d << 7 | d >> 57) - c; \
    a = c ^ (d & 0xff00ff00ff00ff00ull), b = (c >> 9) + d * 9;            \
    if (a > b) return a - b + c; else if (b & 4) return b * 3 - d;       \
    return (a | b) ^ (c + 0x##n##u);                                       \
  }
#define F16(n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7) F(n##8) F(n##9) F(n##a) F(n##b) F(n##c) F(n##d) F(n##e) F(n##f)
#define F256(n) F16(n##0) F16(n##1) F16(n##2) F16(n##3) F16(n##4) F16(n##5) F16(n##6) F16(n##7) F16(n##8) F16(n##9) F16(n##a) F16(n##b) F16(n##c) F16(n##d) F16(n##e) F16(n##f)
#define F4096 F256(1) F256(2) F256(3) F256(4) F256(5) F256(6) F256(7) F256(8) F256(9) F256(a) F256(b) F256(c) F256(d) F256(e) F256(f) F256(10)
F4096
#undef F
#define F(n) cold_##n,
static uint64_t (*const cold_functions[])(uint64_t, uint64_t) = {F4096};
#undef F
static uint64_t all_functions(unsigned rounds) {
  uint64_t sum = 1;
  for (unsigned round = 0; round < rounds; ++round)
    for (unsigned i = 0; i < sizeof cold_functions / sizeof *cold_functions; ++i) sum = mix(sum, cold_functions[i](sum, i));
  return sum;
}
static uint64_t cold_code(void) { return all_functions(1); }
static uint64_t big_footprint(void) { return all_functions(60); }

const row code_rows[] = {{"code", "cold-code", cold_code},
                         {"code", "big-footprint", big_footprint},
                         {"code", "written-code", written_code},
                         {0, 0, 0}};
