#!/bin/bash
# LLVM code does what the interpreter does on 20,000 random sequences of every class and 256 states of each, a million distinct words
# order: 43
# Goes on where it was stopped, as long as the commit is the same. FERRY_BINARY: a ferry built before, with its oracles beside it.
set -e
if [ -z "$FERRY_BINARY" ]; then ./dev build ferry; FERRY_BINARY=build/ferry; fi
# In rounds, so that every class has had some when time is short; FERRY_SEQUENCES: no round beyond so many.
for sequences in 500 1000 2000 4000 8000 20000; do
  [ "$sequences" -le "${FERRY_SEQUENCES:-20000}" ] || break
  "$FERRY_BINARY" verify --against interp --tier llvm --cpu max --sequences "$sequences" --states 256 --length 13 \
    --progress "$FERRY_WORK/progress-$(git rev-parse --short HEAD).json" --counts "$FERRY_COUNTS"
done
