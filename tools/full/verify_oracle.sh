#!/bin/bash
# Baseline code and qemu-aarch64 -cpu cortex-a57 agree on 200,000 random sequences of every class, 256 states of each
# order: 40
# Goes on where it was stopped, as long as the commit is the same. FERRY_BINARY: a ferry built before, with its oracles beside it.
set -e
if [ -z "$FERRY_BINARY" ]; then ./dev build ferry; FERRY_BINARY=build/ferry; fi
"$FERRY_BINARY" verify --against qemu --tier baseline --cpu cortex-a57 --sequences 200000 --states 256 \
  --progress "$FERRY_WORK/progress-$(git rev-parse --short HEAD).json" --counts "$FERRY_COUNTS"
