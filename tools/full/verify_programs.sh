#!/bin/bash
# Random programs with loops, calls and pages that lie apart do in regions of LLVM's what they do interpreted, 20,000 of every class
# order: 45
# Goes on where it was stopped, as long as the commit is the same. FERRY_BINARY: a ferry built before.
set -e
if [ -z "$FERRY_BINARY" ]; then ./dev build ferry; FERRY_BINARY=build/ferry; fi
# In rounds, so that every class has had some when time is short; FERRY_SEQUENCES: no round beyond so many.
for sequences in 500 2000 8000 20000; do
  [ "$sequences" -le "${FERRY_SEQUENCES:-20000}" ] || break
  for tier in baseline llvm tiered; do
    counts=$FERRY_WORK/$tier.json
    [ "$tier" != tiered ] || counts=$FERRY_COUNTS
    few=$sequences
    [ "$tier" != llvm ] || few=$((sequences / 20))  # every block is a compilation
    "$FERRY_BINARY" verify --against interp --tier "$tier" --class loops,flow,programs --cpu max --sequences "$few" \
      --progress "$FERRY_WORK/progress-$tier-$(git rev-parse --short HEAD).json" --counts "$counts"
  done
done
