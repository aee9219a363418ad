/* usage: suite [-n RUNS] [-t SECONDS] [-l] [-w] [NAME...]     prints "row KIND NAME FIRST_SECONDS BEST_SECONDS CHECKSUM" a program
 * -t: no further run of a program once its runs took so long together; -l: the names; -w: which form of the crypto rows runs here */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "suite.h"

static const row* const tables[] = {integer_rows, fp_rows, crypto_rows, memory_rows, thread_rows, system_rows, code_rows};

void give_up(const char* what) {
  perror(what);
  exit(1);
}
double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int wanted(const row* r, char** names, int count) {
  for (int i = 0; i < count; ++i)
    if (strcmp(names[i], r->name) == 0 || strcmp(names[i], r->kind) == 0) return 1;
  return count == 0;
}

static void measure(const row* r, int runs, double limit) {
  double first = 0, best = 0, all = 0;
  uint64_t sum = 0;
  for (int i = 0; i < runs && (i == 0 || all < limit); ++i) {
    const double start = seconds_now();
    const uint64_t this_sum = r->run();
    const double took = seconds_now() - start;
    all += took;
    if (i == 0) first = best = took, sum = this_sum;
    if (took < best) best = took;
    if (this_sum != sum) {
      printf("row %s %s differs between two runs\n", r->kind, r->name);
      return;
    }
  }
  printf("row %s %s %.6f %.6f %016llx\n", r->kind, r->name, first, best, (unsigned long long)sum);
  fflush(stdout);
}

int main(int argc, char** argv) {
  int runs = 3, at = 1, list = 0;
  double limit = 1e9;
  if (argc > 1 && strcmp(argv[1], "--exec") == 0) return 0; /* what the fork+exec row starts */
  for (; at < argc && argv[at][0] == '-'; ++at) {
    if (strcmp(argv[at], "-n") == 0 && at + 1 < argc) runs = atoi(argv[++at]);
    if (strcmp(argv[at], "-t") == 0 && at + 1 < argc) limit = atof(argv[++at]);
    if (strcmp(argv[at], "-l") == 0) list = 1;
    if (strcmp(argv[at], "-w") == 0) return puts(crypto_form()) < 0;
  }
  for (unsigned t = 0; t < sizeof tables / sizeof *tables; ++t)
    for (const row* r = tables[t]; r->name; ++r) {
      if (!wanted(r, argv + at, argc - at)) continue;
      if (list)
        printf("%s %s\n", r->kind, r->name);
      else
        measure(r, runs < 1 ? 1 : runs, limit);
    }
  return 0;
}
