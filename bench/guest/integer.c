/* Integer work: loops, branches, calls, tables, hashing, sorting. */
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static uint64_t crc32_table(void) {
  static uint32_t table[256];
  static uint8_t data[1 << 16];
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = c >> 1 ^ (0xedb88320u & -(c & 1));
    table[i] = c;
  }
  for (unsigned i = 0; i < sizeof data; ++i) data[i] = (uint8_t)(i * 31 + (i >> 8));
  uint32_t crc = ~0u;
  for (int round = 0; round < 400; ++round)
    for (unsigned i = 0; i < sizeof data; ++i) crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
  return crc;
}

static uint64_t sieve(void) {
  enum { kSize = 1 << 20 };
  static uint8_t composite[kSize];
  uint64_t sum = 0;
  for (int round = 0; round < 12; ++round) {
    memset(composite, 0, kSize);
    for (unsigned i = 2; i < kSize; ++i) {
      if (composite[i]) continue;
      sum += i;
      for (unsigned j = 2 * i; j < kSize; j += i) composite[j] = 1;
    }
  }
  return sum;
}

static void quick(uint32_t* a, long low, long high) {
  while (low < high) {
    const uint32_t pivot = a[(low + high) / 2];
    long i = low, j = high;
    while (i <= j) {
      while (a[i] < pivot) ++i;
      while (a[j] > pivot) --j;
      if (i <= j) {
        const uint32_t t = a[i];
        a[i++] = a[j], a[j--] = t;
      }
    }
    if (j - low < high - i) {
      quick(a, low, j), low = i;
    } else {
      quick(a, i, high), high = j;
    }
  }
}
static uint64_t sort(void) {
  enum { kCount = 400000 };
  static uint32_t a[kCount];
  uint64_t seed = 88172645463325252ull, sum = 0;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < kCount; ++i) a[i] = (uint32_t)next_random(&seed);
    quick(a, 0, kCount - 1);
    for (int i = 0; i < kCount; i += 997) sum = mix(sum, a[i]);
  }
  return sum;
}

static uint64_t hash_map(void) {
  enum { kSlots = 1 << 18 };
  static uint64_t keys[kSlots], values[kSlots];
  memset(keys, 0, sizeof keys);
  memset(values, 0, sizeof values);
  uint64_t seed = 7, sum = 0;
  for (int i = 0; i < 3000000; ++i) {
    const uint64_t key = next_random(&seed) % 150000 + 1;
    uint64_t at = key * 0x9e3779b97f4a7c15ull >> 46;
    while (keys[at] && keys[at] != key) at = (at + 1) & (kSlots - 1);
    keys[at] = key;
    values[at] += (uint64_t)i;
  }
  for (int i = 0; i < kSlots; ++i) sum = mix(sum, values[i]);
  return sum;
}

/* A register machine run by a switch: unpredictable indirect jumps. */
static uint64_t interpreter(void) {
  enum { kLoad, kAdd, kSub, kXor, kShl, kMul, kJnz, kHalt, kKinds };
  typedef struct { uint8_t op, a, b, c; } insn;
  static insn code[64];
  uint64_t seed = 99;
  for (int i = 0; i < 62; ++i) {
    const uint64_t r = next_random(&seed);
    code[i] = (insn){(uint8_t)(r % 6), (uint8_t)(1 + (r >> 8) % 7), (uint8_t)((r >> 16) & 7), (uint8_t)((r >> 24) & 7)};
  }
  code[62] = (insn){kJnz, 0, 0, 0};
  code[63] = (insn){kHalt, 0, 0, 0};
  uint64_t r[8] = {600000, 1, 2, 3, 4, 5, 6, 7};
  for (unsigned pc = 0;;) {
    const insn i = code[pc++];
    switch (i.op) {
      case kLoad: r[i.a] = (uint64_t)i.b << i.c; break;
      case kAdd: r[i.a] = r[i.b] + r[i.c]; break;
      case kSub: r[i.a] = r[i.b] - r[i.c]; break;
      case kXor: r[i.a] = r[i.b] ^ r[i.c]; break;
      case kShl: r[i.a] = r[i.b] << (r[i.c] & 7); break;
      case kMul: r[i.a] = r[i.b] * (r[i.c] | 1); break;
      case kJnz: if (--r[0]) pc = 0; break;
      default: return r[1] ^ r[2] ^ r[3] ^ r[4] ^ r[5] ^ r[6] ^ r[7];
    }
  }
}

static uint64_t f0(uint64_t x) { return x * 3 + 1; }
static uint64_t f1(uint64_t x) { return x ^ x >> 7; }
static uint64_t f2(uint64_t x) { return x + (x << 5); }
static uint64_t f3(uint64_t x) { return ~x; }
static uint64_t f4(uint64_t x) { return x - 12345; }
static uint64_t f5(uint64_t x) { return x << 3 | x >> 61; }
static uint64_t f6(uint64_t x) { return x & 1 ? x * 5 : x / 3; }
static uint64_t f7(uint64_t x) { return x | 0x10; }
static uint64_t indirect_calls(void) {
  static uint64_t (*volatile const table[8])(uint64_t) = {f0, f1, f2, f3, f4, f5, f6, f7};
  uint64_t x = 1, seed = 3;
  for (int i = 0; i < 20000000; ++i) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    x = table[seed >> 61](x);
  }
  return x;
}

