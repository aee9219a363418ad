/* Integer, floating and memory arithmetic whose result must not depend on the optimization level. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252ull;
static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static uint32_t crc(const uint8_t* p, size_t n) {
  uint32_t c = ~0u;
  while (n--) {
    c ^= *p++;
    for (int i = 0; i < 8; ++i) c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
  }
  return ~c;
}

static int compare(const void* a, const void* b) {
  const uint32_t x = *(const uint32_t*)a, y = *(const uint32_t*)b;
  return x < y ? -1 : x > y;
}

int main(void) {
  enum { N = 4096 };
  static uint32_t words[N];
  static uint8_t bytes[N];
  static int16_t halves[N];
  static float floats[N];
  static double doubles[N];
  for (int i = 0; i < N; ++i) {
    words[i] = (uint32_t)next();
    bytes[i] = (uint8_t)next();
    halves[i] = (int16_t)next();
    floats[i] = (float)(int32_t)next() / 65536.0f;
    doubles[i] = (double)(int64_t)next() / 1e9;
  }
  uint64_t sum = 0, wide = 0;
  int64_t signed_sum = 0;
  for (int i = 0; i < N; ++i) {
    sum += (uint64_t)words[i] * bytes[i] + (words[i] >> (bytes[i] & 31));
    wide ^= (uint64_t)(((unsigned __int128)next() * next()) >> 64);
    signed_sum += halves[i] * (int64_t)(int32_t)words[i] / (bytes[i] + 1);
  }
  printf("%llu %llu %lld %08x\n", (unsigned long long)sum, (unsigned long long)wide, (long long)signed_sum, crc(bytes, N));
  unsigned saturated = 0;
  for (int i = 0; i < N; ++i) {
    const int v = bytes[i] + halves[i] / 256;
    saturated += (unsigned)(v < 0 ? 0 : v > 255 ? 255 : v);
  }
  printf("%u\n", saturated);
  float a = 0;
  double b = 0;
  for (int i = 0; i < N; ++i) {
    const float product = floats[i] * 0.5f;
    a += product;
    const double root = sqrt(fabs(doubles[i]));
    b += root;
    b += floor(doubles[i] / 3) + (double)(int32_t)floats[i] + (double)lrint(fmod(doubles[i], 1000.0));
  }
  printf("%.9g %.17g\n", a, b);
  for (int i = 0; i < 8; ++i) printf("%.17g %.17g %.17g %.9g\n", sin(doubles[i]), exp(floats[i] / 40000), pow(fabs(doubles[i]), 0.3), atan2f(floats[i], floats[i + 1]));
  qsort(words, N, sizeof(*words), compare);
  printf("%08x %u %u\n", crc((const uint8_t*)words, sizeof(words)), words[0], words[N - 1]);
  memmove(bytes + 1, bytes, N - 1);
  char text[N];
  snprintf(text, sizeof(text), "%a %a %.40f %g", doubles[0], (double)floats[1], doubles[2], strtod("2.2250738585072011e-308", 0));
  printf("%08x %s\n", crc(bytes, N), text);
  return 0;
}
