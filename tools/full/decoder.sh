#!/bin/bash
# Every one of the 2^32 instruction words is allocated or UNDEFINED as LLVM says, with every difference explained
# order: 42
set -e
./dev build decoder_map
objdump=$(command -v aarch64-linux-gnu-objdump || true)
emulator=$(command -v qemu-aarch64 || true)
build/tests/decoder_map --full --threads "$FERRY_JOBS" --seed "$FERRY_SEED" --explained tests/frontend/map/explained.txt \
  ${objdump:+--objdump "$objdump"} ${emulator:+--sigill "$emulator -cpu max build/tests/sigill"} --counts "$FERRY_COUNTS" --state "$FERRY_WORK"