static __attribute__((noinline)) uint64_t fibonacci(unsigned n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
static uint64_t recursion(void) { return fibonacci(35); }

static uint64_t matrix_integer(void) {
  enum { kN = 192 };
  static int32_t a[kN][kN], b[kN][kN], c[kN][kN];
  for (int i = 0; i < kN; ++i)
    for (int j = 0; j < kN; ++j) a[i][j] = i * 7 + j, b[i][j] = i - j * 3;
  uint64_t sum = 0;
  for (int round = 0; round < 8; ++round) {
    for (int i = 0; i < kN; ++i)
      for (int j = 0; j < kN; ++j) {
        uint32_t s = 0;
        for (int k = 0; k < kN; ++k) s += (uint32_t)a[i][k] * (uint32_t)b[k][j];
        c[i][j] = (int32_t)s;
      }
    a[round][round] += c[round][1];
    sum = mix(sum, (uint32_t)c[round * 3][round * 5]);
  }
  return sum;
}

static uint32_t rotate(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }
static uint64_t sha256(void) {
  static uint32_t k[64];
  for (uint32_t i = 0; i < 64; ++i) k[i] = 0x428a2f98u * (i + 1) ^ i << 20;
  uint32_t h[8] = {1, 2, 3, 4, 5, 6, 7, 8}, w[64];
  for (uint32_t block = 0; block < 120000; ++block) {
    for (uint32_t i = 0; i < 16; ++i) w[i] = block * 16 + i;
    for (int i = 16; i < 64; ++i) {
      const uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
      const uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t v[8];
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 64; ++i) {
      const uint32_t t1 = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
                          ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
      const uint32_t t2 = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
                          ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
      memmove(v + 1, v, 7 * sizeof *v);
      v[4] += t1, v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; ++i) h[i] += v[i];
  }
  uint64_t sum = 0;
  for (int i = 0; i < 8; ++i) sum = mix(sum, h[i]);
  return sum;
}

/* Greedy back references over a text of few symbols. */
static uint64_t compress(void) {
  enum { kSize = 1 << 20 };
  static uint8_t text[kSize];
  static uint32_t last[1 << 14];
  uint64_t seed = 5, sum = 0;
  for (int i = 0; i < kSize; ++i) text[i] = i > 64 && next_random(&seed) % 8 ? text[i - 1 - (int)(seed % 61)] : (uint8_t)(seed & 15);
  for (int round = 0; round < 8; ++round) {
    memset(last, 0, sizeof last);
    for (uint32_t i = 0; i + 8 < kSize;) {
      const uint32_t key = (uint32_t)(text[i] | text[i + 1] << 8 | text[i + 2] << 16) * 2654435761u >> 18;
      const uint32_t before = last[key];
      last[key] = i;
      uint32_t length = 0;
      if (before < i && before) while (length < 255 && i + length < kSize && text[before + length] == text[i + length]) ++length;
      sum = mix(sum, length > 3 ? (uint64_t)(i - before) << 8 | length : text[i]);
      i += length > 3 ? length : 1;
    }
  }
  return sum;
}

static uint64_t branchy(void) {
  uint64_t sum = 0;
  for (uint64_t start = 1; start < 400000; ++start)
    for (uint64_t n = start; n != 1; n = n & 1 ? 3 * n + 1 : n / 2) ++sum;
  return sum;
}

static uint64_t strings(void) {
  enum { kSize = 1 << 16 };
  static char text[kSize + 1];
  uint64_t seed = 11, sum = 0;
  for (int i = 0; i < kSize; ++i) text[i] = (char)('a' + next_random(&seed) % 3);
  static const char* const words[] = {"abcabcabca", "bbbbbbbbbb", "cabbacabba", "aaacccbbba"};
  for (int round = 0; round < 100; ++round)
    for (int w = 0; w < 4; ++w)
      for (const char* at = text; (at = strstr(at, words[w])) != NULL; ++at) sum = mix(sum, (uint64_t)(at - text));
  return sum;
}

const row integer_rows[] = {
    {"integer", "crc32-table", crc32_table}, {"integer", "sieve", sieve},
    {"integer", "sort", sort},               {"integer", "hash-map", hash_map},
    {"integer", "interpreter", interpreter}, {"integer", "indirect-calls", indirect_calls},
    {"integer", "recursion", recursion},     {"integer", "matrix-integer", matrix_integer},
    {"integer", "sha256", sha256},           {"integer", "compress", compress},
    {"integer", "branchy", branchy},         {"integer", "strings", strings},
    {0, 0, 0}};
