#!/bin/bash
# FP, SIMD and crypto functions agree with real instructions run by an emulator, and with the host's arithmetic
# order: 45
set -e
./dev build test_cpu
build/tests/test_cpu "[oracle]"
[ -s "$FERRY_COUNTS" ]   # empty when no cross compiler or emulator was there to compare with
