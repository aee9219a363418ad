#!/bin/bash
# Random instruction sequences of every class mean what the oracle says, and every tier does what the interpreter does
# order: 40
set -e
./dev build test_random
build/tests/test_random
[ -s "$FERRY_COUNTS" ]   # empty when no cross compiler or emulator was there to compare with
