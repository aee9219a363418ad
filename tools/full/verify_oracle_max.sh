#!/bin/bash
# Baseline code and qemu-aarch64 -cpu max agree on 10 million random cases of every class
# order: 41
# Goes on where it was stopped, as long as the commit is the same. FERRY_BINARY: a ferry built before, with its oracles beside it.
set -e
if [ -z "$FERRY_BINARY" ]; then ./dev build ferry; FERRY_BINARY=build/ferry; fi
"$FERRY_BINARY" verify --against qemu --tier baseline --cpu max --cases 10000000 --states 256 \
  --progress "$FERRY_WORK/progress-$(git rev-parse --short HEAD).json" --counts "$FERRY_COUNTS"
