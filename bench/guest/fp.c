/* Floating point and SIMD. Built without contraction, so that every machine gets the same bits. */
#include <math.h>
#include <string.h>

#include "suite.h"

static uint64_t bits_of(double d) {
  uint64_t u;
  memcpy(&u, &d, sizeof u);
  return u;
}

static uint64_t nbody(void) {
  enum { kBodies = 5 };
  double p[kBodies][3], v[kBodies][3];
  static const double mass[kBodies] = {39.47, 0.037, 0.011, 0.0017, 0.002};
  for (int i = 0; i < kBodies; ++i)
    for (int k = 0; k < 3; ++k) p[i][k] = i * (k + 1) * 1.7 - 2.0 * k, v[i][k] = 0.1 * (i - k);
  for (int step = 0; step < 300000; ++step) {
    for (int i = 0; i < kBodies; ++i)
      for (int j = i + 1; j < kBodies; ++j) {
        double d[3], square = 0.01;
        for (int k = 0; k < 3; ++k) d[k] = p[i][k] - p[j][k], square += d[k] * d[k];
        const double f = 0.001 / (square * sqrt(square));
        for (int k = 0; k < 3; ++k) v[i][k] -= d[k] * mass[j] * f, v[j][k] += d[k] * mass[i] * f;
      }
    for (int i = 0; i < kBodies; ++i)
      for (int k = 0; k < 3; ++k) p[i][k] += 0.001 * v[i][k];
  }
  uint64_t sum = 0;
  for (int i = 0; i < kBodies; ++i) sum = mix(sum, bits_of(p[i][0]));
  return sum;
}

static uint64_t matrix_double(void) {
  enum { kN = 160 };
  static double a[kN][kN], b[kN][kN], c[kN][kN];
  for (int i = 0; i < kN; ++i)
    for (int j = 0; j < kN; ++j) a[i][j] = 1.0 / (i + j + 1), b[i][j] = i - 0.5 * j;
  for (int round = 0; round < 10; ++round) {
    memset(c, 0, sizeof c);
    for (int i = 0; i < kN; ++i)
      for (int k = 0; k < kN; ++k)
        for (int j = 0; j < kN; ++j) c[i][j] += a[i][k] * b[k][j];
    a[round][round] = c[round][0] * 1e-6;
  }
  return mix(bits_of(c[1][2]), bits_of(c[kN - 1][kN - 1]));
}

static uint64_t mandelbrot(void) {
  uint64_t sum = 0;
  for (int y = 0; y < 300; ++y)
    for (int x = 0; x < 300; ++x) {
      const double cr = x / 150.0 - 1.5, ci = y / 150.0 - 1.0;
      double zr = 0, zi = 0;
      int n = 0;
      for (; n < 200 && zr * zr + zi * zi < 4; ++n) {
        const double t = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci, zr = t;
      }
      sum = mix(sum, (uint64_t)n);
    }
  return sum;
}

static uint64_t fft(void) {
  enum { kN = 4096 };
  static double re[kN], im[kN];
  uint64_t sum = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < kN; ++i) re[i] = (i * 37 + round) % 101 - 50, im[i] = 0;
    for (unsigned i = 1, j = 0; i < kN; ++i) {
      unsigned bit = kN >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j ^= bit;
      if (i < j) {
        const double t = re[i];
        re[i] = re[j], re[j] = t;
      }
    }
    for (int length = 2; length <= kN; length <<= 1) {
      /* the root by repeated half angles: only square roots, which are exact everywhere */
      double wr = -1, wi = 0;
      for (int l = 2; l < length; l <<= 1) {
        const double r = sqrt((1 + wr) / 2), i = sqrt((1 - wr) / 2);
        wr = r, wi = i;
      }
      for (int i = 0; i < kN; i += length) {
        double ur = 1, ui = 0;
        for (int k = 0; k < length / 2; ++k) {
          const int a = i + k, b = a + length / 2;
          const double vr = re[b] * ur - im[b] * ui, vi = re[b] * ui + im[b] * ur;
          re[b] = re[a] - vr, im[b] = im[a] - vi;
          re[a] += vr, im[a] += vi;
          const double t = ur * wr - ui * wi;
          ui = ur * wi + ui * wr, ur = t;
        }
      }
    }
    sum = mix(sum, bits_of(re[17])), sum = mix(sum, bits_of(im[1000]));
  }
  return sum;
}

static uint64_t saxpy(void) {
  enum { kN = 16384 };
  static float x[kN], y[kN];
  for (int i = 0; i < kN; ++i) x[i] = (float)(i % 97) * 0.25f, y[i] = (float)(i % 89);
  for (int round = 0; round < 4000; ++round) {
    const float a = (float)(round & 3) * 0.5f - 0.75f;
    for (int i = 0; i < kN; ++i) y[i] = y[i] * 0.5f + a * x[i];
  }
  uint64_t sum = 0;
  for (int i = 0; i < kN; i += 101) sum = mix(sum, bits_of(y[i]));
  return sum;
}

/* Integer lanes that compilers vectorize: 8-bit pictures blended. */
static uint64_t blend(void) {
  enum { kN = 1 << 16 };
  static uint8_t a[kN], b[kN], c[kN];
  for (int i = 0; i < kN; ++i) a[i] = (uint8_t)(i * 7), b[i] = (uint8_t)(i * 13 + 5);
  for (int round = 0; round < 800; ++round) {
    const unsigned t = (unsigned)round & 255;
    for (int i = 0; i < kN; ++i) c[i] = (uint8_t)((a[i] * t + b[i] * (255 - t)) >> 8);
    for (int i = 0; i < kN; ++i) a[i] = (uint8_t)(c[i] > b[i] ? c[i] - b[i] : b[i] - c[i]);
  }
  uint64_t sum = 0;
  for (int i = 0; i < kN; ++i) sum = mix(sum, c[i]);
  return sum;
}

const row fp_rows[] = {{"fp", "n-body", nbody},         {"fp", "matrix-double", matrix_double},
                       {"fp", "mandelbrot", mandelbrot}, {"fp", "fft", fft},
                       {"fp", "saxpy", saxpy},           {"fp", "blend", blend},
                       {0, 0, 0}};
