#!/bin/bash
# Baseline code does what the interpreter does on 100 million random cases
# order: 42
# Goes on where it was stopped, as long as the commit is the same. FERRY_BINARY: a ferry built before, with its oracles beside it.
set -e
if [ -z "$FERRY_BINARY" ]; then ./dev build ferry; FERRY_BINARY=build/ferry; fi
# In rounds, so that every class has had some when time is short; FERRY_CASES: no round beyond so many.
for cases in 1000000 4200000 8400000; do
  [ "$cases" -le "${FERRY_CASES:-8400000}" ] || break
  "$FERRY_BINARY" verify --against interp --tier baseline --cpu max --cases "$cases" --states 512 \
    --progress "$FERRY_WORK/progress-$(git rev-parse --short HEAD).json" --counts "$FERRY_COUNTS"
done
